"""Reading whole clauses: counting, comparing counts, saying predicates of subjects, conditions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from lark import Token

from .amounts import Amount, Item, Mark
from .meaning import (
    IT,
    OTHER,
    Alike,
    Beside,
    Cells,
    Claim,
    Claims,
    Colored,
    Compare,
    Conditional,
    Count,
    Dimension,
    Each,
    Inside,
    Limits,
    Located,
    Meaning,
    Measure,
    Noun,
    Picture,
    Place,
    Ref,
    Relate,
    SameColor,
    Statement,
    Those,
    Usual,
    put,
    walk,
)
from .predicates import Pair, Predicates, pair_of
from .quantities import Bound, compared, times_of
from .refuse import Unreadable


class Clauses(Predicates):
    """Handlers of the rules of the grammar that make a clause or a sentence."""

    # ---- sentences ----

    def _read_start(self, *parts: tuple[Statement, ...]) -> Meaning:
        return Meaning(tuple(statement for part in parts for statement in part))

    def _read_clauses(self, *clauses: Claims) -> Claims:
        return tuple(claim for clause in clauses for claim in clause)

    def _read_conditional(self, conditions: Claims, claims: Claims) -> tuple[Statement, ...]:
        return (Conditional(tuple(_condition(claim) for claim in conditions), claims),)

    def _read_conditional_after(self, claims: Claims, conditions: Claims) -> tuple[Statement, ...]:
        return self._read_conditional(conditions, claims)

    # ---- how many ----

    def _read_there_is(self, *words: Any) -> Claims:
        """Items and a place, in any order."""
        items = next(word for word in words if isinstance(word, tuple))
        place = next((word for word in words if not isinstance(word, tuple)), Picture())
        return tuple(_counted(item, place) for item in items)

    def _read_there_is_not(self, *words: Any) -> Claims:
        item = next(word for word in words if isinstance(word, Item))
        place = next((word for word in words if not isinstance(word, Item | Mark)), Picture())
        return (_counted(item, place),)

    def _read_holds(self, place: Place, items: tuple[Item, ...]) -> Claims:
        return tuple(_counted(item, _holder(place)) for item in items)

    def _read_shows(self, place: Place, items: tuple[Item, ...]) -> Claims:
        """To show a cherry is that at least one can be seen; to have a nut is to have one."""
        return tuple(_at_least_one(claim) for claim in self._read_holds(place, items))

    def _read_holds_not(self, place: Place, _: Mark, item: Item) -> Claims:
        return (_counted(item, _holder(place)),)

    def _read_free_of(self, place: Place, noun: Noun) -> Claims:
        return (_counted(Item(noun, Limits(0, 0)), _holder(place)),)

    def _read_some_are(self, items: tuple[Item, ...], predicate: Claims) -> Claims:
        return tuple(_satisfying(item, claim) for item in items for claim in predicate)

    def _read_as_many(self, *words: Any) -> Claims:
        nouns = [word for word in words if isinstance(word, Noun)]
        times = [word for word in words if isinstance(word, Amount | Mark)]
        place = words[-1] if not isinstance(words[-1], Noun) else Picture()
        return (_compared_counts(nouns[0], place, times, nouns[1], place),)

    def _read_more_or_fewer(self, word: Token) -> Amount:
        one = Limits(1, None, strict=True) if word.value == "more" else Limits(None, 1, strict=True)
        return Amount(one)

    def _read_more_of(self, times: Amount, noun: Noun, other: Noun, place: Place | None = None) -> Claims:
        place = place or Picture()
        return (_compared_counts(noun, place, [times], other, place),)

    def _read_held_as_many(self, place: Place, *words: Any) -> Claims:
        *times, noun, other = words
        holder = _holder(place)
        return (_compared_counts(noun, holder, times, other, holder),)

    def _read_held_as_many_as(self, place: Place, *words: Any) -> Claims:
        *times, noun, other = words
        return (_compared_counts(noun, _holder(place), times, noun, _holder(other)),)

    # ---- what parts are ----

    def _read_about(self, *words: Any) -> Claims:
        subjects = [word for word in words if isinstance(word, Ref)]
        predicates = [claim for word in words if isinstance(word, tuple) for claim in word]
        return tuple(put(claim, {IT: subject}) for subject in subjects for claim in predicates)

    def _read_about_pair(self, pair: Pair | Each, *predicates: Claims) -> Claims:
        first, second = pair_of(pair)
        return tuple(put(claim, {IT: first, OTHER: second}) for claims in predicates for claim in claims)

    def _read_alike(self, group: Pair | Each | Those, *traits: str | Noun) -> Claims:
        return tuple(_alike(group, trait) for trait in traits)


def _condition(claim: Claim) -> Claim:
    """A claim as a condition.

    Raises:
        Unreadable: It is about each of several things, or about what is usual.
    """
    for one in walk(claim):
        if isinstance(one, Usual):
            raise Unreadable("what is usual is learned and cannot be a condition; give a number")
        if isinstance(one, Each | Those | Cells) and not isinstance(claim, Alike):
            raise Unreadable('a condition can only be about one part or a number; say "the", or count them')
    # "If there is a cherry" does not ask for just one.
    return _at_least_one(claim)


def _at_least_one(claim: Claim) -> Claim:
    if (
        isinstance(claim, Compare)
        and isinstance(claim.allowed, Limits)
        and claim.allowed.said_a
        and not claim.unit
    ):
        return replace(claim, allowed=Limits(1, None))
    return claim


def _counted(item: Item, place: Place) -> Claim:
    return Compare(Count(item.noun, place), item.allowed)


def _holder(place: Place) -> Place:
    """What holds something.

    Raises:
        Unreadable: It is several things, and open whether each is meant or all together.
    """
    if isinstance(place, Inside) and isinstance(place.holder, Those):
        noun = place.holder.noun
        raise Unreadable(
            f'"the {noun.many}" could mean each of them or all of them together; say "each {noun.one}", or '
            '"there are"',
            doubtful=True,
            child=0,
            instead=[f"each {noun.one}"],
        )
    return place


def _compared_counts(
    noun: Noun, place: Place, times: list[Amount | Mark], other: Noun, other_place: Place
) -> Claim:
    return compared(Count(noun, place), Bound(times_of(times), Count(other, other_place)))


def _satisfying(item: Item, predicate: Claim) -> Claim:
    """How many of a kind a predicate is true of.

    Raises:
        Unreadable: It is one that says how much, or that something is not so.
    """
    match predicate:
        case Located(place=place, holds=True):
            return _counted(item, place)
        case Relate(relation=relation, subject=subject, others=others, holds=True) if subject == IT:
            return _counted(item, Beside(relation, others))
        case Colored(colors=(color,), holds=True):
            noun = replace(item.noun, color=color)
            return _counted(replace(item, noun=noun), Picture())
    raise Unreadable(
        'I can count parts by their place, one colour, or what they touch; say "each ..." for the rest'
    )


def _alike(group: Pair | Each | Those, trait: str | Noun) -> Claim:
    if trait in ("place", "fill level"):
        raise Unreadable(f"two parts cannot have the same {trait}; say what you compare")
    if isinstance(group, Pair):
        first, second = pair_of(group)
        if isinstance(trait, Noun):
            return _compared_counts(trait, Inside(first), [], trait, Inside(second))
        if trait == "color":
            return SameColor(first, second)
        dimension = cast(Dimension, trait)
        return compared(Measure(dimension, first), Bound(Amount(Limits(1, 1)), Measure(dimension, second)))
    number = group.number if isinstance(group, Each) else None
    return Alike(Each(group.noun, number, group.place), trait)  # type: ignore[arg-type]
