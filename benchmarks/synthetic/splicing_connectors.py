"""The splicing connectors: two of one size, joined by one cable of the colour that goes with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ..reasons import Reason
from .blemishes import foreign_object, mask_of, tube
from .camera import Floats, Point, clamped, rgb
from .product import Product
from .shapes import rounded_box
from .sprites import Sprite, normals, plastic, sample, shrink
from .stage import Stage
from .truth import Channel, Mask, Truth

DEPTH, SLOT = 132.0, 45.0
"""Width of a connector, and height of one of its clamps, units."""
_EDGE = 9.0
"""Above the first and below the last clamp, units."""
_SPAN = 326.0
"""Between the two connectors, units."""
_CABLE_RADIUS = 9.5
_COLORS = {
    "yellow": rgb(285, 236, 34),
    "blue": rgb(30, 84, 196),
    "red": rgb(206, 32, 34),
    "green": rgb(34, 138, 66),
    "purple": rgb(120, 48, 160),
    "black": rgb(26, 26, 28),
    "white": rgb(224, 224, 220),
}
COLOR_OF = {2: "yellow", 3: "blue", 5: "red"}
"""Number of clamps -> colour of the cable."""
_BODY, _LEVER, _COPPER = rgb(176, 178, 176), rgb(244, 112, 18), rgb(204, 122, 72)
_ODD_LEVERS = (rgb(40, 110, 190), rgb(60, 150, 70), rgb(90, 90, 92))


@dataclass(frozen=True)
class _Connector:
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
        return DEPTH / 2, self.clamps * SLOT / 2 + _EDGE

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


@dataclass(frozen=True, eq=False)
class _Plan:
    connectors: tuple[_Connector, ...]
    cables: tuple[Floats, ...]
    """Middle lines, (N, 2)."""
    color: str
    slots: tuple[int, int]


def draw(stage: Stage, names: frozenset[str], rng: np.random.Generator) -> Truth:
    """Draw a pair of connectors with these defects."""
    left, right = _pair(names, stage.variant, rng)
    plan = _arranged(left, right, names, rng)
    _mat(stage)
    cables = [_cable(stage, points, plan.color) for points in plan.cables]
    seen: dict[str, list[Mask]] = {"cable": [], "connector": []}
    for sprite in cables:
        stage.shadow(sprite, 0.5, 5.0, (4.0, 6.0))
    numbers = [stage.paste(sprite, "cable") for sprite in cables]
    bared = _bare(stage, plan.cables[0], rng) if "broken_cable" in names else None
    for connector in plan.connectors:
        number = _put(stage, connector, odd_lever=_ODD_LEVERS[int(rng.integers(len(_ODD_LEVERS)))])
        seen["connector"].append(stage.visible(number))
    seen["cable"] = [stage.visible(number) for number in numbers]
    foreign = None
    if "contamination" in names:
        at = (float(rng.uniform(-140, 140)), float(rng.uniform(70, 150) * rng.choice([-1, 1])))
        foreign = foreign_object(stage, at, float(rng.uniform(26, 46)), rng)
    marks = {"contamination": foreign, "broken_cable": bared}
    channels = [_channel(stage, name, marks, seen, (left, right), plan) for name in sorted(names)]
    return Truth(tuple(channels), tuple(_reasons(names, plan, (left, right))))


def _pair(names: frozenset[str], variant: int, rng: np.random.Generator) -> tuple[_Connector, _Connector]:
    """Both connectors, as they would be if none was missing."""
    sizes = (2, 3, 5)[variant % 3]
    clamps, span = (sizes, sizes), _SPAN * float(rng.uniform(0.98, 1.02))
    for name in names:
        if name.startswith("wrong_connector_type"):
            one, other = (int(part) for part in name.split("_")[-2:])
            clamps = (one, other) if rng.uniform() < 0.5 else (other, one)
        if name.startswith("cable_too_short"):
            clamps = (int(name[-1]), int(name[-1]))
            span *= float(rng.uniform(0.45, 0.62))
    middle = float(rng.uniform(-8, 8))
    found = [
        _Connector(
            side,
            count,
            (side * (span + DEPTH) / 2, middle + float(rng.uniform(-5, 5))),
            float(rng.uniform(-2, 2)),
        )
        for side, count in zip((-1, 1), clamps, strict=True)
    ]
    place, lever = int(rng.integers(2)), int(rng.integers(min(clamps)))
    found[place] = replace(
        found[place],
        opened=lever if "open_lever" in names else -1,
        odd=lever if "color" in names else -1,
        flipped="flipped_connector" in names,
        broken="broken_connector" in names,
    )
    return found[0], found[1]


def _arranged(left: _Connector, right: _Connector, names: frozenset[str], rng: np.random.Generator) -> _Plan:
    """What is there, and how the cables run."""
    fewest = min(left.clamps, right.clamps)
    one = other = int(rng.integers(fewest))
    if "wrong_cable_location" in names:
        other = (one + int(rng.integers(1, fewest))) % fewest
    color = COLOR_OF[left.clamps]
    if "cable_color" in names:
        color = str(rng.choice([name for name in COLOR_OF.values() if name != color]))
    if "unknown_cable_color" in names:
        color = str(rng.choice(["green", "purple", "black", "white"]))
    cables = [_run(left, right, one, other, rng)]
    if "extra_cable" in names:
        second = (one + int(rng.integers(1, fewest))) % fewest
        cables.append(_run(left, right, second, second, rng))
    cables = _spoilt(cables, names, rng)
    connectors = [left, right]
    if "missing_connector" in names or "missing_connector_and_cable" in names:
        del connectors[int(rng.integers(2))]
    return _Plan(tuple(connectors), tuple(cables), color, (one, other))


def _run(left: _Connector, right: _Connector, one: int, other: int, rng: np.random.Generator) -> Floats:
    """The middle line of a cable from a clamp to another, straight where it goes in."""
    start = np.array(left.place(DEPTH / 2 - 16, left.slot(one)))
    end = np.array(right.place(DEPTH / 2 - 16, right.slot(other)))
    way = np.linspace(0, 1, 48)[:, None]
    smooth = way * way * (3 - 2 * way)
    points = np.hstack([start[0] + (end[0] - start[0]) * way, start[1] + (end[1] - start[1]) * smooth])
    sag = float(rng.uniform(-13, 13)) * np.square(np.sin(np.pi * way[:, 0]))
    wave = float(rng.uniform(-5, 5)) * np.sin(2 * np.pi * way[:, 0]) * np.sin(np.pi * way[:, 0])
    points[:, 1] += sag + wave
    return np.asarray(points)


def _spoilt(cables: list[Floats], names: frozenset[str], rng: np.random.Generator) -> list[Floats]:
    """The middle lines of what is there of the cables."""
    (first, *others) = cables
    if names & {"missing_cable", "missing_connector_and_cable"}:
        return []
    if "cable_cut" in names:
        at, gap = int(rng.integers(16, 28)), 3
        bend = np.linspace(0, 1, at)[:, None] ** 2 * (0.0, float(rng.uniform(-26, 26)))
        return [first[:at] + bend, first[at + gap :]]
    if "cable_not_plugged" in names:
        out = 7 if len(first) == 48 else 0
        bend = np.linspace(0, 1, 48 - out)[:, None] ** 3 * (0.0, float(rng.uniform(-30, 30)))
        return [first[: 48 - out] + bend if rng.uniform() < 0.5 else (first[out:] + bend[::-1])]
    return [first, *others]


def _mat(stage: Stage) -> None:
    """A woven mat of dark grey."""
    u, v = stage.grid
    weave = np.cos(u * np.float32(2 * math.pi / 9)) * np.cos(v * np.float32(2 * math.pi / 9))
    shade = 46 + 9 * weave + 2.2 * stage.clouds(2) + 4 * stage.clouds(70)
    stage.picture += shade[..., None] * rgb(0.94, 0.98, 1.04)
    stage.dust(34)


def _cable(stage: Stage, points: Floats, color: str) -> Sprite:
    return tube(stage.camera, points, _CABLE_RADIUS, plastic(_COLORS[color], 0.3, 0.4, 26))


def _bare(stage: Stage, points: Floats, rng: np.random.Generator) -> Mask:
    """A stretch of the cable whose insulation is torn off: strands of copper."""
    at, length = int(rng.integers(12, 30)), int(rng.integers(3, 6))
    stretch = points[at : at + length]
    mask = np.zeros(stage.camera.size[::-1], np.bool_)
    torn = tube(stage.camera, stretch, _CABLE_RADIUS * 0.9, plastic(_COPPER, 0.6, 0.3, 12))
    torn.paste(stage.picture)
    mask |= mask_of(stage, torn)
    for shift in rng.uniform(-8, 8, 4):
        strand = stretch + np.linspace(0, 1, length)[:, None] * (0.0, float(shift) * 2)
        sprite = tube(stage.camera, strand, 1.3, plastic(_COPPER * 1.15, 0.6, 0.3, 12))
        sprite.paste(stage.picture)
        mask |= mask_of(stage, sprite)
    return mask


def _put(stage: Stage, connector: _Connector, odd_lever: Floats) -> int:
    """Paste a connector with its clamps; answers its number."""
    body = _body(stage, connector)
    stage.shadow(body, 0.55, 7.0, (6.0, 9.0))
    number = stage.paste(body, "connector", keeps=True)
    if connector.flipped:
        return number
    for slot in range(connector.clamps):
        colour = odd_lever if slot == connector.odd else _LEVER
        lever = _lever(stage, connector, slot, colour)
        stage.shadow(lever, 0.35, 2.5, (2.0, 3.0))
        stage.paste(lever, "clamp")
    return number


def _body(stage: Stage, connector: _Connector) -> Sprite:
    """The housing: clear grey plastic over metal, walls between clamps, a dark entry for each cable."""
    samples = sample(stage.camera, connector.at, connector.half, connector.angle)
    inwards = samples.along * (-connector.side)
    down = samples.across
    outline = rounded_box(inwards, down, connector.half, 8.0)
    slot = np.mod(down / SLOT + connector.clamps / 2, 1.0) - 0.5
    wall = np.square(clamped(1 - (0.5 - np.abs(slot)) * SLOT / 4)) * (
        np.abs(down) < connector.half[1] - _EDGE
    )
    height = 3.2 * np.sqrt(clamped(-outline / 9)) + 2.4 * wall
    light = plastic(_BODY, 0.5, 0.45, 30)(*normals(height * 1.6, samples.step))
    across_slot = slot * SLOT
    if connector.flipped:
        ribs = 1 - 0.22 * np.square(np.sin(inwards * 0.21)) * (np.abs(inwards) < 48)
        light = light * ribs[..., None]
    else:
        rail = clamped(3 - np.abs(inwards - 22) / 4) * 0.3
        light = light * (1 - rail[..., None]) + rail[..., None] * _COPPER
        entry = np.hypot((inwards - (DEPTH / 2 - 15)) / 1.25, across_slot) - 11.5
        hole = clamped(0.5 - entry / 3) * (np.abs(down) < connector.half[1] - _EDGE)
        light = light * (1 - 0.66 * hole[..., None])
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


def _lever(stage: Stage, connector: _Connector, slot: int, colour: Floats) -> Sprite:
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


def _channel(
    stage: Stage,
    name: str,
    marks: dict[str, Mask | None],
    seen: dict[str, list[Mask]],
    pair: tuple[_Connector, _Connector],
    plan: _Plan,
) -> Channel:
    """Where a defect is, or where what is missing should be."""
    mark = marks.get(name)
    if mark is not None:
        return Channel(name, mark)
    places = [mask_of(stage, _body(stage, connector)) for connector in pair]
    gone = [place for place, one in zip(places, pair, strict=True) if one not in plan.connectors]
    way = _between(stage, pair)
    if name == "missing_connector":
        return Channel(name, gone[0])
    if name == "missing_connector_and_cable":
        return Channel(name, gone[0] | way)
    if name == "missing_cable":
        return Channel(name, way)
    if name.startswith("wrong_connector_type"):
        return Channel(name, places[0] | places[1])
    if name.startswith("cable_too_short"):
        return Channel(name, np.any(seen["cable"], axis=0) | way)
    if name in ("flipped_connector", "broken_connector", "open_lever", "color"):
        return Channel(name, _spoilt_part(stage, name, pair, places))
    cable = np.any(seen["cable"], axis=0)
    return Channel(name, np.asarray(cable | _gap(stage, seen["cable"]) if name == "cable_cut" else cable))


def _spoilt_part(stage: Stage, name: str, pair: tuple[_Connector, _Connector], places: list[Mask]) -> Mask:
    for connector, place in zip(pair, places, strict=True):
        lever = connector.opened if name == "open_lever" else connector.odd
        if lever >= 0:
            sprites = [_lever(stage, connector, lever, _LEVER)]
            sprites.append(_lever(stage, replace(connector, opened=-1), lever, _LEVER))
            return mask_of(stage, sprites[0]) | mask_of(stage, sprites[1])
        if connector.broken:
            return np.asarray(mask_of(stage, _body(stage, replace(connector, broken=False))) & ~place)
        if connector.flipped:
            return place
    return places[0]


def _between(stage: Stage, pair: tuple[_Connector, _Connector]) -> Mask:
    """Everywhere a cable of the pair could lie."""
    left, right = pair
    down = max(left.half[1], right.half[1]) - _EDGE - 8
    x0, x1 = left.at[0] + DEPTH / 2, right.at[0] - DEPTH / 2
    samples = sample(stage.camera, ((x0 + x1) / 2, (left.at[1] + right.at[1]) / 2), ((x1 - x0) / 2, down))
    strip = rounded_box(samples.along, samples.across, ((x1 - x0) / 2, down), 2.0)
    return mask_of(stage, shrink(samples, np.zeros((*samples.shape, 3), np.float32), samples.coverage(strip)))


def _gap(stage: Stage, pieces: list[Mask]) -> Mask:
    """Between the ends of the two pieces of a cable that is cut."""
    found = np.zeros(stage.camera.size[::-1], np.bool_)
    left = min(pieces, key=lambda piece: int(np.flatnonzero(piece.any(axis=0))[0]))
    right = max(pieces, key=lambda piece: int(np.flatnonzero(piece.any(axis=0))[-1]))
    x0, x1 = int(np.flatnonzero(left.any(axis=0))[-1]), int(np.flatnonzero(right.any(axis=0))[0])
    rows = np.flatnonzero(left[:, x0 - 3 : x0 + 1].any(axis=1) | right[:, x1 : x1 + 4].any(axis=1))
    found[rows[0] : rows[-1] + 1, x0 : x1 + 1] = True
    return found


def _reasons(names: frozenset[str], plan: _Plan, pair: tuple[_Connector, _Connector]) -> list[Reason]:
    left, right = pair
    usual = COLOR_OF[left.clamps]
    found = []
    for name in sorted(names):
        said: list[tuple[str, str, object, object]] = []
        if name.startswith("wrong_connector_type"):
            said = [("matching", "clamp", right.clamps, left.clamps)]
        elif name.startswith("cable_too_short"):
            length = float(np.ptp(plan.cables[0][:, 0])) / DEPTH
            said = [("size", "cable", _LENGTHS, round(length, 2))]
        elif name in ("missing_connector", "missing_connector_and_cable"):
            said = [("quantity", "connector", 2, 1)]
        if name in ("missing_cable", "missing_connector_and_cable"):
            said.append(("quantity", "cable", 1, 0))
        if name in ("extra_cable", "cable_cut"):
            said = [("quantity", "cable", 1, 2)]
        elif name in ("cable_color", "unknown_cable_color"):
            said = [("matching", "cable", usual, plan.color)]
        elif name == "wrong_cable_location":
            said = [("position", "cable", plan.slots[0] + 1, plan.slots[1] + 1)]
        elif name == "cable_not_plugged":
            said = [("position", "cable", True, False)]
        fields = ("type", "object", "expected", "actual")
        found += [
            Reason.model_validate(dict(zip(fields, one, strict=True)) | {"defect": name}) for one in said
        ]
    return found


_LENGTHS = (1.85, 3.5)
"""Of a good cable, in widths of a connector."""

SPLICING_CONNECTORS = Product(
    name="splicing_connectors",
    labels=("connector", "clamp", "cable"),
    containers={"connector": ("clamp",)},
    sentences=(
        "There are exactly two connectors and one cable.",
        "The left connector has as many clamps as the right one.",
        *(
            f"When the left connector has {number} clamps, the cable is {color}."
            for number, color in COLOR_OF.items()
        ),
        "The cable connects both connectors.",
        "The cable joins the same clamp of both connectors.",
        f"The length of the cable is between {_LENGTHS[0]} and {_LENGTHS[1]} times "
        "the width of the left connector.",
    ),
    frame=(800.0, 500.0),
    down=0.0,
    size=(800, 500),
    draw=draw,
)
