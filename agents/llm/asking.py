"""One question to a chat model, and an answer that can be used or the reason why there is none."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from pydantic import TypeAdapter

from ...schema import AuthorError, QuestionError, Usage
from .answers import held_to, read_answer, whole_text

REPAIRS: Final = 1
"""How often a model is told what is wrong with its answer and asked again."""

AT_ONCE: Final = 256
"""Questions that are handed to a model at once; it may have fewer in work, see CONCURRENCY of endpoints."""

_REPEATED: Final = 2_000
"""Characters of an answer that cannot be used that a model is shown again."""

T = TypeVar("T")

Failure = Literal[
    "unfinished",  # was cut off, withheld or empty, or the model will not answer
    "shape",  # is not the JSON that was asked for
    "language",  # is not in English
    "refused",  # is not there, since the model does not take the question
]
"""Why an answer cannot be used."""


class Reply(NamedTuple, Generic[T]):
    """How a question ended: with a value, or with what was wrong with the last answer."""

    value: T | None
    message: BaseMessage
    """The last answer, as it came."""
    failure: Failure | None
    problem: str
    usage: Usage


def ask(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    shape: TypeAdapter[T],
    *,
    words_of: Callable[[T], str] = lambda _: "",
    **options: Any,
) -> Reply[T]:
    """Ask for JSON of a shape; an answer that cannot be used goes back with the reason, REPAIRS times.

    `words_of` an answer must be in English, since people will read them; `options` go to the model.

    Raises:
        ModelError: The model cannot be asked.
    """
    (reply,) = ask_all(model, [messages], shape, words_of=words_of, **options)
    return reply


def ask_all(
    model: BaseChatModel,
    questions: Sequence[Sequence[BaseMessage]],
    shape: TypeAdapter[T],
    *,
    words_of: Callable[[T], str] = lambda _: "",
    **options: Any,
) -> list[Reply[T]]:
    """The same for many questions at once, in their order.

    Raises:
        ModelError: The model cannot be asked.
    """
    options |= held_to(_schema_of(shape))
    asked = {place: list(question) for place, question in enumerate(questions)}
    replies: dict[int, Reply[T]] = {}
    for _ in range(REPAIRS + 1):
        start = time.perf_counter()
        answers = list(_answers(model, list(asked.values()), options))
        seconds = (time.perf_counter() - start) / max(len(asked), 1)
        for place, answer in zip(asked, answers, strict=True):
            before = replies[place].usage if place in replies else Usage()
            if isinstance(answer, QuestionError):
                refused = before + Usage(calls=1, seconds=seconds)
                replies[place] = Reply(None, AIMessage(""), "refused", str(answer), refused)
            else:
                replies[place] = _read(answer, shape, words_of, before + usage_of(answer, seconds))
        asked = {
            place: [*questions[place], *_again(reply)]
            for place, reply in replies.items()
            if reply.failure not in (None, "refused")
        }
    return [replies[place] for place in range(len(questions))]


# Making it takes longer than asking.
@lru_cache(maxsize=16)
def _schema_of(shape: TypeAdapter[Any]) -> dict[str, Any]:
    return shape.json_schema()


def _answers(
    model: BaseChatModel, questions: list[list[BaseMessage]], options: dict[str, Any]
) -> Iterator[BaseMessage | QuestionError]:
    """The answers to questions, in order, and why the model does not take one of them."""
    limit: RunnableConfig = {"max_concurrency": AT_ONCE}
    answers: list[Any] = list(model.batch([*questions], limit, return_exceptions=True, **options))
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, QuestionError):
            raise answer
        yield answer


def _again(reply: Reply[Any]) -> list[BaseMessage]:
    """What a model is told whose answer cannot be used."""
    told = f"This cannot be used: {reply.problem}. Answer again, with the JSON object alone."
    return [AIMessage(str(reply.message.text)[:_REPEATED]), HumanMessage(told)]


def usage_of(message: BaseMessage, seconds: float) -> Usage:
    """What one answer has cost."""
    told = message.usage_metadata if isinstance(message, AIMessage) else None
    tokens = {name: told[name] for name in ("input_tokens", "output_tokens")} if told else {}
    return Usage(calls=1, seconds=seconds, **tokens)


def _read(
    message: BaseMessage, shape: TypeAdapter[T], words_of: Callable[[T], str], usage: Usage
) -> Reply[T]:
    try:
        text = whole_text(message)
    except AuthorError as error:
        return Reply(None, message, "unfinished", str(error), usage)
    try:
        value = read_answer(text, shape)
    except AuthorError as error:
        return Reply(None, message, "shape", str(error), usage)
    if not is_latin(words_of(value)):
        problem = "the answer is not in English; write its words in English"
        return Reply(None, message, "language", problem, usage)
    return Reply(value, message, None, "", usage)


def is_latin(text: str) -> bool:
    """Whether most letters of a text are Latin; so is a text without letters.

    Examples:
        >>> is_latin("2 pins, not 1"), is_latin("缺少一个图钉 (pin)")
        (True, False)
    """
    letters = [letter for letter in text if letter.isalpha()]
    latin = sum("LATIN" in unicodedata.name(letter, "") for letter in letters)
    return 2 * latin >= len(letters)
