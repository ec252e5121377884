"""The layers of a plain convolutional network in NumPy: each convolution is one matrix product.

Maps are (H, W, C) float32 of one picture. Strided layers are padded so that H becomes ceil(H / stride).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Map = NDArray[np.float32]

_STRIP = 1024
"""Cells whose windows are laid out at a time."""


class Convolution(NamedTuple):
    """The weights of a convolution with a square kernel of odd side."""

    matrix: NDArray[np.float32]
    """(side * side * inputs, outputs), the inputs of one kernel cell next to each other."""
    bias: NDArray[np.float32]
    """(outputs,)"""
    side: int

    @classmethod
    def of(cls, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> Convolution:
        """From the (outputs, inputs, side, side) order in which weights are published."""
        matrix = weight.transpose(2, 3, 1, 0).reshape(-1, weight.shape[0])
        return cls(np.ascontiguousarray(matrix), bias, weight.shape[2])


def convolved(cells: Map, *layers: Convolution, stride: int = 1) -> Map:
    """Convolutions of the same map, their channels one after the other, then ReLU.

    Each has as many zeros around the map as half its kernel.
    """
    height, width = -(-cells.shape[0] // stride), -(-cells.shape[1] // stride)
    out = np.empty((height, width, sum(len(layer.bias) for layer in layers)), np.float32)
    first = 0
    for layer in layers:
        part = out[..., first : first + len(layer.bias)]
        windows = _windows(cells, layer.side, stride)
        # Strips that stay in the cache: all windows at once are many times the size of the map.
        step = max(1, _STRIP // width)
        for top in range(0, height, step):
            strip = windows[top : top + step]
            product = strip.reshape(-1, len(layer.matrix)) @ layer.matrix
            product += layer.bias
            np.maximum(product.reshape(*strip.shape[:2], -1), 0, out=part[top : top + step])
        first += len(layer.bias)
    return out


def max_pooled(cells: Map) -> Map:
    """Maxima of 3 x 3 cells at stride 2, one cell of padding that never wins."""
    return _halved_by_max(_halved_by_max(cells).transpose(1, 0, 2)).transpose(1, 0, 2)


def _halved_by_max(cells: Map) -> Map:
    """Along the first axis: the maximum of each second row and its two neighbours."""
    best = cells[::2].copy(order="K")
    before, after = cells[1:-1:2], cells[1::2]
    np.maximum(best[1:], before, out=best[1:])
    np.maximum(best[: len(after)], after, out=best[: len(after)])
    return best


def _windows(cells: Map, side: int, stride: int) -> Map:
    """A view of the neighbourhood of each output cell, (h, w, side, side, C)."""
    pad = side // 2
    padded = np.pad(cells, ((pad, pad), (pad, pad), (0, 0))) if pad else cells
    windows = sliding_window_view(padded, (side, side), axis=(0, 1))[::stride, ::stride]
    return windows.transpose(0, 1, 3, 4, 2)
