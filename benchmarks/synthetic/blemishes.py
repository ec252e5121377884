"""What damages or soils any product: scratches, stains, dents, foreign objects, missing chunks.

Each is drawn on a Stage and answers the pixels that it changed, (H, W). The types of defect that show them:

- scratch: `box_damaged`, `damaged_label`, `broken_connector`; a slit in the film: `bag_broken`
- stain: `contamination` of every product, one in four; `fruit_damaged`
- dent: `box_damaged`, `fruit_damaged`
- foreign object: `contamination` of every product, three in four
- missing chunk: `box_damaged`, `damaged_label`, `broken`, `part_broken`, `broken_connector`
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from .camera import Camera, Floats, Point
from .hardware import draw_nut
from .light import clamped, grey, rgb, tinted
from .shapes import circle
from .sprites import LAMP, Samples, Sprite, normals, plastic, sample, shrink
from .stage import Stage
from .texture import clouds
from .truth import Mask

_GARISH = (rgb(40, 120, 200), rgb(200, 40, 60), rgb(60, 160, 70), rgb(120, 60, 150), rgb(235, 235, 230))


def contaminate(
    stage: Stage, at: Point, reach: float, liquid: Floats, rng: np.random.Generator, *, nuts: bool = True
) -> Mask:
    """A stain of some liquid, or, three times as often, a foreign object; of about `reach` units."""
    if rng.uniform() < 0.25:
        return stain(stage, at, 1.6 * reach, liquid, rng)
    return foreign_object(stage, at, reach, rng, nuts=nuts)


def foreign_object(
    stage: Stage, at: Point, reach: float, rng: np.random.Generator, *, nuts: bool = True
) -> Mask:
    """One of several things of about `reach` units that do not belong here."""
    makers: list[Callable[[Camera, Point, float, np.random.Generator], Sprite]] = [_bead, _thread, _scrap]
    if nuts:
        makers.append(_nut)
    sprite = makers[int(rng.integers(len(makers)))](stage.camera, at, reach, rng)
    stage.shadow(sprite, 0.45, reach * 0.12, (reach * 0.08, reach * 0.1))
    stage.paste(sprite)
    return mask_of(stage, sprite)


def mask_of(stage: Stage, sprite: Sprite) -> Mask:
    """(H, W), the pixels that a sprite covers."""
    return stage.placed(sprite.x, sprite.y, sprite.cover >= 0.4)


def _nut(camera: Camera, at: Point, reach: float, rng: np.random.Generator) -> Sprite:
    return draw_nut(camera, at, reach / 2, float(rng.uniform(0, 60)))


def _bead(camera: Camera, at: Point, reach: float, rng: np.random.Generator) -> Sprite:
    """A glossy ball."""
    radius = reach * float(rng.uniform(0.3, 0.45))
    samples = sample(camera, at, (radius, radius))
    distance = circle(samples.along, samples.across, radius)
    height = np.sqrt(np.maximum(radius**2 - samples.along**2 - samples.across**2, 0.01))
    colour = _GARISH[int(rng.integers(len(_GARISH)))]
    light = plastic(colour, 0.7)(*normals(height, samples.step))
    return shrink(samples, light, samples.coverage(distance))


def _thread(camera: Camera, at: Point, reach: float, rng: np.random.Generator) -> Sprite:
    """A curled fibre."""
    turns = np.linspace(0, float(rng.uniform(2.5, 6.0)), 60)
    radii = reach * (0.25 + 0.35 * turns / turns[-1]) + np.cumsum(rng.normal(0, reach * 0.012, 60))
    start = rng.uniform(0, 2 * math.pi)
    points = np.column_stack([radii * np.cos(turns + start), radii * np.sin(turns + start)]) + at
    colour = _GARISH[int(rng.integers(len(_GARISH)))]
    return tube(camera, points, reach * 0.05, plastic(colour, 0.2))


def _scrap(camera: Camera, at: Point, reach: float, rng: np.random.Generator) -> Sprite:
    """A torn piece of paper or film."""
    samples = sample(camera, at, (reach / 2, reach / 2))
    angle = np.arctan2(samples.across, samples.along)
    waves = [rng.uniform(-1, 1) * np.sin(k * angle + rng.uniform(0, 6)) / k for k in (2, 3, 5, 9)]
    rim = reach * 0.34 * (1 + 0.35 * np.sum(waves, axis=0))
    fold = 1 - 0.25 * (
        samples.along * math.cos(1.0) + samples.across * math.sin(1.0) > rng.uniform(-0.1, 0.1) * reach
    )
    colour = _GARISH[int(rng.integers(len(_GARISH)))] * 0.9
    return shrink(
        samples, tinted(fold, colour), samples.coverage(np.hypot(samples.along, samples.across) - rim)
    )


def tube(camera: Camera, points: Floats, radius: float, material: Callable[..., Floats]) -> Sprite:
    """A round cord along a polyline (N, 2) in units."""
    low, high = points.min(axis=0) - radius, points.max(axis=0) + radius
    middle, half = (low + high) / 2, (high - low) / 2
    samples = sample(camera, (float(middle[0]), float(middle[1])), (float(half[0]), float(half[1])))
    distance = _to_line(camera, samples, points)
    height = np.sqrt(np.maximum(radius * radius - distance * distance, radius * radius * 0.02))
    light = material(*normals(height, samples.step))
    return shrink(samples, light, samples.coverage(distance - radius))


def _to_line(camera: Camera, samples: Samples, points: Floats) -> Floats:
    """Distance of every sample to a polyline, units: exact to a fraction of a sample."""
    scale = 2
    canvas = np.full(samples.shape, 255, np.uint8)
    seen = (camera.outline(points) - (samples.x, samples.y)) * scale
    cv2.polylines(canvas, [np.rint(seen * 16 - 8).astype(np.int32)], False, 0, 1, cv2.LINE_8, shift=4)
    distance = cv2.distanceTransform(canvas, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance * np.float32(samples.step))


def stain(stage: Stage, at: Point, reach: float, colour: Floats, rng: np.random.Generator) -> Mask:
    """A translucent blotch with a darker rim, as liquid leaves it."""
    samples = sample(stage.camera, at, (reach * 0.7, reach * 0.7), 0.0, 1)
    size = (samples.shape[1], samples.shape[0])
    if min(size) < 2:
        return np.zeros(stage.camera.size[::-1], np.bool_)
    rough = clouds(size, max(2.0, reach * stage.camera.scale * 0.22), rng)
    distance = np.hypot(samples.along, samples.across) - reach * (0.42 + 0.09 * rough)
    cover = clamped(0.5 - distance / (2 * samples.step))
    rim = np.exp(-np.square(distance / (0.09 * reach)))
    amount = cover * (0.5 + 0.35 * rim)
    sprite = Sprite(
        samples.x, samples.y, np.broadcast_to(colour, (*samples.shape, 3)).astype(np.float32), amount
    )
    sprite.paste(stage.picture)
    return mask_of(stage, Sprite(sprite.x, sprite.y, sprite.colour, cover))


def scratch(stage: Stage, start: Point, end: Point, light: float, rng: np.random.Generator) -> Mask:
    """A thin line with a bright and a dark flank."""
    ways = np.linspace(0, 1, 24)
    wander = np.cumsum(rng.normal(0, 1, 24))
    wander -= ways * wander[-1]
    length = math.dist(start, end)
    normal = np.array([start[1] - end[1], end[0] - start[0]]) / max(length, 1e-6)
    points = np.outer(1 - ways, start) + np.outer(ways, end) + np.outer(wander * length * 0.006, normal)
    mask = np.zeros(stage.camera.size[::-1], np.bool_)
    for shift, amount in ((0.0, light), (0.9, -light * 0.6)):
        sprite = tube(stage.camera, points + shift, 0.75, plastic(rgb(1, 1, 1), 0.0))
        window = sprite.window(stage.picture)
        window += grey(sprite.cover * np.float32(amount))
        mask |= mask_of(stage, sprite)
    return np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_))


def dent(stage: Stage, at: Point, reach: float, depth: float, rng: np.random.Generator) -> Mask:
    """An uneven hollow: its flank towards the lamp in shade, the other one lit."""
    samples = sample(stage.camera, at, (reach, reach), float(rng.uniform(0, 180)), 1)
    uneven = 1 + 0.16 * stage.clouds(0.5 * reach, samples)
    radius = np.hypot(samples.along, samples.across * 1.35) / (reach * uneven)
    bowl = -reach * depth * np.square(np.maximum(1 - radius * radius, 0))
    x, y, _ = normals(bowl, samples.step)
    shade = 1 + 0.8 * (x * LAMP[0] + y * LAMP[1]) - 0.12 * (radius < 0.5)
    window = samples.window(stage.picture)
    window *= grey(np.clip(shade, 0.35, 1.3))
    return stage.placed(samples.x, samples.y, radius < 0.85)


def missing_chunk(stage: Stage, at: Point, reach: float, below: Floats) -> Mask:
    """A piece broken out, with a ragged bright edge; one sees what is `below`, a colour."""
    samples = sample(stage.camera, at, (reach * 1.2, reach * 1.2), 0.0, 1)
    ragged = reach * (0.16 * stage.clouds(0.45 * reach, samples) + 0.06 * stage.clouds(0.12 * reach, samples))
    distance = np.hypot(samples.along, samples.across) - reach * 0.8 + ragged
    window = samples.window(stage.picture)
    window *= grey(1 + 0.12 * clamped(1 - np.abs(distance - 1.5) / 3))
    window += (tinted(1 + 0.05 * stage.clouds(3, samples), below) - window) * grey(samples.coverage(distance))
    return stage.placed(samples.x, samples.y, samples.coverage(distance) >= 0.5)
