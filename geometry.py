"""Exact geometry of pixel masks: pure functions on boolean arrays, numpy and OpenCV only.

Axes and units: (x, y) in pixels, origin at the top left of the mask, x to the right, y down. A pixel is a
square: `mask[i, j]` covers [j, j + 1) x [i, i + 1), so its center is (j + 0.5, i + 0.5). Unless it says
otherwise a function takes an (h, w) mask with at least one True pixel, and never changes it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .schema import Box, SceneError

Mask = NDArray[np.bool_]
Point = tuple[float, float]
Polygon = list[Point]
Pixels = NDArray[np.int64]
"""(N, 2): x and y of the top left corners of N pixels."""
Place = tuple[int, int]
"""(x, y) of the first pixel of a mask in the picture."""
Span = tuple[int, int, int]
"""From one to another of so many equal slices: (1, 2, 3) is the middle third."""

_WHOLE: Span = (0, 1, 1)
_COLUMNS: dict[str, Span] = {
    "left half": (0, 1, 2),
    "right half": (1, 2, 2),
    "left third": (0, 1, 3),
    "middle third": (1, 2, 3),
    "right third": (2, 3, 3),
}
_ROWS: dict[str, Span] = {
    "top half": (0, 1, 2),
    "bottom half": (1, 2, 2),
    "top third": (0, 1, 3),
    "center third": (1, 2, 3),
    "bottom third": (2, 3, 3),
}
REGIONS: dict[str, tuple[Span, Span]] = {
    "whole": (_WHOLE, _WHOLE),
    **{name: (span, _WHOLE) for name, span in _COLUMNS.items()},
    **{name: (_WHOLE, span) for name, span in _ROWS.items()},
    **{
        f"{row} {column} quarter": (_COLUMNS[f"{column} half"], _ROWS[f"{row} half"])
        for row in ("top", "bottom")
        for column in ("left", "right")
    },
    "center": ((1, 2, 3), (1, 2, 3)),
}
"""Name -> (columns, rows). The middle third is the middle one of three columns, the center third of rows."""

ROUND = 0.02
"""Below this relative difference of the two principal second moments a shape has no long axis."""

END = 0.05
"""The share of a shape's extent along its long axis that counts as its end; at least one pixel."""

FILLS = 0.85
"""A mask is a tilted rectangle when, holes filled, it fills this share of its smallest rectangle..."""

SMALLER = 0.98
"""... and that has at most this share of the area of the axis-aligned box."""

LARGEST = 20_000
"""A mask cannot be resized to be wider or higher than this, in px."""


class Rectangle(NamedTuple):
    """A rectangle of any angle."""

    origin: Point
    """The corner at the top left before it was turned about it."""
    width: float
    height: float
    tilt: float
    """Degrees in (-45, 45], counter-clockwise as seen: how far its width is turned from horizontal."""


def centroid(mask: Mask) -> Point:
    """Mean of the pixels' centers, in integers until the last division.

    Example:
        >>> centroid(np.ones((2, 6), dtype=bool))
        (3.0, 1.0)
    """
    columns, rows = (cv2.reduce(_u8(mask), axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() for axis in (0, 1))
    x, y = (int(sums.astype(np.int64) @ np.arange(sums.size)) for sums in (columns, rows))
    area = int(rows.sum())
    return x / area + 0.5, y / area + 0.5


def angle(mask: Mask) -> float:
    """Direction of the long axis, from second moments: degrees in (-90, 90], counter-clockwise as seen.

    A shape whose principal moments differ by less than `ROUND` of their sum (a disc, a square) has angle 0.

    Example:
        >>> angle(np.ones((2, 6), dtype=bool))
        0.0
        >>> angle(np.eye(5, dtype=bool)[::-1])
        45.0
    """
    raw = cv2.moments(_u8(mask), binaryImage=True)
    area, x, y, xx, xy, yy = (int(raw[name]) for name in ("m00", "m10", "m01", "m20", "m11", "m02"))
    xx, xy, yy = area * xx - x * x, area * xy - x * y, area * yy - y * y
    # A pixel square adds 1/12 of its area to both axes; all is times area, to stay in integers.
    if math.hypot(xx - yy, 2 * xy) < ROUND * (xx + yy + area * area / 6):
        return 0.0
    turn = -math.degrees(math.atan2(2 * xy, xx - yy)) / 2
    return 90.0 if turn == -90.0 else turn + 0.0


def smallest_rectangle(mask: Mask) -> Rectangle:
    """The smallest rectangle, of any angle, that holds every pixel square (rotating calipers over the hull).

    A side of it lies on a side of the convex hull (Freeman and Shapira, 1975). Among equal areas the one with
    the shorter long side, then the least tilted, is taken, so that the answer does not hang on rounding.

    Example:
        >>> smallest_rectangle(np.ones((2, 6), dtype=bool))
        Rectangle(origin=(0.0, 0.0), width=6.0, height=2.0, tilt=0.0)
    """
    hull = _hull(mask)
    sides = np.roll(hull, -1, axis=0) - hull
    angles = np.arctan2(sides[:, 1], sides[:, 0])
    angles -= np.floor(angles / (np.pi / 2) + 0.5) * (
        np.pi / 2
    )  # quarter turns, into [-45, 45) degrees, y down
    across = np.stack([np.cos(angles), np.sin(angles)])
    along, down = hull @ across, hull @ np.stack([-across[1], across[0]])
    widths, heights = np.ptp(along, axis=0), np.ptp(down, axis=0)
    best = np.lexsort(np.round([np.abs(angles), np.maximum(widths, heights), widths * heights], 6))[0]
    u, v = float(along[:, best].min()), float(down[:, best].min())
    (cos, sin), angle = across[:, best].tolist(), float(angles[best])
    return Rectangle(
        (u * cos - v * sin, u * sin + v * cos),
        float(widths[best]),
        float(heights[best]),
        -math.degrees(angle) + 0.0,
    )


def thickness(mask: Mask) -> float:
    """Diameter, in px, of the largest circle that fits into the pixel squares.

    Its center lies on the half-pixel lattice, which for rectangles gives their shorter side, exactly; for
    other shapes it can be up to 0.71 px less than with a free center.

    Example:
        >>> thickness(np.ones((3, 8), dtype=bool))
        3.0
    """
    background = _lattice(~np.pad(mask, 1))
    inner = cv2.distanceTransform(1 - background, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float(inner.max())


def ends(mask: Mask, angle: float) -> tuple[Point, Point]:
    """Middle points of both ends along the axis at `angle`, degrees counter-clockwise as seen.

    Along the axis an end lies at the farthest pixel corner; across it, in the middle of the pixels within
    the last `END` of the extent. The left one comes first; the top one when the axis is steeper than 45.

    Example:
        >>> ends(np.ones((3, 8), dtype=bool), angle=0.0)
        ((0.0, 1.5), (8.0, 1.5))
    """
    cos, sin = _axis(angle)
    corners = _hull(mask) @ np.array([cos, sin])
    first, last = float(corners.min()), float(corners.max())
    depth = max(1.0, END * (last - first))
    x, y = np.arange(mask.shape[1])[None] + 0.5, np.arange(mask.shape[0])[:, None] + 0.5
    points: list[Point] = []
    for tip, near in (
        (first, x * cos <= first + depth - y * sin),
        (last, x * cos >= last - depth - y * sin),
    ):
        rows, columns = np.nonzero(mask & near)
        side = float(np.mean((rows + 0.5) * cos - (columns + 0.5) * sin))
        points.append((tip * cos - side * sin, tip * sin + side * cos))
    one, other = sorted(points, key=lambda point: point[1] if abs(angle) > 45 else point[0])
    return one, other


def filled(mask: Mask) -> Mask:
    """The mask with its holes filled: background that is not 4-connected to the outside becomes True.

    Example:
        >>> int(filled(np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=bool)).sum())
        9
    """
    contours, _ = cv2.findContours(_u8(mask), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros(mask.shape, np.uint8), contours, -1, 1, cv2.FILLED).astype(bool)


def outlines(mask: Mask) -> list[Polygon]:
    """Outer contours along the pixels' edges, one closed polygon for each 8-connected piece."""
    contours, _ = cv2.findContours(_lattice(mask), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    polygons = [cv2.approxPolyDP(contour, 1.0, closed=True)[:, 0] / 2 for contour in contours]
    return [[(float(x), float(y)) for x, y in polygon] for polygon in polygons]


def border(mask: Mask) -> Pixels:
    """The pixels with a neighbor outside, in runs of which the next pixel is close to the last."""
    contours, _ = cv2.findContours(_u8(mask), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return np.concatenate(contours)[:, 0].astype(np.int64)


def gap(a: Pixels, b: Pixels) -> float:
    """Shortest distance between the squares of two lists of pixels, in px; 0 when they touch or are the same.

    Runs of pixels whose boxes are farther apart than the best pair so far are never looked into, so lists
    in which neighbors stand together, such as those of `border`, take about N ** 1.5 steps.

    Example:
        >>> gap(np.array([[0, 0]]), np.array([[4, 5], [9, 9]]))
        5.0
    """
    runs_a, runs_b = (np.array_split(pixels, math.isqrt(len(pixels))) for pixels in (a, b))
    low_a, low_b = (np.array([run.min(axis=0) for run in runs]) for runs in (runs_a, runs_b))
    high_a, high_b = (np.array([run.max(axis=0) for run in runs]) for runs in (runs_a, runs_b))
    at_least = _squared(np.maximum(low_b[None] - high_a[:, None], low_a[:, None] - high_b[None]))
    best = math.inf
    for index in np.argsort(at_least, axis=None):
        i, j = divmod(int(index), len(runs_b))
        if at_least[i, j] >= best:
            break
        best = min(best, float(_squared(np.abs(runs_a[i][:, None] - runs_b[j][None])).min()))
    return math.sqrt(best)


def _squared(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Squared gaps of pixels that are so many steps apart, (..., 2): one step leads to the next, no gap."""
    gaps: NDArray[np.int64] = np.square(np.maximum(steps - 1, 0)).sum(axis=-1)
    return gaps


def cropped(mask: Mask) -> tuple[Mask, Place]:
    """The window of the mask that just holds its True pixels, and where it begins; empty without any."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return mask[:0, :0], (0, 0)
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], (int(columns[0]), int(rows[0]))


def common(a: Mask, at_a: Place, b: Mask, at_b: Place) -> int:
    """Number of pixels that are True in both masks, each of which begins at its place in one picture.

    Example:
        >>> common(np.ones((2, 4), dtype=bool), (0, 0), np.ones((5, 5), dtype=bool), (3, 1))
        1
    """
    x0, y0 = max(at_a[0], at_b[0]), max(at_a[1], at_b[1])
    x1 = min(at_a[0] + a.shape[1], at_b[0] + b.shape[1])
    y1 = min(at_a[1] + a.shape[0], at_b[1] + b.shape[0])
    if x0 >= x1 or y0 >= y1:
        return 0
    mine, others = (m[y0 - y : y1 - y, x0 - x : x1 - x] for m, (x, y) in ((a, at_a), (b, at_b)))
    return int(np.count_nonzero(mine & others))


def resized(mask: Mask, factor: float) -> Mask:
    """The mask `factor` times as wide and high, to the nearest pixel; a pixel needs half of it covered.

    Raises:
        SceneError: `factor` is not above 0, or a side would be longer than `LARGEST`.
    """
    h, w = mask.shape
    if not 0 < factor <= LARGEST / max(h, w):
        raise SceneError(
            f"a part of {w} x {h} px cannot be made {factor} times as large (at most {LARGEST} px)"
        )
    size = max(1, round(w * factor)), max(1, round(h * factor))
    covered = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    # Thin things can cover less than half of every pixel; something must stay.
    return covered >= 0.5 if (covered >= 0.5).any() else covered > 0


def turned(mask: Mask, degrees: float) -> tuple[Mask, Place]:
    """The mask turned counter-clockwise about its centroid, and its place relative to the mask.

    A pixel needs half of it covered.
    """
    h, w = mask.shape
    x, y = centroid(mask)
    matrix = cv2.getRotationMatrix2D((x - 0.5, y - 0.5), degrees, 1.0)
    corners = np.array([(u, v, 1) for u in (0, w - 1) for v in (0, h - 1)]) @ matrix.T
    first, last = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int)
    matrix[:, 2] -= first
    width, height = (last - first + 1).tolist()
    covered = cv2.warpAffine(mask.astype(np.float32), matrix, (width, height))
    place = (int(first[0]), int(first[1]))
    # Thin things can cover less than half of every pixel; something must stay.
    return covered >= 0.5 if (covered >= 0.5).any() else covered > 0, place


def frame(mask: Mask) -> Rectangle:
    """What a grid over the mask is cut along: its box, or its smallest rectangle if that is clearly tilted.

    That is so when the mask, holes filled, fills at least `FILLS` of the rectangle (a disc fills 0.79), and
    the rectangle has at most `SMALLER` of the area of the axis-aligned box.
    """
    tight = smallest_rectangle(mask)
    (h, w), area = mask.shape, tight.width * tight.height
    if area <= SMALLER * w * h and np.count_nonzero(filled(mask)) >= FILLS * area:
        return tight
    return Rectangle((0.0, 0.0), float(w), float(h), 0.0)


def cell(whole: Rectangle, columns: Span, rows: Span, bounds: Box) -> tuple[Mask, Place]:
    """The pixels of one slice of a rectangle that lie within the bounds, cropped, and their place.

    A pixel belongs to the slice that its center lies in; on a common side, to the one further right or down.
    So the slices of a rectangle share no pixel and leave none out. The mask is empty when there is no pixel.
    """
    cos, sin = _axis(whole.tilt)
    (left, right), (top, bottom) = (
        (side * first / count, side * last / count)
        for side, (first, last, count) in ((whole.width, columns), (whole.height, rows))
    )
    corners = [(u, v) for u in (left, right) for v in (top, bottom)]
    x0, x1 = _pixels_over([whole.origin[0] + u * cos - v * sin for u, v in corners], bounds[0], bounds[2])
    y0, y1 = _pixels_over([whole.origin[1] + u * sin + v * cos for u, v in corners], bounds[1], bounds[3])
    x = np.arange(x0, x1)[None] + 0.5 - whole.origin[0]
    y = np.arange(y0, y1)[:, None] + 0.5 - whole.origin[1]
    mask = (x * cos >= left - y * sin) & (x * cos < right - y * sin)
    mask &= (y * cos >= top + x * sin) & (y * cos < bottom + x * sin)
    mask, (dx, dy) = cropped(mask)
    return mask, (x0 + dx, y0 + dy)


def _axis(angle: float) -> Point:
    """Unit vector in image axes (y down) at an angle in degrees, counter-clockwise as seen."""
    return math.cos(math.radians(angle)), -math.sin(math.radians(angle))


def _pixels_over(edges: list[float], least: float, most: float) -> tuple[int, int]:
    """First and last but one of the pixels, along one axis, that can hold something between these edges."""
    return math.floor(max(least, min(edges))), math.ceil(min(most, max(edges)))


def _hull(mask: Mask) -> Pixels:
    """Corners of the convex hull of the pixel squares, (N, 2) as (x, y)."""
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - mask[rows][:, ::-1].argmax(axis=1)
    x = np.concatenate([first, last, first, last])
    y = np.concatenate([rows, rows, rows + 1, rows + 1])
    return cv2.convexHull(np.stack([x, y], axis=1).astype(np.int32))[:, 0].astype(np.int64)


def _lattice(mask: Mask) -> NDArray[np.uint8]:
    """Which points of the half-pixel lattice, (2h + 1, 2w + 1), lie on a closed pixel square of the mask."""
    points = np.zeros((2 * mask.shape[0] + 1, 2 * mask.shape[1] + 1), np.uint8)
    points[1::2, 1::2] = mask
    return cv2.dilate(points, np.ones((3, 3), np.uint8)).astype(np.uint8, copy=False)


def _u8(mask: Mask) -> NDArray[np.uint8]:
    return np.ascontiguousarray(mask).view(np.uint8)
