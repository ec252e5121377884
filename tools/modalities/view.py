"""What a sample looks like: views, and how they are asked for."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...schema import PictureError
from ..lettering import draw_text, plain, text_width
from ..palette import INK, PAPER

Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB."""

Angles = tuple[float, float, float]
"""Degrees about x (to the right), y (up) and z (towards the viewer), turned in that order."""

FEW_ANGLES: Final[tuple[Angles, ...]] = ((0, 0, 0), (0, -30, 0), (0, 30, 0), (-30, 0, 0), (30, 0, 0))
"""The front, and a look from each side."""

_SMALL: Final = (0.0, -15.0, 15.0)
ALL_ANGLES: Final[tuple[Angles, ...]] = tuple(itertools.product(_SMALL, _SMALL, _SMALL))
"""27 turns, x outermost, the front first: the views of CPMF (Cao et al., arXiv 2303.13194)."""

LEAST_SIZE, MOST_SIZE = 128, 4096
MOST_ANGLES = 100
MOST_FRAMES = 64
CAPTION_SIZE = 15
"""Pixels of a capital letter and what hangs below it; readable at any size of view."""


class Kind(StrEnum):
    """What kind of sample a file or folder is."""

    cloud = "cloud"
    series = "series"
    video = "video"
    pictures = "pictures"


class Axes(StrEnum):
    """How the axes of a point cloud lie."""

    auto = "auto"
    """`camera` for organised TIFF files, `viewer` for all others."""
    viewer = "viewer"
    """x to the right, y up, z towards the viewer."""
    camera = "camera"
    """x to the right, y down, z away from the viewer, as depth cameras write."""


@dataclass(frozen=True, eq=False)
class View:
    """One picture of a sample."""

    name: str
    """Fit for a file name, and unlike the names of the other views of its sample."""
    pixels: Pixels = field(repr=False)
    caption: str = ""
    """What the view shows, in words; written below it, or below each of its tiles."""


@dataclass(frozen=True)
class ViewSettings:
    """How samples are drawn.

    Raises:
        PictureError: A value is out of its range.
    """

    size: int = 512
    """Width of a view in pixels, 128 to 4096."""
    angles: tuple[Angles, ...] = FEW_ANGLES
    """Point clouds: one shaded view each."""
    depth: bool = True
    """Point clouds: also the distance from the viewer in colours, at the first of the angles."""
    clean: bool = False
    """Point clouds: leave out the plane at the border, and all but the largest piece."""
    axes: Axes = Axes.auto
    frames: int = 9
    """Videos: how many key frames, 1 to 64."""
    tiles: int = 9
    """Sets of pictures: how many on one sheet, 1 to 64."""
    references: tuple[Path, ...] = ()
    """Time series: good ones, whose range is drawn as a band."""

    def __post_init__(self) -> None:
        _in_range("size", self.size, LEAST_SIZE, MOST_SIZE)
        _in_range("frames", self.frames, 1, MOST_FRAMES)
        _in_range("tiles", self.tiles, 1, MOST_FRAMES)
        _in_range("number of angles", len(self.angles), 1, MOST_ANGLES)
        if not np.isfinite(self.angles).all():
            raise PictureError("angles must be numbers of degrees; give for example 0,30,0")


def captioned(pixels: Pixels, caption: str) -> Pixels:
    """The pixels with their caption on a strip below, cut where it is too long."""
    strip = np.full((CAPTION_SIZE + 11, pixels.shape[1], 3), PAPER, np.uint8)
    text = shortened(plain(caption), pixels.shape[1] - 12, CAPTION_SIZE)
    draw_text(strip, text, (6, CAPTION_SIZE + 3), CAPTION_SIZE, INK)
    return np.concatenate([pixels, strip])


def shortened(text: str, width: int, size: int) -> str:
    """The text, or as much of its start and end as fits into `width` pixels."""
    if text_width(text, size) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        head = kept // 2
        short = f"{text[:head]}…{text[head - kept :]}"
        if text_width(short, size) <= width:
            return short
    return ""


def _in_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise PictureError(f"the {name} of views is {value}; give {least} to {most}")
