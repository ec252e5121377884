"""Taking an object out of its point cloud: away with the table it lies on, and with loose pieces."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .cloud import Cloud, Numbers, spacing
from .voxels import largest_piece

_BORDER_PIXELS: Final = 10
"""As CPMF (Cao et al., arXiv 2303.13194) does for MVTec 3D-AD."""
_BORDER_SHARE: Final = 0.05
"""Of the extent, where a cloud has no pixels."""
_TRIALS: Final = 1000
_ASKED: Final = 4000
_SUPPORT: Final = 0.5
"""Share of the border that must lie in a plane for there to be one."""
_NEAR: Final = 0.01
"""How far from a plane a point still lies in it, in extents of the cloud; 4 mm of 40 cm."""
_GAP: Final = 4.0
"""Pieces lie farther apart than this many spacings of points."""


def cleaned(cloud: Cloud) -> tuple[Cloud, str]:
    """The largest piece without the plane at the border, and what was done, in words."""
    near = float(np.ptp(cloud.points, axis=0).max()) * _NEAR
    keep, said = np.ones(len(cloud.points), bool), "no plane at its border"
    border = cloud.points[_border(cloud)]
    plane = _plane(border, near)
    if plane is not None:
        normal, offset = plane
        # Half as wide again as what the plane was found with: noise has tails.
        keep = np.abs(cloud.points @ normal - offset) > 1.5 * near
        said = "without the plane at its border"
        if not keep.any():
            return cloud, "nothing but a plane"
    rest = cloud.select(keep)
    return rest.select(largest_piece(rest.points, _GAP * spacing(rest.points))), said


def _border(cloud: Cloud) -> NDArray[np.bool_]:
    """Which points, (N,), lie at the border of the picture, or of the box around x and y."""
    if cloud.grid:
        place = np.stack(np.divmod(cloud.index, cloud.grid[1]), axis=1)
        low, high, depth = np.zeros(2), np.subtract(cloud.grid, 1), float(_BORDER_PIXELS) - 1
        return np.asarray(((place - low <= depth) | (high - place <= depth)).any(axis=1))
    flat = cloud.points[:, :2]
    low, high = flat.min(axis=0), flat.max(axis=0)
    share = _BORDER_SHARE * (high - low)
    return np.asarray(((flat - low <= share) | (high - flat <= share)).any(axis=1))


def _plane(points: Numbers, near: float) -> tuple[Numbers, float] | None:
    """Normal, of length 1, and offset of the plane near most points: RANSAC (Fischler and Bolles, 1981).

    Nothing where fewer than half of the points lie near one plane.
    """
    if len(points) < 3:
        return None
    random = np.random.default_rng(0)
    some = points if len(points) <= _ASKED else points[random.choice(len(points), _ASKED, replace=False)]
    three = some[random.integers(0, len(some), (_TRIALS, 3))]
    normals = np.cross(three[:, 1] - three[:, 0], three[:, 2] - three[:, 0])
    length = np.linalg.norm(normals, axis=1)
    normals, three = normals[length > 0] / length[length > 0, None], three[length > 0]
    if len(normals) == 0:
        return None
    offsets = np.einsum("tc,tc->t", normals, three[:, 0])
    support = (np.abs(some @ normals.T - offsets) <= near).sum(axis=0)
    best = int(support.argmax())
    if support[best] < _SUPPORT * len(some):
        return None
    inside = some[np.abs(some @ normals[best] - offsets[best]) <= near]
    centre = inside.mean(axis=0)
    normal: Numbers = np.linalg.svd(inside - centre, full_matrices=False)[2][2]
    return normal, float(normal @ centre)
