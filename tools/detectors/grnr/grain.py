"""Cells compared along the grain of a surface, and averaged with their kin.

A step beyond the regression, for surfaces that are brushed, ground or lit from one side. What such a surface
looks like changes across the grain and hardly along it, so a cell is compared with the cells that lie along
the grain through it: by its distance to a good part of them, and by its distance to their median. A defect
that fills less than that part of a line stands out, however large it is, and a bright or dark side does not.

The result is averaged over kin, cells that are near and look alike (a non-local mean; the similarity is
scaled as by Zelnik-Manor and Perona, "Self-Tuning Spectral Clustering", NIPS 2004), so that the inside of
a large defect gets what its rim has. Features are compared by their square roots (Hellinger distance), which
keeps a few strong channels from outweighing the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from .regression import Map, distances, rows_of

PART = 0.3
"""Share of the cells along the grain that a usual cell resembles."""
REACH = 0.25
"""Standard deviation of nearness between kin, as a share of the map's side."""

_BESIDE = 1
"""Lines of cells at either side that belong to the grain through a cell."""
_KIN = 0.01
"""Share of all cells that are taken as surely alike; their distance is the unit of likeness."""
_CONTEXT = 3
"""Side of the squares of cells by which likeness is judged."""
_CHANNELS = 160
"""More channels than these are projected to as many at random, which keeps distances to a few percent."""
_LEAST = 1e-12

Grid = NDArray[np.float32]
"""(h, w)"""


def grain_scores(maps: Sequence[Map], along: int, seed: int) -> Grid:
    """How little each cell is like those along the grain, (h, w) of the finest map.

    `maps` are the levels (C, h, w) of one picture; `along` is the axis that the grain follows: 0 for columns,
    1 for rows; `seed` draws the projection.
    """
    cells = _stacked(maps, seed)
    if along == 1:
        return grain_scores_of(cells.transpose(0, 2, 1)).T
    return grain_scores_of(cells)


def grain_scores_of(cells: Map) -> Grid:
    """As `grain_scores`, of one map (C, h, w) whose grain follows its columns."""
    shape = cells.shape[1:]
    alone = _part_distance(cells) * np.linalg.norm(cells - np.median(cells, axis=1, keepdims=True), axis=0)
    likeness = _likeness(cells)
    return np.asarray((likeness @ alone.ravel()).reshape(shape), np.float32)


def grain_of(grey: NDArray[np.float32]) -> int:
    """The axis of a picture (H, W) that its grain follows: the one along which it changes least."""
    down = float(np.square(np.diff(grey, axis=0)).mean()) if grey.shape[0] > 1 else 0.0
    across = float(np.square(np.diff(grey, axis=1)).mean()) if grey.shape[1] > 1 else 0.0
    return 1 if down > across else 0


def _stacked(maps: Sequence[Map], seed: int) -> Map:
    """All levels on the grid of the finest, each with the same weight, with `_CHANNELS` channels at most."""
    height, width = max((cells.shape[1:] for cells in maps), key=lambda shape: shape[0] * shape[1])
    levels = []
    for cells in maps:
        roots = np.sign(cells) * np.sqrt(np.abs(cells))
        roots -= roots.mean(axis=(1, 2), keepdims=True)
        weight = np.sqrt(np.square(roots).sum(axis=0).mean()) + _LEAST
        levels.append(_projected(roots / weight, seed))
    grids = [_resized(cells, (width, height)) for cells in levels]
    return np.concatenate(grids)


def _projected(cells: Map, seed: int) -> Map:
    channels = len(cells)
    if channels <= _CHANNELS:
        return cells
    random = np.random.default_rng(seed).standard_normal((_CHANNELS, channels), np.float32)
    return np.tensordot(random / np.sqrt(np.float32(_CHANNELS)), cells, 1)


def _resized(cells: Map, size: tuple[int, int]) -> Map:
    if cells.shape[:0:-1] == size:
        return cells
    return np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in cells])


def _part_distance(cells: Map) -> Grid:
    """Distance of each cell to the nearest `PART` of the cells along the grain: to the farthest of them."""
    _, height, width = cells.shape
    found = np.empty((height, width), np.float32)
    for column in range(width):
        low, high = max(0, column - _BESIDE), min(width, column + _BESIDE + 1)
        band = cells[:, :, low:high].transpose(2, 1, 0).reshape((high - low) * height, -1)
        own = slice((column - low) * height, (column - low + 1) * height)
        apart = distances(np.ascontiguousarray(band))[own]
        place = int(PART * apart.shape[1])
        found[:, column] = np.partition(apart, place, axis=1)[:, place]
    return found


def _likeness(cells: Map) -> NDArray[np.float32]:
    """How much every cell counts as kin of every other, (n, n); each row sums to 1."""
    context = rows_of(np.asarray(uniform_filter(cells, (1, _CONTEXT, _CONTEXT), mode="mirror"), np.float32))
    apart = distances(context)
    kin = min(len(apart) - 1, max(1, int(_KIN * len(apart)) - 1))
    unit = np.partition(apart, kin, axis=1)[:, kin] + _LEAST
    weights = np.exp(-np.square(apart) / (unit[:, None] * unit[None, :])) * _nearness(cells.shape[1:])
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _nearness(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Gaussian of the distance between all cells of a grid, (n, n)."""
    lines = []
    for cells in shape:
        places = np.arange(cells, dtype=np.float32) / (REACH * cells)
        lines.append(np.exp(-np.square(places[:, None] - places[None, :]) / 2))
    return np.asarray(np.kron(lines[0], lines[1]), np.float32)
