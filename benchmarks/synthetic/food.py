"""Fruit, cereals, almonds and banana chips."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from .camera import Camera, Point
from .light import clamped, grey, rgb, tinted
from .shapes import circle, ellipse
from .sprites import Sprite, Stamp, normals, plastic, sample, shrink, stamp_of
from .texture import clouds

TANGERINE_RADIUS = 63.0
NECTARINE_HALF = (72.0, 64.0)

_PIECES = 48
"""Different ready-made pieces of each food."""
_REACH = {"oat": 13.0, "almond": 21.0, "banana_chip": 18.0}
"""Half the window of a piece without its shadow, units."""
_SHADOW = {
    "oat": (0.25, 1.6, (0.8, 1.2)),
    "almond": (0.4, 2.5, (1.5, 2.5)),
    "banana_chip": (0.4, 2.5, (1.5, 2.5)),
}
"""Depth, blur (units), and how far it is thrown (units)."""
_TINTS = {"oat": (0.74, 1.1), "almond": (0.86, 1.08), "banana_chip": (0.86, 1.08)}


def draw_tangerine(camera: Camera, at: Point, angle: float, rng: np.random.Generator) -> Sprite:
    """Orange skin with pores, and the green star of the stalk."""
    radius = TANGERINE_RADIUS * float(rng.uniform(0.96, 1.04))
    samples = sample(camera, at, (radius, radius * 0.95), angle, 1)
    u, v = samples.along, samples.across
    outline = ellipse(u, v, (radius, radius * 0.95))
    height = 0.8 * np.sqrt(np.maximum(radius**2 - u * u - (v / 0.95) ** 2, 1))
    pores = clouds((samples.shape[1], samples.shape[0]), 2.2 * camera.scale, rng) * 0.16
    centre = np.hypot(u - radius * 0.16, v)
    dimple = -4 * np.exp(-np.square(centre / 9))
    light = plastic(rgb(236, 112, 22), 0.14, 0.36, 14)(*normals(height + pores + dimple, samples.step))
    star = 7.5 + 2.2 * np.cos(5 * np.arctan2(v, u - radius * 0.16))
    calyx = clamped(0.5 - (centre - star) / 2)
    light = light * grey(1 - calyx) + tinted(calyx * (0.6 + 0.05 * centre), rgb(92, 98, 48))
    return shrink(samples, light, samples.coverage(outline), 1)


def draw_nectarine(camera: Camera, at: Point, angle: float, rng: np.random.Generator) -> Sprite:
    """Yellow skin with a red blush and a seam."""
    half = (NECTARINE_HALF[0] * float(rng.uniform(0.96, 1.04)), NECTARINE_HALF[1])
    samples = sample(camera, at, half, angle, 1)
    u, v = samples.along, samples.across
    outline = ellipse(u, v, half)
    height = 44 * np.sqrt(np.maximum(1 - (u / half[0]) ** 2 - (v / half[1]) ** 2, 0.001))
    seam = np.exp(-np.square((v - 6 - 0.004 * u * u) / 2.6))
    size = (u.shape[1], u.shape[0])
    blush = 0.45 + 0.4 * u / half[0] + 0.2 * clouds(size, 48 * camera.scale, rng)
    blush = clamped(blush + 0.07 * clouds(size, 9 * camera.scale, rng) + 0.05 * clouds(size, 3, rng))
    speck = clamped(clouds(size, 2.5, rng) - 1.6)
    colour = tinted(1 - blush, rgb(222, 162, 74)) + tinted(blush, rgb(150, 34, 36))
    colour = colour + grey(speck * 40)
    light = plastic(rgb(1, 1, 1), 0.0, 0.4)(*normals(height - 1.6 * seam, samples.step)) * colour
    return shrink(samples, light * grey(1 - 0.16 * seam), samples.coverage(outline), 1)


def pieces(food: str, scale: float) -> tuple[Stamp, ...]:
    """Ready-made pieces at about a scale: `oat`, `almond` or `banana_chip`."""
    return _ready(food, max(1, round(scale * 20)))


@cache
def _ready(food: str, twentieths: int) -> tuple[Stamp, ...]:
    rng = np.random.default_rng([31, len(food)])
    scale, reach = twentieths / 20, _REACH[food]
    depth, blur, thrown = _SHADOW[food]
    side = 2 * math.ceil((reach + 2 * blur + max(thrown)) * scale)
    camera = Camera((side, side), (side / 2, side / 2), scale)
    makers = {"oat": _oat, "almond": _almond, "banana_chip": _banana_chip}
    made = []
    for _ in range(_PIECES):
        sprite = makers[food](camera, reach, rng)
        made.append(stamp_of(sprite, camera, depth, blur, thrown, float(rng.uniform(*_TINTS[food]))))
    return tuple(made)


def _oat(camera: Camera, reach: float, rng: np.random.Generator) -> Sprite:
    """A rolled flake with a crease, baked light or dark."""
    half = (float(rng.uniform(7, 11.5)), float(rng.uniform(4.5, 8)))
    samples = sample(camera, (0.0, 0.0), (reach - 2, reach - 2), float(rng.uniform(0, 360)))
    u, v = samples.along, samples.across
    wave = float(rng.uniform(-0.03, 0.03)) * u * u
    outline = ellipse(u, v - wave, half)
    height = 5 * np.sqrt(clamped(1 - (u / half[0]) ** 2 - ((v - wave) / half[1]) ** 2)) - 1.6 * np.exp(
        -np.square((v - wave) / 1.1)
    )
    baked = rgb(222, 166, 100) + float(rng.uniform(0, 1)) ** 1.8 * (rgb(104, 56, 26) - rgb(222, 166, 100))
    light = plastic(baked, 0.07, 0.3, 10)(*normals(height, samples.step))
    return shrink(samples, light, samples.coverage(outline))


def _almond(camera: Camera, reach: float, rng: np.random.Generator) -> Sprite:
    """A whole almond in its ribbed brown skin, or a blanched sliver."""
    half = (float(rng.uniform(14.5, 18)), float(rng.uniform(7.5, 9.5)))
    samples = sample(camera, (0.0, 0.0), (reach - 2, reach - 2), float(rng.uniform(0, 360)))
    u, v = samples.along, samples.across
    narrow = 1 - 0.32 * u / half[0]
    outline = ellipse(u, v / np.maximum(narrow, 0.5), half)
    height = 6 * np.sqrt(clamped(1 - (u / half[0]) ** 2 - (v / half[1] / narrow) ** 2))
    ribs = 0.28 * np.sin(v * 2.4 + 0.3 * np.sin(u * 0.4))
    colour = rgb(146, 84, 46) if rng.uniform() < 0.75 else rgb(236, 216, 180)
    light = plastic(colour * np.float32(rng.uniform(0.9, 1.1)), 0.1, 0.34, 16)(
        *normals(height + ribs, samples.step)
    )
    return shrink(samples, light, samples.coverage(outline))


def _banana_chip(camera: Camera, reach: float, rng: np.random.Generator) -> Sprite:
    """A dried slice with its ring and three seeds."""
    radius = float(rng.uniform(11, 15))
    samples = sample(camera, (0.0, 0.0), (reach - 2, reach - 2), float(rng.uniform(0, 360)))
    u, v = samples.along, samples.across
    angle = np.arctan2(v, u)
    away = np.hypot(u, v)
    outline = circle(u, v, radius) + 0.9 * np.sin(3 * angle + 1) + 0.5 * np.sin(7 * angle)
    height = 1.5 * np.sqrt(clamped(-outline / 4)) + 0.35 * np.cos(away * 1.1)
    light = plastic(rgb(238, 206, 120) * np.float32(rng.uniform(0.9, 1.08)), 0.14, 0.4, 18)(
        *normals(height, samples.step)
    )
    seeds = np.exp(-np.square((away - 3.4) / 1.3)) * clamped(np.cos(3 * angle) * 2)
    return shrink(samples, light * grey(1 - 0.45 * seeds), samples.coverage(outline))
