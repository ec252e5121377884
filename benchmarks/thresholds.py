"""Thresholds so dense that a curve through them is as good as the one through every distinct score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .scores import Scores, SortedScores, quantiles

MAX_DISTINCT: Final = 1 << 20
"""Scores up to which each distinct one is a threshold."""
_START: Final = 2048
_MORE: Final = 4096
"""Thresholds at first, and more in each round at most."""
_ROUNDS: Final = 12

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
    widest = np.sort(np.argsort(gaps)[-_MORE:])
    high, low = descending[:-1][widest], descending[1:][widest]
    middles = np.full((len(runs), len(widest)), np.nan)
    for row, number in enumerate(runs):
        scores = store.run(number)
        start, end = scores.size - store.above(number, low), scores.size - store.at_least(number, high)
        filled = start < end
        middles[row, filled] = scores[(start[filled] + end[filled]) // 2]
    is_open = ~np.isnan(middles).all(axis=0)
    opened = gaps[widest] * is_open
    left = float(gaps.sum() - gaps[widest].sum() + opened.sum())
    picked: list[Scores] = [np.empty(0)]
    for column in np.flatnonzero(opened > 0):
        scores = np.unique(middles[~np.isnan(middles[:, column]), column])
        count = min(len(scores), int(np.ceil(_MORE * opened[column] / opened.sum())))
        picked.append(scores[np.linspace(0, len(scores) - 1, count + 2).astype(np.int64)[1:-1]])
    return np.concatenate(picked), left
