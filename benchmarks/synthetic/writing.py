"""One picture of a line on disk: itself, its ground truth, its parts and its reasons."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...scene import Shape
from .kinds import KINDS
from .levels import Disturbance, Level, conditions_of
from .rendering import render
from .truth import Channel, Mask, Rendered

VERSION = 3
"""Of what is drawn: another one draws other pictures from the same seed."""

_GROUPS = ("good", "logical_anomalies", "structural_anomalies")
_SPLITS = ("train", "validation", "test")
_PNG = [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY]
"""The fastest for pictures with noise, and the smallest: there is nothing in it that repeats."""
_FLAT_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 6]
_BILEVEL_PNG = [cv2.IMWRITE_PNG_BILEVEL, 1]


@dataclass(frozen=True)
class Recipe:
    """All that decides what one picture looks like."""

    category: str
    split: str
    group: str
    number: int
    defects: tuple[str, ...]
    seed: int
    level: Level
    disturbances: tuple[Disturbance, ...]
    size: tuple[int, int]

    @property
    def picture(self) -> Path:
        """Where its picture is, below the folder of the line."""
        return Path(self.category, self.split, self.group, f"{self.number:03d}.png")

    @property
    def annotation(self) -> Path:
        """Where its parts and reasons are."""
        return Path(self.category, "annotations", self.split, self.group, f"{self.number:03d}.json")

    @property
    def ground_truth(self) -> Path:
        """The folder of its channels."""
        return Path(self.category, "ground_truth", self.group, f"{self.number:03d}")

    @property
    def digest(self) -> str:
        """Of everything in it, and of the version of the renderer."""
        return _sha256(json.dumps([VERSION, asdict(self)], sort_keys=True).encode())

    def draw(self) -> Rendered:
        """The picture and its truth."""
        place = (_SPLITS.index(self.split), _GROUPS.index(self.group), self.number)
        sequence = np.random.SeedSequence((self.seed, *self.category.encode(), *place))
        conditions = conditions_of(self.level, self.disturbances)
        return render(
            self.category, self.defects, sequence, variant=self.number, conditions=conditions, size=self.size
        )


def write_picture(out: Path, recipe: Recipe) -> str:
    """Draw a picture and write its files, unless they stand; answers the digest of them all.

    The annotation is written last, so that a picture with one is whole.
    """
    annotation = out / recipe.annotation
    if standing := _standing(out, recipe, annotation):
        return standing
    rendered = recipe.draw()
    files = {recipe.picture: _png(np.ascontiguousarray(rendered.picture[..., ::-1]), _PNG)}
    for number, channel in enumerate(rendered.channels):
        files[recipe.ground_truth / f"{number:03d}.png"] = _channel_png(recipe, channel)
    for path, content in files.items():
        _write(out / path, content)
    digests = {path.as_posix(): _sha256(content) for path, content in files.items()}
    content = json.dumps(_labelme(rendered, recipe, digests)).encode()
    _write(annotation, content)
    return _sha256(content)


def _standing(out: Path, recipe: Recipe, annotation: Path) -> str:
    """The digest of a picture that is whole and was made by this recipe, else nothing."""
    try:
        content = annotation.read_bytes()
        made = json.loads(content)["synthetic"]
        same = made["recipe"] == recipe.digest and all(
            _sha256((out / path).read_bytes()) == digest for path, digest in made["sha256"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""
    return _sha256(content) if same else ""


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def _png(picture: NDArray[np.uint8], settings: list[int]) -> bytes:
    _, encoded = cv2.imencode(".png", picture, settings)
    return bytes(encoded)


def _channel_png(recipe: Recipe, channel: Channel) -> bytes:
    values = {defect.name: defect.value for defect in KINDS[recipe.category].defects}
    return _png(channel.mask.astype(np.uint8) * np.uint8(values[channel.defect]), _FLAT_PNG)


def _labelme(rendered: Rendered, recipe: Recipe, digests: dict[str, str]) -> dict[str, Any]:
    """Parts as LabelMe keeps them, every pixel of them, and beside them what it would leave alone."""
    height, width = rendered.picture.shape[:2]
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": [_shape(part) for part in rendered.parts],
        "imagePath": f"../../../{recipe.split}/{recipe.group}/{recipe.picture.name}",
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
        "defects": list(recipe.defects),
        "reasons": [str(reason) for reason in rendered.reasons],
        "records": [reason.model_dump(mode="json") for reason in rendered.reasons],
        "synthetic": {"recipe": recipe.digest, "sha256": digests},
    }


def _shape(part: Shape) -> dict[str, Any]:
    (x, y), (height, width) = part.origin, part.mask.shape
    return {
        "label": part.label,
        "points": [[x, y], [x + width - 1, y + height - 1]],
        "group_id": None,
        "shape_type": "mask",
        "flags": {},
        "mask": base64.b64encode(_mask_png(part.mask)).decode("ascii"),
    }


def _mask_png(mask: Mask) -> bytes:
    return _png(mask.astype(np.uint8) * np.uint8(255), _BILEVEL_PNG)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
