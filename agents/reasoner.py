"""Reasoners: LangChain chat models by one string."""

from __future__ import annotations

from typing import Any, Final

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from ..schema import AuthorError
from .draft import Refusal, Request
from .offline import compile_sentence

OFFLINE = "offline"

ENDPOINTS: Final = ("vllm", "openai")
"""Kinds of models that answer over HTTP, named KIND:MODEL."""


def make_reasoner(name: str) -> BaseChatModel:
    """The chat model that a string names: `offline`, `vllm:MODEL`, or `openai:MODEL` for any such endpoint.

    Nothing is sent to an endpoint yet; the environment says where it is, see `open_endpoint`.

    Raises:
        AuthorError: No such reasoner, the extra `llm` is not installed, or a setting cannot be used.
    """
    if name == OFFLINE:
        return OfflineReasoner()
    kind, _, model = name.partition(":")
    if kind not in ENDPOINTS or not model.strip():
        there_are = ", ".join([OFFLINE, *(f"{one}:MODEL" for one in ENDPOINTS)])
        raise AuthorError(f"there is no reasoner {name!r}; there are: {there_are}")
    # The client takes a second to import, and most who ask for `offline` do not have it.
    try:
        from .llm.endpoint import open_endpoint
    except ModuleNotFoundError as error:
        raise AuthorError(
            f"{name!r} needs the package {error.name}; install it: pip install 'logisight[llm]'"
        ) from None
    return open_endpoint("vllm" if kind == "vllm" else "openai", model.strip())


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
