"""The demo box without its content: table, floor, walls and light.

Everything is computed in box coordinates (units, origin in the middle of the box) at the centre of every
pixel, with edges as signed distances, so nothing needs to be drawn larger first.
"""

from __future__ import annotations

import cv2
import numpy as np

from .camera import Camera, Floats, clamped, rgb
from .layout import BOX_HALF, COLUMNS, PICTURE, ROWS, WALL

TABLE = rgb(8.0, 17.0, 31.0)
FLOOR = rgb(31.0, 30.0, 31.0)
CORNER = 22.0
"""Radius of the outer corners of the box, in units."""


def coverage(distance: Floats, camera: Camera) -> Floats:
    """Coverage of pixels from the signed distance (units, negative inside) of their centres to an edge."""
    return clamped(0.5 - distance * camera.scale)


def _rounded(u: Floats, v: Floats, half: tuple[float, float], radius: float, middle: float = 0.0) -> Floats:
    """Signed distance to a rounded rectangle about (0, middle), negative inside."""
    across = np.abs(u) - (half[0] - radius)
    down = np.abs(v - middle) - (half[1] - radius)
    corner = np.sqrt(np.square(np.maximum(across, 0)) + np.square(np.maximum(down, 0)))
    return np.asarray(corner + np.minimum(np.maximum(across, down), 0) - radius)


def box_distance(u: Floats, v: Floats) -> Floats:
    """The box with its latch at the top and the hinge of its lid at the bottom, which keep it symmetric."""
    body = _rounded(u, v, BOX_HALF, CORNER)
    latch = _rounded(u, v, (48.0, 5.0), 3.0, middle=-BOX_HALF[1])
    hinge = _rounded(u, v, (150.0, 5.0), 3.0, middle=BOX_HALF[1])
    return np.minimum(body, np.minimum(latch, hinge))


def _ridge(distance: Floats, width: float) -> Floats:
    """A bright line along distance 0 with a soft profile, 0 to 1."""
    return np.exp((-0.5 / width**2) * np.square(distance))


def walls(u: Floats, v: Floats, distance: Floats, camera: Camera, rng: np.random.Generator) -> Floats:
    """Light that the plastic scatters, grey levels at every pixel."""
    inner = _rounded(u, v, (BOX_HALF[0] - WALL, BOX_HALF[1] - WALL), CORNER - 8)
    band = clamped(distance * -0.5) * clamped(inner / 3 + 1)
    rim = 150 * _ridge(distance + 1.2, 0.8) + 78 * _ridge(inner + 1.5, 1.2)
    foot = 15 * _ridge(inner + 9, 5.0) + 14 * _ridge(inner + 15, 0.9)
    frame = rim + band * (60 + 16 * _clouds(14, camera, rng)) + foot
    partition = np.maximum(
        _partitions(u, v, COLUMNS, BOX_HALF[0], rng), _partitions(v, u, ROWS, BOX_HALF[1], rng)
    )
    crossing = np.maximum(partition * (inner < 0), 105 * _knots(u, v) * (inner < 2))
    uneven = 1 + 0.16 * _clouds(40, camera, rng) + 0.07 * _clouds(9, camera, rng)
    return np.asarray(np.maximum(frame, crossing) * uneven)


def _partitions(across: Floats, along: Floats, count: int, half: float, rng: np.random.Generator) -> Floats:
    """The walls between `count` compartments: bright upper edge, dim side face towards the middle."""
    pitch = 2 * (half - WALL) / count
    first = WALL - half
    number = np.clip(np.rint((across - first) / pitch), 1, count - 1)
    edge = number * pitch + first
    bend = 0.8 * np.sin(along / 38 + number * rng.uniform(1, 3))
    offset = across - edge - bend
    # The camera stands above the middle, so it sees the side of every wall that faces the middle.
    towards = np.where(edge > 0, -offset, offset) / (0.045 * np.abs(edge) + 1)
    face = clamped(towards * 4 + 1) * clamped((1 - towards) * 3)
    return 122 * _ridge(offset, 1.3) + 52 * face + 22 * _ridge(towards - 1, 0.25)


def _knots(u: Floats, v: Floats) -> Floats:
    """Where two partitions meet, a small thickened square, 0 to 1."""
    pitch_u, pitch_v = 2 * (BOX_HALF[0] - WALL) / COLUMNS, 2 * (BOX_HALF[1] - WALL) / ROWS
    first_u, first_v = -BOX_HALF[0] + WALL, -BOX_HALF[1] + WALL
    du = u - (np.clip(np.rint((u - first_u) / pitch_u), 1, COLUMNS - 1) * pitch_u + first_u)
    dv = v - (np.rint((v - first_v) / pitch_v) * pitch_v + first_v)
    return clamped(5 - np.maximum(np.abs(du), np.abs(dv)))


def _clouds(units: float, camera: Camera, rng: np.random.Generator) -> Floats:
    """(H, W), a smooth random field with details of about so many units, mostly within -2 to 2."""
    width, height = camera.size
    grain = max(1, round(units * camera.scale))
    coarse = rng.standard_normal((height // grain + 2, width // grain + 2), dtype=np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def light(u: Floats, v: Floats, rng: np.random.Generator) -> Floats:
    """The soft gradient of the lamp over the picture, about 0.85 to 1.1."""
    slope = rng.uniform(-0.05, 0.05) * u / BOX_HALF[0] + rng.uniform(-0.05, 0.05) * v / BOX_HALF[1]
    fall = np.square(u / PICTURE[0]) + np.square(v / PICTURE[1])
    return rng.uniform(0.98, 1.05) + slope - 0.32 * fall


def ground(inside: Floats, camera: Camera, rng: np.random.Generator) -> Floats:
    """Table and box floor with smears and dust."""
    height, width = inside.shape
    smear = _clouds(24, camera, rng)
    picture = TABLE + inside[..., None] * (FLOOR - TABLE)
    picture += (smear * (0.5 + inside))[..., None]
    for _ in range(int(rng.integers(25, 60))):
        x, y = rng.uniform(0, 1, size=2) * (width, height)
        radius = float(rng.uniform(0.3, 0.9)) * camera.scale
        shade = picture[int(y), int(x)] + rng.uniform(8, 38)
        centre = (int(x * 16), int(y * 16))
        cv2.circle(picture, centre, max(int(radius * 16), 6), shade.tolist(), -1, cv2.LINE_AA, shift=4)
    return picture
