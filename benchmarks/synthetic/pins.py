"""Pushpins, drawn as solids of revolution that lie on their side."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .camera import Camera, Floats
from .light import channels, clamped, grey, power, rgb, tinted
from .sprites import LAMP, Samples, Sprite, sample, shrink

BODY_LENGTH, NEEDLE_LENGTH, FLANGE_RADIUS = 39.0, 31.0, 12.5
"""Of a pin of scale 1, in units."""

STEEL = rgb(176, 164, 154)
COLORS = {
    "yellow": rgb(292, 236, 62),
    "red": rgb(214, 42, 38),
    "green": rgb(58, 160, 74),
    "blue": rgb(44, 92, 190),
    "white": rgb(236, 236, 232),
}
"""Of the plastic, by the names a person gives them."""


@dataclass(frozen=True)
class Pin:
    """One pushpin on its side; `angle` turns the needle from +x towards +y, in degrees."""

    cell: tuple[int, int]
    """Row and column of its compartment, from 1."""
    x: float
    y: float
    angle: float
    scale: float = 1.0
    color: str = "yellow"
    bend: float = 0.0
    """How far the tip of the needle is bent aside, units."""
    chopped: float = 0.0
    """How much of the pin has broken off, units from the end of the needle."""


def half_extent(angle: float, scale: float) -> tuple[float, float]:
    """Half width and half height of the space that a turned pin takes, in units."""
    along = scale * (BODY_LENGTH + NEEDLE_LENGTH) / 2
    across = scale * FLANGE_RADIUS
    cos, sin = abs(math.cos(math.radians(angle))), abs(math.sin(math.radians(angle)))
    return along * cos + across * sin, along * sin + across * cos


def draw_pin(pin: Pin, camera: Camera) -> Sprite:
    """A pin with its needle, tapered to a tip."""
    length = BODY_LENGTH + NEEDLE_LENGTH
    half = (pin.scale * length / 2, pin.scale * FLANGE_RADIUS + abs(pin.bend))
    samples = sample(camera, (pin.x, pin.y), half, pin.angle)
    along, across = samples.along / pin.scale + length / 2, samples.across / pin.scale
    sharpness = pin.scale / samples.step
    body, body_colour = _body(along, across, sharpness, pin, samples)
    needle, needle_colour = _needle(along, across - _aside(along, pin), sharpness)
    colour = needle_colour + (body_colour - needle_colour) * grey(body)
    cover = np.maximum(body, needle)
    if pin.chopped:
        ragged = 1.6 * np.sin(across * 1.3) + 0.9 * np.sin(across * 3.1 + 1)
        cover *= clamped((length - pin.chopped - along + ragged) * sharpness + 0.5)
    return shrink(samples, colour, cover)


def _aside(along: Floats, pin: Pin) -> Floats:
    """How far the middle of a bent needle lies off the axis."""
    share = clamped((along - BODY_LENGTH) / NEEDLE_LENGTH)
    return np.asarray(pin.bend * share * share)


def _radius(along: Floats) -> Floats:
    """Radius of the pin's body at a distance from its tail: two domed flanges and a waist."""

    def flange(middle: float, half: float, radius: float) -> Floats:
        inside = np.maximum(1 - np.square((along - middle) / half), 0)
        return np.asarray(radius * np.sqrt(inside))

    waist = 4.7 + 1.1 * np.square((along - 19) / 15)
    waist *= (along > 3) & (along < 36)
    tail = flange(3.4, 3.4, FLANGE_RADIUS * 0.9)
    head = flange(BODY_LENGTH - 3.8, 3.8, FLANGE_RADIUS)
    return np.maximum(waist, np.maximum(tail, head))


def _body(
    along: Floats, across: Floats, sharpness: float, pin: Pin, samples: Samples
) -> tuple[Floats, Floats]:
    """Coverage and colour of the plastic body."""
    profile = np.arange(-4, BODY_LENGTH + 4, 0.2, dtype=np.float32)
    radii = _radius(profile)
    slopes = np.clip(np.gradient(radii, 0.2), -4, 4)
    place = np.clip((along + 4) * 5, 0, len(profile) - 1).astype(np.int32)
    radius, slope = radii[place], slopes[place]
    steep = np.sqrt(1 + slope * slope)
    cover = clamped((radius - np.abs(across)) / steep * sharpness + 0.5) * (radius > 0)
    side = np.clip(across / np.maximum(radius, 1), -1, 1)
    up = np.sqrt(1 - side * side) / steep

    def facing(along_part: float, across_part: float, up_part: float) -> Floats:
        """Cosine of the angle between the surface and a direction in the axes of the pin, at least 0."""
        return np.asarray(np.maximum((side * across_part - slope * along_part) / steep + up * up_part, 0))

    lamp_along = math.cos(samples.turn) * LAMP[0] + math.sin(samples.turn) * LAMP[1]
    lamp_across = math.cos(samples.turn) * LAMP[1] - math.sin(samples.turn) * LAMP[0]
    shade = np.clip(0.46 + 0.22 * up + 0.46 * facing(lamp_along, lamp_across, LAMP[2]), 0.05, 1.2)
    # The shadows of translucent plastic are more saturated than its lights.
    colour = channels(
        *(
            amount * ink
            for amount, ink in zip(
                (np.sqrt(shade), shade, shade * np.sqrt(np.sqrt(shade))), COLORS[pin.color], strict=True
            )
        )
    )
    # Blinn's half-way vector: the surface mirrors the lamp into the camera where it faces half-way between.
    half_way = math.sqrt(2 + 2 * LAMP[2])
    glint = facing(lamp_along / half_way, lamp_across / half_way, (LAMP[2] + 1) / half_way)
    return cover, colour + grey(95 * power(glint, 48))


def _needle(along: Floats, across: Floats, sharpness: float) -> tuple[Floats, Floats]:
    """Coverage and colour of the metal needle."""
    tip = BODY_LENGTH + NEEDLE_LENGTH
    half = np.clip((tip - along) / 8, 0.25, 1) * 1.05
    to_end = np.minimum(tip - along, along - (BODY_LENGTH - 3))
    cover = clamped(np.minimum(half - np.abs(across), to_end) * sharpness + 0.5)
    off = across / half + 0.35
    shade = 0.56 + 0.66 / (1 + 3 * off * off)
    return cover, tinted(shade, STEEL)
