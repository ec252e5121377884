"""Small things that lie in the demo box: pins and nuts, drawn with light and shade."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from .camera import Camera, Floats, clamped, rgb
from .layout import BODY_LENGTH, FLANGE_RADIUS, NEEDLE_LENGTH, Nut, Pin, half_extent

YELLOW, RED = rgb(292, 236, 62), rgb(214, 42, 38)
STEEL = rgb(176, 164, 154)
LAMP = (-0.36, -0.46, 0.81)
"""Direction to the lamp in picture axes; z points to the camera."""
NUT_RADIUS = 11.0
"""In units, of the circle inside the hexagon."""
SUPERSAMPLING = 2
"""Samples per pixel and axis."""


@dataclass(frozen=True)
class Sprite:
    """A drawn thing: place of its window in the picture, colour, and how much of each pixel it covers."""

    x: int
    y: int
    colour: Floats
    cover: Floats

    def paste(self, picture: Floats) -> None:
        """Draw on `picture`, (H, W, 3), in place."""
        window = self._window(picture)
        window += (self.colour - window) * self.cover[..., None]

    def raise_cover(self, cover: Floats) -> None:
        """Add this thing to a coverage map, (H, W), in place."""
        window = self._window(cover)
        np.maximum(window, self.cover, out=window)

    def _window(self, picture: Floats) -> Floats:
        height, width = self.cover.shape
        return picture[self.y : self.y + height, self.x : self.x + width]


def draw_pin(pin: Pin, camera: Camera) -> Sprite:
    """A pushpin on its side: a solid of revolution with a tapered needle."""
    length = BODY_LENGTH + NEEDLE_LENGTH
    x, y, along, across = _samples(pin, half_extent(pin.angle, pin.scale), camera)
    along, across = along / pin.scale + length / 2, across / pin.scale
    sharpness = camera.scale * pin.scale * SUPERSAMPLING
    body, body_colour = _body(along, across, sharpness, pin, camera)
    needle, needle_colour = _needle(along, across, sharpness)
    colour = needle_colour + (body_colour - needle_colour) * body[..., None]
    return _shrink(x, y, colour, np.maximum(body, needle))


def draw_nut(nut: Nut, camera: Camera) -> Sprite:
    """A brushed hexagon nut."""
    x, y, u, v = _samples(nut, (NUT_RADIUS * 1.2, NUT_RADIUS * 1.2), camera)
    sixth = math.pi / 3
    turn = np.arctan2(v, u)
    radius = np.hypot(u, v)
    to_edge = radius * np.cos(np.mod(turn + sixth / 2, sixth) - sixth / 2)
    sharpness = camera.scale * SUPERSAMPLING
    hole = NUT_RADIUS * 0.52
    cover = clamped(np.minimum(NUT_RADIUS - to_edge, radius - hole) * sharpness + 0.5)
    bevel = clamped((to_edge - NUT_RADIUS + 2.5) / 2.5) + clamped((hole + 2 - radius) / 2)
    brushed = 0.2 * np.sin(turn * 2 + 0.6) + 0.07 * np.sin(radius * 5)
    grey = 0.72 + brushed - 0.4 * bevel * np.sin(turn - 0.9)
    return _shrink(x, y, grey[..., None] * STEEL, cover)


def _samples(thing: Pin | Nut, half: tuple[float, float], camera: Camera) -> tuple[int, int, Floats, Floats]:
    """The window of the picture around a thing of some half width and half height (units).

    Returns the top left pixel of the window, and the coordinates of its samples along and across the thing.
    """
    x, y = camera.to_picture(thing.x, thing.y)
    # The camera is turned a little, so the thing takes a little more than it does in the box.
    far_x, far_y = ((extent + 3) * camera.scale + 1 for extent in half)
    x0, y0 = max(math.floor(x - far_x), 0), max(math.floor(y - far_y), 0)
    x1, y1 = min(math.ceil(x + far_x), camera.size[0]), min(math.ceil(y + far_y), camera.size[1])
    step = 1 / SUPERSAMPLING
    across = (np.arange((x1 - x0) * SUPERSAMPLING, dtype=np.float32) + 0.5) * step + x0
    down = (np.arange((y1 - y0) * SUPERSAMPLING, dtype=np.float32) + 0.5) * step + y0
    u, v = camera.to_box(across[None, :], down[:, None])
    u, v = u - thing.x, v - thing.y
    cos, sin = math.cos(math.radians(thing.angle)), math.sin(math.radians(thing.angle))
    return x0, y0, u * cos + v * sin, v * cos - u * sin


def _radius(along: Floats) -> Floats:
    """Radius of the pin's body at a distance from its tail: two domed flanges and a waist."""

    def flange(middle: float, half: float, radius: float) -> Floats:
        inside = np.maximum(1 - np.square((along - middle) / half), 0)
        return np.asarray(radius * np.sqrt(inside))

    waist = 4.7 + 1.1 * np.square((along - 19) / 15)
    waist *= (along > 3) & (along < 36)
    tail = flange(3.4, 3.4, FLANGE_RADIUS * 0.9)
    head = flange(BODY_LENGTH - 3.8, 3.8, FLANGE_RADIUS)
    return np.maximum(waist, np.maximum(tail, head))


def _body(along: Floats, across: Floats, sharpness: float, pin: Pin, camera: Camera) -> tuple[Floats, Floats]:
    """Coverage and colour of the plastic body."""
    radius = _radius(along)
    slope = np.clip((_radius(along + 0.4) - _radius(along - 0.4)) / 0.8, -4, 4)
    steep = np.sqrt(1 + np.square(slope))
    cover = clamped((radius - np.abs(across)) / steep * sharpness + 0.5) * (radius > 0)
    side = np.clip(across / np.maximum(radius, 1), -1, 1)
    up = np.sqrt(1 - np.square(side)) / steep

    def facing(along_part: float, across_part: float, up_part: float) -> Floats:
        """Cosine of the angle between the surface and a direction in the axes of the pin, at least 0."""
        return np.asarray(np.maximum((side * across_part - slope * along_part) / steep + up * up_part, 0))

    turn = math.radians(pin.angle) + camera.angle
    lamp_along = math.cos(turn) * LAMP[0] + math.sin(turn) * LAMP[1]
    lamp_across = math.cos(turn) * LAMP[1] - math.sin(turn) * LAMP[0]
    shade = np.clip(0.46 + 0.22 * up + 0.46 * facing(lamp_along, lamp_across, LAMP[2]), 0.05, 1.2)
    colour = np.stack([shade**0.6, shade, shade**1.15], -1) * (RED if pin.red else YELLOW)
    # Blinn's half-way vector: the surface mirrors the lamp into the camera where it faces half-way between.
    half_way = math.sqrt(2 + 2 * LAMP[2])
    glint = facing(lamp_along / half_way, lamp_across / half_way, (LAMP[2] + 1) / half_way)
    return cover, colour + 95 * (glint**48)[..., None]


def _needle(along: Floats, across: Floats, sharpness: float) -> tuple[Floats, Floats]:
    """Coverage and colour of the metal needle."""
    tip = BODY_LENGTH + NEEDLE_LENGTH
    half = np.clip((tip - along) / 8, 0.25, 1) * 1.05
    to_end = np.minimum(tip - along, along - (BODY_LENGTH - 3))
    cover = clamped(np.minimum(half - np.abs(across), to_end) * sharpness + 0.5)
    gloss = np.exp(-np.square(across / half + 0.35) * 3)
    grey = 0.5 + 0.66 * gloss + 0.12 * np.sin(along * 0.55)
    return cover, grey[..., None] * STEEL


def _shrink(x: int, y: int, colour: Floats, cover: Floats) -> Sprite:
    """Average the samples of every pixel, colours weighted by their coverage."""
    size = (cover.shape[1] // SUPERSAMPLING, cover.shape[0] // SUPERSAMPLING)
    small = cv2.resize(cover, size, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)
    weighted = cv2.resize(colour * cover[..., None], size, interpolation=cv2.INTER_AREA)
    return Sprite(x, y, (weighted / np.maximum(small, 1e-3)[..., None]).astype(np.float32), small)
