"""From polygons and run lengths to pixels.

Pixel (i, j) covers [j, j + 1) x [i, i + 1) and belongs to a polygon when its centre (j + 0.5, i + 0.5) lies
inside, so that a polygon from corner (2, 3) to corner (5, 7) fills columns 2..4 and rows 3..6 exactly. The
fills of common drawing libraries add the border pixels, which makes a part of 10 pixels 11 wide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""Corners of a closed polygon, (N, 2), each (x, y) in pixels."""

Size = tuple[int, int]
"""Width and height of a picture."""

Runs = NDArray[np.int64]
"""Lengths of runs of pixels, in turn False and True."""

_CIRCLE_CORNERS = 360

_EDGES = 256
"""So many at a time bounds the memory that a polygon of many long edges takes."""

_STEP_COST = 10
"""A step along an outline takes the time of about so many pixels of its inside."""

_BITS = 5
_SIGN, _MORE = 0x10, 0x20
_MOST_CHARACTERS = 7
"""Of one run length in its string form: 32 bits, 5 in each."""


@dataclass(frozen=True, eq=False)
class Patch:
    """Some pixels of a picture: a mask, (h, w), and where its top left pixel lies."""

    mask: NDArray[np.bool_]
    x: int
    y: int


def fill(points: Points, size: Size) -> Patch | None:
    """The pixels of a picture whose centres lie inside a polygon; None when it lies outside of the picture.

    Where a polygon overlaps itself an even number of times there is a hole (even-odd rule). A polygon in the
    picture that is so thin that it holds no pixel centre keeps the pixels that its outline runs through.
    """
    box = _box(points, size)
    if box is None:
        return None
    x, y, width, height = box
    corners = points - (x, y)
    mask = _inside(corners, width, height)
    if not mask.any() and (points >= 0).all() and (points <= size).all():
        mask = _outline(corners, width, height)
    return Patch(mask, x, y) if mask.any() else None


def cost(points: Points, size: Size) -> float:
    """The time that `fill` takes, in pixels of the inside of a large polygon."""
    box = _box(points, size)
    steps = np.diff(points, axis=0, append=points[:1])
    return (box[2] * box[3] if box else 0) + _STEP_COST * float(np.abs(steps).sum())


def _box(points: Points, size: Size) -> tuple[int, int, int, int] | None:
    """x, y, width and height of the pixels that a polygon may touch within the picture."""
    low = np.maximum(np.floor(points.min(axis=0)), 0).astype(int)
    high = np.maximum(np.ceil(points.max(axis=0)), np.floor(points.min(axis=0)) + 1)
    high = np.minimum(high, size).astype(int)
    if (low >= high).any():
        return None
    return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])


def _inside(corners: Points, width: int, height: int) -> NDArray[np.bool_]:
    """Even-odd fill by rows: each edge flips all pixels to the right of where it crosses a row of centres."""
    flips = np.zeros((height, width + 1), np.bool_)
    edges = np.concatenate([corners, np.roll(corners, -1, axis=0)], axis=1)
    for start in range(0, len(edges), _EDGES):
        row, column = _crossings(edges[start : start + _EDGES], width, height)
        np.logical_xor.at(flips, (row, column), True)
    return np.logical_xor.accumulate(flips, axis=1)[:, :width]


def _crossings(
    edges: NDArray[np.float64], width: int, height: int
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Where edges (x0, y0, x1, y1) cross rows of centres: the row, and the next column of centres."""
    x0, y0, x1, y1 = edges.T
    first = np.ceil(np.minimum(y0, y1) - 0.5).clip(0, height).astype(int)
    last = np.ceil(np.maximum(y0, y1) - 0.5).clip(0, height).astype(int)
    edge = np.repeat(np.arange(len(edges)), last - first)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(last - first) - last, last - first)
    at = (row + 0.5 - y0[edge]) / (y1[edge] - y0[edge])
    column = np.ceil(x0[edge] + at * (x1[edge] - x0[edge]) - 0.5).clip(0, width).astype(int)
    return row, column


def _outline(corners: Points, width: int, height: int) -> NDArray[np.bool_]:
    # OpenCV counts from the centres of pixels, here in sixteenths.
    drawn = np.zeros((height, width), np.uint8)
    cv2.polylines(drawn, [np.rint((corners - 0.5) * 16).astype(np.int32)], isClosed=True, color=1, shift=4)
    return drawn > 0


def rectangle(corners: Points) -> Points:
    """The four corners of the upright rectangle between two opposite ones."""
    (x0, y0), (x1, y1) = corners
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def circle(center: Sequence[float], on_circle: Sequence[float]) -> Points:
    """A circle as a polygon whose area is right to one part in ten thousand."""
    angles = np.linspace(0, 2 * math.pi, _CIRCLE_CORNERS, endpoint=False)
    directions = np.column_stack([np.cos(angles), np.sin(angles)])
    return np.asarray(center) + math.dist(center, on_circle) * directions


def clipped(patch: Patch, size: Size) -> Patch | None:
    """What of a patch lies in the picture; None when no True pixel does."""
    left, top = max(patch.x, 0), max(patch.y, 0)
    right, bottom = max(size[0] - patch.x, 0), max(size[1] - patch.y, 0)
    inside = patch.mask[top - patch.y : bottom, left - patch.x : right]
    return Patch(inside.copy(), left, top) if inside.any() else None


def from_runs(runs: Runs, height: int) -> Patch:
    """The pixels of a run-length code: lengths of runs, False first, down the columns from left to right.

    The lengths are not negative and add up to the pixels of a picture of that height. The patch is empty
    when no pixel is True.
    """
    ends = np.cumsum(runs)
    true_runs = np.flatnonzero(runs[1::2]) * 2 + 1
    if not len(true_runs):
        return Patch(np.zeros((0, 0), np.bool_), 0, 0)
    left = int(ends[true_runs[0]] - runs[true_runs[0]]) // height
    right = int(ends[true_runs[-1]] - 1) // height + 1
    ends = np.clip(ends, left * height, right * height)
    within = ends - np.concatenate([[left * height], ends[:-1]])
    mask = np.repeat(np.arange(len(runs)) % 2 == 1, within)
    return Patch(np.ascontiguousarray(mask.reshape(right - left, height).T), left, 0)


def unpacked(text: str) -> Runs:
    """Run lengths from the string form of `rleFrString` in cocodataset/cocoapi, common/maskApi.c.

    Each number is a row of characters from chr(48) on with 5 bits each, lowest first; bit 5 says that more
    follow, and the highest bit of the last is the sign. From the fourth on, a number is the difference to
    the one two places before.

    Raises:
        ValueError: The text is no such code.
    """
    codes = np.frombuffer(text.encode("ascii", "replace"), np.uint8).astype(np.int64) - 48
    last = np.flatnonzero(codes & _MORE == 0)
    in_range = text.isascii() and ((codes >= 0) & (codes < 64)).all()
    if not in_range or not len(last) or last[-1] != len(codes) - 1:
        raise ValueError("counts: not a compressed run-length code")
    first = np.concatenate([[0], last[:-1] + 1])
    lengths = last - first + 1
    if lengths.max() > _MOST_CHARACTERS:
        raise ValueError("counts: a run length of more than 32 bits")
    places = np.arange(len(codes)) - np.repeat(first, lengths)
    runs = np.add.reduceat((codes & (_MORE - 1)) << (_BITS * places), first)
    runs -= np.where(codes[last] & _SIGN, 1 << (_BITS * lengths), 0)
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs


def union(patches: Sequence[Patch]) -> Patch:
    """The pixels that any of the patches has."""
    x, y, width, height = box_around(patches)
    mask = np.zeros((height, width), np.bool_)
    for patch in patches:
        rows, columns = patch.mask.shape
        mask[patch.y - y : patch.y - y + rows, patch.x - x : patch.x - x + columns] |= patch.mask
    return Patch(mask, x, y)


def box_around(patches: Sequence[Patch]) -> tuple[int, int, int, int]:
    """x, y, width and height of the smallest box that holds the patches."""
    x, y = min(p.x for p in patches), min(p.y for p in patches)
    right = max(p.x + p.mask.shape[1] for p in patches)
    bottom = max(p.y + p.mask.shape[0] for p in patches)
    return x, y, right - x, bottom - y


def erase(eraser: Patch, stack: Sequence[Patch]) -> int:
    """Take each pixel of the eraser from the topmost patch that has it; the last of the stack is on top.

    Returns the time that it took, in pixels.
    """
    left = eraser.mask.copy()
    work = 0
    for patch in reversed(stack):
        x, y = max(patch.x, eraser.x), max(patch.y, eraser.y)
        right = min(patch.x + patch.mask.shape[1], eraser.x + left.shape[1])
        bottom = min(patch.y + patch.mask.shape[0], eraser.y + left.shape[0])
        work += _STEP_COST
        if x < right and y < bottom:
            here = patch.mask[y - patch.y : bottom - patch.y, x - patch.x : right - patch.x]
            there = left[y - eraser.y : bottom - eraser.y, x - eraser.x : right - eraser.x]
            hit = here & there
            here &= ~hit
            there &= ~hit
            work += hit.size
    return work
