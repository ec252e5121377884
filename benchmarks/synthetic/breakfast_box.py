"""The breakfast box: tangerines and a nectarine at the left; cereals, almonds, banana chips at the right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..reasons import Reason
from .blemishes import dent, foreign_object, scratch, stain
from .camera import Point, clamped, rgb
from .food import draw_nectarine, draw_tangerine, pieces
from .product import Product
from .shapes import rounded_box
from .stage import Stage
from .truth import Channel, Mask, Truth

_HALF = (326.0, 232.0)
"""Of the box, units."""
_FRUIT_ROOM = (-296.0, -200.0, -78.0, 200.0)
_CEREAL_ROOM = (-38.0, -200.0, 296.0, 200.0)
_BORDER = 62.0
"""Where cereals end and toppings begin, units below the middle."""
_PLACES = ((-222.0, -134.0), (-160.0, -8.0), (-222.0, 124.0), (-136.0, 128.0))
_CEREALS = (0.43, 0.58)
"""Area of the cereals of a good box, in areas of its right half."""

Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Plan:
    fruit: tuple[str, ...]
    fruit_room: Rectangle
    room: Rectangle
    """Of the cereals and toppings."""
    top: float
    border: float
    cereals: bool
    almonds: int
    chips: int


def draw(stage: Stage, names: frozenset[str], rng: np.random.Generator) -> Truth:
    """Draw a box with these defects."""
    plan = _planned(names, rng)
    inside = _tray(stage)
    fill = _pour(stage, plan, rng) if plan.cereals else np.zeros(inside.shape, np.bool_)
    toppings = _scatter(stage, plan, names, rng)
    fruit = _lay_fruit(stage, plan, rng)
    marks = _spoil(stage, plan, names, fruit, rng)
    channels = [_channel(stage, name, plan, marks, fill, toppings) for name in sorted(names)]
    return Truth(tuple(channels), tuple(_reasons(stage, names, plan, inside)))


def _planned(names: frozenset[str], rng: np.random.Generator) -> _Plan:
    fruit = ["tangerine", "tangerine", "nectarine"]
    for name in names:
        words = name.split("_")
        if words[0].isdigit() and words[1].startswith("nectarine"):
            fruit = ["nectarine"] * int(words[0]) + ["tangerine"] * int(words[2])
    order = [fruit[int(index)] for index in rng.permutation(len(fruit))]
    border, top = _BORDER + float(rng.uniform(-7, 7)), _CEREAL_ROOM[1]
    almonds, chips = (int(value) for value in rng.integers(25, 30, 2))
    room, fruit_room = _CEREAL_ROOM, _FRUIT_ROOM
    if "compartments_swapped" in names:
        room, fruit_room = (_FRUIT_ROOM[0], *_FRUIT_ROOM[1:]), _CEREAL_ROOM
    if "overflow" in names:
        room, top = (room[0] - float(rng.uniform(56, 80)), *room[1:]), top - 22
        border += float(rng.uniform(28, 40))
    if "underflow" in names:
        top += float(rng.uniform(90, 130))
    if "wrong_ratio" in names:
        border -= float(rng.uniform(95, 130))
        almonds, chips = round(almonds * 1.9), round(chips * 1.9)
    if names & {"missing_almonds", "missing_toppings", "missing_cereals_and_toppings"}:
        almonds = 0
    if names & {"missing_bananas", "missing_toppings", "missing_cereals_and_toppings"}:
        chips = 0
    cereals = not names & {"missing_cereals", "missing_cereals_and_toppings"}
    return _Plan(tuple(order), fruit_room, room, top, border, cereals, almonds, chips)


def _tray(stage: Stage) -> Mask:
    """The table and the empty box of white foam; answers where the box is."""
    u, v = stage.grid
    stage.picture += rgb(9, 13, 26)
    stage.picture += (0.8 * stage.clouds(30))[..., None]
    stage.dust(14)
    outline = rounded_box(u, v, _HALF, 52.0)
    divider = u + 58 + 16 * np.sin(v * np.float32(0.006))
    inner = rounded_box(u, v, (_HALF[0] - 24, _HALF[1] - 24), 40.0)
    well = np.maximum(inner, np.float32(17) - np.abs(divider))
    cover = clamped(0.5 - outline)
    # The rim rolls over; the walls of the wells slope, those towards the lamp in shade.
    floor = clamped(-well / 26)
    lamp = clamped(0.5 + 0.5 * (-(u / 330) * 0.4 - (v / 230) * 0.5))
    shade = 0.98 - 0.22 * floor + 0.1 * floor * floor - 0.09 * lamp * floor
    shade -= 0.5 * np.square(clamped(1 + outline / 9)) * 0.6
    shade -= 0.12 * np.square(clamped(1 - np.abs(well) / 5))
    shade += 0.008 * stage.clouds(2) + 0.012 * stage.clouds(46)
    foam = shade[..., None] * rgb(246, 238, 230)
    stage.picture += (foam - stage.picture) * cover[..., None]
    inside = np.asarray(cover >= 0.5)
    stage.claim(0, 0, inside, "box", keeps=True)
    return inside


def _pour(stage: Stage, plan: _Plan, rng: np.random.Generator) -> Mask:
    """A bed of cereals with flakes on it; answers where it is."""
    u, v = stage.grid
    x0, _, x1, _ = plan.room
    middle, half = (
        ((x0 + x1) / 2, (plan.top + plan.border) / 2),
        ((x1 - x0) / 2, (plan.border - plan.top) / 2),
    )
    outline = rounded_box(
        u - np.float32(middle[0]), v - np.float32(middle[1]), half, 26.0
    ) + 3.4 * stage.clouds(12)
    bed = clamped(0.5 - outline)
    stage.picture *= (1 - 0.4 * clamped(0.5 - (outline - 5) / 12))[..., None]
    shade = 0.55 + 0.16 * stage.clouds(3) + 0.1 * stage.clouds(9)
    stage.picture += (np.maximum(shade, 0.12)[..., None] * rgb(136, 84, 44) - stage.picture) * bed[..., None]
    mask = np.asarray(bed >= 0.5)
    ready = pieces("oat", stage.camera.scale)
    for place in _spread(rng, (x0, plan.top, x1, plan.border), 17.5, 9.0):
        sprite = ready[int(rng.integers(len(ready)))].at(stage.camera, place, float(rng.uniform(0.74, 1.1)))
        sprite.paste(stage.picture)
        window = mask[
            sprite.y : sprite.y + sprite.cover.shape[0], sprite.x : sprite.x + sprite.cover.shape[1]
        ]
        window |= sprite.cover >= 0.5
    stage.claim(0, 0, mask, "cereals")
    return mask


def _spread(rng: np.random.Generator, room: Rectangle, pitch: float, margin: float) -> list[Point]:
    """Places all over a rectangle, about `pitch` from one another, in a random order."""
    x0, y0, x1, y1 = room
    x, y = np.arange(x0 + margin, x1 - margin, pitch), np.arange(y0 + margin, y1 - margin, pitch * 0.86)
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    grid = grid + rng.uniform(-0.55, 0.55, grid.shape) * pitch
    low, high = (x0 + margin, y0 + margin), (x1 - margin, y1 - margin)
    return [(float(x), float(y)) for x, y in np.clip(rng.permutation(grid), low, high)]


def _scatter(stage: Stage, plan: _Plan, names: frozenset[str], rng: np.random.Generator) -> Mask:
    """Almonds and banana chips; answers where they may lie."""
    x0, _, x1, y1 = plan.room
    room = (x0 + 6, plan.border, x1 - 6, y1)
    foods = ["almond"] * plan.almonds + ["banana_chip"] * plan.chips
    area = (room[2] - room[0]) * (room[3] - room[1])
    pitch = (area / max(len(foods), 1) / 0.8) ** 0.5
    places = _spread(rng, room, min(pitch, 30.0), 14.0)
    if "mixed_cereals" in names:
        places = _spread(rng, (room[0], plan.top, *room[2:]), 44.0, 14.0)
    while len(places) < len(foods):
        places += _spread(rng, room, min(pitch, 30.0), 14.0)
    crumbs = pieces("oat", stage.camera.scale * 0.45)
    for place in _spread(rng, room, 26.0, 8.0) if foods else []:
        sprite = crumbs[int(rng.integers(len(crumbs)))].at(stage.camera, place, 1.0)
        stage.shadow(sprite, 0.3, 2.0, (1.0, 1.5))
        stage.paste(sprite)
    crushed = 0.42 if "toppings_crushed" in names else 1.0
    for index in rng.permutation(len(foods)):
        ready = pieces(foods[index], stage.camera.scale * crushed)
        piece = ready[int(rng.integers(len(ready)))]
        sprite = piece.at(stage.camera, places[index], float(rng.uniform(0.86, 1.08)))
        stage.shadow(sprite, 0.4, 2.5, (1.5, 2.5))
        stage.paste(sprite, foods[index])
    u, v = stage.grid
    return np.asarray((u > room[0]) & (u < room[2]) & (v > room[1]) & (v < room[3]))


def _lay_fruit(stage: Stage, plan: _Plan, rng: np.random.Generator) -> dict[Point, int]:
    """Put the fruit in; answers where, and its numbers."""
    shift = (plan.fruit_room[0] + plan.fruit_room[2] - _FRUIT_ROOM[0] - _FRUIT_ROOM[2]) / 2
    places = (
        _PLACES
        if len(plan.fruit) < 4
        else ((-232.0, -140.0), (-142.0, -60.0), (-234.0, 28.0), (-142.0, 126.0))
    )
    laid = {}
    for kind, (x, y) in zip(plan.fruit, places, strict=False):
        at = (x + shift + float(rng.uniform(-9, 9)), y + float(rng.uniform(-9, 9)))
        make = draw_tangerine if kind == "tangerine" else draw_nectarine
        sprite = make(stage.camera, at, float(rng.uniform(0, 360)), rng)
        stage.shadow(sprite, 0.5, 9.0, (7.0, 10.0))
        laid[at] = stage.paste(sprite, kind)
    return laid


def _spoil(
    stage: Stage, plan: _Plan, names: frozenset[str], fruit: dict[Point, int], rng: np.random.Generator
) -> dict[str, Mask]:
    """Structural defects; answers where they are."""
    marks = {}
    if "fruit_damaged" in names:
        x, y = list(fruit)[int(rng.integers(len(fruit)))]
        at = (x + float(rng.uniform(-20, 20)), y + float(rng.uniform(-20, 20)))
        reach = float(rng.uniform(28, 52))
        hollow = dent(stage, at, reach * 0.6, 0.7)
        marks["fruit_damaged"] = stain(stage, at, reach, rgb(70, 40, 22), rng) | hollow
    if "box_damaged" in names:
        x, y = float(rng.uniform(-250, 250)), float(rng.choice([-1, 1])) * (_HALF[1] - 14)
        end = (x + float(rng.uniform(50, 110)), y * float(rng.uniform(0.94, 1.03)))
        marks["box_damaged"] = scratch(stage, (x, y), end, -130.0, rng) | dent(stage, (x, y), 24.0, 0.8)
    if "contamination" in names:
        room = plan.room if rng.uniform() < 0.7 else plan.fruit_room
        at = (float(rng.uniform(room[0] + 30, room[2] - 30)), float(rng.uniform(-150, 150)))
        marks["contamination"] = foreign_object(stage, at, float(rng.uniform(24, 42)), rng)
    return marks


def _channel(
    stage: Stage, name: str, plan: _Plan, marks: dict[str, Mask], fill: Mask, toppings: Mask
) -> Channel:
    """Where a defect is, or where what is missing should be."""

    def room(corners: Rectangle) -> Mask:
        u, v = stage.grid
        x0, y0, x1, y1 = corners
        return np.asarray((u > x0) & (u < x1) & (v > y0) & (v < y1))

    if name in marks:
        return Channel(name, marks[name])
    if name[0].isdigit():
        return Channel(name, room(plan.fruit_room))
    if name == "compartments_swapped":
        return Channel(name, room(plan.fruit_room) | room(plan.room))
    if name in ("missing_almonds", "missing_bananas", "missing_toppings", "toppings_crushed"):
        return Channel(name, toppings)
    if name == "missing_cereals":
        return Channel(name, room((*plan.room[:3], plan.border)))
    if name == "underflow":
        return Channel(name, room((*plan.room[:3], plan.top + 10)))
    if name == "overflow":
        return Channel(name, np.asarray(fill & ~room(_CEREAL_ROOM)))
    return Channel(name, room((plan.room[0], _CEREAL_ROOM[1], *plan.room[2:])) | fill)


def _reasons(stage: Stage, names: frozenset[str], plan: _Plan, inside: Mask) -> list[Reason]:
    """What is wrong, by what is seen of each food."""
    found: list[Reason] = []
    defect = next((name for name in sorted(names)), "")

    def say(kind: str, thing: str, expected: object, actual: object, where: str = "") -> None:
        fields = {"type": kind, "object": thing, "expected": expected, "actual": actual}
        found.append(Reason.model_validate(fields | {"defect": defect, "where": where}))

    if not names:
        return []
    for kind, expected in (("tangerine", 2), ("nectarine", 1)):
        if (actual := plan.fruit.count(kind)) != expected:
            say("quantity", kind, expected, actual)
        elif "compartments_swapped" in names:
            say("position", kind, "left half", "right half", "the box")
    if not plan.cereals:
        say("quantity", "cereals", (1, None), 0)
    elif "compartments_swapped" in names:
        say("position", "cereals", "right half", "left half", "the box")
    right = inside & (stage.grid[0] > 0)
    for label, number in (("almond", plan.almonds), ("banana_chip", plan.chips)):
        if not number:
            say("quantity", label, (1, None), 0)
    cereals = sum(int((stage.visible(n) & right).sum()) for n in stage.labelled("cereals")) / float(
        right.sum()
    )
    if not _CEREALS[0] <= cereals <= _CEREALS[1]:
        say("size", "cereals", _CEREALS, round(cereals, 4), "areas of the right half of the box")
    return found


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


BREAKFAST_BOX = Product(
    name="breakfast_box",
    labels=("box", "tangerine", "nectarine", "cereals", "almond", "banana_chip"),
    containers={"box": ("tangerine", "nectarine", "cereals", "almond", "banana_chip")},
    sentences=(
        "The box contains exactly two tangerines and one nectarine.",
        "Each tangerine is in the left half of the box.",
        "Each nectarine is in the left half of the box.",
        "The cereals are in the right half of the box.",
        "The box contains at least one almond and at least one banana chip.",
        f"The cereals cover between {_percent(_CEREALS[0])} and {_percent(_CEREALS[1])} "
        "of the right half of the box.",
    ),
    frame=(800.0, 500.0),
    down=0.0,
    size=(800, 500),
    draw=draw,
)
