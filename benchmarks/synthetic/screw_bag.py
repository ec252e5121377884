"""The screw bag: two washers, two nuts, a long screw and a short one in a bag of clear film."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ...scene import Scene
from ..reasons import Reason
from .blemishes import contaminate
from .camera import Floats, Point
from .hardware import STEEL, Look, draw_nut, draw_screw, draw_washer
from .light import clamped, grey, rgb, shaded, tinted
from .planes import seen_plane
from .product import Product
from .shapes import rounded_box
from .sprites import Sprite, sample
from .stage import Stage
from .truth import Channel, Mask, Truth, because

LENGTHS = {"long_screw": 226.0, "short_screw": 164.0}
"""Units."""
WASHER_RADIUS, NUT_RADIUS = 25.0, 22.0
BAG_HALF = (352.0, 212.0)
_VIEW = (420.0, 270.0)
"""Half of what is drawn of the bag once for all pictures, units."""
_ROOM = (306.0, 156.0)
"""Half extents of where parts may lie, about a point a little below the middle."""
_ROOM_DOWN = 18.0
_NUMBERS = {"washer": 2, "nut": 2, "long_screw": 1, "short_screw": 1}
_PAINT = (rgb(205, 160, 60), rgb(170, 60, 40), rgb(60, 70, 90), rgb(60, 110, 170))


@dataclass(frozen=True)
class _Piece:
    label: str
    at: Point
    angle: float
    length: float
    look: Look

    @property
    def ends(self) -> tuple[Point, Point]:
        """Of the axis of a screw; the middle of anything else."""
        half = self.length / 2 if self.label in LENGTHS else 0.0
        x, y = half * math.cos(math.radians(self.angle)), half * math.sin(math.radians(self.angle))
        return (self.at[0] - x, self.at[1] - y), (self.at[0] + x, self.at[1] + y)


def draw(stage: Stage, names: frozenset[str], rng: np.random.Generator) -> Truth:
    """Draw a bag with these defects."""
    numbers = _counts(names)
    lengths, odd_sizes = _lengths(names, rng)
    pieces = _lie(numbers, lengths, rng.uniform() < stage.conditions.crowding, rng)
    spoilt = int(rng.integers(len(pieces)))
    if names & {"color", "part_broken"}:
        pieces[spoilt] = replace(pieces[spoilt], look=_spoilt(pieces[spoilt].look, names, rng))
    distance, zipped = _table_and_bag(stage)
    foreign = None
    if "contamination" in names:
        at = (float(rng.uniform(-0.8, 0.8) * _ROOM[0]), float(rng.uniform(-0.8, 0.8) * _ROOM[1]) + _ROOM_DOWN)
        foreign = contaminate(stage, at, float(rng.uniform(24, 40)), rgb(150, 108, 58), rng, nuts=False)
    numbers_seen = []
    for piece in pieces:
        sprite = _drawn(stage, piece)
        stage.shadow(sprite, 0.5, 3.0, (3.0, 4.0))
        numbers_seen.append(stage.paste(sprite, piece.label))
    torn = _film(stage, distance, zipped, "bag_broken" in names, rng)
    seen = [stage.visible(number) for number in numbers_seen]
    masks: dict[str, list[Mask]] = {label: [] for label in _NUMBERS}
    for piece, mask in zip(pieces, seen, strict=True):
        masks[piece.label].append(mask)
    inside = np.asarray(distance < -14)
    channels = [_channel(name, masks, inside, odd_sizes) for name in sorted(names) if name in _LOGICAL]
    marks: tuple[tuple[str, Mask | None], ...] = (
        ("contamination", foreign),
        ("bag_broken", torn),
        ("color", seen[spoilt]),
        ("part_broken", seen[spoilt]),
    )
    channels += [Channel(name, mask) for name, mask in marks if name in names and mask is not None]
    return Truth(tuple(channels), partial(_reasons, names, odd_sizes, stage.camera.scale))


_LOGICAL = frozenset(
    f"{count}_{what}_{label}{plural}"
    for count, plural in ((1, ""), (2, "s"))
    for what in ("additional", "missing")
    for label in _NUMBERS
) | {"screw_too_long", "screw_too_short", "1_very_short_screw", "2_very_short_screws"}


def _counts(names: frozenset[str]) -> dict[str, int]:
    """How many of each label lie in a bag with these defects."""
    numbers = dict(_NUMBERS)
    for name in names & _LOGICAL:
        count, what, *label = name.removesuffix("s").split("_")
        if what in ("additional", "missing"):
            numbers["_".join(label)] += int(count) * (1 if what == "additional" else -1)
    return numbers


def _lengths(names: frozenset[str], rng: np.random.Generator) -> tuple[dict[str, float], list[str]]:
    """The length of each kind of screw, and the labels of those that are not as they should be."""
    lengths, odd = dict(LENGTHS), []
    either = str(rng.choice(["long_screw", "short_screw"]))
    if "screw_too_long" in names:
        lengths["long_screw"] *= float(rng.uniform(1.18, 1.26))
        odd = ["long_screw"]
    if "screw_too_short" in names:
        lengths[either] *= float(rng.uniform(0.78, 0.84))
        odd = [either]
    if "1_very_short_screw" in names:
        lengths["short_screw"] *= float(rng.uniform(0.4, 0.5))
        odd = ["short_screw"]
    if "2_very_short_screws" in names:
        lengths["long_screw"] *= float(rng.uniform(0.28, 0.36))
        lengths["short_screw"] *= float(rng.uniform(0.4, 0.5))
        odd = ["long_screw", "short_screw"]
    return lengths, odd


def _lie(
    numbers: dict[str, int], lengths: dict[str, float], crowded: bool, rng: np.random.Generator
) -> list[_Piece]:
    """Where everything lies, the lowest first; screws lie on nuts and washers, short ones on long ones."""
    placed: list[_Piece] = []
    for label in ("long_screw", "short_screw", "washer", "nut"):
        for _ in range(numbers[label]):
            length = lengths.get(label, 2 * WASHER_RADIUS) * float(rng.uniform(0.995, 1.005))
            look = Look(STEEL * np.float32(rng.uniform(0.9, 1.06)), float(rng.uniform(1.2, 2.0)))
            for tries in range(400):
                piece = _Piece(label, _somewhere(rng, length, label), 0.0, length, look)
                piece = replace(piece, angle=float(rng.uniform(0, 360)))
                room = 1.0 if not crowded else 0.5
                if _inside(piece) and all(_apart(piece, other, room * (1 - tries / 700)) for other in placed):
                    break
            placed.append(piece)
    order = ["washer", "nut", "long_screw", "short_screw"]
    return sorted(placed, key=lambda piece: order.index(piece.label))


def _somewhere(rng: np.random.Generator, length: float, label: str) -> Point:
    margin = 10.0 if label in LENGTHS else length / 2
    x, y = rng.uniform(-1, 1, 2) * (_ROOM[0] - margin, _ROOM[1] - margin)
    return float(x), float(y) + _ROOM_DOWN


def _inside(piece: _Piece) -> bool:
    return all(abs(x) < _ROOM[0] - 8 and abs(y - _ROOM_DOWN) < _ROOM[1] - 8 for x, y in piece.ends)


def _apart(piece: _Piece, other: _Piece, room: float) -> bool:
    """Whether two pieces are far enough from one another, 1 being apart and less an overlap.

    Two screws may cross, but neither hides an end of the other.
    """
    if piece.label in LENGTHS and other.label in LENGTHS:
        gaps = [_gap(end, other.ends) for end in piece.ends] + [_gap(end, piece.ends) for end in other.ends]
        crossing = abs(math.sin(math.radians(piece.angle - other.angle)))
        return min(gaps) > 44 * room + 12 and (crossing > 0.35 or min(gaps) > 44)
    wide = 22.0 if other.label in LENGTHS else WASHER_RADIUS
    return _gap(piece.at, other.ends) > (WASHER_RADIUS + wide + 4) * room


def _gap(point: Point, segment: tuple[Point, Point]) -> float:
    """From a point to a segment."""
    (ax, ay), (bx, by) = segment
    along = (bx - ax) ** 2 + (by - ay) ** 2
    share = ((point[0] - ax) * (bx - ax) + (point[1] - ay) * (by - ay)) / along if along else 0.0
    share = min(max(share, 0.0), 1.0)
    return math.dist(point, (ax + share * (bx - ax), ay + share * (by - ay)))


def _drawn(stage: Stage, piece: _Piece) -> Sprite:
    if piece.label in LENGTHS:
        return draw_screw(stage.camera, piece.at, piece.length, piece.angle, piece.look)
    make, radius = (draw_washer, WASHER_RADIUS) if piece.label == "washer" else (draw_nut, NUT_RADIUS)
    return make(stage.camera, piece.at, radius, piece.angle, piece.look)


def _spoilt(look: Look, names: frozenset[str], rng: np.random.Generator) -> Look:
    if "color" in names:
        return replace(look, colour=_PAINT[int(rng.integers(len(_PAINT)))])
    return replace(look, missing=(float(rng.uniform(0, 360)), float(rng.uniform(45, 85))))


def _flat_bag(u: Floats, v: Floats, _: float) -> tuple[Floats, ...]:
    """Signed distance to the outline of a bag that lies flat, and the light of its zip, in grey levels."""
    zip_lines = sum(
        np.square(clamped(1 - np.abs(v + y) / w)) * a
        for y, w, a in ((176, 2.6, 62), (165, 3.4, 44), (170.5, 8, 14))
    )
    return rounded_box(u, v, BAG_HALF, 10.0), np.asarray(zip_lines)


def _table_and_bag(stage: Stage) -> tuple[Floats, Floats]:
    """The table; answers the signed distance to the outline of the bag, and the light of its zip."""
    stage.picture += shaded(rgb(34, 36, 40), stage.clouds(3) * 1.6 + stage.clouds(60) * 2.5)
    stage.dust(26)
    distance, zipped = seen_plane(stage.camera, _flat_bag, _VIEW)
    distance += 1.6 * stage.clouds(90)
    inside = clamped(0.5 - distance)
    stage.picture *= grey(1 - 0.22 * clamped(0.5 - (distance - 8) / 14) * (1 - inside))
    stage.claim(0, 0, inside >= 0.5, "bag", keeps=True)
    return distance, zipped


def _film(
    stage: Stage, distance: Floats, zipped: Floats, broken: bool, rng: np.random.Generator
) -> Mask | None:
    """Haze, seams, zip, creases and reflections of the film over all in the bag; where it is torn."""
    inside = clamped(0.5 - distance)
    glare = stage.conditions.glare
    seam = clamped(1 - np.abs(distance + 7) / 7) * (11 + 3 * stage.clouds(4))
    rim = np.square(clamped(1 - np.abs(distance + 1.2) / 2.2)) * 62
    rough, slow, fold = stage.clouds(34), stage.clouds(110), stage.clouds(70)
    # Film mirrors the lamp along the crests of its waves: thin, curved, broken lines of light.
    crest = np.square(np.square(clamped(1 - np.abs(rough + 0.5 * fold) * 2.6)))
    crease = np.square(clamped(1 - np.abs(fold - 0.4 * slow) * 9))
    patch = clamped(slow * 0.9 - 0.15)
    light = 8 + 4 * slow + seam + rim + zipped + glare * (96 * crest * patch + 20 * crease + 11 * patch)
    torn = _tear(stage, light, rng) if broken else None
    light *= inside
    stage.picture *= grey(1 - 0.06 * inside)
    stage.picture += tinted(light, rgb(1.0, 1.0, 1.02))
    return torn


def _tear(stage: Stage, light: Floats, rng: np.random.Generator) -> Mask:
    """A jagged slit through the film: dark where it gapes, bright where its lips curl up."""
    at = (float(rng.uniform(-220, 220)), float(rng.uniform(-110, 110)))
    half = float(rng.uniform(45, 90))
    samples = sample(stage.camera, at, (half, 34.0), float(rng.uniform(0, 180)), 1)
    knots = np.arange(-half - 8, half + 8, 5.0)
    gape = float(rng.uniform(5, 13)) * clamped(1 - np.square(knots / half))
    wander = np.cumsum(rng.normal(0, 2.4, len(knots)))
    wander -= np.interp(knots, (knots[0], knots[-1]), (wander[0], wander[-1]))
    upper, lower = (
        np.interp(samples.along, knots, wander + side * gape + rng.normal(0, 1.3, len(knots)) * (gape > 0))
        for side in (-1, 1)
    )
    slit = np.maximum(upper - samples.across, samples.across - lower).astype(np.float32)
    within = (np.abs(samples.along) < half).astype(np.float32)
    window = samples.window(light)
    window *= 1 - clamped(0.5 - slit) * within
    window += 105 * np.square(clamped(1 - np.abs(slit - 1.5) / 2.6)) * within
    return stage.placed(samples.x, samples.y, (slit < 4) & (within > 0))


def _channel(name: str, masks: dict[str, list[Mask]], inside: Mask, odd: list[str]) -> Channel:
    """Missing: everywhere in the bag. Additional: every one of them. A wrong size: the screw."""
    if "missing" in name:
        return Channel(name, inside)
    labels = ["_".join(name.removesuffix("s").split("_")[2:])] if "additional" in name else odd
    return Channel(name, np.any([mask for label in labels for mask in masks[label]], axis=0))


def _reasons(names: frozenset[str], odd: list[str], scale: float, scene: Scene) -> Iterator[Reason]:
    """What is wrong; `odd` are the labels of screws of another length, `scale` is in px a unit."""
    for name in sorted(names & _LOGICAL):
        if "additional" in name or "missing" in name:
            label = "_".join(name.removesuffix("s").split("_")[2:])
            yield because("quantity", label, _NUMBERS[label], len(scene.parts(label)), name)
            continue
        for label in odd:
            low, high = (round(share * LENGTHS[label] * scale, 1) for share in (0.95, 1.05))
            for part in scene.parts(label):
                yield because("size", label, (low, high), part.length, name, "px of length")


SCREW_BAG = Product(
    name="screw_bag",
    labels=("bag", "washer", "nut", "long_screw", "short_screw"),
    containers={"bag": ("washer", "nut", "long_screw", "short_screw")},
    sentences=(
        "The bag contains exactly two washers and two nuts.",
        "The bag contains exactly one long screw and one short screw.",
        "The length of the long screw is its usual value.",
        "The length of the short screw is its usual value.",
    ),
    frame=(800.0, 500.0),
    down=0.0,
    size=(800, 500),
    draw=draw,
)
