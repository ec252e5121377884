"""What the reference pictures have in common, before it is said in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from ...scene import Part, Scene
from ..offline.lexicon import Lexicon, Named
from ..offline.words import plain_words

MOST_LABELS: Final = 16
"""Labels that sentences are sought for: those that most pictures show."""

NUMBERS: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

LIKELY: Final = 0.05
"""What would be so by chance more often than this, with parts strewn evenly, is not proposed."""


class Strength(IntEnum):
    """How much a kind of sentence says, the strongest first; it is the order in which they are proposed."""

    grid = 0
    amount = 1
    equal = 2
    condition = 3
    amounts = 4
    place = 5
    size = 6
    color = 7
    usual_place = 8


class Guess(NamedTuple):
    """A sentence that may be true of every good product."""

    strength: Strength
    sentence: str
    evidence: str
    """What the pictures show, for a person."""
    shown_by: tuple[int, ...] = ()
    """Places of the reference pictures that show it; a conditional sentence says nothing of the others."""
    instead_of: str = ""
    """A better sentence; this one is only proposed where that one is not."""


class Facts:
    """The Scenes of the reference pictures, at least one, and the words for what is in them."""

    def __init__(
        self, scenes: Sequence[Scene], labels: Sequence[str], containers: Mapping[str, Sequence[str]]
    ) -> None:
        self.scenes = list(scenes)
        self.containers = containers
        self._lexicon = Lexicon(labels, {})
        shown = {label: sum(bool(scene.parts(label)) for scene in scenes) for label in labels}
        often = sorted(filter(self._is_nameable, shown), key=lambda label: -shown[label])
        self.labels = [label for label in often if shown[label]][:MOST_LABELS]
        """Those that can be named in a sentence and are seen."""

    @cached_property
    def counts(self) -> dict[str, list[int]]:
        """Label -> how many parts each picture shows."""
        return {label: [len(scene.parts(label)) for scene in self.scenes] for label in self.labels}

    @cached_property
    def singles(self) -> list[str]:
        """Labels of which every picture shows exactly one part."""
        return [label for label in self.labels if set(self.counts[label]) == {1}]

    @cached_property
    def pairs(self) -> list[str]:
        """Labels of which every picture shows exactly two parts."""
        return [label for label in self.labels if set(self.counts[label]) == {2}]

    @cached_property
    def steady(self) -> list[str]:
        """Labels of which every picture shows a part."""
        return [label for label in self.labels if min(self.counts[label])]

    @cached_property
    def homes(self) -> dict[str, str]:
        """Label -> its container, the smallest one, if every picture shows one and all parts in it."""
        homes = {}
        for label in self.labels:
            around = [
                one
                for one in self.singles
                if label in self.containers.get(one, ())
                and all(part.inside(s.part(one)) for s in self.scenes for part in s.parts(label))
            ]
            if around:
                homes[label] = min(around, key=lambda one: self.scenes[0].part(one).area)
        return homes

    def parts(self, label: str) -> list[Part]:
        """The parts of a label in all pictures."""
        return [part for scene in self.scenes for part in scene.parts(label)]

    def _is_nameable(self, label: str) -> bool:
        """Whether the name of a label means that label alone."""
        meant = self._lexicon.name_of(plain_words(self.named(label).one))
        return meant is not None and meant.labels == (label,)

    def named(self, label: str) -> Named:
        """How a person calls a label."""
        return self._lexicon.named(label)

    def the(self, label: str) -> str:
        """The only part of a label in a sentence: the box."""
        named = self.named(label)
        return f"the {named.many if named.mass else named.one}"

    def each(self, label: str) -> str:
        """The parts of a label at the start of a sentence: The box, Each pin, The cereals."""
        named = self.named(label)
        if label in self.singles or named.mass:
            return capital(self.the(label))
        return f"Each {named.one}"

    def verb(self, label: str, one: str, many: str) -> str:
        """The form of a verb that goes with `each`."""
        return many if self.named(label).mass else one

    def amount(self, count: int, label: str) -> str:
        """So many parts of a label: two nuts."""
        named = self.named(label)
        number = NUMBERS[count - 1] if 1 <= count <= len(NUMBERS) else str(count)
        return f"{number} {named.one if count == 1 else named.many}"

    def some(self, count: int) -> str:
        """So many of the pictures: 2 of 5 reference pictures."""
        total = len(self.scenes)
        return f"{count} of {total} reference picture{'s' * (total != 1)}"

    def guess(self, strength: Strength, sentence: str, shown: str, instead_of: str = "") -> Guess:
        """A sentence that every picture bears out."""
        total = len(self.scenes)
        evidence = f"{self.some(total)} show{'s' * (total == 1)} {shown}"
        return Guess(strength, sentence, evidence, tuple(range(total)), instead_of)

    def is_steady(self, values: Sequence[float], spread: float) -> bool:
        """Whether values differ by little: their standard deviation is at most that share of their mean."""
        return len(values) > 1 and float(np.std(values)) <= spread * abs(float(np.mean(values)))

    def couples(self) -> Iterator[tuple[str, str]]:
        """Every two labels of which every picture shows one part each, in both orders."""
        for one in self.singles:
            for other in self.singles:
                if one != other:
                    yield one, other


def capital(text: str) -> str:
    """A text as the start of a sentence."""
    return text[:1].upper() + text[1:]


def listed(words: Sequence[object], last: str = "or") -> str:
    """Words in a sentence.

    Example:
        >>> listed([2, 3, 5]), listed(["red"])
        ('2, 3 or 5', 'red')
    """
    *before, end = map(str, words)
    return f"{', '.join(before)} {last} {end}" if before else end


def span(values: Sequence[float], unit: str) -> str:
    """Smallest and largest value for a person.

    Example:
        >>> span([63.31, 70.0], "px"), span([5, 5], "px")
        ('63.3 to 70 px', '5 px')
    """
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return f"{low}{'' if low == high else f' to {high}'} {unit}".strip()
