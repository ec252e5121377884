"""The question what good products have in common, put to a language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from .templates import templates


def discover_messages(
    facts: Mapping[str, Any], forms: Sequence[str], most: int, pictures: Sequence[str] = ()
) -> list[BaseMessage]:
    """What a model is asked: facts about good products, sentences as examples, and how many it may propose.

    `pictures` are data URIs of good products, for a model that sees.
    """
    system = templates().get_template("discover_system.j2").render(forms=list(forms), most=most)
    human = templates().get_template("discover_human.j2").render(facts=dict(facts), images=len(pictures))
    if not pictures:
        return [SystemMessage(system), HumanMessage(human)]
    images = [{"type": "image_url", "image_url": {"url": uri}} for uri in pictures]
    return [SystemMessage(system), HumanMessage([{"type": "text", "text": human}, *images])]
