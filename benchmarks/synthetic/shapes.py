"""Signed distances to outlines, in the units of their arguments: negative inside, zero on the line.

Source: I. Quilez, "2D distance functions".
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from .camera import Camera, Floats


def rounded_box(u: Floats, v: Floats, half: tuple[float, float], radius: float) -> Floats:
    """A rectangle about the origin with rounded corners."""
    across = np.abs(u) - np.float32(half[0] - radius)
    down = np.abs(v) - np.float32(half[1] - radius)
    beyond_x, beyond_y = np.maximum(across, 0), np.maximum(down, 0)
    corner = np.sqrt(beyond_x * beyond_x + beyond_y * beyond_y)
    return np.asarray(corner + np.minimum(np.maximum(across, down), 0) - np.float32(radius))


def circle(u: Floats, v: Floats, radius: float) -> Floats:
    """A circle about the origin."""
    return np.asarray(np.hypot(u, v) - np.float32(radius))


def hexagon(u: Floats, v: Floats, radius: float) -> Floats:
    """A regular hexagon about the origin, by the radius of the circle inside it; exact inside."""
    a, b = np.abs(u), np.abs(v)
    return np.asarray(np.maximum(a * np.float32(math.sqrt(3) / 2) + b / 2, b) - np.float32(radius))


def ellipse(u: Floats, v: Floats, half: tuple[float, float]) -> Floats:
    """An ellipse about the origin, to first order about its outline."""
    level = np.hypot(u / half[0], v / half[1])
    slope = np.hypot(u / half[0] ** 2, v / half[1] ** 2)
    return np.asarray((level - 1) * level / np.maximum(slope, 1e-6))


def polygon_mask(camera: Camera, corners: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """(H, W), the pixels of a polygon given in product coordinates."""
    mask = np.zeros(camera.size[::-1], np.uint8)
    seen = np.rint(camera.outline(corners) * 16 - 8).astype(np.int32)
    cv2.fillPoly(mask, [seen], 1, shift=4)
    return mask.view(np.bool_)
