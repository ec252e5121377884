"""What models with random weights are asked, and whether their garbage has the right form."""

from __future__ import annotations

import json
from typing import Any

from logisight.agents.author import ATTEMPTS

CLOSED = {
    "type": "object",
    "properties": {
        "normal": {"type": "boolean"},
        "kind": {"enum": ["quantity", "size", "position", "matching"]},
        "pins": {"type": "integer", "minimum": 0, "maximum": 9},
    },
    "required": ["normal", "kind", "pins"],
    "additionalProperties": False,
}
"""Nothing in it can grow, so that even garbage comes to an end."""
JUDGE = {"type": "function", "function": {"name": "judge", "parameters": CLOSED}}
"""A tool."""
SENTENCE = "There is exactly one pushpin in each compartment."
LONG = 16_000
"""Tokens that take many seconds to write."""


def fits(text: str) -> bool:
    """Whether a text is JSON as CLOSED wants it."""
    answer = json.loads(text)
    return (
        list(answer) == ["normal", "kind", "pins"]
        and isinstance(answer["normal"], bool)
        and answer["kind"] in CLOSED["properties"]["kind"]["enum"]
        and 0 <= answer["pins"] <= 9
    )


def is_refused_in_words(authored: dict[str, Any]) -> bool:
    """Whether authoring ended without a rule and said why.

    What a random model writes is most often cut off, but in the right form it may also decline, or be code
    that is turned down. Which it is depends on its tokens, which come from the words of this repository.
    """
    return not authored["rule"] and bool(authored["refusal"] or len(authored["evidence"]) >= ATTEMPTS)
