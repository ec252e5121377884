"""Chat models in this process (the extra `local`): `local:MODEL`, run by transformers on a GPU or the CPU.

MODEL is a folder or a name of the hub, text or vision-language; `?quant=4bit` and `?quant=8bit` load it with
fewer bits (bitsandbytes). It needs a chat template and safetensors weights, and none of its own code is run.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Final

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from ...schema import ModelError
from . import settings
from .answers import in_one_line
from .here import ModelHere, found
from .messages import Wishes, Written, conversation_of, message_of
from .seat import SEAT
from .weights import Weights, can_hold_to_schemas

QUANTS: Final = ("4bit", "8bit")
"""With how many bits the numbers of a model may be loaded."""
_LOG: Final = logging.getLogger(__name__)


class LocalModel(ModelHere):
    """A chat model that transformers runs in this process, one question at a time.

    An answer is held to a schema where xgrammar is installed. Tools are called as models in the manner of
    Hermes and Qwen call them, see `message_of`. An answer that takes longer than `seconds` is cut off there
    and ends as `length`; the time is looked at between two tokens, not while the question is being read.
    """

    model: str
    """A folder, or a name of the hub."""
    quant: str | None = None
    seconds: float = settings.TIMEOUT
    """That one answer may take, from when its turn has come."""

    def weights(self) -> AbstractContextManager[Weights]:
        """The weights, which answer nobody else meanwhile; they are loaded where they are not.

        Raises:
            ModelError: They cannot be loaded.
        """
        return SEAT.taken(self.known_as, lambda: Weights(self.known_as, self.model, self.quant))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._answer(messages, self._asked(stop, kwargs), threading.Event())

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        given_up = threading.Event()
        try:
            return await asyncio.to_thread(self._answer, messages, self._asked(stop, kwargs), given_up)
        finally:
            # A thread cannot be cancelled; the model looks at this after every token.
            given_up.set()

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """The words as they are written; with tools or `stop` in one piece, since the end decides on them."""
        wishes = self._asked(stop, kwargs)
        whole = bool(wishes.tools or wishes.stop)
        for piece in self._pieces(messages, wishes):
            if isinstance(piece, Written):
                chunk = _last_chunk(piece, wishes, self.known_as, whole)
            elif whole or not piece:
                continue
            else:
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    def _pieces(self, messages: list[BaseMessage], wishes: Wishes) -> Iterator[str | Written]:
        """The text of an answer as it is written, and at last the whole; closing the iterator gives it up."""
        given_up = threading.Event()
        opened: Future[Iterable[str]] = Future()

        def write() -> Written:
            with self.weights() as weights:
                streamer = weights.streamer()
                opened.set_result(streamer)
                try:
                    conversation = conversation_of(messages, weights.special)
                    return weights.answer(conversation, wishes, self.seconds, given_up, streamer)
                finally:
                    # Or whoever reads it would wait for the rest of an answer that failed.
                    streamer.end()

        # The thread holds the weights, so that one who stops reading does not keep them from others.
        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(write)
            try:
                either: list[Future[Any]] = [opened, written]
                wait(either, return_when=FIRST_COMPLETED)
                if opened.done():
                    yield from opened.result()
                yield written.result()
            finally:
                given_up.set()

    def _asked(self, stop: list[str] | None, kwargs: dict[str, Any]) -> Wishes:
        wishes = self._wishes(stop, kwargs)
        if wishes.json_form is not None and not can_hold_to_schemas():
            _warn_once(self.known_as)
        return wishes

    def _answer(self, messages: list[BaseMessage], wishes: Wishes, given_up: threading.Event) -> ChatResult:
        with self.weights() as weights:
            conversation = conversation_of(messages, weights.special)
            written = weights.answer(conversation, wishes, self.seconds, given_up)
        return ChatResult(generations=[ChatGeneration(message=message_of(written, wishes, self.known_as))])


def _last_chunk(written: Written, wishes: Wishes, name: str, whole: bool) -> ChatGenerationChunk:
    """The end of a stream: how it ended, what it took, what it calls, and the text where it was held back."""
    message = message_of(written, wishes, name)
    calls = [
        tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=index)
        for index, call in enumerate(message.tool_calls)
    ]
    return ChatGenerationChunk(
        message=AIMessageChunk(
            content=message.content if whole else "",
            tool_call_chunks=calls,
            response_metadata=message.response_metadata,
            usage_metadata=message.usage_metadata,
            chunk_position="last",
        )
    )


@lru_cache(maxsize=64)
def _warn_once(name: str) -> None:
    _LOG.warning("%s does not hold answers to a schema without xgrammar; they are read as they come", name)


def open_local(text: str) -> LocalModel:
    """The model that `MODEL[?quant=4bit|8bit]` names, loaded; a model that was open before is unloaded.

    Raises:
        ModelError: It is not there or cannot be loaded, or an option or a variable cannot be used.
        ModuleNotFoundError: A package that it needs is not installed.
    """
    name = f"local:{text}"
    model, options = settings.split_options(name, ["quant"])
    quant = options.get("quant")
    if quant not in (None, *QUANTS):
        raise ModelError(
            f"{name}: quant={in_one_line(str(quant), 20)} cannot be used; there are {' and '.join(QUANTS)}"
        )
    for package in ("accelerate", "bitsandbytes") if quant else ("accelerate",):
        if find_spec(package) is None:
            raise ModuleNotFoundError(name=package)
    opened = _opened(name, found(name, model), quant, settings.max_tokens(), settings.timeout())
    with opened.weights():
        return opened


# One for each name, and no more than one, so that the model of an earlier name can be freed.
@lru_cache(maxsize=1)
def _opened(name: str, model: str, quant: str | None, max_tokens: int, seconds: float) -> LocalModel:
    return LocalModel(known_as=name, model=model, quant=quant, max_tokens=max_tokens, seconds=seconds)
