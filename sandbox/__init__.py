"""Who judges: what rule code may say, see and do."""

from __future__ import annotations

from .backends import make_jail
from .gate import inspect_code
from .jail import Jail, ProcessJail
from .language import language_text
from .layers import Isolation
from .monty import MontyJail
from .outcome import Check, Diagnostic, Expectation, Limits, Outcome, OutcomeStatus

__all__ = [
    "Check",
    "Diagnostic",
    "Expectation",
    "Isolation",
    "Jail",
    "Limits",
    "MontyJail",
    "Outcome",
    "OutcomeStatus",
    "ProcessJail",
    "inspect_code",
    "language_text",
    "make_jail",
]
