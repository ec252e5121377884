"""Numbers against limits: the condition, what is expected, and the reason in words."""

from __future__ import annotations

from .meaning import (
    Compare,
    Count,
    Gap,
    Limits,
    Measure,
    Number,
    OneOf,
    Ratio,
    Share,
    Spot,
    Tint,
    Total,
    Usual,
)
from .operands import Ends, Measurer, Operand
from .source import Code, Test, a_list, text


class Comparer:
    """Writes the lines that a comparison needs and gives its test."""

    def __init__(self, code: Code, measurer: Measurer) -> None:
        self._code = code
        self._measurer = measurer

    def test(self, claim: Compare, kind: str) -> Test:
        """The test of one comparison."""
        allowed = claim.allowed
        if isinstance(allowed, Usual):
            return self._usual(claim.number, kind)
        if isinstance(allowed, OneOf):
            return self._one_of(claim.number, allowed, kind)
        if claim.unit is None:
            return self._absolute(claim.number, allowed, kind)
        if isinstance(claim.number, Count) and isinstance(claim.unit, Count):
            own, other = self._measurer.operand(claim.number), self._measurer.operand(claim.unit)
            return _counts(own, other, allowed, claim.number.noun == claim.unit.noun, kind)
        ends = self._measurer.ends(claim.unit)
        return self._sizes(self._measurer.operand(claim.number), ends, allowed, kind)

    def _usual(self, number: Number, kind: str) -> Test:
        operand = self._measurer.operand(number)
        name = self._code.usual(_called(number))
        low, high = f"{name}[0]", f"{name}[1]"
        unit = operand.unit
        reason = f"{operand.tells}, usual is {unit.show(low)} to {unit.show(high)}{unit.text}"
        return Test(f"{low} <= {operand.value} <= {high}", kind, reason, name, operand.value, operand.parts)

    def _one_of(self, number: Number, allowed: OneOf, kind: str) -> Test:
        operand = self._measurer.operand(number)
        wanted = a_list([str(value) for value in allowed.values], "or")
        reason = f"{operand.tells} instead of {wanted}"
        condition = f"{operand.value} in {allowed.values}"
        return Test(condition, kind, reason, text(wanted), operand.value, operand.parts)

    def _absolute(self, number: Number, limits: Limits, kind: str) -> Test:
        operand = self._measurer.operand(number, never_one=limits.exact and limits.low == 1)
        low, high = _python(limits.low), _python(limits.high)
        unit = operand.unit
        shown = [None if end is None else _number(end * unit.scale) for end in (limits.low, limits.high)]
        wanted = "none" if limits.high == 0 else _wanted(shown[0], shown[1], limits.strict) + unit.text
        return Test(
            condition=_within(operand.value, low, high, limits.strict),
            kind=kind,
            reason=f"{operand.tells} instead of {wanted}",
            expected=_expected(low, high),
            actual=operand.value,
            parts=operand.parts,
        )

    def _sizes(self, own: Operand, other: Ends, limits: Limits, kind: str) -> Test:
        low, high = _times(limits.low, other.most), _times(limits.high, other.least)
        if limits.exact:
            # Two things that are measured are never just the same.
            tolerance = self._code.constant("TOLERANCE")
            low, high = f"(1 - {tolerance}) * {low}", f"(1 + {tolerance}) * {high}"
        shown = [None if end is None else own.unit.show(end) for end in (low, high)]
        wanted = _wanted(shown[0], shown[1], limits.strict) + own.unit.text
        return Test(
            condition=_within(own.value, low, high, limits.strict),
            kind=kind,
            reason=f"{own.tells} instead of {wanted}, {_factors(limits)}{other.name}",
            expected=_expected(low, high),
            actual=own.value,
            parts=own.parts,
        )


def _counts(own: Operand, other: Operand, limits: Limits, same: bool, kind: str) -> Test:
    """One count against another; `same` when both count one kind of part, in two places."""
    low, high = _times(limits.low, other.value), _times(limits.high, other.value)
    condition = _within(own.value, low, high, limits.strict)
    if own.holds == other.holds:
        reason = f"{own.tells} and {other.tells.removeprefix(other.holds)}"
    else:
        told = f"{other.holds.removesuffix(' holds ')} {{{other.value}}}" if same else other.tells
        reason = f"{own.tells}, {told}"
    if not (same and limits.exact and limits.low == 1):
        reason += f" instead of {_many(limits)}"
    if limits.strict:
        low, high = low and f"{low} + 1", high and f"max({high} - 1, 0)"
    parts = f"({own.parts}) + ({other.parts})"
    return Test(condition, kind, reason, _expected(low, high), own.value, parts)


def _many(limits: Limits) -> str:
    """Such as "at least 2 times as many"."""
    if limits.strict and 1 in (limits.low, limits.high):
        return "more" if limits.low else "fewer"
    ends = [None if end is None else "" for end in (limits.low, limits.high)]
    return f"{_wanted(ends[0], ends[1], limits.strict)}{_factors(limits)}as many".removeprefix(" to ")


def _factors(limits: Limits) -> str:
    """Such as "2 to 3 times "; "" for once."""
    numbers = list(dict.fromkeys(f"{end:g}" for end in (limits.low, limits.high) if end is not None))
    return "" if numbers == ["1"] else f"{' to '.join(numbers)} times "


def _within(value: str, low: str | None, high: str | None, strict: bool) -> str:
    """Python that is True where a value is within limits."""
    less, more = ("<", ">") if strict else ("<=", ">=")
    if low is None:
        return f"{value} {less} {high}"
    if high is None:
        return f"{value} {more} {low}"
    return f"{value} == {low}" if low == high else f"{low} {less} {value} {less} {high}"


def _expected(low: str | None, high: str | None) -> str:
    """What to report as expected: one value, or a range, None for an end that is open."""
    return str(low) if low == high else f"({low}, {high})"


def _wanted(low: str | None, high: str | None, strict: bool) -> str:
    """Limits in words."""
    if low is None:
        return f"{'less than' if strict else 'at most'} {high}"
    if high is None:
        return f"{'more than' if strict else 'at least'} {low}"
    return low if low == high else f"{low} to {high}"


def _times(factor: float | None, value: str) -> str | None:
    if factor is None:
        return None
    return value if factor == 1 else f"{_number(factor)} * {value}"


def _python(number: float | None) -> str | None:
    return None if number is None else _number(number)


def _number(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(round(number, 6))


def _called(number: Number) -> str:
    """What a usual range is called: "length of cable"."""
    match number:
        case Count(noun):
            return f"number of {noun.many}"
        case Total(noun):
            return f"area of {noun.many}"
        case Measure(dimension, ref):
            return f"{'angle' if dimension == 'tilt' else dimension} of {ref.noun.one}"
        case Share(what):
            return f"share of {what.noun.many if what.noun.mass else what.noun.one}"
        case Spot(ref, axis):
            return f"{'x' if axis == 'across' else 'y'} of {ref.noun.one}"
        case Tint(ref, channel):
            return f"{channel} of {ref.noun.one}"
        case Gap(first, second):
            return f"distance of {first.noun.one} and {second.noun.one}"
        case Ratio():
            return "ratio"
    return "share"
