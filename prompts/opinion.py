"""What a vision-language model is to answer about a picture, and what it points at."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ..schema import Box, Evidence, Record
from .inspection import InspectionPrompt

LONGEST_REASON: Final = 600
"""Characters of a reason that are kept."""
MOST_REGIONS: Final = 20
_LARGEST: Final = 100_000

OPINION_LABEL: Final = "seen by the model"
"""Of what a model points at that is no mark."""


def _whole(value: Any) -> Any:
    """Models answer with fractions of pixels, and a little beyond the edge."""
    return max(0, round(value)) if isinstance(value, float | int) and abs(value) <= _LARGEST else value


Pixel = Annotated[int, Field(ge=0, le=_LARGEST), BeforeValidator(_whole)]
Corners = Annotated[list[Pixel], Field(min_length=4, max_length=4)]


class Opinion(Record):
    """What a model says of one picture.

    The verdict comes first, so that the odds of its first token are the odds of the verdict.
    """

    verdict: Literal["normal", "anomalous", "unsure"]
    reason: Annotated[str, AfterValidator(lambda text: text[:LONGEST_REASON])]
    kind: Literal["quantity", "size", "position", "matching", "structural", "none"]
    boxes: list[Corners] = Field(max_length=MOST_REGIONS)
    """x0, y0, x1, y1 in pixels of the picture as it was sent."""
    marks: list[int] = Field(max_length=MOST_REGIONS)
    """Numbers of marks."""
    confidence: float = Field(ge=0, le=1)


def pointed_at(opinion: Opinion, prompt: InspectionPrompt) -> list[Evidence]:
    """Where a model sees what is wrong, in pixels of the picture at its full size.

    Numbers of marks that there are not, and boxes that hold no pixel of the picture, are left out.
    """
    sent = prompt.picture
    known = {mark.number: mark for mark in prompt.marked.marks} if prompt.marked else {}
    chosen = [known[number] for number in dict.fromkeys(opinion.marks) if number in known]
    found: list[tuple[str, Box]] = [(mark.label, mark.box) for mark in chosen]
    for x0, y0, x1, y1 in opinion.boxes:
        x1, y1 = min(x1, sent.width), min(y1, sent.height)
        if x0 < x1 and y0 < y1:
            found.append((OPINION_LABEL, (x0, y0, x1, y1)))
    return [
        Evidence(label=label, box=prompt.to_full_size(box), confidence=opinion.confidence)
        for label, box in found
    ]
