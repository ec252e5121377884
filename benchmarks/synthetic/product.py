"""What a product is to the line that makes pictures of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .kinds import KINDS, Kinds
from .stage import Stage
from .truth import Truth


@dataclass(frozen=True)
class Product:
    """One product: what it is made of, what a good one looks like, and how it is drawn."""

    name: str
    labels: tuple[str, ...]
    containers: dict[str, tuple[str, ...]]
    """Label -> labels of the parts that lie in it."""
    sentences: tuple[str, ...]
    """What a good one looks like, in the controlled English that the reasoner `offline` reads."""
    frame: tuple[float, float]
    """Width and height of what the camera sees, in the product's own units."""
    down: float
    """How far the product's origin lies below the middle of the picture, units."""
    size: tuple[int, int]
    """Width and height of a picture where none is asked for."""
    draw: Callable[[Stage, frozenset[str], np.random.Generator], Truth]
    """Draws one, with the named defects, on a Stage; the generator decides what lies where."""

    @property
    def kinds(self) -> Kinds:
        """What can be wrong with it."""
        return KINDS[self.name]
