"""Which Jail runs the rules: `process` unless LOGISIGHT_SANDBOX names another."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

from ..schema import SandboxError
from .jail import Jail, ProcessJail
from .monty import MontyJail
from .outcome import Limits

VARIABLE: Final = "LOGISIGHT_SANDBOX"
"""Of the environment: the backend where a caller names none."""
BACKENDS: Final[Mapping[str, Callable[[Limits], Jail]]] = {"process": ProcessJail, "monty": MontyJail}


def make_jail(name: str | None = None, limits: Limits = Limits()) -> Jail:  # noqa: B008  (frozen)
    """A jail of that backend; it starts with its first run. None: of LOGISIGHT_SANDBOX, else `process`.

    Raises:
        SandboxError: There is no such backend.
    """
    name = name or os.environ.get(VARIABLE) or "process"
    if name not in BACKENDS:
        raise SandboxError(f"there is no sandbox {name!r} ({VARIABLE}); there are: {', '.join(BACKENDS)}")
    return BACKENDS[name](limits)
