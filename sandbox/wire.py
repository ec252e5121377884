"""How scenes, rules and outcomes travel between the processes of the jail: sealed memory and strict JSON."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterable
from typing import Any, Final

from pydantic import ValidationError

from .outcome import Outcome, OutcomeStatus

_FROM_A_RULE: Final[frozenset[OutcomeStatus]] = frozenset(
    {"ok", "undecided", "rule_error", "out_of_memory", "output_too_large", "bad_output"}
)
"""The endings that a rule process may claim for itself; the others are for its parents to say."""


class BadOutputError(ValueError):
    """Bytes from a rule process that are not the outcome they should be."""


def sealed(pieces: Iterable[bytes | memoryview], name: str, *, seal: bool = True) -> int:
    """A descriptor of anonymous memory that holds the pieces and, sealed, that nobody can change any more."""
    import fcntl  # here, so that this module can be imported where there is no such thing

    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as memory:
            memory.writelines(pieces)
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
        if seal:
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def mapped(descriptor: int) -> mmap.mmap:
    """Sealed memory, mapped read-only. Private, as kernels before 6.7 refuse to share sealed memory."""
    return mmap.mmap(descriptor, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)


def read_outcome(line: bytes, place: int, parts: int) -> Outcome:
    """The outcome of the rule at `place`, from a line that hostile code may have written.

    `parts` is how many parts the scene has; an outcome cannot point past them.

    Raises:
        BadOutputError: The line is anything else.
    """
    try:
        outcome = Outcome.model_validate(_strict_json(line))
    except (ValueError, RecursionError) as error:
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise BadOutputError(what) from None
    if outcome.number != place or outcome.status not in _FROM_A_RULE:
        raise BadOutputError("it claims what it may not")
    if (outcome.status == "ok") != bool(outcome.expectations):
        raise BadOutputError("it does not say what it expects")
    if any(isinstance(part, int) and part >= parts for made in outcome.expectations for part in made.parts):
        raise BadOutputError("it points at a part that is not there")
    return outcome


def _strict_json(line: bytes) -> Any:
    return json.loads(line, object_pairs_hook=_unique, parse_constant=_no_constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
