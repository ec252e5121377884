"""Writes what anomaly maps are worth as one HTML file that needs no network and nothing beside it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np

from ..agents.pages import page_templates, write_whole
from ..schema import DatasetError, PictureError
from ..tools.pictures import read_picture, shown
from .anomaly_maps import find_map, read_map
from .loco import find_categories
from .maps import ALL
from .metrics import LIMITS
from .scoring import CategoryScore, Plot, Score

WIDTH: Final = 480
"""Of the pictures of worst cases."""
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


def write_score_report(path: Path, score: Score, maps: Path, data: Path) -> None:
    """Write the report of a score of `maps` on `data`.

    Raises:
        LogiSightError: The file cannot be written.
    """
    environment = page_templates(__package__)
    environment.filters["group_name"] = _group_name
    text = environment.get_template("score.html.j2").render(
        score=score,
        maps=shown(maps.resolve().name),
        data=shown(data.resolve().name),
        overview=overview(score),
        columns=COLUMNS,
        groups=[*NAMES, ALL],
        limits=[str(limit) for limit in LIMITS],
        lines=_lines,
        pictures=lambda category, name: _case(maps, data, category, name),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, [text], "the report")


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


def _case(maps: Path, data: Path, category: str, name: str) -> str | None:
    """A picture with its map over it, as a data URI; None where a file is gone."""
    (folder,) = find_categories(data, [category])
    try:
        pixels = read_picture(folder / f"{name}.png").pixels
        scores = read_map(find_map(maps, category, name))
    except (PictureError, DatasetError):
        return None
    return _data_uri(_blended(pixels, scores))


def _blended(pixels: np.ndarray[Any, Any], scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    height = max(1, round(pixels.shape[0] * WIDTH / pixels.shape[1]))
    small = cv2.resize(pixels, (WIDTH, height), interpolation=cv2.INTER_AREA)
    heat = cv2.resize(scores, (WIDTH, height), interpolation=cv2.INTER_AREA)
    heat = (heat - heat.min()) / (np.ptp(heat) or 1)
    colours = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_INFERNO)[:, :, ::-1]
    share = (0.7 * heat)[:, :, np.newaxis]
    return np.asarray((1 - share) * small + share * colours, np.uint8)


def _data_uri(pixels: np.ndarray[Any, Any]) -> str:
    _, data = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"
