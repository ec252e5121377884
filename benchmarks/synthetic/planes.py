"""What is the same on every picture of a product: drawn once a process, then seen by each camera."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from .camera import Camera, Floats, Point

Drawing = Callable[[Floats, Floats, float], tuple[Floats, ...]]
"""(u, v, dots): product coordinates, units, at so many samples a unit -> fields of the same shape."""

_STEPS = 4
"""Planes are drawn at scales of 1/4, 2/4, 3/4 ... samples a unit."""
_KEPT = 16


def seen_plane(camera: Camera, drawing: Drawing, half: Point) -> tuple[Floats, ...]:
    """The fields of a drawing as a camera sees them, each (H, W).

    Half the width and half the height of the drawing are given, in units; beyond its border it goes on as at
    the border. At most four fields.
    """
    dots = max(1, np.ceil(camera.scale * _STEPS)) / _STEPS
    plane = _drawn(drawing, half, dots)
    # From the middles of the plane's samples, (0, 0) being the first, to units, to the middles of pixels.
    to_units = np.array([[1 / dots, 0, 0.5 / dots - half[0]], [0, 1 / dots, 0.5 / dots - half[1]], [0, 0, 1]])
    to_middles = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    seen = cv2.warpPerspective(
        plane, to_middles @ camera.matrix @ to_units, camera.size, borderMode=cv2.BORDER_REPLICATE
    )
    return tuple(np.asarray(field, np.float32) for field in cv2.split(seen))


@lru_cache(maxsize=_KEPT)
def _drawn(drawing: Drawing, half: Point, dots: float) -> Floats:
    """The fields as one array, (h, w, number of fields)."""
    u = (np.arange(round(2 * half[0] * dots), dtype=np.float32) + np.float32(0.5)) / dots - half[0]
    v = (np.arange(round(2 * half[1] * dots), dtype=np.float32) + np.float32(0.5)) / dots - half[1]
    fields = drawing(*np.meshgrid(u.astype(np.float32), v.astype(np.float32)), dots)
    return np.asarray(cv2.merge([np.asarray(field, np.float32) for field in fields]))
