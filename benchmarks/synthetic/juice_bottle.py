"""The juice bottle: three juices, a label with the fruit, and a label "100% Juice" below it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..reasons import Reason
from .blemishes import foreign_object, mask_of
from .bottle_labels import (
    BOTTOM_LABEL,
    FRUIT_LABEL,
    FRUITS,
    UNKNOWN_FRUITS,
    Label,
    print_bottom_label,
    print_emblem,
    print_fruit_label,
    stick,
    wound_mask,
)
from .camera import Floats, Point, clamped, rgb
from .product import Product
from .stage import Stage
from .truth import Channel, Mask, Truth

RADIUS, HALF = 112.0, 352.0
"""Of the body of the bottle, and half its height, units."""
_NECK = 44.0
_PROFILE = [
    (-HALF, _NECK + 3), (-HALF + 20, _NECK + 3), (-HALF + 22, _NECK - 3), (-262.0, _NECK),
    (-236.0, _NECK + 9), (-206.0, 74.0), (-176.0, 98.0), (-150.0, RADIUS - 4), (-128.0, RADIUS),
    (HALF - 26, RADIUS), (HALF - 10, RADIUS - 5), (HALF - 3, RADIUS - 14), (HALF, RADIUS - 26),
]  # fmt: skip
"""Height below the middle, and the radius there, units."""
_LEVELS = (0.745, 0.765)
"""Height of the juice of a good bottle, in heights of the bottle."""
_ALLOWED = (0.72, 0.79)
"""What the rules ask for."""
_PLACES = {"fruit_label": 44.0, "bottom_label": 186.0}
_JUICE = {"cherry": rgb(182, 14, 30), "orange": rgb(252, 140, 20), "banana": rgb(240, 234, 214)}
_NAMES = {"cherry": "red", "orange": "yellow or orange", "banana": "white or grey"}
_WRONG_JUICE = (rgb(60, 140, 60), rgb(60, 80, 170), rgb(110, 60, 130))
_OF_LABEL = {"missing_top_label": "fruit_label", "missing_bottom_label": "bottom_label"}


@dataclass(frozen=True)
class _Plan:
    fruit: str
    """Of the juice."""
    icon: str
    """On the label; empty for none."""
    colour: Floats
    level: float
    """Height of the juice, in heights of the bottle; 0 for none."""
    places: dict[str, float]
    """Label -> how far its middle is below the middle of the bottle; those that are missing are not in it."""
    turns: dict[str, float]
    off: Point
    """Of the emblem, units from the middle of its label."""


@dataclass(frozen=True, eq=False)
class _Seen:
    labels: dict[str, Mask]
    emblem: Mask | None
    juice: Mask
    inside: Mask


def draw(stage: Stage, names: frozenset[str], rng: np.random.Generator) -> Truth:
    """Draw a bottle with these defects."""
    plan = _planned(names, stage.variant, rng)
    radius, side = _bottle(stage)
    inside = np.asarray(clamped((radius - 5 - np.abs(stage.grid[0])) * 1.0) >= 0.5)
    juice = _fill(stage, plan, radius, side, inside)
    foreign = None
    if "contamination" in names:
        at = (float(rng.uniform(-50, 50)), float(rng.choice([rng.uniform(-120, -60), rng.uniform(240, 310)])))
        foreign = foreign_object(stage, at, float(rng.uniform(26, 44)), rng)
    _glass(stage, side, radius, 1.0)
    seen, torn = _stick_all(stage, plan, names, rng, (juice, inside))
    _glass(stage, side, radius, 0.25)
    channels = [_channel(stage, name, plan, seen, foreign, torn) for name in sorted(names)]
    return Truth(tuple(channels), tuple(_reasons(names, plan)))


def _planned(names: frozenset[str], variant: int, rng: np.random.Generator) -> _Plan:
    fruit = icon = FRUITS[variant % len(FRUITS)]
    colour = _JUICE[fruit]
    if "wrong_juice_type" in names:
        icon = str(rng.choice([name for name in FRUITS if name != fruit]))
    if "unknown_fruit_icon" in names:
        icon = str(rng.choice(UNKNOWN_FRUITS))
    if "missing_fruit_icon" in names:
        icon = ""
    if "juice_color" in names:
        colour = _WRONG_JUICE[int(rng.integers(len(_WRONG_JUICE)))]
    level = float(rng.uniform(*_LEVELS))
    if "wrong_fill_level_too_much" in names:
        level = float(rng.uniform(0.82, 0.88))
    if "wrong_fill_level_not_enough" in names:
        level = float(rng.uniform(0.5, 0.69))
    if "empty_bottle" in names:
        level = 0.0
    places = {label: place + float(rng.uniform(-3, 3)) for label, place in _PLACES.items()}
    turns = {label: float(rng.uniform(-0.7, 0.7)) for label in _PLACES}
    if "swapped_labels" in names:
        places = {"fruit_label": places["bottom_label"] - 36, "bottom_label": places["fruit_label"] - 36}
    if "misplaced_label_top" in names:
        places["fruit_label"] -= float(rng.uniform(36, 66))
    if "misplaced_label_bottom" in names:
        places["bottom_label"] += float(rng.uniform(36, 80))
    if "rotated_label" in names:
        turns[str(rng.choice(list(turns)))] = float(rng.choice([-1, 1]) * rng.uniform(5, 12))
    for name, label in _OF_LABEL.items():
        if name in names:
            del places[label]
    off = (float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1)))
    if "misplaced_fruit_icon" in names:
        off = (
            float(rng.choice([-1, 1]) * rng.uniform(22, 30)),
            float(rng.choice([-1, 1]) * rng.uniform(4, 18)),
        )
    return _Plan(fruit, icon, colour, level, places, turns, off)


def _bottle(stage: Stage) -> tuple[Floats, Floats]:
    """The wall behind, and the bottle as a part; answers its radius and the place across it, -1 to 1."""
    u, v = stage.grid
    stage.picture += rgb(15, 17, 20)
    stage.picture += (stage.clouds(120) * 2 + stage.clouds(5) * 0.6 + clamped((v - 300) / 120) * 10)[
        ..., None
    ]
    heights = np.arange(-HALF - 40, HALF + 40, 1.0)
    profile = np.interp(heights, *np.array(_PROFILE).T)
    profile = cv2.GaussianBlur(profile.astype(np.float32)[:, None], (1, 15), 0, sigmaY=3.0)[:, 0]
    profile[(heights < -HALF) | (heights > HALF)] = 0.0
    place = np.clip(v + HALF + 40, 0, len(profile) - 1).astype(np.int32)
    radius = profile[place]
    side = np.clip(u / np.maximum(radius, 1), -1.2, 1.2)
    stage.claim(0, 0, np.asarray((np.abs(u) < radius) & (radius > 1)), "bottle", keeps=True)
    return np.asarray(radius), np.asarray(side)


def _fill(stage: Stage, plan: _Plan, radius: Floats, side: Floats, inside: Mask) -> Mask:
    """Pour the juice; answers where it is."""
    u, v = stage.grid
    if not plan.level:
        return np.zeros(inside.shape, np.bool_)
    surface = HALF - 5 - (plan.level * 2 * HALF - 5)
    depth = v - surface - 3.5 * (1 - np.sqrt(clamped(1 - side * side)))
    cover = clamped((radius - 5 - np.abs(u)) * 1.0) * clamped(depth + 0.5) * clamped(HALF - 5.5 - v)
    # More of it to shine through in the middle; the rim of the surface catches the light.
    thick = np.sqrt(clamped(1 - side * side))
    shade = 0.64 + 0.38 * thick - 0.12 * side - 0.00025 * np.maximum(depth, 0) + 0.02 * stage.clouds(60)
    meniscus = np.square(clamped(1 - np.abs(depth - 2.5) / 3.5)) * 0.24
    foam = clamped(1 - np.abs(depth - 8) / 12) * clamped(stage.clouds(4) * 0.5) * 0.1
    light = (shade + meniscus + foam)[..., None] * plan.colour
    stage.picture += (light - stage.picture) * (cover * np.float32(0.97))[..., None]
    juice = np.asarray(cover >= 0.5)
    stage.claim(0, 0, juice, "juice")
    return juice


def _glass(stage: Stage, side: Floats, radius: Floats, amount: float) -> None:
    """The light that the glass mirrors: its rims, a long soft box at the left, a window at the right."""
    _, v = stage.grid
    glare = stage.conditions.glare * amount
    body = ((np.abs(side) <= 1) & (radius > 2)).astype(np.float32)
    edge = np.abs(side)
    rim = 92 * np.square(clamped((edge - 0.9) / 0.1)) + 26 * clamped(1 - np.abs(edge - 0.86) / 0.03)
    box = (
        82 * clamped((0.055 - np.abs(side + 0.66)) / 0.03) * clamped((v + 215) / 40) * clamped((300 - v) / 60)
    )
    window = (
        36 * clamped((0.035 - np.abs(side - 0.74)) / 0.02) * clamped((v + 150) / 50) * clamped((210 - v) / 80)
    )
    ring = 46 * clamped(1 - np.abs(v + HALF - 10) / 9) + 50 * clamped(1 - np.abs(v - HALF + 5) / 6)
    light = body * (
        rim * amount + 6 * amount + glare * (box + window) * (1 + 0.06 * stage.clouds(50)) + ring * amount
    )
    stage.picture += light[..., None] * rgb(0.97, 1.0, 1.02)


def _stick_all(
    stage: Stage, plan: _Plan, names: frozenset[str], rng: np.random.Generator, below: tuple[Mask, Mask]
) -> tuple[_Seen, Mask | None]:
    """Stick the labels on; answers what is seen, and what of a label is torn off."""
    torn_label = str(rng.choice(list(_PLACES))) if "damaged_label" in names else ""
    torn = emblem = None
    seen: dict[str, Mask] = {}
    for name in plan.places:
        size = FRUIT_LABEL if name == "fruit_label" else BOTTOM_LABEL
        paper, kept = (
            print_fruit_label(plan.icon or plan.fruit)
            if name == "fruit_label"
            else print_bottom_label("label_text_incomplete" in names)
        )
        disc = fruit = None
        if name == "fruit_label" and plan.icon:
            share = float(rng.uniform(0.35, 0.6)) if "incomplete_fruit_icon" in names else 1.0
            disc, fruit = print_emblem(paper, plan.icon, plan.off, share)
        whole = Label(paper, kept.copy(), size, plan.places[name], plan.turns[name])
        if name == torn_label:
            _tear(kept, rng)
            paper[kept < 255] = (250, 248, 244)
        label = Label(paper, kept, size, plan.places[name], plan.turns[name])
        sprite = stick(stage, label, RADIUS)
        number = stage.paste(sprite, name, keeps=True)
        seen[name] = stage.visible(number)
        if name == torn_label:
            torn = np.asarray(mask_of(stage, stick(stage, whole, RADIUS)) & ~seen[name])
        if disc is not None and fruit is not None:
            spot = wound_mask(stage, label, RADIUS, disc)
            emblem = stage.visible(stage.claim(spot.x, spot.y, spot.cover >= 0.5, "emblem", keeps=True))
            spot = wound_mask(stage, label, RADIUS, fruit)
            stage.claim(spot.x, spot.y, spot.cover >= 0.5, plan.icon if plan.icon in FRUITS else "")
    return _Seen(seen, emblem, *below), torn


def _tear(kept: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], rng: np.random.Generator) -> None:
    """Tear a corner off."""
    height, width = kept.shape
    x0, y0 = int(rng.choice([0, width])), int(rng.choice([0, height]))
    reach = float(rng.uniform(0.35, 0.6)) * height
    angles = np.linspace(0, 2 * np.pi, 40)
    ragged = reach * (1 + 0.14 * np.sin(angles * 7 + rng.uniform(0, 6)) + 0.08 * np.sin(angles * 17))
    outline = np.column_stack([x0 + 1.5 * ragged * np.cos(angles), y0 + ragged * np.sin(angles)])
    cv2.fillPoly(kept, [np.rint(outline).astype(np.int32)], 0)


def _channel(
    stage: Stage, name: str, plan: _Plan, seen: _Seen, foreign: Mask | None, torn: Mask | None
) -> Channel:
    """Where a defect is, or where what is missing should be."""

    def place(label: str, at: float) -> Mask:
        paper, kept = print_bottom_label(False) if label == "bottom_label" else print_fruit_label("")
        size = BOTTOM_LABEL if label == "bottom_label" else FRUIT_LABEL
        return mask_of(stage, stick(stage, Label(paper, kept, size, at), RADIUS))

    _, v = stage.grid
    surface = HALF - plan.level * 2 * HALF
    usual = HALF - sum(_LEVELS) * HALF
    level = (v > min(surface, usual) - 6) & (v < max(surface, usual) + 6) & seen.inside
    both = np.any(list(seen.labels.values()), axis=0) if seen.labels else seen.inside
    top, bottom = seen.labels.get("fruit_label", both), seen.labels.get("bottom_label", both)
    turned = max(plan.turns, key=lambda label: abs(plan.turns[label]))
    emblem = seen.emblem if seen.emblem is not None else top
    masks: dict[str, Mask | None] = {
        "missing_top_label": place("fruit_label", _PLACES["fruit_label"]),
        "missing_bottom_label": place("bottom_label", _PLACES["bottom_label"]),
        "swapped_labels": both,
        "misplaced_label_top": top | place("fruit_label", _PLACES["fruit_label"]),
        "misplaced_label_bottom": bottom | place("bottom_label", _PLACES["bottom_label"]),
        "empty_bottle": seen.inside & (v > usual) & ~both,
        "wrong_fill_level_too_much": level,
        "wrong_fill_level_not_enough": level,
        "misplaced_fruit_icon": emblem,
        "missing_fruit_icon": top,
        "wrong_juice_type": (seen.juice & ~both) | emblem,
        "damaged_label": torn,
        "rotated_label": seen.labels.get(turned),
        "label_text_incomplete": bottom,
        "unknown_fruit_icon": emblem,
        "incomplete_fruit_icon": emblem,
        "juice_color": seen.juice & ~both,
        "contamination": foreign,
    }
    mask = masks[name]
    return Channel(name, both if mask is None else np.asarray(mask))


def _reasons(names: frozenset[str], plan: _Plan) -> list[Reason]:
    found = []

    def say(kind: str, thing: str, expected: object, actual: object, defect: str, where: str = "") -> None:
        found.append(
            Reason.model_validate(
                {
                    "type": kind,
                    "object": thing,
                    "expected": expected,
                    "actual": actual,
                    "defect": defect,
                    "where": where,
                }
            )
        )

    for name, label in _OF_LABEL.items():
        if name in names:
            say("quantity", label, 1, 0, name)
    if "missing_top_label" in names:
        say("quantity", "emblem", 1, 0, "missing_top_label")
    if "swapped_labels" in names:
        say("position", "fruit_label", True, False, "swapped_labels", "its place above the bottom label")
    for label, name in (("fruit_label", "misplaced_label_top"), ("bottom_label", "misplaced_label_bottom")):
        if name in names or "swapped_labels" in names:
            usual, now = ((place + HALF) / (2 * HALF) for place in (_PLACES[label], plan.places[label]))
            defect = name if name in names else "swapped_labels"
            say(
                "position",
                label,
                (round(usual - 0.02, 3), round(usual + 0.02, 3)),
                round(now, 3),
                defect,
                "bottle heights",
            )
    if "empty_bottle" in names:
        say("quantity", "juice", 1, 0, "empty_bottle")
    for name in names & {"wrong_fill_level_too_much", "wrong_fill_level_not_enough"}:
        say("size", "juice", _ALLOWED, round(plan.level, 3), name, "heights of the bottle")
    if "misplaced_fruit_icon" in names:
        off = max(abs(plan.off[0]) / FRUIT_LABEL[0], abs(plan.off[1]) / FRUIT_LABEL[1])
        say("position", "emblem", (0.0, 0.1), round(off, 3), "misplaced_fruit_icon", "sizes of its label")
    if "missing_fruit_icon" in names:
        say("quantity", "emblem", 1, 0, "missing_fruit_icon")
    for name in sorted(names & {"missing_fruit_icon", "wrong_juice_type", "unknown_fruit_icon"}):
        say("matching", plan.fruit, (1, None), 0, name, f"the label of {_NAMES[plan.fruit]} juice")
    return found


JUICE_BOTTLE = Product(
    name="juice_bottle",
    labels=("bottle", "juice", "fruit_label", "bottom_label", "emblem", *FRUITS),
    containers={
        "bottle": ("juice", "fruit_label", "bottom_label", "emblem", *FRUITS),
        "fruit_label": ("emblem", *FRUITS),
        "emblem": FRUITS,
    },
    sentences=(
        "The bottle contains exactly one juice, one fruit label and one bottom label.",
        f"The height of the juice is between {_ALLOWED[0]} and {_ALLOWED[1]} times the height of the bottle.",
        "The fruit label is above the bottom label.",
        "The fruit label is in its usual place.",
        "The bottom label is in its usual place.",
        "There is exactly one emblem.",
        "The emblem is in the middle of the fruit label.",
        *(
            f"If the juice is {_NAMES[fruit]}, the fruit label shows {article} {fruit}."
            for fruit, article in zip(FRUITS, ("a", "an", "a"), strict=True)
        ),
    ),
    frame=(500.0, 800.0),
    down=0.0,
    size=(500, 800),
    draw=draw,
)
