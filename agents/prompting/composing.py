"""The question about one picture of a product, put together from what LogiSight knows of both."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

import cv2
import numpy as np

from ...prompts import (
    PRESETS,
    Crop,
    InspectionPrompt,
    Mark,
    MarkedPicture,
    Piece,
    ProductWords,
    PromptError,
    SentPicture,
)
from ...scene import Scene
from ...schema import Box, Evidence, Finding, Rule
from ...tools.numbering import draw_numbers
from ...tools.parts import Pixels
from ...tools.pictures import Picture
from ..judge import evidence_of
from ..product import Product, Reference
from .pictures import encoded, fitted, fitted_size, sent_once, sent_picture, sent_pixels

MOST_MARKS: Final = 60
"""Numbers on a picture; with more nobody sees the product."""
MOST_REFERENCES: Final = 16
SIDES: Final = (64, 8192)
"""Pixels that the longest side may be asked to have."""

_CLOSE: Final = 336
"""Pixels; a closer look whose longer side has fewer is enlarged, up to `_MOST_ENLARGED` times."""
_MOST_ENLARGED: Final = 4
_ROOM: Final = 0.3
"""Of a box's longer side: what a closer look shows round it."""
_LARGEST_CROP: Final = 0.5
"""Share of the picture; a place that fills more is seen well enough without."""
_SAME_PLACE: Final = 0.5
"""Share of overlap, over the union, from which two places are one."""


@dataclass(frozen=True)
class PromptSettings:
    """What goes into a question.

    Raises:
        PromptError: A number is out of its range.
    """

    pieces: frozenset[Piece] = PRESETS["full"]
    references: int = 1
    """Reference pictures that are shown, where `pieces` has them; fewer where the product has fewer."""
    longest_side: int = 1024
    """Pixels of the longer side of every picture; larger ones are made smaller."""
    most_crops: int = 4
    hints: tuple[str, ...] = ()
    """What may go wrong, in words."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("references", 0, MOST_REFERENCES),
            ("longest_side", *SIDES),
            ("most_crops", 0, MOST_REFERENCES),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise PromptError(f"{name} of a prompt must be from {low} to {high}, not {value}")

    @classmethod
    def preset(cls, name: str, **changes: Any) -> PromptSettings:
        """The settings of a preset by its name in `PRESETS`, with changes.

        Raises:
            PromptError: There is no such preset, or a change is out of its range.
        """
        if name not in PRESETS:
            raise PromptError(f"there is no preset {name!r} of prompts; there are: {', '.join(PRESETS)}")
        return cls(pieces=PRESETS[name], **changes)

    def without(self, *pieces: Piece) -> PromptSettings:
        """The same settings with some pieces left out."""
        return replace(self, pieces=self.pieces - set(pieces))


def compose(
    product: Product,
    picture: Picture | Pixels,
    scene: Scene | None = None,
    *,
    rules: Sequence[Rule] = (),
    findings: Sequence[Finding] = (),
    marks: Sequence[Evidence] | None = None,
    pointed: Sequence[Evidence] = (),
    views: Sequence[Pixels] = (),
    leave_out: str = "",
    settings: PromptSettings | None = None,
) -> InspectionPrompt:
    """The question whether `picture` shows a normal product.

    `scene`, and with it `findings`, `marks` and `pointed`, may have another size than the picture, as at the
    size that was taught; without a scene they have the picture's. Failed and undecided findings are told.
    `marks` is what gets numbers: the parts of the scene when it is left out. `pointed` is where detectors
    point; closer looks are taken there, then where findings point. `views` are more RGB pictures (H, W, 3) of
    the same thing. No reference picture is the picture itself, nor the one whose file has the SHA-256
    `leave_out`, such as the original of an edited copy.

    Raises:
        ProductError: A reference picture is missing or was changed.
    """
    settings = settings or PromptSettings()
    pieces, longest = settings.pieces, settings.longest_side
    pixels = picture.pixels if isinstance(picture, Picture) else picture
    canvas = _Canvas(pixels, scene.size if scene else (pixels.shape[1], pixels.shape[0]), settings)
    open_ones = tuple(finding for finding in findings if not finding.passed)
    if marks is None:
        marks = _marks_of(scene) if scene else []
    not_shown = {leave_out, picture.sha256 if isinstance(picture, Picture) else ""}
    places = [*pointed, *(evidence for finding in open_ones for evidence in finding.parts)]
    counts = {label: len(scene.parts(label)) for label in scene.labels} if scene else {}
    return InspectionPrompt(
        picture=_sent(picture, longest),
        full_size=canvas.full_size,
        product=ProductWords(product.in_words, product.model.labels) if Piece.product in pieces else None,
        rules={rule.number: rule.text for rule in rules} if Piece.rules in pieces else {},
        hints=settings.hints if Piece.hints in pieces else (),
        references=_references(product, not_shown, settings) if Piece.references in pieces else (),
        views=tuple(sent_pixels(view, f"view-{n}", longest) for n, view in enumerate(views, start=2)),
        counts=counts if Piece.counts in pieces else {},
        marked=canvas.marked(marks) if marks and Piece.marks in pieces else None,
        crops=tuple(canvas.crops(places)) if Piece.crops in pieces else (),
        findings=open_ones if Piece.findings in pieces else (),
    )


def _marks_of(scene: Scene) -> list[Evidence]:
    return [evidence_of(part) for label in scene.labels for part in scene.parts(label)]


def _sent(picture: Picture | Pixels, longest: int) -> SentPicture:
    if isinstance(picture, Picture):
        return sent_picture(picture, picture.path.name, longest)
    return sent_pixels(picture, "picture", longest)


def _references(
    product: Product, not_shown: Collection[str], settings: PromptSettings
) -> tuple[SentPicture, ...]:
    """Some reference pictures, evenly over all of them; the same ones for every picture that is none."""
    others = [reference for reference in product.file.references if reference.sha256 not in not_shown]
    count = min(settings.references, len(others))
    places = np.linspace(0, len(others) - 1, count).round().astype(int).tolist()
    return tuple(_good(product, others[place], settings.longest_side) for place in places)


def _good(product: Product, reference: Reference, longest: int) -> SentPicture:
    """A reference picture, which is read only where it is not kept."""

    def read() -> SentPicture:
        return sent_picture(product.reference_picture(reference), reference.name, longest)

    return sent_once(reference.sha256, reference.name, longest, read)


@dataclass(frozen=True)
class _Canvas:
    """The pixels of the picture to judge, and the size in which places in it are given."""

    pixels: Pixels
    full_size: tuple[int, int]
    settings: PromptSettings

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def sent_size(self) -> tuple[int, int]:
        """(width, height) of the picture as it is sent."""
        return fitted_size(self.size, self.settings.longest_side)

    def _scale_to(self, size: tuple[int, int]) -> tuple[float, float]:
        return size[0] / self.full_size[0], size[1] / self.full_size[1]

    def _box_on(self, size: tuple[int, int], box: Box) -> tuple[int, int, int, int]:
        """The whole pixels that a box touches, which may be none; x1 and y1 are never below x0 and y0."""
        (width, height), (across, down) = size, self._scale_to(size)
        x0, y0, x1, y1 = np.nan_to_num(np.array(box, np.float64) * (across, down, across, down)).tolist()
        left, top = (int(np.clip(np.floor(value), 0, most)) for value, most in ((x0, width), (y0, height)))
        right, bottom = (int(np.clip(np.ceil(value), 0, most)) for value, most in ((x1, width), (y1, height)))
        return left, top, max(left, right), max(top, bottom)

    def marked(self, marks: Sequence[Evidence]) -> MarkedPicture:
        """The picture with numbers on it, as large as it is sent."""
        small, shown = fitted(self.pixels, self.settings.longest_side), marks[:MOST_MARKS]
        drawn = encoded(draw_numbers(small, shown, self._scale_to(self.sent_size)), "marked")
        told = [
            Mark(number, mark.label, self._box_on(self.sent_size, mark.box))
            for number, mark in enumerate(shown, start=1)
        ]
        return MarkedPicture(drawn, tuple(told), len(marks) - len(shown))

    def crops(self, places: Sequence[Evidence]) -> Iterator[Crop]:
        """Closer looks at the first places, each once."""
        return islice(self._all_crops(places), self.settings.most_crops)

    def _all_crops(self, places: Sequence[Evidence]) -> Iterator[Crop]:
        across, down = self._scale_to(self.size)
        taken: list[tuple[int, int, int, int]] = []
        for place in places:
            box = self._box_on(self.size, _with_room(place.box))
            size = (box[2] - box[0]) * (box[3] - box[1])
            if not 0 < size <= _LARGEST_CROP * self.size[0] * self.size[1]:
                continue
            if any(_overlap(box, other) >= _SAME_PLACE for other in taken):
                continue
            taken.append(box)
            full = (box[0] / across, box[1] / down, box[2] / across, box[3] / down)
            picture = encoded(self._closer(box), f"crop-{len(taken)}")
            yield Crop(picture, place.label, self._box_on(self.sent_size, full))

    def _closer(self, box: tuple[int, int, int, int]) -> Pixels:
        x0, y0, x1, y1 = box
        cut = np.ascontiguousarray(self.pixels[y0:y1, x0:x1])
        factor = min(_CLOSE / max(cut.shape[:2]), _MOST_ENLARGED)
        if factor > 1:
            cut = cv2.resize(cut, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
        return fitted(cut, self.settings.longest_side)


def _with_room(box: Box) -> Box:
    x0, y0, x1, y1 = box
    room = _ROOM * max(x1 - x0, y1 - y0)
    return x0 - room, y0 - room, x1 + room, y1 + room


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    """Share of the union of two boxes that both cover, 0 to 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(width, 0) * max(height, 0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return common / (areas - common)
