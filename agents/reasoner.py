"""Reasoners: LangChain chat models by one string."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from ..schema import AuthorError
from .draft import Refusal, Request
from .offline import compile_sentence

OFFLINE = "offline"


def make_reasoner(name: str) -> BaseChatModel:
    """The chat model that a string names.

    Raises:
        AuthorError: No such reasoner.
    """
    if name == OFFLINE:
        return OfflineReasoner()
    raise AuthorError(f"there is no reasoner {name!r}; this version has: {OFFLINE}")


class OfflineReasoner(BaseChatModel):
    """Controlled English to checks, with no model and no network. It reads the request, not the prose."""

    @property
    def _llm_type(self) -> str:
        return OFFLINE

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        asked = messages[-1].additional_kwargs
        if asked["evidence"]:
            # It reads a sentence in one way only, so another attempt would end the same.
            text = Refusal(reason="the sentence was read, but its check is not proven").model_dump_json()
        else:
            text = compile_sentence(Request.model_validate(asked["request"])).model_dump_json()
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])
