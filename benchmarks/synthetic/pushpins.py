"""The pushpins: a box of 15 compartments with one yellow pin in each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from ...scene import Scene
from ..reasons import Reason
from .blemishes import contaminate, mask_of
from .light import rgb
from .pin_box import (
    BOX_DOWN,
    CELLS,
    COLUMNS,
    FRAME,
    ROWS,
    SEPARATORS,
    Cell,
    Separator,
    draw_box,
    room,
)
from .pins import Pin, draw_pin, half_extent
from .product import Product
from .shapes import Rectangle, rectangle_mask
from .stage import Stage
from .truth import Channel, Mask, Truth, because

_MARGIN = 2.0
"""Between a pin and the middle of the wall, in units: pins lean against walls."""


class _Roles(NamedTuple):
    """Compartments with a pin too many, with none, and with a spoilt one."""

    extra: Sequence[Cell]
    missing: Sequence[Cell]
    odd: Sequence[Cell]


def draw(stage: Stage, names: frozenset[str], rng: np.random.Generator) -> Truth:
    """Draw a box with these defects."""
    picked = [CELLS[int(index)] for index in rng.permutation(len(CELLS))]
    roles = _roles(names, picked)
    pins = _good_pins(rng)
    for cell in roles.extra:
        pins = _without(pins, [cell]) + _pair(rng, cell, stage.conditions.crowding)
    pins = _without(pins, roles.missing)
    pins = [_spoilt(pin, names, rng) if pin.cell in roles.odd else pin for pin in pins]
    gone = [SEPARATORS[int(rng.integers(len(SEPARATORS)))]] if "missing_separator" in names else []
    sprites = draw_box(stage, pins, gone)
    foreign = _contaminate(stage, pins, picked[-1], rng) if "contamination" in names else None
    numbers = [stage.paste(sprite, "pushpin") for sprite in sprites]
    seen = {
        cell: [stage.visible(n) for pin, n in zip(pins, numbers, strict=True) if pin.cell == cell]
        for cell in (*roles.extra, *roles.odd)
    }
    channels = [Channel("contamination", foreign)] if foreign is not None else []
    channels += _channels(stage, names, roles, seen, gone)
    if "broken" in names:
        channels = [Channel("broken", _whole_pins(stage, pins, roles.odd))]
    color = next((pin.color for pin in pins if pin.cell in roles.odd), "")
    return Truth(tuple(channels), partial(_reasons, names, roles, color))


def _roles(names: frozenset[str], picked: Sequence[Cell]) -> _Roles:
    extra = picked[: 2 if "2_additional_pushpins" in names else 1 if "1_additional_pushpin" in names else 0]
    missing = picked[2:3] if "missing_pushpin" in names else []
    odd = picked[3:4] if names & {"front_bent", "broken", "color"} else []
    return _Roles(extra, missing, odd)


def _good_pins(rng: np.random.Generator) -> list[Pin]:
    return [_pin(rng, cell, room(cell, _MARGIN)) for cell in CELLS]


def _pin(rng: np.random.Generator, cell: Cell, space: Rectangle) -> Pin:
    """A pin somewhere in `space`, which must hold one that lies along x."""
    x0, y0, x1, y1 = space
    scale, angle = float(rng.uniform(0.97, 1.03)), 0.0
    for candidate in rng.uniform(-180, 180, size=64):
        half_width, half_height = half_extent(candidate, scale)
        if 2 * half_width <= x1 - x0 and 2 * half_height <= y1 - y0:
            angle = float(candidate)
            break
    half_width, half_height = half_extent(angle, scale)
    x = float(rng.uniform(x0 + half_width, x1 - half_width))
    y = float(rng.uniform(y0 + half_height, y1 - half_height))
    return Pin(cell, x, y, angle, scale)


def _pair(rng: np.random.Generator, cell: Cell, crowding: float) -> list[Pin]:
    """Two pins in one compartment: each in its half, or wherever they fell."""
    x0, y0, x1, y1 = room(cell, _MARGIN)
    if rng.uniform() < 2 * crowding:
        pair = [_pin(rng, cell, (x0, y0, x1, y1)) for _ in range(2)]
        if abs(pair[0].x - pair[1].x) + abs(pair[0].y - pair[1].y) > 24:
            return pair
    middle = (y0 + y1) / 2
    return [_pin(rng, cell, (x0, y0, x1, middle)), _pin(rng, cell, (x0, middle, x1, y1))]


def _without(pins: Sequence[Pin], cells: Sequence[Cell]) -> list[Pin]:
    return [pin for pin in pins if pin.cell not in cells]


def _spoilt(pin: Pin, names: frozenset[str], rng: np.random.Generator) -> Pin:
    if "color" in names:
        return replace(pin, color=str(rng.choice(["red", "green", "blue", "white"])))
    if "front_bent" in names:
        return replace(pin, bend=float(rng.choice([-1, 1]) * rng.uniform(7, 13)))
    return replace(pin, chopped=float(rng.choice([rng.uniform(20, 31), rng.uniform(36, 52)])))


def _contaminate(stage: Stage, pins: Sequence[Pin], cell: Cell, rng: np.random.Generator) -> Mask:
    """Something in the corner of a compartment that is farthest from its pin."""
    x0, y0, x1, y1 = room(cell, 15)
    pin = next(pin for pin in pins if pin.cell == cell)
    corners = [(x, y) for x in (x0, x1) for y in (y0, y1)]
    at = max(corners, key=lambda corner: abs(corner[0] - pin.x) + abs(corner[1] - pin.y))
    return contaminate(stage, at, float(rng.uniform(18, 28)), rgb(150, 112, 62), rng)


def _channels(
    stage: Stage,
    names: frozenset[str],
    roles: _Roles,
    seen: dict[Cell, list[Mask]],
    gone: Sequence[Separator],
) -> list[Channel]:
    extra, missing, odd = roles
    found = []
    if extra:
        name = "2_additional_pushpins" if len(extra) == 2 else "1_additional_pushpin"
        found.append(Channel(name, np.any([mask for cell in extra for mask in seen[cell]], axis=0)))
    found += [Channel("missing_pushpin", rectangle_mask(stage.camera, room(cell, 4))) for cell in missing]
    for separator in gone:
        (x, y), half = separator.middle, separator.half_length
        far_x, far_y = (5.0, half) if separator.upright else (half, 5.0)
        strip = (x - far_x, y - far_y, x + far_x, y + far_y)
        found.append(Channel("missing_separator", rectangle_mask(stage.camera, strip)))
    for cell in odd:
        found += [Channel(name, seen[cell][0]) for name in ("front_bent", "color") if name in names]
    return found


def _whole_pins(stage: Stage, pins: Sequence[Pin], odd: Sequence[Cell]) -> Mask:
    """Where broken pins should be seen: what is left of them and what is not."""
    whole = [replace(pin, chopped=0.0) for pin in pins if pin.cell in odd]
    return np.asarray(np.any([mask_of(stage, draw_pin(pin, stage.camera)) for pin in whole], axis=0))


def _reasons(names: frozenset[str], roles: _Roles, color: str, scene: Scene) -> Iterator[Reason]:
    """What is wrong; `color` is that of the pin that has another one."""
    more = "2_additional_pushpins" if len(roles.extra) == 2 else "1_additional_pushpin"
    for cells, actual, defect in ((roles.extra, 2, more), (roles.missing, 0, "missing_pushpin")):
        for row, column in cells:
            yield because("quantity", "pushpin", 1, actual, defect, f"row {row} column {column}")
    if "missing_separator" in names:
        seen = len(scene.parts("separator"))
        yield because("quantity", "separator", len(SEPARATORS), seen, "missing_separator")
    if "color" in names:
        yield because("matching", "pushpin", "yellow", color, "color")


PUSHPINS = Product(
    name="pushpins",
    labels=("box", "separator", "pushpin"),
    containers={"box": ("separator", "pushpin")},
    sentences=(
        f"There is exactly one pushpin in each compartment of a grid of {ROWS} rows and {COLUMNS} columns.",
        f"The box contains exactly {len(SEPARATORS)} separators.",
    ),
    frame=FRAME,
    down=BOX_DOWN,
    size=(800, 500),
    draw=draw,
)
