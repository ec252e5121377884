"""Global-regularised neighbourhood regression of one feature map, in closed form.

Yao et al., "Global-Regularized Neighborhood Regression for Efficient Zero-Shot Texture Anomaly Detection",
arXiv 2406.07333. Every cell Q is expressed by its eight neighbours S_L, and held to the K most usual cells
S_G of the picture: W minimises |Q - W S_L|^2 + lambda * sum over n of |S_G(n) - W S_L|^2. This equals
(1 + lambda K) |T - W S_L|^2 + a constant, T = (Q + lambda * sum S_G) / (1 + lambda K). So that W S_L is T,
projected on what the neighbours span: one system of 8 x 8 for a cell, whatever K is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

Map = NDArray[np.float32]
"""(C, h, w)"""
Rows = NDArray[np.float32]
"""(cells, C), cells row by row"""

_RING = [(y, x) for y in range(3) for x in range(3) if (y, x) != (1, 1)]
_LEAST_RIDGE = 1e-6


def pooled(cells: Map) -> Map:
    """Mean over 3 x 3 cells, mirrored at the border: zeros, as published, would make border cells small."""
    return np.asarray(uniform_filter(cells, size=(1, 3, 3), mode="mirror"), np.float32)


def rows_of(cells: Map) -> Rows:
    """The cells of a map as rows."""
    return np.ascontiguousarray(cells.reshape(len(cells), -1).T)


def neighbours_of(cells: Map) -> NDArray[np.float32]:
    """The eight neighbours of every cell, (cells, 8, C), mirrored at the border."""
    _, height, width = cells.shape
    ring = ((0, 0), (1, 1), (1, 1))
    # A single line of cells has nothing to mirror.
    around = (
        np.pad(cells, ring, mode="reflect") if min(height, width) > 1 else np.pad(cells, ring, mode="edge")
    )
    return np.stack([rows_of(around[:, y : y + height, x : x + width]) for y, x in _RING], axis=1)


def distances(rows: Rows) -> NDArray[np.float32]:
    """Euclidean distances between all rows, (n, n); exactly 0 on the diagonal."""
    centred = (rows - rows.mean(axis=0)).astype(np.float32)
    squares = np.einsum("ij,ij->i", centred, centred)
    found = centred @ centred.T
    found *= -2
    found += squares[:, None]
    found += squares[None, :]
    np.maximum(found, 0, out=found)
    np.fill_diagonal(found, 0)
    return np.asarray(np.sqrt(found, out=found), np.float32)


def mean_distance(rows: Rows) -> NDArray[np.float32]:
    """Mean distance of each row to all others, (n,); 0 where there is one row."""
    return np.asarray(distances(rows).sum(axis=1) / max(len(rows) - 1, 1), np.float32)


def usual(rows: Rows, count: int) -> Rows:
    """The `count` rows with the smallest mean distance to the others, most usual first ("self filtering")."""
    return rows[np.argsort(mean_distance(rows), kind="stable")[:count]]


def expressed(
    targets: NDArray[np.float64], support: NDArray[np.float64], ridge: float
) -> NDArray[np.float64]:
    """Each target (n, C), projected on the span of its support (n, k, C), with a ridge.

    The ridge is a share of the mean square of the support: at the border neighbours are mirrored, on flat
    surfaces all are alike, and the system has no solution without.
    """
    gram = support @ support.transpose(0, 2, 1)
    size = gram.shape[1]
    strength = ridge * np.trace(gram, axis1=1, axis2=2) / size + _LEAST_RIDGE
    gram += strength[:, None, None] * np.eye(size)
    weights = np.linalg.solve(gram, support @ targets[:, :, None])
    return np.asarray((support * weights).sum(axis=1))


def residuals(
    cells: Map, *, support: int, regularisation: float, pooled_neighbours: bool, ridge: float
) -> NDArray[np.float32]:
    """How far each cell of a map (C, h, w) is from what its neighbours make of the usual, (h, w).

    `support` is K and `regularisation` lambda of the paper; with a lambda of 0 the usual has no say. The
    neighbours are those of the averaged map that the cells are taken from (published), or of the map itself.
    """
    averaged = pooled(cells)
    rows = rows_of(averaged)
    targets = rows.astype(np.float64)
    if regularisation:
        typical = usual(rows, support)
        total = regularisation * typical.sum(axis=0, dtype=np.float64)
        targets = (targets + total) / (1 + regularisation * len(typical))
    neighbours = neighbours_of(averaged if pooled_neighbours else cells).astype(np.float64)
    found = np.linalg.norm(rows - expressed(targets, neighbours, ridge), axis=1)
    return np.asarray(found.reshape(cells.shape[1:]), np.float32)
