"""The LogiCode prompt: a sentence to a check, and a failed check to a better one (after arXiv 2406.04687)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from .templates import templates

_EXAMPLE: Final = "Each blister holds exactly two tablets of the usual length."
"""What the check in `author_example.j2` says."""


def author_messages(
    language: str, request: Mapping[str, Any], code: str = "", evidence: Sequence[str] = ()
) -> list[BaseMessage]:
    """What an author is asked: the language, the request, and what was wrong with the code it wrote before.

    The request also travels as data on the last message, for authors that are no language models.
    """
    asked = {"request": dict(request), "evidence": list(evidence)}
    told = {name: value for name, value in request.items() if value}
    example = {"sentence": _EXAMPLE, "answer": _example_answer()}
    system = templates().get_template("author_system.j2").render(language=language, example=example)
    human = templates().get_template("author_human.j2").render(request=told, code=code, evidence=evidence)
    return [SystemMessage(system), HumanMessage(human, additional_kwargs=asked)]


def _example_answer() -> str:
    """A whole answer, in the form that is asked for."""
    answer = {
        "code": templates().get_template("author_example.j2").render(),
        "kind": "quantity",
        "breaks": ["removed", "doubled", "resized"],
        "labels": ["tablet"],
    }
    return json.dumps(answer)
