"""Writes the demo product line: annotated references, pictures to inspect, and the truth about them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from ...scene import Part
from .layout import PICTURE, Defect
from .renderer import Rendered, render

DEMO_SENTENCES: tuple[str, ...] = (
    "There are exactly 15 pushpins.",
    "There is exactly one pushpin in each compartment of a grid of 3 rows and 5 columns.",
    "Each pushpin is yellow.",
    "Each pushpin has its usual length.",
    "Each pushpin is inside the box.",
)
"""What a good demo box looks like."""

_SHOWN: tuple[Defect | None, ...] = (
    Defect.extra_and_missing,
    None,
    Defect.wrong_colour,
    Defect.large_pushpin,
    None,
    Defect.misplaced_pushpin,
    Defect.missing_pushpin,
    None,
    Defect.additional_pushpin,
    Defect.contamination,
)
"""The order in which pictures to inspect are picked, before they are shuffled.

The first six show every kind of rule at work; the last is the one that no rule on parts can notice.
"""


def write_product_line(
    folder: Path,
    normals: int = 3,
    tests: int = 6,
    seed: int = 0,
    size: tuple[int, int] = PICTURE,
    progress: Callable[[str], object] | None = None,
) -> None:
    """Write `references/*.png` with `annotations/*.json` (LabelMe), `inspect/*.png` and `truth.json`.

    The references are normal; the pictures to inspect are numbered in a shuffled order that does not tell
    which are. `truth.json` maps their file names to `{"status": "normal" | "anomalous", "reason": ...}`.
    `progress` is called with the name of each picture once it is written.
    """
    for name in ("references", "annotations", "inspect"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for index in range(normals):
        rendered = render(_picture_seed(seed, index), size=size)
        name = f"{index:03}.png"
        _write_picture(folder / "references" / name, rendered)
        annotation = json.dumps(_labelme(rendered, f"../references/{name}"))
        (folder / "annotations" / f"{index:03}.json").write_text(annotation, encoding="utf-8")
        if progress:
            progress(f"references/{name}")
    truth = {}
    for index, defect in enumerate(_shuffled(tests, seed)):
        rendered = render(_picture_seed(seed, normals + index), defect, size)
        name = f"{index:03}.png"
        _write_picture(folder / "inspect" / name, rendered)
        status = "anomalous" if rendered.reason else "normal"
        truth[name] = {"status": status, "reason": rendered.reason}
        if progress:
            progress(f"inspect/{name}")
    (folder / "truth.json").write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")


def _picture_seed(seed: int, index: int) -> int:
    """A seed of its own for every picture of every line."""
    return seed * 1_000_003 + index


def _shuffled(count: int, seed: int) -> list[Defect | None]:
    picked = [_SHOWN[index % len(_SHOWN)] for index in range(count)]
    order = np.random.default_rng([seed, 5]).permutation(count)
    return [picked[index] for index in order]


def _write_picture(path: Path, rendered: Rendered) -> None:
    _, png = cv2.imencode(".png", cv2.cvtColor(rendered.pixels, cv2.COLOR_RGB2BGR))
    path.write_bytes(png.tobytes())


def _labelme(rendered: Rendered, image_path: str) -> dict[str, object]:
    """The truth in the format of the annotation tool LabelMe."""
    height, width = rendered.pixels.shape[:2]
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": [shape for part in rendered.parts for shape in _shapes(part)],
        "imagePath": image_path,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }


def _shapes(part: Part) -> Iterator[dict[str, object]]:
    """Polygons that hold the centres of exactly the pixels of the part, and run a quarter pixel inside it."""
    doubled = part.mask.repeat(2, axis=0).repeat(2, axis=1).view(np.uint8)
    contours, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        points = (contour[:, 0, :] + 0.5) / 2 + part.origin
        yield {
            "label": part.label,
            "points": points.tolist(),
            "group_id": None,
            "shape_type": "polygon",
            "flags": {},
        }
