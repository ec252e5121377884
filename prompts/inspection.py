"""The question to a vision-language model whether a product in a picture is normal (after arXiv 2403.11083).

It is put together of pieces, each of which can be left out. They come in one order: first what is the same
for every picture of a product, so that a server keeps it between pictures, then what is of this picture.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, Literal

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from ..schema import Box, Finding
from .quoting import PromptError
from .templates import templates

MediaType = Literal["image/png", "image/jpeg"]

_STARTS: Final[Mapping[MediaType, bytes]] = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}


class Piece(StrEnum):
    """What a question may hold besides the task, the picture and the form of the answer."""

    product = "product"
    """What the product and its parts are called."""
    rules = "rules"
    """What is true of a good one, in sentences."""
    hints = "hints"
    """What may go wrong."""
    references = "references"
    """Pictures of good ones."""
    counts = "counts"
    """How many parts of each label were seen."""
    marks = "marks"
    """The picture again, with numbers at what was seen."""
    crops = "crops"
    """Closer looks at where rules or detectors point."""
    findings = "findings"
    """What rules say that did not pass."""


_EXPERTISE: Final = frozenset({Piece.product, Piece.rules, Piece.hints})

PRESETS: Final[Mapping[str, frozenset[Piece]]] = {
    "naive": frozenset(),
    "class": frozenset({Piece.product}),
    "rules": _EXPERTISE,
    "references": _EXPERTISE | {Piece.references},
    "full": frozenset(Piece),
}
"""Names for choices of pieces: a ladder, each step of which holds the one before."""


@dataclass(frozen=True)
class SentPicture:
    """A picture as a model gets it.

    Raises:
        PromptError: Its bytes are not of its media type, or it has no pixels.
    """

    name: str
    """For people and for files; the model never reads it, since file names tell what is wrong."""
    data: bytes = field(repr=False)
    media_type: MediaType
    width: int
    height: int

    def __post_init__(self) -> None:
        start = _STARTS.get(self.media_type)
        if start is None or not self.data.startswith(start) or min(self.width, self.height) < 1:
            raise PromptError(f"the picture {self.name!r} is no PNG or JPEG, which is what models are sent")

    @cached_property
    def data_uri(self) -> str:
        """The picture in the URL of a message."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode()}"


@dataclass(frozen=True)
class ProductWords:
    """What a product and its parts are called."""

    name: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mark:
    """What stands at one number of a marked picture."""

    number: int
    """From 1."""
    label: str
    box: tuple[int, int, int, int]
    """x0, y0, x1, y1 in pixels of the picture to judge."""


@dataclass(frozen=True)
class MarkedPicture:
    """The picture to judge with numbers on it."""

    picture: SentPicture
    marks: tuple[Mark, ...]
    unmarked: int = 0
    """How many more were seen than have a number."""


@dataclass(frozen=True)
class Crop:
    """A closer look at one place of the picture to judge."""

    picture: SentPicture
    label: str
    """What is there."""
    box: tuple[int, int, int, int]
    """What it shows: x0, y0, x1, y1 in pixels of the picture to judge."""


@dataclass(frozen=True)
class InspectionPrompt:
    """One question: the picture to judge, and the pieces that go with it; an empty piece is left out."""

    picture: SentPicture
    full_size: tuple[int, int]
    """(width, height) of the picture before it was made smaller to be sent: that of findings and Scenes."""
    product: ProductWords | None = None
    rules: Mapping[int, str] = field(default_factory=dict)
    """Number of the rule -> its sentence."""
    hints: tuple[str, ...] = ()
    references: tuple[SentPicture, ...] = ()
    views: tuple[SentPicture, ...] = ()
    """More pictures of the very thing to judge, such as from other sides."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Label -> how many such parts were seen, 0 too."""
    marked: MarkedPicture | None = None
    crops: tuple[Crop, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def pictures(self) -> list[SentPicture]:
        """All pictures in the order in which the model sees them: image 1, image 2, ..."""
        marked = [self.marked.picture] if self.marked else []
        return [*self.references, self.picture, *self.views, *marked, *(crop.picture for crop in self.crops)]

    def to_full_size(self, box: Box) -> Box:
        """A box in pixels of the picture as it was sent, in pixels of its full size."""
        across, down = self.full_size[0] / self.picture.width, self.full_size[1] / self.picture.height
        return box[0] * across, box[1] * down, box[2] * across, box[3] * down


def inspection_messages(prompt: InspectionPrompt) -> list[BaseMessage]:
    """What a model is sent: one system message, and one of a person with texts and pictures in turn.

    Raises:
        PromptError: A template or the data cannot be used.
    """
    system = templates().get_template("inspection_system.j2").render()
    return [SystemMessage(system), HumanMessage(list(_content(prompt)))]


def _content(prompt: InspectionPrompt) -> Iterator[str | dict[str, Any]]:
    """The texts and pictures of the question; texts that follow each other are one."""
    said: list[str] = []
    for piece in _pieces(prompt):
        if isinstance(piece, SentPicture):
            if said:
                yield {"type": "text", "text": "\n\n".join(said)}
            said = []
            yield {"type": "image_url", "image_url": {"url": piece.data_uri}}
        elif piece.strip():
            said.append(piece.strip("\n"))
    if said:
        yield {"type": "text", "text": "\n\n".join(said)}


def _pieces(prompt: InspectionPrompt) -> Iterator[str | SentPicture]:
    """Every text and every picture in the one order that there is."""
    references = len(prompt.references)
    judged = references + 1
    yield _text("task", references=references, picture=judged)
    if prompt.product:
        yield _text("product", product={"name": prompt.product.name, "labels": prompt.product.labels})
    if prompt.rules:
        yield _text("rules", rules=prompt.rules)
    if prompt.hints:
        yield _text("hints", hints=prompt.hints)
    for number, reference in enumerate(prompt.references, start=1):
        yield _text("reference", number=number)
        yield reference
    yield _text("picture", number=judged, width=prompt.picture.width, height=prompt.picture.height)
    yield prompt.picture
    yield from _of_this_picture(prompt, judged)
    yield _text("question", picture=judged)


def _of_this_picture(prompt: InspectionPrompt, judged: int) -> Iterator[str | SentPicture]:
    """What was found in the picture to judge, which is image number `judged`."""
    number = judged
    for view in prompt.views:
        number += 1
        yield _text("view", number=number, picture=judged)
        yield view
    if prompt.counts:
        yield _text("counts", picture=judged, counts=prompt.counts)
    if prompt.marked:
        number += 1
        marks = {mark.number: {"label": mark.label, "box": mark.box} for mark in prompt.marked.marks}
        yield _text("marks", number=number, picture=judged, marks=marks, unmarked=prompt.marked.unmarked)
        yield prompt.marked.picture
    for crop in prompt.crops:
        number += 1
        yield _text("crop", number=number, picture=judged, crop={"box": crop.box, "label": crop.label})
        yield crop.picture
    if prompt.findings:
        width, height = prompt.full_size
        findings = [{"rule": f.rule, "status": f.status, "reason": f.reason} for f in prompt.findings]
        yield _text("findings", picture=judged, findings=findings, width=width, height=height)


def _text(piece: str, **told: Any) -> str:
    return templates().get_template(f"inspection_{piece}.j2").render(told)
