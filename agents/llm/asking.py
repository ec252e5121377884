"""One question to a chat model, and an answer that can be used or the reason why there is none."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic import TypeAdapter

from ...schema import AuthorError, Record
from .answers import held_to, read_answer, whole_text

REPAIRS: Final = 1
"""How often a model is told what is wrong with its answer and asked again."""

_REPEATED: Final = 2_000
"""Characters of an answer that cannot be used that a model is shown again."""

T = TypeVar("T")

Failure = Literal[
    "unfinished",  # was cut off, withheld or empty, or the model will not answer
    "shape",  # is not the JSON that was asked for
    "language",  # is not in English
]
"""Why an answer cannot be used."""


class Usage(Record):
    """What questions have cost."""

    calls: int = 0
    input_tokens: int = 0
    """As the model counts them; 0 where it does not."""
    output_tokens: int = 0
    seconds: float = 0.0
    """Wall clock, until the answers were there."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            seconds=self.seconds + other.seconds,
        )


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
    options |= held_to(shape.json_schema())
    asked, usage = list(messages), Usage()
    for repair in range(REPAIRS + 1):
        start = time.perf_counter()
        message = model.invoke(asked, **options)
        usage += usage_of(message, time.perf_counter() - start)
        read = _read(message, shape, words_of)
        if read.failure is None or repair == REPAIRS:
            break
        again = f"This cannot be used: {read.problem}. Answer again, with the JSON object alone."
        asked = [*messages, AIMessage(str(message.text)[:_REPEATED]), HumanMessage(again)]
    return Reply(read.value, message, read.failure, read.problem, usage)


def usage_of(message: BaseMessage, seconds: float) -> Usage:
    """What one answer has cost."""
    told = message.usage_metadata if isinstance(message, AIMessage) else None
    tokens = {name: told[name] for name in ("input_tokens", "output_tokens")} if told else {}
    return Usage(calls=1, seconds=seconds, **tokens)


class _Read(NamedTuple, Generic[T]):
    value: T | None
    failure: Failure | None
    problem: str


def _read(message: BaseMessage, shape: TypeAdapter[T], words_of: Callable[[T], str]) -> _Read[T]:
    try:
        text = whole_text(message)
    except AuthorError as error:
        return _Read(None, "unfinished", str(error))
    try:
        value = read_answer(text, shape)
    except AuthorError as error:
        return _Read(None, "shape", str(error))
    if not is_latin(words_of(value)):
        return _Read(None, "language", "the answer is not in English; write its words in English")
    return _Read(value, None, "")


def is_latin(text: str) -> bool:
    """Whether most letters of a text are Latin; so is a text without letters.

    Examples:
        >>> is_latin("2 pins, not 1"), is_latin("缺少一个图钉 (pin)")
        (True, False)
    """
    letters = [letter for letter in text if letter.isalpha()]
    latin = sum("LATIN" in unicodedata.name(letter, "") for letter in letters)
    return 2 * latin >= len(letters)
