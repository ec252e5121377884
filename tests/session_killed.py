"""A talk in a process of its own that is killed, without notice, at one of its steps.

It does what it is told to and goes on where an earlier process was killed; the test compares the outcome.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

TALK: tuple[str, ...] = (
    "",  # with the pictures
    "how many pushpins are in the left half of picture 1?",
    "add rule: There are exactly 15 pushpins.",
    "retire rule 3",
    "change rule 2 to: All pushpins are yellow.",
)


def fast_processes() -> Any:
    """Processes that begin with what they need imported, and with nothing else of this one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["logisight.agents.session.session", "logisight.agents.workshop"])
    return context


def in_a_process(work: Callable[..., None], *arguments: object) -> int:
    """Run a function in a fresh process; returns its exit code, negative for a signal."""
    process = fast_processes().Process(target=work, args=arguments)
    process.start()
    process.join(120)
    return process.exitcode if process.exitcode is not None else 0


def talk(
    folder: Path,
    session: str,
    pictures: list[Path],
    last: int,
    die_at: int,
    at_files: bool = False,
    asked_only: int = -1,
) -> None:
    """Say the lines of TALK up to `last`, going on where it was cut off; be killed at step `die_at`, from 1.

    It stops at the question that line `asked_only` leads to. Steps are nodes and tools, or with `at_files`
    what comes just before and after a file is put in place or deleted.
    """
    from logisight.agents.product import open_product
    from logisight.agents.session.desk import Desk
    from logisight.agents.session.graph import Decision
    from logisight.agents.session.session import Session, Sessions

    seen = 0

    def step(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    if at_files:
        for name in ("replace", "unlink"):
            setattr(Path, name, counted(getattr(Path, name), step))
    product = open_product(folder)
    with Sessions(product) as sessions, Desk(product, sessions.store) as desk:
        one = Session(sessions, session, desk, on_step=(lambda _: None) if at_files else step)
        while True:
            said = len(sessions.turns(session))
            if one.waiting and said == asked_only:
                return
            if one.waiting:
                one.decide(Decision(yes=True))
            elif one.unfinished:
                one.go_on()
            elif said <= last:
                one.say(TALK[said], pictures if said == 0 else ())
            else:
                return


def counted(work: Callable[..., Any], step: Callable[[str], None]) -> Callable[..., Any]:
    """A function with a step before and after it."""

    def made(*arguments: Any, **options: Any) -> Any:
        step("before")
        end = work(*arguments, **options)
        step("after")
        return end

    return made
