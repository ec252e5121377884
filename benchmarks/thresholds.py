"""Thresholds so dense that a curve through them is as good as the one through every distinct score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .scores import SortedScores, quantiles

MAX_DISTINCT: Final = 1 << 20
"""Scores up to which each distinct one is a threshold."""
_START: Final = 2048
"""Thresholds at first; each round adds about as many as there are."""
_ROUNDS: Final = 6
_WIDEST: Final = 4096
"""Gaps that one round looks into."""

Thresholds = NDArray[np.float64]
Gaps = Callable[[Thresholds], NDArray[np.float64]]
"""Descending thresholds -> what is unknown between each and the next, in units of the result."""


def dense(
    store: SortedScores, kinds: Sequence[Sequence[int]], gaps: Gaps, tolerance: float
) -> tuple[Thresholds, float]:
    """Descending thresholds, and the sum of the gaps that they leave.

    `kinds` are runs of the store, by what is in them, such as defects and what is outside of them.
    The first threshold has no score above it, the last all of them. Thresholds are added inside of the widest
    gaps, each a score, until the sum is no more than the tolerance. A gap without a score inside is none.
    """
    runs = [run for kind in kinds for run in kind]
    if sum(store.run(run).size for run in runs) <= MAX_DISTINCT:
        every = np.unique(np.concatenate([store.run(run) for run in runs]))
        return _with_ends(every.astype(np.float64)), 0.0
    found = np.unique(np.concatenate([quantiles(store, kind, _START) for kind in kinds]))
    left = np.inf
    for _ in range(_ROUNDS):
        descending = _with_ends(found)
        more, left = _inside(store, runs, descending, gaps(descending))
        if left <= tolerance:
            break
        found = np.union1d(found, more)
    return _with_ends(found), left


def _with_ends(ascending: Thresholds) -> Thresholds:
    return np.append(ascending[::-1], np.nextafter(ascending[0], -np.inf))


def _inside(
    store: SortedScores, runs: Sequence[int], descending: Thresholds, gaps: NDArray[np.float64]
) -> tuple[Thresholds, float]:
    """Scores inside of the widest gaps, and the sum of the gaps that have a score inside, or may have one."""
    widest = np.sort(np.argsort(gaps)[-_WIDEST:])
    high, low = descending[:-1][widest], descending[1:][widest]
    middles = np.full((len(runs), len(widest)), np.nan)
    for row, number in enumerate(runs):
        scores = store.run(number)
        start, end = scores.size - store.above(number, low), scores.size - store.at_least(number, high)
        filled = start < end
        middles[row, filled] = scores[(start[filled] + end[filled]) // 2]
    opened = gaps[widest] * ~np.isnan(middles).all(axis=0)
    left = float(gaps.sum() - gaps[widest].sum() + opened.sum())
    return _spread(middles, opened, len(descending)), left


def _spread(middles: NDArray[np.float64], gaps: NDArray[np.float64], count: int) -> Thresholds:
    """About `count` of the values (rows, gaps), most where gaps are wide; NaN is no value.

    A gap that is cut into n leaves 1/n of itself, so that the sum that is left is least where n is
    proportional to the root of the gap.
    """
    ordered = np.sort(middles, axis=0)
    filled = np.count_nonzero(~np.isnan(ordered), axis=0)
    roots = np.sqrt(gaps)
    wanted = np.ceil(count * roots / max(float(roots.sum()), np.finfo(np.float64).tiny))
    shares = np.minimum(filled, wanted.astype(np.int64))
    columns = np.repeat(np.arange(len(gaps)), shares)
    rank = np.arange(len(columns)) - np.repeat(np.cumsum(shares) - shares, shares)
    rows = (rank + 1) * filled[columns] // (shares[columns] + 1)
    return np.asarray(ordered[rows, columns])
