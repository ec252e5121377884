"""How far the patches of a picture are from the nearest patches of normal pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from sklearn.neighbors import NearestNeighbors

from ...schema import DetectorError
from ..pixel_features import COUNT, pixel_features
from ..samples import Pixels, Sample
from .detector import Detector, DetectorOptions, Scores

PATCH: Final = 8
"""Side of a patch, in pixels of the size at which patches are compared."""


class PatchDistanceOptions(DetectorOptions):
    """What `patch-distance` can be told."""

    size: int = Field(default=512, ge=2 * PATCH)
    """Pixels of the longer side at which patches are compared; smaller pictures are not enlarged."""
    bank: int = Field(default=20_000, ge=1)
    """Patches of normal pictures that are remembered."""


class PatchDistance(Detector):
    """Distance of each patch's colour and texture to the nearest patch of normal pictures.

    A memory bank of patches as in PatchCore (Roth et al., "Towards Total Recall in Industrial Anomaly
    Detection", CVPR 2022), with a random subset in place of its coreset, and with the features that the part
    model uses in place of a network's.
    """

    kind = "patch-distance"
    summary = (
        "distance of each patch to the nearest patch of normal pictures; learns from some, needs no torch"
    )
    Options = PatchDistanceOptions
    learns = True

    def __init__(self, options: PatchDistanceOptions) -> None:
        super().__init__(options)
        self._size, self._most = options.size, options.bank
        self._tensors: dict[str, NDArray[np.float32]] = {}
        self._nearest = NearestNeighbors(n_neighbors=1, algorithm="brute")

    def fit(self, samples: Iterable[Sample]) -> None:
        """Remember patches of normal pictures, a random choice among all of them.

        Raises:
            DetectorError: There is no picture.
        """
        random = np.random.default_rng(self.options.seed)
        bank, keys = np.empty((0, COUNT), np.float32), np.empty(0)
        for sample in samples:
            patches = self._patches(sample.pixels).reshape(-1, COUNT)
            # The patches with the smallest of random keys: a fair choice, however many pictures come.
            bank = np.concatenate([bank, patches])
            keys = np.concatenate([keys, random.random(len(patches))])
            if len(keys) > self._most:
                kept = np.sort(np.argpartition(keys, self._most)[: self._most])
                bank, keys = bank[kept], keys[kept]
        if not len(bank):
            raise DetectorError(f"{self.name}: there is no normal picture to learn from")
        self.restore({"bank": bank, "scale": bank.std(axis=0) + 1e-6})

    def look(self, samples: Sequence[Sample]) -> list[tuple[Scores, float]]:
        """The distance in units of the spread of normal patches, smoothed by one patch; its largest value.

        Raises:
            DetectorError: It has not learned yet.
        """
        if not self._tensors:
            raise DetectorError(f"{self.name}: has not learned yet; give it normal pictures first")
        return [self._look(sample.pixels) for sample in samples]

    def tensors(self) -> Mapping[str, NDArray[np.float32]]:
        """`bank`, (patches, features), and `scale`, (features,)."""
        return self._tensors

    def restore(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Take back what was learned.

        Raises:
            DetectorError: It is not what this detector keeps.
        """
        bank, scale = tensors.get("bank"), tensors.get("scale")
        if bank is None or scale is None or scale.shape != (COUNT,) or bank.shape != (len(bank), COUNT):
            raise DetectorError(f"{self.name}: what it learned is damaged, or of another version")
        self._tensors = {"bank": np.asarray(bank, np.float32), "scale": np.asarray(scale, np.float32)}
        self._nearest.fit(self._tensors["bank"] / self._tensors["scale"])

    def _look(self, pixels: Pixels) -> tuple[Scores, float]:
        patches = self._patches(pixels)
        rows, columns, _ = patches.shape
        distances, _ = self._nearest.kneighbors(patches.reshape(-1, COUNT) / self._tensors["scale"])
        coarse = distances.reshape(rows, columns).astype(np.float32) / np.sqrt(COUNT)
        smooth = cv2.GaussianBlur(coarse, (0, 0), 1.0)
        size = (pixels.shape[1], pixels.shape[0])
        scores = np.asarray(cv2.resize(smooth, size, interpolation=cv2.INTER_LINEAR), np.float32)
        return scores, float(scores.max())

    def _patches(self, pixels: Pixels) -> NDArray[np.float32]:
        """Mean features of patches, (rows, columns, COUNT)."""
        height, width = pixels.shape[:2]
        factor = min(1.0, self._size / max(height, width))
        size = (max(PATCH, round(width * factor)), max(PATCH, round(height * factor)))
        small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        features = pixel_features(small)
        rows, columns = size[1] // PATCH, size[0] // PATCH
        inside = features[: rows * PATCH, : columns * PATCH]
        return np.asarray(inside.reshape(rows, PATCH, columns, PATCH, -1).mean(axis=(1, 3)), np.float32)
