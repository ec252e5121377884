"""The jail: runs rules that nobody trusts, and answers each with exactly one typed Outcome."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from types import TracebackType
from typing import Final, Protocol, Self

from ..scene import Scene
from ..schema import Grade
from .layers import ALL_LAYERS, Isolation, Layer, checked
from .links import MOST_DESCRIPTORS, LostError
from .outcome import Check, Limits, Outcome
from .processes import Book, CompileLostError, Launcher
from .sealing import Sealed, SealedScenes
from .trial import Trial, unavailable

MAX_BOOKS: Final = 4
"""Rulebooks that stay compiled, where a run could use one of each; the one that was not used for longest goes
first."""
CHUNK: Final = 32
"""Scenes that share a child in `run_many`."""
_NO_CLOCK_SECONDS: Final = 600.0
"""For an answer where the wall clock is left out."""


class Jail(Protocol):
    """Something that runs rules on a scene and never lets a rule do more than answer."""

    def run(self, checks: Sequence[Check], scene: Scene) -> list[Outcome]:
        """One Outcome a check, in the order of the checks. Whatever rule code does, this does not raise."""

    def run_many(
        self, checks: Sequence[Check], scenes: Iterable[Scene], chunk: int = CHUNK
    ) -> list[list[Outcome]]:
        """As `run` on each scene, in order, for throughput: up to `chunk` scenes share a process."""

    @property
    def isolation(self) -> Isolation:
        """How well rules are held here, and what is missing and why.

        Raises:
            SandboxError: It does not start, or cannot be tried.
        """

    def close(self) -> None:
        """Give everything back; safe to call twice."""


class ProcessJail:
    """A Jail of separate processes (Linux): a launcher, books that each hold one rulebook, children.

    The launcher starts with the first run. Threads may share a jail: as many runs as this machine has cores
    go on at a time, each with a book of its own, and the others wait for their turn, so that the wall clock
    of a rule is not spent on waiting for a core. Under asyncio, `await asyncio.to_thread(jail.run, checks,
    scene)`; a run that is cancelled there still ends within its limits. A process that was forked from this
    one starts a launcher of its own.
    """

    def __init__(
        self,
        limits: Limits = Limits(),  # noqa: B008  (frozen)
        layers: frozenset[Layer] = ALL_LAYERS,
    ) -> None:
        """Fewer layers than all are for the doctor and for tests, to try the others alone.

        Raises:
            ValueError: A layer is left out that no jail can do without.
        """
        self._limits = limits
        self._layers = checked(layers)
        self._seconds = limits.seconds if Layer.clock in layers else _NO_CLOCK_SECONDS
        self._begin()
        _JAILS.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def run(self, checks: Sequence[Check], scene: Scene) -> list[Outcome]:
        """One Outcome a check, in the order of the checks. Whatever rule code does, this does not raise."""
        return self.run_many(checks, [scene], 1)[0]

    def run_many(
        self, checks: Sequence[Check], scenes: Iterable[Scene], chunk: int = CHUNK
    ) -> list[list[Outcome]]:
        """As `run` on each scene, in order, for throughput: up to `chunk` scenes share a process.

        Code that has broken out of the rule language is held by the same layers as ever, but it could see
        the other scenes of its chunk, and forge what the rules after it say of them. So this is for rules
        that are proven, or for scenes of one product that nobody minds to share.

        Raises:
            ValueError: `chunk` is not from 1 to 64.
        """
        if not 1 <= chunk <= MOST_DESCRIPTORS:
            raise ValueError(f"a chunk holds 1 to {MOST_DESCRIPTORS} scenes, not {chunk}")
        checks, left = list(checks), iter(scenes)
        outcomes: list[list[Outcome]] = []
        while some := list(islice(left, chunk)):
            if sys.platform == "linux":
                outcomes += self._judge(checks, some)
            else:
                why = f"the sandbox needs Linux, this is {sys.platform}; no rule was judged"
                outcomes += [[unavailable(check, why) for check in checks] for _ in some]
        return outcomes

    @property
    def isolation(self) -> Isolation:
        """How well rules are held on this machine; starts the launcher, and tries the layers once in each.

        Raises:
            SandboxError: It does not start, or cannot be tried.
        """
        if sys.platform != "linux":
            return Isolation(Grade.unsafe, reason=f"the sandbox needs Linux, this is {sys.platform}")
        with self._lock:
            return self._running_launcher().isolation

    def close(self) -> None:
        """Let the runs of other threads end, then end all processes; the next run starts them again."""
        with ExitStack() as all_turns:
            if threading.get_ident() not in self._running:  # it is where a handler of signals calls this
                all_turns.enter_context(self._closing)
                for _ in range(self._cores):
                    all_turns.enter_context(self._turns)
            self._stop(self._launcher)
            self._scenes.clear()

    def _begin(self) -> None:
        self._cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
        self._turns = threading.Semaphore(self._cores)
        self._running: set[int] = set()
        """Threads that have a turn."""
        self._closing = threading.Lock()
        self._lock = threading.RLock()
        """Held to change what stands below, never while something runs."""
        self._launcher: Launcher | None = None
        self._idle: list[Book] = []
        """In the order of their last use."""
        self._lent: set[Book] = set()
        self._scenes = SealedScenes(seal=Layer.sealed_memory in self._layers)

    def _forget(self) -> None:
        """In a process that was just forked: leave all processes to the one that they belong to."""
        for book in [*self._idle, *self._lent]:
            book.forget()
        if self._launcher:
            self._launcher.close()
        self._begin()

    def _judge(self, checks: Sequence[Check], scenes: Sequence[Scene]) -> list[list[Outcome]]:
        """One list a scene, with one Outcome a check."""
        with self._turns:
            self._running.add(threading.get_ident())
            try:
                held = [self._sealed(scene) for scene in scenes]
                sealed = [one for one in held if isinstance(one, Sealed)]
                judged = iter(Trial(self._lend, checks, sealed, self._limits, self._seconds).judge())
                return [
                    next(judged) if isinstance(one, Sealed) else [unavailable(check, one) for check in checks]
                    for one in held
                ]
            finally:
                self._running.discard(threading.get_ident())

    def _sealed(self, scene: Scene) -> Sealed | str:
        """The scene in sealed memory, or why it cannot be there."""
        try:
            return self._scenes.get(scene)
        except (OSError, MemoryError) as error:
            return f"the sandbox cannot hold the scene: {error or 'out of memory'}"

    @contextmanager
    def _lend(self, codes: tuple[str, ...]) -> Iterator[Book]:
        """A book of these rules for one run; an error that ends the run ends the book."""
        book = self._book(codes)
        try:
            yield book
        except BaseException:
            with self._lock:
                self._lent.discard(book)
            book.close()
            raise
        with self._lock:
            self._lent.discard(book)
            self._idle.append(book)
            if book.launcher is not self._launcher:
                self._idle.pop().close()
            elif len(self._idle) > max(MAX_BOOKS, self._cores):
                self._idle.pop(0).close()

    def _book(self, codes: tuple[str, ...]) -> Book:
        """A book of these rules that nobody uses, started when there is none."""
        with self._lock:
            launcher = self._running_launcher()
            for book in reversed(self._idle):
                if book.codes == codes:
                    self._idle.remove(book)
                    self._lent.add(book)
                    return book
        try:
            book = Book(launcher, codes, self._limits)
        except CompileLostError:
            raise
        except LostError:
            self._stop(launcher)
            raise
        with self._lock:
            self._lent.add(book)
        return book

    def _running_launcher(self) -> Launcher:
        """The launcher, started where there is none that lives; for who holds the lock."""
        if self._launcher and not self._launcher.alive:
            self._stop(self._launcher)
        self._launcher = self._launcher or Launcher(self._layers)
        return self._launcher

    def _stop(self, launcher: Launcher | None) -> None:
        """End this launcher and what it started, if nobody has yet."""
        with self._lock:
            if launcher is None or launcher is not self._launcher:
                return
            self._launcher = None
            while self._idle:
                self._idle.pop().close()
        launcher.close()


def _forget_all() -> None:
    for jail in list(_JAILS):
        jail._forget()


_JAILS: Final[weakref.WeakSet[ProcessJail]] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
