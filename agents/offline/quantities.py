"""Which numbers can be compared with which amounts and with one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .amounts import Amount, Mark, whole
from .meaning import Compare, Count, Gap, Limits, Measure, Number, OneOf, Ratio, Total
from .refuse import Unreadable

Quantity = Literal["count", "length", "area", "angle", "share", "ratio"]

_UNITS: dict[Quantity, set[str]] = {
    "count": {""},
    "length": {"", "px"},
    "area": {"", "px"},
    "angle": {"", "degrees"},
    "share": {"", "%", "part"},
    "ratio": {"", "%", "part", "times"},
}
"""Units in which an amount of a quantity can be given."""


@dataclass(frozen=True)
class Bound:
    """What a number may be: an amount, of another number where one is named."""

    amount: Amount
    unit: Number | None = None


def quantity_of(number: Number) -> Quantity:
    """What kind of number it is; only like can be compared with like."""
    match number:
        case Count():
            return "count"
        case Measure(dimension="angle" | "tilt"):
            return "angle"
        case Measure(dimension="area") | Total():
            return "area"
        case Measure() | Gap():
            return "length"
        case Ratio():
            return "ratio"
        case _:
            return "share"


def times_of(words: Sequence[Amount | Mark]) -> Amount:
    """How many times "as many" or "as long" asks for: once, when nothing else is said."""
    said = [word for word in words if isinstance(word, Amount)]
    return said[0] if said else Amount(Limits(1, 1))


def compared(number: Number, bound: Bound) -> Compare:
    """The claim that a number keeps to a bound.

    Raises:
        Unreadable: The units do not fit, or the bound can never or must always be kept.
    """
    if bound.unit is not None:
        return Compare(number, _factors(number, bound.unit, bound.amount), bound.unit)
    quantity = quantity_of(number)
    if quantity == "count":
        return Compare(number, whole(bound.amount))
    limits = _limits(quantity, bound.amount)
    if isinstance(number, Measure) and quantity == "angle":
        number = Measure(_angle(limits), number.ref)
    return Compare(number, limits)


def _factors(number: Number, unit: Number, amount: Amount) -> Limits:
    one, other = quantity_of(number), quantity_of(unit)
    if one != other:
        raise Unreadable(f"{_a(one)} cannot be compared with {_a(other)}")
    if one == "angle":
        raise Unreadable('angles are compared with degrees, such as "between 80 and 100 degrees"')
    if amount.unit not in _UNITS["ratio"] or not isinstance(amount.allowed, Limits):
        raise Unreadable('say how many times, such as "2 to 3 times"')
    limits = _scaled(amount.allowed, amount.unit)
    if (limits.low or 0) < 0 or limits.high == 0:
        raise Unreadable("say a number of times above 0")
    return limits


def _limits(quantity: Quantity, amount: Amount) -> Limits:
    if amount.unit not in _UNITS[quantity]:
        raise Unreadable(f'{_a(quantity)} is not given in "{amount.unit}"; say {_wanted(quantity)}')
    if isinstance(amount.allowed, OneOf):
        raise Unreadable('only counted parts can be chosen from a few numbers; say "between" for a range')
    limits = _scaled(amount.allowed, amount.unit)
    if limits.low is not None and limits.low == limits.high:
        near = limits.low * (100 if amount.unit == "%" else 1)
        unit = f" {amount.unit}" if amount.unit in ("px", "%", "degrees") else ""
        most = min(near * 1.05, 100) if unit == " %" and quantity == "share" else near * 1.05
        around = f"between {near * 0.95:g} and {most:g}{unit}"
        raise Unreadable(f'what is measured is never exactly {near:g}{unit}; say a range, such as "{around}"')
    numbers = [number for number in (limits.low, limits.high) if number is not None]
    least, most = {"share": (0, 1), "angle": (-90, 135)}.get(quantity, (0, float("inf")))
    if any(not least <= number <= most for number in numbers):
        raise Unreadable(f"{numbers[-1]:g} is no {quantity}; say {_wanted(quantity)}")
    return limits


def _a(quantity: Quantity) -> str:
    return f"{'an' if quantity[0] in 'aeiou' else 'a'} {quantity}"


def _wanted(quantity: Quantity) -> str:
    return {
        "count": "a whole number",
        "length": 'a number of px or "times the length of" another part',
        "area": 'a number of px or "times the area of" another part',
        "angle": "degrees from -90 to 135, where 0 lies flat and 90 stands upright",
        "share": "a percentage from 0 % to 100 %",
        "ratio": "a number or a percentage",
    }[quantity]


def _scaled(limits: Limits, unit: str) -> Limits:
    if unit != "%":
        return limits
    low, high = limits.low, limits.high
    return Limits(None if low is None else low / 100, None if high is None else high / 100, limits.strict)


def _angle(limits: Limits) -> Literal["angle", "tilt"]:
    """Angles end at 90 degrees, in the middle of what is upright; limits beyond that need another count."""
    if limits.high is None or limits.high <= 90:
        return "angle"
    if limits.low is None or limits.low < -45:
        raise Unreadable("give both ends of the range of the angle, from -45 to 135 degrees")
    return "tilt"
