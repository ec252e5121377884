"""What a chat model is asked to answer when it authors, as a JSON schema, and how its answer is read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from langchain_core.messages import BaseMessage
from pydantic import TypeAdapter

from ..schema import AuthorError, Record
from .draft import Draft

WRAPPER: Final = "answer"
"""The one field of a wrapped answer."""


class _Declined(Record):
    """The part of a Refusal that a model is asked for; every field of it, since strict schemas want all."""

    reason: str
    nearest: str


_SHAPES: Final[TypeAdapter[Draft | _Declined]] = TypeAdapter(Draft | _Declined)


def answer_schema(labels: Sequence[str]) -> dict[str, Any]:
    """The JSON schema of a Draft, or of why there is none, for a product with these part labels."""
    schema = _SHAPES.json_schema()
    if labels:
        schema["$defs"]["Draft"]["properties"]["labels"]["items"] = {"type": "string", "enum": list(labels)}
    return schema


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


def whole_text(answer: BaseMessage) -> str:
    """The text of an answer that a model brought to its end.

    Raises:
        AuthorError: It was cut off, withheld or empty, or the model will not answer.
    """
    ended = answer.response_metadata.get("finish_reason")
    if ended == "length":
        raise AuthorError(
            "the answer was cut off because it is too long; write a shorter check, and nothing round it"
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
