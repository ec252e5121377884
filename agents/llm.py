"""Chat models behind an OpenAI-compatible HTTP endpoint (the extra `llm`): a running vLLM, or any other.

The environment says where: LOGISIGHT_LLM_URL, LOGISIGHT_LLM_KEY, LOGISIGHT_LLM_TIMEOUT (seconds) and
LOGISIGHT_LLM_MAX_TOKENS. Where a model is asked to author, the endpoint holds it to the schema of the answer
while it writes, if it can: that is tried once, since servers ignore in silence what they do not know.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, Literal
from urllib.parse import urlsplit, urlunsplit

import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI
from pydantic import PrivateAttr, SecretStr

from ..schema import ModelError
from .answers import answer_schema, in_one_line, unwrapped, wrapped
from .endpoint_errors import (
    KEY_VARIABLE,
    MAX_TOKENS_VARIABLE,
    TIMEOUT_VARIABLE,
    URL_VARIABLE,
    Asked,
    in_words,
)

Kind = Literal["vllm", "openai"]

URLS: Final[Mapping[Kind, str]] = {"vllm": "http://127.0.0.1:8000/v1", "openai": "https://api.openai.com/v1"}
"""Where a kind of endpoint is unless the environment says otherwise."""
RETRIES: Final = 2
"""Of a question that met a busy, failing or silent endpoint, with a growing pause before each."""
TIMEOUT: Final = 300.0
"""Seconds."""
MAX_TOKENS: Final = 4096

_NO_KEY: Final = "none"
"""Sent where there is no key, since the client wants one."""
_PROBE_WORDS: Final = ("heliotrope", "basalt")
"""No model says these by itself when it is asked to say hello."""
_PROBE_TOKENS: Final = 256
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_LOG: Final = logging.getLogger(__name__)


class ChatEndpoint(ChatOpenAI):
    """A chat model at an endpoint; what goes wrong there is a ModelError in one line.

    An answer that is cut off, withheld or empty is an answer: see `whole_text`.
    """

    known_as: str
    """The string that names this model, such as `vllm:MODEL`."""
    kind: Kind
    _binds: bool | None = PrivateAttr(None)
    """Whether the endpoint holds answers to a schema; None while that has not been tried."""

    @property
    def _llm_type(self) -> str:
        return self.known_as

    @property
    def _asked(self) -> Asked:
        return Asked(
            self.known_as,
            _without_password(str(self.openai_api_base)),
            RETRIES + 1 if self.max_retries is None else self.max_retries + 1,
            TIMEOUT if not isinstance(self.request_timeout, float) else self.request_timeout,
            self.root_client,
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with in_words(self._asked):
            held = self._held_to_schema(messages)
            return self._read(super()._generate(messages, stop, run_manager, **held, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with in_words(self._asked):
            held = await asyncio.to_thread(self._held_to_schema, messages)
            return self._read(await super()._agenerate(messages, stop, run_manager, **held, **kwargs))

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        with in_words(self._asked):
            yield from super()._stream(*args, **kwargs)

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        with in_words(self._asked):
            async for chunk in super()._astream(*args, **kwargs):
                yield chunk

    def _held_to_schema(self, messages: list[BaseMessage]) -> dict[str, Any]:
        """What to send besides, where the question is an author's: it carries its request as data."""
        request = messages[-1].additional_kwargs.get("request")
        if request is None or not self._binding:
            return {}
        schema = answer_schema(request["labels"])
        if self.kind == "vllm":
            return {"extra_body": {"structured_outputs": {"json": schema}}}
        return {"extra_body": _response_format(wrapped(schema))}

    @property
    def _binding(self) -> bool:
        if self._binds is None:
            self._binds = self._probe()
            if not self._binds:
                _LOG.warning(
                    "%s does not hold answers to a schema; they are read as they come", self.known_as
                )
        return self._binds

    def _probe(self) -> bool:
        """Whether a model that is asked for something else can be made to say one of two words."""
        words = list(_PROBE_WORDS)
        body = (
            {"structured_outputs": {"choice": words}}
            if self.kind == "vllm"
            else _response_format(wrapped({"type": "string", "enum": words}))
        )
        try:
            result = super()._generate(
                [HumanMessage("Say hello.")], extra_body=body, max_tokens=_PROBE_TOKENS
            )
        except openai.BadRequestError:
            return False
        said = str(self._read(result).generations[0].message.text).strip()
        return said.strip('"') in words

    def _read(self, result: ChatResult) -> ChatResult:
        """A result with one answer, as it was asked for: an empty one where there is no choice."""
        if not result.generations:
            result.generations = [ChatGeneration(message=AIMessage(""))]
        message = result.generations[0].message
        if self.kind == "openai" and isinstance(message.content, str):
            message.content = unwrapped(message.content)
        return result


def open_endpoint(kind: Kind, model: str) -> ChatEndpoint:
    """The model of that name, at the endpoint that the environment names; nothing is sent yet.

    Raises:
        ModelError: A variable cannot be used, or `openai` has no key.
    """
    url = _url(kind)
    max_tokens = int(_above_zero(MAX_TOKENS_VARIABLE, MAX_TOKENS))
    return _opened(kind, model, url, _key(url), _above_zero(TIMEOUT_VARIABLE, TIMEOUT), max(1, max_tokens))


# One for each endpoint and model of a process, so that what it can do is tried once.
@lru_cache(maxsize=16)
def _opened(kind: Kind, model: str, url: str, key: str, timeout: float, max_tokens: int) -> ChatEndpoint:
    # Questions and pictures go to the host that was named and to no other: no redirects, and no proxy
    # between us and this machine.
    proxies = urlsplit(url).hostname not in _LOOPBACK
    return ChatEndpoint(
        known_as=f"{kind}:{model}",
        kind=kind,
        model=model,
        base_url=url,
        api_key=SecretStr(key),
        timeout=timeout,
        max_retries=RETRIES,
        max_completion_tokens=max_tokens,
        temperature=0.0,
        seed=0,
        use_responses_api=False,
        http_client=openai.DefaultHttpxClient(follow_redirects=False, trust_env=proxies),
        http_async_client=openai.DefaultAsyncHttpxClient(follow_redirects=False, trust_env=proxies),
    )


def _url(kind: Kind) -> str:
    url = os.environ.get(URL_VARIABLE) or URLS[kind]
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ModelError(f"{URL_VARIABLE} is not a web address; it must be like {URLS['vllm']}")
    return url


def _key(url: str) -> str:
    key = os.environ.get(KEY_VARIABLE)
    if not key and url == URLS["openai"]:
        key = os.environ.get("OPENAI_API_KEY")
        if not key:
            raise ModelError(
                f"{url} wants a key; give it in {KEY_VARIABLE}, or name another endpoint in {URL_VARIABLE}"
            )
    return key or _NO_KEY


def _above_zero(variable: str, default: float) -> float:
    given = os.environ.get(variable)
    if not given:
        return default
    try:
        number = float(given)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise ModelError(f"{variable} must be a number above 0, and is {in_one_line(given, 40)!r}")
    return number


def _response_format(schema: dict[str, Any]) -> dict[str, Any]:
    # In the body and not as the client's own argument, with which it would parse the answer and raise.
    form = {"name": "answer", "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": form}}


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
