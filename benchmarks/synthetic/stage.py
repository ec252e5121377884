"""Where a picture comes together: things are pasted one on another, and who is seen where is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ...scene import Shape
from .camera import Camera, Floats, Point
from .levels import Conditions
from .light import grey, tinted
from .sprites import Samples, Sprite, Stamp
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

    def clouds(self, units: float, samples: Samples | None = None) -> Floats:
        """A smooth random field with details of so many units: (H, W), or of a window of the picture."""
        size = (samples.shape[1], samples.shape[0]) if samples else self.camera.size
        return clouds(size, units * self.camera.scale, self.rng)

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
        np.copyto(self._owner[y : y + height, x : x + width], number, where=mask)
        return number

    def stamp(self, stamp: Stamp, at: Point, *, label: str = "", onto: int = 0) -> None:
        """Put a ready-made thing with its middle at a place in the picture.

        It is a thing of its own, or belongs to the thing whose number is `onto`.
        """
        height, width = stamp.mask.shape
        x, y = round(at[0] - width / 2), round(at[1] - height / 2)
        x0, y0 = max(x, 0), max(y, 0)
        inner = slice(y0 - y, self.camera.size[1] - y), slice(x0 - x, self.camera.size[0] - x)
        mask = stamp.mask[inner]
        window = self.picture[y0 : y0 + mask.shape[0], x0 : x0 + mask.shape[1]]
        window *= stamp.kept[inner]
        window += stamp.light[inner]
        if onto:
            np.copyto(self._owner[y0 : y0 + mask.shape[0], x0 : x0 + mask.shape[1]], onto, where=mask)
        else:
            self.claim(x0, y0, mask, label)

    def shadow(self, sprite: Sprite, depth: float, spread: float, offset: tuple[float, float]) -> None:
        """Darken what lies below a thing: soft by `spread` units, thrown `offset` units aside."""
        x, y, soft = sprite.shadow(self.camera.scale, spread, offset)
        x0, y0 = max(x, 0), max(y, 0)
        window = self.picture[y0 : max(y + soft.shape[0], y0), x0 : max(x + soft.shape[1], x0)]
        height, width = window.shape[:2]
        window *= grey(1 - depth * soft[y0 - y : y0 - y + height, x0 - x : x0 - x + width])

    def visible(self, number: int) -> Mask:
        """(H, W), the pixels of a thing that are seen."""
        thing = self._things[number - 1]
        return self.placed(*thing.box[:2], self._seen(number, thing))

    def lose(self, number: int, mask: Mask) -> None:
        """Take (H, W) pixels away from a thing that keeps what lies on it."""
        thing = self._things[number - 1]
        x0, y0, x1, y1 = thing.box
        if thing.whole is not None:
            thing.whole[mask[y0:y1, x0:x1]] = False

    def placed(self, x: int, y: int, mask: Mask) -> Mask:
        """(H, W) of a mask of the window at x, y."""
        found = np.zeros(self._owner.shape, np.bool_)
        height, width = mask.shape
        found[y : y + height, x : x + width] = mask
        return found

    def _seen(self, number: int, thing: _Thing) -> Mask:
        """Cropped to the box of the thing."""
        if thing.whole is not None:
            return thing.whole
        x0, y0, x1, y1 = thing.box
        return np.asarray(self._owner[y0:y1, x0:x1] == number)

    def parts(self) -> tuple[Shape, ...]:
        """What is seen of each thing that has a label, in the order in which they were pasted."""
        found = []
        for number, thing in enumerate(self._things, start=1):
            seen = self._seen(number, thing)
            if seen.any():
                found.append(Shape(thing.label, seen, thing.box[:2]))
        return tuple(found)

    def expose(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """What lamp, lens and sensor make of it: RGB (H, W, 3)."""
        conditions, scene = self.conditions, self.picture
        scene *= self._lamp(rng)
        scale = min(self.camera.size) / 500
        sigma = conditions.blur * scale * float(rng.uniform(0.7, 1.0))
        if sigma > 0.2:
            scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), sigma), np.float32)
        np.maximum(scene, 0, out=scene)
        spread = np.float32(0.012) * scene
        spread += np.float32(0.7)
        cv2.sqrt(spread, dst=spread)
        cv2.multiply(spread, grain(self.camera.size, rng), dst=spread, scale=conditions.noise)
        return np.asarray(cv2.add(scene, spread, dtype=cv2.CV_8U))

    def _lamp(self, rng: np.random.Generator) -> Floats:
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
        coarse = tinted(light, colour * np.float32(rng.uniform(0.96, 1.03)))
        return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR))
