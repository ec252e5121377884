"""Random fields: what makes surfaces look grown, worn or dirty."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from .camera import Floats

_MARGIN = 256
"""How far a window may wander over the ready-made noise, px."""


def clouds(size: tuple[int, int], grain: float, rng: np.random.Generator) -> Floats:
    """(H, W) of a smooth random field with details of about `grain` px, mostly within -2 to 2."""
    width, height = size
    step = max(1, round(grain))
    coarse = rng.standard_normal((height // step + 3, width // step + 3), dtype=np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def grain(size: tuple[int, int], rng: np.random.Generator) -> Floats:
    """(H, W, 3) of standard normal noise: a random window of a field that is drawn once a process."""
    width, height = size
    x, y = (int(value) for value in rng.integers(0, _MARGIN, 2))
    return _ready(size)[y : y + height, x : x + width]


@cache
def _ready(size: tuple[int, int]) -> Floats:
    width, height = size
    shape = (height + _MARGIN, width + _MARGIN, 3)
    return np.random.default_rng(20221).standard_normal(shape, dtype=np.float32)
