"""Inspection: a LangGraph graph, see -> check -> judge -> explain, and the Inspector that runs it.

The state is plain JSON; the picture and its Scene stay beside it, found by the SHA-256 of the picture.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, NamedTuple, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from ..sandbox import Check, Jail
from ..scene import Scene
from ..schema import Finding, Grade, PictureError, ProductError, Rule, Verdict
from ..tools.parts import Pixels
from ..tools.pictures import Picture, file_sha256, list_pictures, read_picture
from .isolation import open_jail
from .judge import explain, findings_of, score_of, status_of
from .product import Product, open_product


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


def _both(left: dict[str, float], right: dict[str, float]) -> dict[str, float]:
    return {**left, **right}


class State(TypedDict, total=False):
    """What the nodes hand on."""

    sample: str
    sha256: str
    counts: dict[str, int]
    notes: list[str]
    findings: list[dict[str, Any]]
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
        self, product: str | Path | Product, jail: Jail | None = None, isolation: Grade | None = None
    ) -> None:
        """Open a product by folder or name; its rules run in `jail`, or in one of that `isolation` or better.

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
        self._jail = jail or open_jail(isolation)

    def inspect(self, samples: Iterable[str | Path]) -> list[Verdict]:
        """Verdicts on pictures, and on all pictures of folders, in order; `look` gives one at a time.

        A picture that cannot be read is undecided and says why.

        Raises:
            PictureError: A folder holds no picture.
        """
        folders = (list_pictures([path]) if path.is_dir() else [path] for path in map(Path, samples))
        return [self.look(picture)[0] for pictures in folders for picture in pictures]

    def look(self, sample: str | Path) -> tuple[Verdict, View | None]:
        """The verdict on one picture, and what it rests on; no view where the picture cannot be read."""
        start = time.perf_counter()
        try:
            picture = read_picture(Path(sample))
        except PictureError as error:
            return _unreadable(str(sample), file_sha256(Path(sample)), str(error)), None
        bench = Bench(self.product, self.rules, self._jail, {picture.sha256: picture})
        state: State = {
            "sample": str(sample),
            "sha256": picture.sha256,
            "seconds": {"read": time.perf_counter() - start},
        }
        end = _graph().invoke(state, context=bench)
        if "error" in end:
            return _unreadable(str(sample), picture.sha256, end["error"]), None
        return Verdict.model_validate(end), bench.views[picture.sha256]

    def close(self) -> None:
        """Stop the sandbox."""
        self._jail.close()

    def __enter__(self) -> Inspector:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@cache
def _graph() -> CompiledStateGraph[State, Bench, State, State]:
    graph = StateGraph(State, context_schema=Bench)
    graph.add_node("see", _see)
    graph.add_node("check", _check)
    graph.add_node("judge", _judge)
    graph.add_node("explain", _explain)
    graph.add_edge(START, "see")
    graph.add_conditional_edges("see", lambda state: END if "error" in state else "check", ["check", END])
    graph.add_edge("check", "judge")
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
