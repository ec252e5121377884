"""From the pixels of one label to its parts: touching ones split, slivers dropped with the reason kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.measure import regionprops
from skimage.segmentation import watershed
from sklearn.mixture import GaussianMixture

from ..schema import Record

SLIVER = 0.25
"""A piece smaller than this share of the smallest annotated part is no part."""

SURELY_SEVERAL = 1.5
"""A blob larger than this many of the largest annotated part is tried as several parts."""

PERHAPS_SEVERAL = 1.25
"""So is one this large when its outline is also more dented than any annotated one."""

DENTED = 0.06
"""How much solidity must fall below the lowest annotated one to count as more dented."""

MOST_PIECES = 24

BoolMask = NDArray[np.bool_]


class Traits(Record):
    """What one annotated part looks like, in pixels of the working picture."""

    area: float
    length: float
    """Major axis of the ellipse with the same second moments."""
    solidity: float
    """Area divided by the area of the convex hull, 0 to 1."""


class Blob(NamedTuple):
    """A mask cropped to its box, and the place of its top left pixel."""

    mask: BoolMask
    x: int
    y: int


def traits_of(mask: BoolMask) -> Traits:
    """Measure one part from its mask, which holds at least one pixel."""
    (region,) = regionprops(mask.astype(np.uint8))
    return Traits(
        area=float(region.area),
        length=max(1.0, float(region.axis_major_length)),
        solidity=float(region.solidity),
    )


def find_instances(mask: BoolMask, known: Sequence[Traits]) -> tuple[list[Blob], list[float]]:
    """The parts in the (H, W) mask of one label, and the areas of the slivers that were dropped.

    `known` holds the annotated parts of the label; it decides what is too small to be a part and what
    is so large or so dented that it must be several touching ones.
    """
    smallest = min(traits.area for traits in known)
    blobs: list[Blob] = []
    slivers: list[float] = []
    for blob in _components(mask):
        area = float(blob.mask.sum())
        if area < SLIVER * smallest:
            slivers.append(area)
        else:
            blobs.extend(_split(blob, known))
    return blobs, slivers


def settle(probability: NDArray[np.float32], known: Mapping[int, Sequence[Traits]]) -> NDArray[np.intp]:
    """The class (H, W) of every pixel from probabilities (H, W, K): the likeliest, one a blob.

    Parts that look alike up close (a long and a short screw) get pixels of both classes; only the whole
    tells which one it is. A blob of the classes in `known` becomes the part that it resembles best, by its
    annotated Traits and by the probabilities of its pixels, unless its one-class pieces resemble better.
    """
    classes: NDArray[np.intp] = probability.argmax(axis=2)
    for blob in _components(np.isin(classes, list(known))):
        height, width = blob.mask.shape
        place = np.s_[blob.y : blob.y + height, blob.x : blob.x + width]
        window, here = classes[place], probability[place]
        costs = _costs(blob.mask, here, known)
        best = min(costs, key=lambda number: costs[number])
        if costs[best] <= _cost_in_pieces(np.where(blob.mask, window, 0), here, known):
            window[blob.mask] = best
    return classes


def _costs(
    mask: BoolMask, probability: NDArray[np.float32], known: Mapping[int, Sequence[Traits]]
) -> dict[int, float]:
    """For each class how unlikely the mask is to be one part of it, by its shape and by its pixels."""
    traits, means = traits_of(mask), probability[mask].mean(axis=0)
    return {number: _unlikeness(traits, parts) + 1 - float(means[number]) for number, parts in known.items()}


def _cost_in_pieces(
    classes: NDArray[np.intp], probability: NDArray[np.float32], known: Mapping[int, Sequence[Traits]]
) -> float:
    """The same for the one-class pieces of a blob together, weighted by area; none costs more than 2."""
    costs, areas = [], []
    for number in np.unique(classes[classes > 0]):
        for mask, x, y in _components(classes == number):
            here = probability[y : y + mask.shape[0], x : x + mask.shape[1]]
            costs.append(min(2.0, _costs(mask, here, known)[number]))
            areas.append(mask.sum())
    return float(np.average(costs, weights=areas))


def _components(mask: BoolMask) -> Iterable[Blob]:
    labelled, _ = ndimage.label(mask)
    for number, (rows, columns) in enumerate(ndimage.find_objects(labelled), start=1):
        yield Blob(labelled[rows, columns] == number, columns.start, rows.start)


def _split(blob: Blob, known: Sequence[Traits]) -> list[Blob]:
    """Cut a blob where the pieces resemble annotated parts clearly better than the whole does."""
    whole = traits_of(blob.mask)
    largest = max(traits.area for traits in known)
    dented = whole.solidity < min(traits.solidity for traits in known) - DENTED
    if whole.area < SURELY_SEVERAL * largest and not (dented and whole.area > PERHAPS_SEVERAL * largest):
        return [blob]
    typical = float(np.median([traits.area for traits in known]))
    guess = round(whole.area / typical)
    best, best_cost = [blob], _unlikeness(whole, known)
    for count in range(max(2, guess - 1), min(guess + 1, MOST_PIECES) + 1):
        for labelled in (_by_necks(blob.mask, count), _by_places(blob.mask, count)):
            pieces = [piece for n in range(1, count + 1) for piece in _largest_piece(labelled == n)]
            if len(pieces) < 2:
                continue
            # A piece more must earn its keep, or noise would be cut ever finer.
            cost = float(np.mean([_unlikeness(traits_of(p.mask), known) for p in pieces])) + 0.05 * len(
                pieces
            )
            if cost < best_cost:
                best, best_cost = [Blob(p.mask, p.x + blob.x, p.y + blob.y) for p in pieces], cost
    return best


def _unlikeness(traits: Traits, known: Sequence[Traits]) -> float:
    """0 for a part just like an annotated one, about 1 for one twice as large and twice as long."""
    return min(
        abs(math.log(traits.area / k.area))
        + abs(math.log(traits.length / k.length))
        + 2 * abs(traits.solidity - k.solidity)
        for k in known
    )


def _by_necks(mask: BoolMask, count: int) -> NDArray[np.int32]:
    """Pieces 1 .. count, cut where the mask is narrow (watershed on the distance to the outline)."""
    padded = np.pad(mask, 1).astype(np.uint8)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    distance = cv2.GaussianBlur(distance, (0, 0), 1.0)
    peaks = peak_local_max(
        distance, min_distance=max(1, int(0.7 * distance.max())), num_peaks=count, labels=mask.astype(int)
    )
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return np.asarray(watershed(-distance, markers, mask=mask), np.int32)


def _by_places(mask: BoolMask, count: int) -> NDArray[np.int32]:
    """Pieces 1 .. count, each an elongated cloud of pixels (Gaussian mixture on the coordinates)."""
    places = np.argwhere(mask)
    step = max(1, len(places) // 3000)
    if len(places[::step]) < 2 * count:
        return mask.astype(np.int32)
    mixture = GaussianMixture(count, random_state=0, reg_covar=1e-2).fit(places[::step])
    labelled = np.zeros(mask.shape, np.int32)
    labelled[mask] = mixture.predict(places) + 1
    return labelled


def _largest_piece(mask: BoolMask) -> list[Blob]:
    return sorted(_components(mask), key=lambda blob: int(blob.mask.sum()), reverse=True)[:1]
