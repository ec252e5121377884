"""Reading what a sentence says of a part: places, relations, colours and sizes, all about `IT`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from lark import Token

from .meaning import (
    Beside,
    Claim,
    Colored,
    Compare,
    Count,
    Dimension,
    Each,
    EndsLevel,
    Gap,
    Inside,
    Limits,
    Located,
    Measure,
    Noun,
    Number,
    Pick,
    Picture,
    Place,
    Present,
    Ratio,
    Ref,
    Relate,
    RelationName,
    SameColor,
    SameSlot,
    Share,
    Spot,
    The,
    Those,
    Tint,
    Total,
    Unsaid,
    Usual,
)
from .measures import Bound, compared, times_of
from .phrases import Amount, Mark, Phrases, Value
from .refuse import Unreadable

IT = The(Noun((), "it", "they"))
"""The part that a predicate will be said of."""

Claims = tuple[Claim, ...]

OTHER = The(Noun((), "other", "others"))
"""The second part, where a predicate is said of two."""

_COMPARATIVES: dict[str, tuple[Dimension, bool]] = {
    "longer": ("length", True),
    "shorter": ("length", False),
    "wider": ("width", True),
    "narrower": ("width", False),
    "taller": ("height", True),
    "thicker": ("thickness", True),
    "thinner": ("thickness", False),
    "larger": ("area", True),
    "smaller": ("area", False),
}
"""Word -> what it compares, and whether it asks for more of it."""

_ADJECTIVES: dict[str, Dimension] = {
    "long": "length",
    "wide": "width",
    "tall": "height",
    "thick": "thickness",
    "large": "area",
}


@dataclass(frozen=True)
class Pair:
    """Two parts."""

    first: Ref
    second: Ref


@dataclass(frozen=True)
class Target:
    """What a comparative compares with: a part, a number, or so many times a number."""

    value: Value | None = None
    other: Ref | Number | None = None


class Predicates(Phrases):
    """Handlers of the rules of the grammar that say something of a part or measure it."""

    # ---- place and relation ----

    def _read_located(self, *words: Any) -> Claims:
        return (Located(IT, words[-1], Mark.NOT not in words),)

    def _read_outside(self, *words: Any) -> Claims:
        place, holds = words[-1], Mark.NOT not in words
        if isinstance(place, Inside):
            return (Relate("outside", IT, (place.holder,), holds),)
        return (Located(IT, place, not holds),)

    def _read_left_of(self) -> str:
        return "left_of"

    def _read_right_of(self) -> str:
        return "right_of"

    def _read_above(self) -> str:
        return "above"

    def _read_below(self) -> str:
        return "below"

    def _read_touching(self) -> str:
        return "touches"

    def _read_beside_place(self, relation: RelationName, other: Ref) -> Place:
        return Beside(relation, (other,))

    def _read_beside(self, *words: Any) -> Claims:
        *_, direction, other = words
        return _related(direction, words, other)

    def _read_touches(self, *words: Any) -> Claims:
        return _related("touches", words, words[-1])

    def _read_connected(self, *words: Any) -> Claims:
        *_, other, via = words
        return (Relate("connected", via, (IT, other), Mark.NOT not in words),)

    def _read_connects(self, *words: Any) -> Claims:
        others = [word for word in words if word is not Mark.NOT]
        pair = pair_of(others[0]) if len(others) == 1 else (others[0], others[1])
        return (Relate("connected", IT, pair, Mark.NOT not in words),)

    def _read_level(self, *words: Any) -> Claims:
        return _related("level", words, words[-1])

    def _read_axis(self, word: Token) -> str:
        return str(word.value)

    def _read_aligned(self, *words: Any) -> Claims:
        return _related(_alignment(words), words, words[-1])

    def _read_mirrors(self, *words: Any) -> Claims:
        return _related("mirrors", words, words[-1])

    def _read_present(self) -> Claims:
        return (Present(IT),)

    def _read_missing(self) -> Claims:
        return (Present(IT, holds=False),)

    def _read_same_slot(self, *words: Any) -> Claims:
        if Mark.NOT in words:
            raise Unreadable('I can only read that it is "the same", not that it is not')
        slot, pair = words
        return (SameSlot(IT, slot, pair_of(pair)),)

    # ---- two parts ----

    def _read_pair(self, first: Ref, second: Ref) -> Pair:
        return Pair(first, second)

    def _read_pair_connected(self, *words: Any) -> Claims:
        return (Relate("connected", words[-1], (IT, OTHER), Mark.NOT not in words),)

    def _read_pair_touch(self, *words: Any) -> Claims:
        return _related("touches", words, OTHER)

    def _read_pair_level(self, *words: Any) -> Claims:
        return _related("level", words, OTHER)

    def _read_pair_aligned(self, *words: Any) -> Claims:
        return _related(_alignment(words), words, OTHER)

    def _read_pair_mirror(self, *words: Any) -> Claims:
        return _related("mirrors", words, OTHER)

    def _read_pair_apart(self, amount: Amount) -> Claims:
        return (compared(Gap(IT, OTHER), Bound(amount)),)

    def _read_pair_trait(self, word: Token) -> str:
        return str(word.value)

    def _read_pair_usual(self, trait: str) -> Claims:
        if trait == "distance":
            return (Compare(Gap(IT, OTHER), Usual()),)
        return (Compare(Ratio(Measure("area", IT), Measure("area", OTHER)), Usual()),)

    def _read_ends_level(self, *words: Any) -> Claims:
        if len(words) > 1 and words[0].value != 2:
            raise Unreadable("a part has two ends")
        return (EndsLevel(words[-1]),)

    # ---- colour ----

    def _read_coloured(self, *words: Any) -> Claims:
        return (Colored(IT, _colors(words), Mark.NOT not in words),)

    def _read_neither(self, *words: Any) -> Claims:
        return (Colored(IT, _colors(words), holds=False),)

    def _read_two_colors(self, *words: Any) -> Claims:
        colors = _colors(words)
        said = f"is {' or '.join(colors)}"
        raise Unreadable(f'a part has only one colour name; say "{said}"', instead=[said])

    def _read_same_color(self, other: Ref) -> Claims:
        return (SameColor(IT, other),)

    def _read_color_is(self, *words: Any) -> Claims:
        return (Colored(words[0], _colors(words), Mark.NOT not in words),)

    # ---- size ----

    def _read_dimension(self, word: Token) -> Dimension:
        return "area" if word.value == "size" else cast(Dimension, str(word.value))

    def _read_adjective(self, word: Token) -> Dimension:
        return _ADJECTIVES[word.value]

    def _read_comparative(self, word: Token) -> str:
        return str(word.value)

    def _read_generic(self, noun: Noun, dimension: Dimension) -> Measure:
        return Measure(dimension, Each(noun))

    def _read_target(self, *words: Any) -> Target:
        if len(words) == 2:
            return Target(words[0], words[1])
        return Target(words[0]) if isinstance(words[0], Value) else Target(None, words[0])

    def _read_longer(self, *words: Any) -> Claims:
        *_, comparative, target = words
        dimension, more = _COMPARATIVES[comparative]
        holds = Mark.NOT not in words
        # "Not longer than" leaves equal lengths in.
        more, strict = (more, True) if holds else (not more, False)
        value, other = target.value or Value(1), target.other
        limits = Limits(value.number if more else None, None if more else value.number, strict)
        unit = Measure(dimension, other) if isinstance(other, Ref) else other
        return (compared(Measure(dimension, IT), Bound(Amount(limits, value.unit), unit)),)

    def _read_as_long(self, *words: Any) -> Claims:
        *times, dimension, target = words
        amount, other = times_of(times), target.other
        if target.value is not None:
            if times:
                raise Unreadable("say one number of times, not two")
            amount = Amount(Limits(target.value.number, target.value.number), target.value.unit)
        unit = Measure(dimension, other) if isinstance(other, Ref) else other
        return (compared(Measure(dimension, IT), Bound(amount, unit)),)

    def _read_is_long(self, amount: Amount, dimension: Dimension) -> Claims:
        return (compared(Measure(dimension, IT), Bound(amount)),)

    def _read_has_dimension(self, dimension: Dimension, bound: Bound) -> Claims:
        return (compared(Measure(dimension, IT), bound),)

    def _read_bound(self, amount: Amount, unit: Number | None = None) -> Bound:
        return Bound(amount, unit)

    def _read_at_least_that(self) -> Amount:
        return Amount(Limits(1, None))

    def _read_at_most_that(self) -> Amount:
        return Amount(Limits(None, 1))

    def _read_more_than_that(self) -> Amount:
        return Amount(Limits(1, None, strict=True))

    def _read_fewer_than_that(self) -> Amount:
        return Amount(Limits(None, 1, strict=True))

    def _read_bound_by(self, comparator: Amount, number: Number) -> Bound:
        return Bound(comparator, number)

    def _read_away(self, amount: Amount, other: Ref) -> Claims:
        return (compared(Gap(IT, other), Bound(amount)),)

    def _read_covers(self, amount: Amount, place: Place | None = None) -> Claims:
        return (compared(Share(IT, place or Unsaid()), Bound(amount)),)

    def _read_filled(self, amount: Amount) -> Claims:
        return (compared(Share(IT, Unsaid()), Bound(amount)),)

    # ---- what is usual ----

    def _read_covers_usual(self, place: Place) -> Claims:
        return (Compare(Share(IT, place), Usual()),)

    def _read_filled_usual(self) -> Claims:
        return (Compare(Share(IT, Unsaid()), Usual()),)

    def _read_trait(self, trait: str) -> str:
        return trait

    def _read_color_trait(self) -> str:
        return "color"

    def _read_place_trait(self) -> str:
        return "place"

    def _read_level_trait(self) -> str:
        return "fill level"

    def _read_has_usual(self, *traits: str) -> Claims:
        return tuple(claim for trait in traits for claim in _usual(trait))

    def _read_usual_place(self) -> Claims:
        return tuple(_usual("place"))

    def _read_as_usual(self, dimension: Dimension) -> Claims:
        return tuple(_usual(dimension))

    # ---- measures ----

    def _read_measure_of(self, dimension: Dimension, ref: Ref) -> Number:
        if dimension == "area" and isinstance(ref, Those) and not ref.noun.mass:
            raise Unreadable(
                f'"the area of the {ref.noun.many}" could mean that of each or of all together; say '
                f'"the area of each {ref.noun.one}" or "the total area of the {ref.noun.many}"',
                doubtful=True,
                instead=[f"the total area of the {ref.noun.many}"],
            )
        return Measure(dimension, ref)

    def _read_measure_whose(self, ref: Ref, dimension: Dimension) -> Number:
        return self._read_measure_of(dimension, ref)

    def _read_measure_named(self, noun: Noun, dimension: Dimension) -> Number:
        return Measure(dimension, self._read_the(noun))

    def _read_total(self, those: Those) -> Number:
        return Total(those.noun, those.place)

    def _read_number_of(self, noun: Noun, place: Place | None = None) -> Number:
        return Count(noun, place or Picture())

    def _read_part_quantity(self, ref: Ref) -> Number:
        return self._read_measure_of("area", ref)

    def _read_ratio(self, top: Number, bottom: Number) -> Number:
        return Ratio(top, bottom)

    def _read_distance(self, first: Ref, second: Ref) -> Number:
        return Gap(first, second)

    def _read_fill_level(self, ref: Ref, holder: Ref | None = None) -> Number:
        return Share(ref, Unsaid() if holder is None else Inside(holder))

    def _read_measure_is(self, number: Number, bound: Bound) -> Claims:
        return (compared(number, bound),)

    def _read_measure_usual(self, number: Number) -> Claims:
        if isinstance(number, Measure) and number.dimension == "angle":
            number = Measure("tilt", number.ref)
        return (Compare(number, Usual()),)

    def _read_measure_equals(self, one: Number, other: Number) -> Claims:
        return (compared(one, Bound(Amount(Limits(1, 1)), other)),)


def pair_of(words: Pair | Each) -> tuple[Ref, Ref]:
    """The two parts of "X and Y" or of "both X".

    Raises:
        Unreadable: It is a group of another number.
    """
    if isinstance(words, Pair):
        return words.first, words.second
    if words.number != 2:
        raise Unreadable(f'I can read this of two parts only; say "both {words.noun.many}"')
    return Pick(words.noun, "one", words.place), Pick(words.noun, "other", words.place)


def _related(relation: str, words: Sequence[Any], other: Ref) -> Claims:
    return (Relate(cast(RelationName, relation), IT, (other,), Mark.NOT not in words),)


def _alignment(words: Sequence[Any]) -> str:
    axis = next((word for word in words if isinstance(word, str)), None)
    if axis is None:
        raise Unreadable(
            '"aligned" could mean at the same height or one above the other; say "horizontally aligned" or '
            '"vertically aligned"',
            doubtful=True,
        )
    return f"aligned {axis}"


def _colors(words: Sequence[Any]) -> tuple[str, ...]:
    """The colour words, each once, in alphabetic order so that the order said makes no other meaning."""
    return tuple(
        sorted({str(word.value) for word in words if isinstance(word, Token) and word.type == "COLOR"})
    )


def _usual(trait: str) -> Iterator[Claim]:
    """One claim for each range that is to be learned."""
    if trait == "color":
        for channel in ("lightness", "redness", "yellowness"):
            yield Compare(Tint(IT, channel), Usual())
    elif trait == "place":
        for axis in ("across", "down"):
            yield Compare(Spot(IT, axis, Unsaid()), Usual())
    elif trait == "fill level":
        yield Compare(Share(IT, Unsaid()), Usual())
    else:
        # Upright parts would jump between -90 and 90 degrees.
        dimension = "tilt" if trait == "angle" else trait
        yield Compare(Measure(cast(Dimension, dimension), IT), Usual())
