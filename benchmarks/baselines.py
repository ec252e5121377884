"""What an inspection must beat, and the maps that detectors make of a test set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from ..schema import DatasetError, PictureError
from ..tools.detectors import Detector
from ..tools.samples import Sample, read_sample
from .loco import LocoCategory
from .maps import ScoredPicture

BASELINES: Final = ("always-normal", "patch-distance")
"""Detectors that need nothing, and that a number must beat."""


class DetectorMaps:
    """The maps that a detector makes of one category, each when it is asked for."""

    def __init__(
        self, detector: Detector, category: LocoCategory, on_learned: Callable[[], None] = lambda: None
    ) -> None:
        """`on_learned` is told of each picture that is learned from."""
        self._detector = detector
        self._category = category
        self._on_learned = on_learned
        self.problems: list[str] = []
        """One line for each picture that cannot be used; complete when `pictures` has ended."""

    def pictures(self) -> Iterator[ScoredPicture]:
        """Learn from `train/good`, then the maps beside their ground truth.

        Raises:
            DetectorError: There is no good picture to learn from.
        """
        self._detector.fit(self._good())
        for picture in self._category.select("test"):
            try:
                sample = read_sample(picture.path, self._category.name)
                defects = self._category.defects(picture)
            except (PictureError, DatasetError) as error:
                self.problems.append(str(error))
            else:
                (anomaly,) = self._detector.predict([sample])
                yield ScoredPicture(anomaly.scores, defects, picture.group, picture.name)

    def _good(self) -> Iterator[Sample]:
        for picture in self._category.select("train"):
            self._on_learned()
            try:
                yield read_sample(picture.path, self._category.name)
            except PictureError as error:
                self.problems.append(str(error))

    def files(self) -> list[Path]:
        """The pictures that are learned from."""
        return [picture.path for picture in self._category.select("train")]

    def count(self) -> int:
        """How many maps there are."""
        return len(self._category.select("test"))
