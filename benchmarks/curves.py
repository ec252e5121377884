"""Curves over descending thresholds, and the areas under them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Shares = NDArray[np.float64]


class Curve(NamedTuple):
    """A false positive rate, and a mean overlap of regions, both ascending from 0 to 1."""

    fpr: Shares
    overlap: Shares

    def area(self, limit: float) -> float:
        """Area up to a false positive rate, divided by it."""
        return area_under(self.fpr, self.overlap, limit)

    def gaps(self, limits: Shares) -> Shares:
        """What the area can be off by between each point and the next, as a share of the narrowest limit.

        The curve between two points lies in the rectangle that they span, as it only rises. `limits` ascend.
        """
        narrowest = np.append(limits, np.inf)[np.searchsorted(limits, self.fpr[:-1], side="right")]
        return np.asarray(0.5 * np.diff(self.fpr) * np.diff(self.overlap) / narrowest, np.float64)


class Rates(NamedTuple):
    """Pixels above each threshold, and those that there are."""

    right: NDArray[np.int64]
    positives: int
    wrong: NDArray[np.int64]
    negatives: int

    @property
    def recall(self) -> Shares:
        """Share of the positives that is found."""
        return np.asarray(self.right / self.positives, np.float64)

    @property
    def fpr(self) -> Shares:
        """Share of the negatives that is found."""
        return np.asarray(self.wrong / self.negatives, np.float64)

    @property
    def precision(self) -> Shares:
        """Share of what is found that is positive; 1 where nothing is found."""
        found = self.right + self.wrong
        return np.asarray(np.divide(self.right, found, out=np.ones(len(found)), where=found > 0))

    @property
    def f1(self) -> Shares:
        """Harmonic mean of precision and recall."""
        return np.asarray(2 * self.right / (self.right + self.wrong + self.positives), np.float64)

    @property
    def auroc(self) -> float:
        """Area under recall over false positive rate."""
        return area_under(self.fpr, self.recall, 1.0)

    @property
    def average_precision(self) -> float:
        """Precision, averaged over the steps of recall: sum of (R_n - R_n-1) P_n."""
        return float(np.sum(np.diff(self.recall) * self.precision[1:]))

    def gaps(self) -> Shares:
        """What the areas can be off by between each point and the next."""
        steps = np.diff(self.recall)
        # Between two points, precision lies between that where all new ones are wrong, and all right.
        low = self.right[:-1] / np.maximum(1, self.right[:-1] + self.wrong[1:])
        high = self.right[1:] / np.maximum(1, self.right[1:] + self.wrong[:-1])
        return np.asarray(steps * np.maximum(0.5 * np.diff(self.fpr), high - low), np.float64)


def area_under(x: NDArray[Any], y: NDArray[Any], limit: float) -> float:
    """Area under a curve up to x = limit by the trapezoidal rule, divided by the limit.

    x ascends from 0 to 1. Where the limit lies between two points, y is interpolated there. Points that are
    not finite are left out.
    """
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    within = x <= limit
    area = float(np.sum(0.5 * (y[within][1:] + y[within][:-1]) * (x[within][1:] - x[within][:-1])))
    if limit not in x:
        after = int(np.searchsorted(x, limit, side="right"))
        before = after - 1
        slope = (limit - x[before]) / (x[after] - x[before])
        at_limit = y[before] + (y[after] - y[before]) * slope
        area += float(0.5 * (at_limit + y[before]) * (limit - x[before]))
    return area / limit
