"""The juice bottle: three juices, a label with the fruit, and a label "100% Juice" below it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from ...scene import Scene
from ..reasons import Reason
from .blemishes import foreign_object, mask_of, scratch, stain
from .bottle import HALF, RADIUS, Bottle, glass, pour, stand
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
from .camera import Floats, Point
from .light import rgb
from .product import Product
from .stage import Stage
from .truth import Channel, Mask, Truth, because

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
    """In the window of the bottle."""
    bottle: Bottle


def draw(stage: Stage, names: frozenset[str], rng: np.random.Generator) -> Truth:
    """Draw a bottle with these defects."""
    plan = _planned(names, stage.variant, rng)
    bottle = stand(stage)
    juice = pour(stage, bottle, plan.level, plan.colour)
    soiled = "contamination" in names and bool(plan.places) and rng.uniform() < 0.25
    foreign = None
    if "contamination" in names and not soiled:
        at = (float(rng.uniform(-50, 50)), float(rng.choice([rng.uniform(-120, -60), rng.uniform(240, 310)])))
        foreign = foreign_object(stage, at, float(rng.uniform(26, 44)), rng)
    mirrored = glass(stage, bottle)
    window = bottle.samples.window(stage.picture)
    window += mirrored
    seen, torn = _stick_all(stage, plan, names, rng, (juice, bottle))
    if soiled:
        at = (float(rng.uniform(-60, 60)), float(rng.choice(list(plan.places.values()))))
        foreign = stain(stage, at, float(rng.uniform(44, 66)), rgb(104, 62, 26), rng)
    # The labels mirror the lamps as well, but less.
    window += mirrored * np.float32(0.25)
    found = {"contamination": foreign, "damaged_label": torn}
    marks = {name: mask for name, mask in found.items() if mask is not None}
    channels = [_channel(stage, name, plan, seen, marks) for name in sorted(names)]
    return Truth(tuple(channels), partial(_reasons, names, plan.fruit))


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


def _stick_all(
    stage: Stage, plan: _Plan, names: frozenset[str], rng: np.random.Generator, below: tuple[Mask, Bottle]
) -> tuple[_Seen, Mask | None]:
    """Stick the labels on; answers what is seen, and where one is torn or scratched."""
    damaged = str(rng.choice(list(_PLACES))) if "damaged_label" in names else ""
    scratched = rng.uniform() < 0.4
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
        if name == damaged and not scratched:
            _tear(kept, rng)
            paper[kept < 255] = (250, 248, 244)
        label = Label(paper, kept, size, plan.places[name], plan.turns[name])
        sprite = stick(stage, label, RADIUS)
        stage.shadow(sprite, 0.3, 1.6, (1.0, 1.6))
        number = stage.paste(sprite, name, keeps=True)
        seen[name] = stage.visible(number)
        if name == damaged and not scratched:
            torn = np.asarray(mask_of(stage, stick(stage, whole, RADIUS)) & ~seen[name])
        if disc is not None and fruit is not None:
            spot = wound_mask(stage, label, RADIUS, disc)
            emblem = stage.visible(stage.claim(spot.x, spot.y, spot.cover >= 0.5, "emblem", keeps=True))
            spot = wound_mask(stage, label, RADIUS, fruit)
            stage.claim(spot.x, spot.y, spot.cover >= 0.5, plan.icon if plan.icon in FRUITS else "")
    if damaged in seen and scratched:
        torn = _scratch_label(stage, plan.places[damaged], rng)
    return _Seen(seen, emblem, *below), torn


def _scratch_label(stage: Stage, at: float, rng: np.random.Generator) -> Mask:
    """Three scratches side by side across a label whose middle is `at` below that of the bottle."""
    x, y = float(rng.uniform(-66, -30)), at + float(rng.choice([-1, 1])) * float(rng.uniform(12, 26))
    to_x, to_y = float(rng.uniform(30, 66)), 2 * at - y + float(rng.uniform(-10, 10))
    shifts = np.cumsum(rng.uniform(4, 9, 3))
    marks = [scratch(stage, (x, y + shift), (to_x, to_y + shift), -105.0, rng) for shift in shifts]
    return np.asarray(np.any(marks, axis=0))


def _tear(kept: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], rng: np.random.Generator) -> None:
    """Tear a corner off."""
    height, width = kept.shape
    x0, y0 = int(rng.choice([0, width])), int(rng.choice([0, height]))
    reach = float(rng.uniform(0.35, 0.6)) * height
    angles = np.linspace(0, 2 * np.pi, 40)
    ragged = reach * (1 + 0.14 * np.sin(angles * 7 + rng.uniform(0, 6)) + 0.08 * np.sin(angles * 17))
    outline = np.column_stack([x0 + 1.5 * ragged * np.cos(angles), y0 + ragged * np.sin(angles)])
    cv2.fillPoly(kept, [np.rint(outline).astype(np.int32)], 0)


def _channel(stage: Stage, name: str, plan: _Plan, seen: _Seen, marks: dict[str, Mask]) -> Channel:
    """Where a defect is, or where what is missing should be."""

    def place(label: str, at: float) -> Mask:
        paper, kept = print_bottom_label(False) if label == "bottom_label" else print_fruit_label("")
        size = BOTTOM_LABEL if label == "bottom_label" else FRUIT_LABEL
        return mask_of(stage, stick(stage, Label(paper, kept, size, at), RADIUS))

    full = partial(seen.bottle.placed, stage)
    both = np.any(list(seen.labels.values()), axis=0) if seen.labels else full(seen.bottle.hollow >= 0.5)
    top, bottom = seen.labels.get("fruit_label", both), seen.labels.get("bottom_label", both)
    match name:
        case "missing_top_label" | "missing_bottom_label":
            mask = place(_OF_LABEL[name], _PLACES[_OF_LABEL[name]])
        case "misplaced_label_top":
            mask = top | place("fruit_label", _PLACES["fruit_label"])
        case "misplaced_label_bottom":
            mask = bottom | place("bottom_label", _PLACES["bottom_label"])
        case "empty_bottle" | "wrong_fill_level_too_much" | "wrong_fill_level_not_enough":
            mask = full(_between_levels(seen.bottle, plan.level, sum(_LEVELS) / 2))
            mask = mask & ~both if name == "empty_bottle" else mask
        case "juice_color":
            mask = full(seen.juice) & ~both
        case "wrong_juice_type":
            mask = (full(seen.juice) & ~both) | (top if seen.emblem is None else seen.emblem)
        case "misplaced_fruit_icon" | "unknown_fruit_icon" | "incomplete_fruit_icon":
            mask = top if seen.emblem is None else seen.emblem
        case "rotated_label":
            turned = max(plan.turns, key=lambda label: abs(plan.turns[label]))
            mask = seen.labels.get(turned, both)
        case "missing_fruit_icon":
            mask = top
        case "label_text_incomplete":
            mask = bottom
        case "contamination" | "damaged_label" if name in marks:
            mask = marks[name]
        case _:
            mask = both
    return Channel(name, np.asarray(mask))


def _between_levels(bottle: Bottle, one: float, other: float) -> Mask:
    """Where juice is that should not be, or should be and is not, (h, w); levels are in bottle heights."""
    down = bottle.samples.across
    top, bottom = (HALF - level * 2 * HALF for level in (max(one, other), min(one, other)))
    return np.asarray((down > top - 6) & (down < bottom + 6) & (bottle.hollow >= 0.5))


def _reasons(names: frozenset[str], fruit: str, scene: Scene) -> Iterator[Reason]:
    """What is wrong with a bottle of the juice of a fruit, by what is seen of its parts."""
    bottle = scene.part("bottle")
    for name, label in _OF_LABEL.items():
        if name in names:
            yield because("quantity", label, 1, 0, name)
    for name in ("missing_top_label", "missing_fruit_icon"):
        if name in names:
            yield because("quantity", "emblem", 1, 0, name)
    if "empty_bottle" in names:
        yield because("quantity", "juice", 1, 0, "empty_bottle")
    for name in sorted(names & {"wrong_fill_level_too_much", "wrong_fill_level_not_enough"}):
        low, high = (round(share * bottle.height, 1) for share in _ALLOWED)
        yield because("size", "juice", (low, high), scene.part("juice").height, name, "px of height")
    yield from _misplaced(names, scene)
    for name in sorted(names & {"missing_fruit_icon", "wrong_juice_type", "unknown_fruit_icon"}):
        yield because("matching", fruit, (1, None), 0, name, f"the label of {_NAMES[fruit]} juice")


def _misplaced(names: frozenset[str], scene: Scene) -> Iterator[Reason]:
    if "swapped_labels" in names:
        where = "its place above the bottom label"
        yield because("position", "fruit_label", True, False, "swapped_labels", where)
    bottle = scene.part("bottle")
    for label, name in (("fruit_label", "misplaced_label_top"), ("bottom_label", "misplaced_label_bottom")):
        if defects := sorted(names & {name, "swapped_labels"}):
            usual = (_PLACES[label] + HALF) / (2 * HALF)
            allowed = (round(usual - 0.02, 3), round(usual + 0.02, 3))
            place = (scene.part(label).center[1] - bottle.box[1]) / bottle.height
            yield because("position", label, allowed, place, defects[0], "heights of the bottle")
    if "misplaced_fruit_icon" in names:
        emblem, paper = scene.part("emblem"), scene.part("fruit_label")
        x0, y0, x1, y1 = paper.box
        across = abs(emblem.center[0] - (x0 + x1) / 2) / paper.width
        down = abs(emblem.center[1] - (y0 + y1) / 2) / paper.height
        where = "sizes of its label"
        yield because("position", "emblem", (0.0, 0.1), max(across, down), "misplaced_fruit_icon", where)


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
