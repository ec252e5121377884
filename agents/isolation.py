"""The jail that the rules of a product run in, and what it must hold at least."""

from __future__ import annotations

import logging
import os
from functools import cache
from typing import Final

from ..sandbox import Jail, make_jail
from ..schema import Grade, IsolationError, SandboxError

VARIABLE: Final = "LOGISIGHT_ISOLATION"
"""Of the environment: the grade that is asked for where a caller asks for none."""
_LOG: Final = logging.getLogger(__name__)


def open_jail(asked: Grade | None = None) -> Jail:
    """A jail that holds rules at least as well as is asked for; every rule counts as written by a machine.

    Where neither the caller nor LOGISIGHT_ISOLATION asks for a grade, it is the best that this machine can
    give, but never an unsafe one; what is missing is said once, as a warning in the log. Who asks for
    `degraded` or `unsafe` by name is not told again.

    Raises:
        IsolationError: This machine gives less; the message says what is missing and why.
        SandboxError: The jail does not start, or a variable names no grade or no backend.
    """
    asked = asked or _from_environment()
    jail = make_jail()
    try:
        isolation = jail.isolation
        if not isolation.grade.reaches(asked or Grade.degraded):
            raise IsolationError(
                f"rules run only where the sandbox is at least {asked or Grade.degraded}, and here it is "
                f"{isolation}; see `logisight doctor`, or ask for less with --isolation or {VARIABLE}"
            )
    except BaseException:
        jail.close()
        raise
    if asked is None and isolation.grade is not Grade.full:
        _warn(f"the sandbox is {isolation}; see `logisight doctor`")
    return jail


@cache
def _warn(line: str) -> None:
    """Say it once, however many jails there are."""
    _LOG.warning(line)


def _from_environment() -> Grade | None:
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return None
    if wanted not in list(Grade):
        raise SandboxError(f"{VARIABLE} is {wanted!r}, which is no grade; there are: {', '.join(Grade)}")
    return Grade(wanted)
