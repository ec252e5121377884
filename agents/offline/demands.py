"""Of what kind a claim is, and which edits of a Scene a check of it must notice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...schema import Edit, Kind
from .meaning import (
    Alike,
    Area,
    Beside,
    Cells,
    Colored,
    Compare,
    Conditional,
    Count,
    Each,
    EndsLevel,
    Gap,
    Inside,
    Lies,
    Limits,
    Measure,
    Noun,
    Number,
    OneOf,
    Picture,
    Place,
    Ratio,
    Relate,
    SameColor,
    SameSlot,
    Share,
    Spot,
    Statement,
    Tint,
    Total,
    Usual,
)


@dataclass(frozen=True)
class Demand:
    """Parts that a claim is about, and the edits of them that its check must notice."""

    noun: Noun
    edits: frozenset[Edit]


def kind_of(statement: Statement) -> Kind:
    """Which of the four reason types a statement is; two things that must fit each other are `matching`."""
    match statement:
        case Conditional() | Colored() | SameColor() | Compare(Tint()) | Alike(trait="color" | Noun()):
            return "matching"
        case Compare(Count(noun, _), _, Count(other, _)):
            # As many clamps here as there: the same type of thing. As many nuts as washers: how many.
            return "matching" if noun == other else "quantity"
        case Compare(Ratio(Count(), Count())):
            return "quantity"
        case Compare(Count(_, place)):
            return "position" if isinstance(place, Beside) else "quantity"
        case Compare(Gap() | Lies() | Spot() | Measure(dimension="angle" | "tilt")) | Alike(trait="level"):
            return "position"
        case Compare() | Alike():
            return "size"
    return "position"


def demands_of(statement: Statement) -> Iterator[Demand]:
    """The edits that a check of a statement must notice."""
    match statement:
        case Conditional(_, claims):
            for claim in claims:
                yield from demands_of(claim)
        case Compare(Count(noun, place), allowed, None):
            yield Demand(noun, frozenset(_of_count(place, allowed)))
        case Compare(Count(noun, _), _, Count(other, _)) | Compare(Ratio(Count(noun, _), Count(other, _))):
            for one in (noun, other):
                yield Demand(one, frozenset({Edit.removed, Edit.doubled}))
        case Compare(number):
            for noun in _nouns(number):
                yield Demand(noun, _of_measure(number))
        case Relate(relation, subject):
            # A mirror image may lie anywhere, but must have the same size.
            yield Demand(subject.noun, frozenset({Edit.resized if relation == "mirrors" else Edit.moved}))
        case Colored(subject) | SameColor(subject):
            yield Demand(subject.noun, frozenset({Edit.recoloured}))
        case Alike(_, Noun() as noun):
            yield Demand(noun, frozenset({Edit.removed, Edit.doubled}))
        case Alike(group, trait):
            edit = {"color": Edit.recoloured, "level": Edit.moved}.get(str(trait), Edit.resized)
            yield Demand(group.noun, frozenset({edit}))
        case SameSlot(_, _, holders):
            # A part that is moved as a whole moves both of its ends; a holder leaves its slots behind.
            yield Demand(holders[0].noun, frozenset({Edit.moved}))
        case EndsLevel(subject):
            yield Demand(subject.noun, frozenset({Edit.turned}))


def _of_count(place: Place, allowed: Limits | OneOf | Usual) -> Iterator[Edit]:
    """One more or one less of what is counted, and from one place to another where places matter."""
    match allowed:
        case Limits(low, high):
            none_here = high == 0 and not isinstance(place, Picture)
            if low:
                yield Edit.removed
            # One that is added need not lie where none may be, nor beside another part.
            if high is not None and not none_here and not isinstance(place, Beside):
                yield Edit.doubled
            if none_here or isinstance(place, Beside) or (low and _is_one_of_several(place)):
                yield Edit.moved
        case OneOf():
            yield Edit.removed
        case Usual():
            yield from (Edit.removed, Edit.doubled)


def _is_one_of_several(place: Place) -> bool:
    """Whether there are other such places in the picture, so that a part can be moved to one of them."""
    return isinstance(place, Area | Cells) or (isinstance(place, Inside) and isinstance(place.holder, Each))


def _of_measure(number: Number) -> frozenset[Edit]:
    match number:
        case Measure(dimension="angle" | "tilt"):
            return frozenset({Edit.turned})
        case Gap() | Lies() | Spot():
            return frozenset({Edit.moved})
        case Tint():
            return frozenset({Edit.recoloured})
    return frozenset({Edit.resized})


def _nouns(number: Number) -> list[Noun]:
    match number:
        case Ratio(top, bottom):
            return [*_nouns(top), *_nouns(bottom)]
        case Total(noun) | Count(noun):
            return [noun]
        case Share(what):
            return [what.noun]
        case Gap(first):
            return [first.noun]
        case Measure(_, ref) | Lies(ref) | Spot(ref) | Tint(ref):
            return [ref.noun]
