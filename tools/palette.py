"""Colours of pictures for people, RGB, told apart with every common kind of colour blindness."""

from __future__ import annotations

from collections.abc import Sequence

from .lettering import Colour

PAPER: Colour = (249, 249, 247)
INK: Colour = (28, 30, 34)
FAINT: Colour = (98, 102, 110)
RULE: Colour = (222, 222, 218)
HALO: Colour = (14, 14, 16)
WHITE: Colour = (255, 255, 255)

FAILED: Colour = (220, 44, 20)
UNDECIDED: Colour = (247, 170, 10)
NORMAL: Colour = (0, 122, 82)
OF_STATUS: dict[str, Colour] = {
    "normal": NORMAL,
    "anomalous": FAILED,
    "undecided": UNDECIDED,
    "failed": FAILED,
}
ON_STATUS: dict[str, Colour] = {"normal": WHITE, "anomalous": WHITE, "undecided": INK, "failed": WHITE}
"""Colour of text on the colour of a status."""

_LABELS: tuple[Colour, ...] = (
    (86, 180, 233),
    (0, 205, 155),
    (225, 130, 190),
    (240, 228, 66),
    (50, 130, 235),
    (215, 215, 215),
    (160, 125, 255),
    (165, 235, 105),
)
"""After Okabe and Ito (https://jfly.uni-koeln.de/color/), lightened for dark pictures, without vermilion and
orange, which are kept for findings."""


def label_colour(labels: Sequence[str], label: str) -> Colour:
    """The colour of a label by its place among the labels of the product; the colours repeat after eight."""
    return _LABELS[labels.index(label) % len(_LABELS)]
