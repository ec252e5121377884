"""The nodes of an inspection, and what they work with.

The state is plain JSON; the picture, its Scene and anomaly maps stay beside it, found by the SHA-256 of
the picture.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, TypedDict

from langgraph.runtime import Runtime

from ..prompts import InspectionPrompt, Opinion
from ..sandbox import Check, Jail
from ..scene import Scene
from ..schema import Finding, PictureError, Rule
from ..tools.parts import Pixels
from ..tools.pictures import Picture
from .detecting.meeting import Sight, meet, pointed_at
from .judge import explain, findings_of, score_of, status_of
from .llm.asking import Reply
from .product import Product
from .witness.witness import Witness


class View(NamedTuple):
    """One picture as it was inspected."""

    pixels: Pixels
    scene: Scene
    sights: tuple[Sight, ...] = ()
    """What each detector saw."""


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


def see_node(state: State, runtime: Runtime[Bench]) -> State:
    """The parts in a picture, and how many there are."""
    start = time.perf_counter()
    bench = runtime.context
    try:
        pixels, seen = bench.product.see(bench.pictures[state["sha256"]])
    except PictureError as error:
        return {"error": str(error)}
    bench.views[state["sha256"]] = View(pixels, seen.scene)
    counts = {label: len(seen.scene.parts(label)) for label in seen.scene.labels}
    return {"counts": counts, "notes": seen.dropped, "seconds": {"see": time.perf_counter() - start}}


def check_node(state: State, runtime: Runtime[Bench]) -> State:
    """What the rules say of them."""
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


def meet_node(state: State, runtime: Runtime[Bench]) -> State:
    """What the detectors say, in the light of the parts and of the rules."""
    start = time.perf_counter()
    view = runtime.context.views[state["sha256"]]
    if not view.sights:
        return {}
    ruled = _findings(state)
    met = [meet(sight, view.scene, ruled) for sight in view.sights]
    return {
        "findings": [*state["findings"], *(finding.model_dump() for finding in met)],
        "notes": [*state["notes"], *(note for sight in view.sights for note in sight.anomaly.notes)],
        "seconds": {"meet": time.perf_counter() - start},
    }


def doubt_node(state: State, runtime: Runtime[Bench]) -> State:
    """What a witness is to be asked, if anything."""
    start = time.perf_counter()
    bench, findings = runtime.context, _findings(state)
    if bench.witness is None:
        return {}
    scene = bench.views[state["sha256"]].scene
    occasion = bench.witness.occasion(findings, scene)
    if occasion:
        unsettled = [finding for finding in findings if finding.ruled and not finding.passed]
        bench.questions[state["sha256"]] = bench.witness.compose(
            bench.pictures[state["sha256"]], scene, unsettled, pointed_at(findings)
        )
    return {"occasion": occasion, "seconds": {"compose": time.perf_counter() - start}}


def hear_node(state: State, runtime: Runtime[Bench]) -> State:
    """What the witness says."""
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


def judge_node(state: State) -> State:
    """The status of the verdict, and its score."""
    findings = _findings(state)
    return {"status": status_of(findings), "score": score_of(findings)}


def explain_node(state: State) -> State:
    """The verdict in words."""
    return {"explanation": explain(_findings(state))}


def _findings(state: State) -> list[Finding]:
    return [Finding.model_validate(finding) for finding in state["findings"]]
