"""What AdaCLIP is shown in training: pictures and masks at its size, some as 2x2 mosaics of their product.

Their order, and which are mosaics of which, follows from the seed, the epoch and the place alone, so that a
training that goes on shows what it would have shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ....schema import PictureError
from ...pictures import read_indices, read_picture, shown
from ...samples import Pixels
from .auxiliary import AuxiliaryPicture
from .detector import squared

MVTEC_PRODUCTS: Final = (
    *("bottle", "cable", "capsule", "carpet", "grid", "hazelnut", "leather", "metal_nut", "pill", "screw"),
    *("tile", "toothbrush", "transistor", "wood", "zipper"),
)
"""Those of MVTec AD, of which the public code makes mosaics."""

PUBLISHED_MOSAICS: Final = 0.2
"""The share of MVTec AD's pictures of which it does."""

_LOSSY: Final = (".jpg", ".jpeg", ".webp")
_HALF: Final = 128


@dataclass(frozen=True, eq=False)
class Example:
    """One picture to learn from."""

    pixels: Pixels = field(repr=False)
    """(size, size, 3) RGB."""
    mask: NDArray[np.bool_] = field(repr=False)
    """(size, size), True where it is anomalous; all False where that is not known."""
    anomalous: bool
    masked: bool
    """Whether the mask is known."""
    product: str


@dataclass(frozen=True)
class Examples:
    """All examples of a training.

    The label of a mosaic is that of its four pictures together. The public code keeps that of the picture
    whose place the mosaic takes, which calls some mosaics with defects normal.
    """

    pictures: Sequence[AuxiliaryPicture]
    size: int
    """Width and height that the network takes, in pixels."""
    seed: int = 0
    mosaics: float | None = None
    """Share of pictures that become mosaics, 0 to 1; None is as published: 0.2 of MVTec AD's, no others."""

    def order(self, epoch: int) -> list[int]:
        """The places of all pictures, in the order of an epoch."""
        random = np.random.default_rng([self.seed, epoch])
        return [int(place) for place in random.permutation(len(self.pictures))]

    def __call__(self, epoch: int, place: int) -> Example:
        """The picture at a place, or the mosaic that takes it in this epoch.

        Raises:
            PictureError: A picture or a mask is damaged.
        """
        # One more, since a seed of (a, b) is the seed of (a, b, 0) as well.
        random = np.random.default_rng([self.seed, epoch, place + 1])
        picture = self.pictures[place]
        if random.random() >= self._share(picture.product):
            return _example([picture], self.size)
        same = self._by_product[picture.product]
        chosen = random.choice(len(same), 4, replace=len(same) < 4)
        return _example([same[number] for number in chosen], self.size)

    @cached_property
    def _by_product(self) -> dict[str, list[AuxiliaryPicture]]:
        found: dict[str, list[AuxiliaryPicture]] = {}
        for picture in self.pictures:
            found.setdefault(picture.product, []).append(picture)
        return found

    def _share(self, product: str) -> float:
        if self.mosaics is not None:
            return self.mosaics
        return PUBLISHED_MOSAICS if product in MVTEC_PRODUCTS else 0.0


def _example(pictures: Sequence[AuxiliaryPicture], size: int) -> Example:
    """One picture, or four as a mosaic whose tiles all have the size of the first."""
    pixels = _laid_out([read_picture(picture.path).pixels for picture in pictures])
    mask = Image.fromarray(_laid_out([_mask(picture) for picture in pictures]))
    return Example(
        squared(pixels, size),
        np.asarray(mask.resize((size, size), Image.Resampling.BILINEAR)) >= _HALF,
        any(picture.anomalous for picture in pictures),
        all(picture.masked for picture in pictures),
        pictures[0].product,
    )


def _laid_out(tiles: Sequence[Pixels]) -> Pixels:
    if len(tiles) == 1:
        return tiles[0]
    height, width = tiles[0].shape[:2]
    same = [np.asarray(Image.fromarray(tile).resize((width, height))) for tile in tiles]
    return np.vstack([np.hstack(same[:2]), np.hstack(same[2:])])


def _mask(picture: AuxiliaryPicture) -> Pixels:
    """(height, width) of the picture, 0 or 255."""
    if picture.mask is None:
        width, height = picture.size
        return np.zeros((height, width), np.uint8)
    values = _mask_values(picture.mask)
    # Compression leaves grey traces around what is black.
    defect = values >= _HALF if picture.mask.suffix.lower() in _LOSSY else values > 0
    return defect.astype(np.uint8) * np.uint8(255)


def _mask_values(path: Path) -> NDArray[np.int32]:
    """The bare values of a mask; of one in colour the largest of each pixel."""
    try:
        return read_indices(path.read_bytes(), shown(path))[0]
    except PictureError:  # in colour; where it is damaged, the next line says so
        return np.asarray(read_picture(path).pixels.max(axis=2), np.int32)
