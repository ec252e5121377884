"""Writes what a test set holds, and what baselines are worth on it, as one HTML file by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from ..agents.pages import write_whole
from .kept import made_folder
from .loco_check import CategoryFacts
from .loco_run import LocoRun
from .score_report import REPORT, Row, overview, score_templates

COLUMNS: Final = (
    *("train", "validation", "good", "logical", "structural"),
    *("defect types", "size", "annotated", "reasons", "problems"),
)


class DataRow(NamedTuple):
    """One line of what there is."""

    name: str
    cells: list[str]
    is_sum: bool = False


def write_loco_report(out: Path, run: LocoRun) -> Path:
    """Write the report of a run whose results stand in `out`.

    Raises:
        LogiSightError: The file cannot be written.
    """
    path = made_folder(out) / REPORT
    template = score_templates().get_template("loco.html.j2")
    text = template.render(
        run=run, out=out, data_columns=COLUMNS, data_rows=data_rows, score_rows=lambda run: [*score_rows(run)]
    )
    write_whole(path, [text], "the report")
    return path


def data_rows(run: LocoRun) -> list[DataRow]:
    """One line a category, and their sum where there are several; cells as in `COLUMNS`."""
    counts = [_counts(run, one) for one in run.categories]
    rows = [
        DataRow(one.category, _cells(numbers, _sizes(one)))
        for one, numbers in zip(run.categories, counts, strict=True)
    ]
    if len(rows) > 1:
        sums = [sum(filter(None, column)) for column in zip(*counts, strict=True)]
        rows.append(DataRow("all", _cells(sums, ""), is_sum=True))
    return rows


def score_rows(run: LocoRun) -> Iterator[tuple[str, Row]]:
    """Baseline and line of its overview: all of one category beside each other, the means last."""
    rows = {name: {row.name: row for row in overview(score)} for name, score in run.baselines.items()}
    for category in (*(one.category for one in run.categories), "mean"):
        for name, mine in rows.items():
            if category in mine:
                yield name, mine[category]


def _counts(run: LocoRun, one: CategoryFacts) -> list[int | None]:
    annotations = one.annotations
    return [
        *one.pictures.values(),
        sum(bool(kind.channels) for kind in one.types),
        annotations.pictures if annotations else None,
        sum(annotations.reasons.values()) if annotations else None,
        len(run.left_out(one.category)),
    ]


def _cells(counts: list[int | None] | list[int], sizes: str) -> list[str]:
    cells = ["-" if count is None else str(count) for count in counts]
    cells.insert(COLUMNS.index("size"), sizes)
    return cells


def _sizes(one: CategoryFacts) -> str:
    usual, *others = one.sizes or ["-"]
    return f"{usual} and {len(others)} more" if others else usual
