"""Where a product appears in a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .levels import Conditions

Floats = NDArray[np.floating[Any]]
"""Single precision throughout; the type is wider because that of numpy's operators is."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Camera:
    """A pinhole above the product: a homography from product (units) to picture coordinates (px)."""

    size: tuple[int, int]
    """Width and height of the picture."""
    centre: Point
    """Where the origin of the product appears."""
    scale: float
    """Pixels per unit at the origin."""
    angle: float = 0.0
    """Radians, from +x towards +y."""
    tilt: Point = (0.0, 0.0)
    """Growth of the scale per pixel to the right and down."""

    @cached_property
    def _matrix(self) -> NDArray[np.float64]:
        cos, sin = math.cos(self.angle) * self.scale, math.sin(self.angle) * self.scale
        turned = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        tilted = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-self.tilt[0], -self.tilt[1], 1.0]])
        moved = np.array([[1.0, 0.0, self.centre[0]], [0.0, 1.0, self.centre[1]], [0.0, 0.0, 1.0]])
        return np.asarray(moved @ tilted @ turned)

    @cached_property
    def _inverse(self) -> NDArray[np.float32]:
        inverse = np.linalg.inv(self._matrix)
        return np.asarray(inverse / inverse[2, 2], np.float32)

    def to_product(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Product coordinates of picture coordinates that broadcast against each other."""
        (a, b, c), (d, e, f), (g, h, _) = self._inverse
        u, v = a * x + (b * y + c), d * x + (e * y + f)
        if self.tilt == (0.0, 0.0):
            return u, v
        depth = 1 / (g * x + (h * y + np.float32(1)))
        return u * depth, v * depth

    def to_picture(self, u: float, v: float) -> Point:
        """Picture coordinates of a product coordinate."""
        x, y, depth = (float(value) for value in self._matrix @ (u, v, 1.0))
        return x / depth, y / depth

    def outline(self, points: Floats) -> Floats:
        """Picture coordinates of product coordinates, both (N, 2)."""
        found = np.column_stack([points, np.ones(len(points))]) @ self._matrix.T
        return np.asarray(found[:, :2] / found[:, 2:])


def place_camera(
    rng: np.random.Generator,
    frame: tuple[float, float],
    size: tuple[int, int],
    conditions: Conditions,
    down: float = 0.0,
) -> Camera:
    """A camera that sees a frame of so many units about the origin, jittered as the conditions allow.

    `down` is how far the origin lies below the middle of the picture, in units.
    """
    fit = min(size[0] / frame[0], size[1] / frame[1])
    reach = conditions.shift * math.hypot(*size)
    x, y, zoom, turn, tilt_x, tilt_y = (float(value) for value in rng.uniform(-1, 1, 6))
    return Camera(
        size,
        centre=(size[0] / 2 + reach * x, size[1] / 2 + down * fit + reach * y),
        scale=fit * (1 - conditions.zoom * (1 + zoom) / 2),
        angle=math.radians(conditions.turn * turn),
        tilt=(
            conditions.tilt * tilt_x / (size[0] / 2),
            conditions.tilt * tilt_y / (size[1] / 2),
        ),
    )


def pixel_grid(camera: Camera) -> tuple[Floats, Floats]:
    """Product coordinates of the centre of every pixel, each (H, W)."""
    width, height = camera.size
    x = np.arange(width, dtype=np.float32)[None, :] + np.float32(0.5)
    y = np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5)
    return camera.to_product(x, y)


def clamped(values: Floats) -> Floats:
    """The values, cut to 0..1."""
    return np.asarray(np.clip(values, 0, 1))


def rgb(red: float, green: float, blue: float) -> Floats:
    """A colour, (3,), to compute with; 255 is as bright as the sensor can see."""
    return np.array((red, green, blue), np.float32)
