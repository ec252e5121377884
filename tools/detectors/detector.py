"""What every detector is: options in, anomaly maps out, in batches that fit into memory."""

from __future__ import annotations

import itertools
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from ...schema import DetectorError, Record
from ..samples import Sample
from .calibration import Calibration

Scores = NDArray[np.float32]


class DetectorOptions(Record):
    """What every detector can be told."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    batch: int = Field(default=8, ge=1)
    """Pictures that are looked at together; fewer where memory does not suffice."""
    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`; `auto` is the GPU where there is one. Detectors without torch use the CPU."""
    seed: int = 0
    """The same seed gives the same maps."""


@dataclass(frozen=True, eq=False)
class AnomalyMap:
    """How anomalous each pixel of a picture is."""

    scores: Scores = field(repr=False)
    """(height, width) of the picture, finite; larger is more anomalous."""
    score: float
    """Of the picture."""
    detector: str
    """Its name, with that of its backbone."""
    notes: tuple[str, ...] = ()
    """One line for each thing that a person should know of, such as a batch that had to be smaller."""


class Detector(ABC):
    """An eye for defects. Where it `learns`, `fit` comes before `predict`."""

    kind: ClassVar[str]
    """What it is called on the command line and in files."""
    summary: ClassVar[str]
    """What it does, in one line."""
    Options: ClassVar[type[DetectorOptions]] = DetectorOptions
    learns: ClassVar[bool] = False
    """Whether `fit` looks at pictures."""

    def __init__(self, options: DetectorOptions) -> None:
        self.options = options
        self.calibration: Calibration | None = None
        """What its scores mean, once it was calibrated on normal pictures."""
        self._batch = options.batch

    @property
    def name(self) -> str:
        """What maps and reports call it; with the backbone where it has one."""
        return self.kind

    @classmethod
    def missing(cls, options: DetectorOptions) -> str:  # noqa: ARG003  (others look at them)
        """What it needs that is not here, in one line with the remedy; empty where it is ready."""
        return ""

    def fit(self, samples: Iterable[Sample]) -> None:  # noqa: B027  (most have nothing to learn)
        """Learn from normal pictures. Where there is nothing to learn, none is read.

        Raises:
            DetectorError: There is none.
        """

    def predict(self, samples: Iterable[Sample]) -> Iterator[AnomalyMap]:
        """One map for each, in order; `options.batch` of them are in work at a time.

        A batch for which memory does not suffice is halved until it does, and the maps say so.

        Raises:
            DetectorError: A Sample cannot be looked at, or memory does not suffice for one.
        """
        left = iter(samples)
        while some := list(itertools.islice(left, self._batch)):
            yield from self._predict(some)

    @abstractmethod
    def look(self, samples: Sequence[Sample]) -> list[tuple[Scores, float]]:
        """One batch: for each the map, (height, width) of its picture, and the score of the picture.

        Raises:
            DetectorError: A Sample cannot be looked at.
        """

    def tensors(self) -> Mapping[str, NDArray[Any]]:
        """What was learned, to be kept in a file."""
        return {}

    def restore(self, tensors: Mapping[str, NDArray[Any]]) -> None:  # noqa: B027
        """Take back what was learned.

        Raises:
            DetectorError: It is not what this detector keeps.
        """

    def _predict(self, samples: Sequence[Sample]) -> Iterator[AnomalyMap]:
        notes: tuple[str, ...] = ()
        start = 0
        while start < len(samples):
            batch = samples[start : start + self._batch]
            try:
                looks = self.look(batch)
            except Exception as error:
                if not _is_out_of_memory(error):
                    raise
                notes = (self._smaller(len(batch)),)
                continue
            start += len(batch)
            for sample, (scores, score) in zip(batch, looks, strict=True):
                yield AnomalyMap(_checked(scores, sample, self.name), float(score), self.name, notes)

    def _smaller(self, size: int) -> str:
        """Halve the batch, for all that follows, and say so."""
        if size == 1:
            raise DetectorError(
                f"{self.name}: not enough memory on {self.options.device} for one picture; free some, choose "
                "a smaller backbone, or --device cpu"
            ) from None
        self._batch = size // 2
        return f"not enough memory for {size} pictures at once; looked at {self._batch} at a time"


def _checked(scores: Scores, sample: Sample, name: str) -> Scores:
    shape = next(iter(sample.pictures.values())).shape[:2]
    if scores.shape != shape:
        raise DetectorError(f"{name}: its map is {scores.shape}, but the picture {shape}")
    if not np.isfinite(scores).all():
        raise DetectorError(f"{name}: its map has values that are not finite; are its weights damaged?")
    return scores


def _is_out_of_memory(error: Exception) -> bool:
    """Whether this is torch's or Python's; where torch is not loaded, it was not torch's."""
    torch = sys.modules.get("torch")
    return isinstance(error, MemoryError) or bool(torch and isinstance(error, torch.OutOfMemoryError))
