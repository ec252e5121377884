"""How a session of many pictures grows: its checkpoints, and the store of what it refers to.

python -m logisight.benchmarks.session_growth --out /tmp/growth

writes growth.json, and growth.png where matplotlib is installed. Each turn gives one new picture; every fifth
asks something about it instead of only having it inspected.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from ..agents.product import open_product, teach
from ..agents.session.desk import Desk
from ..agents.session.keeping import checkpoint_bytes
from ..agents.session.session import Session, Sessions
from ..agents.workshop import Workshop
from .demo import DEMO_SENTENCES, write_product_line

LIMIT: Final = 20_000_000
"""Bytes of checkpoints that a session of 200 pictures may take."""
TOLD: Final = (1, 5, 10, 25, 50, 100, 150, 200)
"""Turns after which the table has a row."""
ASKED: Final = ("", "", "", "", "how many pushpins are in the left half?")


class Row(NamedTuple):
    """A session after a turn."""

    turn: int
    checkpoints: int
    """Bytes on disk, of the SQLite file and its journal."""
    store: int
    """Bytes of pictures, overlays, verdicts and turns."""
    seconds: float
    """Of this turn."""


def main() -> None:
    """Talk about many pictures and show how the session grows; exit code 1 where it grows too large."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--out", type=Path, default=Path("session-growth"), help="folder to work in")
    options.add_argument("--pictures", type=int, default=200, help="turns, each with a new picture")
    chosen = options.parse_args()
    product = _product(chosen.out, chosen.pictures)
    console = Console()
    with Sessions(product) as sessions, Desk(product, sessions.store) as desk:
        session = Session(sessions, sessions.start().id, desk)
        rows = list(_talk(session, sorted((chosen.out / "inspect").glob("*.png"))))
    _write(chosen.out, rows)
    console.print(_table(rows))
    sys.exit(rows[-1].checkpoints > LIMIT * chosen.pictures / 200)


def _product(out: Path, pictures: int) -> Any:
    shutil.rmtree(out / "pushpin-box", ignore_errors=True)
    write_product_line(out, tests=pictures)
    taught = teach(str(out / "pushpin-box"), out / "references", out / "annotations")
    with Workshop(taught.product) as workshop:
        for sentence in DEMO_SENTENCES:
            workshop.author(sentence)
    return open_product(str(out / "pushpin-box"))


def _talk(session: Session, pictures: list[Path]) -> Iterator[Row]:
    for number, picture in enumerate(pictures, start=1):
        start = time.perf_counter()
        session.say(ASKED[number % len(ASKED)], [picture])
        seconds = time.perf_counter() - start
        store = sum(path.stat().st_size for path in session.sessions.store.folder.glob("??/*"))
        yield Row(number, checkpoint_bytes(session.sessions), store, seconds)


def _table(rows: list[Row]) -> Table:
    table = Table("Turn", "Checkpoints", "Each turn", "Store", "Seconds", title="A session that grows")
    before = Row(0, 0, 0, 0.0)
    for row in rows:
        if row.turn not in (*TOLD, len(rows)):
            continue
        each = (row.checkpoints - before.checkpoints) / (row.turn - before.turn)
        table.add_row(
            str(row.turn),
            f"{row.checkpoints / 1e6:.2f} MB",
            f"{each / 1e3:.1f} kB",
            f"{row.store / 1e6:.1f} MB",
            f"{row.seconds:.2f}",
        )
        before = row
    return table


def _write(out: Path, rows: list[Row]) -> None:
    facts = {"rows": [row._asdict() for row in rows], "limit": LIMIT}
    (out / "growth.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    turns = [row.turn for row in rows]
    axes.plot(turns, [row.checkpoints / 1e6 for row in rows], label="checkpoints")
    axes.plot(turns, [row.store / 1e6 for row in rows], label="store: pictures, overlays, verdicts, turns")
    axes.axhline(LIMIT / 1e6, linestyle=":", color="gray", label="limit of checkpoints for 200 pictures")
    axes.set(xlabel="turns, each with a new picture", ylabel="MB on disk", yscale="log")
    axes.legend()
    figure.savefig(out / "growth.png", dpi=120)


if __name__ == "__main__":
    main()
