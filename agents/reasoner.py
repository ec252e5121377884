"""Reasoners: LangChain chat models by one string."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from ..schema import AuthorError
from .draft import Refusal, Request
from .offline import compile_sentence

OFFLINE = "offline"


# What opens a model takes a second or more to import, and most who ask for `offline` do not have it.
def _vllm(model: str) -> BaseChatModel:
    from .llm.endpoint import open_endpoint

    return open_endpoint("vllm", model)


def _openai(model: str) -> BaseChatModel:
    from .llm.endpoint import open_endpoint

    return open_endpoint("openai", model)


def _local(model: str) -> BaseChatModel:
    from .llm.local import open_local

    return open_local(model)


def _engine(model: str) -> BaseChatModel:
    from .llm.engine import open_engine

    return open_engine(model)


KINDS: Final[Mapping[str, tuple[Callable[[str], BaseChatModel], str]]] = {
    "vllm": (_vllm, "llm"),
    "openai": (_openai, "llm"),
    "local": (_local, "local"),
    "engine": (_engine, "vllm"),
}
"""Kinds of models, named KIND:MODEL: what opens one, and the extra that it needs."""


def make_reasoner(name: str) -> BaseChatModel:
    """The chat model that a string names.

    `offline` needs no model. `vllm:MODEL` is at a running vLLM and `openai:MODEL` at any such endpoint; the
    environment says where it is, see `open_endpoint`, and nothing is sent yet. `local:MODEL` and
    `engine:MODEL` run in this process and are loaded here, see `open_local` and `open_engine`.

    Raises:
        AuthorError: No such reasoner, or its extra is not installed.
        ModelError: A setting cannot be used, or a model in this process cannot be loaded.
    """
    if name == OFFLINE:
        return OfflineReasoner()
    kind, _, model = name.partition(":")
    if kind not in KINDS or not model.strip():
        there_are = ", ".join([OFFLINE, *(f"{one}:MODEL" for one in KINDS)])
        raise AuthorError(f"there is no reasoner {name!r}; there are: {there_are}")
    open_model, extra = KINDS[kind]
    try:
        return open_model(model.strip())
    except ModuleNotFoundError as error:
        raise AuthorError(
            f"{name!r} needs the package {error.name}; install it: pip install 'logisight[{extra}]'"
        ) from None


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
