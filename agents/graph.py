"""Inspection: three LangGraph graphs, and the Inspector that runs them.

    see -> check      and then      meet -> doubt      and then      hear -> judge -> explain

Between the first two, detectors look at some pictures at once; what they see meets the parts and the rules.
Between the last two, a witness is asked about many pictures at once, where its word may add something.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, cast

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from ..sandbox import Jail
from ..schema import DetectorError, Grade, PictureError, ProductError, Verdict
from ..tools.detectors import Calibration, Detector
from ..tools.pictures import file_sha256, list_pictures, read_picture
from ..tools.samples import sample_of
from .detecting.meeting import Sight
from .isolation import open_jail
from .nodes import (
    Bench,
    State,
    View,
    check_node,
    doubt_node,
    explain_node,
    hear_node,
    judge_node,
    meet_node,
    see_node,
)
from .product import Product, open_product
from .witness.witness import Witness

AT_ONCE: Final = 32
"""Pictures that a witness is asked about together."""


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
        detectors: Sequence[Detector] = (),
    ) -> None:
        """Open a product by folder or name; its rules run in `jail`, or in one of that `isolation` or better.

        `detectors` look at every picture, see `call_detector`. A `witness` is asked where its word may add
        something, see `call_witness`.

        Raises:
            DetectorError: A detector is not calibrated, or two have the same name.
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
        self.detectors = tuple(detectors)
        self._calibrated = _calibrated(detectors)
        self._jail = jail or open_jail(isolation)

    @property
    def at_once(self) -> int:
        """Pictures that are held in memory together, for a witness or for detectors."""
        if self.witness:
            return AT_ONCE
        return min(AT_ONCE, max((detector.options.batch for detector in self.detectors), default=1))

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
            DetectorError: A detector cannot look.
            ModelError: The witness cannot be asked.
        """
        (looked,) = self.look_at([sample])
        return looked

    def look_at(self, samples: Sequence[str | Path]) -> Iterator[tuple[Verdict, View | None]]:
        """The same for many pictures, in their order; `at_once` of them are in work at a time.

        Raises:
            DetectorError: A detector cannot look; what came before is whole.
            ModelError: The witness cannot be asked; what came before is whole.
        """
        for start in range(0, len(samples), self.at_once):
            looks = [self._begin(sample) for sample in samples[start : start + self.at_once]]
            self._detect(looks)
            looks = [_meet(look) for look in looks]
            self._ask(looks)
            yield from (_conclude(look) for look in looks)

    def _begin(self, sample: str | Path) -> _Look:
        """What is seen in a picture, and what the rules say."""
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

    def _detect(self, looks: Sequence[_Look]) -> None:
        """Have all detectors look at some pictures."""
        seen = [look for look in looks if "error" not in look.state]
        if not self.detectors or not seen:
            return
        start = time.perf_counter()
        samples = [sample_of(look.view.pixels, look.state["sample"], self.product.in_words) for look in seen]
        maps = [
            [Sight(anomaly, calibration) for anomaly in detector.predict(samples)]
            for detector, calibration in self._calibrated
        ]
        for look, *sights in zip(seen, *maps, strict=True):
            look.bench.views[look.state["sha256"]] = look.view._replace(sights=tuple(sights))
        share = (time.perf_counter() - start) / len(seen)
        for look in seen:
            look.state["seconds"] = {**look.state["seconds"], "look": share}

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

    @property
    def view(self) -> View:
        """The picture as it was inspected, once it was seen."""
        return self.bench.views[self.state["sha256"]]


def _calibrated(detectors: Sequence[Detector]) -> list[tuple[Detector, Calibration]]:
    """The detectors with their calibrations; each must have one, and a name of its own."""
    for name, count in Counter(detector.name for detector in detectors).items():
        if count > 1:
            raise DetectorError(f"{count} detectors are called {name}; choose one of them")
    pairs = []
    for detector in detectors:
        if detector.calibration is None:
            raise DetectorError(f"{detector.name} is not calibrated on this product; get it by call_detector")
        pairs.append((detector, detector.calibration))
    return pairs


def _meet(look: _Look) -> _Look:
    if "error" in look.state or not (look.view.sights or look.bench.witness):
        return look
    return _Look(look.bench, cast(State, _meeting().invoke(look.state, context=look.bench)))


def _conclude(look: _Look) -> tuple[Verdict, View | None]:
    state = look.state
    if "error" in state:
        return _unreadable(state["sample"], state["sha256"], state["error"]), None
    end = _concluding().invoke(state, context=look.bench)
    fields = {name: value for name, value in end.items() if name != "occasion"}
    return Verdict.model_validate(fields), look.view


@cache
def _looking() -> CompiledStateGraph[State, Bench, State, State]:
    """What comes before detectors look."""
    graph = StateGraph(State, context_schema=Bench)
    graph.add_node("see", see_node)
    graph.add_node("check", check_node)
    graph.add_edge(START, "see")
    graph.add_conditional_edges("see", lambda state: END if "error" in state else "check", ["check", END])
    graph.add_edge("check", END)
    return graph.compile()


@cache
def _meeting() -> CompiledStateGraph[State, Bench, State, State]:
    """What comes between them and a witness."""
    graph = StateGraph(State, context_schema=Bench)
    graph.add_node("meet", meet_node)
    graph.add_node("doubt", doubt_node)
    graph.add_edge(START, "meet")
    graph.add_edge("meet", "doubt")
    graph.add_edge("doubt", END)
    return graph.compile()


@cache
def _concluding() -> CompiledStateGraph[State, Bench, State, State]:
    """What comes after a witness was asked."""
    graph = StateGraph(State, context_schema=Bench)
    graph.add_node("hear", hear_node)
    graph.add_node("judge", judge_node)
    graph.add_node("explain", explain_node)
    graph.add_edge(START, "hear")
    graph.add_edge("hear", "judge")
    graph.add_edge("judge", "explain")
    graph.add_edge("explain", END)
    return graph.compile()


def _unreadable(sample: str, sha256: str, error: str) -> Verdict:
    return Verdict(
        sample=sample,
        sha256=sha256,
        status="undecided",
        score=0.5,
        explanation=f"Undecided: {error}",
        error=error,
    )
