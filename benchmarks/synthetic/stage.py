"""Where a picture comes together: things are pasted one on another, and who is seen where is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from ...scene import Shape
from .camera import Camera, Floats, pixel_grid
from .levels import Conditions
from .sprites import Sprite
from .texture import clouds, grain
from .truth import Mask

_LIGHT_GRID = 8
"""The light is computed on a grid this much coarser than the picture."""


@dataclass(frozen=True, eq=False)
class _Thing:
    label: str
    box: tuple[int, int, int, int]
    whole: Mask | None
    """Its footprint, cropped to `box`, for things that keep what lies on them."""


@dataclass(eq=False)
class Stage:
    """A picture in the making: light towards the camera, 255 as bright as the sensor can see."""

    camera: Camera
    conditions: Conditions
    rng: np.random.Generator
    """For what has no meaning: textures, dirt, light."""
    variant: int = 0
    """Which of its normal kinds a product is, for products that have several."""
    picture: Floats = field(init=False)
    _owner: NDArray[np.int16] = field(init=False)
    _things: list[_Thing] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Start with a black picture of nothing."""
        width, height = self.camera.size
        self.picture = np.zeros((height, width, 3), np.float32)
        self._owner = np.zeros((height, width), np.int16)

    @cached_property
    def grid(self) -> tuple[Floats, Floats]:
        """Product coordinates of every pixel, each (H, W)."""
        return pixel_grid(self.camera)

    def clouds(self, units: float) -> Floats:
        """(H, W) of a smooth random field with details of so many units."""
        return clouds(self.camera.size, units * self.camera.scale, self.rng)

    def dust(self, brightness: float = 22.0) -> None:
        """Specks that lie about, as the conditions have them."""
        width, height = self.camera.size
        clutter, rng = self.conditions.clutter, self.rng
        for _ in range(int(rng.integers(clutter // 2, clutter * 2))):
            x, y = rng.uniform(0, 1, size=2) * (width, height)
            radius = float(rng.uniform(0.3, 0.9)) * self.camera.scale
            shade = self.picture[int(y), int(x)] + rng.uniform(0.4, 1.7) * brightness
            centre = (int(x * 16), int(y * 16))
            cv2.circle(
                self.picture, centre, max(int(radius * 16), 6), shade.tolist(), -1, cv2.LINE_AA, shift=4
            )

    def paste(self, sprite: Sprite, label: str = "", *, keeps: bool = False) -> int:
        """Put a thing on top of all others; answers its number.

        A thing with no label belongs to no part, but hides what it lies on. A thing that `keeps` is one that
        others lie in or on: its mask is its whole footprint, whatever is pasted later.
        """
        sprite.paste(self.picture)
        return self.claim(sprite.x, sprite.y, sprite.cover >= 0.5, label, keeps=keeps)

    def claim(self, x: int, y: int, mask: Mask, label: str = "", *, keeps: bool = False) -> int:
        """As `paste`, for something that was drawn already; `mask` is cut to the window at x, y."""
        number = 0
        height, width = mask.shape
        if label:
            whole = mask.copy() if keeps else None
            self._things.append(_Thing(label, (x, y, x + width, y + height), whole))
            number = len(self._things)
        self._owner[y : y + height, x : x + width][mask] = number
        return number

    def shadow(self, sprite: Sprite, depth: float, spread: float, offset: tuple[float, float]) -> None:
        """Darken what lies below a thing: soft by `spread` units, thrown `offset` units aside."""
        scale = self.camera.scale
        pad = int(3 * spread * scale + 2)
        soft = cv2.copyMakeBorder(sprite.cover, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
        soft = cv2.GaussianBlur(soft, (0, 0), max(spread * scale, 0.5))
        x = sprite.x - pad + round(offset[0] * scale)
        y = sprite.y - pad + round(offset[1] * scale)
        x0, y0 = max(x, 0), max(y, 0)
        x1, y1 = (
            min(x + soft.shape[1], self.camera.size[0]),
            min(y + soft.shape[0], self.camera.size[1]),
        )
        if x0 < x1 and y0 < y1:
            window = self.picture[y0:y1, x0:x1]
            window *= (1 - depth * soft[y0 - y : y1 - y, x0 - x : x1 - x])[..., None]

    def visible(self, number: int) -> Mask:
        """(H, W), the pixels of a thing that are seen."""
        thing = self._things[number - 1]
        found = np.zeros(self._owner.shape, np.bool_)
        x0, y0, x1, y1 = thing.box
        found[y0:y1, x0:x1] = self._owner[y0:y1, x0:x1] == number if thing.whole is None else thing.whole
        return found

    def labelled(self, label: str) -> list[int]:
        """The numbers of the things of a label."""
        return [number for number, thing in enumerate(self._things, start=1) if thing.label == label]

    def parts(self) -> tuple[Shape, ...]:
        """What is seen of each thing that has a label, in the order in which they were pasted."""
        found = []
        for number, thing in enumerate(self._things, start=1):
            x0, y0, x1, y1 = thing.box
            seen = thing.whole if thing.whole is not None else self._owner[y0:y1, x0:x1] == number
            rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
            if len(rows):
                cut = seen[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                origin = (x0 + int(columns[0]), y0 + int(rows[0]))
                found.append(Shape(thing.label, np.ascontiguousarray(cut), origin))
        return tuple(found)

    def expose(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """What lamp, lens and sensor make of it: RGB (H, W, 3)."""
        conditions, scene = self.conditions, self.picture
        scene *= self._light(rng)
        scale = min(self.camera.size) / 500
        sigma = conditions.blur * scale * float(rng.uniform(0.7, 1.0))
        if sigma > 0.2:
            scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), sigma), np.float32)
        np.maximum(scene, 0, out=scene)
        spread = np.sqrt(np.float32(0.7) + np.float32(0.012) * scene)
        spread *= grain(self.camera.size, rng)
        spread *= np.float32(conditions.noise)
        scene = scene + spread
        return np.asarray(cv2.convertScaleAbs(np.maximum(scene, 0)))

    def _light(self, rng: np.random.Generator) -> Floats:
        """(H, W, 3): gradient, fall towards the corners, a soft shadow, the lamp's colour; about 1."""
        conditions, (width, height) = self.conditions, self.camera.size
        x = np.linspace(-1, 1, width // _LIGHT_GRID + 1, dtype=np.float32)[None, :]
        y = np.linspace(-1, 1, height // _LIGHT_GRID + 1, dtype=np.float32)[:, None]
        angle, amount = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1.0) * conditions.gradient / 2
        light = 1 + amount * (np.cos(angle) * x + np.sin(angle) * y) - 0.07 * (x * x + y * y)
        away, place = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.9)
        edge = (np.cos(away) * x + np.sin(away) * y - place) / rng.uniform(0.15, 0.4)
        light -= conditions.shade * rng.uniform(0.2, 1.0) * np.clip(edge + 0.5, 0, 1)
        warm = 1 + conditions.tint * rng.uniform(-1, 1)
        colour = np.array([warm, 1.0, 1 / warm], np.float32)
        full = cv2.resize(light.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(full[..., None] * colour * np.float32(rng.uniform(0.96, 1.03)))
