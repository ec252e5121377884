"""Figures with bootstrap confidence intervals, computed for all resamples at once.

Pictures are drawn with replacement from each group on its own (a stratified bootstrap; Efron and Tibshirani,
"An Introduction to the Bootstrap", 1993), so that every resample has as many good pictures as the test set.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...schema import Record

RESAMPLES: Final = 1000
CONFIDENCE: Final = 0.95

Figures = NDArray[np.float64]
"""(1 + resamples,): that of the pictures as they are, then of each resample; nan where it is not defined."""


class Interval(Record):
    """A figure and where it would lie with other pictures of the same kind; None where it is not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None


def interval(figures: Figures) -> Interval:
    """The percentile interval of a figure."""
    if np.isnan(figures[0]):
        return Interval(value=None)
    known = figures[1:][~np.isnan(figures[1:])]
    if not known.size:
        return Interval(value=_rounded(figures[0]))
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(value=_rounded(figures[0]), low=_rounded(low), high=_rounded(high))


def stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers that belong to a name, so that what is resampled does not depend on the order."""
    return np.random.default_rng([seed, *name.encode()])


def resampled(count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """How often each of `count` pictures is in each resample, (1 + resamples, count).

    The first row stands for the pictures as they are: each once.
    """
    if not count:
        return np.zeros((1 + RESAMPLES, 0))
    drawn = random.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    return np.vstack([np.ones(count), drawn]).astype(np.float64)


def ratio(part: Figures, whole: Figures) -> Figures:
    """`part / whole`, nan where there is no whole."""
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0), np.float64)


def auroc(
    good: NDArray[np.float64],
    bad: NDArray[np.float64],
    good_weights: NDArray[np.float64],
    bad_weights: NDArray[np.float64],
) -> Figures:
    """The share of (good, bad) pairs of scores that are in the right order, ties by half.

    This is the area under the ROC curve (Mann and Whitney, 1947), with tied scores counted as they should be.
    """
    order = np.sign(bad[:, np.newaxis] - good[np.newaxis, :]) / 2 + 0.5
    right = np.einsum("rb,bg,rg->r", bad_weights, order, good_weights, optimize=True)
    return ratio(right, bad_weights.sum(axis=1) * good_weights.sum(axis=1))


def _rounded(value: float) -> float:
    """Six digits, so that the same inputs give the same file on every machine."""
    return round(float(value), 6)
