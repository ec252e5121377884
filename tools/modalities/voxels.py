"""Space in cubes: which points lie together, and which way the surface through them faces."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from .cloud import Numbers

_MOST: Final = 2**20
"""Cubes along an axis; three such numbers fit into 63 bits."""
_STEPS: Final = (-1, 0, 1)
_AROUND: Final = tuple(itertools.product(_STEPS, _STEPS, _STEPS))


@dataclass(frozen=True, eq=False)
class Voxels:
    """The cubes of space that hold points."""

    keys: NDArray[np.int64]
    """(M,) sorted; x, y and z of each cube in one number."""
    cube: NDArray[np.int64]
    """(N,) in which of the M cubes each point lies."""

    def neighbours(self, step: tuple[int, int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Cubes that have a neighbour one step further, and those neighbours."""
        shift = (step[0] * (_MOST + 2) + step[1]) * (_MOST + 2) + step[2]
        place = np.searchsorted(self.keys, self.keys + shift).clip(max=len(self.keys) - 1)
        found = self.keys[place] == self.keys + shift
        return np.flatnonzero(found), place[found]


def voxels_of(points: Numbers, edge: float) -> Voxels:
    """The cubes of that edge, or of a larger one where there would be too many along an axis."""
    low = points.min(axis=0)
    edge = max(edge, float(np.ptp(points, axis=0).max()) / (_MOST - 2))
    # A free cube on each side keeps neighbours from reaching round the end of a row.
    at = ((points - low) / edge).astype(np.int64) + 1
    joined = (at[:, 0] * (_MOST + 2) + at[:, 1]) * (_MOST + 2) + at[:, 2]
    keys, cube = np.unique(joined, return_inverse=True)
    return Voxels(keys, cube)


def largest_piece(points: Numbers, gap: float) -> NDArray[np.bool_]:
    """Which points, (N,), belong to the piece with the most; pieces lie at least two gaps apart."""
    voxels = voxels_of(points, gap)
    pairs = [voxels.neighbours(step) for step in _AROUND if step > (0, 0, 0)]
    first, second = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    count = len(voxels.keys)
    graph = sparse.coo_array((np.ones(len(first), bool), (first, second)), shape=(count, count))
    piece = connected_components(graph, directed=False)[1][voxels.cube]
    return np.asarray(piece == np.bincount(piece).argmax())


def normals_of(points: Numbers, edge: float) -> NDArray[np.float32]:
    """Which way the surface faces at each point, (N, 3) of length 1, up to its sign.

    The direction in which the points of a cube and of those around it spread least.
    """
    voxels = voxels_of(points, edge)
    count = len(voxels.keys)
    number = np.bincount(voxels.cube, minlength=count).astype(np.float64)
    local = (points - points.mean(axis=0)) / edge
    sums = np.stack([np.bincount(voxels.cube, local[:, i], count) for i in range(3)], axis=1)
    upper = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    squares = [np.bincount(voxels.cube, local[:, i] * local[:, j], count) for i, j in upper]
    moments = np.column_stack([number, sums, *squares])
    around = np.zeros_like(moments)
    for step in _AROUND:
        here, there = voxels.neighbours(step)
        around[here] += moments[there]
    mean = around[:, 1:4] / around[:, :1]
    spread = np.empty((count, 3, 3))
    for place, (i, j) in enumerate(upper):
        spread[:, i, j] = spread[:, j, i] = around[:, 4 + place] / around[:, 0] - mean[:, i] * mean[:, j]
    least = np.linalg.eigh(spread)[1][:, :, 0].astype(np.float32)
    return least[voxels.cube]
