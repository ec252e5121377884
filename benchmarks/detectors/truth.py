"""Where the defects of a picture are: masks, and boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...schema import DatasetError, PictureError
from ...tools.pictures import read_picture, shown
from .category import Mask, Size


def read_mask(path: Path, size: Size) -> Mask:
    """The pixels of a mask that are at least half as bright as its brightest one, (height, width).

    Soft edges, transparent backgrounds and the marks of JPEG are told from defects by that. Where nothing is
    brighter than middle grey, pixels are numbers of defects, and all but 0 count.

    Raises:
        DatasetError: It cannot be read, has another size than its picture, or shows no defect.
    """
    try:
        bright = read_picture(path).pixels.max(axis=2).astype(np.int32)
    except PictureError as error:
        raise DatasetError(str(error)) from None
    height, width = bright.shape
    if (width, height) != size:
        raise DatasetError(
            f"{shown(path)}: is {width}x{height}, its picture {size[0]}x{size[1]}; they must be equal"
        )
    top = int(bright.max())
    if not top:
        raise DatasetError(f"{shown(path)}: shows no defect")
    return np.asarray(2 * bright >= top if top >= 128 else bright > 0)


def read_boxes(path: Path, size: Size) -> Mask:
    """What lies in the boxes of a text file, one `x1 y1 x2 y2 type` a line, (height, width).

    Raises:
        DatasetError: It cannot be read, or has no box in the picture.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DatasetError(f"{shown(path)}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise DatasetError(f"{shown(path)}: is no text; copy it again") from None
    width, height = size
    mask = np.zeros((height, width), np.bool_)
    for number, line in enumerate(lines, start=1):
        numbers = line.replace(",", " ").split()
        if not numbers:
            continue
        if len(numbers) != 5 or not all(one.isdecimal() and len(one) < 8 for one in numbers):
            raise DatasetError(
                f"{shown(path)}: line {number}: expected x1 y1 x2 y2 type, got {shown(line)!r:.60}"
            )
        x1, y1, x2, y2 = map(int, numbers[:4])
        mask[y1:y2, x1:x2] = True
    if not mask.any():
        raise DatasetError(f"{shown(path)}: has no box in its picture of {width}x{height}")
    return mask
