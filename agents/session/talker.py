"""Who talks in a session where there is no model: it reads requests and says what the tools answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from ..llm.answers import in_one_line
from ..reasoner import OFFLINE
from .requests import reader_of

NEW_PICTURES = "new_pictures"
"""In `additional_kwargs` of what a person says: the numbers of the pictures that came with it."""
ASKED = "asked"
"""There too: what the person said, and nothing else."""


_REPEATED = 120
"""Characters of what was not understood that are said again."""


class Talker(BaseChatModel, ABC):
    """Who talks in a session and is no model: it calls the tools of sessions by what was said."""

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The same: it knows the tools of sessions."""
        return self.bind()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.said(messages))])

    @abstractmethod
    def said(self, messages: Sequence[BaseMessage]) -> AIMessage:
        """The answer to what was said, or the tools to call for it."""


class OfflineTalker(Talker):
    """Controlled English to calls of tools, see `requests`; it never guesses."""

    labels: list[str]
    """Of the product."""

    @property
    def _llm_type(self) -> str:
        return OFFLINE

    def said(self, messages: Sequence[BaseMessage]) -> AIMessage:
        """What the tools answered; before that, the calls that a request reads as."""
        last = max(n for n, message in enumerate(messages) if isinstance(message, HumanMessage))
        answers = [str(message.text) for message in messages[last:] if isinstance(message, ToolMessage)]
        if answers:
            return AIMessage("\n\n".join(_without_error(answer) for answer in answers))
        asked = messages[last]
        new = asked.additional_kwargs.get(NEW_PICTURES, [])
        text = str(asked.additional_kwargs.get(ASKED, asked.text)).strip()
        if not text and new:
            return _calls([("inspect_picture", {"picture": number}) for number in new])
        reader = reader_of(tuple(self.labels))
        request = reader.read(text)
        if request is None:
            near = reader.nearest(text)
            meant = f"Did you mean `{near}`? " if near else ""
            told = in_one_line(text, _REPEATED)
            return AIMessage(f"I do not understand {told!r}. {meant}Say `help` for what can be asked.")
        if not request.tool:
            return AIMessage(request.arguments["text"])
        return _calls([(request.tool, request.arguments)])


def _calls(made: Sequence[tuple[str, dict[str, Any]]]) -> AIMessage:
    return AIMessage(
        "",
        tool_calls=[
            {"name": name, "args": arguments, "id": f"call-{number}", "type": "tool_call"}
            for number, (name, arguments) in enumerate(made, start=1)
        ],
    )


def _without_error(answer: str) -> str:
    told = answer.removeprefix("Error: ")
    return told if told == answer else f"That cannot be done: {told}"
