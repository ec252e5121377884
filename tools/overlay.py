"""Draws a Verdict on its picture so that a person can read it at a glance.

Parts are outlined thinly in a colour of their label. What a failed or undecided rule points at is outlined
strongly and numbered. A caption below the picture, never over it, says the verdict and the numbered reasons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..scene import Scene
from ..schema import Evidence, Finding, Verdict
from .caption import Pixels, Sheet, draw_caption, draw_marker
from .lettering import Colour
from .palette import HALO, OF_STATUS, ON_STATUS, PAPER, label_colour

SMALLEST = 800
"""Pixels; a picture whose longer side has fewer is enlarged by a whole factor."""
NARROWEST = 520
"""Width of the caption in units of the design, at the least; a narrower picture gets paper beside it."""

_FRACTION = 4
"""Bits after the point of the coordinates that OpenCV draws with."""
_TINT = 0.22

Polygons = list[NDArray[np.int32]]


def draw_overlay(pixels: Pixels, scene: Scene, verdict: Verdict, title: str = "") -> Pixels:
    """The picture with parts and findings marked and a caption below it, RGB.

    A `title` stands in the caption where the status would, of findings that are no verdict.

    `pixels` is RGB (H, W, 3) and stays as it is. The result is an enlargement of it by a whole factor, at
    least 800 pixels on its longer side, and the caption under it.
    """
    height, width = pixels.shape[:2]
    factor = math.ceil(SMALLEST / max(width, height))
    unit = max(1.0, factor * max(width, height) / 900)
    canvas = np.asarray(
        cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8
    )
    findings = open_findings(verdict)
    for part in scene.all_parts:
        outline = _on_canvas(part.outline, factor, canvas)
        _draw_outline(canvas, outline, label_colour(scene.labels, part.label), HALO, 1.8 * unit)
    _tint_places(canvas, findings, scene.labels, factor)
    # The first finding comes last, so that the strongest reason stays on top.
    for finding in reversed(findings):
        _draw_evidence(canvas, finding, factor, unit)
    _draw_markers(canvas, findings, factor, unit)
    sheet = Sheet(max(canvas.shape[1], round(NARROWEST * unit)), unit)
    beside = sheet.width - canvas.shape[1]
    framed = cv2.copyMakeBorder(canvas, 0, 0, 0, beside, cv2.BORDER_CONSTANT, value=PAPER)
    return np.concatenate([framed, draw_caption(scene, verdict, findings, sheet, title)], dtype=np.uint8)


def open_findings(verdict: Verdict) -> list[Finding]:
    """The findings that need a person, in the order of their numbers: failed ones, then undecided ones."""
    return [
        finding
        for status in ("failed", "undecided")
        for finding in verdict.findings
        if finding.status == status
    ]


def _draw_evidence(canvas: Pixels, finding: Finding, factor: int, unit: float) -> None:
    """Outline strongly what a finding points at."""
    colour, edge = OF_STATUS[finding.status], ON_STATUS[finding.status]
    for evidence in finding.parts:
        _draw_outline(canvas, _outline_of(evidence, factor, canvas), colour, edge, 3.2 * unit)


def _tint_places(canvas: Pixels, findings: Sequence[Finding], labels: Sequence[str], factor: int) -> None:
    """Tint what findings point at that is no part, since there is nothing in it to see."""
    for status in ("undecided", "failed"):
        share = np.zeros(canvas.shape[:2], np.uint8)
        for evidence in (e for finding in findings if finding.status == status for e in finding.parts):
            if evidence.label not in labels:
                outline = _outline_of(evidence, factor, canvas)
                cv2.fillPoly(share, outline, round(255 * _TINT), cv2.LINE_AA, _FRACTION)
        if share.any():
            _blend(canvas, np.full_like(canvas, OF_STATUS[status]), share)


def _draw_markers(canvas: Pixels, findings: Sequence[Finding], factor: int, unit: float) -> None:
    """Number every finding at the top left of the first thing it points at, beside the numbers there."""
    radius = round(11 * unit)
    step = round(2.2 * radius)
    height, width = canvas.shape[:2]
    taken: list[tuple[int, int]] = []
    for number, finding in enumerate(findings, start=1):
        if not finding.parts:
            continue
        (corner,) = _on_canvas([[finding.parts[0].box[:2]]], factor, canvas)
        x, y = (corner[0] >> _FRACTION).tolist()
        x, y = min(max(x, radius), width - radius), min(max(y, radius), height - radius)
        # Each number that is there pushes this one on at most once, so a crowded picture comes to an end.
        for _ in taken:
            if all(math.dist((x, y), other) >= step for other in taken):
                break
            x, y = (x + step, y) if x + step + radius <= width else (radius, min(y + step, height - radius))
        taken.append((x, y))
        draw_marker(canvas, number, (x, y), radius, finding.status)


def _outline_of(evidence: Evidence, factor: int, canvas: Pixels) -> Polygons:
    x0, y0, x1, y1 = evidence.box
    box = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return _on_canvas([polygon for polygon in evidence.outline if polygon] or [box], factor, canvas)


def _on_canvas(outline: Sequence[Sequence[tuple[float, float]]], factor: int, canvas: Pixels) -> Polygons:
    """Polygons in the fixed-point coordinates of the enlarged picture, kept within its surroundings."""
    bound = 2 * max(canvas.shape)
    polygons = []
    for polygon in outline:
        # OpenCV counts from the middle of the first pixel, outlines from its corner.
        points = np.nan_to_num(np.array(polygon, np.float64).reshape(-1, 2) * factor - 0.5)
        polygons.append(np.rint(np.clip(points, -bound, bound) * 2**_FRACTION).astype(np.int32))
    return polygons


def _draw_outline(canvas: Pixels, polygons: Polygons, colour: Colour, edge: Colour, width: float) -> None:
    """A line around polygons that hides nothing inside, with an edge so that it shows on every ground."""
    stroke = max(1, round(width))
    window, moved = _window(canvas, polygons, 2 * stroke)
    if not window.size:
        return
    drawn, outside = window.copy(), np.full(window.shape[:2], 255, np.uint8)
    for thickness, ink in ((3 * stroke, edge), (2 * stroke, colour)):
        cv2.polylines(drawn, moved, True, ink, thickness, cv2.LINE_AA, _FRACTION)
    cv2.fillPoly(outside, moved, 0, cv2.LINE_AA, _FRACTION)
    _blend(window, drawn, outside)


def _window(canvas: Pixels, polygons: Polygons, margin: int) -> tuple[Pixels, Polygons]:
    """The canvas around polygons, and the polygons in its coordinates."""
    points = np.concatenate(polygons) >> _FRACTION
    x0, y0 = np.maximum(points.min(0) - margin, 0)
    x1, y1 = np.maximum(points.max(0) + margin + 1, 0)
    corner = np.array((x0, y0), np.int32) << _FRACTION
    return canvas[y0:y1, x0:x1], [polygon - corner for polygon in polygons]


def _blend(below: Pixels, above: Pixels, share: NDArray[np.uint8]) -> None:
    """Replace a share of `below`, 0 to 255 for every pixel, in place."""
    weight = share.astype(np.float32) / 255
    below[:] = cv2.blendLinear(above, below, weight, 1 - weight)
