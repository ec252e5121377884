"""Amounts of light, and their colours. 255 is as bright as the sensor can see."""

from __future__ import annotations

import cv2
import numpy as np

from .camera import Floats


def rgb(red: float, green: float, blue: float) -> Floats:
    """A colour, (3,), to compute with."""
    return np.array((red, green, blue), np.float32)


def clamped(values: Floats) -> Floats:
    """The values, cut to 0..1."""
    return np.asarray(np.clip(values, 0, 1))


def tinted(values: Floats, colour: Floats) -> Floats:
    """(h, w) amounts of a light as (h, w, 3) of its colour.

    Numpy needs ten times as long for `values[..., None] * colour`: its inner loop is only three long.
    """
    return channels(*(values * channel for channel in colour))


def shaded(colour: Floats, values: Floats) -> Floats:
    """A colour, made lighter by (h, w) amounts in each channel: (h, w, 3)."""
    return channels(*(channel + values for channel in colour))


def grey(values: Floats) -> Floats:
    """(h, w) as (h, w, 3), the same in each channel."""
    return channels(values, values, values)


def channels(red: Floats, green: Floats, blue: Floats) -> Floats:
    """Three (h, w) as one (h, w, 3)."""
    if not red.size:
        return np.zeros((*red.shape, 3), np.float32)
    return np.asarray(cv2.merge([np.asarray(one, np.float32) for one in (red, green, blue)]))


def power(values: Floats, exponent: float) -> Floats:
    """The values to some power, those below 0 as 0."""
    base = np.maximum(values, 0)
    return np.asarray(cv2.pow(base, exponent)) if base.size else base
