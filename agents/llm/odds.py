"""How sure a model was of the word that it chose: the odds that it gave to the words it could have chosen."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from langchain_core.messages import BaseMessage
from pydantic import TypeAdapter, ValidationError

from ...schema import Record

ALTERNATIVES: Final = 20
"""Words that a model is asked to tell the odds of at each place; endpoints tell no more."""

WITH_ODDS: Final[Mapping[str, Any]] = {"logprobs": True, "top_logprobs": ALTERNATIVES}
"""What to invoke a chat model with, so that it tells the odds of its words, where it can."""


class _Token(Record, extra="ignore"):
    token: str
    logprob: float
    top_logprobs: list[_Token] = []


_TOLD: Final[TypeAdapter[list[_Token]]] = TypeAdapter(list[_Token])


def odds_of(message: BaseMessage, field: str, words: Sequence[str]) -> dict[str, float] | None:
    """The probability of each word as the value of a text field of the JSON in an answer; they add up to 1.

    They are read where the model chose between the words: at the first piece of the value that can begin one.
    None where the model tells no odds, or gives none to any of the words.
    """
    told = message.response_metadata.get("logprobs")
    try:
        tokens = _TOLD.validate_python(told["content"] if isinstance(told, Mapping) else None)
    except (KeyError, ValidationError):
        return None
    opening = json.dumps(field) + ":"
    before = ""
    for token in tokens:
        if before.replace(" ", "").replace("\n", "").endswith((opening, opening + '"')):
            shares = _shares(token, words)
            if shares:
                return shares
        before += token.token
    return None


def _shares(token: _Token, words: Sequence[str]) -> dict[str, float] | None:
    """What each word has of the odds at one place; None where no piece there begins a word."""
    pieces = {one.token: one.logprob for one in [token, *token.top_logprobs]}
    weights = dict.fromkeys(words, 0.0)
    for piece, logprob in pieces.items():
        begun = piece.strip().removeprefix('"')
        fitting = [word for word in words if begun and (word.startswith(begun) or begun.startswith(word))]
        if len(fitting) == 1:
            weights[fitting[0]] += math.exp(min(logprob, 0.0))
    total = sum(weights.values())
    return {word: weight / total for word, weight in weights.items()} if total > 0 else None
