"""Calls of tools in a turn: read from what a model answered, proposed to a person where needed, and made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from langchain_core.messages import AIMessage

from ...schema import LogiSightError, Record, SessionError
from ..llm.answers import in_one_line
from .changes import apply_change
from .desk import Desk
from .explaining_tools import EXPLAINING
from .looking_tools import LOOKING
from .rule_tools import RULES
from .tool import Answer, Around, Tool, cut, whole_characters
from .turn import Change

MOST_CALLS_AT_ONCE: Final = 6
"""Tool calls of one answer; the others are not made, and the model is told."""
LONGEST_ARGUMENTS: Final = 8_000
"""Characters of the arguments of one call, as JSON."""
_LONGEST_NAME: Final = 60
_MOST_DIGITS: Final = 15
_MOST_READ: Final = 64
"""Calls of one answer that are kept at all."""

TOOLS: Final[dict[str, Tool[Any]]] = {tool.name: tool for tool in (*LOOKING, *EXPLAINING, *RULES)}
"""By name."""


class Consent(Record):
    """What a person is asked before something is changed or run."""

    call: str
    """Id of the call that waits."""
    tool: str
    question: str
    change: Change


class Decision(Record):
    """What a person says to that."""

    yes: bool
    edit: str = ""
    """Another sentence to be proposed in its place; the person is asked again."""


class Call(Record):
    """One call of a tool."""

    id: str
    name: str
    arguments: dict[str, Any]
    change: Change | None = None
    """What a person must agree to."""
    decision: Decision | None = None
    answer: str | None = None

    @property
    def waits(self) -> bool:
        """Whether a person must answer first."""
        return self.change is not None and self.decision is None and self.answer is None

    @property
    def edited_argument(self) -> str:
        """The argument that a person may put in other words; empty where there is none."""
        fields = _tool(self.name).Arguments.model_fields
        return next((name for name in ("sentence", "code") if name in fields), "")


def calls_of(answer: AIMessage, prefix: str) -> list[Call]:
    """The calls that a model wants to make; those that cannot be made have their answer already.

    Calls without an id of their own get one that begins with `prefix`.
    """
    calls: list[Call] = []
    read: list[tuple[Any, str]] = [(call, "") for call in answer.tool_calls]
    read += [(call, "the arguments are no JSON object") for call in answer.invalid_tool_calls]
    for number, (call, problem) in enumerate(read[:_MOST_READ]):
        told = str(call.get("id") or "")
        taken = {one.id for one in calls}
        arguments: dict[str, Any] = {}
        if not problem:
            arguments, problem = _read(call["args"])
        if number >= MOST_CALLS_AT_ONCE:
            problem = f"not done: at most {MOST_CALLS_AT_ONCE} calls at once; call again for what is missing"
        calls.append(
            Call(
                id=told if 0 < len(told) <= _LONGEST_NAME and told not in taken else f"{prefix}.{number}",
                name=in_one_line(str(call.get("name") or ""), _LONGEST_NAME),
                arguments=arguments,
                answer=f"Error: {problem}" if problem else None,
            )
        )
    return calls


def limited(calls: Sequence[Call], left: int) -> list[Call]:
    """The same calls; those beyond the next `left` are not made, and say so."""
    open_ones = [call.id for call in calls if call.answer is None]
    beyond = set(open_ones[max(left, 0) :])
    why = "Error: not done: this turn has had as many calls as it may have"
    return [call.model_copy(update={"answer": why}) if call.id in beyond else call for call in calls]


def proposed(call: Call, desk: Desk, around: Around) -> Call:
    """A call that was checked, with what a person must agree to, or with an error as its answer."""
    if call.answer is not None:
        return call
    try:
        tool = _tool(call.name)
        asked = tool.arguments(call.arguments)
        propose = tool.proposes
        if propose is None:
            return call
        change = desk.worker.call(tool.name, tool.seconds, lambda: propose(desk, around, asked))
    except LogiSightError as error:
        return call.model_copy(update={"answer": cut(f"Error: {error}")})
    return call.model_copy(update={"change": change})


def edited(call: Call, words: str) -> Call:
    """A call in other words, to be proposed again."""
    argument = call.edited_argument
    if not argument:
        return call.model_copy(
            update={
                "answer": "The person wants something else, which this call has no words for; nothing was "
                f"changed. They say: {cut(words, 400)}"
            }
        )
    return call.model_copy(update={"arguments": {**call.arguments, argument: words}, "change": None})


def made(call: Call, desk: Desk, around: Around) -> Answer:
    """What a call answers; what a person must agree to is done only where they did.

    Raises:
        LogiSightError: It cannot be made, or takes too long.
    """
    tool = _tool(call.name)
    asked = tool.arguments(call.arguments)
    change, run = call.change, tool.run
    if tool.proposes and not (change and call.decision and call.decision.yes):
        return Answer(text="The person said no; nothing was changed.")
    if run is None:
        if change is None:
            raise SessionError(f"{tool.name} does nothing")
        return Answer(text=apply_change(desk.product, change))
    return desk.worker.call(tool.name, tool.seconds, lambda: run(desk, around, asked))


def question_of(product: str, change: Change) -> str:
    """What a person is asked, in one line."""
    text = change.rule.text if change.rule else ""
    if change.action == "save":
        return f"Put this rule into the rulebook of {product}? {text}"
    if change.action == "change":
        return f"Replace rule {change.number} of {product} by this? {text}"
    if change.action == "retire":
        return f"Take rule {change.number} out of the rulebook of {product}? {text}"
    return "Run this check, which is not proven, in the sandbox?"


def _tool(name: str) -> Tool[Any]:
    if name not in TOOLS:
        raise SessionError(f"there is no tool {name!r}; there are: {', '.join(TOOLS)}")
    return TOOLS[name]


def _read(given: Any) -> tuple[dict[str, Any], str]:
    """Arguments as they can be kept, and what is wrong with them."""
    try:
        text = whole_characters(json.dumps(given, ensure_ascii=False, allow_nan=False))
        arguments = json.loads(text, parse_int=_whole_number) if len(text) <= LONGEST_ARGUMENTS else None
    except (ValueError, TypeError, RecursionError) as error:
        return {}, f"the arguments cannot be used ({in_one_line(str(error))})"
    if arguments is None:
        return {}, f"the arguments have more than {LONGEST_ARGUMENTS} characters"
    return (arguments, "") if isinstance(arguments, dict) else ({}, "the arguments are no JSON object")


def _whole_number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number has more than {_MOST_DIGITS} digits")
    return int(digits)
