"""A glass bottle in front of a dark wall, and the juice in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .camera import Floats
from .light import clamped, grey, rgb, shaded, tinted
from .planes import seen_plane
from .sprites import Samples, sample
from .stage import Stage
from .truth import Mask

RADIUS, HALF = 112.0, 352.0
"""Of the body of the bottle, and half its height, units."""
_NECK = 44.0
_PROFILE = [
    (-HALF, _NECK + 3), (-HALF + 20, _NECK + 3), (-HALF + 22, _NECK - 3), (-262.0, _NECK),
    (-236.0, _NECK + 9), (-206.0, 74.0), (-176.0, 98.0), (-150.0, RADIUS - 4), (-128.0, RADIUS),
    (HALF - 26, RADIUS), (HALF - 10, RADIUS - 5), (HALF - 3, RADIUS - 14), (HALF, RADIUS - 26),
]  # fmt: skip
"""Height below the middle, and the radius there, units."""
_VIEW = (380.0, 520.0)
"""Half of what is drawn of the wall once for all pictures, units."""
_WALL = 5.0
"""Thickness of the glass, units."""


@dataclass(frozen=True, eq=False)
class Bottle:
    """The window of the picture that holds the bottle, and its outline there; every array is (h, w)."""

    samples: Samples
    """Along is to the right, across is down, from the middle of the bottle."""
    radius: Floats
    """Of the bottle at the height of each pixel, units."""
    side: Floats
    """How far each pixel is across the bottle, -1 at its left rim and 1 at its right one."""
    cover: Floats
    """How much of each pixel the bottle covers."""

    @property
    def hollow(self) -> Floats:
        """How far inside the glass each pixel is, units; negative outside."""
        return np.asarray(self.radius - _WALL - np.abs(self.samples.along))

    def placed(self, stage: Stage, mask: Mask) -> Mask:
        """(H, W) of a mask of the window."""
        return stage.placed(self.samples.x, self.samples.y, mask)


def stand(stage: Stage) -> Bottle:
    """Draw the wall; answers where the bottle stands before it."""
    (table,) = seen_plane(stage.camera, _table, _VIEW)
    stage.picture += shaded(rgb(15, 17, 20), stage.clouds(120) * 2 + stage.clouds(5) * 0.6 + table)
    heights = np.arange(-HALF - 40, HALF + 40, 1.0)
    profile = np.interp(heights, *np.array(_PROFILE).T)
    profile = cv2.GaussianBlur(profile.astype(np.float32)[:, None], (1, 15), 0, sigmaY=3.0)
    samples = sample(stage.camera, (0.0, 0.0), (RADIUS + 2, HALF + 2), 0.0, 1)
    place = samples.across + np.float32(HALF + 40)
    radius = cv2.remap(profile, np.zeros_like(place), place, cv2.INTER_LINEAR).astype(np.float32)
    side = np.clip(samples.along / np.maximum(radius, 1), -1.2, 1.2)
    outline = np.maximum(np.abs(samples.along) - radius, np.abs(samples.across) - HALF)
    cover = samples.coverage(outline)
    stage.claim(samples.x, samples.y, cover >= 0.5, "bottle", keeps=True)
    return Bottle(samples, radius, side, cover)


def _table(_: Floats, v: Floats, __: float) -> tuple[Floats, ...]:
    """What light the table throws at the wall behind it, grey levels."""
    return (clamped((v - 300) / 120) * 10,)


def pour(stage: Stage, bottle: Bottle, level: float, colour: Floats) -> Mask:
    """Fill the bottle to a level, in heights of the bottle; answers where the juice is, (h, w)."""
    down = bottle.samples.across
    depth = down - (HALF - level * 2 * HALF) - 3.5 * (1 - np.sqrt(clamped(1 - bottle.side * bottle.side)))
    cover = clamped(bottle.hollow) * clamped(depth + 0.5) * clamped(HALF - 2 * _WALL - down)
    # More of it to shine through in the middle; the rim of the surface catches the light.
    thick = np.sqrt(clamped(1 - bottle.side * bottle.side))
    shade = 0.52 + 0.5 * thick - 0.13 * bottle.side - 0.00025 * np.maximum(depth, 0)
    shade += 0.02 * stage.clouds(60, bottle.samples)
    shade += np.square(clamped(1 - np.abs(depth - 2.5) / 3.5)) * 0.24
    shade += clamped(1 - np.abs(depth - 8) / 12) * clamped(stage.clouds(4, bottle.samples) * 0.5) * 0.1
    window = bottle.samples.window(stage.picture)
    window += (tinted(shade, colour) - window) * grey(cover * np.float32(0.97))
    juice = np.asarray(cover >= 0.5)
    stage.claim(bottle.samples.x, bottle.samples.y, juice, "juice")
    return juice


def glass(stage: Stage, bottle: Bottle) -> Floats:
    """(h, w, 3), the light that the glass mirrors: rims, a soft box at the left, a pane at the right."""
    side, down = bottle.side, bottle.samples.across
    edge = np.abs(side)
    rim = 92 * np.square(clamped((edge - 0.9) / 0.1)) + 26 * clamped(1 - np.abs(edge - 0.86) / 0.03)
    box = clamped((0.055 - np.abs(side + 0.66)) / 0.03) * clamped((down + 215) / 40)
    box *= 82 * clamped((300 - down) / 60)
    pane = clamped((0.035 - np.abs(side - 0.74)) / 0.02) * clamped((down + 150) / 50)
    pane *= 36 * clamped((210 - down) / 80)
    ring = 46 * clamped(1 - np.abs(down + HALF - 10) / 9) + 44 * clamped(1 - np.abs(down - HALF + 4) / 4)
    # The bottom is thick and gathers the light.
    ring += 26 * np.square(clamped(1 - np.abs(down - HALF + 9) / 9)) * (1 - 0.5 * edge)
    mirrored = (box + pane) * (1 + 0.06 * stage.clouds(50, bottle.samples))
    light = bottle.cover * (rim + 6 + ring + stage.conditions.glare * mirrored)
    return tinted(light, rgb(0.97, 1.0, 1.02))
