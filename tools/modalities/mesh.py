"""Surfaces of triangles as points."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...schema import PictureError
from .cloud import MAX_POINTS, Numbers

SPREAD: Final = 400_000
"""How many points a surface becomes."""


def points_on(
    name: str, vertices: Numbers, triangles: NDArray[np.int64], colours: NDArray[np.uint8] | None
) -> tuple[Numbers, NDArray[np.uint8] | None, NDArray[np.int64]]:
    """Points spread evenly over triangles, (F, 3): their places, (N, 3), colours, and a corner of each.

    The same surface gives the same points. The vertices are among them where there is room.

    Raises:
        PictureError: A triangle has a corner that is no vertex, or none has an area.
    """
    if triangles.size and not 0 <= triangles.min() <= triangles.max() < len(vertices):
        raise PictureError(f"{name}: a face has a corner that is no vertex; export it again")
    corners = vertices[triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    area = np.where(np.isfinite(area), area, 0)
    if not area.sum() > 0 or not np.isfinite(area.sum()):
        raise PictureError(f"{name}: none of its faces has an area; export it as a point cloud")
    random = np.random.default_rng(0)
    # Evenly spaced places along the summed areas leave fewer gaps than places by chance.
    places = (np.arange(SPREAD) + random.random(SPREAD)) / SPREAD
    chosen = np.searchsorted(np.cumsum(area) / area.sum(), places).clip(max=len(area) - 1)
    root, along = np.sqrt(random.random(SPREAD)), random.random(SPREAD)
    weights = np.stack([1 - root, root * (1 - along), root * along], axis=1)
    points = np.einsum("nk,nkc->nc", weights, corners[chosen])
    index = triangles[chosen, 0]
    shades = None
    if colours is not None:
        shades = np.einsum("nk,nkc->nc", weights, colours[triangles[chosen]]).round().astype(np.uint8)
    if len(vertices) + SPREAD > MAX_POINTS:
        return points, shades, index
    if colours is not None and shades is not None:
        shades = np.concatenate([colours, shades])
    return np.concatenate([vertices, points]), shades, np.concatenate([np.arange(len(vertices)), index])
