"""LabelMe JSON (wkentaro/labelme, also X-AnyLabeling): one file a picture.

`shapes` have a `label`, a `shape_type` and `points` in pixels, (0, 0) being the top left corner of the top
left pixel. Read are polygon, rectangle, oriented_rectangle (rotation), circle (its centre and a point on it)
and mask (a base64 PNG whose top left pixel is the first point). Shapes of one label and one `group_id` are
one part. Later shapes lie on top. Lines and points have no area. `imageData` is not looked at.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from ...schema import PictureError
from ..pictures import read_indices
from . import raster
from .fields import Corners, Fields, Items, Key, Label, Notes, Side, beside, kind_of, require
from .raster import Patch, Points
from .sheet import Canvas, Sheet

NAME = "LabelMe JSON"


class _Shape(Fields):
    label: Label
    points: Corners
    shape_type: str | None = None
    group_id: Key = None
    mask: str | None = None


class _File(Fields):
    shapes: Items
    image_path: str | None = Field(None, alias="imagePath")
    image_width: Side | None = Field(None, alias="imageWidth")
    image_height: Side | None = Field(None, alias="imageHeight")
    image_data: Any = Field(None, alias="imageData")


_CORNERS = {
    "polygon": "at least 3",
    "rectangle": "2",
    "circle": "2",
    "oriented_rectangle": "4",
    "rotation": "4",
}
"""shape_type -> how many points it has; a rectangle may also have 4."""

_NO_AREA = ("line", "linestrip", "point", "points")


def recognised(content: Any) -> bool:
    """Whether JSON content is meant to be of this format."""
    return isinstance(content, dict) and "shapes" in content


def sheets(file: Path, content: Any, _notes: Notes) -> list[Sheet]:
    """The one picture that the file annotates.

    Raises:
        AnnotationError: A field that all depends on is wrong.
    """
    fields = require(_File, content, file)
    size = (fields.image_width, fields.image_height)
    facts = [
        *beside(_File, "", content),
        *(fact for i, shape in enumerate(fields.shapes) for fact in beside(_Shape, f"shapes[{i}]", shape)),
    ]
    names = (fields.image_path or file.stem, file.stem)
    return [Sheet(file, names, size, partial(_draw, fields.shapes), tuple(facts))]


def _draw(shapes: Sequence[Any], canvas: Canvas) -> None:
    for index, content in enumerate(shapes):
        field = f"shapes[{index}]"
        shape = canvas.notes.understood(_Shape, field, content)
        if shape and shape.shape_type == "mask":
            _draw_mask(field, shape, canvas)
        elif shape:
            _draw_outline(field, shape, canvas)


def _draw_outline(field: str, shape: _Shape, canvas: Canvas) -> None:
    kind, count = shape.shape_type or "polygon", len(shape.points)
    if kind in _NO_AREA:
        canvas.notes.add(f"{field}.shape_type", f"a {kind} has no area")
    elif kind not in _CORNERS:
        canvas.notes.add(f"{field}.shape_type", f"unknown kind of shape {kind_of(kind)}")
    elif (outline := _outline(kind, np.array(shape.points))) is None:
        canvas.notes.add(f"{field}.points", f"expected {_CORNERS[kind]} points for a {kind}, got {count}")
    else:
        canvas.polygons(field, shape.label, [outline], shape.group_id)


def _outline(kind: str, points: Points) -> Points | None:
    """The polygon that a shape stands for; None where the number of points is wrong."""
    match kind, len(points):
        case "rectangle", 2:
            return raster.rectangle(points)
        case "circle", 2:
            return raster.circle(*points)
        case ("polygon", count) if count >= 3:
            return points
        case (("rectangle" | "oriented_rectangle" | "rotation"), 4):
            return points
    return None


def _draw_mask(field: str, shape: _Shape, canvas: Canvas) -> None:
    if not shape.mask or not len(shape.points):
        canvas.notes.add(f"{field}.mask", "expected a base64 PNG, and in points its top left pixel")
        return
    try:
        values, _ = read_indices(base64.b64decode(shape.mask), f"{field}.mask")
    except (ValueError, PictureError) as error:
        canvas.notes.add(f"{field}.mask", str(error).removeprefix(f"{field}.mask: "))
        return
    x, y = np.rint(shape.points[0]).astype(int)
    canvas.patch(field, shape.label, Patch(values > 0, int(x), int(y)), shape.group_id)
