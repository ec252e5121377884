"""Tools that look: at a picture, its parts, a place in it, another picture, through a detector or a model."""

from __future__ import annotations

from typing import Final, Literal

import cv2
import numpy as np
from pydantic import Field

from ...scene import Part, Scene
from ...schema import Box, Finding, Record, SessionError, Verdict
from ...tools.detectors.heat import overlay_heat, scale_of
from ...tools.parts import Pixels
from ..detecting.meeting import Sight, meet
from ..nodes import View
from .comparing import Difference, differences
from .desk import Desk
from .finding_parts import Which, in_words, one_of, parts_of, place_of, plural_of, rounded
from .tool import MOST_LISTED, Answer, Around, Tool, listed
from .turn import SessionPicture, Shown

ROOM: Final = 0.6
"""Of the longer side of what is zoomed in on: what is shown around it."""
ZOOMED: Final = 800
"""Pixels of the longer side of what was zoomed in on."""
MEASURES: Final = ("length", "width", "height", "thickness", "area", "angle", "color", "position")


class PictureArguments(Record):
    """A picture of the session."""

    picture: int | None = Field(
        default=None, description="Its number; left out: the last one; -2: the one before that."
    )


class PartsArguments(PictureArguments):
    """The parts of one kind."""

    label: str = Field(description="What they are called, such as pushpin.")
    within: str = Field(
        default="", description="A region, such as `left half`, `top right quarter`, `center`."
    )


class PartArguments(PictureArguments):
    """One part."""

    label: str = Field(description="What it is called, such as cable.")
    which: Which = Field(default="", description="Which one, where there are several.")
    number: int | None = Field(default=None, description="Or its number, from 1 on in reading order.")


class MeasureArguments(PartArguments):
    """What of a part is asked for."""

    measure: Literal["", "length", "width", "height", "thickness", "area", "angle", "color", "position"] = ""


class CompareArguments(PictureArguments):
    """What a picture is compared with."""

    other: int | None = Field(default=None, description="Number of the other picture; left out: a reference.")


class LookArguments(PictureArguments):
    """A detector."""

    detector: str = Field(default="grnr", description="Its name, such as grnr or adaclip.")


class ZoomArguments(PictureArguments):
    """What to zoom in on: a part, or a region."""

    label: str = Field(default="", description="A part, such as clamp.")
    which: Which = Field(default="", description="Which one, where there are several.")
    number: int | None = Field(default=None, description="Or its number, from 1 on in reading order.")
    region: str = Field(default="", description="Or a region, such as `left half`.")


def inspect_picture(desk: Desk, around: Around, asked: PictureArguments) -> Answer:
    """The verdict on a picture, with its reasons."""
    picture = around.picture(asked.picture)
    verdict, _ = desk.inspected(picture)
    return Answer(
        text=told(picture, verdict), shown=marked(desk, picture), verdicts={picture.number: verdict}
    )


def list_parts(desk: Desk, around: Around, asked: PictureArguments) -> Answer:
    """What is seen in a picture."""
    picture = around.picture(asked.picture)
    scene = desk.view(picture).scene
    counts = ", ".join(in_words(len(scene.parts(label)), label) for label in scene.labels)
    lines = [
        _described(scene, label, n, part) for label in scene.labels for n, part in parts_of(scene, label)
    ]
    return Answer(text=f"Picture {picture.number} shows {counts}.\n{listed(lines)}")


def count_parts(desk: Desk, around: Around, asked: PartsArguments) -> Answer:
    """How many parts of a kind there are, and where."""
    picture = around.picture(asked.picture)
    scene = desk.view(picture).scene
    parts = parts_of(scene, asked.label, asked.within)
    where = f"In the {asked.within} of picture" if asked.within else "In picture"
    verb = "is" if len(parts) <= 1 else "are"
    return Answer(text=f"{where} {picture.number} there {verb} {in_words(len(parts), asked.label)}.")


def locate_parts(desk: Desk, around: Around, asked: PartsArguments) -> Answer:
    """Where the parts of a kind are."""
    picture = around.picture(asked.picture)
    view = desk.view(picture)
    parts = parts_of(view.scene, asked.label, asked.within)
    if not parts:
        return Answer(text=f"There is no {asked.label} in picture {picture.number}.")
    lines = [_described(view.scene, asked.label, number, part) for number, part in parts]
    return Answer(text=listed(lines), shown=[_zoomed(desk, picture, view, [part for _, part in parts])])


def measure_part(desk: Desk, around: Around, asked: MeasureArguments) -> Answer:
    """What a part measures."""
    picture = around.picture(asked.picture)
    scene = desk.view(picture).scene
    number, part = one_of(scene, asked.label, asked.which, asked.number)
    several = len(scene.parts(asked.label)) > 1
    name = f"{asked.label} {number}" if several else f"the {asked.label}"
    told_of = [asked.measure] if asked.measure else MEASURES
    facts = "; ".join(_measure(part, measure) for measure in told_of)
    return Answer(text=f"In picture {picture.number}, {name}: {facts}.")


def zoom_in(desk: Desk, around: Around, asked: ZoomArguments) -> Answer:
    """A part or a region, larger."""
    picture = around.picture(asked.picture)
    view = desk.view(picture)
    if asked.region:
        region = view.scene.region(asked.region)
        return Answer(
            text=f"The {asked.region} of picture {picture.number}.",
            shown=[_closer(desk, picture, view, region.box, f"{asked.region} of picture {picture.number}")],
        )
    if not asked.label:
        raise SessionError("say what to zoom in on: a part, or a region such as `left half`")
    number, part = one_of(view.scene, asked.label, asked.which, asked.number)
    return Answer(
        text=_described(view.scene, asked.label, number, part), shown=[_zoomed(desk, picture, view, [part])]
    )


def compare_pictures(desk: Desk, around: Around, asked: CompareArguments) -> Answer:
    """What differs between a picture and another one, or a reference."""
    picture = around.picture(asked.picture)
    view = desk.view(picture)
    if asked.other:
        other = around.picture(asked.other)
        name, second = f"picture {other.number}", desk.view(other).scene
    else:
        name, second = _reference(desk)
    found = differences(view.scene, second)
    if not found:
        alike = "the same parts, alike in color, length and place"
        return Answer(text=f"Picture {picture.number} and {name} show {alike}.")
    text = f"Picture {picture.number} beside {name}:\n{listed([one.text for one in found])}"
    return Answer(text=text, shown=[_differing(desk, picture, view, name, found)])


def look_with_detector(desk: Desk, around: Around, asked: LookArguments) -> Answer:
    """What a detector sees on a picture, rules apart."""
    picture = around.picture(asked.picture)
    looked = desk.suspicion(picture, asked.detector)
    calibration = looked.detector.calibration
    if calibration is None:
        raise SessionError(f"{looked.detector.name} is not calibrated for {desk.product.name}")
    findings = desk.inspected(picture).verdict.findings if len(desk.product.rulebook().proven) else []
    finding = meet(Sight(looked.anomaly, calibration), looked.view.scene, findings)
    heat = overlay_heat(
        looked.view.pixels, looked.anomaly.scores, scale_of(looked.anomaly.scores, calibration)
    )
    caption = f"what {looked.detector.name} sees on picture {picture.number}: red is anomalous"
    shown = Shown(sha256=desk.keep_picture(heat), caption=caption, picture=picture.number)
    return Answer(text=f"{finding.reason}.", shown=[shown])


def told(picture: SessionPicture, verdict: Verdict) -> str:
    """A verdict in words."""
    return f"Picture {picture.number} ({picture.name}): {verdict.explanation}"


def marked(desk: Desk, picture: SessionPicture) -> list[Shown]:
    """A picture with its parts and what is wrong marked; nothing where it cannot be read."""
    verdict, _ = desk.inspected(picture)
    sha256 = desk.marked(picture)
    caption = f"picture {picture.number}, {verdict.status}"
    return [Shown(sha256=sha256, caption=caption, picture=picture.number)] if sha256 else []


def _described(scene: Scene, label: str, number: int, part: Part) -> str:
    x, y = part.center
    return (
        f"{label} {number}: in the {place_of(scene, part.center)} at ({x:.0f}, {y:.0f}), {part.color}, "
        f"{rounded(part.length)} px long"
    )


def _measure(part: Part, measure: str) -> str:
    if measure == "color":
        return f"color {part.color}"
    if measure == "position":
        return f"center ({part.center[0]:.0f}, {part.center[1]:.0f})"
    unit = {"area": "px²", "angle": "degrees"}.get(measure, "px")
    return f"{measure} {rounded(getattr(part, measure))} {unit}"


def _zoomed(desk: Desk, picture: SessionPicture, view: View, parts: list[Part]) -> Shown:
    boxes = np.array([part.box for part in parts])
    box = (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
    labels = sorted({part.label for part in parts})
    what = plural_of(labels[0]) if len(parts) > 1 else labels[0]
    return _closer(desk, picture, view, box, f"{what} of picture {picture.number}")


def _closer(desk: Desk, picture: SessionPicture, view: View, box: Box, caption: str) -> Shown:
    return Shown(sha256=desk.keep_picture(_crop(view.pixels, box)), caption=caption, picture=picture.number)


def _crop(pixels: Pixels, box: Box) -> Pixels:
    """A place with some room around it, enlarged."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = box
    room = ROOM / 2 * max(x1 - x0, y1 - y0)
    left, top = max(0, round(x0 - room)), max(0, round(y0 - room))
    right, bottom = min(width, round(x1 + room)), min(height, round(y1 + room))
    cropped = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
    factor = ZOOMED / max(cropped.shape[:2])
    interpolation = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(cropped, None, fx=factor, fy=factor, interpolation=interpolation), np.uint8)


def _differing(desk: Desk, picture: SessionPicture, view: View, name: str, found: list[Difference]) -> Shown:
    """A picture with what differs from another one marked."""
    findings = [
        Finding(
            rule=0,
            text="What differs?",
            kind=one.kind,
            status="undecided",
            reason=one.text,
            parts=one.place,
            score=0.5,
        )
        for one in found[:MOST_LISTED]
    ]
    caption = f"what differs on picture {picture.number} from {name}"
    return desk.drawn(picture, view, findings, caption)


def _reference(desk: Desk) -> tuple[str, Scene]:
    references = desk.workshop.references
    if not references:
        raise SessionError(f"{desk.product.name} has no reference picture; compare with a picture by number")
    return f"the reference {references[0].name}", references[0].scene


LOOKING: Final[tuple[Tool, ...]] = (  # type: ignore[type-arg]  # each has arguments of its own
    Tool(
        "inspect_picture",
        "Inspect a picture by all proven rules: the verdict with its reasons. Also explains why.",
        PictureArguments,
        inspect_picture,
    ),
    Tool("list_parts", "List the parts that are seen in a picture.", PictureArguments, list_parts),
    Tool(
        "count_parts",
        "Count the parts of one label in a picture, or in a region of it.",
        PartsArguments,
        count_parts,
    ),
    Tool(
        "locate_parts", "Say where the parts of one label are, and show them.", PartsArguments, locate_parts
    ),
    Tool(
        "measure_part",
        "Measure one part: length, width, color and so on, in pixels.",
        MeasureArguments,
        measure_part,
    ),
    Tool("zoom_in", "Show a part or a region of a picture larger.", ZoomArguments, zoom_in),
    Tool(
        "compare_pictures",
        "Compare the parts of a picture with an earlier one's, or a reference's, and show what differs.",
        CompareArguments,
        compare_pictures,
    ),
    Tool(
        "look_with_detector",
        "Look for defects with a pixel-level detector, which knows no rules, and show its heat map.",
        LookArguments,
        look_with_detector,
        seconds=300.0,
    ),
)
