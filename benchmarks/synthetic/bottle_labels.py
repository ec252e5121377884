"""The labels of the juice bottle: printed flat, then wound around the bottle."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import Floats, Point
from .light import clamped, grey, tinted
from .sprites import Sprite, sample, shrink
from .stage import Stage

Print = NDArray[np.uint8]
"""(h, w, 3), RGB."""

FRUITS = ("cherry", "orange", "banana")
UNKNOWN_FRUITS = ("kiwi", "plum")
EMBLEM_RADIUS = 40.0
"""Units."""
FRUIT_LABEL, BOTTOM_LABEL = (156.0, 138.0), (156.0, 66.0)
"""Width and height, units."""

_DPI = 2
"""Dots of a print per unit."""
_PAPER = (244, 240, 228)
_INK = {"cherry": (168, 24, 40), "orange": (226, 112, 10), "banana": (196, 156, 20)}
_SUBPIXEL = 4


@dataclass(frozen=True)
class Label:
    """One label: what is printed on it and where it sticks."""

    print: Print
    kept: NDArray[np.uint8]
    """255 where the paper is, 0 where it is torn off, (h, w)."""
    size: Point
    at: float
    """How far its middle is below the middle of the bottle, units."""
    turn: float = 0.0
    """Degrees."""


def stick(stage: Stage, label: Label, radius: float) -> Sprite:
    """A label on a bottle of some radius."""
    return _wound(stage, label, radius, label.kept)


def _wound(stage: Stage, label: Label, radius: float, mask: NDArray[np.uint8]) -> Sprite:
    width, height = label.size
    samples = sample(stage.camera, (0.0, label.at), (width / 2, height / 2), label.turn)
    side = np.clip(samples.along / radius, -0.98, 0.98)
    x = (radius * np.arcsin(side) + width / 2) * _DPI
    y = (samples.across + height / 2) * _DPI
    ink = cv2.remap(label.print, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    kept = cv2.remap(mask, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    shade = 0.52 + 0.46 * np.sqrt(1 - side * side) - 0.1 * side
    return shrink(samples, ink * grey(shade), kept.astype(np.float32) / 255)


def wound_mask(stage: Stage, label: Label, radius: float, mask: NDArray[np.uint8]) -> Sprite:
    """Something printed on a label, by its own mask in the print, (h, w) of 0 and 255."""
    return _wound(stage, label, radius, np.minimum(mask, label.kept))


def blank(size: Point) -> tuple[Print, NDArray[np.uint8]]:
    """Paper with rounded corners, not printed yet."""
    width, height = round(size[0] * _DPI), round(size[1] * _DPI)
    paper = np.full((height, width, 3), _PAPER, np.uint8)
    kept = np.zeros((height, width), np.uint8)
    corner = 10
    cv2.rectangle(kept, (corner, 0), (width - 1 - corner, height - 1), 255, -1)
    cv2.rectangle(kept, (0, corner), (width - 1, height - 1 - corner), 255, -1)
    for x in (corner, width - 1 - corner):
        for y in (corner, height - 1 - corner):
            cv2.circle(kept, (x, y), corner, 255, -1)
    return paper, kept


def print_fruit_label(fruit: str) -> tuple[Print, NDArray[np.uint8]]:
    """The paper of the label with the fruit, without its emblem: a coloured frame and the maker's name."""
    paper, kept = blank(FRUIT_LABEL)
    height, width = kept.shape
    ink = _INK.get(fruit, (60, 130, 70))
    cv2.rectangle(paper, (9, 9), (width - 10, height - 10), ink, 5, cv2.LINE_AA)
    cv2.rectangle(paper, (18, 18), (width - 19, height - 19), ink, 1, cv2.LINE_AA)
    _text(paper, "SUNNY", (width // 2, 44), 0.85, ink, 2)
    _text(paper, "fruit juice", (width // 2, height - 28), 0.62, (70, 60, 50), 1)
    return paper, kept


def print_bottom_label(incomplete: bool) -> tuple[Print, NDArray[np.uint8]]:
    """The label with the words, or with a part of them missing."""
    paper, kept = blank(BOTTOM_LABEL)
    height, width = kept.shape
    cv2.rectangle(paper, (7, 7), (width - 8, height - 8), (40, 110, 60), 3, cv2.LINE_AA)
    _text(paper, "100% Juice", (width // 2, height // 2 + 2), 1.35, (30, 90, 48), 3)
    _text(paper, "no sugar added", (width // 2, height - 26), 0.55, (80, 80, 70), 1)
    if incomplete:
        cv2.rectangle(paper, (width // 2 + 14, 16), (width - 22, height - 14), _PAPER, -1)
    return paper, kept


def print_emblem(
    paper: Print, fruit: str, off: Point, share: float = 1.0
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Print a white disc with a fruit, `off` units from the middle; answers the masks of disc and fruit.

    `share` is how much of the fruit is printed, from the left.
    """
    height, width = paper.shape[:2]
    x, y = round(width / 2 + off[0] * _DPI), round(height / 2 + off[1] * _DPI)
    radius = round(EMBLEM_RADIUS * _DPI)
    disc = np.zeros((height, width), np.uint8)
    cv2.circle(disc, (x, y), radius, 255, -1, cv2.LINE_AA)
    cv2.circle(paper, (x, y), radius, (252, 252, 250), -1, cv2.LINE_AA)
    cv2.circle(paper, (x, y), radius - 3, (150, 190, 140), 3, cv2.LINE_AA)
    drawn, mask = paper.copy(), np.zeros((height, width), np.uint8)
    _FRUIT_PAINTERS[fruit](drawn, mask, x, y)
    mask[:, round(x + (2 * share - 1) * radius) :] = 0
    cover = grey(mask.astype(np.float32) / 255)
    paper[:] = np.rint(paper + (drawn.astype(np.float32) - paper) * cover).astype(np.uint8)
    return disc, mask


def _text(
    paper: Print, words: str, middle: tuple[int, int], size: float, ink: tuple[int, ...], weight: int
) -> None:
    (width, height), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_DUPLEX, size, weight)
    place = (middle[0] - width // 2, middle[1] + height // 2)
    cv2.putText(paper, words, place, cv2.FONT_HERSHEY_DUPLEX, size, ink, weight, cv2.LINE_AA)


def _ball(paper: Print, mask: NDArray[np.uint8], at: tuple[int, int], radius: int, ink: Floats) -> None:
    """A shaded ball, as printers draw fruit."""
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    away = np.hypot(columns - at[0], rows - at[1]) / radius
    lit = np.hypot(columns - at[0] + radius * 0.35, rows - at[1] + radius * 0.4) / radius
    cover = clamped((1 - away) * radius + 0.5)
    colour = tinted(1.1 - 0.42 * np.minimum(lit, 1.6), ink) + grey(90 * clamped(1 - lit * 3.2))
    paper[:] = np.clip(paper + (colour - paper) * grey(cover), 0, 255).astype(np.uint8)
    np.maximum(mask, (cover * 255).astype(np.uint8), out=mask)


def _cherry(paper: Print, mask: NDArray[np.uint8], x: int, y: int) -> None:
    for shift in (-19, 21):
        for image, ink in ((paper, (86, 122, 46)), (mask, 255)):
            cv2.ellipse(image, (x + shift // 2 + 8, y + 8), (26, 50), 0, 190, 262, ink, 5, cv2.LINE_AA)
        _ball(paper, mask, (x + shift, y + 24 + abs(shift) % 5), 22, np.array((176, 18, 36), np.float32))


def _orange(paper: Print, mask: NDArray[np.uint8], x: int, y: int) -> None:
    _ball(paper, mask, (x, y + 6), 42, np.array((250, 140, 16), np.float32))
    for image, ink in ((paper, (66, 126, 48)), (mask, 255)):
        cv2.ellipse(image, (x + 14, y - 42), (19, 9), -24, 0, 360, ink, -1, cv2.LINE_AA)


def _banana(paper: Print, mask: NDArray[np.uint8], x: int, y: int) -> None:
    angles = np.linspace(0.15, 2.65, 30)
    outer = np.column_stack([x + 52 * np.cos(angles), y - 22 + 56 * np.sin(angles)])
    inner = np.column_stack([x + 46 * np.cos(angles[::-1]), y - 26 + 30 * np.sin(angles[::-1])])
    outline = np.rint(np.vstack([outer, inner]) * 2**_SUBPIXEL).astype(np.int32)
    for image, ink in ((paper, (244, 208, 44)), (mask, 255)):
        cv2.fillPoly(image, [outline], ink, cv2.LINE_AA, shift=_SUBPIXEL)
    cv2.polylines(
        paper,
        [np.rint(inner * 16 + (0, 130)).astype(np.int32)],
        False,
        (214, 170, 24),
        3,
        cv2.LINE_AA,
        shift=4,
    )
    for end in (outer[0], outer[-1]):
        cv2.circle(paper, (round(end[0]), round(end[1])), 6, (96, 76, 30), -1, cv2.LINE_AA)


def _kiwi(paper: Print, mask: NDArray[np.uint8], x: int, y: int) -> None:
    _ball(paper, mask, (x, y), 42, np.array((126, 96, 50), np.float32))
    _ball(paper, mask, (x, y), 35, np.array((126, 190, 60), np.float32))
    cv2.circle(paper, (x, y), 10, (232, 236, 190), -1, cv2.LINE_AA)


def _plum(paper: Print, mask: NDArray[np.uint8], x: int, y: int) -> None:
    _ball(paper, mask, (x, y + 4), 40, np.array((92, 46, 140), np.float32))


_FRUIT_PAINTERS = {
    "cherry": _cherry, "orange": _orange, "banana": _banana, "kiwi": _kiwi, "plum": _plum,
}  # fmt: skip
