"""From scores to decisions, with normal pictures alone.

A score is compared with those of normal pictures that the detector did not learn from. With n of them, the
threshold for a false alarm rate a is the k-th smallest score, k = ceil((n + 1) (1 - a)): a new normal picture
lies above it with a probability of at most a (split conformal prediction; Vovk, Gammerman and Shafer,
"Algorithmic Learning in a Random World", 2005; Lei et al., JASA 113, 2018). Where n < 1 / a - 1 there is no
such score. Then it is the largest one and, on top, what lies between it and the median: this rule has no
guarantee behind it but that of the largest one, 1 / (n + 1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from pydantic import Field

from ...schema import DetectorError, Record
from ..samples import Sample

if TYPE_CHECKING:
    from .detector import AnomalyMap, Detector

FALSE_ALARMS: Final = 0.05
"""Share of normal pictures that may lie above the threshold."""


class Line(Record):
    """A threshold, and what distances to it are measured in."""

    threshold: float
    unit: float = Field(gt=0)
    """From the median of the normal scores to the threshold."""

    def decide(self, score: float) -> float:
        """0 to 1, 0.5 at the threshold: the logistic of the distance to it, in units."""
        return 1 / (1 + math.exp(min(700.0, max(-700.0, (self.threshold - score) / self.unit))))


class Calibration(Record):
    """What the scores of one detector mean."""

    normal: int = Field(ge=1)
    """Normal pictures that it rests on."""
    false_alarms: float = Field(gt=0, lt=1)
    """The rate that was asked for."""
    picture: Line
    """Of scores of pictures."""
    pixel: Line
    """Of scores of pixels: what the largest one of a normal picture stays below."""

    @property
    def bound(self) -> float:
        """The rate of false alarms on pictures that is not exceeded, where they are like the ones seen."""
        return max(self.false_alarms, 1 / (self.normal + 1))

    def decide(self, anomaly: AnomalyMap) -> float:
        """How anomalous a picture is, 0 to 1; 0.5 is the decision line."""
        return self.picture.decide(anomaly.score)


def prepare(detector: Detector, normal: Sequence[Sample], false_alarms: float = FALSE_ALARMS) -> Calibration:
    """Have a detector learn, and calibrate it, from normal pictures, each read when it is asked for.

    One that learns takes every second picture for that, and is calibrated on the others.

    Raises:
        DetectorError: There are too few pictures, or one cannot be looked at.
    """
    if not detector.learns:
        return calibrate(detector, normal, false_alarms)
    if len(normal) < 2:
        raise DetectorError(
            f"{detector.name}: one normal picture to learn from and another to calibrate it on are needed at "
            f"least, but there are {len(normal)}"
        )
    # A threshold needs more pictures than a memory of patches does, so an odd one is the threshold's.
    detector.fit(normal[1::2])
    return calibrate(detector, normal[::2], false_alarms)


def calibrate(
    detector: Detector, samples: Iterable[Sample], false_alarms: float = FALSE_ALARMS
) -> Calibration:
    """What the scores of a detector mean, from normal pictures that it did not learn from; it keeps it.

    Raises:
        DetectorError: There is no picture, or it cannot be looked at.
    """
    scores, peaks = [], []
    for anomaly in detector.predict(samples):
        scores.append(anomaly.score)
        peaks.append(float(anomaly.scores.max()))
    if not scores:
        raise DetectorError(f"{detector.name}: there is no normal picture to calibrate it on")
    detector.calibration = Calibration(
        normal=len(scores),
        false_alarms=false_alarms,
        picture=line_of(scores, false_alarms),
        pixel=line_of(peaks, false_alarms),
    )
    return detector.calibration


def line_of(normal: Iterable[float], false_alarms: float) -> Line:
    """The threshold for normal scores, at least one, by the rule above.

    >>> line_of([float(n) for n in range(1, 100)], 0.05)
    Line(threshold=95.0, unit=45.0)
    >>> line_of([1.0, 2.0, 4.0], 0.05)
    Line(threshold=6.0, unit=4.0)
    """
    scores = np.sort(np.fromiter(normal, np.float64))
    median, largest = float(np.median(scores)), float(scores[-1])
    # Ten digits of (n + 1) (1 - a): 100 * 0.95 must not become 95.00000000000001.
    place = math.ceil(round((len(scores) + 1) * (1 - false_alarms), 10))
    threshold = float(scores[place - 1]) if place <= len(scores) else largest + (largest - median)
    least = 1e-6 * max(abs(threshold), 1e-6)
    return Line(threshold=threshold, unit=max(threshold - median, least))
