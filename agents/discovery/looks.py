"""Guesses about where parts are, which colours they have, and how large they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from ...geometry import REGIONS
from ...scene import Part, Scene
from ...schema import SceneError
from .facts import LIKELY, Facts, Guess, Strength, capital, listed, span

STEADY: Final = 0.12
"""Sizes whose standard deviation is below this share of their mean are usual ones."""
FILLS: Final = 0.7
"""What is at least so wide, as a share of its container, fills it up to some height."""
COVERS: Final = 0.1
"""What covers less of its container is no filling."""
PLACED: Final = 0.04
"""A place whose standard deviation is below this share of the picture's diagonal is a usual one."""
POINTING: Final = 8.0
"""Degrees, the same of angles."""
SLENDER: Final = 2.0
"""Length over thickness from which on a part points somewhere."""
LEAST_PLACES: Final = 3
"""Pictures that it takes to call a place usual."""

WHOLLY: Final = 0.75
"""Share of a part's area in a region from which on the region is where it is."""
MIDDLE: Final = 0.1
"""A part is in the middle of another when it is off by at most this share of its sides."""

_RELATIONS: Final[dict[str, Callable[[Part, Part], bool]]] = {"above": Part.above, "left of": Part.left_of}
_RELATION_CHANCE: Final = 0.25
"""That one of two parts in any places lies wholly on a given side of the other."""
_SHARES: Final = {"half": 1 / 2, "third": 1 / 3, "quarter": 1 / 4}
_PLACES: Final = sorted(
    (
        name
        for name in REGIONS
        if name.split()[-1] in _SHARES and name not in ("middle third", "center third")
    ),
    key=lambda name: _SHARES[name.split()[-1]],
)
"""Regions, the smallest first. Of the middle ones the words do not tell the columns from the rows."""


def places(facts: Facts) -> Iterator[Guess]:
    """Where parts lie, in others and beside others."""
    for link in facts.singles:
        yield from _links(facts, link)
    for one, other in facts.couples():
        yield from _beside(facts, one, other)
    for label in facts.steady:
        yield from _region(facts, label)
        yield from _inside(facts, label)


def colors(facts: Facts) -> Iterator[Guess]:
    """Which colours parts have."""
    for label in facts.steady:
        parts = facts.parts(label)
        count = Counter(part.color for part in parts)
        be, many = facts.verb(label, "is", "are"), facts.named(label).many
        if len(count) == 1 or (len(count) == 2 and min(count.values()) > 1):
            names = [name for name, _ in count.most_common()]
            shown = f"only {listed(names)} {many}"
            yield facts.guess(Strength.color, f"{facts.each(label)} {be} {listed(names)}.", shown)
        elif label not in facts.singles and all(_same_color(s.parts(label)) for s in facts.scenes):
            shown = f"{many} of one colour ({listed(sorted(count), 'and')})"
            yield facts.guess(Strength.color, f"All {many} have the same colour.", shown)
    for one, other in facts.couples():
        both = [[part.color for part in facts.parts(label)] for label in (one, other)]
        if one < other and both[0] == both[1] and len(set(both[0])) > 1:
            has = facts.verb(one, "has", "have")
            sentence = f"{capital(facts.the(one))} {has} the same colour as {facts.the(other)}."
            found = listed(sorted(set(both[0])), "and")
            shown = f"{facts.the(one)} and {facts.the(other)} of one colour ({found})"
            yield facts.guess(Strength.color, sentence, shown)


def sizes(facts: Facts) -> Iterator[Guess]:
    """How large parts are: what fills its container by its share of it, and the others by their own size."""
    for label in facts.steady:
        home, parts = facts.homes.get(label), facts.parts(label)
        shares = list(_shares(facts, label, home)) if home and label in facts.singles else []
        yield from shares
        lengths, widths = [part.length for part in parts], [part.thickness for part in parts]
        if facts.is_steady(lengths, STEADY):
            and_width = " and width" if facts.is_steady(widths, STEADY) else ""
            has = facts.verb(label, "has its", "have their")
            sentence = f"{facts.each(label)} {has} usual length{and_width}."
            shown = f"{facts.amount(len(parts), label)}, {span(lengths, 'px')} long"
            yield facts.guess(Strength.size, sentence, shown, shares[0].sentence if shares else "")


def usual_places(facts: Facts) -> Iterator[Guess]:
    """Where and at which angle parts usually are."""
    if len(facts.scenes) < LEAST_PLACES:
        return
    for label in facts.steady:
        parts, its = facts.parts(label), facts.verb(label, "its", "their")
        if label in facts.singles:
            diagonal = float(np.hypot(*facts.scenes[0].size))
            spread = float(np.hypot(*np.std([part.center for part in parts], axis=0)))
            if spread <= PLACED * diagonal:
                be = facts.verb(label, "is", "are")
                sentence = f"{capital(facts.the(label))} {be} in {its} usual place."
                shown = f"{facts.the(label)} in one place, give or take {spread:.2g} px"
                yield facts.guess(Strength.usual_place, sentence, shown)
        angles = [part.angle for part in parts]
        slender = all(part.length >= SLENDER * part.thickness for part in parts)
        if slender and len(parts) > 1 and float(np.std(angles)) <= POINTING:
            sentence = f"{facts.each(label)} {facts.verb(label, 'has', 'have')} {its} usual angle."
            shown = f"{facts.amount(len(parts), label)} at {span(angles, 'degrees')}"
            yield facts.guess(Strength.usual_place, sentence, shown)


def _inside(facts: Facts, label: str) -> Iterator[Guess]:
    home = facts.homes.get(label)
    if home:
        sentence = f"{facts.each(label)} {facts.verb(label, 'is', 'are')} inside {facts.the(home)}."
        shown = f"all {facts.named(label).many} inside {facts.the(home)}"
        yield facts.guess(Strength.place, sentence, shown)


def _region(facts: Facts, label: str) -> Iterator[Guess]:
    """The smallest region, of the container or of the picture, that holds all parts of a label."""
    home = facts.homes.get(label)
    for name in _PLACES:
        by_chance = _SHARES[name.split()[-1]] ** len(facts.scenes) > LIKELY
        if by_chance or not all(_all_in(s, label, name, home) for s in facts.scenes):
            continue
        where = facts.the(home) if home else "the picture"
        be = facts.verb(label, "is", "are")
        shown = f"all {facts.named(label).many} in the {name} of {where}"
        yield facts.guess(Strength.place, f"{facts.each(label)} {be} in the {name} of {where}.", shown)
        return


def _all_in(scene: Scene, label: str, name: str, home: str | None) -> bool:
    """Whether the parts lie in a region as a whole, and not just with the larger half."""
    try:
        region = scene.region(name, home)
    except SceneError:
        return False
    return all(part.overlap(region) >= WHOLLY for part in scene.parts(label))


def _beside(facts: Facts, one: str, other: str) -> Iterator[Guess]:
    """On which side of another part a part lies, whether in its middle, and how far from it."""
    the, that, be = facts.the(one), facts.the(other), facts.verb(one, "is", "are")
    both = [(scene.part(one), scene.part(other)) for scene in facts.scenes]
    if facts.homes.get(one) == other:
        if all(_in_middle(part, outer) for part, outer in both):
            sentence = f"{capital(the)} {be} in the middle of {that}."
            yield facts.guess(Strength.place, sentence, f"{the} in the middle of {that}")
        return
    if facts.homes.get(other) == one:
        return
    if _RELATION_CHANCE ** len(facts.scenes) <= LIKELY:
        for words, holds in _RELATIONS.items():
            if all(holds(part, another) for part, another in both):
                sentence = f"{capital(the)} {be} {words} {that}."
                yield facts.guess(Strength.place, sentence, f"{the} {words} {that}")
    gaps = [part.distance(another) for part, another in both]
    if one < other and min(gaps) > 0 and facts.is_steady(gaps, STEADY):
        sentence = f"The distance between {the} and {that} is its usual value."
        yield facts.guess(Strength.usual_place, sentence, f"{the} and {that} {span(gaps, 'px')} apart")


def _in_middle(part: Part, outer: Part) -> bool:
    (x, y), (left, top, right, bottom) = part.center, outer.box
    off = (x - (left + right) / 2) / outer.width, (y - (top + bottom) / 2) / outer.height
    return max(map(abs, off)) <= MIDDLE


def _links(facts: Facts, link: str) -> Iterator[Guess]:
    """Whether a part connects the two parts of another label, and at the same place of each."""
    for ends in facts.pairs:
        if link == facts.homes.get(ends) or not all(
            s.part(link).touches(end) for s in facts.scenes for end in s.parts(ends)
        ):
            continue
        many, the = facts.named(ends).many, capital(facts.the(link))
        shown = f"{facts.the(link)} touching both {many}"
        yield facts.guess(Strength.place, f"{the} connects both {many}.", shown)
        for inner in facts.labels:
            if inner in facts.containers.get(ends, ()):
                same = f"{the} joins the same {facts.named(inner).one} of both {many}."
                yield facts.guess(Strength.place, same, f"{shown}, at the same {facts.named(inner).one}")


def _shares(facts: Facts, label: str, home: str) -> Iterator[Guess]:
    """How high something stands in its container, or else how much of it it covers."""
    pairs = [(scene.part(label), scene.part(home)) for scene in facts.scenes]
    heights = [part.height / outer.height for part, outer in pairs]
    areas = [part.area / outer.area for part, outer in pairs]
    the, that = facts.the(label), facts.the(home)
    if min(part.width / outer.width for part, outer in pairs) >= FILLS and facts.is_steady(heights, STEADY):
        sentence = f"The ratio of the height of {the} to the height of {that} is its usual value."
        yield facts.guess(Strength.size, sentence, f"{the} {span(heights, 'times')} as high as {that}")
    elif min(areas) >= COVERS and facts.is_steady(areas, STEADY):
        cover = facts.verb(label, "covers its", "cover their")
        sentence = f"{capital(the)} {cover} usual share of {that}."
        shown = f"{the} on {span([100 * area for area in areas], '%')} of {that}"
        yield facts.guess(Strength.size, sentence, shown)


def _same_color(parts: list[Part]) -> bool:
    return len({part.color for part in parts}) == 1
