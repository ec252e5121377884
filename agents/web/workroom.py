"""One product open for work in a web server: one request at a time, the others wait."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, NamedTuple, TypeVar

from ...schema import Grade, ProductError, Record, SandboxError, SessionError
from ..product import Product
from ..reasoner import OFFLINE
from ..session.desk import Desk
from ..session.graph import Consent, turn_graph
from ..session.session import Session, Sessions
from .decoding import Decoder, UploadedFile
from .news import News

T = TypeVar("T")

MOST_WAITING: Final = 32
"""Requests that may wait for their turn."""
KEPT_DISPLAYED: Final = 16
"""Pictures that browsers do not show as they are, as PNG."""


class Work(Record):
    """A request in work, or one that waits."""

    id: int
    session: str = ""
    """Id of the session that it belongs to; empty where it belongs to none."""
    ahead: int = 0
    """Requests that come first."""
    steps: list[str] = []
    """Names of the nodes and tools that were begun, the last one being in work."""
    seconds: float = 0.0
    """Since it came."""


class OpenTurn(NamedTuple):
    """A turn that was begun and is not finished."""

    values: dict[str, Any]
    """The state of the graph."""
    consent: Consent | None
    """What a person is asked."""


class Workroom:
    """Holds a product, its sessions, and the desk. Close it, or use it in a `with`.

    Reading what is kept needs no turn in the queue.
    """

    def __init__(self, product: Product, reasoner: str = OFFLINE, isolation: Grade | None = None) -> None:
        """`reasoner` talks, and writes rules that run in a jail that holds at least `isolation`."""
        self.product = product
        self.reasoner = reasoner
        self.sessions = Sessions(product)
        self.news = News()
        self.decoder = Decoder()
        self._isolation = isolation
        self._desk: Desk | None = None
        self._graph = turn_graph(self.sessions.checkpointer)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="desk")
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._displayed: OrderedDict[str, bytes] = OrderedDict()
        self._works: dict[int, tuple[Work, float]] = {}
        # The first visitor should not have to wait for the jail and the eyes; what does not start is told.
        self._pool.submit(self._warm)

    @property
    def works(self) -> list[Work]:
        """What is in work and what waits, in the order in which it came."""
        with self._lock:
            now = time.monotonic()
            return [
                work.model_copy(update={"ahead": place, "seconds": round(now - since, 1)})
                for place, (work, since) in enumerate(self._works.values())
            ]

    async def at_desk(self, session: str, do: Callable[[Desk, Callable[[str], None]], T]) -> T:
        """Do something at the desk when its turn comes; it is done to its end whoever still waits for it.

        `do` gets the desk, and a function that it tells the names of its steps.

        Raises:
            SessionError: The session is in work already, or too many requests wait.
            LogiSightError: Whatever `do` raises.
        """
        work = self._queued(session)
        return await asyncio.shield(asyncio.wrap_future(self._pool.submit(self._run, work, do)))

    def session_at(self, session: str, desk: Desk, on_step: Callable[[str], None]) -> Session:
        """A session in work at the desk; what a model says in it is told as it comes."""

        def on_text(text: str) -> None:
            self.news.tell({"kind": "text", "session": session, "text": text})

        return Session(self.sessions, session, desk, self.reasoner, on_step, on_text=on_text)

    def open_turn(self, session: str) -> OpenTurn | None:
        """The turn of a session that is not finished, where there is one."""
        state = self._graph.get_state({"configurable": {"thread_id": session}})
        if not state.next:
            return None
        interrupts = [one for task in state.tasks for one in task.interrupts]
        consent = Consent.model_validate(interrupts[0].value) if interrupts else None
        return OpenTurn(dict(state.values), consent)

    def displayed(self, sha256: str, data: bytes) -> bytes:
        """The bytes of a picture of the store as PNG, which browsers show.

        Raises:
            PictureError: It is no picture.
        """
        found = self._displayed.get(sha256)
        if found is None:
            (picture,) = self.decoder.decode([UploadedFile("picture", data)])
            found = self._displayed[sha256] = picture.png
            while len(self._displayed) > KEPT_DISPLAYED:
                self._displayed.popitem(last=False)
        return found

    def close(self) -> None:
        """Finish what is in work, leave what waits, and stop the sandbox."""
        self.news.tell(None)
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._clear()
        self.decoder.close()
        self.sessions.close()

    def __enter__(self) -> Workroom:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _queued(self, session: str) -> Work:
        with self._lock:
            if session and any(work.session == session for work, _ in self._works.values()):
                raise SessionError("this session is in work; wait until it has answered")
            if len(self._works) >= MOST_WAITING:
                raise SessionError(f"{len(self._works)} requests wait already; try again later")
            work = Work(id=next(self._ids), session=session)
            self._works[work.id] = (work, time.monotonic())
        self._tell_works()
        return work

    def _run(self, work: Work, do: Callable[[Desk, Callable[[str], None]], T]) -> T:
        def on_step(name: str) -> None:
            with self._lock:
                now, since = self._works[work.id]
                self._works[work.id] = (now.model_copy(update={"steps": [*now.steps, name]}), since)
            self._tell_works()

        try:
            on_step("open")
            return do(self._opened(), on_step)
        except SandboxError:
            self._clear()  # the next one opens another
            raise
        finally:
            with self._lock:
                self._works.pop(work.id, None)
            self._tell_works()
            self.news.tell({"kind": "done", "session": work.session})

    def _tell_works(self) -> None:
        self.news.tell({"kind": "works", "works": [work.model_dump() for work in self.works]})

    def _opened(self) -> Desk:
        if self._desk is None:
            self._desk = Desk(self.product, self.sessions.store, self.reasoner, self._isolation)
        return self._desk

    def _warm(self) -> None:
        with suppress(SandboxError, ProductError):
            self._opened()
            self.product.warm_up()

    def _clear(self) -> None:
        if self._desk is not None:
            self._desk.close()
        self._desk = None
