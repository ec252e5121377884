"""Pictures of good products, spoiled on purpose: who is to find fault with pictures must find it in these.

What can be wrong with parts is tried on Scenes, without pixels; this is for eyes that look at pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..scene import Part, Scene
from ..schema import Box

Pixels = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Way = Literal["removed", "scratched", "stained"]

SCRATCH, STAIN = 0.35, 0.06
"""Length of a scratch and diameter of a stain, as a share of the picture's diagonal."""

_RIM = 0.006
"""Of a removed part, painted over with it: share of the picture's diagonal."""
_PAINT = 5.0
"""Pixels round a place from which inpainting takes its colours."""


class Spoiled(NamedTuple):
    """A picture that was spoiled in one way."""

    way: Way
    what: str
    """In words."""
    where: Box
    pixels: Pixels


def spoil(pixels: Pixels, scene: Scene, random: np.random.Generator) -> Iterator[Spoiled]:
    """Copies of a picture, each spoiled in one way: a part painted over, a scratch, a stain.

    `pixels` is RGB (H, W, 3) of the size of the Scene. A way that the Scene has no part for is left out.
    """
    removable = _removable(scene.all_parts)
    if removable:
        yield _removed(pixels, removable[random.integers(len(removable))])
    if scene.all_parts:
        largest = max(scene.all_parts, key=lambda part: part.area)
        yield _scratched(pixels, largest, random)
        yield _stained(pixels, largest, random)


def _removable(parts: Sequence[Part]) -> list[Part]:
    """The parts that hold no others."""

    def holds(part: Part) -> bool:
        return any(other.inside(part) for other in parts if other is not part and other.area < part.area)

    return [part for part in parts if not holds(part)]


def _removed(pixels: Pixels, part: Part) -> Spoiled:
    mask = _mask(part, pixels)
    rim = 2 * max(1, round(_RIM * _diagonal(pixels))) + 1
    mask = np.asarray(cv2.dilate(mask, np.ones((rim, rim), np.uint8)), np.uint8)
    painted = cv2.inpaint(pixels, mask, _PAINT, cv2.INPAINT_TELEA)
    return Spoiled("removed", f"a {part.label} is painted over", part.box, np.asarray(painted, np.uint8))


def _scratched(pixels: Pixels, part: Part, random: np.random.Generator) -> Spoiled:
    """A thin bright or dark line, whichever shows more, across the middle of a part."""
    angle = random.uniform(0, np.pi)
    reach = SCRATCH * _diagonal(pixels) / 2
    along = np.linspace(-reach, reach, 12)
    bend = np.cumsum(random.normal(0, 0.02 * reach, len(along)))
    middle = _within(part, random)
    x = middle[0] + along * np.cos(angle) - bend * np.sin(angle)
    y = middle[1] + along * np.sin(angle) + bend * np.cos(angle)
    line = np.rint(np.stack([x, y], axis=1)).astype(np.int32)
    drawn = np.zeros(pixels.shape[:2], np.uint8)
    cv2.polylines(drawn, [line], False, 255, max(1, round(0.003 * _diagonal(pixels))), cv2.LINE_AA)
    return Spoiled("scratched", "a scratch runs across it", _box(line), _inked(pixels, drawn, 0.9))


def _stained(pixels: Pixels, part: Part, random: np.random.Generator) -> Spoiled:
    """A soft, uneven spot."""
    radius = STAIN * _diagonal(pixels) / 2
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    rough = random.uniform(-0.1, 0.1, len(turn))
    uneven = radius * (1 + 0.25 * np.sin(3 * turn + random.uniform(0, 6)) + rough)
    middle = np.array(_within(part, random))
    edge = np.rint(middle + uneven[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)).astype(np.int32)
    drawn = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(drawn, [edge], 255, cv2.LINE_AA)
    soft = cv2.GaussianBlur(drawn, (0, 0), max(1.0, 0.15 * radius))
    stained = _inked(pixels, np.asarray(soft, np.uint8), 0.75)
    return Spoiled("stained", "there is a stain on it", _box(edge), stained)


def _inked(pixels: Pixels, share: Mask, strength: float) -> Pixels:
    """The picture with ink on it, light on dark and dark on light; `share` is 0 to 255."""
    there = float(np.average(pixels.mean(axis=2), weights=share)) if share.any() else 0.0
    ink = np.full_like(pixels, 235 if there < 128 else 30)
    weight = strength * share.astype(np.float32) / 255
    return np.asarray(cv2.blendLinear(ink, pixels, weight, 1 - weight), np.uint8)


def _within(part: Part, random: np.random.Generator) -> tuple[float, float]:
    """A place on a part, away from its edge where it is thick enough."""
    depth = cv2.distanceTransform(np.pad(part.mask.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    rows, columns = np.nonzero(depth >= 0.5 * depth.max())
    chosen = random.integers(len(rows))
    return float(columns[chosen] + part.origin[0]), float(rows[chosen] + part.origin[1])


def _mask(part: Part, pixels: Pixels) -> Mask:
    whole = np.zeros(pixels.shape[:2], np.uint8)
    x, y = part.origin
    height, width = part.mask.shape
    whole[y : y + height, x : x + width] = 255 * part.mask.astype(np.uint8)
    return whole


def _box(points: NDArray[np.int32]) -> Box:
    x, y, width, height = cv2.boundingRect(points)
    return float(x), float(y), float(x + width), float(y + height)


def _diagonal(pixels: Pixels) -> float:
    return float(np.hypot(*pixels.shape[:2]))
