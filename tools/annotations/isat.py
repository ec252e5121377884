"""ISAT JSON (yatengLG/ISAT_with_segment_anything): one file a picture.

`objects` have a `category`, a polygon `segmentation` in pixels, a `group` (the instance they belong to) and
a `layer`; higher layers lie on top. Objects of one category and one group, other than 0, are one part.
`__background__` on top of an object cuts a hole into it, which is how ISAT keeps holes; otherwise an object
keeps the pixels that others on top of it share, so that a box keeps its area whatever lies in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from .fields import Corners, Fields, Items, Key, Label, Notes, Side, beside, require
from .sheet import Canvas, Sheet

NAME = "ISAT JSON"


class _Object(Fields):
    category: Label
    segmentation: Corners
    group: Key = None
    layer: Annotated[float, Field(allow_inf_nan=False)] | None = None
    iscrowd: Annotated[bool, Field(strict=False)] | None = False


class _Info(Fields):
    name: str | None = None
    width: Side | None = None
    height: Side | None = None


class _File(Fields):
    info: _Info
    objects: Items


def recognised(content: Any) -> bool:
    """Whether JSON content is meant to be of this format."""
    return isinstance(content, dict) and "info" in content and "objects" in content


def sheets(file: Path, content: Any, _notes: Notes) -> list[Sheet]:
    """The one picture that the file annotates.

    Raises:
        AnnotationError: A field that all depends on is wrong.
    """
    fields = require(_File, content, file)
    size = (fields.info.width, fields.info.height)
    facts = [
        *beside(_File, "", content),
        *beside(_Info, "info", content["info"]),
        *(fact for i, thing in enumerate(fields.objects) for fact in beside(_Object, f"objects[{i}]", thing)),
    ]
    names = (fields.info.name or file.stem, file.stem)
    return [Sheet(file, names, size, partial(_draw, fields.objects), tuple(facts))]


def _draw(objects: Sequence[Any], canvas: Canvas) -> None:
    drawn: list[tuple[str, _Object]] = []
    for index, content in enumerate(objects):
        field = f"objects[{index}]"
        if thing := canvas.notes.understood(_Object, field, content):
            drawn.append((field, thing))
    for field, thing in sorted(drawn, key=lambda item: item[1].layer or 0):
        if thing.iscrowd:
            canvas.notes.add(f"{field}.iscrowd", "a crowd is not one part")
        elif len(thing.segmentation) < 3:
            count = len(thing.segmentation)
            canvas.notes.add(f"{field}.segmentation", f"expected at least 3 points, got {count}")
        else:
            canvas.polygons(field, thing.category, [np.array(thing.segmentation)], thing.group or None)
