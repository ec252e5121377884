"""The LogiCode prompt: a sentence to a check, and a failed check to a better one (after arXiv 2406.04687)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from .templates import templates


def author_messages(
    language: str, request: Mapping[str, Any], code: str = "", evidence: Sequence[str] = ()
) -> list[BaseMessage]:
    """What an author is asked: the language, the request, and what was wrong with the code it wrote before.

    The request also travels as data on the last message, for authors that are no language models.
    """
    asked = {"request": dict(request), "evidence": list(evidence)}
    system = templates().get_template("author_system.j2").render(language=language)
    human = templates().get_template("author_human.j2").render(code=code, **asked)
    return [SystemMessage(system), HumanMessage(human, additional_kwargs=asked)]
