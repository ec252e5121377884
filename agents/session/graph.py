"""One turn of a session as a LangGraph graph: what is asked, tools, what a person must agree to, an answer.

    begin -> think -> check -> ask -> act -> think ... -> keep
                               ^_______|  one call at a time

The state of a turn is plain JSON, and small: what came before is in the store, and is known by the SHA-256 of
the last turn. Each call of a tool is a step of its own, so that a session that is killed in the middle goes
on with that call. Nothing changes a rule or runs what is not proven before `ask` was answered with yes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, TypedDict

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.runnables import Runnable
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from ...schema import LogiSightError, ModelError, Usage
from ..llm.answers import in_one_line
from ..llm.asking import usage_of
from .calls import (
    TOOLS,
    Call,
    Consent,
    Decision,
    calls_of,
    edited,
    limited,
    made,
    proposed,
    question_of,
)
from .desk import Desk
from .talker import ASKED, NEW_PICTURES
from .tool import Answer, Around, cut
from .turn import History, SessionPicture, Shown, Step, Turn

__all__ = ["TOOLS", "Consent", "Decision", "Room", "State", "given_up", "question_of", "turn_graph"]

MOST_ROUNDS: Final = 8
"""Times that the model is asked in one turn."""
MOST_CALLS: Final = 16
"""Tool calls of one turn."""
LONGEST_ANSWER: Final = 4_000
"""Characters of the answer of a turn."""


@dataclass(frozen=True)
class Room:
    """What the nodes work with; it travels beside the state."""

    desk: Desk
    history: History
    model: BaseChatModel
    fallback: BaseChatModel
    """Answers where the model cannot be asked."""
    compose: Callable[[Around, str], list[BaseMessage]]
    """What the model is told before this turn: who it is, and what was said, up to a head."""
    on_step: Callable[[str], None] = lambda _: None
    """Told of each node and tool before it begins."""
    on_text: Callable[[str], None] | None = None
    """Told what the model says, piece by piece as it comes; None where nobody wants to know."""


class State(TypedDict, total=False):
    """What the nodes hand on."""

    head: str
    """SHA-256 of the last finished turn; empty before the first."""
    number: int
    started: str
    reasoner: str
    asked: str
    pictures: list[dict[str, Any]]
    messages: list[dict[str, Any]]
    calls: list[dict[str, Any]]
    """Of the model's last answer."""
    rounds: int
    made: int
    shown: list[dict[str, Any]]
    verdicts: dict[str, str]
    decisions: list[str]
    steps: list[dict[str, Any]]
    stopped: str
    answer: str


def turn_graph(
    checkpointer: BaseCheckpointSaver[Any] | None,
) -> CompiledStateGraph[State, Room, State, State]:
    """The graph, with its checkpoints in `checkpointer`; None of a part of a graph that has its own."""
    graph = StateGraph(State, context_schema=Room)
    for name, node in (
        ("begin", _begin),
        ("think", _think),
        ("check", _check),
        ("ask", _ask),
        ("act", _act),
        ("keep", _keep),
    ):
        graph.add_node(name, node)
    graph.add_edge(START, "begin")
    graph.add_edge("begin", "think")
    graph.add_conditional_edges("think", _after_thinking, ["check", "keep"])
    graph.add_edge("check", "ask")
    graph.add_conditional_edges("ask", _after_asking, ["ask", "act"])
    graph.add_conditional_edges("act", _after_acting, ["ask", "act", "think"])
    graph.add_edge("keep", END)
    return graph.compile(checkpointer=checkpointer)


def _begin(state: State, runtime: Runtime[Room]) -> State:
    runtime.context.on_step("begin")
    return _begun(state)


def _begun(state: State) -> State:
    """A turn with nothing left in it of one before."""
    numbers = [picture["number"] for picture in state["pictures"]]
    came = f"\n(Pictures that came with this: {', '.join(map(str, numbers))})" if numbers else ""
    message = HumanMessage(
        state["asked"] + came, additional_kwargs={ASKED: state["asked"], NEW_PICTURES: numbers}
    )
    return {
        "number": state.get("number", 0) + 1,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "messages": messages_to_dict([message]),
        "calls": [],
        "rounds": 0,
        "made": 0,
        "shown": [],
        "verdicts": {},
        "decisions": [],
        "steps": [],
        "stopped": "",
        "answer": "",
    }


def _think(state: State, runtime: Runtime[Room]) -> State:
    room, start = runtime.context, time.perf_counter()
    room.on_step("think")
    if state["rounds"] >= MOST_ROUNDS or state["made"] >= MOST_CALLS:
        return _stopped(state, f"stopped after {state['made']} tool calls, before it was done")
    answer, down = _answer(state, room)
    seconds = time.perf_counter() - start
    modelled = not down and room.model is not room.fallback
    step = Step(
        name="think",
        seconds=seconds,
        usage=usage_of(answer, seconds) if modelled else Usage(),
        error=in_one_line(down, 400),
    )
    calls = calls_of(answer, f"{state['number']}.{state['rounds']}")
    kept = AIMessage(
        content=cut(str(answer.text)),
        tool_calls=[{"name": c.name, "args": c.arguments, "id": c.id, "type": "tool_call"} for c in calls],
    )
    said = "" if calls else cut(str(answer.text).strip(), LONGEST_ANSWER) or "The model gave no answer."
    return {
        "messages": [*state["messages"], *messages_to_dict([kept])],
        "calls": _plain(calls),
        "rounds": state["rounds"] + 1,
        "steps": [*state["steps"], step.model_dump(mode="json")],
        "answer": f"{down} {said}".strip() if said else "",
        "stopped": down,
    }


def _answer(state: State, room: Room) -> tuple[AIMessage, str]:
    """What the model answers; or what can be said without it, and why that is."""
    messages, down = messages_from_dict(state["messages"]), state["stopped"]
    tools = _schemas()
    if room.model is room.fallback:
        return _invoked(room.fallback, tools, messages), ""
    if not down:
        before = room.compose(_around(state, room), state.get("head", ""))
        try:
            return _invoked(room.model, tools, [*before, *messages], room.on_text), ""
        except (ModelError, NotImplementedError) as error:
            why = in_one_line(str(error) or "it calls no tools", 300)
            down = f"The model cannot be asked ({why}); this is what can be said without it."
    return _invoked(room.fallback, tools, messages), down


@cache
def _schemas() -> list[dict[str, Any]]:
    return [tool.schema for tool in TOOLS.values()]


def _invoked(
    model: BaseChatModel,
    tools: list[dict[str, Any]],
    messages: list[BaseMessage],
    on_text: Callable[[str], None] | None = None,
) -> AIMessage:
    bound = model.bind_tools(tools)
    answer = on_text and _streamed(bound, messages, on_text, hasattr(model, "stream_usage"))
    answer = answer or bound.invoke(messages)
    if not isinstance(answer, AIMessage):
        raise ModelError(f"it answered with a {type(answer).__name__}")
    return answer


def _streamed(
    model: Runnable[LanguageModelInput, AIMessage],
    messages: list[BaseMessage],
    on_text: Callable[[str], None],
    counts: bool,
) -> AIMessage | None:
    """An answer that is told piece by piece; None where it does not come as a stream."""
    answer: Any = None
    try:
        for piece in model.stream(messages, None, **({"stream_usage": True} if counts else {})):
            on_text(str(piece.text))
            answer = piece if answer is None else answer + piece
    except ValueError:  # LangChain's own, where an endpoint answers in another way
        return None
    return answer if isinstance(answer, AIMessage) else None


def _check(state: State, runtime: Runtime[Room]) -> State:
    """Check the calls that the model made; what a person must agree to is worked out here."""
    room, steps = runtime.context, list(state["steps"])
    room.on_step("check")
    around, checked = _around(state, room), []
    for call in limited(_calls(state), MOST_CALLS - state["made"]):
        one, step = _checked(call, room, around)
        checked.append(one)
        steps += step
    return {"calls": _plain(checked), "steps": steps}


def _checked(call: Call, room: Room, around: Around) -> tuple[Call, list[dict[str, Any]]]:
    """A call as `proposed`, and the step that its proposal was, where it is one."""
    tool, start = TOOLS.get(call.name), time.perf_counter()
    one = proposed(call, room.desk, around)
    if not (tool and tool.proposes) or call.answer is not None:
        return one, []
    step = Step(
        name=f"propose: {call.name}",
        seconds=time.perf_counter() - start,
        arguments=call.arguments,
        usage=one.change.usage if one.change else Usage(),
        error=(one.answer or "").removeprefix("Error: "),
    )
    return one, [step.model_dump(mode="json")]


def _ask(state: State, runtime: Runtime[Room]) -> State:
    """Ask a person about the first call that waits for a yes; a graph that is resumed begins here again."""
    room = runtime.context
    calls = _calls(state)
    waiting = ((n, call, call.change) for n, call in enumerate(calls) if call.waits)
    place, call, change = next(waiting, (0, None, None))
    if call is None or change is None:
        return {}
    room.on_step("ask")
    question = question_of(room.desk.product.name, change)
    consent = Consent(call=call.id, tool=call.name, question=question, change=change)
    decision = Decision.model_validate(interrupt(consent.model_dump(mode="json")))
    said = "yes" if decision.yes else f"edit: {cut(decision.edit, 400)}" if decision.edit else "no"
    steps: list[dict[str, Any]] = []
    if decision.edit and not decision.yes:
        calls[place], steps = _checked(edited(call, decision.edit), room, _around(state, room))
    else:
        calls[place] = call.model_copy(update={"decision": decision})
    return {
        "calls": _plain(calls),
        "steps": [*state["steps"], *steps],
        "decisions": [*state["decisions"], f"{question} {said}"],
    }


def _act(state: State, runtime: Runtime[Room]) -> State:
    """Make the first call that has no answer yet."""
    room, start = runtime.context, time.perf_counter()
    calls = _calls(state)
    place = next((n for n, call in enumerate(calls) if call.answer is None), None)
    if place is None:
        answers = [ToolMessage(cut(call.answer or ""), tool_call_id=call.id) for call in calls]
        return {"messages": [*state["messages"], *messages_to_dict(answers)], "calls": []}
    call = calls[place]
    room.on_step(call.name)
    error = ""
    try:
        answer = made(call, room.desk, _around(state, room))
    except LogiSightError as problem:
        answer, error = Answer(text=f"Error: {problem}"), str(problem)
    calls[place] = call.model_copy(update={"answer": cut(answer.text)})
    verdicts = {str(n): room.desk.store.put_record(verdict) for n, verdict in answer.verdicts.items()}
    step = Step(
        name=call.name,
        seconds=time.perf_counter() - start,
        arguments=call.arguments,
        usage=answer.usage,
        evidence=[*verdicts.values(), *(one.sha256 for one in answer.shown)],
        error=error,
    )
    return {
        "calls": _plain(calls),
        "made": state["made"] + 1,
        "shown": [*state["shown"], *(one.model_dump() for one in answer.shown)],
        "verdicts": {**state["verdicts"], **verdicts},
        "steps": [*state["steps"], step.model_dump(mode="json")],
    }


def _keep(state: State, runtime: Runtime[Room]) -> State:
    """Put the turn into the store, where it stays."""
    room = runtime.context
    room.on_step("keep")
    turn = Turn(
        number=state["number"],
        previous=state.get("head", ""),
        started=state["started"],
        reasoner=state["reasoner"],
        asked=state["asked"],
        pictures=[SessionPicture.model_validate(one) for one in state["pictures"]],
        messages=state["messages"],
        answer=state["answer"],
        shown=[Shown.model_validate(one) for one in state["shown"]],
        verdicts={int(number): sha256 for number, sha256 in state["verdicts"].items()},
        decisions=state["decisions"],
        steps=[Step.model_validate(one) for one in state["steps"]],
        stopped=state["stopped"],
    )
    return {
        "head": room.desk.store.put_record(turn),
        "asked": "",
        "pictures": [],
        "messages": [],
        "calls": [],
        "shown": [],
        "verdicts": {},
        "decisions": [],
        "steps": [],
        "answer": "",
    }


def given_up(state: State, begun: bool, why: str) -> State:
    """What ends a turn that cannot be finished, so that it is kept as far as it came."""
    told = f"This was not finished ({in_one_line(why, 300)}); ask again."
    end: State = {"calls": [], "stopped": told, "answer": told}
    return end if begun else {**_begun(state), **end}


def _after_thinking(state: State) -> str:
    return "check" if state["calls"] else "keep"


def _after_asking(state: State) -> str:
    return "ask" if any(call.waits for call in _calls(state)) else "act"


def _after_acting(state: State) -> str:
    return "act" if state["calls"] else "think"


def _calls(state: State) -> list[Call]:
    return [Call.model_validate(call) for call in state["calls"]]


def _plain(calls: Sequence[Call]) -> list[dict[str, Any]]:
    return [call.model_dump(mode="json") for call in calls]


def _around(state: State, room: Room) -> Around:
    new = tuple(SessionPicture.model_validate(picture) for picture in state["pictures"])
    past = room.history.past(state.get("head", ""))
    fresh = {int(number): sha256 for number, sha256 in state["verdicts"].items()}
    return Around(past=past._replace(verdicts={**past.verdicts, **fresh}), new=new)


def _stopped(state: State, why: str) -> State:
    messages = messages_from_dict(state["messages"])
    last = next((str(one.text) for one in reversed(messages) if isinstance(one, ToolMessage)), "")
    return {"calls": [], "stopped": f"I {why}.", "answer": f"I {why}. {last}".strip()}
