"""Contact sheets: pictures, where their defects are, and what each detector sees on them, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ...schema import DatasetError, LogiSightError, PictureError
from ...tools.detectors.heat import PERCENTILES, Scale, heat, overlay_heat
from ...tools.lettering import BOLD, draw_text, plain, text_width, wrap
from ...tools.palette import FAINT, INK, PAPER
from ...tools.pictures import read_picture, shown
from ..kept import made_folder
from .category import Category, KnownPicture, Mask
from .result import CategoryScore, PictureScore
from .tiles import Small, small_size

FOLDER: Final = "sheets"
TRUTH: Final = (255, 0, 255)
"""Of the outline of the ground truth; no colour of the maps."""
GAP: Final = 8
TEXT: Final = 14
LINE: Final = 18
LEGEND: Final = 10
"""Height of the bar that says what colours mean."""

NARROWEST: Final = 170
"""Width of a column at least, which the text below a picture needs."""

Pixels = NDArray[np.uint8]


class Column(NamedTuple):
    """One detector: its maps by the name of the picture, and what it says of each."""

    name: str
    maps: Mapping[str, Small]
    pictures: Mapping[str, PictureScore]

    @classmethod
    def of(cls, score: CategoryScore, maps: Mapping[str, Small]) -> Column:
        """That of a score."""
        return cls(score.detector, maps, {picture.name: picture for picture in score.pictures})

    @property
    def scale(self) -> Scale:
        """One for all maps of the sheet, so that colours can be compared down a column.

        Its ends are the medians of those of each map, lest the one loudest map make all others cold.
        """
        if not self.maps:
            return Scale(0, 0)
        ends = [np.percentile(one, PERCENTILES) for one in self.maps.values()]
        low, high = np.median(ends, axis=0)
        return Scale(float(low), float(high))


class Cell(NamedTuple):
    """A picture with a line of text below."""

    pixels: Pixels
    text: str


def write_sheet(
    out: Path, category: Category, tested: Sequence[KnownPicture], columns: Sequence[Column]
) -> str:
    """Write the sheet of a category, a JPEG, and answer with its path below `out`.

    Raises:
        LogiSightError: It cannot be written.
    """
    sheet = draw_sheet(category, tested, columns)
    path = made_folder(out / FOLDER) / f"{category.name}.jpg"
    _, data = cv2.imencode(".jpg", sheet[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise LogiSightError(f"{shown(path)}: cannot be written ({error.strerror})") from None
    return str(path.relative_to(out))


def draw_sheet(category: Category, tested: Sequence[KnownPicture], columns: Sequence[Column]) -> Pixels:
    """One row a picture, one column each for it, for its ground truth, and for each detector, RGB.

    A picture that cannot be read any more is left out.
    """
    rows = [_cells(one, *seen, columns) for one in tested if (seen := _read(category, one))]
    width = max((cell.pixels.shape[1] for row in rows for cell in row), default=0)
    width = max(width, NARROWEST)
    return np.concatenate([_header(columns, width), *(_row(row, width) for row in rows)])


def _read(category: Category, one: KnownPicture) -> tuple[Pixels, Mask] | None:
    """A picture and its ground truth, small; None where it cannot be read any more."""
    try:
        pixels = read_picture(one.path).pixels
        height, width = pixels.shape[:2]
        truth = category.read_truth(one, (width, height)) if one.kind else np.zeros((height, width), np.bool_)
    except (PictureError, DatasetError):
        return None
    size = small_size(width, height)
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return small, cv2.resize(truth.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0


def _cells(one: KnownPicture, pixels: Pixels, truth: Mask, columns: Sequence[Column]) -> list[Cell]:
    """A row: the picture, its ground truth, and what each detector sees on it."""
    return [
        Cell(pixels, one.kind or "good"),
        Cell(_outlined(pixels, truth, 2), Path(one.name).name),
        *(_seen(column, one, pixels, truth) for column in columns),
    ]


def _seen(column: Column, one: KnownPicture, pixels: Pixels, truth: Mask) -> Cell:
    """What a detector sees on a picture, and how well it does; nothing where it did not look."""
    scores, said = column.maps.get(one.name), column.pictures.get(one.name)
    if scores is None or said is None or scores.shape != pixels.shape[:2]:
        return Cell(np.full_like(pixels, PAPER), "")
    told = f"score {said.score:.3g}"
    if said.pixel_auroc is not None:
        told += f", AUROC {100 * said.pixel_auroc:.0f}"
    return Cell(_outlined(overlay_heat(pixels, scores, column.scale), truth, 1), told)


def _outlined(pixels: Pixels, truth: Mask, thickness: int) -> Pixels:
    drawn = pixels.copy()
    outlines, _ = cv2.findContours(truth.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, outlines, -1, TRUTH, thickness)
    return drawn


def _row(cells: Sequence[Cell], width: int) -> Pixels:
    """Cells side by side, each in a column of `width` pixels, their text below."""
    height = max(cell.pixels.shape[0] for cell in cells)
    row = _paper(height + LINE + GAP, len(cells), width)
    for place, (pixels, told) in enumerate(cells):
        left = _left(place, width)
        row[: pixels.shape[0], left : left + pixels.shape[1]] = pixels
        text = plain(told)
        while text_width(text, TEXT) > width:
            text = text[:-2] + "…"
        draw_text(row, text, (left, height + TEXT), TEXT, FAINT)
    return row


def _header(columns: Sequence[Column], width: int) -> Pixels:
    """What each column shows, and for a detector which scores are cold and which are hot."""
    names = ["picture", "defects", *(column.name for column in columns)]
    texts = [wrap(plain(name), width, TEXT, BOLD) for name in names]
    top = GAP + max(map(len, texts)) * LINE
    header = _paper(top + LEGEND + LINE + GAP, len(names), width)
    for place, text in enumerate(texts):
        for number, line in enumerate(text):
            draw_text(header, line, (_left(place, width), GAP + TEXT + number * LINE), TEXT, INK, BOLD)
    for place, column in enumerate(columns, start=2):
        _legend(header[top:], _left(place, width), width, column.scale)
    return header


def _legend(strip: Pixels, left: int, width: int, scale: Scale) -> None:
    """A bar of all colours with the scores at its ends."""
    ramp = np.tile(np.linspace(0, 1, width, dtype=np.float32), (LEGEND, 1))
    strip[:LEGEND, left : left + width] = heat(ramp, Scale(0, 1))
    low, high = f"≤ {scale.low:.3g}", f"≥ {scale.high:.3g}"
    draw_text(strip, low, (left, LEGEND + TEXT), TEXT, FAINT)
    draw_text(strip, high, (left + width - text_width(high, TEXT), LEGEND + TEXT), TEXT, FAINT)


def _paper(height: int, columns: int, width: int) -> Pixels:
    return np.full((height, GAP + columns * (width + GAP), 3), PAPER, np.uint8)


def _left(place: int, width: int) -> int:
    """Where a column begins."""
    return GAP + place * (width + GAP)
