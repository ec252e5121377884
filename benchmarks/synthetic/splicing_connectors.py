"""The splicing connectors: two of one size, joined by one cable of the colour that goes with it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ...scene import Part, Scene
from ..reasons import Reason
from .blemishes import contaminate, mask_of, scratch, tube
from .camera import Floats
from .connectors import COPPER, DEPTH, EDGE, LEVER, Connector, draw_body, draw_lever, put_connector
from .light import rgb, tinted
from .planes import seen_plane
from .product import Product
from .shapes import rounded_box
from .sprites import Sprite, plastic, sample, shrink
from .stage import Stage
from .truth import Channel, Mask, Truth, because

_VIEW = (640.0, 440.0)
"""Half of what is drawn of the mat once for all pictures, units."""
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
_ODD_LEVERS = (rgb(40, 110, 190), rgb(60, 150, 70), rgb(90, 90, 92))


@dataclass(frozen=True, eq=False)
class _Plan:
    connectors: tuple[Connector, ...]
    cables: tuple[Floats, ...]
    """Middle lines, (N, 2)."""
    color: str


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
        number = put_connector(stage, connector, odd_lever=_ODD_LEVERS[int(rng.integers(len(_ODD_LEVERS)))])
        seen["connector"].append(stage.visible(number))
    seen["cable"] = [stage.visible(number) for number in numbers]
    foreign = None
    if "contamination" in names:
        at = (float(rng.uniform(-140, 140)), float(rng.uniform(70, 150) * rng.choice([-1, 1])))
        foreign = contaminate(stage, at, float(rng.uniform(26, 46)), rgb(132, 96, 50), rng)
    marks = {"contamination": foreign, "broken_cable": bared}
    if "broken_connector" in names and not any(connector.broken for connector in plan.connectors):
        marks["broken_connector"] = _crack(
            stage, plan.connectors[int(rng.integers(len(plan.connectors)))], rng
        )
    channels = [_channel(stage, name, marks, seen, (left, right), plan) for name in sorted(names)]
    return Truth(tuple(channels), partial(_reasons, names, plan.color, COLOR_OF[left.clamps]))


def _pair(names: frozenset[str], variant: int, rng: np.random.Generator) -> tuple[Connector, Connector]:
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
        Connector(
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
        broken="broken_connector" in names and rng.uniform() < 0.6,
    )
    return found[0], found[1]


def _arranged(left: Connector, right: Connector, names: frozenset[str], rng: np.random.Generator) -> _Plan:
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
    return _Plan(tuple(connectors), tuple(cables), color)


def _run(left: Connector, right: Connector, one: int, other: int, rng: np.random.Generator) -> Floats:
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
    (weave,) = seen_plane(stage.camera, _weave, _VIEW)
    shade = 46 + 9 * weave + 2.2 * stage.clouds(2) + 4 * stage.clouds(70)
    stage.picture += tinted(shade, rgb(0.94, 0.98, 1.04))
    stage.dust(34)


def _weave(u: Floats, v: Floats, _: float) -> tuple[Floats, ...]:
    """Height of the threads, -1 to 1."""
    return (np.cos(u * np.float32(2 * math.pi / 9)) * np.cos(v * np.float32(2 * math.pi / 9)),)


def _cable(stage: Stage, points: Floats, color: str) -> Sprite:
    return tube(stage.camera, points, _CABLE_RADIUS, plastic(_COLORS[color], 0.3, 0.4, 26))


def _bare(stage: Stage, points: Floats, rng: np.random.Generator) -> Mask:
    """A stretch of the cable whose insulation is torn off: strands of copper."""
    at, length = int(rng.integers(12, 30)), int(rng.integers(3, 6))
    stretch = points[at : at + length]
    mask = np.zeros(stage.camera.size[::-1], np.bool_)
    torn = tube(stage.camera, stretch, _CABLE_RADIUS * 0.9, plastic(COPPER, 0.6, 0.3, 12))
    torn.paste(stage.picture)
    mask |= mask_of(stage, torn)
    for shift in rng.uniform(-8, 8, 4):
        strand = stretch + np.linspace(0, 1, length)[:, None] * (0.0, float(shift) * 2)
        sprite = tube(stage.camera, strand, 1.3, plastic(COPPER * 1.15, 0.6, 0.3, 12))
        sprite.paste(stage.picture)
        mask |= mask_of(stage, sprite)
    return mask


def _crack(stage: Stage, connector: Connector, rng: np.random.Generator) -> Mask:
    """Two cracks or deep scratches across a housing, from one point on."""
    half = connector.half
    across, down = float(rng.uniform(-0.7, 0.7)) * half[0], float(rng.choice([-1, 1])) * half[1] * 0.85
    ends = [
        (float(rng.uniform(-0.9, 0.9)) * half[0], -down * float(rng.uniform(-0.2, 0.5))) for _ in range(2)
    ]
    start = connector.place(across, down)
    cracks = [scratch(stage, start, connector.place(*end), -95.0, rng) for end in ends]
    return cracks[0] | cracks[1]


def _channel(
    stage: Stage,
    name: str,
    marks: dict[str, Mask | None],
    seen: dict[str, list[Mask]],
    pair: tuple[Connector, Connector],
    plan: _Plan,
) -> Channel:
    """Where a defect is, or where what is missing should be."""
    mark = marks.get(name)
    if mark is not None:
        return Channel(name, mark)
    places = [mask_of(stage, draw_body(stage, connector)) for connector in pair]
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


def _spoilt_part(stage: Stage, name: str, pair: tuple[Connector, Connector], places: list[Mask]) -> Mask:
    for connector, place in zip(pair, places, strict=True):
        lever = connector.opened if name == "open_lever" else connector.odd
        if lever >= 0:
            sprites = [draw_lever(stage, connector, lever, LEVER)]
            sprites.append(draw_lever(stage, replace(connector, opened=-1), lever, LEVER))
            return mask_of(stage, sprites[0]) | mask_of(stage, sprites[1])
        if connector.broken:
            return np.asarray(mask_of(stage, draw_body(stage, replace(connector, broken=False))) & ~place)
        if connector.flipped:
            return place
    return places[0]


def _between(stage: Stage, pair: tuple[Connector, Connector]) -> Mask:
    """Everywhere a cable of the pair could lie."""
    left, right = pair
    down = max(left.half[1], right.half[1]) - EDGE - 8
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


def _reasons(names: frozenset[str], color: str, usual: str, scene: Scene) -> Iterator[Reason]:
    """What is wrong, by what is seen of the parts; `usual` is the color that goes with the connectors."""
    connectors = sorted(scene.parts("connector"), key=lambda part: part.center[0])
    for name in sorted(names):
        if name.startswith("wrong_connector_type"):
            held = [sum(clamp.inside(one) for clamp in scene.parts("clamp")) for one in connectors]
            yield because("matching", "clamp", held[1], held[0], name)
        elif name.startswith("cable_too_short"):
            low, high = (round(share * connectors[0].width, 1) for share in _LENGTHS)
            yield because("size", "cable", (low, high), scene.part("cable").length, name, "px of length")
        elif name in ("missing_connector", "missing_connector_and_cable"):
            yield because("quantity", "connector", 2, len(connectors), name)
        if name in ("missing_cable", "missing_connector_and_cable", "extra_cable", "cable_cut"):
            yield because("quantity", "cable", 1, len(scene.parts("cable")), name)
        elif name in ("cable_color", "unknown_cable_color"):
            yield because("matching", "cable", usual, color, name)
        elif name == "wrong_cable_location":
            one, other = (_joined(scene, connector) for connector in scene.parts("connector"))
            yield because("position", "cable", one, other, name, "clamps from the top")
        elif name == "cable_not_plugged":
            yield because("position", "cable", True, False, name)


def _joined(scene: Scene, connector: Part) -> int:
    """The number, from the top, of the clamp of a connector that is nearest to the cable."""
    clamps = sorted(
        (clamp for clamp in scene.parts("clamp") if clamp.inside(connector)), key=lambda part: part.center[1]
    )
    gaps = [clamp.distance(scene.part("cable")) for clamp in clamps]
    return gaps.index(min(gaps)) + 1


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
