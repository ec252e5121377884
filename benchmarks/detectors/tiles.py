"""What a contact sheet shows of a category: a few of its pictures, and the maps of these, small."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...schema import LogiSightError
from ...tools.pictures import shown
from ..kept import made_folder
from .category import KnownPicture

FILE: Final = "tiles.npz"
ROWS: Final = 12
"""Pictures on a sheet, about."""
MOST_OF_A_KIND: Final = 3
SIDE: Final = 240
"""Pixels of the longer side of what is drawn of a picture."""

Small = NDArray[np.float32]


class Tiles:
    """The maps of the pictures that a contact sheet shows."""

    def __init__(self, wanted: Iterable[KnownPicture]) -> None:
        self._wanted = {one.name for one in wanted}
        self.maps: dict[str, Small] = {}
        """Name of a picture -> its map, (height, width) of what is drawn of it."""

    def see(self, tested: KnownPicture, scores: NDArray[np.floating]) -> None:
        """Take in one map."""
        if tested.name in self._wanted:
            size = small_size(scores.shape[1], scores.shape[0])
            small = cv2.resize(np.asarray(scores, np.float32), size, interpolation=cv2.INTER_AREA)
            self.maps[tested.name] = np.asarray(small, np.float32)

    def keep(self, folder: Path) -> None:
        """Write them where `kept_tiles` looks for them.

        Raises:
            LogiSightError: The file cannot be written.
        """
        path = made_folder(folder) / FILE
        # A prefix, since a picture may be called as a parameter of NumPy's is.
        arrays: dict[str, Any] = {f"map/{name}": one for name, one in self.maps.items()}
        try:
            with path.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **arrays)
        except OSError as error:
            raise LogiSightError(f"{shown(path)}: cannot be written ({error.strerror})") from None


def kept_tiles(folder: Path) -> dict[str, Small] | None:
    """Name of a picture -> its map; None where they are not kept, or damaged."""
    try:
        with np.load(folder / FILE, allow_pickle=False) as file:
            return {name.removeprefix("map/"): file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def chosen(tested: Sequence[KnownPicture]) -> list[KnownPicture]:
    """Pictures that stand for all: about as many of each kind, evenly among them, the good ones first."""
    kinds = sorted({one.kind for one in tested})
    each = min(MOST_OF_A_KIND, max(1, ROWS // len(kinds)))
    found = []
    for kind in kinds:
        mine = [one for one in tested if one.kind == kind]
        places = np.linspace(0, len(mine) - 1, min(each, len(mine))).round().astype(int)
        found += [mine[place] for place in places]
    return found


def small_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of what is drawn of a picture."""
    factor = min(1.0, SIDE / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))
