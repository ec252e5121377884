"""What goes wrong between us and a chat model, said in one line with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import openai

from ...schema import ModelError, QuestionError
from .answers import in_one_line
from .settings import KEY_VARIABLE, MAX_TOKENS_VARIABLE, TIMEOUT_VARIABLE, URL_VARIABLE

_TOO_LONG: Final = (
    "context length",
    "context window",
    "context_length",
    "max_tokens",
    "max_completion_tokens",
)
_REFUSES_QUESTION: Final = (400, 413, 422)
"""Statuses that say something about the question and nothing about the endpoint."""
_SHOWN_MODELS: Final = 8


class Asked(NamedTuple):
    """Who was asked, where and how, for messages."""

    name: str
    url: str
    tries: int
    timeout: float
    client: openai.OpenAI

    @property
    def served(self) -> list[str] | None:
        """The models that the endpoint says it serves; None where it does not say."""
        try:
            page = self.client.with_options(max_retries=0).models.list()
            return [in_one_line(str(model.id), 60) for model in page.data]
        except (openai.OpenAIError, AttributeError, TypeError, ValueError):
            return None


@contextmanager
def in_words(asked: Asked) -> Iterator[None]:
    """Say what goes wrong inside in one line.

    Raises:
        QuestionError: The endpoint does not take the question.
        ModelError: It does not answer, refuses, fails, or answers with what is no chat completion.
    """
    try:
        yield
    except openai.APITimeoutError as error:
        raise ModelError(
            f"{asked.url} did not answer within {asked.timeout:g} s, {_times(asked.tries)}; "
            f"see whether it is busy, or wait longer with {TIMEOUT_VARIABLE}"
        ) from error
    except openai.APIConnectionError as error:
        raise ModelError(
            f"the connection to {asked.url} failed ({_deepest(error)}), tried {_times(asked.tries)}; "
            f"start the server of {asked.name}, or say where it is with {URL_VARIABLE}"
        ) from error
    except openai.APIStatusError as error:
        kind = QuestionError if error.status_code in _REFUSES_QUESTION else ModelError
        raise kind(_of_status(error, asked)) from error
    except (
        openai.OpenAIError,
        AttributeError,
        IndexError,
        KeyError,
        TypeError,
        ValueError,
        RecursionError,
    ) as error:
        # Whatever an endpoint sends reaches the client's own code, which trusts it to be a chat completion.
        raise ModelError(
            f"{asked.url} answers, but not with a chat completion ({in_one_line(str(error), 80)}); "
            f"{URL_VARIABLE} must name an OpenAI-compatible API and usually ends in /v1"
        ) from error


def _of_status(error: openai.APIStatusError, asked: Asked) -> str:
    status, said = error.status_code, f"{error.status_code}: {_said(error)}"
    if status in (401, 403):
        return f"{asked.url} refuses the key ({said}); give the right one in {KEY_VARIABLE}"
    if status == 404:
        return _not_found(asked, said)
    if status == 429:
        return (
            f"{asked.url} takes no more questions now ({said}), tried {_times(asked.tries)}; "
            "try again later, or see what the key may use"
        )
    if status >= 500:
        return f"{asked.url} failed ({said}), tried {_times(asked.tries)}; see the log of that server"
    if 300 <= status < 400:
        location = in_one_line(error.response.headers.get("location", "elsewhere"))
        return (
            f"{asked.url} sends questions on to {location}, which is not followed; name it in {URL_VARIABLE}"
        )
    if any(words in said for words in _TOO_LONG):
        return (
            f"{asked.url} has no room for the question and its answer ({said}); serve {asked.name} with a "
            f"longer context, or allow a shorter answer with {MAX_TOKENS_VARIABLE}"
        )
    return f"{asked.url} does not take the question ({said})"


def _not_found(asked: Asked, said: str) -> str:
    served = asked.served
    if served is None:
        return f"{asked.url} has no chat completions ({said}); {URL_VARIABLE} usually ends in /v1"
    names = ", ".join(served[:_SHOWN_MODELS]) or "none"
    more = ", ..." if len(served) > _SHOWN_MODELS else ""
    return f"{asked.url} does not serve {asked.name} ({said}); it serves: {names}{more}"


def _said(error: openai.APIStatusError) -> str:
    """The server's own words, without what the client puts round them."""
    said = error.body.get("message") if isinstance(error.body, dict) else None
    return in_one_line(said if isinstance(said, str) else error.message)


def _deepest(error: BaseException) -> str:
    """Why a connection failed: the first cause, which names it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return in_one_line(str(error) or type(error).__name__, 80)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
