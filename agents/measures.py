"""What the parts of good products measure: the numbers that an author is told beside the words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import numpy as np

from ..scene import Part, Scene
from ..schema import Record

DIGITS: Final = 3
"""Significant digits of a measurement; more would claim what was not measured."""

_SIZES: Final = ("width", "height", "length", "area")
_TURN: Final = 180.0
"""Degrees after which the long axis of a part looks the same."""

Number = int | float
Spread = tuple[Number, Number, Number]
"""Smallest, median and largest."""


class Measured(Record):
    """The parts of one label on the reference pictures. Without parts there are no sizes and no colours."""

    count: tuple[int, int]
    """Fewest and most in one picture."""
    width: Spread | None = None
    """Of the upright box, px; so is `height`."""
    height: Spread | None = None
    length: Spread | None = None
    """Longer side of the smallest rectangle, px."""
    area: Spread | None = None
    """px²."""
    angle: Spread | Literal["any"] | None = None
    """Degrees in (-90, 90]; `any` where the parts lie in all directions, or about the upright."""
    color: dict[str, int] = {}
    """Name of a colour -> how many parts have it, the most frequent first."""


def measures_of(scenes: Sequence[Scene], labels: Iterable[str]) -> dict[str, Measured]:
    """What the parts of each label measure in these Scenes, of which there is at least one.

    Example:
        >>> nut = Part("nut", np.ones((8, 10), dtype=bool), (5, 5), lab=(55.0, 0.0, 0.0))
        >>> found = measures_of([Scene((100, 80), ("nut",), (nut,))], ["nut"])["nut"]
        >>> found.count, found.width, found.color
        ((1, 1), (10, 10, 10), {'grey': 1})
    """
    return {label: _measured([scene.parts(label) for scene in scenes]) for label in labels}


def _measured(seen: Sequence[Sequence[Part]]) -> Measured:
    counts = [len(parts) for parts in seen]
    every = [part for parts in seen for part in parts]
    if not every:
        return Measured(count=(0, 0))
    sizes: dict[str, Any] = {name: _spread([getattr(part, name) for part in every]) for name in _SIZES}
    return Measured(
        count=(min(counts), max(counts)),
        **sizes,
        angle=_directions([part.angle for part in every]),
        color=dict(Counter(part.color for part in every).most_common()),
    )


def _directions(angles: Sequence[float]) -> Spread | Literal["any"]:
    """Angles as a spread, where they lie within a quarter turn that does not pass the upright."""
    if max(angles) - min(angles) > _TURN / 2:
        return "any"
    return _spread(angles)


def _spread(values: Sequence[float]) -> Spread:
    return rounded(min(values)), rounded(float(np.median(values))), rounded(max(values))


def rounded(value: float, digits: int = DIGITS) -> Number:
    """A number to so many significant digits, and to a tenth at the finest; whole where it is.

    Examples:
        >>> rounded(1234.5), rounded(0.123456), rounded(-12.345, 2)
        (1230, 0.1, -12)
    """
    if not value:
        return 0
    places = digits - 1 - math.floor(math.log10(abs(value)))
    short = round(value, min(places, 1))
    return int(short) if short == int(short) else short
