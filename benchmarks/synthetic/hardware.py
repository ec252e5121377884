"""Screws, nuts and washers of zinc-plated steel, drawn from height fields."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .camera import Camera, Floats, Point
from .light import clamped, grey, rgb
from .shapes import circle, hexagon, rounded_box
from .sprites import Sprite, metal, normals, sample, shrink

STEEL = rgb(232, 230, 226)
HEAD = 20.0
"""Length of a screw's head, units."""
HEAD_HALF, SHANK_RADIUS = 22.0, 10.2
"""Half width of a screw's head, and radius of its shank, units."""


@dataclass(frozen=True)
class Look:
    """What sets one piece of metal apart from the next."""

    colour: Floats
    rough: float = 1.5
    missing: tuple[float, float] | None = None
    """Direction (degrees) and width (degrees) of a piece that has broken out."""


PLAIN = Look(STEEL)


def draw_nut(camera: Camera, at: Point, radius: float, angle: float, look: Look = PLAIN) -> Sprite:
    """A hexagon nut with chamfer and thread, by the radius of the circle inside it."""
    samples = sample(camera, at, (radius * 1.2, radius * 1.2), angle)
    u, v = samples.along, samples.across
    outline = hexagon(u, v, radius)
    centre = np.hypot(u, v)
    bore = centre - np.float32(radius * 0.56)
    cover = samples.coverage(outline) * samples.coverage(-bore)
    chamfer = np.minimum(np.maximum(centre - radius * 0.93, 0) * -0.8, 0)
    lip = -np.square(np.maximum(radius * 0.14 - bore, 0)) * (4 / radius)
    edge = np.minimum(-outline, radius * 0.12) * 1.1
    height = edge + chamfer + lip
    light = metal(look.colour, look.rough)(*normals(height, samples.step))
    turning = 1 + 0.05 * np.sin(centre * (26 / radius))
    return shrink(samples, light * grey(turning), cover * _left(u, v, look))


def draw_washer(camera: Camera, at: Point, radius: float, angle: float, look: Look = PLAIN) -> Sprite:
    """A flat washer, turned on a lathe: fine rings, a rounded rim."""
    samples = sample(camera, at, (radius, radius), angle)
    u, v = samples.along, samples.across
    outline, bore = circle(u, v, radius), circle(u, v, radius * 0.46)
    centre = outline + radius
    edge = np.minimum(np.minimum(-outline, bore), radius * 0.1)
    rings = 0.02 * np.sin(centre * 5.1) + 0.012 * np.sin(centre * 11.7 + 1)
    light = metal(look.colour, look.rough)(*normals(edge + rings, samples.step))
    # Turning marks mirror the lamp along two opposite spokes.
    spokes = 1 + 0.16 * np.cos(2 * (np.arctan2(v, u) + math.radians(angle) - 0.9))
    cover = samples.coverage(outline) * samples.coverage(-bore)
    return shrink(samples, light * grey(spokes), cover * _left(u, v, look))


def draw_screw(camera: Camera, at: Point, length: float, angle: float, look: Look = PLAIN) -> Sprite:
    """A screw on its side with its middle at `at`; before it is turned, its hexagon head is at -x."""
    samples = sample(camera, at, (length / 2, HEAD_HALF), angle)
    along, across = samples.along + length / 2, samples.across
    thread = along - (HEAD + 0.22 * length)
    groove = np.abs(np.mod((along + 0.16 * across) / 5.2, 1.0) - 0.5) * 2
    tip = clamped((length - along) / 5)
    radius = (SHANK_RADIUS - 2.0 * groove * clamped(thread / 4)) * (0.7 + 0.3 * tip)
    round_height = np.sqrt(np.maximum(radius * radius - across * across, 0.2))
    bar = rounded_box(along - (HEAD + length) / 2, across, ((length - HEAD) / 2, SHANK_RADIUS), 2.0)
    shank = np.maximum(bar, np.abs(across) - radius)
    head = rounded_box(along - HEAD / 2, across, (HEAD / 2, HEAD_HALF), 3.0)
    # Side view of a hexagon: one face towards the camera, two sloping away.
    faces = np.minimum(17.0, 17.0 - 1.15 * (np.abs(across) - HEAD_HALF / 2))
    faces = np.minimum(faces, 6 + np.maximum(np.minimum(along, HEAD - along), 0) * 2.2)
    height = np.where(head < 0, faces, round_height)
    light = metal(look.colour, look.rough)(*normals(height, samples.step))
    light = light * grey(1 - 0.3 * (groove * clamped(thread / 4) * (head > 0)))
    cover = np.maximum(samples.coverage(shank), samples.coverage(head))
    if look.missing:
        ragged = 2.5 * np.sin(across * 0.8) + 1.5 * np.sin(across * 2.1 + 1)
        cover = cover * samples.coverage(along + ragged - length * 0.55)
    return shrink(samples, light, cover)


def _left(u: Floats, v: Floats, look: Look) -> Floats:
    """1 where a piece has not broken out, else 0."""
    if not look.missing:
        return np.ones_like(u)
    direction, width = (math.radians(value) for value in look.missing)
    away = np.abs(np.mod(np.arctan2(v, u) - direction + math.pi, 2 * math.pi) - math.pi)
    ragged = 0.06 * np.sin(np.hypot(u, v) * 1.1) + 0.04 * np.sin(np.hypot(u, v) * 2.7)
    return np.asarray((away > width / 2 + ragged).astype(np.float32))
