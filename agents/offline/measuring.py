"""Reading sizes: what is longer than what, what is usual, and measures by their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from lark import Token

from .amounts import Amount, Mark, Value
from .meaning import (
    IT,
    Claim,
    Claims,
    Compare,
    Count,
    Dimension,
    Each,
    Gap,
    Inside,
    Limits,
    Measure,
    Noun,
    Number,
    Picture,
    Place,
    Ratio,
    Ref,
    Share,
    Spot,
    Those,
    Tint,
    Total,
    Unsaid,
    Usual,
)
from .phrases import Phrases
from .quantities import Bound, compared, times_of
from .refuse import Unreadable

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
class Target:
    """What a comparative compares with: a part, a number, or so many times a number."""

    value: Value | None = None
    other: Ref | Number | None = None


class Sizes(Phrases):
    """Handlers of the rules of the grammar that measure."""

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
