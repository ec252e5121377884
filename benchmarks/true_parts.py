"""Annotated parts as a rule sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..color import mean_lab
from ..scene import Part, Scene, Shape

_ENOUGH: Final = 20_000
"""Pixels of a part that are looked at for its colour."""


def true_scene(pixels: NDArray[np.uint8], parts: Sequence[Shape], labels: Sequence[str]) -> Scene:
    """The Scene of a picture, (H, W, 3) RGB, with its annotated parts and their colours in the picture.

    `labels` are all that the product has, also those that this picture does not show.
    """
    height, width = pixels.shape[:2]
    return Scene((width, height), tuple(labels), tuple(_coloured(part, pixels) for part in parts))


def _coloured(shape: Shape, picture: NDArray[np.uint8]) -> Part:
    (x, y), (height, width) = shape.origin, shape.mask.shape
    pixels: NDArray[Any] = picture[y : y + height, x : x + width][shape.mask]
    return Part(shape.label, shape.mask, shape.origin, mean_lab(pixels[:: 1 + len(pixels) // _ENOUGH]))
