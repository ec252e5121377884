"""What a turn begins with: what was said with which pictures, and what a model is told of earlier turns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from ...prompts import session_message
from ...schema import PictureError
from ...tools.pictures import picture_size, shown
from .desk import Desk
from .graph import State
from .store import Store
from .tool import Around, cut
from .turn import History, SessionPicture

REMEMBERED: Final = 6
"""Turns before this one that a model is told of."""
TOLD_PICTURES: Final = 10
"""Pictures that a model is told the names of, the last ones."""


def given(
    history: History, store: Store, head: str, text: str, pictures: Sequence[Path], reasoner: str
) -> State:
    """What a turn after `head` begins with; its pictures are put into the store.

    Raises:
        PictureError: One of the pictures cannot be read.
        SessionError: The turn before it is missing from the store.
    """
    known = len(history.past(head).pictures)
    taken = [_taken(path, store) for path in pictures]
    return {
        "head": head,
        "number": history.turn(head).number if head else 0,
        "asked": cut(text, 4_000),
        "pictures": [
            SessionPicture(number=number, name=name, sha256=sha256).model_dump()
            for number, (name, sha256) in enumerate(taken, start=known + 1)
        ],
        "reasoner": reasoner,
    }


def _taken(path: Path, store: Store) -> tuple[str, str]:
    """A picture put into the store: its name and SHA-256."""
    picture_size(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PictureError(f"{shown(path)}: {error.strerror or error}") from None
    return shown(path.name)[:120], store.put(content)


def told_before(desk: Desk, history: History, around: Around, head: str) -> list[BaseMessage]:
    """What a model is told before a turn that comes after `head`."""
    messages: list[BaseMessage] = [
        session_message(
            product=desk.product.in_words,
            labels=desk.product.model.labels,
            pictures=[f"{one.number}: {one.name}" for one in around.pictures[-TOLD_PICTURES:]],
            total=len(around.pictures),
        )
    ]
    some = []
    for _, turn in zip(range(REMEMBERED), history.back_from(head), strict=False):
        some += [AIMessage(cut(turn[1].answer, 600) or "-"), HumanMessage(cut(turn[1].asked, 600) or "-")]
    return [*messages, *some[::-1]]
