"""What a chat model can do, found out by trying it: servers ignore in silence what they do not know."""

from __future__ import annotations

import base64
import io
import json
import math
import re
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from PIL import Image
from pydantic import TypeAdapter, computed_field

from ...schema import AuthorError, ModelError, Record
from ..reasoner import OFFLINE, OfflineReasoner
from .answers import held_to, in_one_line, read_answer, whole_text
from .odds import WITH_ODDS


class Ability(StrEnum):
    """One thing that a chat model may be able to do."""

    answer = "answer"
    """It answers, brings the answer to its end, and says what it was asked to say."""
    schema = "schema"
    """Its answer keeps to a JSON schema, even against its will."""
    tools = "tools"
    """It calls a tool when that is the way to do what it is asked, with the right arguments."""
    images = "images"
    """It sees pictures."""
    streaming = "streaming"
    """Its answer comes piece by piece."""
    odds = "odds"
    """It tells the log probabilities of the words of its answer, and of other words in their place."""
    tokens = "tokens"
    """It counts the tokens of question and answer."""


State = Literal["yes", "wrong", "no"]
"""It can; it takes the question but does it wrong; it refuses, or does nothing of the kind."""


class Tried(Record):
    """How one ability was tried on one model, and what came of it."""

    ability: Ability
    state: State
    detail: str
    """What was seen, in one line."""
    seconds: float


FOR_AUTHORING: Final = (Ability.answer, Ability.schema)
"""What a chat model must be able to do for it to write checks."""


class Report(Record):
    """What came of trying one model."""

    model: str
    abilities: list[Tried]

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def can_author(self) -> bool:
        """Whether it can do all that a chat model must for it to write checks."""
        return not self.lacks_for_authoring

    @property
    def lacks_for_authoring(self) -> list[Ability]:
        """What it cannot do of that."""
        able = {tried.ability for tried in self.abilities if tried.state == "yes"}
        return [ability for ability in FOR_AUTHORING if ability not in able]


REMEDIES: Final[Mapping[Ability, str]] = {
    Ability.answer: "see the log of its server, or take an instruct model",
    Ability.schema: "serve it with `logisight serve`, which holds answers to a schema",
    Ability.tools: "serve it with `logisight serve MODEL --tool-parser NAME`, or take one trained on tools",
    Ability.images: "take a vision-language model, served with `logisight serve MODEL --images 4`",
    Ability.streaming: "ask it without streaming, or serve it with `logisight serve`",
    Ability.odds: "serve it with `logisight serve`, which tells them; many hosted endpoints do not",
    Ability.tokens: "serve it with `logisight serve`, which counts them",
}
"""What to do where a model cannot."""

OFFLINE_SAYS: Final = "it is no chat model: it compiles sentences of controlled English"

SQUARES: Final[Mapping[str, tuple[int, int, int]]] = {"blue": (0, 0, 255), "yellow": (255, 255, 0)}
"""Plain pictures that are shown, and their colour in RGB: two, so that one guess is not enough."""
_COLORS: Final = ("red", "green", "blue", "yellow", "black", "white", "orange", "purple")
_SIDE: Final = 112
"""Pixels of a square: a whole number of the patches of 14, 16 and 28 that models cut pictures into."""
_WORD: Final = "washer"
_HELD_WORDS: Final = ("heliotrope", "basalt")
"""No model says these by itself when it is asked to say hello."""
_COUNT: Final = 17
_SHOWN: Final = 60
"""Characters of an answer that are shown."""
_TOOL: Final[dict[str, Any]] = {
    "type": "function",
    "function": {
        "name": "record_count",
        "description": "Write down how many parts of one kind were counted.",
        "parameters": {
            "type": "object",
            "properties": {"part": {"type": "string"}, "count": {"type": "integer"}},
            "required": ["part", "count"],
            "additionalProperties": False,
        },
    },
}


class _Seen(NamedTuple):
    state: State
    detail: str


def try_ability(model: BaseChatModel, ability: Ability) -> Tried:
    """Ask a model something that only one who has the ability answers well; takes one or two questions.

    Raises:
        ModelError: The model cannot be asked at all, not even a plain question.
    """
    began = time.perf_counter()
    seen = _seen(model, ability)
    seconds = time.perf_counter() - began
    return Tried(ability=ability, state=seen.state, detail=seen.detail, seconds=round(seconds, 3))


def _seen(model: BaseChatModel, ability: Ability) -> _Seen:
    if isinstance(model, OfflineReasoner):
        return _Seen("no", OFFLINE_SAYS)
    try:
        return _TRIALS[ability](model)
    except AuthorError as error:
        return _Seen("wrong", str(error).partition(";")[0])
    except NotImplementedError:
        return _Seen("no", "this kind of model has no such thing")
    except ModelError as error:
        if ability is Ability.answer:
            raise
        # Where a plain question fails too, it was not the ability that was missing.
        model.invoke([HumanMessage("Say hello.")])
        return _Seen("no", in_one_line(str(error)))


def _answer(model: BaseChatModel) -> _Seen:
    text = whole_text(model.invoke([HumanMessage(f"Answer with one word and nothing else: {_WORD}")]))
    return _Seen(
        "yes" if _WORD in text.lower() else "wrong", f"asked to say {_WORD!r}, it says {_quoted(text)}"
    )


def _schema(model: BaseChatModel) -> _Seen:
    words = {"type": "string", "enum": list(_HELD_WORDS)}
    schema = {
        "type": "object",
        "properties": {"word": words},
        "required": ["word"],
        "additionalProperties": False,
    }
    text = whole_text(model.invoke([HumanMessage("Say hello.")], **held_to(schema)))
    try:
        answer = read_answer(text, TypeAdapter(dict[str, str]))
    except AuthorError:
        return _Seen("wrong", f"taken, but not kept: it says {_quoted(text)}")
    kept = list(answer) == ["word"] and answer["word"] in _HELD_WORDS
    return _Seen("yes" if kept else "wrong", f"held to two words, it says {_quoted(json.dumps(answer))}")


def _tools(model: BaseChatModel) -> _Seen:
    question = f"Use the tool record_count to write down that {_COUNT} parts named {_WORD} were counted."
    message = model.bind_tools([_TOOL]).invoke([HumanMessage(question)])
    if not isinstance(message, AIMessage) or not message.tool_calls:
        return _Seen("wrong", f"no tool is called; it says {_quoted(str(message.text))}")
    call = message.tool_calls[0]
    right = call["name"] == "record_count" and call["args"] == {"part": _WORD, "count": _COUNT}
    called = f"{call['name']}({json.dumps(call['args'], default=str)})"
    return _Seen("yes" if right and len(message.tool_calls) == 1 else "wrong", f"calls {_quoted(called)}")


def _images(model: BaseChatModel) -> _Seen:
    said = {color: _color_said(model, rgb) for color, rgb in SQUARES.items()}
    detail = "; ".join(f"a {color} square is {_quoted(text)}" for color, text in said.items())
    return _Seen("yes" if all(_named(text) == [color] for color, text in said.items()) else "wrong", detail)


def _color_said(model: BaseChatModel, rgb: tuple[int, int, int]) -> str:
    file = io.BytesIO()
    Image.new("RGB", (_SIDE, _SIDE), rgb).save(file, "PNG")
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
    question = f"Which colour is this square? Answer with one word of: {', '.join(_COLORS)}."
    return whole_text(
        model.invoke(
            [
                HumanMessage(
                    [{"type": "text", "text": question}, {"type": "image_url", "image_url": {"url": url}}]
                )
            ]
        )
    )


def _named(text: str) -> list[str]:
    """The colours that a text names, each once."""
    words = re.findall(r"[a-z]+", text.lower())
    return [color for color in _COLORS if color in words]


def _streaming(model: BaseChatModel) -> _Seen:
    pieces = 0
    try:
        for chunk in model.stream([HumanMessage("Count from one to twenty in words.")]):
            pieces += bool(chunk.text)
            if pieces > 1:
                return _Seen("yes", "the answer comes piece by piece")
    except ValueError:
        # LangChain's own, where an endpoint answers in another way than as a stream.
        pieces = 0
    return _Seen("no", "the answer comes in one piece" if pieces else "nothing comes when it is streamed")


def _odds(model: BaseChatModel) -> _Seen:
    question = HumanMessage("Is 7 larger than 3? Answer with one word: yes or no.")
    told = model.invoke([question], **WITH_ODDS).response_metadata.get("logprobs")
    words = told.get("content") if isinstance(told, dict) else None
    if not isinstance(words, list) or not words:
        return _Seen("no", "taken, but none are told")
    if not all(map(_is_odds, words)):
        return _Seen("wrong", "what is told is not a log probability and others for each word")
    chance = math.exp(words[0]["logprob"])
    return _Seen("yes", f"its first word {_quoted(str(words[0].get('token')))} had a chance of {chance:.2g}")


def _is_odds(word: Any) -> bool:
    """Whether this is a log probability with at least one of the words that might stand there."""
    if not isinstance(word, dict):
        return False
    others = word.get("top_logprobs")
    if not isinstance(others, list) or not others or not all(isinstance(other, dict) for other in others):
        return False
    numbers = [one.get("logprob") for one in (word, *others)]
    return all(isinstance(number, int | float) and number <= 0 for number in numbers)


def _tokens(model: BaseChatModel) -> _Seen:
    message: BaseMessage = model.invoke([HumanMessage("Say hello.")])
    usage = message.usage_metadata if isinstance(message, AIMessage) else None
    if usage is None:
        return _Seen("no", "none are counted")
    counted = usage["input_tokens"] > 0 and usage["output_tokens"] > 0
    detail = f"{usage['input_tokens']} of the question, {usage['output_tokens']} of the answer"
    return _Seen("yes" if counted else "wrong", detail)


_TRIALS: Final[Mapping[Ability, Callable[[BaseChatModel], _Seen]]] = {
    Ability.answer: _answer,
    Ability.schema: _schema,
    Ability.tools: _tools,
    Ability.images: _images,
    Ability.streaming: _streaming,
    Ability.odds: _odds,
    Ability.tokens: _tokens,
}


_KNOWN: Final[dict[int, dict[Ability, Tried]]] = {}
"""By the identity of a model, as long as it lives: it may hold gigabytes that must not be kept for this."""
_LOCK: Final = threading.Lock()


def require(model: BaseChatModel, *abilities: Ability) -> None:
    """Return if a model can do all of these; each is tried once in a process for each model.

    Call it at the start of what needs them, so that a person learns at once what to change.

    Raises:
        ModelError: It cannot do one of them, in one line with what to do; or it cannot be asked at all.
    """
    with _LOCK:
        known = _known(model)
        for ability in abilities:
            if ability not in known:
                known[ability] = try_ability(model, ability)
    for ability in abilities:
        if known[ability].state != "yes":
            raise ModelError(_cannot(model, known[ability]))


def _known(model: BaseChatModel) -> dict[Ability, Tried]:
    if id(model) not in _KNOWN:
        _KNOWN[id(model)] = {}
        weakref.finalize(model, _KNOWN.pop, id(model), None)
    return _KNOWN[id(model)]


def _cannot(model: BaseChatModel, tried: Tried) -> str:
    if isinstance(model, OfflineReasoner):
        return f"{OFFLINE} cannot '{tried.ability}' ({OFFLINE_SAYS}); name one that can, such as vllm:MODEL"
    how = "fails" if tried.state == "wrong" else "is not there"
    return f"{name_of(model)}: '{tried.ability}' {how} ({tried.detail}); {REMEDIES[tried.ability]}"


def name_of(model: BaseChatModel) -> str:
    """The string that names a model, for messages."""
    return in_one_line(str(getattr(model, "known_as", "") or model._llm_type), _SHOWN)


def _quoted(text: str) -> str:
    return repr(in_one_line(text, _SHOWN))
