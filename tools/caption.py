"""The strip below an overlay: verdict, legend, and the numbered reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import cv2
import numpy as np
from numpy.typing import NDArray

from ..scene import Scene
from ..schema import Finding, Verdict
from .lettering import BOLD, Colour, draw_text, plain, text_width, wrap
from .palette import FAINT, INK, OF_STATUS, ON_STATUS, PAPER, RULE, label_colour

MAX_REASONS = 8
"""Reasons written below a picture; the others are counted."""
MAX_NOTES = 3
MAX_LABELS = 24

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Sheet:
    """Paper to write on: its width, and how many pixels one unit of the design has."""

    width: int
    unit: float

    def px(self, units: float) -> int:
        """Whole pixels of a length in units, at least one."""
        return max(1, round(units * self.unit))

    def strip(self, height: float) -> Pixels:
        """An empty strip of a height in units, over the whole width."""
        return np.full((self.px(height), self.width, 3), PAPER, np.uint8)

    @property
    def margin(self) -> int:
        """Left and right of all text, in pixels."""
        return self.px(16)


def draw_caption(
    scene: Scene, verdict: Verdict, findings: Sequence[Finding], sheet: Sheet, title: str = ""
) -> Pixels:
    """All lines of the caption, RGB, as wide as the sheet. `findings` are numbered from 1.

    A `title` stands in the place of the status and the score.
    """
    strips = [_header(verdict, sheet, title), _legend(scene, sheet), _line(sheet)]
    for number, finding in enumerate(findings[:MAX_REASONS], start=1):
        strips.append(_reason(number, finding, sheet))
    hidden = len(findings) - MAX_REASONS
    if hidden > 0:
        strips.append(_paragraph(f"and {hidden} more in the report", sheet, FAINT))
    if not findings:
        strips.append(_paragraph(plain(verdict.error or verdict.explanation), sheet, INK))
    strips += [_paragraph(f"Note: {plain(note)}", sheet, FAINT) for note in verdict.notes[:MAX_NOTES]]
    strips.append(sheet.strip(8))
    caption = np.concatenate(strips)
    caption[:, : sheet.px(6)] = FAINT if title else OF_STATUS[verdict.status]
    return caption


def draw_marker(picture: Pixels, number: int, centre: tuple[int, int], radius: int, status: str) -> None:
    """The number of a finding, in place: in a disc when it failed, in a diamond when it is undecided."""
    colour, ink = OF_STATUS[status], ON_STATUS[status]
    x, y = centre
    if status == "failed":
        cv2.circle(picture, centre, radius, ink, -1, cv2.LINE_AA)
        cv2.circle(picture, centre, round(radius * 0.88), colour, -1, cv2.LINE_AA)
    else:
        for reach, fill in ((radius * 1.25, ink), (radius * 1.1, colour)):
            corners = [(x - reach, y), (x, y - reach), (x + reach, y), (x, y + reach)]
            cv2.fillPoly(picture, [np.rint(corners).astype(np.int32)], fill, cv2.LINE_AA)
    text = str(number)
    size = round(radius * (1.25 if len(text) < 2 else 1.0 if len(text) < 3 else 0.75))
    place = (x - text_width(text, size, BOLD) // 2, y + round(size * 0.36))
    draw_text(picture, text, place, size, ink, BOLD)


def _header(verdict: Verdict, sheet: Sheet, title: str) -> Pixels:
    """The title, or status and score, and the name of the picture."""
    strip = sheet.strip(50)
    base, small = sheet.px(31), sheet.px(14)
    left = _title(strip, title, sheet) if title else _status(strip, verdict, sheet)
    name = _elided(plain(PurePath(verdict.sample).name), sheet.width - sheet.margin - left, small)
    draw_text(strip, name, (sheet.width - sheet.margin - text_width(name, small), base), small, FAINT)
    return strip


def _title(strip: Pixels, title: str, sheet: Sheet) -> int:
    """Draw a title on the header; returns where there is room again."""
    size, base = sheet.px(17), sheet.px(31)
    shown = _elided(plain(title), sheet.width - 2 * sheet.margin, size)
    draw_text(strip, shown, (sheet.margin, base), size, INK, BOLD)
    return sheet.margin + sheet.px(12) + text_width(shown, size, BOLD)


def _status(strip: Pixels, verdict: Verdict, sheet: Sheet) -> int:
    """Draw the status badge and the score on the header; returns where there is room again."""
    size, base, gap = sheet.px(17), sheet.px(31), sheet.px(12)
    badge = verdict.status.upper()
    right = sheet.margin + text_width(badge, size, BOLD) + 2 * gap
    _rounded_box(
        strip, (sheet.margin, sheet.px(11), right, sheet.px(39)), sheet.px(5), OF_STATUS[verdict.status]
    )
    draw_text(strip, badge, (sheet.margin + gap, base), size, ON_STATUS[verdict.status], BOLD)
    score = f"score {verdict.score:.2f}"
    draw_text(strip, score, (right + gap, base), size, INK, BOLD)
    return right + 2 * gap + text_width(score, size, BOLD)


def _legend(scene: Scene, sheet: Sheet) -> Pixels:
    """A swatch, the name and the count of every label."""
    size, row = sheet.px(14), sheet.px(22)
    swatch = sheet.px(12)
    counts = {label: len(scene.parts(label)) for label in scene.labels[:MAX_LABELS]}
    entries = [
        (label, _elided(f"{plain(label, 60)}: {n}", sheet.px(300), size)) for label, n in counts.items()
    ]
    places = _flow([2 * swatch + sheet.px(12) + text_width(text, size) for _, text in entries], sheet)
    rows = 1 + max((y for _, y in places), default=-1)
    strip = np.full((rows * row, sheet.width, 3), PAPER, np.uint8)
    for (label, text), (x, line) in zip(entries, places, strict=True):
        y = line * row
        _rounded_box(
            strip, (x, y + 2, x + swatch, y + 2 + swatch), 2, label_colour(scene.labels, label), outline=FAINT
        )
        draw_text(strip, text, (x + swatch + sheet.px(7), y + sheet.px(13)), size, INK)
    return strip


def _flow(widths: Iterable[int], sheet: Sheet) -> list[tuple[int, int]]:
    """Left end and row of things that are set one after the other into rows."""
    places = []
    x, row = sheet.margin, 0
    for width in widths:
        if x > sheet.margin and x + width > sheet.width - sheet.margin:
            x, row = sheet.margin, row + 1
        places.append((x, row))
        x += width
    return places


def _reason(number: int, finding: Finding, sheet: Sheet) -> Pixels:
    text = f"{finding.kind.capitalize()}: {plain(finding.reason)}"
    strip = _paragraph(text, sheet, INK, indent=30)
    draw_marker(strip, number, (sheet.margin + sheet.px(10), sheet.px(12)), sheet.px(9), finding.status)
    return strip


def _paragraph(text: str, sheet: Sheet, colour: Colour, indent: float = 0) -> Pixels:
    """Wrapped text over the width of the sheet."""
    size, row = sheet.px(15), sheet.px(21)
    left = sheet.margin + (sheet.px(indent) if indent else 0)
    lines = wrap(text, sheet.width - sheet.margin - left, size)
    strip = np.full((row * max(len(lines), 1) + sheet.px(5), sheet.width, 3), PAPER, np.uint8)
    for index, line in enumerate(lines):
        draw_text(strip, line, (left, row * index + sheet.px(17)), size, colour)
    return strip


def _line(sheet: Sheet) -> Pixels:
    strip = sheet.strip(10)
    strip[sheet.px(3) : sheet.px(3) + sheet.px(1), sheet.margin : -sheet.margin] = RULE
    return strip


def _elided(text: str, width: int, size: int) -> str:
    """The text, or as much of its end as fits, since the end of a file name tells most."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(f"…{text}", size) > width:
        text = text[1:]
    return f"…{text}" if text else ""


def _rounded_box(
    picture: Pixels, box: tuple[int, int, int, int], radius: int, fill: Colour, outline: Colour | None = None
) -> None:
    x0, y0, x1, y1 = box
    cv2.rectangle(picture, (x0 + radius, y0), (x1 - radius, y1), fill, -1)
    cv2.rectangle(picture, (x0, y0 + radius), (x1, y1 - radius), fill, -1)
    for x in (x0 + radius, x1 - radius):
        for y in (y0 + radius, y1 - radius):
            cv2.circle(picture, (x, y), radius, fill, -1, cv2.LINE_AA)
    if outline:
        cv2.rectangle(picture, (x0, y0), (x1, y1), outline, 1)
