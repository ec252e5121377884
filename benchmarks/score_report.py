"""Writes what anomaly maps are worth as one HTML file that needs no network and nothing beside it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final, NamedTuple

from jinja2 import Environment

from ..agents.pages import page_templates, write_whole
from .kept import made_folder
from .maps import ALL
from .metrics import LIMITS
from .scoring import CategoryScore, Plot, Score
from .worst_cases import Case

REPORT: Final = "report.html"
NAMES: Final = {"logical_anomalies": "logical", "structural_anomalies": "structural"}


COLUMNS: Final = (
    *("image AUROC logical", "image AUROC structural", "image AUROC mean"),
    *("AU-sPRO logical", "AU-sPRO structural", "AU-sPRO mean"),
    *("pixel AUROC all", "AUPRO all"),
)
"""Of the overview."""


class Row(NamedTuple):
    """One line of the overview."""

    name: str
    cells: list[float | None]
    is_mean: bool = False


def write_score_report(out: Path, score: Score, maps: str, data: str) -> Path:
    """Write the report of a score that stands in `out`, of the maps and the data of these names.

    Raises:
        LogiSightError: The file cannot be written.
    """
    path = made_folder(out) / REPORT
    template = score_templates().get_template("score.html.j2")
    write_whole(path, [template.render(score=score, maps=maps, data=data, out=out)], "the report")
    return path


def score_templates() -> Environment:
    """The templates of pages that show scores."""
    environment = page_templates(__package__)
    environment.filters["group_name"] = _group_name
    environment.globals |= {
        "overview": overview,
        "columns": COLUMNS,
        "groups": [*NAMES, ALL],
        "limits": [str(limit) for limit in LIMITS],
        "lines": _lines,
        "drawn": _drawn,
    }
    return environment


def overview(score: Score) -> list[Row]:
    """One line a category, and their mean where there are several; cells as in `COLUMNS`, from 0 to 1."""
    rows = [Row(one.category, _cells(one)) for one in score.categories]
    if len(rows) > 1:
        columns = zip(*(row.cells for row in rows), strict=True)
        means = [None if None in column else sum(filter(None, column)) / len(rows) for column in columns]
        rows.append(Row("mean", means, is_mean=True))
    return rows


def _cells(one: CategoryScore) -> list[float | None]:
    image = [metrics.auroc if (metrics := one.image.get(group)) else None for group in NAMES]
    mean = None if None in image else sum(filter(None, image)) / 2
    areas = [one.localization.groups.get(name, {}).get("0.05") for name in (*NAMES, "mean")]
    pixel = one.pixel[ALL]
    return [*image, mean, *areas, pixel.auroc, pixel.aupro]


def _lines(plots: dict[str, Plot]) -> list[tuple[str, list[float], list[float]]]:
    return [(_group_name(name), plots[name].x, plots[name].y) for name in (*NAMES, ALL) if name in plots]


def _group_name(name: str) -> str:
    group, _, defect = name.partition("/")
    return f"{NAMES.get(group, group)}: {defect}" if defect else NAMES.get(group, group)


def _drawn(out: Path, category: str, case: Case) -> str | None:
    """A worst case as a data URI; None where its file is gone."""
    try:
        data = (out / category / case.file).read_bytes()
    except OSError:
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
