"""A training-free backbone: colour, oriented filters at several scales and local statistics, in OpenCV.

Filters are derivatives of Gaussians, steered to any angle from a few (Freeman and Adelson, IEEE TPAMI 1991).
Their responses are split into positive and negative ones and pooled over cells, as in models of texture since
Malik and Perona (JOSA A 1990). Channels of a level:

- of L*, a* and b*: mean and standard deviation within the cell;
- of L* at each scale: edges (first derivatives) and lines (second derivatives) at each angle, of either sign,
  each with its maximum within the cell: a mean would not find what is small or thin.

Each kind of channel is divided by a constant that says how much of it counts as one; nothing is learned from
the pictures. Then every cell is divided by its length, of which lightness is the largest part (divisive
normalisation, Heeger, Visual Neuroscience 1992): a scratch counts as much in the shade as in the light.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ...schema import DetectorError
from ..features import Maps, Request
from .batches import Layer, checked_batch, chosen_layers, each_picture, mean_pooled

DEFAULT_LAYERS = ("fine", "coarse")

_NAME = "filter-bank"
_STRIDES = {"fine": 8, "coarse": 16}
_SIGMAS = {"fine": (1.0, 2.0, 4.0), "coarse": (2.0, 4.0, 8.0)}
"""Of the Gaussians, in pixels of the picture."""
_WIDEST_AT_FULL_SIZE = 2.0
"""Wider Gaussians are applied to a reduced picture, where they cost little."""
_ANGLES = 4
"""Within half a turn; the other half differs in sign only."""

_FINEST = min(_STRIDES.values())

Planes = NDArray[np.float32]
"""(channels, h, w)"""


class Spread(NamedTuple):
    """What each kind of channel is divided by, in units of L* (0..100)."""

    colour: float = 4.0
    deviation: float = 2.0
    maximum: float = 2.0


_SPREAD = Spread()


class FilterBank:
    """Colour, oriented filters and local statistics on two levels, `fine` and `coarse`."""

    name = _NAME

    def __init__(self, layers: tuple[Layer, ...], spread: Spread = _SPREAD) -> None:
        self._layers = layers
        self._spread = spread
        self.layers = tuple(layer.name for layer in layers)
        self.strides = MappingProxyType({la.name: _STRIDES[la.source] * la.cells for la in layers})

    def __call__(self, pixels: NDArray[np.uint8]) -> Maps:
        """Maps (N, C, h, w) of pictures (N, H, W, 3), see `Backbone`."""
        return each_picture(self._look, checked_batch(pixels))

    def _look(self, picture: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        height, width = picture.shape[:2]
        lab = _lab(_padded(picture))
        needed = {sigma for layer in self._layers for sigma in _SIGMAS[layer.source]}
        responses = {sigma: _highest_responses(lab[0], sigma) for sigma in needed}
        maps = {}
        for layer in self._layers:
            stride = _STRIDES[layer.source]
            blocks = self._statistics(lab, stride)
            for sigma in _SIGMAS[layer.source]:
                maxima = _of_cells(np.maximum, responses[sigma], stride // _FINEST)
                blocks.append(maxima / self._spread.maximum)
            cells = _normalised(np.concatenate(blocks)[:, : -(-height // stride), : -(-width // stride)])
            maps[layer.name] = np.ascontiguousarray(mean_pooled(cells, layer.cells))
        return maps

    def _statistics(self, lab: Planes, stride: int) -> list[Planes]:
        mean = _mean_of_cells(lab, stride)
        around = lab - mean.repeat(stride, axis=1).repeat(stride, axis=2)
        deviation = np.sqrt(_mean_of_cells(around**2, stride))
        return [mean / self._spread.colour, deviation / self._spread.deviation]


def load(request: Request) -> FilterBank:
    """As `load_backbone`; it has no weights and runs on the CPU whatever the device.

    Raises:
        DetectorError: There is no such layer, or weights are given.
    """
    if request.weights is not None:
        raise DetectorError(f"{_NAME}: it has no weights; leave them out")
    return FilterBank(chosen_layers(_NAME, request.layers or DEFAULT_LAYERS, _STRIDES))


def missing(_: Request) -> str:
    """Nothing, ever."""
    return ""


def _padded(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mirrored at the right and bottom to a multiple of the coarsest stride, so that all cells are whole."""
    height, width = picture.shape[:2]
    coarsest = max(_STRIDES.values())
    below, right = -height % coarsest, -width % coarsest
    return np.asarray(cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REFLECT), np.uint8)


def _lab(picture: NDArray[np.uint8]) -> Planes:
    pixels = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)


def _normalised(cells: Planes) -> Planes:
    """Cells divided by their lengths, and by one on top, so that black ones stay small."""
    return np.asarray(cells / (np.sqrt(np.square(cells).sum(axis=0)) + 1), np.float32)


def _highest_responses(light: NDArray[np.float32], sigma: float) -> Planes:
    """Maximum within the finest cells of the positive and of the negative responses at one scale.

    Scale-normalised: multiplied by sigma for first and by sigma squared for second derivatives.
    """
    factor = max(1, int(sigma / _WIDEST_AT_FULL_SIZE))
    small = _mean_of_cells(light[None], factor)[0]
    first, second = _derivatives(small, sigma / factor)
    maxima = []
    for partial, steering in ((first, _steering(1)), (second, _steering(2))):
        side = _FINEST // factor
        responses = np.tensordot(steering, partial, 1)
        highest, lowest = _of_cells(np.maximum, responses, side), _of_cells(np.minimum, responses, side)
        maxima += [np.maximum(highest, 0), np.maximum(-lowest, 0)]
    return np.concatenate(maxima)


def _derivatives(light: NDArray[np.float32], sigma: float) -> tuple[Planes, Planes]:
    """Partial derivatives of the smoothed plane: x and y; xx, xy and yy."""
    smooth = cv2.GaussianBlur(light, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)

    def partial(x: int, y: int) -> NDArray[np.float32]:
        # Sobel kernels of size 3 are 8 times (first) and 4 times (second) the derivative.
        scale = sigma / 8 if x + y == 1 else sigma**2 / 4
        plane = cv2.Sobel(smooth, cv2.CV_32F, x, y, scale=scale, borderType=cv2.BORDER_REFLECT)
        return np.asarray(plane, np.float32)

    return np.stack([partial(1, 0), partial(0, 1)]), np.stack([partial(2, 0), partial(1, 1), partial(0, 2)])


def _steering(order: int) -> NDArray[np.float32]:
    """Weights (angles, order + 1) of the partial derivatives in the derivative along each angle."""
    angles = np.pi * np.arange(_ANGLES) / _ANGLES
    x, y = np.cos(angles), np.sin(angles)
    weights = np.array([x, y] if order == 1 else [x * x, 2 * x * y, y * y], np.float32)
    return weights.T


def _of_cells(ufunc: np.ufunc, planes: Planes, side: int) -> Planes:
    """A ufunc over the `side` x `side` squares of planes, rows first, where memory is contiguous."""
    channels, height, width = planes.shape
    rows = ufunc.reduce(planes.reshape(channels, height // side, side, width), axis=2)
    cells = ufunc.reduce(rows.reshape(channels, height // side, width // side, side), axis=3)
    return np.asarray(cells, np.float32)


def _mean_of_cells(planes: Planes, side: int) -> Planes:
    return _of_cells(np.add, planes, side) / np.float32(side**2)
