"""What a chat model is to answer, as a JSON schema, and how its answer is read: it is never trusted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, TypeVar

from langchain_core.messages import BaseMessage
from pydantic import TypeAdapter, ValidationError

from ...schema import AuthorError

WRAPPER: Final = "answer"
"""The one field of a wrapped answer."""

LONGEST_ANSWER: Final = 100_000
"""Characters of an answer that are read."""

_TRIES: Final = 50
"""Places in an answer at which JSON may begin, that are tried."""

T = TypeVar("T")


def held_to(schema: dict[str, Any]) -> dict[str, Any]:
    """What to invoke a chat model with so that its answer keeps to a JSON schema, where the model can.

    It is the standard form, which OpenAI's own client takes; a model that knows no schemas ignores it.
    """
    form = {"name": WRAPPER, "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": form}}


def wrapped(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema as the one field of an object: OpenAI takes no choice of several shapes at the top."""
    inner = dict(schema)
    definitions = inner.pop("$defs", {})
    return {
        "type": "object",
        "properties": {WRAPPER: inner},
        "required": [WRAPPER],
        "additionalProperties": False,
        "$defs": definitions,
    }


def unwrapped(text: str) -> str:
    """What stands in the one field of a wrapped answer; anything else as it is.

    Examples:
        >>> unwrapped('{"answer": {"reason": "no nuts"}}')
        '{"reason": "no nuts"}'
        >>> unwrapped("Sure!")
        'Sure!'
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(content, dict) and list(content) == [WRAPPER]:
        return json.dumps(content[WRAPPER], ensure_ascii=False)
    return text


def read_answer(text: str, shape: TypeAdapter[T]) -> T:
    r"""The JSON object or list of a shape in an answer, with or without prose or a fence round it.

    Raises:
        AuthorError: There is none, or more than one that fits.

    Examples:
        >>> read_answer('Sure! ```json\n{"pins": 2}\n``` Anything else?', TypeAdapter(dict[str, int]))
        {'pins': 2}
    """
    text = text[:LONGEST_ANSWER]
    problem = "there is no JSON in it"
    fitting: list[T] = []
    for content in _json_in(text):
        try:
            fitting.append(shape.validate_json(json.dumps(content)))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or "answer"
            problem = f"{in_one_line(field, 60)}: {in_one_line(first['msg'])}"
    if not fitting:
        raise AuthorError(f"the answer is not the JSON that was asked for ({problem})")
    if any(one != fitting[0] for one in fitting):
        raise AuthorError(
            "the answer holds several that differ; answer with one JSON object and nothing else"
        )
    return fitting[0]


def _json_in(text: str) -> Iterator[Any]:
    """The JSON objects and lists in a text, outermost ones only."""
    decoder, at = json.JSONDecoder(), 0
    for _ in range(_TRIES):
        starts = [place for place in (text.find("{", at), text.find("[", at)) if place >= 0]
        if not starts:
            return
        try:
            content, at = decoder.raw_decode(text, min(starts))
        except (ValueError, RecursionError):
            at = min(starts) + 1
        else:
            yield content


def whole_text(answer: BaseMessage) -> str:
    """The text of an answer that a model brought to its end.

    Raises:
        AuthorError: It was cut off, withheld or empty, or the model will not answer.
    """
    ended = answer.response_metadata.get("finish_reason")
    if ended == "length":
        raise AuthorError(
            "the answer was cut off because it is too long; answer shorter, and nothing round it"
        )
    if ended == "content_filter":
        raise AuthorError("the answer was withheld by the content filter of the endpoint")
    declined = answer.additional_kwargs.get("refusal")
    if declined:
        raise AuthorError(f"the model will not answer: {in_one_line(str(declined))}")
    text = str(answer.text)
    if not text.strip():
        raise AuthorError("the answer is empty; answer with the JSON object that was asked for")
    return text


def in_one_line(text: str, longest: int = 200) -> str:
    r"""Foreign words as they may stand in a message: one line, printable, at most so many characters.

    Examples:
        >>> in_one_line("no such\n model\x1b[2J")
        'no such model [2J'
        >>> in_one_line("long enough", longest=5)
        'long…'
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 10 * longest]).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
