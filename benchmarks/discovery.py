"""How much `discover` finds without a model, as a Markdown table: python -m logisight.benchmarks.discovery.

Of each product of the synthetic line a few good pictures are looked at with true parts. A stated sentence is
found when every picture broken on purpose that its own rule notices is noticed by a proposal too, whatever
the words of it. The proposals also judge good pictures that were held out: what one does not pass, or cannot
decide, is a false alarm, and what is found without such proposals is found soundly. The same seed gives the
same pictures, and more references or more held out are these and further ones.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..agents.author import Bench, author_rule
from ..agents.counterfactuals import break_on_purpose
from ..agents.discovery.search import discover
from ..agents.draft import Draft, Request
from ..agents.offline import compile_sentence
from ..agents.product import FORMAT, Product, ProductFile
from ..agents.proof import Reference
from ..agents.reasoner import OfflineReasoner
from ..agents.workshop import Workshop
from ..sandbox import Check, Outcome
from ..scene import Scene
from ..schema import LogiSightError
from .synthetic import PRODUCTS, render
from .synthetic.rendering import SMALLEST

MOST_BROKEN: Final = 150
"""Pictures broken on purpose that a stated sentence is tried on, spread over all ways to break them."""


class Line(NamedTuple):
    """Which good pictures are drawn."""

    references: int = 5
    """Of each product, 1 at least."""
    held_out: int = 20
    """Of each product."""
    seed: int = 500
    size: float = 0.5
    """Of a picture, as a share of the usual width and height."""

    def scenes(self, category: str, held_out: bool) -> list[Scene]:
        """The true parts of the references, or of those held out; no picture is both."""
        width, height = (round(self.size * side) for side in PRODUCTS[category].size)
        count = self.held_out if held_out else self.references
        seeds = [np.random.SeedSequence((self.seed, held_out, number)) for number in range(count)]
        return [render(category, seed=seed, size=(width, height)).scene() for seed in seeds]


class Stated(NamedTuple):
    """How much of what the rule of a stated sentence notices is noticed by proposals."""

    sentence: str
    noticed: int
    """Pictures broken on purpose; none where the references do not show what the sentence speaks of."""
    shared: int
    """Those of them that a proposal notices."""
    sound: int
    """Those of them that a proposal without a false alarm notices."""

    @property
    def found(self) -> bool:
        """Whether proposals notice all that it notices, and it notices anything."""
        return 0 < self.noticed == self.shared


class Score(NamedTuple):
    """How one product went."""

    product: str
    stated: list[Stated]
    alarms: dict[str, int]
    """Proposed sentence -> good pictures held out on which it is a false alarm."""
    seconds: float
    """That discovering took, drawing left out."""


class _TrueWorkshop(Workshop):
    """Works on a product without rules whose parts are known, where another workshop would see them."""

    def __init__(self, category: str, line: Line, folder: Path) -> None:
        scenes = line.scenes(category, held_out=False)
        super().__init__(Product(folder, ProductFile(format=FORMAT, references=[])))
        self.references = [Reference(f"{number}.png", scene) for number, scene in enumerate(scenes)]
        self._drawn = PRODUCTS[category]

    def request(self, sentence: str) -> Request:
        containers = {label: list(held) for label, held in self._drawn.containers.items()}
        return Request(sentence=sentence, labels=list(self._drawn.labels), containers=containers)


def main() -> None:
    """Measure and print the table."""
    usual = Line()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--references", type=int, default=usual.references, help="of each product")
    parser.add_argument("--held-out", type=int, default=usual.held_out, help="good pictures to judge")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--category", nargs="+", choices=list(PRODUCTS), default=list(PRODUCTS))
    parser.add_argument("--size", type=float, default=usual.size, help="share of the usual size")
    given = parser.parse_args()
    least = SMALLEST / min(side for name in given.category for side in PRODUCTS[name].size)
    if min(given.references, given.held_out, given.seed + 1) < 1 or not least <= given.size <= 1:
        parser.error(f"--references and --held-out start at 1, --seed at 0, --size is from {least:g} to 1")
    line = Line(given.references, given.held_out, given.seed, given.size)
    doing = TextColumn("{task.description}", markup=False)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), doing)
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("", total=len(given.category))
            names = progress.track(given.category, task_id=task)
            scores = [measure(one, line, lambda do: progress.update(task, description=do)) for one in names]
    except LogiSightError as error:
        parser.exit(2, f"error: {error}\n")
    Console(soft_wrap=True, highlight=False).print("\n".join(table(scores, line)), markup=False)


def measure(category: str, line: Line, on_step: Callable[[str], None] = lambda _: None) -> Score:
    """What is found of one product.

    Raises:
        SandboxError: The jail does not start.
    """
    on_step(f"{category}: drawing")
    with tempfile.TemporaryDirectory() as folder, _TrueWorkshop(category, line, Path(folder)) as workshop:
        start = time.perf_counter()
        proposals = discover(workshop, lambda sentence: on_step(f"{category}: {sentence}")).proposals
        seconds = time.perf_counter() - start
        on_step(f"{category}: comparing")
        checks = [Check(number, one.rule.code) for number, one in enumerate(proposals, start=1)]
        judged = workshop.jail.run_many(checks, line.scenes(category, held_out=True))
        alarms = [len(judged) - sum(map(_passes, outcomes)) for outcomes in zip(*judged, strict=True)]
        stated = [_compared(workshop, text, checks, alarms) for text in PRODUCTS[category].sentences]
        named = zip((one.sentence for one in proposals), alarms, strict=True)
        return Score(category, stated, dict(named), seconds)


def table(scores: Sequence[Score], line: Line) -> Iterator[str]:
    """The lines of the Markdown table, and below it what is missed and what raises false alarms."""
    yield "| product | stated | found | found soundly | proposals | proposals with a false alarm | seconds |"
    yield "|---|---|---|---|---|---|---|"
    for score in scores:
        yield _row(score.product, [score])
    if len(scores) > 1:
        yield _row("all", scores)
    for score in scores:
        for one in score.stated:
            if not one.found:
                share = f"{one.shared} of {one.noticed} broken pictures noticed"
                why = share if one.noticed else "its own rule notices nothing"
                yield f"\nmissed, {score.product}: {one.sentence} ({why})"
        for sentence, count in score.alarms.items():
            if count:
                yield f"\nfalse alarm, {score.product}: {sentence} ({count} of {line.held_out} good pictures)"


def _row(name: str, scores: Sequence[Score]) -> str:
    found = [one for score in scores for one in score.stated if one.found]
    sound = sum(one.sound == one.noticed for one in found)
    alarms = [count for score in scores for count in score.alarms.values()]
    stated, seconds = sum(len(score.stated) for score in scores), sum(score.seconds for score in scores)
    cells = (name, stated, len(found), sound, len(alarms), sum(map(bool, alarms)), f"{seconds:.0f}")
    return f"| {' | '.join(map(str, cells))} |"


def _compared(workshop: Workshop, sentence: str, checks: Sequence[Check], alarms: Sequence[int]) -> Stated:
    """The rule of a stated sentence beside the proposals, on references broken as it is meant to notice."""
    request = workshop.request(sentence)
    draft = compile_sentence(request)
    authored = author_rule(request, Bench(OfflineReasoner(), workshop.references, workshop.jail))
    scenes = [
        scene
        for reference in workshop.references
        if isinstance(draft, Draft)
        for broken in break_on_purpose(reference.scene, draft.labels, draft.breaks)
        for scene in (*broken.scenes, *broken.further[-1:])
    ]
    places = np.unique(np.linspace(0, len(scenes) - 1, min(len(scenes), MOST_BROKEN), dtype=int))
    # Proven or not: few references may show too little to prove it, and what it notices counts all the same.
    own = Check(len(checks) + 1, authored.attempts[0].code)
    judged = workshop.jail.run_many([own, *checks], [scenes[place] for place in places])
    noticed = [[_fails(one) for one in rest] for first, *rest in judged if _fails(first)]
    sound = [any(fails and not alarm for fails, alarm in zip(row, alarms, strict=True)) for row in noticed]
    return Stated(sentence, len(noticed), sum(map(any, noticed)), sum(sound))


def _passes(outcome: Outcome) -> bool:
    return outcome.status == "ok" and all(expectation.passed for expectation in outcome.expectations)


def _fails(outcome: Outcome) -> bool:
    return outcome.status == "ok" and not _passes(outcome)


if __name__ == "__main__":
    main()
