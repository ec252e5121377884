"""What is asked of a model in this process, and how its answer is put: the same for `local` and `engine`."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, InvalidToolCall, ToolCall
from langchain_core.messages.utils import convert_to_openai_messages
from langchain_core.utils.json_schema import dereference_refs
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...schema import ModelError, QuestionError
from ...tools.pictures import MAX_PIXELS
from .answers import in_one_line

Conversation = list[dict[str, Any]]
"""Messages as OpenAI's API has them: `role`, `content` and, of an assistant, `tool_calls`."""

_FORMATS: Final = ("PNG", "JPEG", "WEBP", "BMP")
_DAMAGED: Final = (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError)
"""What comes of bytes that are no picture."""
_DATA: Final = re.compile(r"data:image/[a-z]+;base64,")
_CALL: Final = re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.DOTALL)
"""How models in the manner of Hermes and Qwen call a tool; a call that is cut off reaches to the end."""


class Wishes(BaseModel):
    """How one question is to be answered; the names are those of OpenAI's API."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: Annotated[int, Field(ge=1)]
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    """0 takes the likeliest token each time."""
    seed: int = 0
    stop: list[str] = []
    """The answer ends before the first of these."""
    tools: list[dict[str, Any]] = []
    tool_choice: str | bool | dict[str, Any] | None = None
    """`auto`, `none`, `any`, `required`, or the name of the tool that must be called."""
    response_format: dict[str, Any] | None = None
    logprobs: bool = False
    top_logprobs: Annotated[int, Field(ge=0, le=20)] = 0

    @property
    def forced(self) -> list[dict[str, Any]]:
        """The functions of which one must be called; empty where none must be."""
        choice = self.tool_choice
        if not self.tools or choice in (None, False, "auto", "none"):
            return []
        functions = [tool["function"] for tool in self.tools]
        if choice in (True, "any", "required"):
            return functions
        name = choice["function"]["name"] if isinstance(choice, dict) else choice
        return [function for function in functions if function["name"] == name]

    @property
    def told_tools(self) -> list[dict[str, Any]] | None:
        """The tools that the model is told of."""
        return self.tools if self.tools and self.tool_choice != "none" else None

    @property
    def json_form(self) -> dict[str, Any] | None:
        """The JSON schema that the answer is held to: that of the question, or of a call that is forced."""
        if self.forced:
            calls = [_call_schema(function) for function in self.forced]
            return calls[0] if len(calls) == 1 else {"anyOf": calls}
        kind = (self.response_format or {}).get("type")
        if kind == "json_schema" and self.response_format is not None:
            return dict(self.response_format["json_schema"]["schema"])
        return {"type": "object"} if kind == "json_object" else None


class Written(NamedTuple):
    """What a model wrote, and what it took."""

    text: str
    ended: Literal["stop", "length"]
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    """Of the input, those that were known from an earlier question."""
    odds: list[dict[str, Any]] | None = None
    """For each token of the answer what `odds_of` gives."""


def wishes_of(name: str, given: Mapping[str, Any]) -> Wishes:
    """How a question to the model of that name is to be answered.

    Raises:
        ModelError: A wish is unknown or out of range, names no tool, or goes with no other one.
    """
    try:
        wishes = Wishes.model_validate({key: value for key, value in given.items() if value is not None})
        held = wishes.json_form
    except ValidationError as error:
        first = error.errors()[0]
        what = in_one_line(".".join(str(part) for part in first["loc"]), 40)
        known = ", ".join(Wishes.model_fields)
        raise ModelError(
            f"{name} cannot be asked with `{what}` ({in_one_line(first['msg'])}); it takes: {known}"
        ) from None
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{name} was given a tool or an answer's form that is not as OpenAI's API has it ({error!r})"
        ) from None
    if wishes.tools and wishes.response_format:
        raise ModelError(f"{name} takes tools or `response_format`, not both; ask one after the other")
    if wishes.tool_choice not in (None, False, "auto", "none") and not wishes.forced:
        raise ModelError(f"{name} is to call {wishes.tool_choice!r}, which is none of its tools")
    if held is not None and wishes.stop:
        raise ModelError(f"{name} takes `stop` or a schema, not both; the schema says where an answer ends")
    return wishes


def _call_schema(function: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema of a call of one function."""
    parameters = dereference_refs(dict(function.get("parameters") or {"type": "object"}))
    return {
        "type": "object",
        "properties": {"name": {"const": function["name"]}, "arguments": parameters},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def special_tokens(tokenizer: Any) -> list[str]:
    """The tokens that mean something to a model beyond their letters, such as the end of a turn."""
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    special = {*tokenizer.all_special_tokens, *(str(token) for token in added if token.special)}
    return sorted(special, key=len, reverse=True)


def conversation_of(messages: Sequence[BaseMessage], special: Sequence[str]) -> Conversation:
    """The messages for a chat template, in which no word is one of the model's `special` tokens.

    A text that holds one gets a space into it, so that a label or a sentence can end no turn and feign no
    picture. Content is one text, or a list of parts where there is a picture.

    Raises:
        QuestionError: A part is neither text nor a picture in a data URI.
    """
    try:
        conversation = convert_to_openai_messages(list(messages))
    except (ValueError, KeyError, TypeError) as error:
        raise QuestionError(
            f"the messages cannot be put to a chat model ({in_one_line(str(error))})"
        ) from error
    told = [{**message, "content": _content(message.get("content"))} for message in conversation]
    return [_plain(message, [token for token in special if len(token) > 1]) for message in told]


def _content(content: Any) -> str | list[dict[str, Any]]:
    if content is None or isinstance(content, str):
        return content or ""
    parts = []
    for part in content:
        if part.get("type") == "image_url":
            url = _url(part)
            open_picture(url)
            part = {"type": "image_url", "image_url": {"url": url}}
        elif part.get("type") != "text":
            kind = in_one_line(str(part.get("type")), 40)
            raise QuestionError(f"a chat model is asked with text and pictures, and {kind!r} is neither")
        parts.append(part)
    if all(part["type"] == "text" for part in parts):
        return "\n".join(str(part["text"]) for part in parts)
    return parts


def _url(part: Mapping[str, Any]) -> str:
    image = part.get("image_url")
    return str(image.get("url") if isinstance(image, Mapping) else image)


def _plain(value: Any, tokens: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one, tokens) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one, tokens) for one in value]
    if isinstance(value, str) and not _DATA.match(value):
        for token in tokens:
            value = value.replace(token, f"{token[0]} {token[1:]}")
    return value


def open_picture(url: str) -> Image.Image:
    """The picture in a data URI, its header read and nothing decoded yet.

    Raises:
        QuestionError: It is another address, is damaged, or has more than MAX_PIXELS.
    """
    head = _DATA.match(url)
    if not head:
        raise QuestionError(
            f"pictures travel inside the question, as data:image/png;base64,...; {in_one_line(url, 60)!r} "
            "is not fetched"
        )
    try:
        data = base64.b64decode(url[head.end() :], validate=True)
        picture = Image.open(io.BytesIO(data), formats=_FORMATS)
    except _DAMAGED as error:
        raise QuestionError(f"a picture in the question is damaged or not {', '.join(_FORMATS)}") from error
    if picture.width * picture.height > MAX_PIXELS:
        raise QuestionError(
            f"a picture in the question has over {MAX_PIXELS / 1e6:g} megapixels; scale it down"
        )
    return picture


def message_of(written: Written, wishes: Wishes, name: str) -> AIMessage:
    """What was written as LangChain has it, with the calls of tools read out of the text.

    Calls are read where they are forced, and as `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`.
    """
    text = written.text
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    if wishes.told_tools:
        found = [written.text] if wishes.forced and "<tool_call>" not in text else _CALL.findall(text)
        known = [tool["function"]["name"] for tool in wishes.tools]
        for one in found:
            _read_call(one, known, calls, invalid)
        text = "" if wishes.forced else _CALL.sub("", text).strip()
    metadata: dict[str, Any] = {
        "model_name": name,
        "finish_reason": "tool_calls" if calls and written.ended == "stop" else written.ended,
    }
    if written.odds is not None:
        metadata["logprobs"] = {"content": written.odds, "refusal": None}
    return AIMessage(
        text,
        tool_calls=calls,
        invalid_tool_calls=invalid,
        response_metadata=metadata,
        usage_metadata={
            "input_tokens": written.input_tokens,
            "output_tokens": written.output_tokens,
            "total_tokens": written.input_tokens + written.output_tokens,
            "input_token_details": {"cache_read": written.cached_tokens},
        },
    )


def _read_call(
    text: str, known: Collection[str], calls: list[ToolCall], invalid: list[InvalidToolCall]
) -> None:
    """Add the call that a model wrote as JSON to the calls, or to the invalid ones with what is wrong."""
    key = f"call_{uuid.uuid4().hex}"
    try:
        content = json.loads(text)
        name, arguments = content["name"], content["arguments"]
    except (ValueError, RecursionError, KeyError, TypeError):
        problem = "the call is not the JSON of a name and its arguments"
    else:
        if name in known and isinstance(arguments, dict):
            calls.append(ToolCall(name=name, args=arguments, id=key, type="tool_call"))
            return
        problem = "the call names no tool that there is, or its arguments are no JSON object"
    invalid.append(InvalidToolCall(name=None, args=text, id=key, error=problem, type="invalid_tool_call"))


def odds_of(token: str, logprob: float, top: Sequence[tuple[str, float]]) -> dict[str, Any]:
    """The log odds of one token and of the likeliest ones in its place, as OpenAI's API has them."""
    return {**_odds(token, logprob), "top_logprobs": [_odds(*one) for one in top]}


def _odds(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "bytes": list(token.encode()), "logprob": logprob}
