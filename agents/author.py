"""Words to a proven rule: a LangGraph graph that writes a check and lets it count only once it is proven.

    write -> gate -> learn -> prove -> the rule
      ^________|_______|________|          at most ATTEMPTS times, then refused with the evidence

The author is any LangChain chat model. Its answer is never trusted: it is parsed by a schema, passes the text
gate, and runs in the sandbox only. What went wrong goes back to it as evidence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple, TypedDict

from langchain_core.language_models import BaseChatModel
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from pydantic import TypeAdapter

from ..prompts import author_messages
from ..sandbox import Jail, inspect_code, language_text
from ..schema import AuthorError, Proof, Rule
from .draft import Attempt, Draft, Failure, Refusal, Request, answer_schema
from .learning import learn_ranges, unknown_ranges, written
from .llm.answers import held_to, read_answer, whole_text
from .proof import Reference, prove, run_check

ATTEMPTS = 3
"""How often the author may try."""

_ANSWER: TypeAdapter[Draft | Refusal] = TypeAdapter(Draft | Refusal)


@dataclass(frozen=True)
class Bench:
    """What an author works with; it travels beside the state, which holds plain JSON only."""

    reasoner: BaseChatModel
    references: Sequence[Reference]
    jail: Jail
    most_false_alarms: float = 0.0
    """Share of the references that a rule may fail on and still count."""
    on_step: Callable[[str], None] = lambda _: None


class State(TypedDict, total=False):
    """What the nodes hand on."""

    request: dict[str, Any]
    attempts: list[dict[str, Any]]
    """The last one is in work, and good while it has no failure."""
    draft: dict[str, Any]
    refusal: dict[str, Any]
    proof: dict[str, Any]


class Authored(NamedTuple):
    """How the authoring of one sentence ended: with a rule, or with a refusal, or with evidence alone."""

    rule: Rule | None
    refusal: Refusal | None
    attempts: list[Attempt]

    @property
    def evidence(self) -> list[str]:
        """What was wrong with each attempt that failed."""
        return [line for attempt in self.attempts for line in attempt.evidence]


def author_rule(request: Request, bench: Bench, number: int = 1) -> Authored:
    """Turn a sentence into a proven rule.

    Raises:
        AuthorError: There is no reference picture to prove it on.
        ModelError: The reasoner cannot be asked.
    """
    if not bench.references:
        raise AuthorError(
            "a rule is proven on reference pictures and there are none; teach with --references DIR"
        )
    start: State = {"request": request.model_dump(), "attempts": []}
    end = _graph().invoke(start, context=bench)
    attempts = [Attempt.model_validate(attempt) for attempt in end["attempts"]]
    if "refusal" in end:
        return Authored(None, Refusal.model_validate(end["refusal"]), attempts)
    if attempts[-1].failure:
        return Authored(None, None, attempts)
    draft = Draft.model_validate(end["draft"])
    rule = Rule(
        number=number,
        text=request.sentence,
        kind=draft.kind,
        code=draft.code,
        reasoner=bench.reasoner._llm_type,
        proof=Proof.model_validate(end["proof"]),
    )
    return Authored(rule, None, attempts)


@cache
def _graph() -> CompiledStateGraph[State, Bench, State, State]:
    graph = StateGraph(State, context_schema=Bench)
    steps = {"write": _write, "gate": _gate, "learn": _learn, "prove": _prove}
    for name, node in steps.items():
        graph.add_node(name, node)
    graph.add_edge(START, "write")
    names = [*steps, END]
    for name, following in pairwise(names):
        graph.add_conditional_edges(
            name, _route_to(following), list(dict.fromkeys([following, "write", END]))
        )
    return graph.compile()


def _route_to(following: str) -> Callable[[State], str]:
    def route(state: State) -> str:
        if "refusal" in state:
            return END
        if state["attempts"][-1]["failure"]:
            return "write" if len(state["attempts"]) < ATTEMPTS else END
        return following

    return route


def _write(state: State, runtime: Runtime[Bench]) -> State:
    runtime.context.on_step("writing the check")
    request = Request.model_validate(state["request"])
    before = state.get("draft", {}).get("code", "")
    told = state["attempts"][-1]["evidence"] if state["attempts"] else []
    start = time.perf_counter()
    answer = runtime.context.reasoner.invoke(
        author_messages(language_text(), request.model_dump(), before, told),
        **held_to(answer_schema(request.labels)),
    )
    used = answer.usage_metadata
    attempt = Attempt(
        seconds=time.perf_counter() - start,
        input_tokens=used["input_tokens"] if used else 0,
        output_tokens=used["output_tokens"] if used else 0,
    )
    state = {**state, "attempts": [*state["attempts"], attempt.model_dump()]}
    try:
        parsed = read_answer(whole_text(answer), _ANSWER)
    except AuthorError as error:
        return _ended(state, "answer", [str(error)])
    if isinstance(parsed, Refusal):
        return {**_ended(state, "declined", []), "refusal": parsed.model_dump()}
    strange = _strange_labels(parsed, request)
    return {
        **_ended(state, "answer" if strange else None, strange, parsed.code),
        "draft": parsed.model_dump(),
    }


def _ended(state: State, failure: Failure | None, evidence: list[str], code: str | None = None) -> State:
    """The attempts, after a step of the last one."""
    last = {**state["attempts"][-1], "failure": failure, "evidence": evidence}
    if code is not None:
        last["code"] = code
    return {"attempts": [*state["attempts"][:-1], last]}


def _strange_labels(draft: Draft, request: Request) -> list[str]:
    known = ", ".join(request.labels)
    if not draft.labels:
        return [f"`labels` is empty; name the parts that the sentence is about, of: {known}"]
    strange = sorted(set(draft.labels) - set(request.labels))
    return (
        [f"`labels` names {', '.join(strange)}, which this product does not have; it has: {known}"]
        if strange
        else []
    )


def _gate(state: State, runtime: Runtime[Bench]) -> State:
    runtime.context.on_step("reading the check")
    found = inspect_code(state["draft"]["code"])
    if not found:
        return {}
    lines = [f"line {d.line}, column {d.column}: {d.what}; {d.instead}" for d in found]
    return _ended(state, "syntax" if any(d.is_syntax for d in found) else "language", lines)


def _learn(state: State, runtime: Runtime[Bench]) -> State:
    bench, draft = runtime.context, Draft.model_validate(state["draft"])
    unknown = unknown_ranges(draft.code)
    if not unknown:
        return {}
    bench.on_step("learning what is usual")
    scenes = [reference.scene for reference in bench.references]
    ranges = learn_ranges(
        draft.code, scenes, lambda code, scene: run_check(bench.jail, code, scene).expectations
    )
    missing = [name for name in dict.fromkeys(u.name for u in unknown) if name not in ranges]
    if missing:
        return _ended(state, "unlearned", [f"no reference picture shows a value for {', '.join(missing)}"])
    code = written(draft.code, ranges, len(scenes))
    return {
        **_ended(state, None, [], code),
        "draft": draft.model_copy(update={"code": code}).model_dump(),
    }


def _prove(state: State, runtime: Runtime[Bench]) -> State:
    bench, draft = runtime.context, Draft.model_validate(state["draft"])
    bench.on_step("proving it on reference pictures and counterfactuals")
    proof = prove(
        draft.code, draft.labels, draft.breaks, bench.references, bench.jail, bench.most_false_alarms
    )
    proof = proof.model_copy(update={"attempts": len(state["attempts"])})
    if not proof.evidence:
        return {"proof": proof.model_dump()}
    return {
        **_ended(state, _failure(proof, bench.most_false_alarms), proof.evidence),
        "proof": proof.model_dump(),
    }


def _failure(proof: Proof, most_false_alarms: float) -> Failure:
    """Why a check is not proven: that it was stopped says more than that it failed."""
    # To ask for the one part of a label where there are several is an answer, and no fault of the code.
    stopped = [status for status in proof.stopped.values() if status != "undecided"]
    if stopped:
        return TypeAdapter[Failure](Failure).validate_python(stopped[0])
    return "false alarm" if proof.false_alarm_rate > most_false_alarms else "blind"
