"""From the pixels of one label to its parts: touching ones split, slivers dropped with the reason kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import scipy
import skimage
from numpy.typing import NDArray
from pydantic import Field

from ..schema import Record
from .silhouettes import MOST_LAID, Silhouettes, partition

SLIVER = 0.3
"""A piece with fewer sure pixels than this share of a small annotated part is no part."""

SMALL = 0.1
"""Share of the annotated parts that are smaller than a small one; hidden ones may be next to nothing."""

SURELY_SEVERAL = 1.5
"""A blob larger than this many of the largest annotated part is tried as several parts."""

PERHAPS_SEVERAL = 1.25
"""So is one this large when its outline is also more dented than any annotated one."""

DENTED = 0.06
"""How much solidity must fall below the lowest annotated one to count as more dented."""

SAME = 0.65
"""A piece is an annotated part when their intersection is at least this share of their union."""

CHANCE = 0.2
"""What minus the mean logarithm of the probabilities of its pixels weighs in the cost of a blob as one part,
where its shape weighs 1."""

UNLIKELY = 0.02
"""The lowest probability of a pixel that is believed."""

PLAIN, BEYOND = 0.8, 0.1
"""From where on it counts less how strange a shape is, and how much it counts then."""

RULED_OUT = 0.1
"""A pixel that is less likely than this of a class surely is not of it."""

HEAP = 0.4
"""What its shape costs a blob that must be several touching parts of a class, whatever it is."""

STRANGE = 0.5
"""A blob that costs more than this, as one part and in its one-class pieces, is tried as silhouettes."""

SHOWN = 0.05
"""A class with fewer of the pixels of a blob is not looked for in it."""

MOST_TYPICAL = 3
"""Silhouettes that are kept of a label."""

UNLIKE = 0.25
"""Annotated parts that differ by more than this, see `_unlikeness`, both are typical."""

MOST_PIECES = 24

BoolMask = NDArray[np.bool_]


class Traits(Record):
    """What one annotated part looks like, in pixels of the working picture."""

    area: float = Field(gt=0)
    length: float = Field(gt=0)
    """Major axis of the ellipse with the same second moments."""
    solidity: float
    """Area divided by the area of the convex hull, 0 to 1."""


class Blob(NamedTuple):
    """A mask (h, w), and the place of its top left pixel in the picture."""

    mask: BoolMask
    x: int
    y: int


def traits_of(mask: BoolMask) -> Traits:
    """Measure one part from its mask, which holds at least one pixel."""
    (region,) = skimage.measure.regionprops(mask.astype(np.uint8))
    return Traits(
        area=float(region.area),
        length=max(1.0, float(region.axis_major_length)),
        solidity=float(region.solidity),
    )


def find_instances(
    mask: BoolMask, chance: NDArray[np.float32], known: Sequence[Traits]
) -> tuple[list[Blob], list[float]]:
    """The parts in the (H, W) mask of one label, and the areas of the slivers that were dropped.

    `chance` (H, W) is the probability of a part, by which each pixel of a piece counts. `known` holds the
    annotated parts of the label; it decides what is too small to be a part and what is so large or so dented
    that it must be several touching ones.
    """
    least = least_area(known)
    blobs: list[Blob] = []
    slivers: list[float] = []
    for blob in _components(mask):
        if float(window(chance, blob)[blob.mask].sum()) < least:
            slivers.append(float(blob.mask.sum()))
        else:
            blobs.extend(_split(blob, known))
    return blobs, slivers


def least_area(known: Sequence[Traits]) -> float:
    """How many sure pixels a piece must have at the least to be a part like the annotated ones."""
    return SLIVER * float(np.quantile([traits.area for traits in known], SMALL))


def window(values: NDArray[Any], blob: Blob) -> NDArray[Any]:
    """The values (H, W, ...) of a picture in the box of a blob, as a view."""
    height, width = blob.mask.shape
    return values[blob.y : blob.y + height, blob.x : blob.x + width]


def as_seen(masks: Sequence[BoolMask], seen: BoolMask) -> list[BoolMask]:
    """Each annotated mask (H, W) as the piece of `seen` (H, W) that is it alone, or as it was drawn."""
    pieces, _ = scipy.ndimage.label(seen)
    places = [int(np.bincount(pieces[mask]).argmax()) for mask in masks]
    found = []
    for mask, place in zip(masks, places, strict=True):
        piece: BoolMask = pieces == place
        alone = place > 0 and places.count(place) == 1
        alike = alone and (piece & mask).sum() >= SAME * (piece | mask).sum()
        found.append(piece if alike else mask)
    return found


class Settled(NamedTuple):
    """The class (H, W) of every pixel, and the parts that are known already, each with its class."""

    classes: NDArray[np.intp]
    parts: list[tuple[int, Blob]]


def settle(
    probability: NDArray[np.float32], known: Mapping[int, Sequence[Traits]], silhouettes: Silhouettes
) -> Settled:
    """Decide blobs as a whole: the likeliest class of every pixel from probabilities (H, W, K) is a start.

    Parts that look alike up close (a long and a short screw) get pixels of both classes; only the whole
    tells which one it is. A blob of the classes in `known` becomes the part that it resembles best, by its
    annotated Traits and by the probabilities of its pixels, unless its one-class pieces resemble better, one
    of them surely is another part, or the parts that come of laying the `silhouettes` on it resemble best.
    """
    classes: NDArray[np.intp] = probability.argmax(axis=2)
    parts: list[tuple[int, Blob]] = []
    for blob in _components(np.isin(classes, list(known))):
        labelled, here = window(classes, blob), window(probability, blob)
        costs = _costs(blob.mask, here, known)
        best = min(costs, key=lambda number: costs[number])
        pieces = _pieces(np.where(blob.mask, labelled, 0))
        in_pieces = _mean_cost(pieces, here, known)
        if min(costs[best], in_pieces) > STRANGE:
            laid = _laid(blob.mask, labelled, here, known, silhouettes)
            if laid and _mean_cost(laid, here, known) < min(costs[best], in_pieces):
                for number, piece in laid:
                    labelled[piece.mask] = number
                    parts.append((number, Blob(piece.mask, blob.x, blob.y)))
                continue
        if costs[best] <= in_pieces and not _shows_another(pieces, best, here, known):
            labelled[blob.mask] = best
    return Settled(classes, parts)


def _laid(
    mask: BoolMask,
    labelled: NDArray[np.intp],
    probability: NDArray[np.float32],
    known: Mapping[int, Sequence[Traits]],
    silhouettes: Silhouettes,
) -> list[tuple[int, Blob]]:
    """The parts of a blob by the silhouettes of the classes that it shows, where it is a handful of parts."""
    areas = {n: float((labelled[mask] == n).sum()) for n in known}
    shown = {n: area for n, area in areas.items() if area >= SHOWN * mask.sum()}
    count = sum(area / float(np.median([t.area for t in known[n]])) for n, area in shown.items())
    if not SLIVER <= count <= MOST_LAID:
        return []
    laid = partition(mask, probability, {n: silhouettes[n] for n in shown})
    return [(_likest(piece, probability, known), Blob(piece, 0, 0)) for _, piece in laid]


def _costs(
    mask: BoolMask, probability: NDArray[np.float32], known: Mapping[int, Sequence[Traits]]
) -> dict[int, float]:
    """For each class how unlikely the mask is to be one part of it, by its shape and by its pixels."""
    traits, chances = traits_of(mask), _chances(mask, probability)
    return {n: _shape_cost(traits, parts) - CHANCE * chances[n] for n, parts in known.items()}


def _shape_cost(traits: Traits, known: Sequence[Traits]) -> float:
    """The `_unlikeness` to the nearest third of the annotated parts: a single odd one does not decide.

    What goes beyond PLAIN hardly counts: a screw cut short still is no washer.
    """
    unlike = sorted(_unlikeness(traits, [part]) for part in known)
    mean = float(np.mean(unlike[: math.ceil(len(unlike) / 3)]))
    return min(PLAIN, mean) + BEYOND * max(0.0, mean - PLAIN)


def _chances(mask: BoolMask, probability: NDArray[np.float32]) -> NDArray[np.float64]:
    """For each class (K,) the mean logarithm of its probabilities (h, w, K) in the mask."""
    believed = np.maximum(probability[mask], UNLIKELY)
    return np.asarray(np.log(believed).mean(axis=0), np.float64)


def _likest(mask: BoolMask, probability: NDArray[np.float32], known: Mapping[int, Sequence[Traits]]) -> int:
    """The class that the mask costs least as."""
    costs = _costs(mask, probability, known)
    return min(costs, key=lambda number: costs[number])


def _pieces(classes: NDArray[np.intp]) -> list[tuple[int, Blob]]:
    """The one-class pieces of a picture of classes (h, w), each with its class, without those of class 0."""
    numbers = (int(number) for number in np.unique(classes[classes > 0]))
    return [(number, blob) for number in numbers for blob in _components(classes == number)]


def _shows_another(
    pieces: Sequence[tuple[int, Blob]],
    best: int,
    probability: NDArray[np.float32],
    known: Mapping[int, Sequence[Traits]],
) -> bool:
    """Whether one of the pieces has the pixels for a part of its own that surely are not of class `best`."""
    for number, blob in pieces:
        here = window(probability, blob)[blob.mask]
        others = here[here[:, best] < RULED_OUT]
        if number != best and float(others[:, number].sum()) >= least_area(known[number]):
            return True
    return False


def _mean_cost(
    pieces: Sequence[tuple[int, Blob]],
    probability: NDArray[np.float32],
    known: Mapping[int, Sequence[Traits]],
) -> float:
    """The costs of several pieces, each as its class, weighted by area; none costs more than 2."""
    costs = []
    for number, blob in pieces:
        traits, parts = traits_of(blob.mask), known[number]
        heap = traits.area > SURELY_SEVERAL * max(t.area for t in parts)
        shape = HEAP if heap else _shape_cost(traits, parts)
        costs.append(min(2.0, shape - CHANCE * _chances(blob.mask, window(probability, blob))[number]))
    return float(np.average(costs, weights=[blob.mask.sum() for _, blob in pieces]))


def _components(mask: BoolMask) -> Iterable[Blob]:
    labelled, _ = scipy.ndimage.label(mask)
    for number, (rows, columns) in enumerate(scipy.ndimage.find_objects(labelled), start=1):
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


def typical(masks: Sequence[BoolMask]) -> list[BoolMask]:
    """The masks, at most MOST_TYPICAL, that stand for all annotated parts of a label, none half hidden.

    The one of the median area comes first, then those of the nearest area that are unlike all taken.
    """
    traits = [traits_of(mask) for mask in masks]
    middle = float(np.median([t.area for t in traits]))
    taken: list[int] = []
    for i in sorted(range(len(masks)), key=lambda i: abs(math.log(traits[i].area / middle))):
        whole = traits[i].area > middle / 2
        if not taken or (whole and _unlikeness(traits[i], [traits[k] for k in taken]) > UNLIKE):
            taken.append(i)
    return [masks[i] for i in taken[:MOST_TYPICAL]]


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
    peaks = skimage.feature.peak_local_max(
        distance, min_distance=max(1, int(0.7 * distance.max())), num_peaks=count, labels=mask.astype(int)
    )
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return np.asarray(skimage.segmentation.watershed(-distance, markers, mask=mask), np.int32)


def _by_places(mask: BoolMask, count: int) -> NDArray[np.int32]:
    """Pieces 1 .. count, each an elongated cloud of pixels (Gaussian mixture on the coordinates)."""
    places = np.argwhere(mask)
    step = max(1, len(places) // 3000)
    if len(places[::step]) < 2 * count:
        return mask.astype(np.int32)
    from sklearn.mixture import GaussianMixture  # takes a second, and is seldom needed

    mixture = GaussianMixture(count, random_state=0, reg_covar=1e-2).fit(places[::step])
    labelled = np.zeros(mask.shape, np.int32)
    labelled[mask] = mixture.predict(places) + 1
    return labelled


def _largest_piece(mask: BoolMask) -> list[Blob]:
    return sorted(_components(mask), key=lambda blob: int(blob.mask.sum()), reverse=True)[:1]
