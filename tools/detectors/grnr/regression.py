"""Global-regularised neighbourhood regression of one feature map, in closed form.

Yao et al., "Global-Regularized Neighborhood Regression for Efficient Zero-Shot Texture Anomaly Detection",
arXiv 2406.07333. Every cell Q is expressed by its eight neighbours S_L, and held to the K most usual cells
S_G of the picture: W minimises |Q - W S_L|^2 + lambda * sum over n of |S_G(n) - W S_L|^2. This equals
(1 + lambda K) |T - W S_L|^2 + a constant, T = (Q + lambda * sum S_G) / (1 + lambda K). So that W S_L is T,
projected on what the neighbours span: one system of 8 x 8 for a cell, whatever K is.

All that the system and its residual need are inner products of cells. Those of neighbours with each other
depend on two cells of the map, not on whose neighbours they are, so that each pair is multiplied once.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .distances import mean_distance

Map = NDArray[np.float32]
"""(h, w, C)"""

_RING = [(y, x) for y in range(3) for x in range(3) if (y, x) != (1, 1)]
_LEAST_RIDGE = 1e-6


class Products(NamedTuple):
    """Inner products of cells with their eight neighbours, float64."""

    gram: NDArray[np.float64]
    """(h, w, 8, 8), of the neighbours with each other."""
    with_cell: NDArray[np.float64]
    """(h, w, 8), of the neighbours with the cell."""
    with_usual: NDArray[np.float64]
    """(h, w, 8), of the neighbours with the sum of the usual cells; 0 where there is none."""
    cell: NDArray[np.float64]
    """(h, w), of the cell with itself."""


def pooled(cells: Map) -> Map:
    """Mean over 3 x 3 cells, mirrored at the border: zeros, as published, would make border cells small."""
    around = mirrored(cells)
    rows = around[:-2] + around[1:-1] + around[2:]
    return np.asarray((rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / np.float32(9), np.float32)


def mirrored(cells: Map) -> Map:
    """A map with a ring of one mirrored cell around it."""
    # A single line of cells has nothing to mirror.
    mode: Literal["reflect", "edge"] = "reflect" if min(cells.shape[:2]) > 1 else "edge"
    return np.pad(cells, ((1, 1), (1, 1), (0, 0)), mode)


def usual(cells: Map, count: int) -> NDArray[np.float32]:
    """The `count` cells nearest to all others in the mean, (n, C), most usual first: "self filtering"."""
    rows = cells.reshape(-1, cells.shape[2])
    return rows[np.argsort(mean_distance(rows), kind="stable")[:count]]


def products(cells: Map, neighbours_from: Map, usual_sum: NDArray[np.float64] | None) -> Products:
    """Of the cells of one map with their neighbours in another of the same shape, mirrored at the border."""
    height, width, _ = cells.shape
    queries = cells.astype(np.float64)
    around = mirrored(neighbours_from).astype(np.float64)
    views = [around[y : y + height, x : x + width] for y, x in _RING]
    with_cell = np.stack([_inner(view, queries) for view in views], axis=-1)
    if usual_sum is None:
        with_usual = np.zeros_like(with_cell)
    else:
        large = around @ usual_sum
        with_usual = np.stack([large[y : y + height, x : x + width] for y, x in _RING], axis=-1)
    return Products(_gram(around), with_cell, with_usual, _inner(queries, queries))


def residuals(
    cells: Map, *, support: int, regularisation: float, pooled_neighbours: bool, ridge: float
) -> NDArray[np.float32]:
    """How far each cell of a map (h, w, C) is from what its neighbours make of the usual, (h, w).

    `support` is K and `regularisation` lambda of the paper; with a lambda of 0 the usual has no say. The
    neighbours are those of the averaged map that the cells are taken from (published), or of the map itself.
    The ridge is a share of the mean square of the neighbours: at the border they are mirrored, on flat
    surfaces all are alike, and the system has no solution without.
    """
    averaged = pooled(cells)
    total, share = None, 1.0
    if regularisation:
        typical = usual(averaged, support)
        total = regularisation * typical.sum(axis=0, dtype=np.float64)
        share = 1 / (1 + regularisation * len(typical))
    of = products(averaged, averaged if pooled_neighbours else cells, total)
    size = len(_RING)
    strength = ridge * np.trace(of.gram, axis1=2, axis2=3) / size + _LEAST_RIDGE
    system = of.gram + strength[..., None, None] * np.eye(size)
    weights = np.linalg.solve(system, share * (of.with_cell + of.with_usual)[..., None])[..., 0]
    made = np.einsum("yxi,yxij,yxj->yx", weights, of.gram, weights, optimize=True)
    squares = of.cell - 2 * (weights * of.with_cell).sum(axis=-1) + made
    return np.asarray(np.sqrt(np.maximum(squares, 0)), np.float32)


def _inner(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("yxc,yxc->yx", one, other))


def _gram(around: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inner products (h, w, 8, 8) of the neighbours of every cell, from a map with a ring of one cell."""
    height, width = around.shape[0] - 2, around.shape[1] - 2
    gram = np.empty((height, width, len(_RING), len(_RING)))
    known: dict[tuple[int, int], NDArray[np.float64]] = {}
    for i, (y, x) in enumerate(_RING):
        for j, (below, right) in enumerate(_RING[i:], i):
            step = (below - y, right - x)
            if step not in known:
                known[step] = _autocorrelation(around, *step)
            left = max(0, -step[1])
            gram[:, :, i, j] = gram[:, :, j, i] = known[step][y : y + height, x - left : x - left + width]
    return gram


def _autocorrelation(around: NDArray[np.float64], down: int, right: int) -> NDArray[np.float64]:
    """Inner product of each cell with the one `down` rows and `right` columns on, where both are."""
    height, width, _ = around.shape
    left = max(0, -right)
    here = around[: height - down, left : width - max(0, right)]
    there = around[down:, left + right : width - max(0, right) + right]
    return _inner(here, there)
