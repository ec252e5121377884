"""Anomaly maps of a whole test set in files, in the layout that the official evaluation reads.

    MAPS/CATEGORY/test/{good,logical_anomalies,structural_anomalies}/000.tiff ...

One number a pixel, larger is more anomalous, at the size of the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import tifffile

from ..schema import DatasetError
from ..tools.pictures import MAX_PIXELS, shown
from .loco import LocoCategory, LocoPicture
from .maps import ScoredPicture
from .scores import Scores

SUFFIXES: Final = (".tif", ".tiff", ".TIF", ".TIFF")


def read_map(path: Path) -> Scores:
    """One anomaly map, (height, width), as float32, or float64 where that is what the file holds.

    Raises:
        DatasetError: The file is no TIFF of one page with one finite real number a pixel.
    """
    try:
        with tifffile.TiffFile(path) as file:
            page: Any = file.pages[0]
            if page.ndim != 2 or len(file.pages) != 1:
                raise DatasetError(f"{shown(path)}: expected one number a pixel, got the shape {page.shape}")
            if page.size > MAX_PIXELS:
                raise DatasetError(f"{shown(path)}: has more than {MAX_PIXELS:,} pixels")
            if page.dtype is None or page.dtype.kind not in "fiub":
                raise DatasetError(f"{shown(path)}: expected real numbers, got {page.dtype}")
            values = _decoded(path, page)
    except DatasetError:
        raise
    except OSError as error:
        raise DatasetError(f"{shown(path)}: {error.strerror or error}") from None
    except Exception as error:  # noqa: BLE001  (a hostile file: whatever its decoder says)
        raise DatasetError(f"{shown(path)}: is no TIFF that can be read ({shown(error)})") from None
    kind = np.float32 if np.can_cast(values.dtype, np.float32) else np.float64
    return np.asarray(values, kind)


def _decoded(path: Path, page: Any) -> Any:
    """The numbers of a page; tifffile leaves some compressions, such as LZW, to another package."""
    if page.compression in (1, 8, 32946) and page.predictor == 1:
        return page.asarray()
    values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if values is None or values.shape != page.shape:
        raise DatasetError(f"{shown(path)}: its compression {page.compression.name} cannot be read")
    return values


def find_map(folder: Path, category: str, picture: str) -> Path:
    """The one map of a picture, named as `test/good/007`, in the folder of all categories or of this one.

    Raises:
        DatasetError: There is none, or more than one.
    """
    stems = (folder / category / picture, folder / picture)
    paths = [path for stem in stems for suffix in SUFFIXES if (path := Path(f"{stem}{suffix}")).is_file()]
    if len(paths) != 1:
        what = "several maps of one picture" if paths else "no map of this picture"
        raise DatasetError(f"{shown(stems[0])}: {what}")
    return paths[0]


class MapFolder:
    """The maps of one category, paired with its test pictures."""

    def __init__(self, folder: Path, category: LocoCategory) -> None:
        """`folder` is that of all categories, or of this one.

        Raises:
            DatasetError: There is no folder of maps of this category.
        """
        if not any((place / "test").is_dir() for place in (folder / category.name, folder)):
            raise DatasetError(f"{shown(folder / category.name / 'test')}: no such folder")
        self._folder = folder
        self._category = category
        self.problems: list[str] = []
        """One line for each picture that has no map that can be used; complete when `pictures` has ended."""

    def pictures(self) -> Iterator[ScoredPicture]:
        """The maps beside their ground truth, in the order of the official evaluation."""
        for picture in self._category.select("test"):
            try:
                yield self._scored(picture)
            except DatasetError as error:
                self.problems.append(str(error))

    def files(self) -> list[Path]:
        """The files of all maps that there are, one for each picture that has one."""
        found = []
        for picture in self._category.select("test"):
            with suppress(DatasetError):
                found.append(find_map(self._folder, picture.category, picture.name))
        return found

    def count(self) -> int:
        """How many maps there are."""
        return len(self.files())

    def _scored(self, picture: LocoPicture) -> ScoredPicture:
        path = find_map(self._folder, picture.category, picture.name)
        scores, defects = read_map(path), self._category.defects(picture)
        if not np.isfinite(scores).all():
            raise DatasetError(f"{shown(path)}: has scores that are not finite")
        if any(defect.mask.shape != scores.shape for defect in defects):
            height, width = scores.shape
            raise DatasetError(
                f"{shown(path)}: is {width}x{height}, unlike its picture; maps are scored at its size"
            )
        return ScoredPicture(scores, defects, picture.group, picture.name)
