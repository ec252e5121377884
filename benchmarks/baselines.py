"""What an inspection must beat: a detector that never alarms, and the distance of patches to good ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from ..schema import DatasetError, PictureError
from ..tools.features import pixel_features
from ..tools.pictures import read_picture
from .loco import LocoCategory
from .maps import ScoredPicture

Pixels = NDArray[np.uint8]
Map = NDArray[np.float32]

WORKING: Final = 512
"""Pixels of the longer side at which patches are compared."""
PATCH: Final = 8
"""Side of a patch in those pixels."""
BANK: Final = 20_000
"""Patches of good pictures that are remembered."""


class Baseline(Protocol):
    """Something that turns pictures into anomaly maps."""

    learns: bool
    """Whether `fit` looks at pictures."""

    def fit(self, pictures: Iterator[Pixels], count: int) -> None:
        """Learn from good pictures, of which there are about so many, each (height, width, 3) RGB."""

    def predict(self, pixels: Pixels) -> Map:
        """The anomaly map of a picture, (height, width), larger is more anomalous."""


class AlwaysNormal:
    """Says that everything is normal: what a metric gives for nothing."""

    learns = False

    def fit(self, pictures: Iterator[Pixels], count: int) -> None:
        """There is nothing to learn, so that no picture is read."""

    def predict(self, pixels: Pixels) -> Map:
        """Zero everywhere."""
        return np.zeros(pixels.shape[:2], np.float32)


class PatchDistance:
    """Distance of each patch's colour and texture to the nearest patch of good pictures.

    A memory bank of patches as in PatchCore (Roth et al., "Towards Total Recall in Industrial Anomaly
    Detection", CVPR 2022), with a random subset in place of its coreset, and with the features that the part
    model uses in place of a network's.
    """

    learns = True

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._scale: NDArray[np.float32] = np.ones(1, np.float32)
        self._nearest = NearestNeighbors(n_neighbors=1, algorithm="brute")

    def fit(self, pictures: Iterator[Pixels], count: int) -> None:
        """Remember patches of all pictures, as many of each.

        Raises:
            DatasetError: There is no picture.
        """
        share = max(1, BANK // max(1, count))
        some = []
        for pixels in pictures:
            patches = _patches(pixels)
            flat = patches.reshape(-1, patches.shape[-1])
            some.append(self._random.choice(flat, min(share, len(flat)), replace=False))
        if not some:
            raise DatasetError("there is no good picture to learn from")
        bank = np.concatenate(some)
        self._scale = np.asarray(bank.std(axis=0) + 1e-6, np.float32)
        self._nearest.fit(bank / self._scale)

    def predict(self, pixels: Pixels) -> Map:
        """The distance in units of the spread of good patches, smoothed by one patch."""
        patches = _patches(pixels)
        rows, columns, features = patches.shape
        distances, _ = self._nearest.kneighbors(patches.reshape(-1, features) / self._scale)
        coarse = distances.reshape(rows, columns).astype(np.float32) / np.sqrt(features)
        smooth = cv2.GaussianBlur(coarse, (0, 0), 1.0)
        size = (pixels.shape[1], pixels.shape[0])
        return np.asarray(cv2.resize(smooth, size, interpolation=cv2.INTER_LINEAR), np.float32)


BASELINES: Final[dict[str, type[AlwaysNormal] | type[PatchDistance]]] = {
    "always-normal": AlwaysNormal,
    "patch-distance": PatchDistance,
}
"""By the name that a user gives."""


class BaselineMaps:
    """The maps that a baseline makes of one category, each when it is asked for."""

    def __init__(
        self, baseline: Baseline, category: LocoCategory, on_learned: Callable[[], None] = lambda: None
    ) -> None:
        """`on_learned` is told of each picture that is learned from."""
        self._baseline = baseline
        self._category = category
        self._on_learned = on_learned
        self.problems: list[str] = []
        """One line for each picture that cannot be used; complete when `pictures` has ended."""

    def pictures(self) -> Iterator[ScoredPicture]:
        """Learn from `train/good`, then the maps beside their ground truth.

        Raises:
            DatasetError: There is no good picture to learn from.
        """
        self._baseline.fit(self._good(), len(self._category.select("train")))
        for picture in self._category.select("test"):
            try:
                pixels = read_picture(picture.path).pixels
                defects = self._category.defects(picture)
            except (PictureError, DatasetError) as error:
                self.problems.append(str(error))
            else:
                yield ScoredPicture(self._baseline.predict(pixels), defects, picture.group, picture.name)

    def _good(self) -> Iterator[Pixels]:
        for picture in self._category.select("train"):
            self._on_learned()
            try:
                yield read_picture(picture.path).pixels
            except PictureError as error:
                self.problems.append(str(error))

    def files(self) -> list[Path]:
        """The pictures that are learned from."""
        return [picture.path for picture in self._category.select("train")]

    def count(self) -> int:
        """How many maps there are."""
        return len(self._category.select("test"))


def _patches(pixels: Pixels) -> NDArray[np.float32]:
    """Mean features of patches, (rows, columns, features)."""
    height, width = pixels.shape[:2]
    factor = min(1.0, WORKING / max(height, width))
    size = (max(PATCH, round(width * factor)), max(PATCH, round(height * factor)))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    features = pixel_features(small)
    rows, columns = size[1] // PATCH, size[0] // PATCH
    inside = features[: rows * PATCH, : columns * PATCH]
    return np.asarray(inside.reshape(rows, PATCH, columns, PATCH, -1).mean(axis=(1, 3)), np.float32)
