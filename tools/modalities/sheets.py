"""Pictures of the same thing side by side: tiles of the same size with captions, on a grid near square."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from ...schema import PictureError
from ..lettering import draw_text, plain
from ..palette import INK, PAPER
from ..pictures import list_pictures, read_picture
from .view import CAPTION_SIZE, Pixels, View, ViewSettings, shortened

MAX_PICTURES: Final = 1000
_GAP: Final = 4
_STRIP: Final = CAPTION_SIZE + 7


def tile_pictures(paths: Sequence[Path], settings: ViewSettings) -> list[View]:
    """Sheets of the pictures that files and folders name, in the natural order of their names.

    Each sheet has at most `settings.tiles` of them. Pictures keep their proportions.

    Raises:
        PictureError: A picture cannot be read, a folder holds none, or there are more than a thousand.
    """
    found = list_pictures(paths)
    if len(found) > MAX_PICTURES:
        raise PictureError(f"{len(found):,} pictures are no set of one thing; at most {MAX_PICTURES:,}")
    tiles = min(settings.tiles, len(found))
    width = tile_width(tiles, settings.size)
    views = []
    for number, start in enumerate(range(0, len(found), tiles), start=1):
        chosen = found[start : start + tiles]
        # A picture is reduced before the next is read: large ones would not fit into memory together.
        pictures = [reduced(read_picture(path).pixels, width) for path in chosen]
        names = [path.stem for path in chosen]
        caption = f"pictures {', '.join(plain(name, 60) for name in names)}"
        views.append(View(f"sheet_{number}", sheet_of(pictures, names, settings.size, tiles), caption))
    return views


def tile_width(count: int, size: int) -> int:
    """How wide tiles are, in pixels, when so many stand on a sheet of that width."""
    columns = math.ceil(math.sqrt(count))
    return (size - _GAP * (columns + 1)) // columns


def reduced(pixels: Pixels, width: int) -> Pixels:
    """The pixels fitted into a square of that width with their proportions kept."""
    height, wide = pixels.shape[:2]
    scale = width / max(height, wide)
    size = (max(1, round(wide * scale)), max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=way), np.uint8)


def sheet_of(pictures: Sequence[Pixels], captions: Sequence[str], size: int, tiles: int) -> Pixels:
    """One sheet, (H, size, 3), of pictures on the tiles of a full one; captions stand below each."""
    columns = math.ceil(math.sqrt(tiles))
    rows = math.ceil(len(pictures) / columns)
    width = tile_width(tiles, size)
    height = max(picture.shape[0] for picture in pictures)
    step = height + _STRIP + _GAP
    sheet = np.full((rows * step + _GAP, size, 3), PAPER, np.uint8)
    for place, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        row, column = divmod(place, columns)
        left, top = _GAP + column * (width + _GAP), _GAP + row * step
        tall, wide = picture.shape[:2]
        x, y = left + (width - wide) // 2, top + (height - tall) // 2
        sheet[y : y + tall, x : x + wide] = picture
        text = shortened(plain(caption), width - 4, CAPTION_SIZE)
        draw_text(sheet, text, (left + 2, top + height + CAPTION_SIZE), CAPTION_SIZE, INK)
    return sheet
