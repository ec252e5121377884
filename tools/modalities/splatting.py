"""Drawing points as a surface: small discs, the nearest in front, light from the upper left.

After surface splatting (Zwicker et al., SIGGRAPH 2001; Botsch and Kobbelt, Pacific Graphics 2003): a first
pass finds the depth of what is visible, a second one blends the points that lie there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import Camera
from .cloud import Numbers
from .view import Pixels

Floats = NDArray[np.float32]

WHITE: Final = 255
_FINER: Final = 2
"""Drawn this many times larger and then reduced, for smooth outlines."""
_LIGHT: Final = np.array([-0.55, 0.6, 0.58], np.float32)
"""Towards the light: left, up, towards the viewer."""
_AMBIENT, _HEAD, _KEY = 0.1, 0.2, 0.7
_GREY: Final = 225.0
_REACH: Final = 2.0
"""Radius of a disc in spacings of points, so that points that lie at random still leave no holes."""
_LEAST: Final = 1e-9
"""Less of a point than this is none."""
_DRAWN: Final = 0.25
"""Of a smoothed outline; low enough for a wire, or a point alone, to stay."""
_LARGEST: Final = 1 / 12
"""Radius of a disc, at most, in widths of the view."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """What a camera sees of a cloud."""

    shaded: Pixels
    """(S, S, 3) on white."""
    depth: Floats
    """(S, S) away from the viewer in units of the file; NaN where nothing is."""
    thickness: float
    """Points this much behind the depth, in units of the file, still belong to what is seen."""


def splat(
    camera: Camera,
    points: Numbers,
    normals: NDArray[np.float32],
    colours: NDArray[np.uint8] | None,
    apart: float,
) -> Drawn:
    """Draw points, (N, 3), whose neighbours lie `apart`, with their normals, (N, 3), and colours, (N, 3)."""
    size = camera.size * _FINER
    at = camera.project(points)
    column, row = (np.floor(at[:, axis] * _FINER) for axis in (0, 1))
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    place = (row[inside] * size + column[inside]).astype(np.int64)
    depth = at[inside, 2].astype(np.float32)
    radius = int(np.clip(np.ceil(_REACH * apart * camera.scale * _FINER), 2, size * _LARGEST))
    thickness = 3 * radius / (camera.scale * _FINER)

    near = np.full(size * size, np.inf, np.float32)
    np.minimum.at(near, place, depth)
    # A square tells what lies in front nearly as well as a disc, and costs the same at any size.
    square = np.ones((2 * radius + 1,) * 2, np.uint8)
    front = cv2.erode(near.reshape(size, size), square).ravel()
    seen = depth <= front[place] + thickness
    facing = normals[inside][seen] @ camera.rotation.T.astype(np.float32)
    facing *= np.where(facing[:, 2:] < 0, -1, 1).astype(np.float32)
    values = [depth[seen], *facing.T]
    if colours is not None:
        values += list(colours[inside][seen].T.astype(np.float32))
    blended, weight = _blend(place[seen], values, size, radius)
    # The outline is that of all points: those that turn away behind it would leave it ragged.
    covered = _closed(np.isfinite(near).reshape(size, size), radius) & (weight > _LEAST)
    shaded = _shade(blended[..., 1:4], blended[..., 4:] if colours is not None else None)
    return Drawn(_on_white(shaded, covered), _reduced_depth(blended[..., 0], covered), thickness)


def _blend(place: NDArray[np.int64], values: list[Floats], size: int, radius: int) -> tuple[Floats, Floats]:
    """The weighted mean of the values around each pixel, (S, S, values), and the weights, (S, S)."""
    number = np.bincount(place, minlength=size * size).astype(np.float32).reshape(size, size)
    weight = _smooth(number, radius)
    blended = np.empty((size, size, len(values)), np.float32)
    for channel, value in enumerate(values):
        total = np.bincount(place, value, size * size).astype(np.float32).reshape(size, size)
        blended[..., channel] = _smooth(total, radius) / np.maximum(weight, _LEAST)
    return blended, weight


def _smooth(values: Floats, radius: int) -> Floats:
    """Nearly a Gaussian of half a radius: three boxes, which cost the same at any size."""
    width = radius | 1
    for _ in range(3):
        values = np.asarray(cv2.blur(values, (width, width), borderType=cv2.BORDER_CONSTANT), np.float32)
    return values


def _shade(facing: Floats, colours: Floats | None) -> Floats:
    """Light on a matt surface, (S, S, 3), 0 to 255."""
    length = np.maximum(np.linalg.norm(facing, axis=2, keepdims=True), 1e-6)
    facing = facing / length
    towards = (1 + facing @ (_LIGHT / np.linalg.norm(_LIGHT))) / 2
    # Half of the sphere around the light would be black; squared, light fades out smoothly instead.
    light = (_AMBIENT + _HEAD * facing[..., 2] + _KEY * towards**2)[..., None]
    # Colours of cameras already hold the light of the place; they keep more of themselves.
    surface = light * _GREY if colours is None else (0.45 + 0.6 * light) * colours
    return np.asarray(np.clip(np.broadcast_to(surface, (*facing.shape[:2], 3)), 0, 255), np.float32)


def _on_white(shaded: Floats, covered: NDArray[np.bool_]) -> Pixels:
    drawn = np.where(covered[..., None], shaded, np.float32(WHITE))
    return np.rint(_reduced(drawn)).astype(np.uint8)


def _reduced_depth(depth: Floats, covered: NDArray[np.bool_]) -> Floats:
    share = _reduced(covered.astype(np.float32))
    total = _reduced(np.where(covered, depth, np.float32(0)))
    return np.where(share > 0, total / np.maximum(share, 1e-6), np.float32(np.nan)).astype(np.float32)


def _reduced(values: Floats) -> Floats:
    size = values.shape[0] // _FINER
    return np.asarray(cv2.resize(values, (size, size), interpolation=cv2.INTER_AREA), np.float32)


def _closed(points: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Points with the gaps between them filled, half a disc around them, and a smooth outline."""
    edge = 2 * radius  # nothing lies beyond the view
    apart = cv2.copyMakeBorder((~points).astype(np.uint8), *(edge,) * 4, cv2.BORDER_CONSTANT, value=1)
    grown = (cv2.distanceTransform(apart, cv2.DIST_L2, 5) <= radius).astype(np.uint8)
    kept = (cv2.distanceTransform(grown, cv2.DIST_L2, 5) > 0.5 * radius).astype(np.float32)
    return np.asarray(_smooth(kept, radius)[edge:-edge, edge:-edge] > _DRAWN)
