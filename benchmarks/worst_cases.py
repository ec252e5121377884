"""The pictures that anomaly maps are most wrong about, with their maps over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..schema import LogiSightError, PictureError, Record
from ..tools.pictures import read_picture, shown
from .kept import made_folder
from .maps import Defect, ScoredPicture

MOST: Final = 4
"""Of each kind."""
WIDTH: Final = 480
"""Pixels of what is drawn."""
FOLDER: Final = "worst"
OUTLINE: Final = (0, 230, 255)
"""Of the ground truth; no colour of the maps."""

Small = NDArray[np.float32]


class Case(Record):
    """A picture that the maps are wrong about, or come close to it."""

    picture: str
    """`test/good/007`."""
    score: float
    missed: bool
    """Whether it is anomalous and scores low; else it is good and scores high."""

    @property
    def file(self) -> Path:
        """Where it is drawn, in the folder of the results of its category."""
        return Path(FOLDER, f"{self.picture.replace('/', '-')}.jpg")


class _Seen(NamedTuple):
    order: tuple[float, int]
    """The smaller the worse."""
    case: Case
    heat: Small
    truth: NDArray[np.bool_]


class WorstCases:
    """Looks at all maps of a category and remembers the worst ones, small."""

    def __init__(self) -> None:
        self._count = 0
        self._missed: list[_Seen] = []
        self._alarms: list[_Seen] = []

    def see(self, picture: ScoredPicture) -> None:
        """Take in one picture."""
        self._count += 1
        score, missed = float(picture.scores.max()), picture.group != "good"
        worst = self._missed if missed else self._alarms
        order = (score if missed else -score, self._count)
        if len(worst) == MOST and order > worst[-1].order:
            return
        size = _small(picture.scores.shape)
        heat = cv2.resize(np.asarray(picture.scores, np.float32), size, interpolation=cv2.INTER_AREA)
        case = Case(picture=picture.name, score=score, missed=missed)
        worst.append(_Seen(order, case, np.asarray(heat, np.float32), _truth(picture.defects, size)))
        worst.sort(key=lambda one: one.order)
        del worst[MOST:]

    def cases(self) -> list[Case]:
        """The anomalous pictures that score lowest, and the good ones that score highest, the worst first."""
        return [seen.case for seen in (*self._missed, *self._alarms)]

    def draw(self, pictures: Mapping[str, Path], out: Path) -> None:
        """Write each picture, found by its name, with its map over it, where a report looks for it.

        A picture that cannot be read any more is left out.

        Raises:
            LogiSightError: The folder cannot be written to.
        """
        for seen in (*self._missed, *self._alarms):
            with suppress(PictureError):
                pixels = read_picture(pictures[seen.case.picture]).pixels
                _, data = cv2.imencode(
                    ".jpg", _blended(pixels, seen)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80]
                )
                _write(out / seen.case.file, data.tobytes())


def _small(shape: Sequence[int]) -> tuple[int, int]:
    """Width and height of what is drawn of a picture."""
    return WIDTH, max(1, round(shape[0] * WIDTH / shape[1]))


def _truth(defects: Sequence[Defect], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Where any defect is, (height, width)."""
    found = np.zeros(size[::-1], np.bool_)
    for defect in defects:
        found |= cv2.resize(defect.mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    return found


def _blended(pixels: NDArray[np.uint8], seen: _Seen) -> NDArray[np.uint8]:
    """A picture under its map, the brighter the higher, and the outline of its ground truth."""
    height, width = seen.heat.shape
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    heat = (seen.heat - seen.heat.min()) / (np.ptp(seen.heat) or 1)
    colours = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_INFERNO)[:, :, ::-1]
    share = (0.7 * heat)[:, :, np.newaxis]
    drawn: NDArray[Any] = np.ascontiguousarray((1 - share) * small + share * colours, np.uint8)
    outlines, _ = cv2.findContours(seen.truth.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, outlines, -1, OUTLINE, 2)
    return drawn


def _write(path: Path, data: bytes) -> None:
    made_folder(path.parent)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise LogiSightError(f"{shown(path)}: cannot be written ({error.strerror})") from None
