"""A session: talk about pictures of one product, kept on disk, that goes on where it stopped.

PRODUCT/sessions/checkpoints.sqlite    turns in work, by LangGraph
PRODUCT/sessions/ID.json               what each session is, with its last finished turn
PRODUCT/sessions/store/                pictures, verdicts and finished turns, by SHA-256
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from langchain_core.language_models import BaseChatModel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.constants import START
from langgraph.types import Command
from pydantic import ValidationError

from ...schema import LogiSightError, ProductError, Record, SessionError
from ...tools.pictures import shown
from ..llm.answers import in_one_line
from ..locking import locked_folder, write_at_once
from ..product import Product
from ..reasoner import OFFLINE, make_reasoner
from .beginning import given, told_before
from .desk import Desk
from .graph import Consent, Decision, Room, State, given_up, turn_graph
from .keepers import open_keeper
from .store import Store
from .talker import OfflineTalker
from .tracing import traced
from .turn import History, Turn

FOLDER: Final = "sessions"
"""Below the product's folder."""
MOST_PICTURES: Final = 32
"""That may come with one turn."""

Turns = list[Turn]

_log = logging.getLogger(__name__)
_PATIENCE: Final = 1.0
"""Seconds to wait for another process that has a turn in the same session."""


class SessionFile(Record):
    """What is known of a session beside its turns."""

    id: str
    product: str
    title: str
    started: str
    used: str = ""
    """When its last turn was finished; ISO 8601, UTC; empty where none was, or nobody noted it."""
    branch_of: str = ""
    """Id of the session that it branched from; empty for one of its own."""
    head: str = ""
    """SHA-256 of its last finished turn, or of the turn that it began after; empty before the first."""


class Reply(NamedTuple):
    """What came of what was said: a finished turn, or a question that comes first."""

    turn: Turn | None
    consent: Consent | None


class Sessions:
    """The sessions of one product. Close it, or use it in a `with`."""

    def __init__(
        self, product: Product, checkpointer: BaseCheckpointSaver[Any] | None = None, url: str = ""
    ) -> None:
        """`checkpointer` keeps the turns in work; left out, it is what `open_keeper` opens at `url`.

        Raises:
            SessionError: It cannot be opened.
        """
        self.product = product
        self.folder = product.folder / FOLDER
        self.store = Store(self.folder / "store")
        self.history = History(self.store)
        self._close: Callable[[], None] = lambda: None
        if checkpointer is None:
            checkpointer, self._close = open_keeper(self.folder, url)
        self.checkpointer = checkpointer

    def start(self, title: str = "") -> SessionFile:
        """A new session."""
        return self._made(title or "inspection", "", "")

    def branch(self, session: str, number: int) -> SessionFile:
        """A new session that begins after turn `number` of another one.

        Raises:
            SessionError: There is no such session or turn.
        """
        file = self.file(session)
        for sha256, turn in self.history.back_from(self.head(session)):
            if turn.number == number:
                return self._made(f"{file.title}, after turn {number}", file.id, sha256)
        raise SessionError(f"session {session} has no turn {number}")

    def list(self) -> list[SessionFile]:
        """All sessions, the last started first."""
        files = [self.file(path.stem) for path in self.folder.glob("*.json")]
        return sorted(files, key=lambda file: file.started, reverse=True)

    def file(self, session: str) -> SessionFile:
        """What is known of a session.

        Raises:
            SessionError: There is none of this id.
        """
        path = self._path(session)
        try:
            return SessionFile.model_validate_json(path.read_bytes())
        except OSError:
            raise SessionError(
                f"{self.product.name} has no session {shown(session)[:40]!r}; see `logisight sessions "
                f"{self.product.name}`"
            ) from None
        except ValidationError:
            raise SessionError(f"{shown(path)}: is damaged, or of another version of LogiSight") from None

    def head(self, session: str) -> str:
        """SHA-256 of the last finished turn of a session; empty before the first."""
        found = self.checkpointer.get_tuple(_config(session))
        values = found.checkpoint["channel_values"] if found else {}
        return str(values.get("head") or self.file(session).head)

    def settle(self, session: str) -> None:
        """Note the last finished turn of a session, whose checkpoints are not needed any more.

        Raises:
            OSError: It cannot be noted; the checkpoints stay.
            SessionError: The checkpoints cannot be deleted.
        """
        file = self.file(session).model_copy(update={"head": self.head(session), "used": _now()})
        self._write(file)
        self.checkpointer.delete_thread(session)

    def turns(self, session: str) -> Turns:
        """The finished turns of a session, the first one first."""
        return [turn for _, turn in self.history.back_from(self.head(session))][::-1]

    def delete(self, session: str) -> None:
        """Delete a session. Pictures and turns that no session refers to go with the next `tidy`.

        Raises:
            SessionError: There is none of this id.
        """
        self.file(session)
        self.checkpointer.delete_thread(session)
        self._path(session).unlink()
        self._path(session).with_suffix(".lock").unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file of checkpoints."""
        self._close()

    def __enter__(self) -> Sessions:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _made(self, title: str, branch_of: str, head: str) -> SessionFile:
        file = SessionFile(
            id=f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
            product=self.product.name,
            title=title,
            started=_now(),
            branch_of=branch_of,
            head=head,
        )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(file)
        except OSError as error:
            raise _not_written(self.folder, error) from None
        return file

    def _write(self, file: SessionFile) -> None:
        write_at_once(self._path(file.id), f"{file.model_dump_json(indent=2)}\n")

    def _path(self, session: str) -> Path:
        if not session or not all(c.isalnum() or c == "-" for c in session):
            raise SessionError(f"{shown(session)[:40]!r} is no id of a session")
        return self.folder / f"{session}.json"


class Session:
    """One session in work."""

    def __init__(
        self,
        sessions: Sessions,
        session: str,
        desk: Desk,
        reasoner: str = OFFLINE,
        on_step: Callable[[str], None] = lambda _: None,
        talker: BaseChatModel | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> None:
        """`on_step` is told of each node and tool before it begins; `talker` talks where there is no model.

        `on_text` is told what a model says, piece by piece as it comes.

        Raises:
            SessionError: There is no such session.
            AuthorError: There is no such reasoner.
        """
        self.sessions = sessions
        self.file = sessions.file(session)
        self.reasoner = reasoner
        self._desk = desk
        talker = talker or OfflineTalker(labels=list(desk.product.model.labels))
        self._room = Room(
            desk=desk,
            history=sessions.history,
            model=talker if reasoner == OFFLINE else make_reasoner(reasoner),
            fallback=talker,
            compose=partial(told_before, desk, sessions.history),
            on_step=on_step,
            on_text=on_text,
        )
        self._author = desk.reasoner if reasoner == OFFLINE else self._room.model
        self._graph = turn_graph(sessions.checkpointer)
        self._failed = ""
        """Why the turn in work did not come to its end in this process."""

    @property
    def waiting(self) -> Consent | None:
        """What a person is asked, where the last turn waits for that."""
        state = self._graph.get_state(_config(self.file.id))
        interrupts = [one for task in state.tasks for one in task.interrupts]
        return Consent.model_validate(interrupts[0].value) if interrupts else None

    @property
    def unfinished(self) -> bool:
        """Whether a turn was begun and is not finished."""
        return bool(self._graph.get_state(_config(self.file.id)).next)

    def say(self, text: str, pictures: Sequence[Path] = ()) -> Reply:
        """Say something, with pictures that it is about.

        A turn that failed before is dropped, see `drop`.

        Raises:
            SessionError: A turn is not finished, see `go_on`, `drop` and `decide`; there are too many
                pictures; or the turn failed, as on a full disk.
            PictureError: One of the pictures cannot be read; nothing was said.
        """
        with self._alone():
            return self._say(text, pictures)

    def _say(self, text: str, pictures: Sequence[Path]) -> Reply:
        if self.unfinished and self._failed and not self.waiting:
            self.drop(self._failed)
        if self.unfinished:
            what = (
                "waits for an answer to its question"
                if self.waiting
                else "was cut off; let it go on, or drop it"
            )
            raise SessionError(f"the turn before {what}")
        if len(pictures) > MOST_PICTURES:
            raise SessionError(f"{len(pictures)} pictures at once; give at most {MOST_PICTURES} in one turn")
        head = self.sessions.head(self.file.id)
        history, store = self.sessions.history, self.sessions.store
        return self._run(given(history, store, head, text, pictures, self.reasoner))

    def decide(self, decision: Decision) -> Reply:
        """Answer what a person is asked.

        Raises:
            SessionError: Nothing is asked.
        """
        with self._alone():
            if self.waiting is None:
                raise SessionError("there is nothing to decide")
            return self._run(Command(resume=decision.model_dump(mode="json")))

    def go_on(self) -> Reply:
        """Go on with a turn that was cut off.

        Raises:
            SessionError: There is none, or it failed.
        """
        with self._alone():
            if not self.unfinished:
                raise SessionError("there is no turn to go on with")
            waiting = self.waiting
            return Reply(None, waiting) if waiting else self._run(None)

    def drop(self, why: str = "the person dropped it") -> Reply:
        """Give up a turn that is not finished; it is kept as far as it came, and says why it ended.

        Raises:
            SessionError: There is none, or it cannot be kept.
        """
        with self._alone():
            state = self._graph.get_state(_config(self.file.id))
            if not state.next:
                raise SessionError("there is no turn to drop")
            begun = not {START, "begin"} & set(state.next)
            values = given_up(cast(State, state.values), begun, why)
            with self._told():
                self._graph.update_state(_config(self.file.id), values, as_node="think")
            return self._run(None)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else, such as another window, has a turn in this session meanwhile."""
        with ExitStack() as held:
            try:
                held.enter_context(locked_folder(self.sessions.folder / self.file.id, patience=_PATIENCE))
            except ProductError:
                raise SessionError(
                    f"session {self.file.id} is in work in another window or process; wait until that is done"
                ) from None
            except OSError as error:
                raise _not_written(self.sessions.folder, error) from None
            yield

    def _run(self, given: State | Command[Any] | None) -> Reply:
        self._desk.reasoner = self._author
        with self._told():
            config = _config(self.file.id) | traced(self.file.id)
            self._graph.invoke(given, config, context=self._room, durability="sync")
        waiting = self.waiting
        if waiting:
            return Reply(None, waiting)
        turn = self.sessions.history.turn(self.sessions.head(self.file.id))
        try:
            self.sessions.settle(self.file.id)
        except (OSError, SessionError) as error:
            # The turn is kept, in its checkpoint too, until the next one is finished.
            _log.info("session %s: its checkpoints stay for now (%s)", self.file.id, error)
        return Reply(turn, None)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever fails in a turn is told in one line, and the session goes on from there."""
        try:
            yield
        except LogiSightError as error:
            self._failed = str(error)
            raise
        except Exception as error:
            self._failed = in_one_line(f"{type(error).__name__}: {error}", 300)
            raise SessionError(
                f"the turn stopped ({self._failed}); let it go on, or say something else"
            ) from error
        self._failed = ""


def _config(session: str) -> Any:
    return {"configurable": {"thread_id": session}}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _not_written(folder: Path, error: OSError) -> SessionError:
    return SessionError(f"{shown(folder)}: cannot be written ({error.strerror or error})")


@contextmanager
def open_session(
    product: Product,
    session: str = "",
    reasoner: str = OFFLINE,
    on_step: Callable[[str], None] = lambda _: None,
    url: str = "",
) -> Iterator[Session]:
    """A session of a product by its id, kept at `url`, see `open_keeper`; a new one where no id is given.

    Raises:
        LogiSightError: It cannot be opened.
    """
    with Sessions(product, url=url) as sessions, Desk(product, sessions.store) as desk:
        yield Session(sessions, session or sessions.start().id, desk, reasoner, on_step)
