"""Point clouds: points in space as files hold them, and what is left of them once stray ones are gone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from ...schema import PictureError

Numbers = NDArray[np.float64]

MAX_POINTS: Final = 5_000_000
"""Larger clouds are refused before they are read."""

_STRAY: Final = 3.0
"""Points farther off than this many times the extent of the cloud are no part of it."""
_ASKED: Final = 200_000
"""How many points are enough to tell how dense all of them lie."""
_NEIGHBOUR: Final = 4


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points in space."""

    points: Numbers = field(repr=False)
    """(N, 3) x, y, z in the unit and the axes of the file; finite, N >= 1."""
    index: NDArray[np.int64] = field(repr=False)
    """(N,) which point of the file each is: row * width + column in an organised cloud, and of a mesh a
    corner of the face it lies on."""
    colours: NDArray[np.uint8] | None = field(default=None, repr=False)
    """(N, 3) RGB."""
    grid: tuple[int, int] | None = None
    """Height and width of an organised cloud."""

    def select(self, keep: NDArray[np.bool_]) -> Cloud:
        """Only the points for which `keep`, (N,), is true."""
        colours = None if self.colours is None else self.colours[keep]
        return replace(self, points=self.points[keep], index=self.index[keep], colours=colours)


def cloud_of(
    name: str,
    points: Numbers,
    colours: NDArray[np.uint8] | None = None,
    grid: tuple[int, int] | None = None,
    index: NDArray[np.int64] | None = None,
) -> Cloud:
    """A cloud of the points, (N, 3), that are finite and lie near the others.

    Raises:
        PictureError: No point is left.
    """
    index = np.arange(len(points)) if index is None else index
    cloud = Cloud(points, index, colours, grid)
    # A cube of a larger number is no number in 64 bits.
    finite = np.asarray((np.abs(points) < 1e100).all(axis=1))
    if grid:
        finite &= points.any(axis=1)
    if not finite.any():
        raise PictureError(f"{name}: has no point with finite coordinates; measure it again")
    cloud = cloud.select(finite)
    return cloud.select(_near(cloud.points))


def spacing(points: Numbers) -> float:
    """How far neighbours lie apart on the surface, as most of them do, in the unit of the points.

    On a surface with one point in each square of side s, the k-th neighbour is s * sqrt(k / pi) away. A
    single place gives 1.
    """
    some = points
    if len(points) > _ASKED:
        some = points[np.random.default_rng(0).choice(len(points), _ASKED, replace=False)]
    if len(some) <= _NEIGHBOUR:
        return _extent(points) or 1.0
    asked = some[:: max(1, len(some) // 2000)]
    tree = KDTree(some, balanced_tree=False, compact_nodes=False)
    distance = tree.query(asked, k=_NEIGHBOUR + 1)[0][:, -1]
    apart = float(np.percentile(distance, 75)) / np.sqrt(_NEIGHBOUR / np.pi)
    apart *= np.sqrt(len(some) / len(points))
    # Points that all lie at a few places say nothing of a surface.
    return max(apart, _extent(points) * 1e-4) or 1.0


def as_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Colours of a file as 8 bits: whole numbers as they are, fractions from 0..1."""
    if values.dtype.kind == "f" and values.size and np.nanmax(values) <= 1:
        values = values * 255
    return np.asarray(np.clip(np.nan_to_num(values), 0, 255), np.uint8)


def _near(points: Numbers) -> NDArray[np.bool_]:
    low, high = np.percentile(points, (1, 99), axis=0)
    reach = float((high - low).max()) * _STRAY
    if reach == 0:
        return np.ones(len(points), bool)
    return np.asarray(((points >= low - reach) & (points <= high + reach)).all(axis=1))


def _extent(points: Numbers) -> float:
    return float(np.ptp(points, axis=0).max())
