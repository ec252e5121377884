"""Chat models behind an OpenAI-compatible HTTP endpoint (the extra `llm`): a running vLLM, or any other.

The environment says where and how: LOGISIGHT_LLM_URL, LOGISIGHT_LLM_KEY, LOGISIGHT_LLM_TIMEOUT (seconds),
LOGISIGHT_LLM_MAX_TOKENS and LOGISIGHT_LLM_CONCURRENCY. A question with a `response_format` is answered in it
where the endpoint can: that is tried once, since servers ignore in silence what they do not know.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI
from pydantic import PrivateAttr, SecretStr

from ...schema import ModelError
from .answers import held_to, unwrapped, wrapped
from .endpoint_errors import Asked, in_words
from .settings import (
    CONCURRENCY_VARIABLE,
    KEY_VARIABLE,
    TIMEOUT,
    URL_VARIABLE,
    above_zero,
    max_tokens,
    timeout,
)
from .structured import StructuredAnswers

Kind = Literal["vllm", "openai"]

URLS: Final[Mapping[Kind, str]] = {"vllm": "http://127.0.0.1:8000/v1", "openai": "https://api.openai.com/v1"}
"""Where a kind of endpoint is unless the environment says otherwise."""
RETRIES: Final = 2
"""Of a question that met a busy, failing or silent endpoint, with a growing pause before each."""
CONNECT_TIMEOUT: Final = 10.0
"""Seconds until there is a connection; a machine that is there has one at once."""
CONCURRENCY: Final = 64
"""Questions at once; more wait their turn here, which counts as no silence of the endpoint."""

_ConnectionLimits: Final = type(openai.DEFAULT_CONNECTION_LIMITS)
"""Of the HTTP library that this client was built with."""
_NO_KEY: Final = "none"
"""Sent where there is no key, since the client wants one."""
_PROBE_WORDS: Final = ("heliotrope", "basalt")
"""No model says these by itself when it is asked to say hello."""
_PROBE_TOKENS: Final = 256
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_LOG: Final = logging.getLogger(__name__)


# LangChain's own subclasses differ in the signature of `with_structured_output` as well.
class ChatEndpoint(StructuredAnswers, ChatOpenAI):  # type: ignore[misc]
    """A chat model at an endpoint; what goes wrong there is a ModelError in one line.

    An answer that is cut off, withheld or empty is an answer: see `whole_text`.
    """

    known_as: str
    """The string that names this model, such as `vllm:MODEL`."""
    kind: Kind
    seconds: float = TIMEOUT
    """That one try of a question may wait for the endpoint to say something."""
    _binds: bool | None = PrivateAttr(None)
    """Whether the endpoint holds answers to a schema; None while that has not been tried."""

    @property
    def _llm_type(self) -> str:
        return self.known_as

    @property
    def asked(self) -> Asked:
        """Who is asked, where and how."""
        return Asked(
            self.known_as,
            _without_password(str(self.openai_api_base)),
            RETRIES + 1 if self.max_retries is None else self.max_retries + 1,
            self.seconds,
            self.root_client,
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with in_words(self.asked):
            held, is_wrapped = self._held(kwargs)
            return _read(super()._generate(messages, stop, run_manager, **held), is_wrapped)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with in_words(self.asked):
            held, is_wrapped = await asyncio.to_thread(self._held, kwargs)
            return _read(await super()._agenerate(messages, stop, run_manager, **held), is_wrapped)

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        with in_words(self.asked):
            yield from super()._stream(*args, **self._held(kwargs).sent)

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        with in_words(self.asked):
            held = await asyncio.to_thread(self._held, kwargs)
            async for chunk in super()._astream(*args, **held.sent):
                yield chunk
                # A cancel is noticed here, and not only behind all chunks that have come already.
                await asyncio.sleep(0)

    def _held(self, kwargs: Mapping[str, Any]) -> _Held:
        """What to send for a question that may have a `response_format`.

        It goes into the body and not through the client's own argument, with which the client would parse the
        answer and raise.
        """
        sent = dict(kwargs)
        form = sent.pop("response_format", None)
        if form is None or not self._binding:
            return _Held(sent, False)
        schema = form["json_schema"]["schema"]
        body, is_wrapped = self._in_form(schema)
        sent["extra_body"] = {**(sent.get("extra_body") or {}), **body}
        return _Held(sent, is_wrapped)

    def _in_form(self, schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """The fields that hold an answer to a schema, and whether the answer will be wrapped."""
        if self.kind == "vllm":
            return {"structured_outputs": {"json": schema}}, False
        is_wrapped = schema.get("type") != "object"
        return held_to(wrapped(schema) if is_wrapped else schema), is_wrapped

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
        chosen = {"type": "string", "enum": words}
        body = {"structured_outputs": {"choice": words}} if self.kind == "vllm" else held_to(wrapped(chosen))
        try:
            result = super()._generate(
                [HumanMessage("Say hello.")], extra_body=body, max_tokens=_PROBE_TOKENS
            )
        except openai.BadRequestError:
            return False
        said = str(_read(result, self.kind == "openai").generations[0].message.text).strip()
        return said.strip('"') in words


class _Held(NamedTuple):
    """What is sent besides the messages, and whether the answer will stand in the one field of an object."""

    sent: dict[str, Any]
    is_wrapped: bool


def _read(result: ChatResult, is_wrapped: bool) -> ChatResult:
    """A result with one answer, as it was asked for: an empty one where there is no choice."""
    if not result.generations:
        result.generations = [ChatGeneration(message=AIMessage(""))]
    message = result.generations[0].message
    if is_wrapped and isinstance(message.content, str):
        message.content = unwrapped(message.content)
    return result


def open_endpoint(kind: Kind, model: str) -> ChatEndpoint:
    """The model of that name, at the endpoint that the environment names; nothing is sent yet.

    Raises:
        ModelError: A variable cannot be used, or `openai` has no key.
    """
    url = _url(kind)
    limits = _Limits(
        timeout=timeout(),
        max_tokens=max_tokens(),
        concurrency=max(1, int(above_zero(CONCURRENCY_VARIABLE, CONCURRENCY))),
    )
    return _opened(kind, model, url, _key(url), limits)


class _Limits(NamedTuple):
    timeout: float
    max_tokens: int
    concurrency: int


# One for each endpoint and model of a process, so that what it can do is tried once.
@lru_cache(maxsize=16)
def _opened(kind: Kind, model: str, url: str, key: str, limits: _Limits) -> ChatEndpoint:
    client: dict[str, Any] = {
        # Questions and pictures go to the host that was named and to no other: no redirects, and no proxy
        # between us and this machine.
        "follow_redirects": False,
        "trust_env": urlsplit(url).hostname not in _LOOPBACK,
    }
    # An idle connection belongs to the event loop that made it, and the next loop cannot use it.
    kept, unkept = (
        _ConnectionLimits(max_connections=limits.concurrency, max_keepalive_connections=idle)
        for idle in (limits.concurrency, 0)
    )
    return ChatEndpoint(
        known_as=f"{kind}:{model}",
        kind=kind,
        seconds=limits.timeout,
        model=model,
        base_url=url,
        api_key=SecretStr(key),
        timeout=openai.Timeout(limits.timeout, connect=min(limits.timeout, CONNECT_TIMEOUT), pool=None),
        max_retries=RETRIES,
        max_completion_tokens=limits.max_tokens,
        temperature=0.0,
        seed=0,
        use_responses_api=False,
        # What waits for each chunk swallows a cancel on Python 3.11; the timeout above bounds silence too.
        stream_chunk_timeout=None,
        http_client=openai.DefaultHttpxClient(**client, limits=kept),
        http_async_client=openai.DefaultAsyncHttpxClient(**client, limits=unkept),
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


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
