"""Index masks: one PNG a picture, `<stem>.png` or `<stem>_mask.png`, whose values name classes.

Palette, grey or black-and-white; 0 is background. Every group of pixels of one class that touch, also at
corners, is one part. A file beside the masks, or one folder up, may name the classes: `labels.json`
({"1": "pushpin"}, {"pushpin": 1} or a list), or `labels.txt`, `classes.txt`, `class_names.txt` or
`classification.txt` (one name a line). A list starts with 1, or with 0 where its first name is a background;
a leading `__ignore__` does not count. Without such a file the classes are called "class 1", "class 2", ...

255 stands for pixels that nobody decided on (as in Pascal VOC) and is read as background, unless it has a
name, or the mask is not a palette picture and has no other class.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import scipy

from ...schema import AnnotationError, PictureError
from ..pictures import picture_size, read_indices, shown
from .fields import Fields, Label, load_json, read_bytes, require
from .raster import Patch
from .sheet import BACKGROUND, IGNORE, Canvas, Sheet

NAME = "index-mask PNGs"

LABEL_FILES = ("labels.json", "labels.txt", "classes.txt", "class_names.txt", "classification.txt")

MAX_UNNAMED = 64
"""More classes than this without a name are no classes, but a smoothed or a grey picture."""

_VOID = 255


class _Names(Fields):
    names: dict[int, Label]
    """By value."""


def sheets(
    masks: Collection[Path], stems: Collection[str], on_error: Callable[[AnnotationError], None]
) -> list[Sheet]:
    """The masks among some PNG files that belong to pictures with these stems.

    `on_error` takes what is wrong with a mask, or with the file of class names beside masks; the reading goes
    on without them when it returns.
    """
    found = []
    for folder in sorted({mask.parent for mask in masks}):
        mine = {
            mask: stem for mask in sorted(masks) if mask.parent == folder and (stem := _stem(mask, stems))
        }
        try:
            names = _class_names(folder) if mine else {}
        except AnnotationError as error:
            on_error(error)
            continue
        for mask, stem in mine.items():
            try:
                found.append(Sheet(mask, (stem,), picture_size(mask), partial(_draw, mask, names)))
            except PictureError as error:
                on_error(AnnotationError(str(error)))
    return found


def _stem(mask: Path, stems: Collection[str]) -> str | None:
    """Which of the stems of pictures a mask belongs to."""
    return next((stem for stem in (mask.stem, mask.stem.removesuffix("_mask")) if stem in stems), None)


def _draw(mask: Path, names: Mapping[int, str], canvas: Canvas) -> None:
    try:
        values, mode = read_indices(read_bytes(mask), shown(mask))
    except PictureError as error:
        raise AnnotationError(str(error)) from None
    boxes = {value: box for value, box in enumerate(scipy.ndimage.find_objects(values), start=1) if box}
    if len(boxes.keys() - names.keys()) > MAX_UNNAMED:
        raise AnnotationError(
            f"{shown(mask)}: {len(boxes)} different values are no classes; save the mask without smoothing, "
            f"or name the classes in {LABEL_FILES[0]}"
        )
    if _VOID in boxes and _VOID not in names and (names or mode == "P" or len(boxes) > 1):
        canvas.notes.add(f"value {_VOID}", "nobody decided on these pixels; read as background")
        del boxes[_VOID]
    for value, (rows, columns) in boxes.items():
        pieces = (values[rows, columns] == value).astype(np.uint8)
        _, numbered, stats, _ = cv2.connectedComponentsWithStats(pieces, connectivity=8)
        for number, (x, y, width, height, _) in enumerate(stats[1:], start=1):
            piece = numbered[y : y + height, x : x + width] == number
            patch = Patch(piece, columns.start + int(x), rows.start + int(y))
            canvas.patch(f"value {value}", names.get(value, f"class {value}"), patch)


def _class_names(folder: Path) -> Mapping[int, str]:
    for file in (place / name for place in (folder, folder.parent) for name in LABEL_FILES):
        if file.is_file():
            content = load_json(file) if file.suffix == ".json" else _lines(file)
            numbered = _numbered(content)
            if numbered is None:
                raise AnnotationError(f"{shown(file)}: expected numbers and names, or a list of names")
            return require(_Names, {"names": numbered}, file).names
    return {}


def _lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in read_bytes(file).decode("utf-8-sig").strip().splitlines()]
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{shown(file)}: cannot be read as text ({error})") from None


def _numbered(content: Any) -> dict[int, Any] | None:
    """The names by number; None where the content is of no known form."""
    if isinstance(content, list) and content:
        names = content[1:] if content[0] == IGNORE else content
        return dict(enumerate(names, start=0 if names and names[0] in (*BACKGROUND, "background") else 1))
    if not isinstance(content, dict) or not content:
        return None
    if all(key.isdecimal() and len(key) < 6 for key in content):
        return {int(key): name for key, name in content.items()}
    if all(type(value) is int for value in content.values()):
        return {value: name for name, value in content.items()}
    return None
