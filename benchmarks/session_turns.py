"""How long a turn of a session takes without a model: python -m logisight.benchmarks.session_turns.

A Markdown table: the median and the slowest of several turns of each kind, beside the limit that LogiSight
sets itself. Machines are shared and noisy: compare ratios of one run, not figures of two.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console

from ..agents.product import Product, teach
from ..agents.session.session import Session, open_session
from ..agents.workshop import Workshop
from .demo import DEMO_SENTENCES, write_product_line

SIZE: Final = (1224, 816)
"""Width and height of the pictures: one megapixel."""
QUESTIONS: Final = (
    "why?",
    "inspect it again",
    "how many pushpins are in the left half?",
    "how long is the longest pushpin?",
    "where is the box?",
    "zoom in on the left pushpin",
    "which pictures are bad?",
    "compare picture 1 with picture 2",
    "show rule 2",
)
OF_INSPECTED, OF_FRESH = 0.3, 1.5
"""Seconds that the median turn may take: about an inspected picture, and about one that is new."""


class Row(NamedTuple):
    """Turns of one kind."""

    what: str
    seconds: list[float]
    limit: float

    @property
    def median(self) -> float:
        """Seconds of the turn in the middle."""
        return statistics.median(self.seconds)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=9, help="Turns of each kind.")
    parser.add_argument("--warm-up", type=int, default=30, help="Turns that the session has before.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        product, pictures = made_product(Path(folder), options.turns + 2)
        with open_session(product) as session:
            rows = measured(session, pictures, options.turns, options.warm_up)
    show_table("a turn", rows)


def show_table(what: str, rows: Sequence[Row]) -> None:
    """Print rows about `what`, and on what machine they were measured."""
    console = Console(soft_wrap=True, highlight=False)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    console.print(f"{machine}; pictures of {SIZE[0]}x{SIZE[1]}\n", markup=False)
    console.print(f"| {what} | median | slowest | limit | ratio |\n|---|---|---|---|---|", markup=False)
    for row in rows:
        console.print(
            f"| {row.what} | {row.median:.3f} s | {max(row.seconds):.3f} s | {row.limit:.1f} s "
            f"| {row.median / row.limit:.2f} |",
            markup=False,
        )


def made_product(folder: Path, pictures: int) -> tuple[Product, list[Path]]:
    """A demo product that was taught with pictures of `SIZE`, and pictures to inspect."""
    write_product_line(folder, normals=1, tests=pictures, size=SIZE)
    product = teach(folder / "box", folder / "references", folder / "annotations").product
    with Workshop(product) as workshop:
        for sentence in DEMO_SENTENCES:
            workshop.author(sentence)
    return product, sorted((folder / "inspect").glob("*.png"))


def measured(session: Session, pictures: Sequence[Path], turns: int, warm_up: int) -> list[Row]:
    """Turns about fresh pictures, and each of the questions about inspected ones."""
    seconds_of(session, "", pictures[:2])
    for _ in range(warm_up):
        session.say("list rules")
    fresh = [seconds_of(session, "", [picture]) for picture in pictures[2:]]
    rows = [
        Row(f"`{said}`", [seconds_of(session, said) for _ in range(turns)], OF_INSPECTED)
        for said in QUESTIONS
    ]
    together = [second for row in rows for second in row.seconds]
    return [
        Row("a fresh picture", fresh, OF_FRESH),
        *rows,
        Row("all about inspected pictures", together, OF_INSPECTED),
    ]


def seconds_of(session: Session, said: str, pictures: Sequence[Path] = ()) -> float:
    """Wall clock of one turn."""
    start = time.perf_counter()
    session.say(said, pictures)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
