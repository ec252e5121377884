"""Draws a demo box with its content as a camera above it would see it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...color import mean_lab
from ...scene import Part
from .camera import Camera, Floats, pixel_grid, place_camera, rgb
from .layout import PICTURE, Defect, Layout, lay_out
from .scenery import box_distance, coverage, ground, light, walls
from .sprites import Sprite, draw_nut, draw_pin

PLASTIC = rgb(1.0, 0.93, 0.87)
"""Colour of the light that the box scatters towards the camera."""
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
    camera = place_camera(seed, size)
    pins = [draw_pin(pin, camera) for pin in layout.pins]
    pixels = _draw(layout, camera, pins, seed)
    box = coverage(box_distance(*pixel_grid(camera)), camera) >= 0.5
    parts = [_part("box", box, (0, 0), pixels)]
    parts += [_part("pushpin", _largest(pin.cover >= 0.4), (pin.x, pin.y), pixels) for pin in pins]
    return Rendered(pixels, tuple(parts), layout.reason)


def _part(label: str, mask: NDArray[np.bool_], origin: tuple[int, int], pixels: NDArray[np.uint8]) -> Part:
    """The part that `mask` covers, with its colour in the picture."""
    (x, y), (height, width) = origin, mask.shape
    return Part(label, mask, origin, mean_lab(pixels[y : y + height, x : x + width][mask]))


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected piece: where a needle is thinner than a pixel its tip can come apart."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8))
    return np.asarray(pieces == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA]))


def _draw(layout: Layout, camera: Camera, pins: list[Sprite], seed: int) -> NDArray[np.uint8]:
    """The picture, RGB (H, W, 3): plastic adds light to what lies behind it, pins cover it."""
    rng = np.random.default_rng([seed, 4])
    u, v = pixel_grid(camera)
    distance = box_distance(u, v)
    inside = coverage(distance, camera)
    plastic = walls(u, v, distance, camera, rng) * inside
    picture = ground(inside, camera, rng) * _shadow(pins, camera)
    picture += plastic[..., None] * (PLASTIC + _mirrored(pins, camera))
    if layout.nut:
        draw_nut(layout.nut, camera).paste(picture)
    for pin in pins:
        pin.paste(picture)
    return _expose(picture * light(u, v, rng)[..., None], camera, rng)


def _shadow(pins: list[Sprite], camera: Camera) -> Floats:
    """(H, W, 1), share of the light that reaches the ground beside the pins, 0 to 1."""
    cover = np.zeros(camera.size[::-1], np.float32)
    for pin in pins:
        pin.raise_cover(cover)
    return 1 - 0.55 * _blurred(cover, 3.5 * camera.scale)[..., None]


def _mirrored(pins: list[Sprite], camera: Camera) -> Floats:
    """(H, W, 3), the colour that plastic takes from the pins near it."""
    glow = np.zeros((*camera.size[::-1], 3), np.float32)
    for pin in pins:
        pin.paste(glow)
    return _blurred(glow, 4.0 * camera.scale) / 150


def _expose(scene: Floats, camera: Camera, rng: np.random.Generator) -> NDArray[np.uint8]:
    """What lens and sensor make of the light: slight blur, shot and read noise, saturation."""
    blurred = _blurred(scene, 0.55 * max(camera.scale, 0.6))
    noise = rng.standard_normal(scene.shape, dtype=np.float32)
    noisy = blurred + noise * np.sqrt(0.7 + 0.012 * np.maximum(blurred, 0))
    return np.asarray(np.clip(np.rint(noisy), 0, 255), np.uint8)


def _blurred(picture: Floats, sigma: float) -> Floats:
    return cv2.GaussianBlur(picture, (0, 0), sigma).astype(np.float32, copy=False)
