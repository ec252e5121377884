"""What a tool of a session is: a name, arguments with a schema, and an answer that a model can read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError

from ...schema import Record, SessionError, Usage, Verdict
from .desk import Desk
from .turn import Change, Past, SessionPicture, Shown

LONGEST: Final = 2_000
"""Characters of an answer; what is beyond is cut, and that is said."""
MOST_LISTED: Final = 20
"""Things that a list names; the rest are counted."""


class Answer(Record):
    """What a tool answers."""

    text: str
    shown: list[Shown] = []
    verdicts: dict[int, Verdict] = {}
    """Number of a picture -> its verdict, where the tool inspected it."""
    usage: Usage = Usage()
    """What questions to a model have cost."""


class Around(Record):
    """What a session knows at the time of a call."""

    past: Past
    new: tuple[SessionPicture, ...] = ()
    """That came with this turn."""

    @property
    def pictures(self) -> tuple[SessionPicture, ...]:
        """All of them, by number."""
        return (*self.past.pictures, *self.new)

    def picture(self, number: int | None) -> SessionPicture:
        """A picture by its number; the last one where no number is given, -2 is the one before that.

        Raises:
            SessionError: There is none.
        """
        have = len(self.pictures)
        if number and number < -have:
            raise SessionError(f"there is no picture that far back; there are {have}")
        if number and number < 0:
            number += have + 1
        return self.past._replace(pictures=self.pictures).picture(number or max(have, 1))


A = TypeVar("A", bound=Record)


@dataclass(frozen=True)
class Tool(Generic[A]):
    """Something that a session can do."""

    name: str
    description: str
    """What it does and when to call it, for a model."""
    Arguments: type[A]
    run: Callable[[Desk, Around, A], Answer] | None = None
    """What it does; None of one that makes the change that it proposes."""
    proposes: Callable[[Desk, Around, A], Change] | None = None
    """Of a tool that changes something or runs what is not proven: what a person must agree to first."""
    seconds: float = 120.0
    """After which its answer is no longer waited for."""

    def arguments(self, given: dict[str, Any]) -> A:
        """Arguments that a model gave, checked.

        Raises:
            SessionError: They are not what the tool takes; the message says what it takes.
        """
        try:
            return self.Arguments.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "arguments"
            known = ", ".join(self.Arguments.model_fields) or "none"
            raise SessionError(f"{self.name}: {where}: {first['msg']}; it takes: {known}") from None

    @property
    def schema(self) -> dict[str, Any]:
        """As OpenAI's API describes a tool."""
        parameters = self.Arguments.model_json_schema()
        parameters.pop("title", None)
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": parameters},
        }


def whole_characters(text: str) -> str:
    """A text without halves of characters, which cannot be kept: foreign file names and models have them."""
    return text.encode("utf-8", "replace").decode()


def cut(text: str, longest: int = LONGEST) -> str:
    """A text of at most `longest` whole characters, saying so where it was longer."""
    text = whole_characters(text)
    if len(text) <= longest:
        return text
    note = f" ... ({len(text) - longest} more characters)"
    return text[: longest - len(note)] + note


def listed(lines: Sequence[str], most: int = MOST_LISTED) -> str:
    """Lines of a list; the rest are counted."""
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join([*lines[:most], *more])
