"""The breakfast box: tangerines and a nectarine at the left; cereals, almonds, banana chips at the right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from ...scene import Scene
from ..reasons import Reason
from .blemishes import contaminate, dent, missing_chunk, scratch, stain
from .camera import Floats, Point
from .food import draw_nectarine, draw_tangerine, pieces
from .light import clamped, grey, rgb, shaded, tinted
from .planes import seen_plane
from .product import Product
from .shapes import Rectangle, rectangle_mask, rounded_box
from .sprites import sample
from .stage import Stage
from .truth import Channel, Mask, Truth, because

_HALF = (326.0, 232.0)
"""Of the box, units."""
_VIEW = (340.0, 246.0)
"""Half of what is drawn of the tray once for all pictures, units."""
_FRUIT_ROOM = (-296.0, -200.0, -78.0, 200.0)
_CEREAL_ROOM = (-38.0, -200.0, 296.0, 200.0)
_BORDER = 62.0
"""Where cereals end and toppings begin, units below the middle."""
_PLACES = {
    3: ((-222.0, -130.0), (-152.0, -6.0), (-222.0, 122.0)),
    4: ((-226.0, -134.0), (-146.0, -46.0), (-228.0, 46.0), (-146.0, 134.0)),
}
"""Of so many pieces of fruit, or fewer."""
_CEREALS = (0.43, 0.58)
"""Area of the cereals of a good box, in areas of its right half."""


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
    box = _tray(stage)
    fill = np.zeros(stage.camera.size[::-1], np.bool_)
    if plan.cereals:
        fill = stage.visible(_pour(stage, plan, rng))
    toppings = _scatter(stage, plan, names, rng)
    fruit = _lay_fruit(stage, plan, rng)
    marks = _spoil(stage, plan, names, (box, fruit), rng)
    channels = [_channel(stage, name, plan, marks, fill, toppings) for name in sorted(names)]
    return Truth(tuple(channels), partial(_reasons, names, plan))


def _planned(names: frozenset[str], rng: np.random.Generator) -> _Plan:
    fruit = ["tangerine", "tangerine", "nectarine"]
    for name in names:
        words = name.split("_")
        if words[0].isdigit() and words[1].startswith("nectarine"):
            fruit = ["nectarine"] * int(words[0]) + ["tangerine"] * int(words[2])
    order = [fruit[int(index)] for index in rng.permutation(len(fruit))]
    border, top = _BORDER + float(rng.uniform(-7, 7)), _CEREAL_ROOM[1]
    almonds, chips = (int(value) for value in rng.integers(29, 35, 2))
    room, fruit_room = _CEREAL_ROOM, _FRUIT_ROOM
    if "compartments_swapped" in names:
        room, fruit_room = (_FRUIT_ROOM[0], *_FRUIT_ROOM[1:]), _CEREAL_ROOM
    if "overflow" in names:
        room, top = (room[0] - float(rng.uniform(56, 80)), *room[1:]), top - 22
        border += float(rng.uniform(40, 52))
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


def _tray(stage: Stage) -> int:
    """The table and the empty box of white foam; answers its number."""
    stage.picture += shaded(rgb(9, 13, 26), 0.8 * stage.clouds(30))
    stage.dust(14)
    shade, cover = seen_plane(stage.camera, _foam, _VIEW)
    shade += 0.008 * stage.clouds(2) + 0.006 * stage.clouds(46)
    stage.picture += (tinted(shade, rgb(246, 238, 230)) - stage.picture) * grey(cover)
    return stage.claim(0, 0, cover >= 0.5, "box", keeps=True)


def _foam(u: Floats, v: Floats, dots: float) -> tuple[Floats, ...]:
    """Shade of the empty box, and how much of each sample it covers."""
    outline = rounded_box(u, v, _HALF, 52.0)
    divider = u + 58 + 16 * np.sin(v * np.float32(0.006))
    inner = rounded_box(u, v, (_HALF[0] - 24, _HALF[1] - 24), 40.0)
    well = np.maximum(inner, np.float32(17) - np.abs(divider))
    # The rim rolls over; the walls of the wells slope, those towards the lamp in shade.
    floor = clamped(-well / 26)
    lamp = clamped(0.5 + 0.5 * (-(u / 330) * 0.4 - (v / 230) * 0.5))
    shade = 0.98 - 0.4 * floor + 0.22 * floor * floor - 0.12 * lamp * floor
    shade -= 0.3 * np.square(clamped(1 + outline / 9))
    shade -= 0.12 * np.square(clamped(1 - np.abs(well) / 5))
    return shade, clamped(0.5 - outline * dots)


def _pour(stage: Stage, plan: _Plan, rng: np.random.Generator) -> int:
    """A bed of cereals with flakes on it; answers its number."""
    x0, _, x1, _ = plan.room
    middle = ((x0 + x1) / 2, (plan.top + plan.border) / 2)
    half = ((x1 - x0) / 2, (plan.border - plan.top) / 2)
    samples = sample(stage.camera, middle, (half[0] + 20, half[1] + 20), 0.0, 1)
    outline = rounded_box(samples.along, samples.across, half, 44.0)
    outline += 2.4 * stage.clouds(9, samples) + 3.2 * stage.clouds(34, samples)
    bed = samples.coverage(outline)
    window = samples.window(stage.picture)
    window *= grey(1 - 0.4 * clamped(0.5 - (outline - 5) / 12))
    shade = 0.55 + 0.16 * stage.clouds(3, samples) + 0.1 * stage.clouds(9, samples)
    window += (tinted(np.maximum(shade, 0.12), rgb(112, 66, 34)) - window) * grey(bed)
    number = stage.claim(samples.x, samples.y, bed >= 0.5, "cereals")
    places = _spread(rng, (x0, plan.top, x1, plan.border), 17.5, 9.0)
    _strew(stage, "oat", places, rng, onto=number)
    # The bed is not level: here it rises towards the lamp, there it falls off.
    window *= grey(1 + 0.08 * bed * stage.clouds(44, samples))
    return number


def _spread(rng: np.random.Generator, room: Rectangle, pitch: float, margin: float) -> Floats:
    """(N, 2), places all over a rectangle, about `pitch` from one another, in a random order."""
    x0, y0, x1, y1 = room
    x, y = np.arange(x0 + margin, x1 - margin, pitch), np.arange(y0 + margin, y1 - margin, pitch * 0.86)
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    grid = grid + rng.uniform(-0.55, 0.55, grid.shape) * pitch
    low, high = (x0 + margin, y0 + margin), (x1 - margin, y1 - margin)
    return np.asarray(np.clip(rng.permutation(grid), low, high))


def _scatter(stage: Stage, plan: _Plan, names: frozenset[str], rng: np.random.Generator) -> Rectangle:
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
        places = np.vstack([places, _spread(rng, room, min(pitch, 30.0), 14.0)])
    if foods:
        _strew(stage, "oat", _spread(rng, room, 15.0, 8.0), rng, size=0.45)
    crushed = 0.42 if "toppings_crushed" in names else 1.0
    for index in rng.permutation(len(foods)):
        _strew(stage, foods[index], places[index : index + 1], rng, label=foods[index], size=crushed)
    return room


def _strew(
    stage: Stage,
    food: str,
    places: Floats,
    rng: np.random.Generator,
    *,
    label: str = "",
    onto: int = 0,
    size: float = 1.0,
) -> None:
    """Put a piece of food, so many times as large as usual, at each of the places, (N, 2)."""
    ready = pieces(food, stage.camera.scale * size)
    chosen = rng.integers(len(ready), size=len(places))
    for place, index in zip(stage.camera.outline(places).tolist(), chosen, strict=True):
        stage.stamp(ready[index], place, label=label, onto=onto)


def _lay_fruit(stage: Stage, plan: _Plan, rng: np.random.Generator) -> dict[Point, int]:
    """Put the fruit in; answers where, and its numbers."""
    shift = (plan.fruit_room[0] + plan.fruit_room[2] - _FRUIT_ROOM[0] - _FRUIT_ROOM[2]) / 2
    places = _PLACES[max(len(plan.fruit), 3)]
    laid = {}
    for kind, (x, y) in zip(plan.fruit, places, strict=False):
        at = (x + shift + float(rng.uniform(-9, 9)), y + float(rng.uniform(-9, 9)))
        make = draw_tangerine if kind == "tangerine" else draw_nectarine
        sprite = make(stage.camera, at, float(rng.uniform(0, 360)), rng)
        stage.shadow(sprite, 0.5, 9.0, (7.0, 10.0))
        laid[at] = stage.paste(sprite, kind)
    return laid


def _spoil(
    stage: Stage,
    plan: _Plan,
    names: frozenset[str],
    seen: tuple[int, dict[Point, int]],
    rng: np.random.Generator,
) -> dict[str, Mask]:
    """Structural defects of a box and the fruit in it; answers where they are."""
    marks, (box, fruit) = {}, seen
    if "fruit_damaged" in names:
        x, y = list(fruit)[int(rng.integers(len(fruit)))]
        at = (x + float(rng.uniform(-20, 20)), y + float(rng.uniform(-20, 20)))
        reach = float(rng.uniform(28, 52))
        hollow = dent(stage, at, reach * 0.7, 0.5, rng)
        marks["fruit_damaged"] = stain(stage, at, reach, rgb(70, 40, 22), rng) | hollow
    if "box_damaged" in names:
        marks["box_damaged"] = _damage_box(stage, box, rng)
    if "contamination" in names:
        room = plan.room if rng.uniform() < 0.7 else plan.fruit_room
        at = (float(rng.uniform(room[0] + 30, room[2] - 30)), float(rng.uniform(-150, 150)))
        marks["contamination"] = contaminate(stage, at, float(rng.uniform(24, 42)), rgb(96, 52, 24), rng)
    return marks


def _damage_box(stage: Stage, box: int, rng: np.random.Generator) -> Mask:
    """A scratch, a dent in the rim, or a chunk broken off it."""
    x, y = float(rng.uniform(-250, 250)), float(rng.choice([-1, 1])) * (_HALF[1] - 12)
    match rng.integers(3):
        case 0:
            end = (x * 0.2 + float(rng.uniform(60, 120)), y * float(rng.uniform(0.3, 0.8)))
            return scratch(stage, (x, y), end, -70.0, rng)
        case 1:
            return dent(stage, (x, y * 0.96), float(rng.uniform(34, 52)), 0.4, rng)
        case _:
            gone = missing_chunk(stage, (x, y * 1.04), float(rng.uniform(24, 40)), rgb(9, 13, 26))
            stage.lose(box, gone)
            return gone


def _channel(
    stage: Stage, name: str, plan: _Plan, marks: dict[str, Mask], fill: Mask, toppings: Rectangle
) -> Channel:
    """Where a defect is, or where what is missing should be."""
    room = partial(rectangle_mask, stage.camera)
    if name in marks:
        return Channel(name, marks[name])
    if name[0].isdigit():
        return Channel(name, room(plan.fruit_room))
    if name == "compartments_swapped":
        return Channel(name, room(plan.fruit_room) | room(plan.room))
    if name in ("missing_almonds", "missing_bananas", "missing_toppings", "toppings_crushed"):
        return Channel(name, room(toppings))
    if name == "missing_cereals":
        return Channel(name, room((*plan.room[:3], plan.border)))
    if name == "underflow":
        return Channel(name, room((*plan.room[:3], plan.top + 10)))
    if name == "overflow":
        return Channel(name, np.asarray(fill & ~room(_CEREAL_ROOM)))
    return Channel(name, room((plan.room[0], _CEREAL_ROOM[1], *plan.room[2:])) | fill)


def _reasons(names: frozenset[str], plan: _Plan, scene: Scene) -> Iterator[Reason]:
    """What is wrong, by what is seen of each food."""
    defect = min(names)
    for kind, expected in (("tangerine", 2), ("nectarine", 1)):
        if (actual := plan.fruit.count(kind)) != expected:
            yield because("quantity", kind, expected, actual, defect)
    for side, kinds in (("left half", ("tangerine", "nectarine")), ("right half", ("cereals",))):
        half = scene.region(side, within="box")
        for part in (part for kind in kinds for part in scene.parts(kind)):
            if (share := part.overlap(half)) <= 0.5:
                yield because("position", part.label, (0.5, None), share, defect, f"the {side} of the box")
    for label in ("cereals", "almond", "banana_chip"):
        if not scene.parts(label):
            yield because("quantity", label, (1, None), 0, defect)
    half = scene.region("right half", within="box")
    share = sum(scene.fill_level(part, within=half) for part in scene.parts("cereals"))
    if not _CEREALS[0] <= share <= _CEREALS[1]:
        yield because("size", "cereals", _CEREALS, share, defect, "areas of the right half of the box")


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
