"""The jail: runs rules that nobody trusts, and answers each with exactly one typed Outcome."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Protocol, Self

from ..scene import Scene
from ..schema import SandboxError
from .outcome import Check, Limits, Outcome, OutcomeStatus, clipped
from .processes import Book, Child, CompileLostError, Launcher, LineTooLongError, LostError
from .wire import BadOutputError, read_outcome, seal_scene

MAX_BOOKS: Final = 4
"""Rulebooks that stay compiled; the one that was not used for longest goes first."""
_ROOM: Final = 8_000
"""Bytes of a line beside the expectations in it."""
_DEATH_SECONDS: Final = 0.5
"""For a process that has closed its pipe to be dead."""


class Jail(Protocol):
    """Something that runs rules on a scene and never lets a rule do more than answer."""

    def run(self, checks: Sequence[Check], scene: Scene) -> list[Outcome]:
        """One Outcome a check, in the order of the checks. Whatever rule code does, this does not raise."""

    def close(self) -> None:
        """Give everything back; safe to call twice."""


class ProcessJail:
    """A Jail of separate processes (Linux): launcher, one book a rulebook, a fresh child a scene.

    The launcher starts with the first run. Threads may share a jail; their runs then take turns. A process
    that was forked from this one starts a launcher of its own.
    """

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008  (frozen)
        self._limits = limits
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def run(self, checks: Sequence[Check], scene: Scene) -> list[Outcome]:
        """One Outcome a check, in the order of the checks. Whatever rule code does, this does not raise."""
        if sys.platform != "linux":
            why = f"the sandbox needs Linux, this is {sys.platform}; no rule was judged"
            return [_unavailable(check, why) for check in checks]
        if self._process != os.getpid():
            self._begin()
        with self._lock:
            try:
                return self._run(list(checks), scene)
            except BaseException:  # such as Ctrl-C: the processes may be anywhere in their work
                self._stop()
                raise

    def close(self) -> None:
        """End all processes; the next run starts them again."""
        if self._process == os.getpid():
            with self._lock:
                self._stop()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._launcher: Launcher | None = None
        self._books: OrderedDict[tuple[str, ...], Book] = OrderedDict()

    def _stop(self) -> None:
        while self._books:
            self._books.popitem()[1].close()
        if self._launcher is not None:
            self._launcher.close()
            self._launcher = None

    def _book(self, codes: tuple[str, ...]) -> Book:
        """The process that has compiled these rules, started when there is none."""
        if self._launcher is not None and not self._launcher.alive:
            self._stop()
        if self._launcher is None:
            self._launcher = Launcher()
        if codes not in self._books:
            self._books[codes] = Book(self._launcher, codes, self._limits)
            if len(self._books) > MAX_BOOKS:
                self._books.popitem(last=False)[1].close()
        self._books.move_to_end(codes)
        return self._books[codes]

    def _run(self, checks: list[Check], scene: Scene) -> list[Outcome]:
        try:
            sealed = seal_scene(scene)
        except OSError as error:
            return [_unavailable(check, f"the sandbox cannot hold the scene: {error}") for check in checks]
        try:
            return self._answer(checks, sealed, len(scene.all_parts))
        finally:
            os.close(sealed)

    def _answer(self, checks: list[Check], scene: int, parts: int) -> list[Outcome]:
        """Run all checks, in as many children as it takes; what is lost with a process is tried once more."""
        outcomes: list[Outcome] = []
        lost_at = -1
        while len(outcomes) < len(checks):
            try:
                book = self._book(tuple(check.code for check in checks))
                self._go_on(book, checks, scene, parts, outcomes)
            except (SandboxError, OSError) as error:
                self._stop()
                return outcomes + [_unavailable(check, str(error)) for check in checks[len(outcomes) :]]
            except LostError as error:
                self._stop()
                place = len(outcomes)
                if lost_at != place:
                    lost_at = place
                elif not isinstance(error, CompileLostError):
                    outcomes.append(_unavailable(checks[place], f"the sandbox failed twice: {error}"))
                elif len(checks) == 1:
                    outcomes.append(_ended(checks[place], "crash", "the text of the rule cannot be compiled"))
                else:  # one text ends the process for all: find it by giving each rule a book of its own
                    alone = (self._answer([check], scene, parts) for check in checks[place:])
                    return outcomes + [outcome for answer in alone for outcome in answer]
        return outcomes

    def _go_on(
        self, book: Book, checks: list[Check], scene: int, parts: int, outcomes: list[Outcome]
    ) -> None:
        """Run the checks that have no outcome yet in one child, up to the first that ends the child."""
        runnable = [place for place in range(len(outcomes), len(checks)) if place not in book.refusals]
        with book.child(runnable, scene) as child:
            child.wait_until_ready()
            for place in range(len(outcomes), len(checks)):
                check = checks[place]
                if refusal := book.refusals.get(place):
                    outcomes.append(_ended(check, "refused", str(refusal), refusal.line))
                    continue
                outcome, goes_on = self._one(child, check, place, parts)
                outcomes.append(outcome)
                if not goes_on:
                    return

    def _one(self, child: Child, check: Check, place: int, parts: int) -> tuple[Outcome, bool]:
        """The outcome of one check, and whether its child can run the next."""
        limits = self._limits
        began = time.monotonic()
        try:
            line = child.line(limits.seconds, limits.output_bytes + _ROOM)
            outcome = read_outcome(line, place, parts)
        except TimeoutError:
            outcome = _ended(check, "timeout", limits.too_long)
        except LineTooLongError:
            outcome = _ended(check, "output_too_large", limits.too_much)
        except BadOutputError as error:
            outcome = _ended(check, "bad_output", f"rule answered nonsense: {error}")
        except EOFError:
            outcome = _death(check, child.end(_DEATH_SECONDS), limits)
        else:
            seconds = time.monotonic() - began
            fresh = outcome.model_copy(update={"number": check.number, "seconds": seconds})
            return fresh, outcome.status != "out_of_memory"
        return outcome.model_copy(update={"seconds": time.monotonic() - began}), False


def _ended(check: Check, status: OutcomeStatus, message: str, line: int | None = None) -> Outcome:
    return Outcome(number=check.number, status=status, message=clipped(message), line=line or None)


def _unavailable(check: Check, why: str) -> Outcome:
    return _ended(check, "sandbox_unavailable", why)


def _death(check: Check, status: int | None, limits: Limits) -> Outcome:
    """The outcome of a rule whose process closed its pipe, and ended with that status if it did."""
    if status is None:
        return _ended(check, "crash", "the process that ran the rule fell silent and was stopped")
    if not os.WIFSIGNALED(status):
        return _ended(check, "crash", "the process that ran the rule ended before the rule did")
    number = os.WTERMSIG(status)
    if number == signal.SIGXCPU:
        return _ended(check, "timeout", limits.too_long)
    if number == signal.SIGSYS:
        return _ended(check, "killed_by_policy", "rule tried what no rule may do and was stopped")
    if number == signal.SIGKILL:
        return _ended(check, "crash", "the process that ran the rule was killed, perhaps for want of memory")
    name = signal.strsignal(number) or f"signal {number}"
    return _ended(check, "crash", f"the process that ran the rule died ({name})")
