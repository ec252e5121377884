"""Parts that touch or cross, told apart: annotated silhouettes are laid on a blob until they explain it.

Greedy template matching: of all silhouettes in all turns and places the one that explains most of the blob is
laid first, what it covers is explained, and so on while there is much to explain. The correlations are done
in the frequency domain (Lewis, "Fast normalized cross-correlation", 1995) on a reduced blob.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

import cv2
import numpy as np
import scipy
from numpy.typing import NDArray

from ..schema import ProductError

REDUCED_SIDE = 96
"""A blob is matched at no more than this many pixels on its longer side."""

TURN = 5
"""Degrees from one turn of a silhouette to the next."""

ALIKE = 0.85
"""A turn that covers this share of the last one (intersection over union) adds nothing: round things."""

OTHER = 0.4
"""How much less a pixel is explained by a silhouette of a class that it surely does not have."""

EXPLAINS = 0.35
"""A silhouette is laid only where it explains pixels worth this share of its own."""

MOST_LAID = 8
"""Silhouettes that are laid on a blob at most."""

LARGEST_SIDE = 4096
"""Pixels of a stored silhouette that is accepted; larger than any working picture."""

_PREFIX = "silhouette."
"""Of the names of stored silhouettes, before the class and a number."""

BoolMask = NDArray[np.bool_]
Floats = NDArray[np.float32]
Silhouettes = Mapping[int, Sequence[BoolMask]]
"""For each class its typical masks, in pixels of the working picture."""


class Turned(NamedTuple):
    """A silhouette of a class in one turn, reduced; 1.0 inside and 0.0 outside."""

    number: int
    mask: Floats


def partition(mask: BoolMask, probability: Floats, silhouettes: Silhouettes) -> list[tuple[int, BoolMask]]:
    """The parts of a blob, each its class and its mask (h, w); no part where nothing is explained.

    `mask` is (h, w), `probability` (h, w, K) in the same window. Every pixel of the blob goes to one part:
    the one in whose silhouette it lies deepest, or the nearest.
    """
    factor = min(1.0, REDUCED_SIDE / max(mask.shape))
    turned = [t for number, masks in silhouettes.items() for m in masks for t in _turns(number, m, factor)]
    laid = _lay(_evidence(mask, probability, list(silhouettes), factor), turned)
    if not laid:
        return []
    depths = [_depth(place, mask.shape) for _, place in laid]
    owner = np.argmin(depths, axis=0)
    parts = [(number, mask & (owner == i)) for i, (number, _) in enumerate(laid)]
    return [(number, part) for number, part in parts if part.any()]


def silhouette_arrays(silhouettes: Silhouettes) -> dict[str, NDArray[np.uint8]]:
    """The silhouettes as plain arrays by name; `silhouettes_from` makes the same of them."""
    return {
        f"{_PREFIX}{number}.{i}": mask.astype(np.uint8)
        for number, masks in silhouettes.items()
        for i, mask in enumerate(masks)
    }


def silhouettes_from(arrays: Mapping[str, NDArray[Any]], numbers: Set[int]) -> dict[int, list[BoolMask]]:
    """Put the silhouettes of the classes `numbers` back together; other arrays are left alone.

    Raises:
        ProductError: An array is no silhouette of one of the classes, or a class has none.
    """
    silhouettes: dict[int, list[BoolMask]] = {number: [] for number in numbers}
    for name in sorted(name for name in arrays if name.startswith(_PREFIX)):
        number, mask = name[len(_PREFIX) :].split(".")[0], arrays[name]
        fits = mask.dtype == np.uint8 and mask.ndim == 2 and max(mask.shape) <= LARGEST_SIDE and mask.any()
        if not (fits and number.isdecimal() and int(number) in numbers):
            raise ProductError(
                f"the part model is damaged: {name!r} is no silhouette of it; teach the product again"
            )
        silhouettes[int(number)].append(mask > 0)
    if not all(silhouettes.values()):
        raise ProductError("the part model lacks silhouettes; teach the product again")
    return silhouettes


def _turns(number: int, mask: BoolMask, factor: float) -> Iterator[Turned]:
    """The different turns of a silhouette, each in a square that holds it whole."""
    last: BoolMask | None = None
    side = int(np.ceil(np.hypot(*mask.shape) * factor)) + 2
    middle = (mask.shape[1] - 1) / 2, (mask.shape[0] - 1) / 2
    for angle in range(0, 360, TURN):
        move = np.asarray(cv2.getRotationMatrix2D(middle, angle, factor), np.float64)
        move[:, 2] += (side - 1) / 2 - np.array(middle)
        soft = cv2.warpAffine(mask.astype(np.float32), move, (side, side), flags=cv2.INTER_AREA)
        inside = soft > 0.5
        if last is not None and (inside & last).sum() >= ALIKE * (inside | last).sum():
            continue
        last = inside
        if inside.any():
            yield Turned(number, inside.astype(np.float32))


def _evidence(
    mask: BoolMask, probability: Floats, numbers: Sequence[int], factor: float
) -> dict[int, Floats]:
    """For each class what a pixel says for a part of it: 1 surely it, 0 surely another, -1 no part at all."""
    size = tuple(max(1, round(side * factor)) for side in mask.shape[::-1])
    chances = probability[..., list(numbers)]
    shares = chances / np.maximum(chances.sum(axis=2, keepdims=True), 1e-6)
    evidence = {}
    for i, number in enumerate(numbers):
        raw = np.where(mask, 1 - OTHER * (1 - shares[..., i]), -1.0).astype(np.float32)
        evidence[number] = np.asarray(cv2.resize(raw, size, interpolation=cv2.INTER_AREA), np.float32)
    return evidence


def _lay(evidence: dict[int, Floats], turned: Sequence[Turned]) -> list[tuple[int, BoolMask]]:
    """Class and place (h, w) of each silhouette that is laid, at the reduced size, the best first."""
    margin = max((t.mask.shape[0] for t in turned), default=0) // 2 + 1
    padded = {number: np.pad(values, margin, constant_values=-1.0) for number, values in evidence.items()}
    shape = next(iter(padded.values())).shape
    size = tuple(scipy.fft.next_fast_len(side + 2 * margin, real=True) for side in shape)
    spectra = [np.conj(scipy.fft.rfft2(t.mask, size)) for t in turned]
    laid: list[tuple[int, BoolMask]] = []
    while len(laid) < MOST_LAID:
        best = _best(padded, turned, spectra, size)
        if best is None:
            break
        number, place = best
        laid.append((number, place[margin:-margin, margin:-margin]))
        for values in padded.values():
            # Another part may cross here, but gains nothing by it.
            values[place] = np.minimum(values[place], 0)
    return laid


def _best(
    evidence: Mapping[int, Floats],
    turned: Sequence[Turned],
    spectra: Sequence[NDArray[Any]],
    size: tuple[int, ...],
) -> tuple[int, BoolMask] | None:
    """The class and place of the silhouette that explains most, or None where none explains enough."""
    most, found = 0.0, None
    seen = {number: scipy.fft.rfft2(values, size) for number, values in evidence.items()}
    shape = next(iter(evidence.values())).shape
    for turn, spectrum in zip(turned, spectra, strict=True):
        side = turn.mask.shape[0]
        gains = scipy.fft.irfft2(seen[turn.number] * spectrum, size)
        gains = gains[: max(1, shape[0] - side + 1), : max(1, shape[1] - side + 1)]
        at = np.unravel_index(int(gains.argmax()), gains.shape)
        gain = float(gains[at])
        if gain > max(most, EXPLAINS * float(turn.mask.sum())):
            most, found = gain, (turn, at)
    if found is None:
        return None
    turn, (y, x) = found
    place = np.zeros(shape, np.bool_)
    side = turn.mask.shape[0]
    place[y : y + side, x : x + side] = turn.mask[: shape[0] - y, : shape[1] - x] > 0
    return turn.number, place


def _depth(place: BoolMask, shape: tuple[int, ...]) -> Floats:
    """How far every pixel of the blob's window lies outside a silhouette; negative inside."""
    inside = place.astype(np.uint8)
    outside = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    depth = outside - cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(cv2.resize(depth, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
