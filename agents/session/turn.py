"""What a session is made of: turns, each of which knows the one before it.

A finished turn is a record in the store that is never changed. It names the turn before it by SHA-256, as a
commit does, so that a session is known by its last turn, and a branch is another turn after an old one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from ...schema import Record, Rule, SessionError, Usage
from .store import Store

MOST_TURNS: Final = 100_000
"""A chain of turns that is longer is no session."""


class SessionPicture(Record):
    """A picture of a session."""

    number: int
    """From 1 on, in the order in which they came; what people and models call it by."""
    name: str
    """Of its file."""
    sha256: str
    """Of its bytes, in the store."""


class Shown(Record):
    """A picture that a turn shows."""

    sha256: str
    """In the store, a PNG or JPEG."""
    caption: str
    picture: int = 0
    """The number of the picture that it is made from."""


class Change(Record):
    """A change of the rulebook, as it is proposed: nothing is done until a person says yes."""

    action: Literal["save", "change", "retire", "run"]
    """`run` is a check that was not proven, run on a picture."""
    rule: Rule | None = None
    """As it would be; None where one is retired."""
    number: int = 0
    """Of the rule that is changed or retired; 0 for a new one."""
    was_sha256: str = ""
    """Of the rule that is changed or retired, as it was when this was proposed."""
    effect: str = ""
    """What it changes on pictures that were inspected before, in words."""
    usage: Usage = Usage()
    """What questions to a model have cost until it was proven."""


class Step(Record):
    """One step of a turn: what was done, how long it took and what it rests on."""

    name: str
    """Of the node, or of the tool that was called."""
    seconds: float
    arguments: dict[str, Any] = {}
    usage: Usage = Usage()
    evidence: list[str] = []
    """SHA-256 of what it showed or decided on."""
    error: str = ""


class Turn(Record):
    """What a person asked and what came of it."""

    number: int
    previous: str = ""
    """SHA-256 of the turn before it; empty for the first."""
    started: str
    """ISO 8601, UTC."""
    reasoner: str
    asked: str
    pictures: list[SessionPicture] = []
    """That came with it."""
    messages: list[dict[str, Any]] = []
    """What the model was told and said, as LangChain writes messages."""
    answer: str
    shown: list[Shown] = []
    verdicts: dict[int, str] = {}
    """Number of a picture -> SHA-256 of the Verdict that it got in this turn."""
    decisions: list[str] = []
    """What a person was asked for and said, in words."""
    steps: list[Step] = []
    stopped: str = ""
    """Why it ended before it was done."""


class Past(NamedTuple):
    """What a session knows of its turns."""

    pictures: tuple[SessionPicture, ...]
    verdicts: dict[int, str]
    """Number of a picture -> SHA-256 of its last Verdict."""
    turns: tuple[str, ...]
    """SHA-256 of all of them, the first one first."""

    def picture(self, number: int) -> SessionPicture:
        """A picture by its number.

        Raises:
            SessionError: There is none.
        """
        if 1 <= number <= len(self.pictures):
            return self.pictures[number - 1]
        have = f"the last is {len(self.pictures)}" if self.pictures else "give one first"
        raise SessionError(f"there is no picture {number}; {have}")


class History:
    """Reads chains of turns; the past of a turn never changes, so that it is read once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read = lru_cache(maxsize=512)(self._read_turn)

    def turn(self, sha256: str) -> Turn:
        """A turn by its SHA-256.

        Raises:
            SessionError: It is not in the store.
        """
        return self._read(sha256)

    def back_from(self, head: str) -> Iterator[tuple[str, Turn]]:
        """The turns of a session with their SHA-256, the last one first.

        Raises:
            SessionError: One is missing from the store.
        """
        for _ in range(MOST_TURNS):
            if not head:
                return
            turn = self.turn(head)
            yield head, turn
            head = turn.previous

    def past(self, head: str) -> Past:
        """What a session knows when its last turn is `head`; nothing where that is empty.

        Raises:
            SessionError: A turn is missing from the store.
        """
        turns = list(self.back_from(head))[::-1]
        verdicts: dict[int, str] = {}
        for _, turn in turns:
            verdicts |= turn.verdicts
        pictures = tuple(picture for _, turn in turns for picture in turn.pictures)
        return Past(pictures, verdicts, tuple(sha256 for sha256, _ in turns))

    def _read_turn(self, sha256: str) -> Turn:
        return self._store.get_record(Turn, sha256)
