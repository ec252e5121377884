"""Where a product appears in a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .levels import Conditions

Floats = NDArray[np.floating[Any]]
"""Single precision throughout; the type is wider because that of numpy's operators is."""

Point = tuple[float, float]

_WHOLE = 0.93
"""This share of the frame, across and down, is in every picture, however the camera is turned and tilted."""


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
    def matrix(self) -> NDArray[np.float64]:
        """From (u, v, 1) to (x, y, 1) times the depth."""
        cos, sin = math.cos(self.angle) * self.scale, math.sin(self.angle) * self.scale
        turned = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        tilted = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-self.tilt[0], -self.tilt[1], 1.0]])
        moved = np.array([[1.0, 0.0, self.centre[0]], [0.0, 1.0, self.centre[1]], [0.0, 0.0, 1.0]])
        return np.asarray(moved @ tilted @ turned)

    @cached_property
    def _inverse(self) -> NDArray[np.float32]:
        inverse = np.linalg.inv(self.matrix)
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
        x, y, depth = (float(value) for value in self.matrix @ (u, v, 1.0))
        return x / depth, y / depth

    def outline(self, points: Floats) -> Floats:
        """Picture coordinates of product coordinates, both (N, 2)."""
        found = np.column_stack([points, np.ones(len(points))]) @ self.matrix.T
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
    camera = Camera(
        size,
        centre=(size[0] / 2 + reach * x, size[1] / 2 + down * fit + reach * y),
        scale=fit * (1 - conditions.zoom * (1 + zoom) / 2),
        angle=math.radians(conditions.turn * turn),
        tilt=(
            conditions.tilt * tilt_x / (size[0] / 2),
            conditions.tilt * tilt_y / (size[1] / 2),
        ),
    )
    return _backed_off(camera, (_WHOLE * frame[0] / 2, _WHOLE * frame[1] / 2), down)


def _backed_off(camera: Camera, half: Point, down: float) -> Camera:
    """The camera, as much further away as shows the whole of a rectangle about the middle of the frame."""
    corners = np.array([(x * half[0], y * half[1] - down) for x in (-1, 1) for y in (-1, 1)])
    for _ in range(4):
        seen = camera.outline(corners)
        away = np.abs(seen - np.array(camera.size) / 2) / (np.array(camera.size) / 2)
        if (most := float(away.max())) <= 1:
            break
        camera = replace(camera, scale=camera.scale / most)
    return camera
