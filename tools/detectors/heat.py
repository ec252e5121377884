"""Anomaly maps in colour, alone and over their picture."""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..samples import Pixels
from .calibration import Calibration
from .detector import Scores

PERCENTILES: Final = (50.0, 99.8)
"""Of a map: what is cold, and without calibration what is hot. A few pixels must not set the scale."""
OPACITY: Final = 0.65
"""Of the hottest colour over a picture; cold ones let the picture through."""


class Scale(NamedTuple):
    """The scores that are shown as cold and as hot."""

    low: float
    high: float


def scale_of(scores: Scores, calibration: Calibration | None = None) -> Scale:
    """The scale to show a map with.

    Half of the picture is cold. With a calibration, what lies clearly beyond the threshold is hot, so that
    two pictures can be compared by eye; without one, what is highest on this picture.
    """
    low, high = (float(value) for value in np.percentile(scores, PERCENTILES))
    if calibration:
        high = calibration.pixel.threshold + calibration.pixel.unit
    return Scale(low, high if high > low else float(scores.max()))


def heat(scores: Scores, scale: Scale) -> Pixels:
    """A map in colour, (height, width, 3) RGB: blue is cold, red is hot. A flat map is cold."""
    return np.asarray(
        cv2.cvtColor(cv2.applyColorMap(_bytes(scores, scale), cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB),
        np.uint8,
    )


def overlay_heat(pixels: Pixels, scores: Scores, scale: Scale) -> Pixels:
    """A map over its picture, (height, width, 3) RGB: the hotter, the less of the picture shows through."""
    share = _bytes(scores, scale).astype(np.float32) * (OPACITY / 255)
    return np.asarray(cv2.blendLinear(heat(scores, scale), pixels, share, 1 - share), np.uint8)


def _bytes(scores: Scores, scale: Scale) -> NDArray[np.uint8]:
    width = scale.high - scale.low
    if width <= 0:
        return np.zeros(scores.shape, np.uint8)
    return np.asarray(np.clip((scores - scale.low) * (255 / width), 0, 255), np.uint8)
