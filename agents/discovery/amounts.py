"""Guesses about how many parts there are: in grids, in all, in containers, and what they depend on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from ...scene import Scene
from ...schema import SceneError
from .facts import LIKELY, Facts, Guess, Strength, capital, listed, span

MOST_ROWS: Final = 12
"""Of a grid, and as many columns."""
LEAST_CELLS: Final = 4
LEAST_CONTAINERS: Final = 2
FEW: Final = 3
"""So many different amounts are listed; more are a range."""
MOST_COUNTED: Final = 12
"""The largest amount that is listed; of larger ones nobody minds one more or less."""
REPEATED: Final = 2
"""What goes together must do so in so many more pictures than it takes to have seen each case once."""

Value = str | int


def amounts(facts: Facts) -> Iterator[Guess]:
    """How many parts of each label good products have."""
    for label in facts.labels:
        counts = facts.counts[label]
        if len(set(counts)) == 1:
            yield from _grid(facts, label, counts[0])
            yield from _exact(facts, label, counts[0])
        else:
            yield from _varying(facts, label, sorted(set(counts)))
        yield from _in_each(facts, label)
    yield from _equal(facts)


def conditions(facts: Facts) -> Iterator[Guess]:
    """What is so only when something else is."""
    causes, effects = list(_causes(facts)), list(_effects(facts))
    for cause in causes:
        for effect in effects:
            if cause.label != effect.label:
                yield from _dependence(facts, cause, effect)


def _exact(facts: Facts, label: str, count: int) -> Iterator[Guess]:
    """An amount in the container, and the amount in all, which is proven where the other is not."""
    amount, home = facts.amount(count, label), facts.homes.get(label)
    if facts.named(label).mass and count == 1:
        return
    contained = f"{capital(facts.the(home))} contains exactly {amount}." if home else ""
    if home:
        yield facts.guess(Strength.amount, contained, f"exactly {amount}, all inside {facts.the(home)}")
    sentence = f"There {'is' if count == 1 else 'are'} exactly {amount}."
    yield facts.guess(Strength.amount, sentence, f"exactly {amount}", contained)


def _varying(facts: Facts, label: str, different: Sequence[int]) -> Iterator[Guess]:
    named, home = facts.named(label), facts.homes.get(label)
    contains = f"{capital(facts.the(home))} contains" if home else ""
    seen = span(facts.counts[label], named.many)
    if different == [0, 1]:
        yield facts.guess(Strength.amounts, f"There is at most one {named.one}.", f"one {named.one} or none")
    if not different[0]:
        return
    few = f"{contains or 'There are'} {listed(different)} {named.many}."
    seen_again = len(facts.scenes) >= len(different) + REPEATED
    if len(different) <= FEW and different[-1] <= MOST_COUNTED and seen_again:
        yield facts.guess(Strength.amounts, few, seen)
    # Loose things that were poured in differ by about the root of their number, whatever few pictures show.
    counts = facts.counts[label]
    margin = round(math.sqrt(sum(counts) / len(counts)))
    low, high = max(1, different[0] - margin), different[-1] + margin
    sentence = f"{contains or 'There are'} between {low} and {high} {named.many}."
    yield facts.guess(Strength.amounts, sentence, f"{seen}, allowing for {margin} less or more", few)


def _grid(facts: Facts, label: str, count: int) -> Iterator[Guess]:
    home = facts.homes.get(label)
    shapes = [
        (rows, columns)
        for rows in range(1, MOST_ROWS + 1)
        for columns in range(1, MOST_ROWS + 1)
        if rows * columns >= LEAST_CELLS and count and count % (rows * columns) == 0
    ]
    fitting = [shape for shape in shapes if all(_fills(s, label, home, *shape) for s in facts.scenes)]
    if not fitting:
        return
    rows, columns = max(fitting, key=lambda shape: (shape[0] * shape[1], -_slenderness(facts, home, *shape)))
    cells = rows * columns
    each = count // cells
    # As if every part were in any cell, whichever the others are in.
    chance = math.lgamma(count + 1) - cells * math.lgamma(each + 1) - count * math.log(cells)
    if chance * len(facts.scenes) > math.log(LIKELY):
        return
    amount = facts.amount(each, label)
    be = "is" if each == 1 else "are"
    sentence = (
        f"There {be} exactly {amount} in each compartment of a grid of {rows} rows and {columns} columns."
    )
    yield facts.guess(
        Strength.grid,
        sentence,
        f"{facts.amount(count, label)}, exactly {each} in each of {rows} x {columns} cells",
    )


def _fills(scene: Scene, label: str, home: str | None, rows: int, columns: int) -> bool:
    each = len(scene.parts(label)) // (rows * columns)
    try:
        return all(len(cell.parts(label)) == each for cell in scene.grid(rows, columns, home))
    except SceneError:
        return False


def _slenderness(facts: Facts, home: str | None, rows: int, columns: int) -> float:
    """How far the cells are from square."""
    scene = facts.scenes[0]
    width, height = (scene.part(home).width, scene.part(home).height) if home else scene.size
    return abs(math.log(width / columns * rows / height))


def _in_each(facts: Facts, label: str) -> Iterator[Guess]:
    """How many parts lie in each of several containers."""
    for outer in facts.labels:
        if outer == label or min(facts.counts[outer]) < LEAST_CONTAINERS:
            continue
        held = [_held(scene, outer, label) for scene in facts.scenes]
        every = {count for counts in held for count in counts}
        many, one = facts.named(outer).many, facts.named(outer).one
        if every == {0} or [sum(counts) for counts in held] != facts.counts[label]:
            continue
        if len(every) == 1:
            amount = facts.amount(every.pop(), label)
            yield facts.guess(
                Strength.amount, f"Each {one} contains exactly {amount}.", f"{amount} in each {one}"
            )
        elif all(len(set(counts)) == 1 for counts in held):
            both = "Both" if outer in facts.pairs else "All"
            inner = facts.named(label).many
            sentence = f"{both} {many} have the same number of {inner}."
            shown = listed(sorted(every), "and")
            yield facts.guess(Strength.equal, sentence, f"as many {inner} in each {one} ({shown})")


def _held(scene: Scene, outer: str, label: str) -> list[int]:
    """How many parts of a label lie in each container, from left to right."""
    outers = sorted(scene.parts(outer), key=lambda part: part.center[0])
    return [sum(part.inside(one) for part in scene.parts(label)) for one in outers]


def _equal(facts: Facts) -> Iterator[Guess]:
    """Labels whose amounts differ from picture to picture, but not from each other."""
    varying = [label for label in facts.labels if len(set(facts.counts[label])) > 1]
    for place, one in enumerate(varying):
        for other in varying[place + 1 :]:
            if facts.counts[one] == facts.counts[other]:
                first, second = facts.named(one).many, facts.named(other).many
                shown = listed(sorted(set(facts.counts[one])), "and")
                sentence = f"There are as many {first} as {second}."
                yield facts.guess(Strength.equal, sentence, f"as many {first} as {second} ({shown})")


class _Aspect(NamedTuple):
    """Something that differs from picture to picture."""

    label: str
    values: list[Value]
    """In each picture."""
    say: Callable[[Sequence[Value]], str]
    """One of several values in words."""


def _causes(facts: Facts) -> Iterator[_Aspect]:
    for outer in facts.pairs:
        for label in facts.labels:
            first = [_held(scene, outer, label)[0] for scene in facts.scenes]
            if label != outer and len(set(first)) > 1 and min(first) > 0:
                yield _Aspect(label, list(first), partial(_has, facts, outer, label))
    yield from _effects(facts)


def _effects(facts: Facts) -> Iterator[_Aspect]:
    """Amounts and colours. A container may well have the colour of what is in it, so it comes last."""
    for label in facts.labels:
        if len(set(facts.counts[label])) > 1:
            yield _Aspect(label, list(facts.counts[label]), partial(_there_are, facts, label))
    for label in sorted(facts.singles, key=lambda label: label in facts.homes.values()):
        colors = [part.color for part in facts.parts(label)]
        if len(set(colors)) > 1:
            yield _Aspect(label, list(colors), partial(_is_colored, facts, label))


def _is_colored(facts: Facts, label: str, values: Sequence[Value]) -> str:
    return f"{facts.the(label)} {facts.verb(label, 'is', 'are')} {listed(values)}"


def _has(facts: Facts, outer: str, label: str, values: Sequence[Value]) -> str:
    return f"the left {facts.named(outer).one} has {listed(values)} {facts.named(label).many}"


def _there_are(facts: Facts, label: str, values: Sequence[Value]) -> str:
    if list(values) == [1]:
        return f"there is exactly one {facts.named(label).one}"
    return f"there are exactly {listed(values)} {facts.named(label).many}"


def _dependence(facts: Facts, cause: _Aspect, effect: _Aspect) -> Iterator[Guess]:
    """A sentence for each value of an effect that follows from a cause, if it follows in every picture."""
    follows: dict[Value, set[Value]] = {}
    for value, then in zip(cause.values, effect.values, strict=True):
        follows.setdefault(value, set()).add(then)
    if any(len(then) > 1 for then in follows.values()) or len(facts.scenes) < len(follows) + REPEATED:
        return
    for effects in dict.fromkeys(effect.values):
        if effects == 0:
            continue
        given = sorted((value for value in follows if follows[value] == {effects}), key=str)
        shown_by = tuple(place for place, value in enumerate(cause.values) if value in given)
        when, what = cause.say(given), effect.say([effects])
        evidence = f"in {facts.some(len(shown_by))} {when}, and then {what}; in the others it is not so"
        yield Guess(Strength.condition, f"When {when}, {what}.", evidence, shown_by)
