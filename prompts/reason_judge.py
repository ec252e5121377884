"""The question whether reasons that were told say the same as annotated ones."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from .templates import templates


def judge_messages(told: Sequence[str], annotated: Sequence[str]) -> list[BaseMessage]:
    """What a judge of reasons is asked.

    The answer is to be one JSON list with `{"reason": NUMBER, "same": BOOLEAN}` for each reason told, the
    first one being number 1.
    """
    numbered = dict(enumerate(told, start=1))
    system = templates().get_template("reason_judge_system.j2").render()
    human = templates().get_template("reason_judge_human.j2").render(told=numbered, annotated=list(annotated))
    return [SystemMessage(system), HumanMessage(human)]
