"""Where on a picture a detector sees something: its map as regions that a person can be shown."""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry import outlines
from ...schema import Box
from .detector import Scores

SHARE_OF_PEAK: Final = 0.8
"""Of the way from the median to the peak: what belongs to the peak of a map that nowhere reaches its line."""
MOST: Final = 5
"""Regions that are told of, those of the highest peaks first."""

Mask = NDArray[np.bool_]


class Region(NamedTuple):
    """One connected region of an anomaly map."""

    mask: Mask
    """(height, width) of the picture."""
    box: Box
    peak: float
    """The highest score in it."""

    @property
    def outline(self) -> list[list[tuple[float, float]]]:
        """Closed polygons, (x, y) in pixels."""
        return outlines(self.mask)


def regions_of(scores: Scores, threshold: float, least: int = 1) -> list[Region]:
    """The 8-connected regions above a threshold, those of the highest peaks first, `MOST` of them.

    A region of fewer than `least` pixels is left out. Where nothing lies above the threshold, it is the one
    around the peak; none where the map is flat.
    """
    found = _above(scores, threshold, least)
    if found:
        return found
    median, peak = float(np.median(scores)), float(scores.max())
    return _above(scores, median + SHARE_OF_PEAK * (peak - median), 1)[:1] if peak > median else []


def _above(scores: Scores, threshold: float, least: int) -> list[Region]:
    above = np.asarray(scores > threshold, np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
    peaks = np.full(count, -np.inf)
    np.maximum.at(peaks, labels.astype(np.intp).ravel(), scores.ravel().astype(np.float64))
    large = 1 + np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] >= least)
    # A map of noise has more regions than there is memory for their masks.
    highest = large[np.argsort(-peaks[large], kind="stable")][:MOST].tolist()
    return [Region(labels == number, _box(stats[number]), float(peaks[number])) for number in highest]


def _box(stats: NDArray[np.int32]) -> Box:
    left, top, width, height = (float(value) for value in stats[:4])
    return (left, top, left + width, top + height)
