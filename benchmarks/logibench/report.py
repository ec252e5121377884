"""Writes a result as one HTML file that needs no network and nothing beside it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from ...agents.pages import page_templates, write_whole
from ...schema import Box, LogiSightError
from ...tools.pictures import read_picture
from ..loco import find_categories
from .resampling import Interval
from .result import GROUPS, CategoryResult, Cost, LogiBench, PictureRow

REPORT: Final = "report.html"
CASES: Final = 4
"""Of each kind and each way of looking that are shown."""
WIDTH: Final = 480
"""Of their pictures."""
_TRUE, _FALSE = (0, 150, 110), (215, 50, 30)
"""Colours of the evidence for reasons, RGB."""


class Line(NamedTuple):
    """One line of an overview: a product and a way of judging."""

    category: str
    way: str
    cells: list[Interval | None]
    is_mean: bool = False


VERDICTS: Final = {
    "logical accuracy": "accuracy, logical",
    "logical balanced_accuracy": "balanced accuracy, logical",
    "logical f1": "F1, logical",
    "logical auroc": "AUROC, logical",
    "structural auroc": "AUROC, structural",
    "all accuracy": "accuracy, all",
}
"""Figure -> heading."""
MAIN_VERDICTS: Final = {
    name: VERDICTS[name] for name in ("logical accuracy", "logical auroc", "structural auroc", "all accuracy")
}
"""Where there is no room for all."""
WORDS: Final = {
    "reasoning precision": "reasons: precision",
    "reasoning recall": "reasons: recall",
    "rules first_attempt": "code runs at first attempt",
    "rules after_repair": "code runs after repair",
    "rules proven": "rules proven",
}
OPINIONS: Final = {
    "opinion precision": "reasons: precision, it thinks",
    "opinion agreement": "agrees with the comparison",
    "opinion kappa": "Cohen's kappa, times 100",
}


def write_logibench_report(out: Path, result: LogiBench, data: Path) -> Path:
    """Write the report of a result beside it; `data` is where the pictures of worst cases are taken from.

    Raises:
        LogiSightError: The file cannot be written.
    """
    package = (__package__ or "").rpartition(".")[0]
    template = page_templates(package).get_template("logibench/logibench.html.j2")
    text = template.render(
        result=result,
        verdicts=VERDICTS,
        words=WORDS,
        opinions=OPINIONS,
        lines=overview,
        costs=costs,
        roc=_roc,
        defects=_defects,
        cases=_cases,
        drawn=lambda category, row: _drawn(data, category, row),
    )
    path = out / REPORT
    write_whole(path, [text], "the report")
    return path


def overview(result: LogiBench, figures: Sequence[str]) -> list[Line]:
    """One line for each product and way of judging that has one of the figures, and their means."""
    lines = []
    if len(result.categories) > 1:
        for way, mean in result.mean.items():
            lines.append(Line("mean", way, [mean.get(name) for name in figures], is_mean=True))
    for one in result.categories:
        lines += [
            Line(one.category, way, [_figure(one, way, name) for name in figures]) for way in one.judged
        ]
    return [line for line in lines if any(cell is not None for cell in line.cells)]


class CostLine(NamedTuple):
    """What chat models were asked for one product and way of judging."""

    category: str
    way: str
    cost: Cost


def costs(result: LogiBench) -> list[CostLine]:
    """What every product and way of judging has cost."""
    return [
        CostLine(one.category, way, scores.cost)
        for one in result.categories
        for way, scores in one.rules.items()
    ]


def _figure(one: CategoryResult, way: str, name: str) -> Interval | None:
    group, _, metric = name.partition(" ")
    scores = one.rules.get(way)
    if group == "reasoning":
        found: Any = scores.reasoning if scores else None
    elif group == "rules":
        found = scores.authoring if scores else None
    elif group == "opinion":
        found = scores.opinion if scores else None
    else:
        found = (scores or one.baselines[way]).classification.get(group)
    return getattr(found, metric, None)


def _roc(one: CategoryResult, group: str) -> list[tuple[str, list[float], list[float]]]:
    """ROC curves of all ways of judging: name, false positive rates, true positive rates."""
    curves = []
    for way, judged in one.judged.items():
        rows = [row for row in judged if row.group in ("good", group)]
        labels = [row.group != "good" for row in rows]
        if any(labels) and not all(labels):
            fpr, tpr, _ = roc_curve(labels, [row.score for row in rows])
            curves.append((way, fpr.tolist(), tpr.tolist()))
    return curves


def _defects(one: CategoryResult) -> list[tuple[str, str, dict[str, Any]]]:
    """Each type of defect with its group and, by way of looking, what became of it; good pictures first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for way, scores in one.rules.items():
        good = [row for row in scores.pictures if row.group == "good"]
        found.setdefault(("good", "good"), {})[way] = {
            "pictures": len(good),
            "anomalous": sum(row.status == "anomalous" for row in good),
            "undecided": sum(row.status == "undecided" for row in good),
            "annotated": 0,
            "told": 0,
        }
        for row in scores.defects:
            found.setdefault((row.group, row.defect), {})[way] = row.model_dump()
    order = ["good", *GROUPS]
    keys = sorted(found, key=lambda key: order.index(key[0]))
    return [(group, defect, found[group, defect]) for group, defect in keys]


def _cases(rows: Sequence[PictureRow]) -> list[tuple[str, PictureRow]]:
    """What went wrong, the worst first: wrong verdicts, then wrong reasons for right ones."""
    some = [row for row in rows if row.group != "structural"]
    alarms = sorted((row for row in some if row.group == "good" and not row.right), key=lambda r: -r.score)
    misses = sorted((row for row in some if row.group != "good" and not row.right), key=lambda r: r.score)
    reasons = [row for row in some if row.right and (row.missed or any(not told.true for told in row.told))]
    kinds = {
        "false alarm": alarms,
        "missed": misses,
        "right, but for wrong or missing reasons": reasons,
    }
    return [(kind, row) for kind, found in kinds.items() for row in found[:CASES]]


def _drawn(data: Path, category: str, row: PictureRow) -> str | None:
    """A picture with the evidence of its reasons, as a data URI; None where its file is gone."""
    try:
        (folder,) = find_categories(data, [category])
        pixels = read_picture(folder / f"{row.name}.png").pixels
    except LogiSightError:
        return None
    factor = WIDTH / pixels.shape[1]
    small = cv2.resize(pixels, (WIDTH, max(1, round(pixels.shape[0] * factor))), interpolation=cv2.INTER_AREA)
    for told in row.told:
        for box in told.where:
            _frame(small, box, factor, _TRUE if told.true else _FALSE)
    _, jpeg = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}"


def _frame(pixels: NDArray[Any], box: Box, factor: float, colour: tuple[int, int, int]) -> None:
    x0, y0, x1, y1 = (round(value * factor) for value in box)
    cv2.rectangle(pixels, (x0, y0), (max(x0, x1 - 1), max(y0, y1 - 1)), colour, 2, cv2.LINE_AA)
