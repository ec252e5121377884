"""Connectors with a lever for each of their clamps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .camera import Floats, Point
from .light import clamped, grey, rgb, tinted
from .shapes import rounded_box
from .sprites import Sprite, normals, plastic, sample, shrink
from .stage import Stage

DEPTH, SLOT = 132.0, 45.0
"""Width of a connector, and height of one of its clamps, units."""
EDGE = 9.0
"""Above the first and below the last clamp, units."""
COPPER, LEVER = rgb(204, 122, 72), rgb(244, 112, 18)
_BODY = rgb(176, 178, 176)


@dataclass(frozen=True)
class Connector:
    """One connector: where it is, and what is odd about it."""

    side: int
    """-1 for the left one, 1 for the right one."""
    clamps: int
    at: Point
    angle: float
    opened: int = -1
    """Number of the clamp whose lever stands open, from 0; -1 for none."""
    odd: int = -1
    """Number of the clamp whose lever has another colour."""
    flipped: bool = False
    broken: bool = False

    @property
    def half(self) -> tuple[float, float]:
        """Half its width and half its height, units."""
        return DEPTH / 2, self.clamps * SLOT / 2 + EDGE

    def place(self, across: float, down: float) -> Point:
        """Product coordinates; `across` is measured towards the other connector."""
        turn = math.radians(self.angle)
        x, y = -self.side * across, down
        return (
            self.at[0] + x * math.cos(turn) - y * math.sin(turn),
            self.at[1] + x * math.sin(turn) + y * math.cos(turn),
        )

    def slot(self, number: int) -> float:
        """How far below the middle a clamp is."""
        return (number - (self.clamps - 1) / 2) * SLOT


def put_connector(stage: Stage, connector: Connector, odd_lever: Floats) -> int:
    """Paste a connector with its clamps; answers its number."""
    body = draw_body(stage, connector)
    stage.shadow(body, 0.55, 7.0, (6.0, 9.0))
    number = stage.paste(body, "connector", keeps=True)
    if connector.flipped:
        return number
    for slot in range(connector.clamps):
        colour = odd_lever if slot == connector.odd else LEVER
        lever = draw_lever(stage, connector, slot, colour)
        stage.shadow(lever, 0.35, 2.5, (2.0, 3.0))
        stage.paste(lever, "clamp")
    return number


def draw_body(stage: Stage, connector: Connector) -> Sprite:
    """The housing: clear grey plastic over metal, walls between clamps, a dark entry for each cable."""
    samples = sample(stage.camera, connector.at, connector.half, connector.angle)
    inwards = samples.along * (-connector.side)
    down = samples.across
    outline = rounded_box(inwards, down, connector.half, 8.0)
    slot = np.mod(down / SLOT + connector.clamps / 2, 1.0) - 0.5
    wall = np.square(clamped(1 - (0.5 - np.abs(slot)) * SLOT / 4)) * (np.abs(down) < connector.half[1] - EDGE)
    height = 3.2 * np.sqrt(clamped(-outline / 9)) + 2.4 * wall
    light = plastic(_BODY, 0.5, 0.45, 30)(*normals(height * 1.6, samples.step))
    across_slot = slot * SLOT
    if connector.flipped:
        ribs = 1 - 0.22 * np.square(np.sin(inwards * 0.21)) * (np.abs(inwards) < 48)
        light = light * grey(ribs)
    else:
        rail = clamped(3 - np.abs(inwards - 22) / 4) * 0.3
        light = light * grey(1 - rail) + tinted(rail, COPPER)
        entry = np.hypot((inwards - (DEPTH / 2 - 15)) / 1.25, across_slot) - 11.5
        hole = clamped(0.5 - entry / 3) * (np.abs(down) < connector.half[1] - EDGE)
        light = light * grey(1 - 0.66 * hole)
    cover = samples.coverage(outline)
    if connector.broken:
        gone = (
            np.hypot(inwards - 48, down - connector.half[1])
            - 44
            - 4 * np.sin(inwards * 0.3)
            - 1.5 * np.sin(inwards * 0.83)
        )
        cover = cover * samples.coverage(-gone)
    return shrink(samples, light, cover)


def draw_lever(stage: Stage, connector: Connector, slot: int, colour: Floats) -> Sprite:
    """The orange lever of a clamp, shut or standing open to the outside."""
    length, shift = (62.0, -14.0) if slot != connector.opened else (50.0, -68.0)
    half = (length / 2, SLOT / 2 - 5.5)
    samples = sample(stage.camera, connector.place(shift, connector.slot(slot)), half, connector.angle)
    inwards = samples.along * (-connector.side)
    outline = rounded_box(inwards, samples.across, half, 5.0)
    grip = 0.9 * np.sin(inwards * 0.9) * (inwards < -half[0] + 18)
    height = 4.5 * np.sqrt(clamped(-outline / 8)) + grip - 0.05 * inwards
    light = plastic(colour, 0.45, 0.42, 34)(*normals(height, samples.step))
    return shrink(samples, light, samples.coverage(outline))
