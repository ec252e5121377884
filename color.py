"""Colours as a person names them, from CIE L*a*b* (D65 white, 2 degree observer)."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from .schema import SceneError

Lab = tuple[float, float, float]
"""L* 0 (black) to 100 (white); a* from green (-) to red (+); b* from blue (-) to yellow (+)."""

COLOR_LAB: dict[str, Lab] = {
    "black": (10.0, 0.0, 0.0),
    "white": (95.0, 0.0, 0.0),
    "grey": (55.0, 0.0, 0.0),
    "red": (48.0, 66.0, 44.0),
    "orange": (67.0, 40.0, 70.0),
    "yellow": (86.0, 3.0, 78.0),
    "green": (55.0, -50.0, 42.0),
    "blue": (40.0, 8.0, -52.0),
    "purple": (38.0, 46.0, -42.0),
    "pink": (70.0, 50.0, -3.0),
    "brown": (38.0, 18.0, 32.0),
}
"""A typical Lab of each of the eleven basic colour terms (Berlin and Kay, 1969)."""

COLORLESS = 16.0
"""Below this chroma a colour is black, grey or white. Warm light gives white things up to 11, steel 15."""

_CODES = np.arange(256) / 255
_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)


def mean_lab(pixels: NDArray[np.uint8]) -> Lab:
    """Typical L*a*b* of pixels, (N, 3) sRGB: the median of each channel, so that glare and dirt weigh little.

    Raises:
        SceneError: There is no pixel, or the array is not (N, 3) of 8 bits.

    Example:
        >>> [round(value) for value in mean_lab(np.array([[255, 0, 0]], dtype=np.uint8))]
        [53, 80, 67]
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != 3 or not len(pixels):
        raise SceneError(f"a colour needs (N, 3) RGB pixels of 8 bits, not {pixels.shape} of {pixels.dtype}")
    # OpenCV's own table of the sRGB curve is up to 0.4 off; from linear light it is exact to 0.04.
    lab = cv2.cvtColor(_LINEAR[pixels][np.newaxis], cv2.COLOR_LRGB2LAB)[0]
    lightness, a, b = np.median(lab, axis=0).tolist()
    return lightness, a, b


def color_name(lab: Lab) -> str:
    """The basic colour term for a Lab: one of the names in `COLOR_LAB`.

    By lightness, chroma and hue angle. The borders follow the XKCD colour survey (Munroe, 2010), moved where
    pictures of real products under warm light asked for it: brown is dark or dull orange, pink is light red.

    Example:
        >>> color_name((85.0, 4.0, 76.0))
        'yellow'
    """
    lightness, a, b = lab
    chroma, hue = math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360
    if chroma < COLORLESS:
        return "black" if lightness < 22 else "grey" if lightness < 82 else "white"
    if hue < 41.5 or hue >= 345:
        return _reddish(lightness, chroma, hue)
    if hue < 73.4:
        vivid = chroma >= 44 and chroma + lightness >= 95
        pale = lightness >= (68 if hue < 60 else 78)
        return "orange" if vivid or pale else "brown"
    if hue < 115:
        vivid = chroma >= (55 if hue < 85 else 35) and lightness >= 65
        if vivid or lightness >= 80:
            return "yellow"
        return "brown" if hue < 95 else "green"
    if hue < 190:
        return "green"
    if hue < 309:
        return "blue"
    return "pink" if hue >= 330 and lightness >= 55 else "purple"


def _reddish(lightness: float, chroma: float, hue: float) -> str:
    bluish = hue >= 345 or hue < 15
    if lightness >= (40 if bluish else 65):
        return "pink"
    if bluish:
        return "purple" if hue >= 345 else "red"
    return "brown" if chroma < 35 else "red"
