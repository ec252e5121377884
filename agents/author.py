"""Words to a proven rule: a LangGraph graph that writes checks and lets one count only once it is proven.

    write -> gate -> learn -> prove -> the rule
      ^________|_______|________|          at most ATTEMPTS times, then refused with the evidence

The author is any LangChain chat model. Its answer is never trusted: it is parsed by a schema, passes the text
gate, and runs in the sandbox only. What went wrong goes back to it as evidence. It may be asked for several
answers at once, of which the one that is proven best counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Final, NamedTuple, Protocol, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables.config import ContextThreadPoolExecutor
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from pydantic import TypeAdapter

from ..prompts import author_messages
from ..sandbox import Jail, inspect_code, language_text
from ..schema import AuthorError, Proof, Rule
from .candidates import agreement, chosen, unnoticed_examples
from .draft import Attempt, Candidate, Draft, Failure, Refusal, Request, answer_schema
from .learning import learn_ranges, unknown_ranges, written
from .llm.answers import held_to, in_one_line, read_answer, whole_text
from .llm.asking import usage_of
from .measures import measures_of
from .proof import Reference, prove, run_check
from .reasoner import OfflineReasoner

ATTEMPTS: Final = 3
"""How often the author may try."""

MOST_SAMPLES: Final = 16
"""Answers that an author may be asked for at once."""

TEMPERATURE: Final = 0.8
"""Of every answer but the first, which is the likeliest one, where several are asked for."""

MOST_TOLD, LONGEST_TOLD = 12, 400
"""Lines of evidence that go back to an author, and characters of each."""

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
    samples: int = 1
    """Answers that are asked for at once, 1 to MOST_SAMPLES; `offline` has only one."""


class State(TypedDict, total=False):
    """What the nodes hand on."""

    request: dict[str, Any]
    rounds: list[list[dict[str, Any]]]
    """The candidates of each time that the author was asked; the last ones are in work."""


class _Node(Protocol):
    def __call__(self, state: State, runtime: Runtime[Bench]) -> State: ...


class Authored(NamedTuple):
    """How the authoring of one sentence ended: with a rule, or with a refusal, or with evidence alone."""

    rule: Rule | None
    refusal: Refusal | None
    attempts: list[Attempt]
    """In the order of asking, but the one that decided how it ended is the last."""

    @property
    def confidence(self) -> float | None:
        """Share of several answers that agree with the rule, 0 to 1; None of one answer."""
        return self.rule.proof.agreement if self.rule and self.rule.proof else None

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
    end = _graph().invoke({"request": _measured(request, bench).model_dump(), "rounds": []}, context=bench)
    rounds = [[Candidate.model_validate(one) for one in candidates] for candidates in end["rounds"]]
    last = rounds[-1]
    best = chosen(last, bench.references, bench.jail)
    rest = [candidate for candidates in rounds for candidate in candidates if candidate is not best]
    attempts = [candidate.attempt for candidate in (*rest, best)]
    if not (best.stands and best.draft and best.proof):
        return Authored(None, best.refusal, attempts)
    agreed = agreement(best, last, bench.references, bench.jail) if len(last) > 1 else None
    rule = Rule(
        number=number,
        text=request.sentence,
        kind=best.draft.kind,
        code=best.draft.code,
        reasoner=bench.reasoner._llm_type,
        proof=best.proof.model_copy(
            update={"attempts": len(rounds), "samples": len(last), "agreement": agreed}
        ),
    )
    return Authored(rule, None, attempts)


def _measured(request: Request, bench: Bench) -> Request:
    """The request, with what the product's parts measure on the reference pictures."""
    scenes = [reference.scene for reference in bench.references]
    measured = measures_of(scenes, [label for label in request.labels if label in scenes[0].labels])
    return request.model_copy(update={"pictures": len(scenes), "measured": measured})


@cache
def _graph() -> CompiledStateGraph[State, Bench, State, State]:
    graph = StateGraph(State, context_schema=Bench)
    steps: dict[str, _Node] = {
        "write": _write,
        "gate": _step(_gate),
        "learn": _step(_learn),
        "prove": _step(_prove),
    }
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
        candidates = _in_work(state)
        if any(candidate.stands for candidate in candidates):
            return following
        if all(candidate.refusal for candidate in candidates):
            return END
        return "write" if len(state["rounds"]) < ATTEMPTS else END

    return route


def _in_work(state: State) -> list[Candidate]:
    return [Candidate.model_validate(one) for one in state["rounds"][-1]]


def _step(work: Callable[[Candidate, Bench], Candidate]) -> _Node:
    """A node of the graph that does some work on each candidate that still stands; on equal ones once."""

    def node(state: State, runtime: Runtime[Bench]) -> State:
        done: dict[str, Candidate] = {}
        candidates = _in_work(state)
        for place, candidate in enumerate(candidates):
            if candidate.stands and candidate.draft:
                same = candidate.draft.model_dump_json()
                done[same] = done.get(same) or work(candidate, runtime.context)
                candidates[place] = _like(candidate, done[same])
        return _with_last(state, candidates)

    return node


def _like(candidate: Candidate, done: Candidate) -> Candidate:
    """A candidate as an equal one ended, with its own costs."""
    own = candidate.attempt.model_dump(include={"seconds", "input_tokens", "output_tokens"})
    return done.model_copy(update={"attempt": done.attempt.model_copy(update=own)})


def _with_last(state: State, candidates: Sequence[Candidate]) -> State:
    return {"rounds": [*state["rounds"][:-1], [candidate.model_dump() for candidate in candidates]]}


def _write(state: State, runtime: Runtime[Bench]) -> State:
    bench = runtime.context
    bench.on_step("writing the check")
    request = Request.model_validate(state["request"])
    code, evidence = _to_mend(state, bench)
    messages = author_messages(
        language_text(), request.model_dump(exclude_defaults=True, mode="json"), code, evidence
    )
    answers = _answers(bench, messages, held_to(answer_schema(request.labels)))
    candidates = [_read(answer, seconds, request) for answer, seconds in answers]
    return _with_last({"rounds": [*state["rounds"], []]}, candidates)


def _to_mend(state: State, bench: Bench) -> tuple[str, list[str]]:
    """The code to be mended, an earlier one where the last answers hold none, and what is wrong."""
    code = ""
    evidence: list[str] = []
    for candidates in reversed(state["rounds"]):
        best = chosen(
            [Candidate.model_validate(one) for one in candidates], bench.references, bench.jail
        ).attempt
        code, evidence = best.code, evidence + best.evidence
        if code:
            break
    return code, [in_one_line(line, LONGEST_TOLD) for line in evidence[:MOST_TOLD]]


def _answers(
    bench: Bench, messages: list[BaseMessage], form: dict[str, Any]
) -> list[tuple[BaseMessage, float]]:
    """Answers to one question, and the seconds that each took; several are asked for at once."""
    if bench.samples == 1 or isinstance(bench.reasoner, OfflineReasoner):
        return [_asked(bench.reasoner, messages, form)]
    samples = min(bench.samples, MOST_SAMPLES)

    def ask(seed: int) -> tuple[BaseMessage, float]:
        sampling = {"temperature": TEMPERATURE if seed else 0.0, "seed": seed}
        return _asked(bench.reasoner, messages, {**form, **sampling})

    with ContextThreadPoolExecutor(max_workers=samples) as pool:
        return list(pool.map(ask, range(samples)))


def _asked(
    model: BaseChatModel, messages: list[BaseMessage], options: dict[str, Any]
) -> tuple[BaseMessage, float]:
    start = time.perf_counter()
    answer = model.invoke(messages, **options)
    return answer, time.perf_counter() - start


def _read(answer: BaseMessage, seconds: float, request: Request) -> Candidate:
    """An answer as a candidate, with what is wrong with it."""
    usage = usage_of(answer, seconds)
    candidate = Candidate(
        attempt=Attempt(seconds=seconds, input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)
    )
    try:
        parsed = read_answer(whole_text(answer), _ANSWER)
    except AuthorError as error:
        return candidate.ended("answer", [str(error)])
    if isinstance(parsed, Refusal):
        return candidate.ended("declined", refusal=parsed)
    strange = _strange_labels(parsed, request)
    read = candidate.ended("answer" if strange else None, strange, draft=parsed)
    return read.rewritten(parsed.code)


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


def _gate(candidate: Candidate, bench: Bench) -> Candidate:
    bench.on_step("reading the check")
    code = candidate.attempt.code
    found = inspect_code(code)
    if not found:
        return candidate
    wrote = ["", *code.splitlines()]
    lines = [
        f"line {d.line}, column {d.column}: {d.what}; {d.instead}"
        + (f" (it reads: {in_one_line(wrote[d.line], 80)})" if 0 < d.line < len(wrote) else "")
        for d in found
    ]
    return candidate.ended("syntax" if any(d.is_syntax for d in found) else "language", lines)


def _learn(candidate: Candidate, bench: Bench) -> Candidate:
    code = candidate.attempt.code
    unknown = unknown_ranges(code)
    if not unknown:
        return candidate
    bench.on_step("learning what is usual")
    scenes = [reference.scene for reference in bench.references]
    ranges = learn_ranges(code, scenes, lambda code, scene: run_check(bench.jail, code, scene).expectations)
    missing = [name for name in dict.fromkeys(u.name for u in unknown) if name not in ranges]
    if missing:
        names = ", ".join(missing)
        return candidate.ended("unlearned", [f"no reference picture shows a value for {names}"])
    return candidate.rewritten(written(code, ranges, len(scenes)))


def _prove(candidate: Candidate, bench: Bench) -> Candidate:
    if candidate.draft is None:
        return candidate
    draft = candidate.draft
    bench.on_step("proving it on reference pictures and counterfactuals")
    proof = prove(
        draft.code, draft.labels, draft.breaks, bench.references, bench.jail, bench.most_false_alarms
    )
    if not proof.evidence:
        return candidate.ended(None, proof=proof)
    failure = _failure(proof, bench.most_false_alarms)
    examples = unnoticed_examples(proof, bench.references) if failure == "blind" else []
    return candidate.ended(failure, [*proof.evidence, *examples], proof=proof)


def _failure(proof: Proof, most_false_alarms: float) -> Failure:
    """Why a check is not proven: that it was stopped says more than that it failed."""
    # To ask for the one part of a label where there are several is an answer, and no fault of the code.
    stopped = [status for status in proof.stopped.values() if status != "undecided"]
    if stopped:
        return TypeAdapter[Failure](Failure).validate_python(stopped[0])
    return "false alarm" if proof.false_alarm_rate > most_false_alarms else "blind"
