"""Writes what detectors are worth as one HTML file by itself, and says what goes into its tables."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from ...agents.pages import write_whole
from ..kept import made_folder
from ..score_report import REPORT, score_templates
from ..worst_cases import Case
from .bench import folder_name
from .result import CategoryScore, ClassScore, DetectorBench

Figure = Callable[[ClassScore], float | None]

FIGURES: Final[dict[str, Figure]] = {
    "pixel AUROC": lambda one: one.pixel_auroc,
    "pooled AUROC": lambda one: one.pooled.auroc if one.pooled else None,
    "pooled AP": lambda one: one.pooled.ap if one.pooled else None,
    "AUPRO": lambda one: one.pooled.aupro if one.pooled else None,
    "image AUROC": lambda one: one.image_auroc,
    "hits": lambda one: one.hits,
}
"""Heading -> number of one kind of defects; the overview has their means."""
BY_KIND: Final = ("pixel AUROC", "image AUROC")
"""What is shown of each kind of defects on the terminal."""


class Row(NamedTuple):
    """One detector on one category."""

    category: str
    detector: str
    cells: list[float | None]
    """As `FIGURES`, means over the kinds of defects; then the false alarms."""
    seconds: float


class KindTable(NamedTuple):
    """One number of each detector, for each kind of defects of a category."""

    category: str
    figure: str
    kinds: list[str]
    rows: list[tuple[str, list[float | None]]]
    """Detector, and its numbers, their mean last."""


def write_detector_report(out: Path, bench: DetectorBench) -> Path:
    """Write the report of a run whose results stand in `out`.

    Raises:
        LogiSightError: The file cannot be written.
    """
    path = made_folder(out) / REPORT
    template = score_templates().get_template("detectors/detectors.html.j2")
    text = template.render(
        bench=bench,
        columns=[*FIGURES, "false alarms"],
        rows=overview(bench),
        by_kind=kind_tables(bench, tuple(FIGURES)),
        sheet=lambda category: _picture(out / bench.sheets[category]) if category in bench.sheets else None,
        worst=lambda score, case: _worst(out, score, case),
    )
    write_whole(path, [text], "the report")
    return path


def overview(bench: DetectorBench) -> list[Row]:
    """One line for each detector and category."""
    return [
        Row(
            one.category,
            one.detector,
            [*(one.mean(figure) for figure in FIGURES.values()), one.false_alarms],
            one.seconds,
        )
        for one in bench.scores
    ]


def kind_tables(bench: DetectorBench, figures: tuple[str, ...] = BY_KIND) -> list[KindTable]:
    """A table for each figure and category that has several kinds of defects."""
    tables = []
    for category in bench.categories:
        scores = bench.of(category)
        kinds = list(dict.fromkeys(one.kind for score in scores for one in score.classes))
        if len(kinds) > 1:
            for name in figures:
                rows = [(score.detector, _by_kind(score, kinds, FIGURES[name])) for score in scores]
                tables.append(KindTable(category, name, kinds, rows))
    return tables


def _by_kind(score: CategoryScore, kinds: list[str], figure: Figure) -> list[float | None]:
    found = {one.kind: figure(one) for one in score.classes}
    return [*(found.get(kind) for kind in kinds), score.mean(figure)]


def _worst(out: Path, score: CategoryScore, case: Case) -> str | None:
    return _picture(out / folder_name(score.detector) / score.category / case.file)


def _picture(path: Path) -> str | None:
    """A JPEG as a data URI; None where its file is gone."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
