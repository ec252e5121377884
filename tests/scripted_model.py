"""A chat model that calls tools as a test has written down, whatever it is told."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr


class ScriptedModel(BaseChatModel):
    """Answers what is written for each time that it is asked; the last answer is given again and again."""

    answers: list[Any]
    """Each a message, or an error to raise."""
    told: list[list[Any]] = []
    _asked: int = PrivateAttr(default=0)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> ScriptedModel:
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.told.append([m for m in messages if not isinstance(m, SystemMessage)])
        answer = self.answers[min(self._asked, len(self.answers) - 1)]
        self._asked += 1
        if isinstance(answer, Exception):
            raise answer
        return ChatResult(generations=[ChatGeneration(message=answer)])


def calling(*calls: tuple[str, dict[str, Any]], tokens: tuple[int, int] = (0, 0)) -> AIMessage:
    """An answer that calls tools."""
    used = {"input_tokens": tokens[0], "output_tokens": tokens[1], "total_tokens": sum(tokens)}
    return AIMessage(
        "",
        tool_calls=[
            {"name": name, "args": arguments, "id": f"c{n}", "type": "tool_call"}
            for n, (name, arguments) in enumerate(calls)
        ],
        usage_metadata=used if any(tokens) else None,
    )
