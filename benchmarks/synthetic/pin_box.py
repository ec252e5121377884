"""The box of the pushpins: a tray of clear plastic with 3 rows and 5 columns of compartments on a dark table.

Its plastic adds light to what lies behind it. Source of the look: pictures of such boxes under a ring light.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from .camera import Floats
from .light import clamped, grey, rgb, tinted
from .pins import Pin, draw_pin
from .planes import seen_plane
from .shapes import Rectangle, rounded_box
from .sprites import Sprite, sample
from .stage import Stage

ROWS, COLUMNS = 3, 5
FRAME = (586.0, 346.0)
"""Width and height of what the camera sees, in units."""
BOX_HALF = (265.0, 143.0)
"""Half width and half height of the box in units. The origin of product coordinates is its middle."""
BOX_DOWN = 15.0
"""How far the middle of the box lies below that of the picture."""
WALL = 9.0
"""Thickness of the outer wall as seen from above, in units."""
PITCH = (2 * (BOX_HALF[0] - WALL) / COLUMNS, 2 * (BOX_HALF[1] - WALL) / ROWS)
"""Width and height of a compartment, in units."""
CORNER = 22.0
"""Radius of the outer corners of the box, in units."""

_TABLE = rgb(8.0, 17.0, 31.0)
_FLOOR = rgb(31.0, 30.0, 31.0)
_PLASTIC = rgb(1.0, 0.93, 0.87)
"""Colour of the light that the box scatters towards the camera."""
_ROOM = (BOX_HALF[0] - WALL, BOX_HALF[1] - WALL)
"""Half the width and half the height of the room in the box, units."""
_VIEW = (300.0, 180.0)
"""Half of what is drawn of the empty box once for all pictures, units."""
_KNOT = 7.0
"""Half the width of the thickening where two walls meet, in units."""

Cell = tuple[int, int]
"""Row and column of a compartment, from 1."""


class Separator(NamedTuple):
    """The piece of wall between a compartment and the one right of it, or below it."""

    cell: Cell
    upright: bool

    @property
    def middle(self) -> tuple[float, float]:
        """Its middle, in units."""
        x0, y0, x1, y1 = room(self.cell)
        return (x1, (y0 + y1) / 2) if self.upright else ((x0 + x1) / 2, y1)

    @property
    def half_length(self) -> float:
        """Between the knots at its ends, in units."""
        return PITCH[1 if self.upright else 0] / 2 - _KNOT


CELLS: tuple[Cell, ...] = tuple(
    (row, column) for row in range(1, ROWS + 1) for column in range(1, COLUMNS + 1)
)
SEPARATORS = tuple(
    [Separator(cell, True) for cell in CELLS if cell[1] < COLUMNS]
    + [Separator(cell, False) for cell in CELLS if cell[0] < ROWS]
)


def room(cell: Cell, margin: float = 0.0) -> Rectangle:
    """The floor of a compartment, less a margin on all sides."""
    x0 = -BOX_HALF[0] + WALL + (cell[1] - 1) * PITCH[0]
    y0 = -BOX_HALF[1] + WALL + (cell[0] - 1) * PITCH[1]
    return x0 + margin, y0 + margin, x0 + PITCH[0] - margin, y0 + PITCH[1] - margin


def draw_box(stage: Stage, pins: Sequence[Pin], missing: Collection[Separator] = ()) -> list[Sprite]:
    """The table and the empty box, with the light that the pins take from it; the pins, not pasted yet."""
    sprites = [draw_pin(pin, stage.camera) for pin in pins]
    inside, plastic, band = seen_plane(stage.camera, _empty_box, _VIEW)
    _ground(stage, inside)
    for sprite in sprites:
        stage.shadow(sprite, 0.55, 3.5, (1.5, 2.0))
    stage.claim(0, 0, inside >= 0.5, "box", keeps=True)
    plastic += 16 * band * stage.clouds(14)
    for separator in SEPARATORS:
        if separator not in missing:
            _add_separator(stage, separator, plastic)
    plastic *= inside
    plastic *= 1 + 0.14 * stage.clouds(40) + 0.06 * stage.clouds(9)
    stage.picture += tinted(plastic, _PLASTIC) + grey(plastic) * _mirrored(stage, sprites)
    return sprites


def box_distance(u: Floats, v: Floats) -> Floats:
    """The box with its latch at the top and the hinge of its lid at the bottom, which keep it symmetric."""
    body = rounded_box(u, v, BOX_HALF, CORNER)
    latch = rounded_box(u, v + np.float32(BOX_HALF[1]), (48.0, 5.0), 3.0)
    hinge = rounded_box(u, v - np.float32(BOX_HALF[1]), (150.0, 5.0), 3.0)
    return np.minimum(body, np.minimum(latch, hinge))


def _ridge(distance: Floats, width: float) -> Floats:
    """A bright line along distance 0 with a soft profile, 0 to 1."""
    near = np.maximum(1 - np.square(distance * np.float32(1 / (2.6 * width))), 0)
    return np.asarray(near * near)


def _empty_box(u: Floats, v: Floats, dots: float) -> tuple[Floats, ...]:
    """How much of each sample the box covers; the light of its walls, grey levels; where they are rough."""
    distance = box_distance(u, v)
    inner = rounded_box(u, v, _ROOM, CORNER - 8)
    band = clamped(distance * -0.5) * clamped(inner / 3 + 1)
    rim = 150 * _ridge(distance + 1.2, 0.8) + 78 * _ridge(inner + 1.5, 1.2)
    foot = 15 * _ridge(inner + 9, 5.0) + 14 * _ridge(inner + 15, 0.9)
    return clamped(0.5 - distance * dots), np.maximum(rim + 60 * band + foot, _knots(u, v)), band


def _knots(u: Floats, v: Floats) -> Floats:
    """Where two partitions meet there is a small thickened square, but not in the corners of the box."""
    to_line = [
        np.abs(np.mod(place + room + pitch / 2, pitch) - pitch / 2)
        for place, room, pitch in zip((u, v), _ROOM, PITCH, strict=True)
    ]
    beyond = np.maximum(np.abs(u) - _ROOM[0], np.abs(v) - _ROOM[1])
    corner = (np.abs(u) > _ROOM[0] - 9) & (np.abs(v) > _ROOM[1] - 9)
    return np.asarray(105 * clamped(5 - np.maximum(*to_line)) * (beyond < 6) * ~corner)


def _add_separator(stage: Stage, separator: Separator, plastic: Floats) -> None:
    """A wall: bright upper edge, and the side face that the camera above the middle sees."""
    half = separator.half_length + _KNOT
    samples = sample(stage.camera, separator.middle, (half, 11.0), 90.0 if separator.upright else 0.0, 1)
    bend = 0.8 * np.sin(samples.along / 38 + stage.rng.uniform(0, 6))
    offset = samples.across - bend
    aside = separator.middle[0] if separator.upright else -separator.middle[1]
    # Across points to -x where the wall is upright, to +y where it is level.
    towards = (offset if aside > 0 else -offset) / (0.045 * abs(aside) + 1)
    face = clamped(towards * 4 + 1) * clamped((1 - towards) * 3)
    light = 122 * _ridge(offset, 1.3) + 52 * face + 22 * _ridge(towards - 1, 0.25)
    light *= samples.coverage(np.abs(samples.along) - half)
    height, width = light.shape
    window = plastic[samples.y : samples.y + height, samples.x : samples.x + width]
    np.maximum(window, light, out=window)
    core = (np.abs(offset) < 2.4) & (np.abs(samples.along) < separator.half_length)
    stage.claim(samples.x, samples.y, core, "separator")


def _mirrored(stage: Stage, sprites: Sequence[Sprite]) -> Floats:
    """(H, W, 3), the colour that plastic takes from the pins near it."""
    width, height = stage.camera.size
    glow = np.zeros((height, width, 3), np.float32)
    for sprite in sprites:
        sprite.paste(glow)
    # Far out of focus, so a quarter of the resolution shows all there is.
    small = cv2.resize(glow, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(stage.camera.scale, 0.3))
    return np.asarray(
        cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR) * np.float32(1 / 150)
    )


def _ground(stage: Stage, inside: Floats) -> None:
    """Table and box floor with smears and dust."""
    smear = stage.clouds(24)
    picture = stage.picture
    picture += tinted(1 - inside, _TABLE) + tinted(inside, _FLOOR)
    picture += grey(smear * (0.5 + inside))
    stage.dust()
