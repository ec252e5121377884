"""Where the demo box appears in a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .layout import BOX_DOWN, PICTURE

Floats = NDArray[np.floating[Any]]
"""Single precision throughout; the type is wider because that of numpy's operators is."""


@dataclass(frozen=True)
class Camera:
    """Where the box appears: pixel = centre + scale * rotation(angle) * box coordinate."""

    size: tuple[int, int]
    centre: tuple[float, float]
    scale: float
    angle: float
    """Radians, from +x towards +y."""

    def to_box(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Box coordinates of picture coordinates."""
        cos, sin = math.cos(self.angle) / self.scale, math.sin(self.angle) / self.scale
        dx, dy = x - self.centre[0], y - self.centre[1]
        return dx * cos + dy * sin, dy * cos - dx * sin

    def to_picture(self, u: float, v: float) -> tuple[float, float]:
        """Picture coordinates of a box coordinate."""
        cos, sin = math.cos(self.angle) * self.scale, math.sin(self.angle) * self.scale
        return self.centre[0] + u * cos - v * sin, self.centre[1] + u * sin + v * cos


def place_camera(seed: int, size: tuple[int, int]) -> Camera:
    """A camera that sees the whole box, turned by up to 2 degrees, jittered in place and scale."""
    rng = np.random.default_rng([seed, 3])
    fit = min(size[0] / PICTURE[0], size[1] / PICTURE[1])
    jitter = rng.uniform(-3.0, 3.0, size=2) * fit
    return Camera(
        size,
        centre=(size[0] / 2 + float(jitter[0]), size[1] / 2 + BOX_DOWN * fit + float(jitter[1])),
        scale=fit * float(rng.uniform(0.98, 1.0)),
        angle=math.radians(float(rng.uniform(-2.0, 2.0))),
    )


def pixel_grid(camera: Camera) -> tuple[Floats, Floats]:
    """Box coordinates of the centre of every pixel, each (H, W)."""
    width, height = camera.size
    x = np.arange(width, dtype=np.float32)[None, :] + 0.5
    y = np.arange(height, dtype=np.float32)[:, None] + 0.5
    return camera.to_box(x, y)


def clamped(values: Floats) -> Floats:
    """The values, cut to 0..1."""
    return np.asarray(np.clip(values, 0, 1))


def rgb(red: float, green: float, blue: float) -> Floats:
    """A colour, (3,), to compute with; 255 is as bright as the sensor can see."""
    return np.array((red, green, blue), np.float32)
