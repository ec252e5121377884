"""Who judges: what rule code may say, see and do."""

from __future__ import annotations

from .gate import inspect_code
from .jail import Jail, ProcessJail
from .language import language_text
from .outcome import Check, Diagnostic, Expectation, Limits, Outcome, OutcomeStatus

__all__ = [
    "Check",
    "Diagnostic",
    "Expectation",
    "Jail",
    "Limits",
    "Outcome",
    "OutcomeStatus",
    "ProcessJail",
    "inspect_code",
    "language_text",
]
