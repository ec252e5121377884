"""What is true of a rendered picture: parts, ground truth, reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...scene import Part, Scene, Shape
from ...schema import Kind, Range, Value
from ..reasons import Reason
from ..true_parts import true_scene

Mask = NDArray[np.bool_]


def because(
    kind: Kind, label: str, expected: Value | Range, actual: Value, defect: str, where: str = ""
) -> Reason:
    """A reason of parts with a label; measurements keep four digits."""
    actual = float(f"{actual:.4g}") if isinstance(actual, float) else actual
    return Reason(type=kind, object=label, expected=expected, actual=actual, defect=defect, where=where)


@dataclass(frozen=True, eq=False)
class Channel:
    """One defect of a picture, as one channel of the official ground truth."""

    defect: str
    mask: Mask
    """(H, W)"""


@dataclass(frozen=True, eq=False)
class Truth:
    """What a product says of itself once it is drawn."""

    channels: tuple[Channel, ...]
    tell: Callable[[Scene], Iterable[Reason]]
    """Why it is not normal, by the places and sizes of what is seen; colours are not told."""


def without_colours(parts: Iterable[Shape], size: tuple[int, int], labels: tuple[str, ...]) -> Scene:
    """A Scene of parts that are all black: for questions of number, place and size."""
    black = (0.0, 0.0, 0.0)
    return Scene(size, labels, tuple(Part(part.label, part.mask, part.origin, black) for part in parts))


@dataclass(frozen=True, eq=False)
class Rendered:
    """A picture and all that is true of it."""

    picture: NDArray[np.uint8]
    """RGB, (H, W, 3)."""
    parts: tuple[Shape, ...]
    """What is visible of each part; containers whole, with all that lies in them."""
    channels: tuple[Channel, ...]
    reasons: tuple[Reason, ...]
    labels: tuple[str, ...]
    """Every label of the product."""

    def scene(self) -> Scene:
        """The true parts as a rule sees them, with their colours in the picture."""
        return true_scene(self.picture, self.parts, self.labels)
