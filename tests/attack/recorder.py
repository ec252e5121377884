"""The scene of all attacks, an `expect` that holds nothing back, and what a rule that runs after sees."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from logisight.scene import Part, Scene

LABELS = ("box", "pin", "washer")


def small_scene(masks: list[np.ndarray] | None = None) -> Scene:
    """A box of 40 x 30 with three pins in it; its masks are views of those given."""
    places = [("box", 2, 2, 40, 30), ("pin", 5, 5, 6, 4), ("pin", 15, 5, 6, 4), ("pin", 25, 5, 6, 4)]
    masks = masks or [np.ones((height, width), np.bool_) for *_, width, height in places]
    parts = [
        Part(label, mask, (x, y), (50.0, 0.0, 0.0), 0.9)
        for (label, x, y, *_), mask in zip(places, masks, strict=True)
    ]
    return Scene((64, 48), LABELS, tuple(parts))


@dataclass
class Recorder:
    """Takes everything that a rule reports, as text."""

    texts: list[str] = field(default_factory=list)
    wild: bool = False
    bytes: int = 0

    def expect(self, condition, kind, reason, expected=None, actual=None, parts=()):
        """As the `expect` of a rule, without any check."""
        for value in (kind, reason, expected, actual):
            values = value if isinstance(value, tuple) else (value,)
            self.wild |= any(isinstance(one, int | float) and not abs(one) <= 1e15 for one in values)
            self._keep(value)

    def tell(self, text):
        """Send words back."""
        self._keep(text)

    def _keep(self, value):
        if isinstance(value, str):
            self.bytes += len(value)
            if self.bytes > 400_000:
                raise OverflowError("more than anybody would take")
            self.texts.append(str(value))


def is_as_ever(scene: Scene) -> bool:
    """What a rule that runs after another sees: all as it should be."""
    left = scene.region("left half")
    return (
        len([1, 2]) == 2
        and sorted([2, 1]) == [1, 2]
        and scene.size == (64, 48)
        and scene.labels == LABELS
        and len(scene.parts("pin")) == 3
        and left.box == (0.0, 0.0, 32.0, 48.0)
        and len(left.parts("pin")) == 3
        and scene.part("box").area == 1200
        and math.isclose(scene.parts("pin")[0].overlap(scene.part("box")), 1.0)
    )
