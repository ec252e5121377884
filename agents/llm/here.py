"""What the chat models in this process have in common, whatever runs their weights."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.constants import HF_HUB_CACHE
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from ...schema import ModelError
from .answers import in_one_line
from .messages import Wishes, wishes_of
from .seat import SEAT
from .structured import StructuredAnswers


class ModelHere(StructuredAnswers):
    """A chat model whose weights lie in this process, at most one at a time: see `Seat`.

    Questions take `max_tokens`, `temperature`, `seed`, `stop`, `tools`, `tool_choice`, `response_format`,
    `logprobs` and `top_logprobs` as OpenAI's API has them, and no other.
    """

    known_as: str
    """The string that names this model, such as `local:MODEL`."""
    max_tokens: int
    """That an answer may have."""
    temperature: float = 0.0
    seed: int = 0

    @property
    def _llm_type(self) -> str:
        return self.known_as

    def model_post_init(self, context: Any, /) -> None:
        """Give the memory back once nobody holds the model any more, at the latest when Python ends."""
        super().model_post_init(context)
        weakref.finalize(self, SEAT.leave_if_idle, self.known_as)

    def bind_tools(
        self,
        tools: Sequence[Mapping[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The model with tools that it may call, or must where `tool_choice` says so."""
        as_openai = [convert_to_openai_tool(dict(t) if isinstance(t, Mapping) else t) for t in tools]
        return self.bind(tools=as_openai, tool_choice=tool_choice, **kwargs)

    def close(self) -> None:
        """Give the memory back, once the question is answered; another question loads the model again."""
        SEAT.leave(self.known_as)

    def _wishes(self, stop: list[str] | None, kwargs: Mapping[str, Any]) -> Wishes:
        own = {"max_tokens": self.max_tokens, "temperature": self.temperature, "seed": self.seed}
        return wishes_of(self.known_as, {**own, "stop": stop, **kwargs})


def freed() -> None:
    """Hand memory that nobody refers to any more back to the machine and the GPU."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def found(name: str, model: str) -> str:
    """The folder of a model: one that is named, or what `hf download` put into the cache of the hub.

    Nothing is fetched: models are large, and an inspection must not change because a hub did.

    Raises:
        ModelError: There is no such folder, or no model in it.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        try:
            folder = Path(snapshot_download(model, local_files_only=True))
        except (HFValidationError, LocalEntryNotFoundError):
            raise ModelError(
                f"{name} was not found: {in_one_line(model)!r} is no folder, and not among the models in "
                f"{HF_HUB_CACHE}; give the path of its folder, or fetch it once with `hf download`"
            ) from None
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"{name}: the folder {in_one_line(str(folder))} holds no model, since config.json is missing; "
            "name one as `hf download` writes it"
        )
    return str(folder)
