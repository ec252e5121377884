"""One trial: the rules of one rulebook on a chunk of sealed scenes, in as many children as it takes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final

from ..schema import SandboxError
from .links import LostError
from .outcome import Check, Limits, Outcome, OutcomeStatus, clipped
from .processes import Book, Child, CompileLostError, LineTooLongError, TooMuchMemoryError
from .sealing import Sealed
from .wire import BadOutputError, read_outcome

_ROOM: Final = 8_000
"""Bytes of a line beside the expectations in it."""
_DEATH_SECONDS: Final = 0.5
"""For a process that has closed its socket to be dead."""

Lend = Callable[[tuple[str, ...]], AbstractContextManager[Book]]
"""Lends a book of these rules, and closes it when an error ends its use."""


class Trial:
    """Every check on every scene has exactly one Outcome in the end, whatever happens to the processes."""

    def __init__(
        self, lend: Lend, checks: Sequence[Check], scenes: Sequence[Sealed], limits: Limits, seconds: float
    ) -> None:
        """`seconds` is what the wall clock grants to one rule."""
        self._lend = lend
        self._checks = checks
        self._scenes = scenes
        self._limits = limits
        self._seconds = seconds
        self._made: list[Outcome] = []
        """All checks on the first scene, in order, then on the second, ..."""
        self._runs = len(checks) * len(scenes)

    def judge(self) -> list[list[Outcome]]:
        """One list a scene, with one Outcome a check. What is lost with a process is tried once more."""
        lost_at = -1
        while len(self._made) < self._runs:
            try:
                with self._lend(tuple(check.code for check in self._checks)) as book:
                    while len(self._made) < self._runs:
                        self._go_on(book)
            except (SandboxError, OSError) as error:
                self._give_up(str(error))
            except LostError as error:
                if lost_at == len(self._made):
                    self._lost_again(error)
                else:
                    lost_at = len(self._made)
        rules = len(self._checks)
        return [self._made[rules * scene : rules * (scene + 1)] for scene in range(len(self._scenes))]

    def _next(self) -> tuple[int, int]:
        """Which scene and which check have no outcome yet."""
        return divmod(len(self._made), len(self._checks))

    def _go_on(self, book: Book) -> None:
        """Run what has no outcome yet in one child, up to the first run that ends the child."""
        self._refuse(book)
        if len(self._made) == self._runs:
            return
        scene, place = self._next()
        descriptors = [sealed.descriptor for sealed in self._scenes[scene:]]
        skip = place - sum(refused < place for refused in book.refusals)
        with book.child(descriptors, skip) as child:
            child.wait_until_ready()
            first = True
            while len(self._made) < self._runs:
                outcome, goes_on = self._one(child)
                if outcome.status == "out_of_memory" and not first:
                    return  # what ran before may have left too little: once more in a child of its own
                self._made.append(outcome)
                if not goes_on:
                    return
                first = False
                self._refuse(book)

    def _refuse(self, book: Book) -> None:
        """Answer for the rules that are refused, up to the next that is not."""
        while len(self._made) < self._runs:
            _, place = self._next()
            refusal = book.refusals.get(place)
            if refusal is None:
                return
            self._made.append(_ended(self._checks[place], "refused", str(refusal), refusal.line))

    def _one(self, child: Child) -> tuple[Outcome, bool]:
        """The outcome of the next run, and whether its child can do the one after."""
        scene, place = self._next()
        check, limits = self._checks[place], self._limits
        began = time.monotonic()
        try:
            line = child.line(self._seconds, limits.output_bytes + _ROOM)
            outcome = read_outcome(line, place, self._scenes[scene].parts)
        except TimeoutError:
            outcome = _ended(check, "timeout", limits.too_long)
        except TooMuchMemoryError:
            outcome = _ended(check, "out_of_memory", limits.too_large)
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

    def _give_up(self, why: str) -> None:
        while len(self._made) < self._runs:
            self._made.append(unavailable(self._checks[self._next()[1]], why))

    def _lost_again(self, error: LostError) -> None:
        """Answer for a run whose process was lost twice."""
        scene, place = self._next()
        if not isinstance(error, CompileLostError):
            self._made.append(unavailable(self._checks[place], f"the sandbox failed twice: {error}"))
        elif len(self._checks) == 1:
            why = "the text of the rule cannot be compiled"
            self._made += [_ended(self._checks[0], "crash", why) for _ in self._scenes[scene:]]
        else:  # one text ends the process for all: find it by giving each rule a book of its own
            left = self._scenes[scene:]
            alone = [
                Trial(self._lend, [check], left, self._limits, self._seconds).judge()
                for check in self._checks
            ]
            answers = [of_check[at][0] for at in range(len(left)) for of_check in alone]
            self._made += answers[place:]


def unavailable(check: Check, why: str) -> Outcome:
    """The outcome of a rule that the sandbox did not run."""
    return _ended(check, "sandbox_unavailable", why)


def _ended(check: Check, status: OutcomeStatus, message: str, line: int | None = None) -> Outcome:
    return Outcome(number=check.number, status=status, message=clipped(message), line=line or None)


def _death(check: Check, status: int | None, limits: Limits) -> Outcome:
    """The outcome of a rule whose process closed its socket, and ended with that status if it did."""
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
