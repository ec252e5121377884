"""Training pixels of annotated pictures: which are taken, in which light, and how much each counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .pixel_features import COUNT, pixel_features

PIXELS_PER_CLASS = 9_000
"""Training pixels taken of each class inside its parts, and as many at their edges, spread over all views of
all annotated pictures."""

EDGE = 5
"""Side of the square around a pixel that must hold one class only, or the pixel is at an edge."""

COMMONNESS = 0.75
"""How much more a common class weighs than a rare one: 0 both the same, 1 as their pixels are in number.
Without it, every thin part would be seen a pixel too thick; with all of it, thin parts would be lost."""

_LIGHTS = ((1.0, 1.0), (0.6, 1.0), (0.8, 1.0), (1.25, 1.0), (1.0, 0.8), (1.0, 1.25))
"""Gain and gamma of the views that a picture is taught in: light changes, the product does not."""


class Rows(NamedTuple):
    """Training pixels: features (N, COUNT), classes (N,), and (N,) how many pixels each stands for."""

    features: NDArray[np.float32]
    classes: NDArray[np.intp]
    stands_for: NDArray[np.float64]

    def at(self, chosen: NDArray[np.bool_]) -> Rows:
        """The rows at which `chosen`, (N,), is True."""
        return Rows(self.features[chosen], self.classes[chosen], self.stands_for[chosen])


def sample_pixels(
    working: NDArray[np.uint8], classed: NDArray[np.intp], pictures: int, random: np.random.Generator
) -> Rows:
    """The training pixels of one of so many `pictures`.

    `working` is (H, W, 3) RGB, `classed` (H, W) the class of every pixel. Of each class as many are taken at
    edges, where classes are told apart, as away from them.
    """
    most = max(1, PIXELS_PER_CLASS // (len(_LIGHTS) * pictures))
    rows = []
    for view in _views(working):
        chosen, stands_for = _choose(classed, most, random)
        features = pixel_features(view).reshape(-1, COUNT)[chosen]
        rows.append(Rows(features, classed.reshape(-1)[chosen], stands_for))
    return joined(rows)


def joined(rows: Sequence[Rows]) -> Rows:
    """All training pixels together."""
    features, classes, stands_for = zip(*rows, strict=True)
    return Rows(np.concatenate(features), np.concatenate(classes), np.concatenate(stands_for))


def without(rows: Sequence[Rows], picture: int) -> Rows:
    """All training pixels but those of one picture, of which only the classes stay that no other shows."""
    others = joined([r for i, r in enumerate(rows) if i != picture])
    own = rows[picture]
    return joined([others, own.at(~np.isin(own.classes, others.classes))])


def weights_of(rows: Rows) -> NDArray[np.float64]:
    """How much each row counts, (N,), about 1: a class of more pixels counts more, as COMMONNESS says."""
    shares = np.bincount(rows.classes, rows.stands_for) / rows.stands_for.sum()
    weights = rows.stands_for * np.maximum(shares, 1e-12)[rows.classes] ** (COMMONNESS - 1)
    return np.asarray(weights / weights.mean(), np.float64)


def _views(working: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    values = np.arange(256) / 255
    for gain, gamma in _LIGHTS:
        table = np.clip(gain * values**gamma * 255, 0, 255).astype(np.uint8)
        yield table[working]


def _choose(
    classed: NDArray[np.intp], most: int, random: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Indices of pixels, `most` of each class at edges and away from them, and what each stands for."""
    kernel = np.ones((EDGE, EDGE), np.uint8)
    numbers = classed.astype(np.float32)
    edge = (cv2.dilate(numbers, kernel) != cv2.erode(numbers, kernel)).reshape(-1)
    flat = classed.reshape(-1)
    strata = [np.flatnonzero((flat == n) & (edge == at)) for n in np.unique(flat) for at in (False, True)]
    places = [stratum for stratum in strata if len(stratum)]
    chosen = [random.choice(p, min(most, len(p)), replace=False) for p in places]
    stands_for = [np.full(len(c), len(p) / len(c)) for c, p in zip(chosen, places, strict=True)]
    return np.concatenate(chosen), np.concatenate(stands_for)
