"""Amounts as they are said, before it is known of what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .meaning import Limits, Noun, OneOf, Usual
from .refuse import Unreadable

MOST = 10_000
"""Parts that a sentence may ask for."""


class Mark(Enum):
    """A word that changes the phrase it stands in."""

    NOT = "not"
    EXACTLY = "exactly"


@dataclass(frozen=True)
class Value:
    """A number with the unit that was said: "", "px", "%", "degrees", "times" or "part" ("half")."""

    number: float
    unit: str = ""
    said_a: bool = False


@dataclass(frozen=True)
class Amount:
    """What a number may be, before it is known of what."""

    allowed: Limits | OneOf
    unit: str = ""
    shares: bool = False
    """Such as "at least": in a list, it is open whether the next number shares it."""
    bare: bool = False
    """A number alone."""


@dataclass(frozen=True)
class Item:
    """How many of a kind."""

    noun: Noun
    allowed: Limits | OneOf | Usual
    shares: bool = False
    bare: bool = False


def whole(amount: Amount) -> Limits | OneOf:
    """An amount of things that are counted.

    Raises:
        Unreadable: It has a unit, is no whole number, or every number or none would do.
    """
    if amount.unit:
        raise Unreadable(f'parts are counted in whole numbers, not in "{amount.unit}"')
    allowed = amount.allowed
    if isinstance(allowed, OneOf):
        return allowed
    numbers = [number for number in (allowed.low, allowed.high) if number is not None]
    if any(number != int(number) or not 0 <= number <= MOST for number in numbers):
        raise Unreadable(f"parts are counted in whole numbers from 0 to {MOST}")
    low, high = allowed.low, allowed.high
    if allowed.strict:
        low, high = (None if low is None else low + 1), (None if high is None else high - 1)
    if high is not None and high < 0:
        raise Unreadable("there cannot be fewer than 0 parts")
    if not low and high is None:
        raise Unreadable("at least 0 parts says nothing; every picture keeps to it")
    return Limits(low, high, said_a=allowed.said_a)


def fraction(number: float, parts: int) -> Value:
    """So many thirds or quarters.

    Raises:
        Unreadable: It is no whole number of them, or more than a whole.
    """
    if number not in range(1, parts + 1):
        raise Unreadable(f"there is no {number:g}/{parts} of a thing")
    return Value(number / parts, "part")


def common_unit(one: Value, other: Value) -> str:
    """The unit of two numbers, which may be said with only one of them.

    Raises:
        Unreadable: They have different ones.
    """
    units = {one.unit, other.unit} - {""}
    if len(units) > 1:
        raise Unreadable(f"both numbers need the same unit, not {' and '.join(sorted(units))}")
    return next(iter(units), "")
