"""COCO JSON (cocodataset.org, object detection): one file for many pictures.

`annotations` have a `segmentation`, either polygons (flat lists x0, y0, x1, y1, ...; several of them are one
part) or a run-length code, as a list of lengths or as the string that pycocotools writes. An annotation that
has only a `bbox` has no outline, and one with `iscrowd` is not one part. A picture that has no annotation in
the file counts as not annotated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ..pictures import MAX_PIXELS
from . import raster
from .fields import (
    MAX_POINTS,
    Fact,
    Fields,
    Items,
    Key,
    Label,
    Notes,
    Side,
    beside,
    is_coordinate,
    kind_of,
    require,
)
from .raster import Points, Runs, Size
from .sheet import Canvas, Sheet

NAME = "COCO JSON"

_Id = int | str | None


class _Image(Fields):
    id: Key
    file_name: str
    width: Side | None = None
    height: Side | None = None


class _Category(Fields):
    id: Key
    name: Label


class _Place(Fields):
    image_id: Key


class _Entry(Fields):
    category_id: Key
    segmentation: Any = None
    iscrowd: Annotated[bool, Field(strict=False)] | None = False


class _File(Fields):
    images: Items
    annotations: Items
    categories: Items = []


def recognised(content: Any) -> bool:
    """Whether JSON content is meant to be of this format."""
    return isinstance(content, dict) and "images" in content and "annotations" in content


def sheets(file: Path, content: Any, notes: Notes) -> list[Sheet]:
    """The pictures that the file annotates; `notes` takes what belongs to none of them.

    Raises:
        AnnotationError: A field that all depends on is wrong.
    """
    fields = require(_File, content, file)
    categories = {
        category.id: category.name
        for index, item in enumerate(fields.categories)
        if (category := notes.understood(_Category, f"categories[{index}]", item))
    }
    images: dict[_Id, _Image] = {}
    facts: dict[_Id, list[Fact]] = {}
    for index, item in enumerate(fields.images):
        image = notes.understood(_Image, f"images[{index}]", item)
        if image and image.id in images:
            notes.add(f"images[{index}].id", f"{kind_of(image.id)} is the id of another image")
        elif image:
            images[image.id] = image
            facts[image.id] = beside(_Image, f"images[{index}]", item)
    entries: dict[_Id, list[Fact]] = {}
    for index, item in enumerate(fields.annotations):
        field = f"annotations[{index}]"
        place = notes.understood(_Place, field, item)
        if place and place.image_id not in images:
            notes.add(f"{field}.image_id", f"no image has the id {kind_of(place.image_id)}")
        elif place:
            entries.setdefault(place.image_id, []).append((field, item))
            facts[place.image_id] += beside(_Entry, field, item)
    return [
        Sheet(
            file,
            (image.file_name,),
            (image.width, image.height),
            partial(_draw, entries[key], categories) if key in entries else None,
            tuple(facts[key]),
        )
        for key, image in images.items()
    ]


def _draw(entries: Sequence[Fact], categories: Mapping[_Id, str], canvas: Canvas) -> None:
    for field, content in entries:
        entry = canvas.notes.understood(_Entry, field, content)
        if not entry:
            continue
        label = categories.get(entry.category_id)
        if label is None:
            canvas.notes.add(f"{field}.category_id", f"no category has the id {kind_of(entry.category_id)}")
        elif entry.iscrowd:
            canvas.notes.add(f"{field}.iscrowd", "a crowd is not one part")
        else:
            try:
                _draw_segmentation(field, label, entry.segmentation, canvas)
            except ValueError as error:
                canvas.notes.add(f"{field}.segmentation", str(error))


def _draw_segmentation(field: str, label: str, segmentation: Any, canvas: Canvas) -> None:
    """Draw one annotation.

    Raises:
        ValueError: Its segmentation is not understood.
    """
    if isinstance(segmentation, dict):
        canvas.patch(field, label, raster.from_runs(_run_lengths(segmentation, canvas.size), canvas.size[1]))
    elif isinstance(segmentation, list) and segmentation:
        canvas.polygons(field, label, [_polygon(index, flat) for index, flat in enumerate(segmentation)])
    elif not segmentation:
        raise ValueError("is empty; a bbox alone has no outline")
    else:
        raise ValueError(f"expected polygons or a run-length code, got {kind_of(segmentation)}")


def _polygon(index: int, flat: Any) -> Points:
    if not isinstance(flat, list):
        raise ValueError(f"expected polygon {index} as a list x0, y0, x1, y1, ..., got {kind_of(flat)}")
    if len(flat) % 2 or not 6 <= len(flat) <= 2 * MAX_POINTS or not all(map(is_coordinate, flat)):
        raise ValueError(f"expected 3 to {MAX_POINTS} x and y in polygon {index}, got {kind_of(flat)}")
    return np.array(flat, dtype=float).reshape(-1, 2)


def _run_lengths(segmentation: Mapping[str, Any], size: Size) -> Runs:
    """The lengths of a run-length code, checked against the size of the picture."""
    if segmentation.get("size") != [size[1], size[0]]:
        raise ValueError(f"size: expected height and width of the picture, [{size[1]}, {size[0]}]")
    counts = segmentation.get("counts")
    if isinstance(counts, str):
        runs = raster.unpacked(counts)
    elif isinstance(counts, list) and all(type(n) is int and 0 <= n <= MAX_PIXELS for n in counts):
        runs = np.array(counts, dtype=np.int64)
    else:
        raise ValueError(f"counts: expected a list of whole numbers or a string, got {kind_of(counts)}")
    if (runs < 0).any() or int(runs.sum()) != size[0] * size[1]:
        raise ValueError(f"counts: the runs do not add up to the {size[0] * size[1]} pixels of the picture")
    return runs
