"""Reading the small phrases of a sentence: numbers, amounts, parts and places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lark import Token

from .amounts import MOST, Amount, Item, Mark, Value, common_unit, fraction, whole
from .lexicon import Named
from .meaning import (
    LIKEWISE,
    Area,
    Cells,
    Each,
    Frame,
    Inside,
    Limits,
    Noun,
    OneOf,
    Pick,
    Picture,
    Place,
    Ref,
    Some,
    The,
    Those,
    Unsaid,
    Usual,
)
from .refuse import Unreadable
from .words import plain_words

GRID_MOST = 50
"""Rows, and columns, that a grid may have."""
_BEYOND = {"left": "to the left of", "right": "to the right of", "top": "above", "bottom": "below"}


class Phrases:
    """Handlers of the rules of the grammar, called `_read_` and the rule's name."""

    def read(self, rule: str, children: Sequence[Any]) -> Any:
        """The meaning of a phrase from the meanings of its pieces.

        Raises:
            Unreadable: It has none.
        """
        return getattr(self, f"_read_{rule}")(*children)

    # ---- numbers ----

    def _read_not(self) -> Mark:
        return Mark.NOT

    def _read_exact(self) -> Mark:
        return Mark.EXACTLY

    def _read_number(self, number: Token) -> Value:
        return Value(number.value)

    def _read_one(self) -> Value:
        return Value(1, said_a=True)

    def _read_a_pair(self) -> Value:
        return Value(2)

    def _read_dozen(self, times: Token | None = None) -> Value:
        return Value(12 if times is None else 12 * times.value)

    def _read_half_dozen(self) -> Value:
        return Value(6)

    def _read_unit(self, unit: Token) -> str:
        return str(unit.value)

    def _read_value(self, number: Value, unit: str = "") -> Value:
        return Value(number.number, unit, number.said_a)

    def _read_twice(self) -> Value:
        return Value(2, "times")

    def _read_half(self) -> Value:
        return Value(0.5, "part")

    def _read_thirds(self, count: Token | None = None) -> Value:
        return fraction(1 if count is None else count.value, 3)

    def _read_quarters(self, count: Token | None = None) -> Value:
        return fraction(1 if count is None else count.value, 4)

    def _read_exactly(self, *words: Any) -> Amount:
        value: Value = words[-1]
        limits = Limits(value.number, value.number, said_a=value.said_a and len(words) == 1)
        return Amount(limits, value.unit, bare=len(words) == 1)

    def _read_at_least(self, value: Value) -> Amount:
        return Amount(Limits(value.number, None), value.unit, shares=True)

    def _read_at_most(self, value: Value) -> Amount:
        return Amount(Limits(None, value.number), value.unit, shares=True)

    def _read_more_than(self, value: Value) -> Amount:
        return Amount(Limits(value.number, None, strict=True), value.unit, shares=True)

    def _read_fewer_than(self, value: Value) -> Amount:
        return Amount(Limits(None, value.number, strict=True), value.unit, shares=True)

    def _read_between(self, low: Value, high: Value) -> Amount:
        unit = common_unit(low, high)
        if low.number > high.number:
            raise Unreadable(
                f"nothing is between {low.number:g} and {high.number:g}; put the smaller number first"
            )
        return Amount(Limits(low.number, high.number), unit)

    def _read_plus_minus(self, middle: Value, spread: Value) -> Amount:
        if spread.unit == "%" and middle.unit != "%":
            spread = Value(middle.number * spread.number / 100, middle.unit)
        unit = common_unit(middle, spread)
        return Amount(Limits(middle.number - spread.number, middle.number + spread.number), unit)

    def _read_one_of(self, *values: Value) -> Amount:
        numbers = tuple(sorted({value.number for value in values}))
        if any(value.unit for value in values) or not all(number == int(number) for number in numbers):
            raise Unreadable(
                'only whole numbers without a unit can be chosen from; say "between" for a range'
            )
        return Amount(OneOf(tuple(int(number) for number in numbers)))

    # ---- how many of what ----

    def _read_item(self, amount: Amount, noun: Noun) -> Item:
        return Item(noun, whole(amount), amount.shares, amount.bare)

    def _read_no_item(self, noun: Noun) -> Item:
        return Item(noun, Limits(0, 0))

    def _read_usual_item(self, noun: Noun) -> Item:
        return Item(noun, Usual())

    def _read_bare_amounts(self, *nouns: Noun) -> tuple[Item, ...]:
        return tuple(Item(noun, Limits(1, None)) for noun in nouns)

    def _read_not_more(self, value: Value, noun: Noun) -> Item:
        return Item(noun, whole(Amount(Limits(None, value.number), value.unit)))

    def _read_not_fewer(self, value: Value, noun: Noun) -> Item:
        return Item(noun, whole(Amount(Limits(value.number, None), value.unit)))

    def _read_amounts(self, *items: Item) -> tuple[Item, ...]:
        for index, item in enumerate(items):
            before = [one.noun.one for one in items[:index] if one.shares]
            if item.bare and before:
                raise Unreadable(
                    f'this could mean exactly so many, or share the words before "{before[-1]}"; say '
                    '"exactly" or repeat those words',
                    doubtful=True,
                    child=index,
                    instead=[_exactly(item)],
                )
        return items

    # ---- parts ----

    def _read_noun(self, *words: Token) -> Noun:
        named: Named = words[-1].value
        if named.rivals:
            names = [" ".join(plain_words(label)) for label in named.labels]
            either = " or ".join(f'"{name}"' for name in names)
            raise Unreadable(f'"{named.one}" could be {either}', doubtful=True, instead=names)
        color = str(words[0].value) if len(words) > 1 else ""
        return Noun(named.labels, named.one, named.many, color, named.mass)

    def _read_the(self, noun: Noun) -> The:
        if len(noun.labels) > 1:
            names = [f"the {' '.join(plain_words(label))}" for label in noun.labels]
            either = " or ".join(f'"{name}"' for name in names)
            told = f'"the {noun.one}" could be {either}; say which, or "each {noun.one}"'
            raise Unreadable(told, doubtful=True, instead=names)
        return The(noun)

    def _read_those(self, noun: Noun) -> Those:
        return Those(noun)

    def _read_each(self, noun: Noun) -> Each:
        return Each(noun)

    def _read_both(self, noun: Noun) -> Each:
        return Each(noun, 2)

    def _read_group(self, number: Token, noun: Noun) -> Each:
        if number.value != int(number.value) or not 1 < number.value <= MOST:
            raise Unreadable(f"there cannot be {number.value:g} {noun.many}; say a whole number from 2")
        return Each(noun, int(number.value))

    def _read_by(self, word: Token) -> str:
        return str(word.value)

    def _read_pick(self, by: str, noun: Noun) -> Pick:
        return Pick(noun, by)

    def _read_pick_other(self, by: str, number: Token) -> Pick:
        if number.value != 1:
            raise Unreadable(f'say which part is meant by "{by}"')
        return Pick(LIKEWISE, by)

    def _read_some(self, noun: Noun) -> Some:
        return Some(noun)

    def _read_within(self, ref: The | Pick | Each | Those, place: Place) -> Ref:
        if isinstance(ref, Each):
            return Each(ref.noun, ref.number, place)
        if isinstance(ref, Pick):
            return Pick(ref.noun, ref.by, place)
        return type(ref)(ref.noun, place)

    # ---- places ----

    def _read_where(self, place: Place) -> Place:
        return place

    def _read_per(self, place: Place) -> Place:
        return place

    def _read_inside_each(self, noun: Noun) -> Inside:
        return Inside(Each(noun))

    def _read_inside(self, ref: Ref) -> Inside:
        return Inside(ref)

    def _read_picture(self) -> Picture:
        return Picture()

    def _read_side(self, side: Token) -> str:
        return str(side.value)

    def _read_half_region(self, side: str, frame: Place | None = None) -> Area:
        return Area(f"{side} half", frame_of(frame))

    def _read_side_of(self, side: str, place: Inside) -> Area:
        one = f"the {place.holder.noun.one}"
        half = f"the {side} half of {one}"
        raise Unreadable(
            f'"the {side} of {one}" could mean its {side} half or what lies beyond it; say "{half}" or '
            f'"{_BEYOND[side]} {one}"',
            doubtful=True,
            instead=[half],
        )

    def _read_third_region(self, side: str, frame: Place | None = None) -> Area:
        return Area(f"{side} third", frame_of(frame))

    def _read_middle_third(self, *words: Any) -> Area:
        sides = {word for word in words if isinstance(word, str)}
        frame = next((word for word in words if not isinstance(word, str)), None)
        names = {frozenset({"left", "right"}): "middle third", frozenset({"top", "bottom"}): "center third"}
        if frozenset(sides) not in names:
            raise Unreadable(
                "the middle third could lie between left and right or between top and bottom; say "
                '"the middle third between left and right" or "the middle third between top and bottom"',
                doubtful=True,
                instead=["the middle third between left and right"],
            )
        return Area(names[frozenset(sides)], frame_of(frame))

    def _read_quarter_region(self, one: str, other: str, frame: Place | None = None) -> Area:
        rows, columns = {"top", "bottom"} & {one, other}, {"left", "right"} & {one, other}
        if not rows or not columns:
            raise Unreadable('a quarter is "top left", "top right", "bottom left" or "bottom right"')
        return Area(f"{rows.pop()} {columns.pop()} quarter", frame_of(frame))

    def _read_centre_region(self, frame: Place | None = None) -> Area:
        return Area("center", frame_of(frame))

    def _read_rows_columns(self, rows: Value, columns: Value) -> tuple[int, int]:
        for name, number in (("rows", rows.number), ("columns", columns.number)):
            if number != int(number) or not 1 <= number <= GRID_MOST:
                raise Unreadable(f"a grid has 1 to {GRID_MOST} {name}, not {number:g}")
        return int(rows.number), int(columns.number)

    def _read_columns_rows(self, columns: Value, rows: Value) -> tuple[int, int]:
        return self._read_rows_columns(rows, columns)

    def _read_cell_of(self, *words: Any) -> Cells:
        size = next((word for word in words if isinstance(word, tuple)), None)
        if size is None:
            raise Unreadable(
                'I do not know how many compartments there are; say "in each compartment of a grid of 3 rows '
                'and 5 columns", or teach the compartments as parts'
            )
        frame = next((word for word in words if not isinstance(word, tuple)), None)
        rows, columns = size
        return Cells(rows, columns, frame_of(frame))

    def _read_cells(self, *words: Any) -> Cells:
        return words[0] if isinstance(words[0], Cells) else self._read_cell_of(*words)

    def _read_numbered_cells(self, number: Token, cells: Cells) -> Cells:
        if number.value != cells.rows * cells.columns:
            there = cells.rows * cells.columns
            said = f"{cells.rows} rows and {cells.columns} columns"
            raise Unreadable(f"{said} make {there} compartments, not {number.value:g}")
        return cells


def frame_of(place: Place | None) -> Frame:
    """What a region or a grid is taken of."""
    if place is None:
        return Unsaid()
    return place.holder if isinstance(place, Inside) else Picture()


def _exactly(item: Item) -> str:
    """An item as a person would say it beyond doubt."""
    if not isinstance(item.allowed, Limits) or item.allowed.low is None:
        return ""
    return f"exactly {item.allowed.low:g} {item.noun.one if item.allowed.low == 1 else item.noun.many}"
