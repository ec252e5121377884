"""What all backbones do with pictures and layers: check a batch, choose layers, average cells."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ...schema import DetectorError


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
    workers = min(len(pixels), os.cpu_count() or 1)
    # A core for each picture: cores that share one matrix product wait for the slowest at every layer.
    with threadpool_limits(1 if workers > 1 else None, "blas"), ThreadPoolExecutor(workers) as pool:
        maps = list(pool.map(look, pixels))
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
    rows, columns = np.arange(0, height, side), np.arange(0, width, side)
    sums = np.add.reduceat(np.add.reduceat(cells, rows, axis=-2), columns, axis=-1)
    counts = np.outer(np.minimum(side, height - rows), np.minimum(side, width - columns))
    return np.asarray(sums / counts, np.float32)


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
