"""What differs between two pictures: parts that the other one has not, and parts that are otherwise there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import scipy

from ...scene import Part, Scene
from ...schema import Evidence, Kind
from ..judge import evidence_of
from .finding_parts import in_words, place_of, rounded

MOVED: Final = 0.1
"""Of the diagonal of the picture: a part that has none of its label that near is told by its place."""
ALIKE: Final = 0.1
"""Relative difference of two lengths from which on it is told."""


class Difference(NamedTuple):
    """One thing that differs."""

    kind: Kind
    text: str
    place: list[Evidence]
    """Where it is in the picture that is compared; a part that is not there, where it would be."""


def differences(one: Scene, other: Scene) -> list[Difference]:
    """What differs in the parts of `one` from those of `other`; nothing where all are alike.

    Parts of a label belong together so that as many as can be are near each other (linear assignment).
    """
    labels = dict.fromkeys([*one.labels, *other.labels])
    return [difference for label in labels for difference in _of_label(one, other, label)]


def _of_label(one: Scene, other: Scene, label: str) -> Iterator[Difference]:
    mine, theirs = (scene.parts(label) if label in scene.labels else [] for scene in (one, other))
    pairs = _pairs(mine, theirs, MOVED * float(np.hypot(*one.size)))
    here, there = dict(pairs), {counterpart for _, counterpart in pairs}
    if len(mine) != len(theirs):
        counts = f"{in_words(len(mine), label)}, there {in_words(len(theirs), label)}"
        yield Difference("quantity", counts, [])
    for number, part in enumerate(mine):
        name = f"{label} {number + 1}" if len(mine) > 1 else f"the {label}"
        if number in here:
            yield from _of_pair(name, part, theirs[here[number]])
        else:
            yield Difference("position", f"only here: {name}, {_where(one, part)}", [evidence_of(part)])
    for number, part in enumerate(theirs):
        if number not in there:
            missing = evidence_of(part).model_copy(update={"label": f"no {label}"})
            article = "an" if label[0] in "aeiou" else "a"
            yield Difference("position", f"only there: {article} {label} {_where(other, part)}", [missing])


def _pairs(mine: Sequence[Part], theirs: Sequence[Part], furthest: float) -> list[tuple[int, int]]:
    """The places, in both lists, of parts that belong together and are less than `furthest` pixels apart."""
    if not mine or not theirs:
        return []
    centers = [np.array([part.center for part in parts]) for parts in (mine, theirs)]
    apart = np.linalg.norm(centers[0][:, None] - centers[1][None], axis=2)
    # A part that has gone far is one that went and one that came: it must not push its neighbours along.
    matched = np.transpose(scipy.optimize.linear_sum_assignment(np.minimum(apart, furthest))).tolist()
    return [(row, column) for row, column in matched if apart[row, column] < furthest]


def _of_pair(name: str, part: Part, counterpart: Part) -> Iterator[Difference]:
    place = [evidence_of(part)]
    if part.color != counterpart.color:
        yield Difference("matching", f"{name} is {part.color}, there {counterpart.color}", place)
    if abs(part.length - counterpart.length) > ALIKE * max(part.length, counterpart.length):
        lengths = f"{rounded(part.length)} px long, there {rounded(counterpart.length)} px"
        yield Difference("size", f"{name} is {lengths}", place)


def _where(scene: Scene, part: Part) -> str:
    x, y = part.center
    return f"in the {place_of(scene, part.center)} at ({x:.0f}, {y:.0f})"
