"""From a picture to what a backbone sees, and from its cells back to the picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from ...samples import Pixels

Grid = NDArray[np.float32]
"""(h, w)"""


def seen(pixels: Pixels, size: int, margin: int) -> Pixels:
    """A picture (H, W, 3), resized to a square without regard to its aspect, with a mirrored margin.

    Networks pad with zeros, and what they give near the border tells of these rather than of the picture;
    with a margin they fall outside of it.
    """
    square = np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR))
    framed = cv2.copyMakeBorder(square, margin, margin, margin, margin, cv2.BORDER_REFLECT_101)
    return np.asarray(framed, np.uint8)


def without_margin(cells: NDArray[np.float32], margin: int, stride: int) -> NDArray[np.float32]:
    """The cells (N, C, h, w) of the pictures themselves, from maps that have the margin."""
    edge = margin // stride
    _, _, height, width = cells.shape
    return cells[:, :, edge : height - edge, edge : width - edge]


def with_flat_border(cells: Grid, stride: int) -> Grid:
    """A map with its border overwritten by its minimum: 3 cells at stride 8, 2 at 16, as published."""
    width = 1 + -(-16 // stride)
    flat = np.full_like(cells, cells.min())
    inside = (slice(width, -width), slice(width, -width))
    flat[inside] = cells[inside]
    return flat


def smooth(cells: Grid, size: int, sigma: float) -> Grid:
    """A map of cells at the size of what the backbone saw, smoothed by a Gaussian of `sigma` pixels."""
    large = cv2.resize(cells, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(gaussian_filter(large, sigma) if sigma else large, np.float32)


def with_unseen_ring(scores: Grid, width: int) -> Grid:
    """A map whose outermost `width` pixels are its minimum inside: nothing is claimed of them."""
    if not width:
        return scores
    inside = scores[width:-width, width:-width]
    return np.asarray(np.pad(inside, width, constant_values=inside.min()), np.float32)


def at_picture(scores: Grid, shape: tuple[int, ...]) -> Grid:
    """A map at the (height, width) of its picture."""
    size = (shape[1], shape[0])
    return np.asarray(Image.fromarray(scores).resize(size, Image.Resampling.BILINEAR), np.float32)
