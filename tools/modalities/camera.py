"""From points in space to pixels of a view, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from .cloud import Numbers
from .view import Angles

_MARGIN: Final = 0.05
"""Free on each side of a view, in widths."""
_LONG: Final = 1.5
"""A cloud this many times longer than all but one percent of its points has outliers."""


@dataclass(frozen=True, eq=False)
class Camera:
    """Looks at a cloud from far away (orthographic): equal lengths are equal in all of its views."""

    rotation: Numbers
    """(3, 3) from the axes of the file to x right, y up, z towards the viewer."""
    centre: Numbers
    """(3,) what is shown in the middle of the view, in file coordinates."""
    scale: float
    """Pixels a unit of the file."""
    size: int
    """Width and height of the view in pixels."""

    def project(self, points: Numbers) -> Numbers:
        """Where points, (N, 3), are drawn, (N, 3).

        x and y in pixels from the top left corner of the view, where the first pixel goes from 0 to 1;
        depth in units of the file, away from the viewer, 0 in the plane through the centre.
        """
        seen = (points - self.centre) @ self.rotation.T
        half = self.size / 2
        return np.stack([half + self.scale * seen[:, 0], half - self.scale * seen[:, 1], -seen[:, 2]], axis=1)


def cameras_around(points: Numbers, angles: Sequence[Angles], size: int, looks_along_z: bool) -> list[Camera]:
    """One camera for each turn, all with the same scale, so that the points fit into all views.

    `looks_along_z`: z of the file points away from the viewer and y down.
    """
    flip = np.diag([1.0, -1.0, -1.0]) if looks_along_z else np.eye(3)
    low, high = _bounds(points)
    centre = (low + high) / 2
    rotations = [_rotation(turn) @ flip for turn in angles]
    # A million points tell the extent of a view no better than some thousands.
    some = points[:: max(1, len(points) // 50_000)] - centre
    some = some[(np.abs(some) <= (high - low) / 2 + 1e-12).all(axis=1)]
    reach = max((float(np.abs(some @ turn[:2].T).max(initial=0)) for turn in rotations), default=0)
    scale = size * (0.5 - _MARGIN) / reach if reach > 0 else 1.0
    return [Camera(turn, centre, scale, size) for turn in rotations]


def _bounds(points: Numbers) -> tuple[Numbers, Numbers]:
    low, high = points.min(axis=0), points.max(axis=0)
    most_low, most_high = np.percentile(points, (0.5, 99.5), axis=0)
    if (high - low).max() > _LONG * (most_high - most_low).max() > 0:
        return most_low, most_high
    return low, high


def _rotation(angles: Angles) -> Numbers:
    """The matrix that turns by `angles`, in degrees, about x, then y, then z, right-handed."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(angles)):
        turn = np.eye(3)
        first, second = (axis + 1) % 3, (axis + 2) % 3
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[second, first], turn[first, second] = np.sin(angle), -np.sin(angle)
        matrix = turn @ matrix
    return matrix
