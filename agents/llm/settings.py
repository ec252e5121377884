"""What the environment and a model's name say about how a chat model is asked."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Final
from urllib.parse import parse_qsl

from ...schema import ModelError
from .answers import in_one_line

URL_VARIABLE: Final = "LOGISIGHT_LLM_URL"
"""Of the environment: where the endpoint is."""
KEY_VARIABLE: Final = "LOGISIGHT_LLM_KEY"
CONCURRENCY_VARIABLE: Final = "LOGISIGHT_LLM_CONCURRENCY"
"""Questions that are with the endpoint at once."""
TIMEOUT_VARIABLE: Final = "LOGISIGHT_LLM_TIMEOUT"
"""Of the environment: seconds that one try of a question may take."""
MAX_TOKENS_VARIABLE: Final = "LOGISIGHT_LLM_MAX_TOKENS"
"""That one answer may have."""
TIMEOUT: Final = 300.0
"""Seconds."""
MAX_TOKENS: Final = 4096


def above_zero(variable: str, default: float) -> float:
    """The number that a variable of the environment holds, or the default where it is not set.

    Raises:
        ModelError: It is no number, or not above 0.
    """
    given = os.environ.get(variable)
    if not given:
        return default
    try:
        number = float(given)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise ModelError(f"{variable} must be a number above 0, and is {in_one_line(given, 40)!r}")
    return number


def timeout() -> float:
    """Seconds that one try of a question may take.

    Raises:
        ModelError: The variable cannot be used.
    """
    return above_zero(TIMEOUT_VARIABLE, TIMEOUT)


def max_tokens() -> int:
    """Tokens that one answer may have.

    Raises:
        ModelError: The variable cannot be used.
    """
    return max(1, int(above_zero(MAX_TOKENS_VARIABLE, MAX_TOKENS)))


def split_options(name: str, known: Collection[str]) -> tuple[str, dict[str, str]]:
    """The model and the options in `KIND:MODEL?option=value&option=value`.

    Raises:
        ModelError: There is no model, or an option is unknown, empty or given twice.

    Examples:
        >>> split_options("local:models/qwen?quant=4bit", known=["quant"])
        ('models/qwen', {'quant': '4bit'})
    """
    model, _, query = name.partition(":")[2].partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    shown = in_one_line(name)
    if not model.strip():
        raise ModelError(f"{shown} names no model; before ? stands a folder, or a name as the hub has it")
    for option, value in pairs:
        if option not in known or not value.strip():
            raise ModelError(
                f"{shown}: {in_one_line(f'{option}={value}', 60)} cannot be used; after ? may stand: "
                f"{', '.join(f'{one}=...' for one in known)}"
            )
    if len(options) < len(pairs):
        raise ModelError(f"{shown} gives an option twice")
    return model.strip(), options
