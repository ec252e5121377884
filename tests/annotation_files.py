"""Valid annotation files of every format in one line, for tests."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
from logisight.tools.annotations import Annotation, read_annotations
from PIL import Image

SIZE = (40, 30)
SQUARE = [[2, 3], [5, 3], [5, 7], [2, 7]]


def png(values) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def picture(folder: Path, name="pins.png", size=SIZE) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(np.zeros((size[1], size[0], 3), np.uint8)))
    return path


def written(folder: Path, content, name="pins.json") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def mask_file(folder: Path, values, name="pins.png", palette=False) -> Path:
    image = Image.fromarray(np.asarray(values, np.uint8))
    if palette:
        image = image.convert("P")
        image.putdata(np.asarray(values, np.uint8).ravel())
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def labelme(*shapes, name="pins.png", size=SIZE) -> dict:
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": name,
        "imageData": None,
        "imageHeight": size[1],
        "imageWidth": size[0],
    }


def labelme_shape(label="pin", points=SQUARE, shape_type="polygon", **fields) -> dict:
    shape = {"label": label, "points": points, "shape_type": shape_type, "group_id": None, "flags": {}}
    return shape | {"description": "", "mask": None} | fields


def labelme_mask(mask, x, y, label="pin", **fields) -> dict:
    corners = [[x, y], [x + mask.shape[1] - 1, y + mask.shape[0] - 1]]
    data = base64.b64encode(png(mask.astype(np.uint8))).decode()
    return labelme_shape(label, corners, "mask", mask=data, **fields)


def isat(*objects, name="pins.png", size=SIZE) -> dict:
    info = {
        "description": "ISAT",
        "folder": "",
        "name": name,
        "width": size[0],
        "height": size[1],
        "depth": 3,
    }
    return {"info": info | {"note": ""}, "objects": list(objects)}


def isat_object(category="pin", segmentation=SQUARE, layer=1.0, group=0, **fields) -> dict:
    thing = {"category": category, "group": group, "segmentation": segmentation, "area": 0, "layer": layer}
    return thing | {"bbox": [], "iscrowd": False, "note": ""} | fields


def coco(*entries, images=None, categories=("pin", "box")) -> dict:
    return {
        "info": {},
        "images": images or [coco_image()],
        "annotations": list(entries),
        "categories": [{"id": number, "name": name} for number, name in enumerate(categories, start=1)],
    }


def coco_image(number=1, name="pins.png", size=SIZE) -> dict:
    return {"id": number, "file_name": name, "width": size[0], "height": size[1]}


def coco_entry(segmentation=None, category=1, image=1, **fields) -> dict:
    flat = [[number for point in SQUARE for number in point]]
    entry = {
        "id": 1,
        "image_id": image,
        "category_id": category,
        "bbox": [2, 3, 3, 4],
        "area": 12,
        "iscrowd": 0,
    }
    return entry | {"segmentation": flat if segmentation is None else segmentation} | fields


def runs_of(mask) -> list[int]:
    """The run lengths of a mask, down its columns, False first."""
    flat = np.concatenate([[False], mask.ravel(order="F"), [not mask[-1, -1]]])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff(np.concatenate([[0], changes])).tolist()


def packed(runs) -> str:
    """Run lengths as the string that `rleToString` of cocodataset/cocoapi makes."""
    text = ""
    for index, run in enumerate(runs):
        number, more = run - (runs[index - 2] if index > 2 else 0), True
        while more:
            bits = number & 31
            number >>= 5
            more = number != (-1 if bits & 16 else 0)
            text += chr(48 + bits + 32 * more)
    return text


def run_lengths(mask, compressed=False) -> dict:
    counts = runs_of(mask)
    return {"size": list(mask.shape), "counts": packed(counts) if compressed else counts}


def read(folder, content) -> Annotation:
    """The annotation of `pins.png` by JSON content, or by a function that writes another file."""
    path = picture(folder / "pictures")
    source = content(folder / "labels") if callable(content) else written(folder / "labels", content)
    return read_annotations(source, [path])[path]


def areas(annotation) -> list[tuple[str, tuple[float, ...], float]]:
    return [(part.label, part.box, part.area) for part in annotation.parts]
