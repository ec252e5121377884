"""Calls of other agents as turns of sessions; no thread or network here, one call at a time."""

from __future__ import annotations

import base64
import binascii
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

from ...schema import PictureError, SessionError
from ...tools.pictures import shown
from ..session.desk import Desk
from ..session.graph import TOOLS, Consent, Decision
from ..session.session import Reply, Session, Sessions
from ..web.decoding import Decoder, UploadedFile
from .asking import digest
from .caller import MCP, Caller, call_in_words

MOST_PICTURE_BYTES: Final = 20 * 2**20
"""Of a picture that is sent in a call."""
PATIENCE: Final = 120.0
"""Seconds that a person has for a question before another call may take its place."""

OnStep = Callable[[str], None]


class Sent(NamedTuple):
    """A picture that is sent in a call."""

    name: str
    data: str
    """Base64."""


class Service:
    """The sessions of one product for other agents. One call at a time; close it, or use it in a `with`."""

    def __init__(self, sessions: Sessions, desk: Desk) -> None:
        self.sessions = sessions
        self._desk = desk
        self._asked: dict[str, float] = {}
        """Session -> when its open question was put."""

    @cached_property
    def _decoder(self) -> Decoder:
        """Decodes what clients send in a process that may die."""
        return Decoder()

    def close(self) -> None:
        """End what decodes pictures."""
        if "_decoder" in self.__dict__:
            self._decoder.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, title: str = "") -> str:
        """A new session; returns its id."""
        return self.sessions.start(title or "led by another agent").id

    def call(self, session: str, tool: str, arguments: dict[str, Any], on_step: OnStep) -> Reply:
        """Call a tool of a session.

        Raises:
            LogiSightError: The call cannot be made, or the session waits for a person.
        """
        given = TOOLS[tool].arguments(arguments).model_dump(mode="json", exclude_unset=True)
        return self._said(session, call_in_words(tool, given), (), on_step)

    def add(self, session: str, picture: Path | Sent, on_step: OnStep) -> Reply:
        """Give a picture to a session, and inspect it.

        Raises:
            LogiSightError: It cannot be read, or the session waits for a person.
        """
        if isinstance(picture, Path):
            return self._said(session, "", [picture], on_step)
        (decoded,) = self._decoder.decode([UploadedFile(_safe_name(picture.name), _bytes_of(picture))])
        with tempfile.TemporaryDirectory(prefix="logisight-") as folder:
            path = Path(folder) / decoded.name
            path.write_bytes(decoded.png)
            return self._said(session, "", [path], on_step)

    def decide(self, session: str, consent: str, decision: Decision, on_step: OnStep) -> Reply:
        """Go on with what a person decided on the question `consent`, by its digest.

        Raises:
            SessionError: It is no longer open.
        """
        opened = self._opened(session, on_step)
        waiting = opened.waiting
        if waiting is None or digest(waiting) != consent:
            raise SessionError("that question is no longer open; nothing was changed, call the tool again")
        self._asked.pop(session, None)
        return self._noted(session, opened.decide(decision))

    def pictures(self, session: str) -> dict[str, str]:
        """The pictures of a session and those that were shown in it: SHA-256 to what they are.

        Raises:
            SessionError: There is no such session.
        """
        found: dict[str, str] = {}
        for turn in self.sessions.turns(session):
            found |= {one.sha256: f"picture {one.number}: {one.name}" for one in turn.pictures}
            found |= {one.sha256: one.caption for one in turn.shown}
        return found

    def picture(self, session: str, sha256: str) -> bytes:
        """A picture of a session.

        Raises:
            SessionError: It is none of this session.
        """
        if sha256 not in self.pictures(session):
            raise SessionError("there is no such picture in this session")
        return self.sessions.store.get(sha256)

    def _said(self, session: str, text: str, pictures: Sequence[Path], on_step: OnStep) -> Reply:
        opened = self._opened(session, on_step)
        self._settle(session, opened)
        return self._noted(session, opened.say(text, pictures))

    def _settle(self, session: str, opened: Session) -> None:
        """What was left open in a session: a question that nobody answers counts as no.

        Raises:
            SessionError: A person is being asked right now.
        """
        if opened.waiting is None:
            if opened.unfinished:
                opened.drop("its client was gone")
            return
        if time.monotonic() - self._asked.get(session, -PATIENCE) < PATIENCE:
            raise SessionError(
                "a person is being asked something in this session; call again after the answer"
            )
        self._asked.pop(session, None)
        opened.decide(Decision(yes=False))

    def _noted(self, session: str, reply: Reply) -> Reply:
        if reply.consent:
            self._asked[session] = time.monotonic()
        return reply

    def _opened(self, session: str, on_step: OnStep) -> Session:
        opened = Session(self.sessions, session, self._desk, on_step=on_step, talker=Caller())
        opened.reasoner = MCP
        return opened

    def forget(self, session: str) -> None:
        """The client will not bring the answer to the open question."""
        self._asked.pop(session, None)


def question_of(reply: Reply) -> Consent:
    """What a person must be asked.

    Raises:
        SessionError: Nothing is asked.
    """
    if reply.consent is None:
        raise SessionError("there is nothing to decide")
    return reply.consent


def _safe_name(name: str) -> str:
    """A file name of what a client calls a picture; nothing in it is a path."""
    bare = shown(PurePosixPath(name.replace("\\", "/")).name)
    return bare.encode()[:120].decode(errors="ignore").strip(" .") or "picture"


def _bytes_of(picture: Sent) -> bytes:
    if len(picture.data) > MOST_PICTURE_BYTES * 4 // 3 + 4:
        raise PictureError(f"the picture is larger than {MOST_PICTURE_BYTES // 2**20} MB; send a smaller one")
    try:
        return base64.b64decode(picture.data, validate=True)
    except binascii.Error:
        raise PictureError("the picture is not sent in base64") from None
