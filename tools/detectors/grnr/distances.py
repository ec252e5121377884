"""Euclidean distances between feature cells, in pieces that stay in the cache."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
"""(n, C)"""

_PIECE = 128
"""Rows whose distances to all others are in work at a time."""


def squared_distances(rows: Rows) -> NDArray[np.float32]:
    """Squares of the distances between all rows, (n, n), at least 0; exactly 0 on the diagonal."""
    # Rounding errors are measured by the lengths of the rows.
    centred = (rows - rows.mean(axis=0)).astype(np.float32)
    found = centred @ centred.T
    squares = found.diagonal().copy()
    for piece in pieces(len(found)):
        part = found[piece]
        part *= -2
        part += squares
        part += squares[piece, None]
        np.maximum(part, 0, out=part)
    np.fill_diagonal(found, 0)
    return np.asarray(found, np.float32)


def mean_distance(rows: Rows) -> NDArray[np.float32]:
    """Mean distance of each row to all others, (n,); 0 where there is one row."""
    squares = squared_distances(rows)
    sums = [np.sqrt(squares[piece]).sum(axis=1) for piece in pieces(len(rows))]
    return np.asarray(np.concatenate(sums) / np.float32(max(len(rows) - 1, 1)), np.float32)


def pieces(count: int) -> Iterator[slice]:
    """Slices of rows so few that what is made of them stays in the cache."""
    return (slice(start, start + _PIECE) for start in range(0, count, _PIECE))
