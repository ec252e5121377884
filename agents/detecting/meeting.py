"""Where an anomaly map meets the Scene: which part is it on, which failed rule does it explain?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import cv2
import numpy as np

from ...scene import Part, Scene, Shape
from ...schema import Evidence, Finding
from ...tools.detectors import AnomalyMap, Calibration
from ...tools.detectors.regions import Region, regions_of

ASKED: Final = "Is there anything on it that is on no normal picture?"
LABEL: Final = "anomaly"

SUFFICIENT: Final = 10
"""Normal pictures from which on the word of a detector is enough; with fewer, pictures stay undecided."""

_LEAST: Final = 2e-5
"""Share of the picture; smaller regions are noise."""
_SHARE: Final = 1 / 3
"""Of the smaller of two places: what they must have in common to be one."""
_OF_REGION: Final = 0.1
"""Of a region: what must lie on a part. Not more, since maps are soft and parts may be thin."""
_ANYWHERE: Final = 0.5
"""Share of the picture from which on a place that a rule points at tells nothing of where."""
_MOST_PLACES: Final = 3
"""Told of in words; the others are counted."""


class Sight(NamedTuple):
    """What a detector saw of a picture, and what its scores mean."""

    anomaly: AnomalyMap
    """Of the size of the Scene."""
    calibration: Calibration


@dataclass(frozen=True)
class _Place:
    """One region of a map, and what lies there."""

    evidence: Evidence
    words: str
    failed: frozenset[int]
    """Numbers of the rules that fail there."""
    open: frozenset[int]
    """Of those that could not be decided there."""


def meet(sight: Sight, scene: Scene, findings: Sequence[Finding]) -> Finding:
    """What a detector says of a picture of which the parts and the word of the rules are known.

    Beyond the threshold of the picture it is a failed finding, with the regions as evidence; an undecided one
    where fewer than SUFFICIENT normal pictures stand behind the threshold, unless a rule fails in the same
    place. A detector never makes a rule pass.
    """
    anomaly, calibration = sight
    called, decision = f"the detector {anomaly.detector}", calibration.decide(anomaly)
    if decision <= 0.5:
        return _finding(sight, "passed", f"{called} sees nothing unusual", decision)
    regions = regions_of(anomaly.scores, calibration.pixel.threshold, math.ceil(_LEAST * anomaly.scores.size))
    places = [_place(region, sight, scene, findings) for region in regions]
    failed = frozenset[int]().union(*(place.failed for place in places))
    explained = failed.union(*(place.open for place in places))
    reason = f"{called} sees {_anomalies(places)} (score {anomaly.score:.3g})"
    more = {"parts": [place.evidence for place in places], "explains": sorted(explained)}
    if calibration.normal < SUFFICIENT and not failed:
        pictures = f"{calibration.normal} normal picture{'s' * (calibration.normal != 1)}"
        doubt = f"calibrated on {pictures}, it may alarm on 1 good product in {calibration.normal + 1}"
        reason = f"{reason}; {doubt}, so its word alone is not enough"
        return _finding(sight, "undecided", reason, 0.5, more)
    return _finding(sight, "failed", reason, decision, more)


def pointed_at(findings: Sequence[Finding]) -> list[Evidence]:
    """Where detectors see something, for a witness to look at; it is not told that they do."""
    return [
        region.model_copy(update={"label": region.on or "place"})
        for finding in findings
        if finding.detector
        for region in finding.parts
    ]


def _finding(
    sight: Sight,
    status: Any,
    reason: str,
    score: float,
    more: dict[str, Any] | None = None,
) -> Finding:
    return Finding(
        rule=0,
        text=ASKED,
        detector=sight.anomaly.detector,
        kind="structural",
        status=status,
        reason=reason,
        expected=(None, sight.calibration.picture.threshold),
        actual=sight.anomaly.score,
        weight=1 - sight.calibration.bound,
        score=score,
        **(more or {}),
    )


def _place(region: Region, sight: Sight, scene: Scene, findings: Sequence[Finding]) -> _Place:
    hot = _hot_half(region, sight.anomaly)
    part = _part_below(hot, scene)
    failed, undecided = (
        frozenset(
            finding.rule
            for finding in findings
            if finding.ruled
            and finding.status == status
            and any(_same_place(hot, evidence, scene.size) for evidence in finding.parts)
        )
        for status in ("failed", "undecided")
    )
    evidence = Evidence(
        label=LABEL,
        box=hot.box,
        outline=hot.outline,
        confidence=sight.calibration.pixel.decide(region.peak),
        on=part.label if part else "",
    )
    return _Place(evidence, _words(hot, part, scene, failed, undecided), failed, undecided)


def _hot_half(region: Region, anomaly: AnomalyMap) -> Shape:
    """The pixels of a region nearer to its peak than to its lowest score.

    Maps are soft: round a strong anomaly much lies beyond the threshold that is quite normal.
    """
    lowest = float(anomaly.scores[region.mask].min())
    return Shape(LABEL, region.mask & (anomaly.scores >= (lowest + region.peak) / 2), (0, 0))


def _part_below(hot: Shape, scene: Scene) -> Part | None:
    """The part that a place lies on, the smallest of several: parts lie on parts."""
    below = [part for part in scene.all_parts if hot.overlap(part) >= _OF_REGION and _meets(hot, part)]
    return min(below, key=lambda part: part.area, default=None)


def _same_place(hot: Shape, evidence: Evidence, size: tuple[int, int]) -> bool:
    """Whether what a rule points at is where a detector sees something."""
    width, height = size
    x0, y0, x1, y1 = evidence.box
    box = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    drawn = np.zeros((height, width), np.uint8)
    for polygon in evidence.outline or [box]:
        # Outlines run along the edges of pixels, OpenCV counts from their middles.
        cv2.fillPoly(drawn, [np.rint(np.array(polygon) - 0.5).astype(np.int32)], 1)
    if not 0 < np.count_nonzero(drawn) <= _ANYWHERE * drawn.size:
        return False
    return _meets(hot, Shape(evidence.label, drawn.astype(np.bool_), (0, 0)))


def _meets(one: Shape, other: Shape) -> bool:
    return max(one.overlap(other), other.overlap(one)) >= _SHARE


def _anomalies(places: Sequence[_Place]) -> str:
    if not places:
        return "an anomaly all over the picture"
    told = list(dict.fromkeys(place.words for place in places))
    hidden = len(told) - _MOST_PLACES
    listed = ", and ".join(told[:_MOST_PLACES])
    number = "an anomaly" if len(places) == 1 else f"{len(places)} anomalies"
    return f"{number} {listed}{f', and {hidden} more' if hidden > 0 else ''}"


def _words(
    hot: Shape, part: Part | None, scene: Scene, failed: frozenset[int], undecided: frozenset[int]
) -> str:
    """Where an anomaly is."""
    if part is None:
        on = "on no part,"
    else:
        on = f"on {'the' if len(scene.parts(part.label)) == 1 else 'a'} {part.label}"
    words = f"{on} {_whereabouts(hot, scene.size)}"
    if failed:
        words += f", where {_rules(failed)} fail{'s' * (len(failed) == 1)} too"
    if undecided:
        words += f", where {_rules(undecided)} could not be decided"
    return words


def _whereabouts(shape: Shape, size: tuple[int, int]) -> str:
    """In which of nine equal fields of the picture the middle of a shape lies."""
    column, row = (min(2, int(3 * middle / side)) for middle, side in zip(shape.center, size, strict=True))
    if row == 1:
        return ("on the left", "in the middle", "on the right")[column]
    return f"at the {('top', '', 'bottom')[row]}{(' left', '', ' right')[column]}"


def _rules(numbers: frozenset[int]) -> str:
    *others, last = map(str, sorted(numbers))
    return f"rules {', '.join(others)} and {last}" if others else f"rule {last}"
