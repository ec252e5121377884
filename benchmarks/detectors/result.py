"""What a run of `bench detectors` found out, JSON-plain."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...schema import Record
from ...tools.detectors import Calibration
from ..metrics import PixelMetrics
from ..worst_cases import Case


class PictureScore(Record):
    """What a detector said of one picture."""

    name: str
    kind: str
    """Of its defects; empty where it has none."""
    score: float
    pixel_auroc: float | None
    """Of its own pixels; None without a defect among those that are scored, and where it is everywhere."""
    seconds: float
    """That looking at it took: of a batch, its share."""


class ClassScore(Record):
    """What a detector is worth on one kind of defects."""

    kind: str
    pictures: int
    pixel_auroc: float | None
    """Mean over the pictures of the AUROC of the pixels of each."""
    pooled: PixelMetrics | None
    """Of the pixels of all of them together, beside those of the good pictures; None as above."""
    image_auroc: float | None
    """Of the scores of the pictures against those of the good ones; None where no good one is tested."""
    hits: float | None
    """Share of the pictures above the threshold; None without a threshold."""


class CategoryScore(Record):
    """What one detector is worth on one category."""

    category: str
    detector: str
    """As the run calls it."""
    learned: int
    """Normal pictures that it learned from."""
    pairs: bool
    """Whether these are anew, before each tested picture, the one that is aligned with it."""
    good: int
    """Good pictures that were tested."""
    classes: list[ClassScore]
    """By kind of defects."""
    calibration: Calibration | None
    """None where there were too few normal pictures."""
    false_alarms: float | None
    """Share of the tested good pictures above the threshold."""
    pictures: list[PictureScore]
    seconds: float
    """That looking at a picture took, the median; reading files is not counted."""
    worst: list[Case]
    notes: list[str]
    """What a detector wants people to know."""
    problems: list[str]
    """One line for each file that could not be used."""
    inputs: str
    """SHA-256 of the settings, and of the names, sizes and times of all files that were read."""

    def mean(self, of: Callable[[ClassScore], float | None]) -> float | None:
        """The mean of a number over the kinds of defects; None where one of them lacks it."""
        return mean(of(one) for one in self.classes)


class DetectorBench(Record):
    """What detectors are worth on the pictures of a folder."""

    version: str
    """Of LogiSight."""
    data: str
    """Name of the folder."""
    seed: int
    crop: float
    """Share of each side, at both of its ends, whose pixels are not scored."""
    detectors: dict[str, str]
    """What the run calls a detector -> how it was asked for."""
    categories: list[str]
    scores: list[CategoryScore]
    sheets: dict[str, str]
    """Category -> its contact sheet, a file in the folder of the results."""
    skipped: list[str]
    """One line for each category that could not be scored."""

    def of(self, category: str) -> list[CategoryScore]:
        """The scores of all detectors on a category."""
        return [one for one in self.scores if one.category == category]

    def left_out(self, category: str) -> list[str]:
        """One line for each problem of a category, whoever met it, each once."""
        return list(dict.fromkeys(line for one in self.of(category) for line in one.problems))

    @property
    def whole(self) -> bool:
        """Whether nothing was left out."""
        return not self.skipped and not any(one.problems for one in self.scores)


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of numbers; None where one is missing, or all are.

    >>> mean([0.5, 1.0])
    0.75
    >>> mean([0.5, None]) is None
    True
    """
    every = list(values)
    known = [value for value in every if value is not None]
    return sum(known) / len(known) if known and len(known) == len(every) else None
