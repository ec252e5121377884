"""The ways of the official evaluation of MVTec LOCO AD (version 2.0), for numbers that equal its own.

They are kept apart from ours, because they are approximations: thresholds that are chosen step by step, from
a random sample where there are many scores, and an AUROC that counts tied scores by half a step too much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..schema import DatasetError
from .scores import Scores

CURVE_MAX_DISTANCE: Final = 0.001
"""Neighbours on the curve that are closer are not refined."""
_INITIAL: Final = 50
_EPSILON: Final = 1e-6
_SAMPLE: Final = 10_000_000
_ROUNDS: Final = 10
_MOST: Final = 100
_LEAST: Final = 20
"""Thresholds in one round."""
_WAITING: Final = 2
"""Maps that wait for their sample to be taken, at most."""

Thresholds = NDArray[np.float64]


class PooledCurve(Protocol):
    """False positive rate and mean sPRO of all pictures together, at descending thresholds."""

    @property
    def fpr(self) -> NDArray[np.float64]: ...  # noqa: D102
    @property
    def overlap(self) -> NDArray[np.float64]: ...  # noqa: D102


class OfficialThresholds:
    """Chooses thresholds as the official evaluation does; sees each map once, in its order.

    Arithmetic is that of float64, as with the NumPy 1.21 that the official environment pins. With NumPy 2 the
    official evaluation rounds its first and last threshold to the type of the maps.
    """

    def __init__(self, pictures: int, seed: int = 0, curve_max_distance: float = CURVE_MAX_DISTANCE) -> None:
        """`pictures` is how many maps there are; `seed` that of NumPy's global generator before the run.

        The official evaluation sets none, so its last digits vary from run to run where maps are large.
        """
        self._pictures = pictures
        self._random = legacy_shuffler(seed)
        self._max_distance = curve_max_distance
        self._pixels = 0
        self._worker = ThreadPoolExecutor(1, "sample of scores")
        self._samples: list[Future[Scores]] = []
        self._low, self._high = np.inf, -np.inf

    def see(self, scores: Scores) -> None:
        """Take the sample of one map, in a second thread where there are many scores.

        Raises:
            DatasetError: It has another size than those before, or there are more than was said.
        """
        if len(self._samples) == self._pictures:
            raise DatasetError(f"thresholds are chosen from {self._pictures} maps, and here is one more")
        if self._pixels not in (0, scores.size):
            raise DatasetError("the official evaluation stops here: maps of one product differ in size")
        self._pixels = scores.size
        self._low = min(self._low, float(scores.min()))
        self._high = max(self._high, float(scores.max()))
        if len(self._samples) >= _WAITING:
            self._samples[-_WAITING].result()
        self._samples.append(self._worker.submit(self._sample, scores.flatten()))

    def _sample(self, scores: Scores) -> Scores:
        """That of `RandomState.choice` without replacement, which is the head of a permutation, unordered."""
        if self._pictures * scores.size <= _SAMPLE:
            return scores
        self._random.shuffle(scores)
        return scores[: _SAMPLE // self._pictures].copy()

    def refined(self, pooled: Callable[[Thresholds], PooledCurve]) -> Thresholds:
        """All thresholds, descending, for curves that `pooled` gives.

        Raises:
            DatasetError: The official evaluation stops with these maps.
        """
        found = self._initial()
        points = _points(pooled(found))
        for _ in range(_ROUNDS):
            _check_distinct(found)
            more = self._more(found, points)
            if more.size == 0:
                return found
            together = np.concatenate([found, more])
            order = np.argsort(together)[::-1]
            found, points = together[order], np.concatenate([points, _points(pooled(more))])[order]
        _check_distinct(found)
        return found

    def _initial(self) -> Thresholds:
        if not self._samples:
            raise DatasetError("there is no map")
        scores = np.concatenate([sample.result() for sample in self._samples])
        scores.sort()
        places = np.linspace(0, len(scores) - 1, num=_INITIAL, dtype=int)[1:-1]
        return np.array([self._high + _EPSILON, *scores[places][::-1].tolist(), self._low - _EPSILON])

    def _more(self, found: Thresholds, points: NDArray[np.float64]) -> Thresholds:
        """New thresholds where neighbours on the curve are far apart, in both directions."""
        candidates = []
        for place, (point, after) in enumerate(pairwise(points)):
            distance = np.linalg.norm(point - after)
            area = 0.5 * np.prod(point - after)
            if not np.isfinite(distance):
                raise DatasetError("the official evaluation stops here: a saturation of 0 pixels")
            if distance > self._max_distance and area > 0.25 * self._max_distance**2:
                candidates.append((float(distance), place))
        candidates = sorted(candidates, key=lambda candidate: candidate[0], reverse=True)[:_MOST]
        return self._spread(found, candidates)

    def _spread(self, found: Thresholds, candidates: Sequence[tuple[float, int]]) -> Thresholds:
        """One new threshold in each interval, and more in long ones while there are few."""
        spare = max(_LEAST - len(candidates), 0)
        length = sum(distance for distance, _ in candidates)
        made: list[float] = []
        for distance, place in candidates:
            extra = int(np.round(distance / length * spare))
            made.extend(np.linspace(found[place], found[place + 1], num=3 + extra)[1:-1])
            spare -= extra
            length -= distance
        return np.array(made)


def legacy_shuffler(seed: int) -> np.random.Generator:
    """Shuffles as `numpy.random.seed(seed); numpy.random.shuffle` does.

    Unlike that, it leaves other threads running meanwhile.
    """
    bits = np.random.MT19937()
    np.random.RandomState(bits).seed(seed)
    return np.random.Generator(bits)


def official_auroc(good: ArrayLike, anomalous: ArrayLike) -> float:
    """Area under the ROC curve of image scores as the official evaluation computes it.

    It sets a point after the first score of each group of equal ones, good ones first, and so comes out too
    high or too low where scores are tied: 0.55 for scores that are all the same. See `metrics.image_metrics`
    for the area that counts ties by half.
    """
    good, anomalous = np.asarray(good, np.float64), np.asarray(anomalous, np.float64)
    scores = np.concatenate([good, anomalous])
    is_good = np.arange(len(scores)) < len(good)
    order = np.argsort(scores, kind="stable")
    scores, is_good = scores[order], is_good[order]
    first = np.append(True, scores[1:] != scores[:-1])
    first[-1] = True
    fpr = np.append(1.0, 1.0 - np.cumsum(is_good)[first] / len(good))[::-1]
    tpr = np.append(1.0, 1.0 - np.cumsum(~is_good)[first] / len(anomalous))[::-1]
    return float(np.sum(0.5 * (tpr[1:] + tpr[:-1]) * (fpr[1:] - fpr[:-1])))


def _points(curve: PooledCurve) -> NDArray[np.float64]:
    return np.stack([curve.overlap, curve.fpr], axis=1)


def _check_distinct(found: Thresholds) -> None:
    if len(np.unique(found)) != len(found):
        raise DatasetError("the official evaluation stops here: a threshold stands twice, as scores are tied")
