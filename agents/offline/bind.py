"""Parts and places as variables of a rule: looking them up, missing ones, and loops over several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from .meaning import (
    Area,
    Beside,
    Cells,
    Claim,
    Each,
    Frame,
    Inside,
    Noun,
    Pick,
    Picture,
    Place,
    Ref,
    RelationName,
    Some,
    The,
    Unsaid,
    rebuilt,
    walk,
)
from .refuse import Unreadable
from .relations import RELATIONS, Form
from .source import Code, Test, text

_PICKS = {
    "left": ("min", "part.center[0]", 2),
    "right": ("max", "part.center[0]", 2),
    "top": ("min", "part.center[1]", 2),
    "bottom": ("max", "part.center[1]", 2),
    "longest": ("max", "part.length", 1),
    "shortest": ("min", "part.length", 1),
    "widest": ("max", "part.width", 1),
    "narrowest": ("min", "part.width", 1),
    "tallest": ("max", "part.height", 1),
    "thickest": ("max", "part.thickness", 1),
    "thinnest": ("min", "part.thickness", 1),
    "largest": ("max", "part.area", 1),
    "smallest": ("min", "part.area", 1),
}
"""Word -> how it picks a part, and of how many at the least: one alone is neither left nor right."""

_OF_TWO = {"one": 0, "other": 1}
"""The two parts of "both"."""


@dataclass(frozen=True)
class Found:
    """A part or place that code can speak of."""

    name: str
    """Python; "" for the whole picture."""
    words: str
    """What a person calls it: the inside of an f-string."""

    @property
    def evidence(self) -> str:
        """What to show where nothing is."""
        return self.name or 'scene.region("whole")'


class Binder:
    """Writes the lines that look parts up."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._bound: dict[tuple[str, object], tuple[int, Found]] = {}

    def leave(self, depth: int) -> None:
        """Go back to an outer block, and forget what was looked up in inner ones."""
        self.code.depth = depth
        self._bound = {key: bound for key, bound in self._bound.items() if bound[0] <= depth}

    def prepare(self, claim: Claim) -> None:
        """Look up what a claim needs before its first loop, so that each missing part is told once."""
        for piece in _needed(claim):
            if loops(piece.frame if isinstance(piece, Area) else piece.place):
                continue
            if isinstance(piece, Area):
                self.place(piece)
            elif isinstance(piece, Each):
                self.several(piece)
            else:
                self.ref(piece)

    def ref(self, ref: Ref) -> Found:
        """One part. This opens a loop for each of several, and a block where it is not missing."""
        known = self._known("one", ref)
        if known:
            return known
        match ref:
            case The():
                return self._keep("one", ref, self._the(ref))
            case Pick():
                return self._keep("one", ref, self._pick(ref))
            case Each(noun):
                parts = self.several(ref)
                name = self.code.name(noun.one)
                self.code.block(f"for {name} in {parts}:")
                return self._keep("one", ref, Found(name, with_article(noun)))
        raise Unreadable(f'say which {ref.noun.one} is meant: "the", "each" or how many')

    def place(self, place: Place | Unsaid | None) -> Found:
        """A place. For each cell of a grid this opens a loop."""
        if isinstance(place, Inside):
            return self.ref(place.holder)
        if not isinstance(place, Area | Cells):
            return Found("", "the picture")
        known = self._known("place", place)
        if known:
            return known
        frame, words = self._frame(place)
        if isinstance(place, Cells):
            cell = self.code.name("cell")
            self.code.block(f"for {cell} in scene.grid(rows={place.rows}, columns={place.columns}{frame}):")
            words = f"compartment row {{{cell}.row}} column {{{cell}.column}}"
            return self._keep("place", place, Found(cell, words))
        name = self.code.assign(place.name, f"scene.region({text(place.name)}{frame})")
        said = place.name.replace("center", "centre")
        return self._keep("place", place, Found(name, f"the {said} of {words}"))

    def group(self, noun: Noun, place: Place | None) -> str:
        """Python of the list of all parts of a kind in a place."""
        conditions = [f'part.color == "{noun.color}"'] if noun.color else []
        source = "scene"
        if isinstance(place, Area | Cells):
            source = self.place(place).name
        elif isinstance(place, Inside):
            conditions.append(f"part.inside({self.place(place).name})")
        elif isinstance(place, Beside):
            conditions.append(self.holds(place.relation, None, place.others))
        parts = " + ".join(f"{source}.parts({text(label)})" for label in noun.labels)
        return f"[part for part in {parts} if {' and '.join(conditions)}]" if conditions else parts

    def holds(self, relation: RelationName, subject: Ref | None, others: tuple[Ref, ...]) -> str:
        """Python that is True where a relation holds; without a subject, of `part`."""
        form = RELATIONS[relation]
        names, loops = [], []
        for ref in (subject, *others):
            if isinstance(ref, Some):
                names.append(self.code.name(f"one {ref.noun.one}"))
                loops.append(f" for {names[-1]} in {self.group(ref.noun, None)}")
            else:
                names.append("part" if ref is None else self.ref(ref).name)
        test = self.filled(form, form.test or f"{form.offset} <= {form.limit}", names)
        return f"any([{test}{''.join(loops)}])" if loops else test

    def filled(self, form: Form, template: str, names: Sequence[str]) -> str:
        """A piece of a relation's Python with the names of its parts."""
        if form.constant:
            self.code.constant(form.constant)
        if form.helper:
            self.code.helper(form.helper)
        return template.format(**dict(zip("abc", names, strict=False)))

    def words(self, ref: Ref) -> str:
        """What a person calls a part: the inside of an f-string."""
        return with_article(ref.noun) if isinstance(ref, Some) else self.ref(ref).words

    def _frame(self, place: Area | Cells) -> tuple[str, str]:
        """The argument that says of what a region is taken, and its words."""
        frame = place.frame
        if isinstance(frame, Picture | Unsaid):
            return "", "the picture"
        if _is_plain(frame):
            return f", within={text(frame.noun.labels[0])}", f"the {frame.noun.one}"
        bound = self.ref(frame)
        return f", within={bound.name}", bound.words

    def _the(self, ref: The) -> Found:
        noun, words = ref.noun, f"the {described(ref.noun)}"
        if _is_plain(ref):
            return Found(self.code.assign(noun.one, f"scene.part({text(noun.labels[0])})"), words)
        parts = self._require(Each(noun, None, ref.place), 1, exactly=True)
        where = f" in {self.place(ref.place).words}" if ref.place else ""
        return Found(self.code.assign(noun.one, f"{parts}[0]"), words + where)

    def _pick(self, ref: Pick) -> Found:
        every, noun = Each(ref.noun, None, ref.place), ref.noun
        if ref.by in _OF_TWO:
            parts = self._require(every, 2, exactly=True)
            words = f"{'the ' if ref.by == 'other' else ''}{ref.by} {described(noun)}"
            return Found(self.code.assign(f"{ref.by} {noun.one}", f"{parts}[{_OF_TWO[ref.by]}]"), words)
        choose, key, least = _PICKS[ref.by]
        parts = self._require(every, least)
        value = f"{choose}({parts}, key=lambda part: {key})"
        return Found(self.code.assign(f"{ref.by} {noun.one}", value), f"the {ref.by} {described(noun)}")

    def several(self, every: Each) -> str:
        """The list of several parts; what follows stands where there are any, or as many as was said."""
        return self._require(every, every.number or 1, exactly=every.number is not None)

    def _require(self, every: Each, number: int, exactly: bool = False) -> str:
        """The list of parts; what follows stands where there are so many, and elsewhere the check fails."""
        parts = self._listed(Each(every.noun, None, every.place))
        lacking = f"len({parts}) {'!=' if exactly else '<'} {number}"
        if lacking == f"len({parts}) < 1":
            lacking = f"not {parts}"
        # Once is enough for the left and the right one.
        if not self._known(lacking, parts):
            self._fail_where(lacking, parts, every, number, exactly)
            self.code.block("else:")
            self._keep(lacking, parts, Found(parts, ""))
        return parts

    def _fail_where(self, lacking: str, parts: str, every: Each, number: int, exactly: bool) -> None:
        place, noun = self.place(every.place), every.noun
        reason = f"{place.words} {'holds' if place.name else 'shows'} "
        self.code.block(f"if {lacking}:")
        if lacking == f"not {parts}":
            reason += f"no {described(noun, many=noun.mass)}"
            self.code.expect(Test("False", "quantity", reason, "(1, None)", "0", f"[{place.evidence}]"))
        else:
            seen = counted(self.code, f"len({parts})", noun)
            reason += f"{seen} instead of {number if exactly else f'at least {number}'}"
            expected = str(number) if exactly else f"({number}, None)"
            evidence = f"{parts} or [{place.evidence}]"
            self.code.expect(Test("False", "quantity", reason, expected, f"len({parts})", evidence))
        self.code.depth -= 1

    def _listed(self, every: Each) -> str:
        known = self._known("listed", every)
        if known:
            return known.name
        name = self.code.assign(described(every.noun, many=True), self.group(every.noun, every.place))
        return self._keep("listed", every, Found(name, "")).name

    def _known(self, use: str, key: object) -> Found | None:
        return self._bound[use, key][1] if (use, key) in self._bound else None

    def _keep(self, use: str, key: object, bound: Found) -> Found:
        self._bound[use, key] = (self.code.depth, bound)
        return bound


def counted(code: Code, number: str, noun: Noun) -> str:
    """How many of a kind, in words: "1 nut", "2 nuts"; the inside of an f-string."""
    one, many = described(noun), described(noun, many=True)
    return f"{{{code.helper('counted')}({number}, '{one}', '{many}')}}"


def described(noun: Noun, many: bool = False) -> str:
    """A kind of part in words."""
    words = noun.many if many else noun.one
    return f"{noun.color} {words}" if noun.color else words


def with_article(noun: Noun) -> str:
    """One of a kind in words: "a nut", "an almond", "a piece of the cereals"."""
    words = described(noun)
    if noun.mass:
        return f"a piece of the {noun.many}"
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _is_plain(ref: Frame) -> TypeGuard[The]:
    """Whether a label alone finds the part."""
    return isinstance(ref, The) and len(ref.noun.labels) == 1 and not ref.noun.color and not ref.place


def _needed(claim: Claim) -> list[The | Pick | Each | Area]:
    """The parts and regions of a claim, in the order in which they are needed."""
    found: list[The | Pick | Each | Area] = []

    def look(piece: object) -> object:
        # A frame that its label finds needs no variable.
        if not (isinstance(piece, Area | Cells) and _is_plain(piece.frame)):
            rebuilt(piece, look)
        if isinstance(piece, The | Pick | Each | Area):
            found.append(piece)
        return piece

    look(claim)
    return found


def loops(meaning: object) -> bool:
    """Whether it is about each of several."""
    return any(isinstance(piece, Each | Cells) for piece in walk(meaning))
