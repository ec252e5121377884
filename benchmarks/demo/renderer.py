"""Draws a demo box with its content as a camera above it would see it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...color import mean_lab
from ...scene import Part, Shape
from ..synthetic.camera import place_camera
from ..synthetic.hardware import draw_nut
from ..synthetic.levels import Conditions
from ..synthetic.pin_box import BOX_DOWN, FRAME, draw_box
from ..synthetic.stage import Stage
from .layout import PICTURE, Defect, lay_out

_CONDITIONS = Conditions(
    shift=0.004, turn=2.0, zoom=0.02, tilt=0.0, gradient=0.1, shade=0.0, glare=0.0, tint=0.0,
    noise=1.0, blur=0.6, clutter=28, crowding=0.0,
)  # fmt: skip
_NUT_RADIUS = 11.0
LABELS = ("box", "pushpin")
"""Labels of the parts that the truth knows."""


@dataclass(frozen=True, eq=False)
class Rendered:
    """A demo picture and the truth about it."""

    pixels: NDArray[np.uint8]
    """RGB, (H, W, 3)."""
    parts: tuple[Part, ...]
    """The box as a whole, with all that lies in it, then every pushpin, body and needle."""
    reason: str
    """What is wrong, as "Quantity: ..."; empty for a normal picture."""


def render(seed: int, defect: Defect | None = None, size: tuple[int, int] = PICTURE) -> Rendered:
    """Draw one demo picture of `size` (width, height). The same arguments give the same bytes.

    With a defect, the picture differs from the normal one of the same seed in that defect alone.

    Raises:
        ValueError: `size` is too small for pins to be seen.
    """
    if min(size) < 64:
        raise ValueError(f"a demo picture is at least 64 pixels wide and high, not {size[0]}x{size[1]}")
    layout = lay_out(seed, defect)
    view, look, sensor = (np.random.default_rng([seed, purpose]) for purpose in (3, 4, 6))
    stage = Stage(place_camera(view, FRAME, size, _CONDITIONS, BOX_DOWN), _CONDITIONS, look)
    sprites = draw_box(stage, layout.pins)
    if layout.nut:
        stage.paste(draw_nut(stage.camera, (layout.nut.x, layout.nut.y), _NUT_RADIUS, layout.nut.angle))
    for sprite in sprites:
        stage.paste(sprite, "pushpin")
    pixels = stage.expose(sensor)
    parts = [_part(shape, pixels) for shape in stage.parts() if shape.label in LABELS]
    return Rendered(pixels, tuple(parts), layout.reason)


def _part(shape: Shape, pixels: NDArray[np.uint8]) -> Part:
    """The part that is seen of a shape, with its colour in the picture.

    Where a needle is thinner than a pixel its tip can come apart; the largest piece counts.
    """
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(shape.mask.view(np.uint8))
    number = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    left, top, width, height = (int(value) for value in stats[number, :4])
    mask = np.ascontiguousarray(pieces[top : top + height, left : left + width] == number)
    x, y = shape.origin[0] + left, shape.origin[1] + top
    return Part(shape.label, mask, (x, y), mean_lab(pixels[y : y + height, x : x + width][mask]))
