"""Set-of-mark pictures: an outline and a number at everything that was seen, for a model to speak of.

A number stands inside what it names; that of a thing which holds others stands on its outline.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..schema import Evidence
from .caption import Pixels
from .lettering import BOLD, Colour, draw_text, text_width
from .palette import HALO, WHITE, label_colour

_FRACTION = 4
"""Bits after the point of the coordinates that OpenCV draws with."""
_SMALLEST_TEXT = 12
"""Pixels; smaller digits are lost where a model makes the picture smaller once more."""

Mask = NDArray[np.uint8]


def draw_numbers(
    pixels: Pixels, marks: Sequence[Evidence], scale: tuple[float, float] = (1.0, 1.0)
) -> Pixels:
    """The picture with the outline of each mark and its number, which counts from 1 in the order given.

    `pixels` is RGB (H, W, 3) and stays as it is; `scale` is how many of its pixels across and down one pixel
    of the marks has. A mark without outline is drawn as its box. Marks of one label have one colour.
    """
    canvas = pixels.copy()
    labels = list(dict.fromkeys(mark.label for mark in marks))
    unit = max(canvas.shape[:2]) / 900
    outlines = [_outline(mark, scale, canvas) for mark in marks]
    for mark, outline in zip(marks, outlines, strict=True):
        # Smoothing the edge of an edge takes longer than all else and shows nothing.
        lines = ((3.6, HALO, cv2.LINE_8), (1.8, label_colour(labels, mark.label), cv2.LINE_AA))
        for width, colour, kind in lines:
            cv2.polylines(canvas, outline, True, colour, max(1, round(width * unit)), kind, _FRACTION)
    places = _places(outlines, canvas)
    for number, (mark, place) in enumerate(zip(marks, places, strict=True), start=1):
        _draw_plate(canvas, number, place, label_colour(labels, mark.label), unit)
    return canvas


def _outline(mark: Evidence, scale: tuple[float, float], canvas: Pixels) -> list[NDArray[np.int32]]:
    """Polygons in fixed-point pixels of the canvas, kept near it."""
    x0, y0, x1, y1 = mark.box
    box = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    bound = 2 * max(canvas.shape)
    polygons = []
    for polygon in [polygon for polygon in mark.outline if polygon] or [box]:
        # OpenCV counts from the middle of the first pixel, outlines from its corner.
        points = np.nan_to_num(np.array(polygon, np.float64).reshape(-1, 2) * scale - 0.5)
        polygons.append(np.rint(np.clip(points, -bound, bound) * 2**_FRACTION).astype(np.int32))
    return polygons


def _places(outlines: Sequence[list[NDArray[np.int32]]], canvas: Pixels) -> list[tuple[int, int]]:
    """Where each number goes: well inside its mark, or on the outline of a mark that holds another one."""
    filled = [_filled(outline, canvas) for outline in outlines]
    areas = [cv2.countNonZero(mask) if mask.size else 0 for _, mask in filled]
    places: dict[int, tuple[int, int]] = {}
    for index in sorted(range(len(filled)), key=areas.__getitem__):
        (x, y), mask = filled[index]
        if not areas[index]:
            places[index] = x, y
        elif any(_holds(filled[index], place) for place in places.values()):
            # In its free space a number would look like one more of the things that it holds.
            places[index] = _corner(outlines[index])
        else:
            across, down = _middle(mask)
            places[index] = x + across, y + down
    return [places[index] for index in range(len(filled))]


def _holds(filled: tuple[tuple[int, int], Mask], place: tuple[int, int]) -> bool:
    (x, y), mask = filled
    across, down = place[0] - x, place[1] - y
    return 0 <= down < mask.shape[0] and 0 <= across < mask.shape[1] and bool(mask[down, across])


def _corner(outline: list[NDArray[np.int32]]) -> tuple[int, int]:
    """The point of an outline that is nearest to the top left corner of its box."""
    points = np.concatenate(outline) / 2**_FRACTION
    nearest = points[np.abs(points - points.min(axis=0)).sum(axis=1).argmin()]
    x, y = np.rint(nearest).astype(int).tolist()
    return x, y


def _filled(outline: list[NDArray[np.int32]], canvas: Pixels) -> tuple[tuple[int, int], Mask]:
    """Where the pixels of a mark begin, x and y in the canvas, and its mask from there on."""
    points = np.concatenate(outline) >> _FRACTION
    limits = np.array(canvas.shape[1::-1])
    x0, y0 = np.clip(points.min(axis=0), 0, limits - 1).tolist()
    x1, y1 = np.clip(points.max(axis=0) + 2, 0, limits).tolist()
    mask = np.zeros((max(y1 - y0, 0), max(x1 - x0, 0)), np.uint8)
    if mask.size:
        corner = np.array((x0, y0), np.int32) << _FRACTION
        cv2.fillPoly(mask, [polygon - corner for polygon in outline], 255, cv2.LINE_8, _FRACTION)
    return (x0, y0), mask


def _middle(mask: Mask) -> tuple[int, int]:
    """The pixel of a mask that is furthest from its edge, x and y."""
    # The edge of the mask is an edge of what it shows as well.
    framed = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    _, _, _, (x, y) = cv2.minMaxLoc(cv2.distanceTransform(framed, cv2.DIST_L2, 3))
    return x - 1, y - 1


def _draw_plate(canvas: Pixels, number: int, place: tuple[int, int], colour: Colour, unit: float) -> None:
    """A number on a small plate in the colour of its outline, wholly inside the picture."""
    text, size = str(number), max(_SMALLEST_TEXT, round(17 * unit))
    width, height = text_width(text, size, BOLD) + round(0.5 * size), round(1.15 * size)
    x = min(max(place[0] - width // 2, 0), max(canvas.shape[1] - width - 1, 0))
    y = min(max(place[1] - height // 2, 0), max(canvas.shape[0] - height - 1, 0))
    cv2.rectangle(canvas, (x, y), (x + width, y + height), HALO, -1)
    cv2.rectangle(canvas, (x, y), (x + width, y + height), colour, max(1, round(unit)))
    draw_text(canvas, text, (x + round(0.25 * size), y + round(0.94 * size)), size, WHITE, BOLD)
