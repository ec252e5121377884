"""Small scenes in one line, for every test."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from logisight.scene import Part, Scene

GREY = (55.0, 0.0, 0.0)


def square(x, y, w, h, label="part", lab=GREY, confidence=1.0) -> Part:
    """A filled w x h rectangle whose top left pixel is (x, y)."""
    return Part(label, np.ones((h, w), dtype=bool), (x, y), lab=lab, confidence=confidence)


def disc(x, y, diameter, label="part", lab=GREY, confidence=1.0) -> Part:
    """A filled disc in the box whose top left pixel is (x, y)."""
    offsets = np.arange(diameter) + 0.5 - diameter / 2
    mask = np.hypot(*np.meshgrid(offsets, offsets)) <= diameter / 2
    return Part(label, mask, (x, y), lab=lab, confidence=confidence)


def tilted(
    width, height, angle, label="part", lab=GREY, confidence=1.0, center=(200.0, 200.0), hole=0.0
) -> Part:
    """A width x height rectangle about `center`, turned by `angle` degrees counter-clockwise as seen.

    It holds the pixels whose centers lie in it; `hole` is the share of its sides cut out of its middle.
    """
    reach = int(np.hypot(width, height) / 2) + 2
    left, top = int(center[0]) - reach, int(center[1]) - reach
    x, y = np.meshgrid(
        *(np.arange(2 * reach) + 0.5 + start - c for start, c in ((left, center[0]), (top, center[1])))
    )
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    across, down = x * cos - y * sin, x * sin + y * cos
    mask = (abs(across) < width / 2) & (abs(down) < height / 2)
    mask &= (abs(across) >= hole * width / 2) | (abs(down) >= hole * height / 2)
    return Part(label, mask, (left, top), lab=lab, confidence=confidence)


def drawn(picture, x=0, y=0, label="part", lab=GREY, confidence=1.0) -> Part:
    """A part drawn as text, one line a row; everything but '.' and ' ' is a pixel."""
    rows = [line.strip() for line in picture.strip().splitlines()]
    mask = np.array([[mark != "." for mark in row] for row in rows], dtype=bool)
    return Part(label, mask, (x, y), lab=lab, confidence=confidence)


def scene(*parts, size=(100, 80), labels=None) -> Scene:
    """A Scene of these parts; the product knows their labels unless others are given."""
    known = labels if labels is not None else dict.fromkeys(part.label for part in parts)
    return Scene(size, tuple(known), parts)


@st.composite
def parts(draw, largest=10, within=30):
    """A hypothesis strategy: a part of any shape, somewhere in a picture of 40 x 40."""
    sides = st.integers(1, largest)
    mask = draw(arrays(np.bool_, (draw(sides), draw(sides))).filter(lambda mask: mask.any()))
    return Part("part", mask, (draw(st.integers(0, within)), draw(st.integers(0, within))), lab=(50, 0, 0))
