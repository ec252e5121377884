"""What lies where in the demo box: pins in compartments, with or without one defect."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from ..synthetic.pin_box import BOX_HALF, COLUMNS, ROWS, Cell, room
from ..synthetic.pins import FLANGE_RADIUS, Pin, half_extent
from ..synthetic.shapes import Rectangle

PICTURE = (586, 346)
"""Width and height of a demo picture. One pixel of it is one unit of the product."""


class Defect(StrEnum):
    """One way in which a demo picture is not normal."""

    missing_pushpin = "missing_pushpin"
    additional_pushpin = "additional_pushpin"
    extra_and_missing = "extra_and_missing"
    """One compartment holds two pins and another none: the total stays 15."""
    wrong_colour = "wrong_colour"
    large_pushpin = "large_pushpin"
    misplaced_pushpin = "misplaced_pushpin"
    """A pin lies on the table beside the box instead of inside."""
    contamination = "contamination"
    """A metal nut lies in a compartment; no rule on pins and box can notice it."""


@dataclass(frozen=True)
class Nut:
    """A hexagon nut, turned by `angle` degrees."""

    x: float
    y: float
    angle: float


@dataclass(frozen=True)
class Layout:
    """Everything in the box, and in words what is wrong with it ("" when nothing is)."""

    pins: tuple[Pin, ...]
    nut: Nut | None = None
    reason: str = ""


def lay_out(seed: int, defect: Defect | None = None) -> Layout:
    """Place the pins for `seed`. A defect changes what it names and leaves every other pin where it was."""
    rng = np.random.default_rng([seed, 1])
    cells = [(row, column) for row in range(1, ROWS + 1) for column in range(1, COLUMNS + 1)]
    normal = Layout(tuple(_pin(rng, cell, _room(cell)) for cell in cells))
    return normal if defect is None else _DEFECTS[defect](normal, np.random.default_rng([seed, 2]))


def _room(cell: Cell) -> Rectangle:
    """The floor of a compartment on which a whole pin may lie."""
    return room(cell, 4.0)


def _pin(rng: np.random.Generator, cell: Cell, room: Rectangle, scale: float = 1.0) -> Pin:
    """A pin somewhere in `room`, which must hold a pin of that scale that lies along x."""
    x0, y0, x1, y1 = room
    scale *= rng.uniform(0.97, 1.03)
    angle = 0.0
    for candidate in rng.uniform(-180, 180, size=64):
        half_width, half_height = half_extent(candidate, scale)
        if 2 * half_width <= x1 - x0 and 2 * half_height <= y1 - y0:
            angle = float(candidate)
            break
    half_width, half_height = half_extent(angle, scale)
    return Pin(
        cell,
        x=float(rng.uniform(x0 + half_width, x1 - half_width)),
        y=float(rng.uniform(y0 + half_height, y1 - half_height)),
        angle=angle,
        scale=scale,
    )


def _without(pins: tuple[Pin, ...], cell: Cell) -> tuple[Pin, ...]:
    return tuple(pin for pin in pins if pin.cell != cell)


def _with_two(pins: tuple[Pin, ...], cell: Cell, rng: np.random.Generator) -> tuple[Pin, ...]:
    """Two pins in one compartment, one in each half so that they do not touch."""
    x0, y0, x1, y1 = _room(cell)
    middle = (y0 + y1) / 2
    pair = (_pin(rng, cell, (x0, y0, x1, middle - 2)), _pin(rng, cell, (x0, middle + 2, x1, y1)))
    return _without(pins, cell) + pair


def _cells(rng: np.random.Generator, count: int) -> list[Cell]:
    """`count` different compartments."""
    picked = rng.choice(ROWS * COLUMNS, size=count, replace=False)
    return [(int(index) // COLUMNS + 1, int(index) % COLUMNS + 1) for index in picked]


def _name(cell: Cell) -> str:
    return f"compartment row {cell[0]} column {cell[1]}"


def _missing(layout: Layout, rng: np.random.Generator) -> Layout:
    (cell,) = _cells(rng, 1)
    return Layout(
        _without(layout.pins, cell), reason=f"Quantity: {_name(cell)} holds 0 pushpins instead of 1"
    )


def _additional(layout: Layout, rng: np.random.Generator) -> Layout:
    (cell,) = _cells(rng, 1)
    return Layout(
        _with_two(layout.pins, cell, rng), reason=f"Quantity: {_name(cell)} holds 2 pushpins instead of 1"
    )


def _extra_and_missing(layout: Layout, rng: np.random.Generator) -> Layout:
    extra, missing = _cells(rng, 2)
    return Layout(
        _without(_with_two(layout.pins, extra, rng), missing),
        reason=f"Quantity: {_name(extra)} holds 2 pushpins instead of 1; "
        f"{_name(missing)} holds 0 pushpins instead of 1",
    )


def _wrong_colour(layout: Layout, rng: np.random.Generator) -> Layout:
    (cell,) = _cells(rng, 1)
    pins = tuple(replace(pin, color="red") if pin.cell == cell else pin for pin in layout.pins)
    return Layout(pins, reason=f"Matching: the pushpin in {_name(cell)} is red instead of yellow")


def _large(layout: Layout, rng: np.random.Generator) -> Layout:
    (cell,) = _cells(rng, 1)
    large = _pin(rng, cell, _room(cell), scale=1.27)
    return Layout(
        (*_without(layout.pins, cell), large),
        reason=f"Size: the pushpin in {_name(cell)} is longer than usual",
    )


def _misplaced(layout: Layout, rng: np.random.Generator) -> Layout:
    """Move a pin of the top row onto the table above the box, where the latch leaves room."""
    column = int(rng.choice([1, 2, 4, 5]))
    x0, _, x1, _ = _room((1, column))
    stray = Pin(
        (1, column),
        x=float(rng.uniform(x0 + 36, x1 - 36)),
        y=-BOX_HALF[1] - 10 - FLANGE_RADIUS,
        angle=float(rng.choice([0.0, 180.0]) + rng.uniform(-4, 4)),
    )
    return Layout(
        (*_without(layout.pins, (1, column)), stray),
        reason=f"Position: the pushpin of {_name((1, column))} lies beside the box",
    )


def _contamination(layout: Layout, rng: np.random.Generator) -> Layout:
    """Put a nut into the corner of a compartment that is farthest from its pin."""
    (cell,) = _cells(rng, 1)
    x0, y0, x1, y1 = _room(cell)
    pin = next(pin for pin in layout.pins if pin.cell == cell)
    corners = [(x, y) for x in (x0 + 13, x1 - 13) for y in (y0 + 13, y1 - 13)]
    x, y = max(corners, key=lambda corner: math.dist(corner, (pin.x, pin.y)))
    nut = Nut(x, y, angle=float(rng.uniform(0, 60)))
    return Layout(layout.pins, nut=nut, reason=f"Structural: a metal nut lies in {_name(cell)}")


_DEFECTS: dict[Defect, Callable[[Layout, np.random.Generator], Layout]] = {
    Defect.missing_pushpin: _missing,
    Defect.additional_pushpin: _additional,
    Defect.extra_and_missing: _extra_and_missing,
    Defect.wrong_colour: _wrong_colour,
    Defect.large_pushpin: _large,
    Defect.misplaced_pushpin: _misplaced,
    Defect.contamination: _contamination,
}
