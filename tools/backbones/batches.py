"""What all backbones do with pictures and layers: check a batch, choose layers, average cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...schema import DetectorError
from .parallel import side_by_side


class Layer(NamedTuple):
    """One map that is asked for."""

    name: str
    """As it is asked for: `LAYER` or `LAYER@STRIDE`."""
    source: str
    """The layer of the network."""
    cells: int
    """Side of the square of its cells that are averaged."""


def checked_batch(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same pictures, when they are (N, H, W, 3) uint8 with at least one pixel each.

    Raises:
        DetectorError: They are not.
    """
    if pixels.ndim != 4 or pixels.shape[3] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        got = f"{pixels.shape} {pixels.dtype}"
        raise DetectorError(f"a batch of pictures must be (N, H, W, 3) uint8 with pixels in it, got {got}")
    return pixels


def each_picture(
    look: Callable[[NDArray[np.uint8]], dict[str, NDArray[np.float32]]], pixels: NDArray[np.uint8]
) -> dict[str, NDArray[np.float32]]:
    """The maps (C, h, w) of every picture of a batch, stacked to (N, C, h, w)."""
    maps = side_by_side(look, list(pixels))
    return {name: np.stack([one[name] for one in maps]) for name in maps[0]}


def chosen_layers(backbone: str, asked: Sequence[str], strides: Mapping[str, int]) -> tuple[Layer, ...]:
    """Layers by their names, the coarsest last; `strides` are those of all layers that the network has.

    Raises:
        DetectorError: There is no such layer, or its stride cannot become the one asked for.
    """
    layers = [_layer(backbone, name, strides) for name in dict.fromkeys(asked)]
    return tuple(sorted(layers, key=lambda layer: strides[layer.source] * layer.cells))


def mean_pooled(cells: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Means over `side` x `side` squares of a (..., h, w) map; of those over the border, what is inside."""
    if side == 1:
        return cells
    height, width = cells.shape[-2:]
    sums = _summed(_summed(cells, side, -2), side, -1)
    rows, columns = np.arange(0, height, side), np.arange(0, width, side)
    counts = np.outer(np.minimum(side, height - rows), np.minimum(side, width - columns))
    return np.asarray(sums / counts.astype(np.float32), np.float32)


def _summed(cells: NDArray[np.float32], side: int, axis: int) -> NDArray[np.float32]:
    """Sums over `side` cells along one axis; the last over what is left."""
    lines = np.moveaxis(cells, axis, 0)
    sums = lines[::side].copy(order="K")
    for first in range(1, side):
        some = lines[first::side]
        sums[: len(some)] += some
    return np.moveaxis(sums, 0, axis)


def _layer(backbone: str, name: str, strides: Mapping[str, int]) -> Layer:
    source, at, wish = name.partition("@")
    if source not in strides:
        raise DetectorError(f"{backbone}: no layer {source!r}; it has {', '.join(strides)}")
    stride = strides[source]
    if not at:
        return Layer(name, source, 1)
    if not wish.isdecimal() or int(wish) < stride or int(wish) % stride:
        raise DetectorError(
            f"{backbone}: layer {name!r}: {source} has stride {stride}; ask for a multiple of it"
        )
    return Layer(name, source, int(wish) // stride)
