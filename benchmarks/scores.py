"""Scores of pixels, sorted once, so that how many lie above a threshold is answered without looking at each.

A data set of 500 maps of 1600x1280 is a billion scores; what does not fit the memory that is granted goes to
a temporary file, which has no name and is gone with the process.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Sequence
from typing import IO, Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scores = NDArray[np.floating[Any]]

MEMORY_BYTES: Final = 512 * 1024 * 1024
"""Of sorted scores that stay in memory."""


class _Spilled(NamedTuple):
    """A run of scores in the temporary file."""

    offset: int
    size: int
    dtype: np.dtype[Any]


class SortedScores:
    """Runs of scores, each sorted; a run is known by the number that `add` gives it."""

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        """`memory_bytes` is how much stays in memory; the rest goes to the folder for temporary files."""
        self._left = memory_bytes
        self._runs: list[Scores | _Spilled] = []
        self._file: IO[bytes] | None = None

    def add(self, scores: ArrayLike) -> int:
        """Sort and keep scores: in place where they are floats, so hand over what nobody needs any more.

        Integers are taken as the floats that hold them exactly.
        """
        flat = np.ravel(np.asarray(scores))
        kind = np.float32 if np.can_cast(flat.dtype, np.float32) else np.float64
        run: Scores = flat.astype(kind, copy=False)
        run.sort()
        if run.nbytes <= self._left:
            self._left -= run.nbytes
            self._runs.append(run)
        else:
            self._runs.append(self._spill(run))
        return len(self._runs) - 1

    def above(self, number: int, thresholds: NDArray[np.float64]) -> NDArray[np.int64]:
        """How many scores of a run are greater than each threshold."""
        run = self.run(number)
        # A float32 is greater than t exactly when it is greater than the largest float32 up to t; so the
        # thresholds are narrowed, and not a whole run widened.
        narrow = _narrow(thresholds, run.dtype, -np.inf)
        return np.asarray(run.size - _places(run, narrow, "right"), np.int64)

    def at_least(self, number: int, thresholds: NDArray[np.float64]) -> NDArray[np.int64]:
        """How many scores of a run are not less than each threshold."""
        run = self.run(number)
        narrow = _narrow(thresholds, run.dtype, np.inf)
        return np.asarray(run.size - _places(run, narrow, "left"), np.int64)

    def run(self, number: int) -> Scores:
        """The sorted scores of a run, not to be written to."""
        run = self._runs[number]
        if isinstance(run, _Spilled):
            if not self._file or run.size == 0:
                return np.empty(0, run.dtype)
            return np.memmap(self._file, run.dtype, "r", run.offset, (run.size,))
        return run

    def _spill(self, run: Scores) -> _Spilled:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="logisight-scores-")  # noqa: SIM115  (closed below)
            weakref.finalize(self, self._file.close)
        offset = self._file.seek(0, 2)
        run.tofile(self._file)
        self._file.flush()
        return _Spilled(offset, run.size, run.dtype)


def quantiles(store: SortedScores, runs: Sequence[int], count: int) -> NDArray[np.float64]:
    """About `count` scores that lie evenly in the runs, denser towards the top of each, ascending."""
    share = max(2, count // max(1, len(runs)))
    picked = [np.empty(0)]
    for number in runs:
        run = store.run(number)
        if run.size:
            from_top = np.unique(np.geomspace(1, run.size, share).astype(np.int64))
            evenly = np.linspace(1, run.size, share).astype(np.int64)
            picked.append(np.asarray(run[-np.union1d(from_top, evenly)], np.float64))
    return np.unique(np.concatenate(picked))


def _places(run: Scores, values: Scores, side: Literal["left", "right"]) -> NDArray[np.intp]:
    # NumPy finds ascending values several times faster, and thresholds come in descending order.
    return np.searchsorted(run, values[::-1], side=side)[::-1]


def _narrow(values: NDArray[np.float64], dtype: np.dtype[Any], towards: float) -> Scores:
    """The nearest number of a type on one side of each value."""
    with np.errstate(over="ignore"):
        narrow: Scores = values.astype(dtype)
    beyond = narrow > values if towards < 0 else narrow < values
    narrow[beyond] = np.nextafter(narrow[beyond], dtype.type(towards))
    return narrow
