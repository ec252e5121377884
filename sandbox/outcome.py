"""What goes into the jail and what comes out: checks, limits, diagnostics and typed outcomes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field, Strict, model_validator

from ..schema import Evidence, Kind, Record, Value

MAX_TEXT = 500
"""Characters of a reason, a message, or a text reported as expected or actual."""
MAX_PARTS = 200
"""Parts and regions that one expectation may point at."""
MAX_POINTS = 10_000
"""Corners of the outlines that one expectation may carry."""
MAX_NUMBER = 1e15
"""Largest number that may be reported; beyond it a float no longer holds every whole number."""

OutcomeStatus = Literal[
    "ok",
    "undecided",
    "refused",
    "rule_error",
    "timeout",
    "out_of_memory",
    "output_too_large",
    "bad_output",
    "killed_by_policy",
    "crash",
    "sandbox_unavailable",
]
"""How the run of one rule ended. Everything but `ok` makes the rule undecided, never passed."""


class Check(NamedTuple):
    """One rule to run."""

    number: int
    code: str


@dataclass(frozen=True)
class Limits:
    """What one rule may use up before it is stopped."""

    seconds: float = 1.0
    """Wall clock of one rule."""
    memory_mb: int = 256
    """Address space on top of what the process uses before the first rule runs."""
    output_bytes: int = 200_000
    """Size of one rule's answer as JSON."""

    @property
    def too_long(self) -> str:
        """For a person: a rule took too long."""
        return f"rule ran longer than {self.seconds} s and was stopped"

    @property
    def too_large(self) -> str:
        """For a person: a rule needed too much memory."""
        return f"rule needed more than {self.memory_mb} MB of memory and was stopped"

    @property
    def too_much(self) -> str:
        """For a person: a rule reported too much."""
        return f"rule reported more than {self.output_bytes:,} bytes and was stopped"


class Diagnostic(Record):
    """Why the text of a rule is refused, and what to write instead."""

    line: int
    """From 1; 0 when the whole text is meant."""
    column: int
    """From 1, in characters; 0 when the whole line is meant."""
    what: str
    instead: str
    is_syntax: bool = False
    """Whether the text is no Python at all."""

    def __str__(self) -> str:
        """One line for a person."""
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.what}; {self.instead}"


def plain(text: str) -> str:
    r"""The text on one line, without control characters, terminal escapes and invisible marks.

    Example:
        >>> plain("two\n pins\x1b[31m")
        'two pins[31m'
    """
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def clipped(text: str) -> str:
    """A plain text of at most `MAX_TEXT` characters, for messages."""
    text = plain(text)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _must_be_plain(text: str) -> str:
    if text != plain(text):
        raise ValueError("holds control characters")
    return text


def _must_be_reportable(value: Value) -> Value:
    if isinstance(value, str):
        return _must_be_plain(value)
    if isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
        raise ValueError("is not a number that can be reported")
    return value


Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_must_be_plain)]
_Number = Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER, allow_inf_nan=False)]
_Value = Annotated[Value, AfterValidator(_must_be_reportable)]


class Expectation(Record):
    """One call of `expect` in a rule. Its limits hold on both sides of the jail's wall."""

    passed: Annotated[bool, Strict()]
    kind: Kind
    reason: Annotated[Text, Field(min_length=1)]
    expected: _Value | tuple[_Number | None, _Number | None] = None
    """One value, or a (low, high) range of which one end may be None: open."""
    actual: _Value = None
    parts: list[Annotated[int, Strict(), Field(ge=0)] | Evidence] = Field(default=[], max_length=MAX_PARTS)
    """A number is the place of a part in `Scene.all_parts`; Evidence is a region."""

    @model_validator(mode="after")
    def _sane(self) -> Expectation:
        texts = [self.expected, self.actual]
        if any(isinstance(text, str) and len(text) > MAX_TEXT for text in texts):
            raise ValueError(f"texts may hold {MAX_TEXT} characters")
        if isinstance(self.expected, tuple):
            low, high = self.expected
            if (low is None and high is None) or (low is not None and high is not None and low > high):
                raise ValueError("a range must be (low, high)")
        points = 0
        for place in self.parts:
            if isinstance(place, Evidence):
                corners = [corner for outline in place.outline for corner in outline]
                points += len(corners)
                numbers = [*place.box, place.confidence, *(n for corner in corners for n in corner)]
                if not all(math.isfinite(n) and abs(n) <= MAX_NUMBER for n in numbers):
                    raise ValueError("evidence lies outside every picture")
                if len(place.label) > MAX_TEXT or place.label != plain(place.label):
                    raise ValueError("a label of evidence is not a plain text")
        if points > MAX_POINTS:
            raise ValueError(f"outlines may hold {MAX_POINTS} corners")
        return self


class Outcome(Record):
    """How one rule ended on one scene."""

    number: int
    """The rule's number, as given in its Check."""
    status: OutcomeStatus
    message: Text = ""
    """For a person: why the rule is not `ok`."""
    line: int | None = None
    """Of the rule's own text, from 1."""
    expectations: list[Expectation] = []
    """In the order of the calls; empty unless the status is `ok`."""
    seconds: float = Field(default=0, ge=0)
    """Wall clock that the rule took."""
