"""`expect`: how a rule reports, checked where it is called so that a mistake names its line."""

from __future__ import annotations

import math
from typing import Any, Final

from pydantic import ValidationError

from ..schema import Evidence, Range, Value
from .facade import Facade, Handle, PartHandle, RegionHandle
from .language import KINDS
from .outcome import MAX_NUMBER, MAX_PARTS, MAX_TEXT, Expectation, plain

_NONE: Final = type(None)


class OutputTooLargeError(Exception):
    """A rule reported more than it may."""


class Expectations:
    """What one run of one rule expects."""

    def __init__(self, facade: Facade, output_bytes: int) -> None:
        self.made: list[Expectation] = []
        self._facade = facade
        self._left = output_bytes

    def expect(
        self,
        condition: Any,
        kind: Any,
        reason: Any,
        expected: Any = None,
        actual: Any = None,
        parts: Any = (),
    ) -> None:
        """Note that `condition` should be True; offered to rules under this name and signature.

        Raises:
            TypeError: An argument is of a type that cannot be reported.
            ValueError: An argument is outside its range.
            OutputTooLargeError: The rule has reported too much.
        """
        if type(condition) is not bool:
            raise TypeError(f"expect needs True or False as its condition, got a {type(condition).__name__}")
        if type(kind) is not str or kind not in KINDS:
            raise ValueError(f"the kind must be one of {', '.join(KINDS)}")
        if type(reason) is not str or not plain(reason) or len(reason) > MAX_TEXT:
            raise ValueError(f"the reason must be a text of 1 to {MAX_TEXT} characters")
        try:
            made = Expectation(
                passed=condition,
                kind=kind,  # type: ignore[arg-type]
                reason=plain(reason),
                expected=_range(expected) if type(expected) is tuple else _value("expected", expected),
                actual=_value("actual", actual),
                parts=self._evidence(parts),
            )
        except ValidationError as error:
            raise ValueError(f"expect cannot report this: {error.errors()[0]['msg']}") from None
        self._left -= len(made.model_dump_json().encode())
        if self._left < 0:
            raise OutputTooLargeError
        self.made.append(made)

    def _evidence(self, parts: Any) -> list[int | Evidence]:
        if type(parts) not in (list, tuple, set):
            raise TypeError(f"parts must be a list of parts or regions, got a {type(parts).__name__}")
        return [self._place(part) for part in list(parts)[:MAX_PARTS]]

    def _place(self, handle: Any) -> int | Evidence:
        if type(handle) is PartHandle:
            return self._facade.place(handle)
        if type(handle) is RegionHandle:
            return self._region(handle)
        raise TypeError(f"parts must hold parts or regions, got a {type(handle).__name__}")

    def _region(self, handle: Handle) -> Evidence:
        region = self._facade.shape(handle)
        return Evidence(label=plain(region.label), box=region.box, outline=region.outline)


def _value(name: str, value: Any) -> Value:
    kind = type(value)
    if kind in (bool, _NONE):
        return value  # type: ignore[no-any-return]
    if kind in (int, float):
        return _finite(name, value)
    if kind is str and len(value) <= MAX_TEXT:
        return plain(value)
    if kind is str:
        raise ValueError(f"{name} may hold at most {MAX_TEXT} characters")
    raise TypeError(f"{name} must be a number, a text, True, False or None, got a {kind.__name__}")


def _range(value: tuple[Any, ...]) -> Range:
    if len(value) != 2 or not all(type(end) in (int, float, _NONE) for end in value) or value == (None, None):
        raise TypeError("a range must be two numbers, (low, high), one of which may be None")
    low, high = (None if end is None else _finite("expected", end) for end in value)
    if low is not None and high is not None and low > high:
        raise ValueError(f"a range must be (low, high), got ({low}, {high})")
    return low, high


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value) or abs(value) > MAX_NUMBER:
        raise ValueError(f"{name} is not a number that can be reported")
    return value
