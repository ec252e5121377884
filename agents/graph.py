"""Inspection: two LangGraph graphs, and the Inspector that runs them.

    see -> check -> doubt      and then      hear -> judge -> explain

Between them a witness is asked about many pictures at once, where its word may add something.
The state is plain JSON; the picture and its Scene stay beside it, found by the SHA-256 of the picture.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Final, NamedTuple, TypedDict, cast

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from ..prompts import InspectionPrompt, Opinion
from ..sandbox import Check, Jail
from ..scene import Scene
from ..schema import Finding, Grade, PictureError, ProductError, Rule, Verdict
from ..tools.parts import Pixels
from ..tools.pictures import Picture, file_sha256, list_pictures, read_picture
from .isolation import open_jail
from .judge import explain, findings_of, score_of, status_of
from .llm.asking import Reply
from .product import Product, open_product
from .witness.witness import Witness

AT_ONCE: Final = 32
"""Pictures that are held in memory while a witness is asked about them together."""


class View(NamedTuple):
    """One picture as it was inspected."""

    pixels: Pixels
    scene: Scene


@dataclass(frozen=True)
class Bench:
    """What the nodes work with; it travels beside the state."""

    product: Product
    rules: Sequence[Rule]
    jail: Jail
    pictures: dict[str, Picture] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    """What is in work, by the SHA-256 of the picture."""
    witness: Witness | None = None
    questions: dict[str, InspectionPrompt] = field(default_factory=dict)
    replies: dict[str, Reply[Opinion]] = field(default_factory=dict)
    """What the witness is to be asked, and what it answered, by the SHA-256 of the picture."""


def _both(left: dict[str, float], right: dict[str, float]) -> dict[str, float]:
    return {**left, **right}


class State(TypedDict, total=False):
    """What the nodes hand on."""

    sample: str
    sha256: str
    counts: dict[str, int]
    notes: list[str]
    findings: list[dict[str, Any]]
    occasion: str
    """Why the witness is asked; empty where it is not."""
    usage: dict[str, Any]
    status: str
    score: float
    explanation: str
    error: str
    seconds: Annotated[dict[str, float], _both]


class Inspector:
    """Holds one product and answers with verdicts. Made from a folder alone; close it, or use it in a `with`.

    Example:
        with Inspector("products/pushpins") as inspector:
            for verdict in inspector.inspect(["line/0001.png"]):
                print(verdict.status, verdict.explanation)
    """

    def __init__(
        self,
        product: str | Path | Product,
        jail: Jail | None = None,
        isolation: Grade | None = None,
        witness: Witness | None = None,
    ) -> None:
        """Open a product by folder or name; its rules run in `jail`, or in one of that `isolation` or better.

        A `witness` is asked where its word may add something, see `call_witness`.

        Raises:
            ProductError: There is no such product, or none of its rules is proven.
            SandboxError: The jail does not start, or holds less than is asked for, see `open_jail`.
        """
        self.product = product if isinstance(product, Product) else open_product(product)
        self.rules = self.product.rulebook().proven
        if not self.rules:
            raise ProductError(
                f"product {self.product.name!r} has no proven rule; "
                f'state one: logisight author {self.product.name} "There is exactly one ..."'
            )
        self.witness = witness
        self._jail = jail or open_jail(isolation)

    def inspect(self, samples: Iterable[str | Path]) -> list[Verdict]:
        """Verdicts on pictures, and on all pictures of folders, in order; `look` gives one at a time.

        A picture that cannot be read is undecided and says why.

        Raises:
            PictureError: A folder holds no picture.
        """
        folders = (list_pictures([path]) if path.is_dir() else [path] for path in map(Path, samples))
        pictures = [picture for pictures in folders for picture in pictures]
        return [verdict for verdict, _ in self.look_at(pictures)]

    def look(self, sample: str | Path) -> tuple[Verdict, View | None]:
        """The verdict on one picture, and what it rests on; no view where the picture cannot be read.

        Raises:
            ModelError: The witness cannot be asked.
        """
        (looked,) = self.look_at([sample])
        return looked

    def look_at(self, samples: Sequence[str | Path]) -> Iterator[tuple[Verdict, View | None]]:
        """The same for many pictures, in their order; a witness is asked about AT_ONCE of them at a time.

        Raises:
            ModelError: The witness cannot be asked; what came before is whole.
        """
        step = AT_ONCE if self.witness else 1
        for start in range(0, len(samples), step):
            looks = [self._begin(sample) for sample in samples[start : start + step]]
            self._ask(looks)
            yield from (_conclude(look) for look in looks)

    def _begin(self, sample: str | Path) -> _Look:
        """What is seen in a picture, what the rules say, and what the witness is to be asked."""
        start = time.perf_counter()
        bench = Bench(self.product, self.rules, self._jail, witness=self.witness)
        try:
            picture = read_picture(Path(sample))
        except PictureError as error:
            return _Look(
                bench, {"sample": str(sample), "sha256": file_sha256(Path(sample)), "error": str(error)}
            )
        bench.pictures[picture.sha256] = picture
        state: State = {
            "sample": str(sample),
            "sha256": picture.sha256,
            "seconds": {"read": time.perf_counter() - start},
        }
        return _Look(bench, cast(State, _looking().invoke(state, context=bench)))

    def _ask(self, looks: Sequence[_Look]) -> None:
        """Have the witness answer all questions about some pictures."""
        asked = [look for look in looks if look.bench.questions]
        if not self.witness or not asked:
            return
        replies = self.witness.ask([look.bench.questions[look.state["sha256"]] for look in asked])
        for look, reply in zip(asked, replies, strict=True):
            look.bench.replies[look.state["sha256"]] = reply

    def close(self) -> None:
        """Stop the sandbox."""
        self._jail.close()

    def __enter__(self) -> Inspector:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Look(NamedTuple):
    """One picture in work."""

    bench: Bench
    state: State


def _conclude(look: _Look) -> tuple[Verdict, View | None]:
    state = look.state
    if "error" in state:
        return _unreadable(state["sample"], state["sha256"], state["error"]), None
    end = _concluding().invoke(state, context=look.bench)
    fields = {name: value for name, value in end.items() if name != "occasion"}
    return Verdict.model_validate(fields), look.bench.views[state["sha256"]]


@cache
def _looking() -> CompiledStateGraph[State, Bench, State, State]:
    """What comes before a witness is asked."""
    graph = StateGraph(State, context_schema=Bench)
    graph.add_node("see", _see)
    graph.add_node("check", _check)
    graph.add_node("doubt", _doubt)
    graph.add_edge(START, "see")
    graph.add_conditional_edges("see", lambda state: END if "error" in state else "check", ["check", END])
    graph.add_edge("check", "doubt")
    graph.add_edge("doubt", END)
    return graph.compile()


@cache
def _concluding() -> CompiledStateGraph[State, Bench, State, State]:
    """What comes after it."""
    graph = StateGraph(State, context_schema=Bench)
    graph.add_node("hear", _hear)
    graph.add_node("judge", _judge)
    graph.add_node("explain", _explain)
    graph.add_edge(START, "hear")
    graph.add_edge("hear", "judge")
    graph.add_edge("judge", "explain")
    graph.add_edge("explain", END)
    return graph.compile()


def _see(state: State, runtime: Runtime[Bench]) -> State:
    start = time.perf_counter()
    bench = runtime.context
    try:
        pixels, seen = bench.product.see(bench.pictures[state["sha256"]])
    except PictureError as error:
        return {"error": str(error)}
    bench.views[state["sha256"]] = View(pixels, seen.scene)
    counts = {label: len(seen.scene.parts(label)) for label in seen.scene.labels}
    return {"counts": counts, "notes": seen.dropped, "seconds": {"see": time.perf_counter() - start}}


def _check(state: State, runtime: Runtime[Bench]) -> State:
    start = time.perf_counter()
    bench = runtime.context
    scene = bench.views[state["sha256"]].scene
    outcomes = bench.jail.run([Check(rule.number, rule.code) for rule in bench.rules], scene)
    findings = [
        f
        for rule, outcome in zip(bench.rules, outcomes, strict=True)
        for f in findings_of(rule, outcome, scene)
    ]
    return {
        "findings": [finding.model_dump() for finding in findings],
        "seconds": {"check": time.perf_counter() - start},
    }


def _doubt(state: State, runtime: Runtime[Bench]) -> State:
    start = time.perf_counter()
    bench, findings = runtime.context, _findings(state)
    if bench.witness is None:
        return {}
    scene = bench.views[state["sha256"]].scene
    occasion = bench.witness.occasion(findings, scene)
    if occasion:
        unsettled = [finding for finding in findings if not finding.passed]
        bench.questions[state["sha256"]] = bench.witness.compose(
            bench.pictures[state["sha256"]], scene, unsettled
        )
    return {"occasion": occasion, "seconds": {"compose": time.perf_counter() - start}}


def _hear(state: State, runtime: Runtime[Bench]) -> State:
    bench = runtime.context
    reply = bench.replies.get(state["sha256"])
    if bench.witness is None or reply is None:
        return {}
    prompt = bench.questions[state["sha256"]]
    said = bench.witness.testimony(prompt, reply, state["occasion"])
    findings = [*state["findings"], *([said.finding.model_dump()] if said.finding else [])]
    return {
        "findings": findings,
        "notes": [*state["notes"], *([said.note] if said.note else [])],
        "usage": reply.usage.model_dump(),
        "seconds": {"ask": reply.usage.seconds},
    }


def _judge(state: State) -> State:
    findings = _findings(state)
    return {"status": status_of(findings), "score": score_of(findings)}


def _explain(state: State) -> State:
    return {"explanation": explain(_findings(state))}


def _findings(state: State) -> list[Finding]:
    return [Finding.model_validate(finding) for finding in state["findings"]]


def _unreadable(sample: str, sha256: str, error: str) -> Verdict:
    return Verdict(
        sample=sample,
        sha256=sha256,
        status="undecided",
        score=0.5,
        explanation=f"Undecided: {error}",
        error=error,
    )
