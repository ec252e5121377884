"""Eyes for parts: a few-shot pixel classifier that turns a picture into a Scene.

Taught from one to five annotated pictures, on a CPU, without torch. A pixel that several annotated parts
cover belongs to the smallest of them; a label whose parts hold parts of other labels (a box with pins) is
a container, and its mask is put together again from its own pixels and those of what it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..color import mean_lab
from ..geometry import cropped
from ..scene import Part, Scene, Shape
from ..schema import ProductError, Record
from .forest import TREES, Forest
from .instances import (
    Blob,
    BoolMask,
    Traits,
    as_seen,
    find_instances,
    least_area,
    settle,
    traits_of,
    typical,
    window,
)
from .pixel_features import COUNT, pixel_features
from .sampling import Rows, joined, sample_pixels, weights_of, without
from .silhouettes import Silhouettes, silhouette_arrays, silhouettes_from

WORKING_SIDE = 640
"""Pictures are classified at no more than this many pixels on the longer side."""

LEAVE_ONE_OUT = 3
"""From so many annotated pictures on each is also seen by a forest that was grown without it."""

FEW_TREES = 6
"""Trees of such a forest."""

FORMAT = "logisight-parts-2"

Pixels = NDArray[np.uint8]


class LabelModel(Record):
    """What was learned of one label."""

    label: str
    holds: list[str]
    """Labels of parts that lie inside parts of this one."""
    known: list[Traits] = Field(min_length=1)
    """Its annotated parts, as they are seen where that is known, else as they were drawn."""


class Header(Record):
    """The JSON half of a saved model."""

    format: str
    size: tuple[int, int]
    """Width and height of the annotated pictures."""
    grey: bool
    """Whether the annotated pictures have no colours."""
    labels: list[LabelModel]


class Seen(NamedTuple):
    """A Scene, and what was left out of it and why."""

    scene: Scene
    dropped: list[str]


@dataclass(frozen=True)
class PartModel:
    """A taught classifier: `see` finds the parts in a picture."""

    header: Header
    forest: Forest
    silhouettes: Silhouettes
    """Of the labels that hold no other, by their class."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label it was taught, in order."""
        return tuple(model.label for model in self.header.labels)

    @property
    def containers(self) -> dict[str, list[str]]:
        """Labels whose parts hold parts of other labels -> those labels."""
        return {model.label: model.holds for model in self.header.labels if model.holds}

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures it was taught from."""
        return self.header.size

    def is_blind_to(self, pixels: Pixels) -> bool:
        """Whether a picture is grey though the eyes were taught in colour, and would see nothing in it."""
        return _is_grey(pixels) and not self.header.grey

    def see(self, pixels: Pixels) -> Seen:
        """Find the parts in a (H, W, 3) RGB picture."""
        height, width = pixels.shape[:2]
        working = _at_working_size(pixels)
        probability = _classify(self.forest, working)
        winner, laid = settle(probability, self._leaves, self.silhouettes)
        parts: list[Part] = []
        dropped: list[str] = []
        for number, model in enumerate(self.header.labels, start=1):
            blobs, slivers = self._find(number, probability, winner, laid)
            if slivers:
                dropped.append(_sliver_note(model, slivers, width / working.shape[1]))
            for blob in blobs:
                placed = _to_picture(blob, working.shape[:2], (height, width))
                if placed is not None:
                    confidence = _confidence(probability, blob, self._numbers_within(number))
                    parts.append(_part(model.label, placed, pixels, confidence))
        return Seen(Scene((width, height), self.labels, tuple(parts)), dropped)

    def save(self, path: Path) -> None:
        """Write the model to one safetensors file."""
        arrays = self.forest.arrays | silhouette_arrays(self.silhouettes)
        save_file(arrays, path, metadata={"logisight": self.header.model_dump_json()})

    @classmethod
    def load(cls, path: Path) -> PartModel:
        """Read a model that `save` wrote.

        Raises:
            ProductError: The file is missing, damaged, or not such a model.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                header = Header.model_validate_json((file.metadata() or {}).get("logisight", ""))
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except FileNotFoundError:
            raise ProductError(f"{path}: no part model here; run `logisight teach` first") from None
        except (OSError, SafetensorError, ValidationError) as error:
            raise ProductError(
                f"{path}: not a part model ({_first_line(error)}); teach the product again"
            ) from error
        forest = Forest(arrays)
        if header.format != FORMAT or forest.features != COUNT or forest.classes != len(header.labels) + 1:
            raise ProductError(f"{path}: made by another version of LogiSight; teach the product again")
        leaves = {n for n, model in enumerate(header.labels, start=1) if not model.holds}
        return cls(header, forest, silhouettes_from(arrays, leaves))

    @property
    def _leaves(self) -> dict[int, list[Traits]]:
        """The annotated parts of each label that holds no other, by its class."""
        return {n: model.known for n, model in enumerate(self.header.labels, start=1) if not model.holds}

    def _find(
        self,
        number: int,
        probability: NDArray[np.float32],
        winner: NDArray[np.intp],
        laid: Sequence[tuple[int, Blob]],
    ) -> tuple[list[Blob], list[float]]:
        """The parts of a class and the areas of its slivers, see `find_instances`."""
        mask, known = self._mask(winner, number), self.header.labels[number - 1].known
        if number not in self._leaves:
            return find_instances(mask, probability[..., self._numbers_within(number)].sum(axis=2), known)
        for _, blob in laid:
            window(mask, blob)[blob.mask] = False
        # Between parts that look alike up close a pixel is undecided, but surely a part.
        blobs, slivers = find_instances(mask, probability[..., list(self._leaves)].sum(axis=2), known)
        return blobs + [blob for of, blob in laid if of == number], slivers

    def _numbers_within(self, number: int) -> list[int]:
        """The class of a label and the classes of all that it holds."""
        holds = self.header.labels[number - 1].holds
        return [number, *(self.labels.index(label) + 1 for label in holds)]

    def _mask(self, winner: NDArray[np.intp], number: int) -> BoolMask:
        own: BoolMask = winner == number
        if not self.header.labels[number - 1].holds:
            return own
        together: BoolMask = np.isin(winner, self._numbers_within(number))
        # What it holds may lie beside it too (a pin on the table): only pieces with pixels of its own count.
        pieces, _ = scipy.ndimage.label(together)
        holds_own = np.unique(pieces[own])
        mask = np.isin(pieces, holds_own[holds_own > 0])
        return np.asarray(scipy.ndimage.binary_fill_holes(mask), np.bool_)


def learn_parts(samples: Sequence[tuple[Pixels, Sequence[Shape]]], seed: int = 0) -> PartModel:
    """Learn to see the parts of a product from annotated pictures of it.

    `samples` holds pictures, (H, W, 3) RGB, each with its annotated parts.

    Raises:
        ProductError: There is no annotated part at all.
    """
    labels = sorted({shape.label for _, shapes in samples for shape in shapes})
    if not labels:
        raise ProductError("no annotated part: draw at least one part in at least one picture")
    holds = containers_of([shapes for _, shapes in samples], labels)
    random = np.random.default_rng(seed)
    taught = [_Taught.of(pixels, shapes, labels) for pixels, shapes in samples]
    rows = [sample_pixels(t.working, t.classed, len(samples), random) for t in taught]
    leaves = [n for n, label in enumerate(labels, start=1) if not holds[label]]
    known = _known(taught, rows, len(labels), leaves, seed)
    forest = _forest(joined(rows), len(labels), TREES, seed)
    height, width = samples[0][0].shape[:2]
    models = [
        LabelModel(label=label, holds=holds[label], known=known[n]) for n, label in enumerate(labels, 1)
    ]
    grey = all(_is_grey(pixels) for pixels, _ in samples)
    masks = {n: [cropped(m)[0] for t in taught for number, m in t.masks if number == n] for n in leaves}
    header = Header(format=FORMAT, size=(width, height), grey=grey, labels=models)
    return PartModel(header, forest, {n: typical(masks[n]) for n in leaves})


@dataclass(frozen=True)
class _Taught:
    """An annotated picture at the working size."""

    working: Pixels
    masks: list[tuple[int, BoolMask]]
    """The class and the mask (H, W) of each annotated part."""
    classed: NDArray[np.intp]
    """The class (H, W) of every pixel: that of the smallest part on it, or 0 for background."""

    @classmethod
    def of(cls, pixels: Pixels, shapes: Sequence[Shape], labels: Sequence[str]) -> _Taught:
        working = _at_working_size(pixels)
        sizes = pixels.shape[:2], working.shape[:2]
        masks = [(labels.index(shape.label) + 1, _to_working(shape, *sizes)) for shape in shapes]
        classed = np.zeros(working.shape[:2], np.intp)
        for number, mask in sorted(masks, key=lambda item: int(item[1].sum()), reverse=True):
            classed[mask] = number
        return cls(working, masks, classed)


def _known(
    taught: Sequence[_Taught], rows: Sequence[Rows], labels: int, leaves: Sequence[int], seed: int
) -> dict[int, list[Traits]]:
    """What the annotated parts of each class look like to eyes that do not know their picture.

    They are not seen quite as they were drawn: the edges of small parts least of all. Where there are too few
    pictures to leave one out, they are taken as drawn.
    """
    known: dict[int, list[Traits]] = {number: [] for number in range(1, labels + 1)}
    for i, picture in enumerate(taught):
        masks = [mask for _, mask in picture.masks]
        if len(taught) >= LEAVE_ONE_OUT:
            forest = _forest(without(rows, i), labels, FEW_TREES, seed)
            seen = np.isin(_classify(forest, picture.working).argmax(axis=2), leaves)
            inner = [k for k, (number, _) in enumerate(picture.masks) if number in leaves]
            for k, mask in zip(inner, as_seen([masks[k] for k in inner], seen), strict=True):
                masks[k] = mask
        for (number, _), mask in zip(picture.masks, masks, strict=True):
            known[number].append(traits_of(mask))
    return known


def _forest(rows: Rows, labels: int, trees: int, seed: int) -> Forest:
    return Forest.fit(rows.features, rows.classes, weights_of(rows), labels + 1, trees, seed)


def _classify(forest: Forest, working: Pixels) -> NDArray[np.float32]:
    """Probabilities (H, W, K) of the classes of every pixel, a little smoothed."""
    flat = forest.predict(pixel_features(working).reshape(-1, COUNT))
    probability = flat.reshape(*working.shape[:2], forest.classes)
    return np.dstack([cv2.GaussianBlur(probability[..., k], (0, 0), 1.0) for k in range(forest.classes)])


def containers_of(annotated: Sequence[Sequence[Shape]], labels: Sequence[str]) -> dict[str, list[str]]:
    """For each label those whose every part lies inside a part of it, in pictures with these parts."""
    holds: dict[str, list[str]] = {label: [] for label in labels}
    for outer in labels:
        for inner in labels:
            if inner != outer and _always_inside(annotated, inner, outer):
                holds[outer].append(inner)
    return holds


def _always_inside(annotated: Sequence[Sequence[Shape]], inner: str, outer: str) -> bool:
    together = [shapes for shapes in annotated if any(s.label == inner for s in shapes)]
    return bool(together) and all(
        any(shape.area < other.area and shape.inside(other) for other in shapes if other.label == outer)
        for shapes in together
        for shape in shapes
        if shape.label == inner
    )


def _is_grey(pixels: Pixels) -> bool:
    return bool(
        np.array_equal(pixels[..., 0], pixels[..., 1]) and np.array_equal(pixels[..., 1], pixels[..., 2])
    )


def _at_working_size(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    factor = WORKING_SIDE / max(height, width)
    if factor >= 1:
        return pixels
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _to_working(shape: Shape, size: tuple[int, int], working: tuple[int, int]) -> BoolMask:
    """A part's mask in the working picture, never empty; sizes are (height, width)."""
    full = np.zeros(size, np.float32)
    height, width = shape.mask.shape
    x, y = shape.origin
    full[y : y + height, x : x + width] = shape.mask
    small = full if size == working else cv2.resize(full, working[::-1], interpolation=cv2.INTER_AREA)
    return small >= min(0.5, float(small.max()))


def _to_picture(blob: Blob, working: tuple[int, int], size: tuple[int, int]) -> Blob | None:
    """A blob in the pixels of the picture, smooth where it is enlarged; None when nothing is left."""
    if working == size:
        return blob
    scale_y, scale_x = size[0] / working[0], size[1] / working[1]
    height, width = blob.mask.shape
    left, top = int(blob.x * scale_x), int(blob.y * scale_y)
    right = min(size[1], int(np.ceil((blob.x + width) * scale_x)))
    bottom = min(size[0], int(np.ceil((blob.y + height) * scale_y)))
    # Centres of pixels map to centres of pixels.
    move = np.array(
        [
            [scale_x, 0, scale_x * (blob.x + 0.5) - 0.5 - left],
            [0, scale_y, scale_y * (blob.y + 0.5) - 0.5 - top],
        ]
    )
    soft = cv2.warpAffine(
        blob.mask.astype(np.float32), move, (right - left, bottom - top), borderMode=cv2.BORDER_REPLICATE
    )
    mask = soft > 0.5
    return Blob(mask, left, top) if mask.any() else None


def _confidence(probability: NDArray[np.float32], blob: Blob, numbers: Sequence[int]) -> float:
    here = window(probability, blob)[blob.mask]
    return float(np.clip(here[:, numbers].sum(axis=1).mean(), 0, 1))


def _part(label: str, placed: Blob, pixels: Pixels, confidence: float) -> Part:
    mask, x, y = placed
    window = pixels[y : y + mask.shape[0], x : x + mask.shape[1]]
    return Part(label, mask, (x, y), lab=mean_lab(window[mask]), confidence=confidence)


def _sliver_note(model: LabelModel, areas: Sequence[float], scale: float) -> str:
    least, largest = least_area(model.known) * scale**2, max(areas) * scale**2
    what = f"a {model.label}-like speck" if len(areas) == 1 else f"{len(areas)} {model.label}-like specks"
    return f"left out {what} of up to {largest:.0f} px; a part must have {least:.0f} sure px"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
