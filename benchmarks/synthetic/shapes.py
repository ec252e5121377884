"""Signed distances to outlines, in the units of their arguments: negative inside, zero on the line.

Source: I. Quilez, "2D distance functions".
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from .camera import Camera, Floats

Rectangle = tuple[float, float, float, float]
"""x0, y0, x1, y1 in product coordinates."""


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


def rectangle_mask(camera: Camera, corners: Rectangle) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """(H, W), the pixels of a rectangle given in product coordinates."""
    x0, y0, x1, y1 = corners
    mask = np.zeros(camera.size[::-1], np.uint8)
    outline = camera.outline(np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]))
    cv2.fillPoly(mask, [np.rint(outline * 16 - 8).astype(np.int32)], 1, shift=4)
    return mask.view(np.bool_)
