"""Things that cover a small window of the picture: drawn with light and shade, and pasted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import Camera, Floats, Point
from .light import clamped, grey, power, tinted

LAMP = (-0.36, -0.46, 0.81)
"""Direction to the lamp in picture axes; z points to the camera."""

SAMPLING = 2
"""Samples per pixel and axis."""


@dataclass(frozen=True)
class Sprite:
    """A drawn thing: place of its window in the picture, colour, and how much of each pixel it covers."""

    x: int
    y: int
    colour: Floats
    """(h, w, 3)"""
    cover: Floats
    """(h, w), 0 to 1"""

    def paste(self, picture: Floats) -> None:
        """Draw on `picture`, (H, W, 3), in place."""
        window = self.window(picture)
        window += (self.colour - window) * grey(self.cover)

    def shadow(self, scale: float, spread: float, offset: Point) -> tuple[int, int, Floats]:
        """Its soft shadow, (h, w) of 0 to 1, and where that is in the picture; all but the scale in units."""
        pad = int(3 * spread * scale + 2)
        soft = cv2.copyMakeBorder(self.cover, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
        soft = cv2.GaussianBlur(soft, (0, 0), max(spread * scale, 0.5))
        x, y = self.x - pad + round(offset[0] * scale), self.y - pad + round(offset[1] * scale)
        return x, y, np.asarray(soft, np.float32)

    def raise_cover(self, cover: Floats) -> None:
        """Add this thing to a coverage map, (H, W), in place."""
        window = self.window(cover)
        np.maximum(window, self.cover, out=window)

    def window(self, picture: Floats) -> Floats:
        """The part of `picture` that the thing may cover."""
        height, width = self.cover.shape
        return picture[self.y : self.y + height, self.x : self.x + width]


@dataclass(frozen=True)
class Stamp:
    """A ready-made thing with its shadow, to be put anywhere."""

    light: Floats
    """(h, w, 3), what it adds to the picture."""
    kept: Floats
    """(h, w, 3), the share that it leaves of what was there."""
    mask: NDArray[np.bool_]
    """(h, w), where it is seen."""


@dataclass(frozen=True)
class Samples:
    """The sample points of a window in the axes of a thing, units; origin at the thing's own origin."""

    x: int
    y: int
    along: Floats
    across: Floats
    step: float
    """Distance between two samples, units."""
    turn: float
    """Radians from the picture's +x to the thing's +x."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns of samples."""
        return self.along.shape

    def window(self, picture: Floats) -> Floats:
        """The part of `picture`, (H, W, 3), that was sampled; one sample a pixel."""
        height, width = self.shape
        return picture[self.y : self.y + height, self.x : self.x + width]

    def coverage(self, distance: Floats) -> Floats:
        """How much of each sample is covered, from the signed distance to an outline, negative inside."""
        return clamped(0.5 - distance / self.step)


def sample(camera: Camera, at: Point, half: Point, angle: float = 0.0, sampling: int = SAMPLING) -> Samples:
    """Sample the window that holds a rectangle of half extents `half` about `at`, turned by `angle` degrees.

    The window is cut off at the border of the picture; a thing wholly outside has an empty one.
    """
    turn = math.radians(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    signs = [(-1, -1), (-1, 1), (1, 1), (1, -1)]
    corners = np.array([(sx * (half[0] + 1.5), sy * (half[1] + 1.5)) for sx, sy in signs])
    turned = corners @ np.array([[cos, sin], [-sin, cos]]) + at
    seen = camera.outline(turned)
    low, high = np.floor(seen.min(axis=0)).astype(int) - 1, np.ceil(seen.max(axis=0)).astype(int) + 1
    x0, y0 = max(int(low[0]), 0), max(int(low[1]), 0)
    x1, y1 = max(min(int(high[0]), camera.size[0]), x0), max(min(int(high[1]), camera.size[1]), y0)
    step = 1 / sampling
    x = ((np.arange((x1 - x0) * sampling) + 0.5) * step + x0).astype(np.float32)
    y = ((np.arange((y1 - y0) * sampling) + 0.5) * step + y0).astype(np.float32)
    u, v = camera.to_product(x[None, :], y[:, None])
    u, v = u - np.float32(at[0]), v - np.float32(at[1])
    along = u * np.float32(cos) + v * np.float32(sin)
    across = v * np.float32(cos) - u * np.float32(sin)
    return Samples(x0, y0, along, across, step / camera.scale, turn + camera.angle)


def shrink(samples: Samples, colour: Floats, cover: Floats, sampling: int = SAMPLING) -> Sprite:
    """Average the samples of every pixel, colours weighted by their coverage."""
    size = (cover.shape[1] // sampling, cover.shape[0] // sampling)
    if not size[0] or not size[1] or sampling == 1:
        return Sprite(samples.x, samples.y, colour.astype(np.float32), cover.astype(np.float32))
    small = cv2.resize(cover, size, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)
    weighted = cv2.resize(colour * grey(cover), size, interpolation=cv2.INTER_AREA)
    return Sprite(samples.x, samples.y, weighted / grey(np.maximum(small, 1e-3)), small)


def stamp_of(
    sprite: Sprite, camera: Camera, depth: float, spread: float, offset: Point, tint: float
) -> Stamp:
    """A stamp as large as the picture of a camera of its own."""
    width, height = camera.size
    light, cover = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    sprite.paste(light)
    sprite.raise_cover(cover)
    x, y, soft = sprite.shadow(camera.scale, spread, offset)
    move = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
    soft = np.asarray(cv2.warpAffine(soft, move, camera.size, flags=cv2.INTER_NEAREST), np.float32)
    return Stamp(light * np.float32(tint), grey((1 - cover) * (1 - depth * soft)), cover >= 0.5)


Material = Callable[[Floats, Floats, Floats], Floats]
"""(nx, ny, nz) of a surface in picture axes -> light towards the camera, (h, w) or (h, w, 3)."""


def normals(height: Floats, step: float) -> tuple[Floats, Floats, Floats]:
    """Unit normals of a height field whose samples are `step` apart; z points to the camera."""
    if min(height.shape) < 2:
        flat = np.zeros_like(height)
        return flat, flat, flat + 1
    down, right = np.gradient(height, np.float32(step))
    length = 1 / np.sqrt(1 + right * right + down * down)
    return -right * length, -down * length, length


def plastic(colour: Floats, gloss: float = 0.35, ambient: float = 0.42, shine: float = 40.0) -> Material:
    """A dielectric: the lamp's light scattered in `colour`, and mirrored in its own colour (Blinn-Phong)."""
    half_way = math.sqrt(2 + 2 * LAMP[2])
    mirror = (LAMP[0] / half_way, LAMP[1] / half_way, (LAMP[2] + 1) / half_way)

    def material(x: Floats, y: Floats, z: Floats) -> Floats:
        facing = np.maximum(x * LAMP[0] + y * LAMP[1] + z * LAMP[2], 0)
        shade = ambient * (0.6 + 0.4 * z) + (1 - ambient) * facing / LAMP[2]
        glint = power(x * mirror[0] + y * mirror[1] + z * mirror[2], shine)
        return np.asarray(tinted(shade, colour) + grey((255 * gloss) * glint))

    return material


def metal(colour: Floats, rough: float = 1.0) -> Material:
    """A mirror of a room: a soft box at the lamp, a bright ceiling, a dark horizon."""

    def material(x: Floats, y: Floats, z: Floats) -> Floats:
        away_x, away_y, away_z = 2 * z * x, 2 * z * y, 2 * z * z - 1
        box = power(away_x * LAMP[0] + away_y * LAMP[1] + away_z * LAMP[2], 14 / rough)
        ceiling = clamped(0.5 + 0.5 * away_z)
        horizon = np.exp(-np.square(away_z / 0.35)) * 0.22
        light = 0.16 + 0.52 * ceiling - 0.14 * away_y * (1 - ceiling) - horizon + 0.75 * box
        return np.asarray(tinted(np.maximum(light, 0.04), colour))

    return material
