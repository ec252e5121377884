"""Cells compared along the grain of a surface, and averaged with their kin.

A step beyond the regression, for surfaces that are brushed, ground or lit from one side. What such a surface
looks like changes across the grain and hardly along it, so a cell is compared with the cells that lie on a
line with it: by its distance to a good part of them, and by its distance to their median. Lines run down and
across, and the one counts that a cell fits better: what is usual along either is no defect, be it the grain,
a bright side or the edge of the product. A defect stands out that fills less than that part of its lines.

The result is averaged over kin, cells that are near and look alike (a non-local mean; the similarity is
scaled as by Zelnik-Manor and Perona, "Self-Tuning Spectral Clustering", NIPS 2004), so that the inside of
a large defect gets what its rim has. Features are compared by their square roots (Hellinger distance), which
keeps a few strong channels from outweighing the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .distances import pieces, squared_distances
from .regression import Map, pooled

PART = 0.3
"""Share of the cells on its line that a usual cell resembles."""
REACH = 0.25
"""Standard deviation of nearness between kin, as a share of the map's side."""

_LINES = 3
"""Width of a line: the cells of its own column or row, and of the one at either side."""
_KIN = 0.01
"""Share of all cells that are taken as surely alike; their distance is the unit of likeness."""
_CHANNELS = 96
"""More channels than these are projected to as many at random, which keeps distances to about a tenth."""
_LEAST = 1e-12

Grid = NDArray[np.float32]
"""(h, w)"""


def grain_scores(maps: Sequence[Map], seed: int) -> Grid:
    """How little each cell is like those on a line with it, (h, w) of the finest map.

    `maps` are the levels (h, w, C) of one picture; `seed` draws the projection.
    """
    cells = _stacked(maps, seed)
    down = _part_distance(cells), _median_distance(cells)
    turned = np.ascontiguousarray(cells.transpose(1, 0, 2))
    across = _part_distance(turned).T, _median_distance(turned).T
    alone = np.minimum(down[0], across[0]) * np.minimum(down[1], across[1])
    return _averaged_over_kin(alone, cells)


def _stacked(maps: Sequence[Map], seed: int) -> Map:
    """All levels on the grid of the finest, of the same weight, with `_CHANNELS` channels each at most."""
    height, width, _ = max((cells.shape for cells in maps), key=lambda shape: shape[0] * shape[1])
    levels = []
    for number, cells in enumerate(maps):
        roots = np.copysign(np.sqrt(np.abs(cells)), cells)
        roots -= roots.mean(axis=(0, 1))
        roots /= np.sqrt(np.square(roots).sum(axis=2).mean()) + _LEAST
        levels.append(_resized(_projected(roots, seed + number), (width, height)))
    return np.concatenate(levels, axis=2)


def _projected(cells: Map, seed: int) -> Map:
    channels = cells.shape[2]
    if channels <= _CHANNELS:
        return cells
    random = np.random.default_rng(seed).standard_normal((channels, _CHANNELS), np.float32)
    return np.asarray(cells @ (random / np.sqrt(np.float32(_CHANNELS))), np.float32)


def _resized(cells: Map, size: tuple[int, int]) -> Map:
    if cells.shape[1::-1] == size:
        return cells
    large = cv2.resize(cells, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.float32).reshape(size[1], size[0], -1)


def _part_distance(cells: Map) -> Grid:
    """Distance of each cell to the nearest `PART` of the cells of its columns: to the farthest of them."""
    height, width, channels = cells.shape
    lines = min(_LINES, width)
    columns = np.ascontiguousarray(cells.transpose(1, 0, 2))
    first = np.clip(np.arange(width) - lines // 2, 0, width - lines)
    bands = columns[first[:, None] + np.arange(lines)].reshape(width, lines * height, channels)
    apart = columns @ bands.transpose(0, 2, 1)
    apart *= -2
    apart += np.square(columns).sum(axis=2)[:, :, None]
    apart += np.square(bands).sum(axis=2)[:, None, :]
    place = int(PART * lines * height)
    part = np.partition(apart, place, axis=2)[..., place]
    return np.sqrt(np.maximum(part, 0)).T


def _median_distance(cells: Map) -> Grid:
    """Distance of each cell to the median of its column."""
    return np.asarray(np.linalg.norm(cells - np.median(cells, axis=0), axis=2), np.float32)


def _averaged_over_kin(scores: Grid, cells: Map) -> Grid:
    """Scores averaged with the weight that every cell has as kin of every other."""
    apart = squared_distances(pooled(cells).reshape(scores.size, -1))
    count = len(apart)
    kin = min(count - 1, max(1, int(_KIN * count) - 1))
    units = np.concatenate([np.partition(apart[piece], kin, axis=1)[:, kin] for piece in pieces(count)])
    scales = np.float32(1) / (np.sqrt(units) + np.float32(_LEAST))
    valued = np.stack([scores.ravel(), np.ones(count, np.float32)], axis=1)
    nearness = _nearness(scores.shape)
    found = np.empty((count, 2), np.float32)
    for piece in pieces(count):
        weights = apart[piece]
        weights *= -scales[piece, None]
        weights *= scales
        np.exp(weights, out=weights)
        weights *= nearness[piece]
        found[piece] = weights @ valued
    return (found[:, 0] / found[:, 1]).reshape(scores.shape)


@lru_cache(maxsize=1)
def _nearness(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Gaussian of the distance between all cells of a grid, (n, n)."""
    lines = []
    for cells in shape:
        places = np.arange(cells, dtype=np.float32) / (REACH * cells)
        lines.append(np.exp(-np.square(places[:, None] - places[None, :]) / 2))
    return np.asarray(np.kron(lines[0], lines[1]), np.float32)
