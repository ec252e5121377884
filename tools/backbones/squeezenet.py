"""SqueezeNet 1.0 (Iandola et al., arXiv 1602.07360) in NumPy, from an `.npz` of its ImageNet weights.

The file holds float32 arrays `conv1.weight` (96, 3, 7, 7), `conv1.bias`, and `.weight` and `.bias` of
`fire2.squeeze`, `fire2.expand1x1`, `fire2.expand3x3` to `fire9`, as Caffe orders them: for BGR pixels in
0..255 minus (104, 117, 123). Other arrays, such as the classifier, are ignored.

Unlike the published network, which cuts its borders, conv1 is padded by 3 and the max-pools by 1, so that
cells lie on a regular grid over the whole picture, as feature maps need to.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ...schema import DetectorError
from ..features import Maps, Request
from ..pictures import shown
from .batches import Layer, checked_batch, chosen_layers, each_picture, mean_pooled
from .convolution import Convolution, Map, convolved, max_pooled

DEFAULT_LAYERS = ("fire4@8", "fire8@16")

_NAME = "squeezenet"
_BGR_MEAN = np.array([104, 117, 123], np.float32)
_FIRES = {
    2: (16, 64),
    3: (16, 64),
    4: (32, 128),
    5: (32, 128),
    6: (48, 192),
    7: (48, 192),
    8: (64, 256),
    9: (64, 256),
}
"""Number of a fire module -> its channels after squeezing, and of each of the two expansions."""
_POOLED_BEFORE = (2, 5, 9)
"""Fire modules that a max-pool stands before."""
_STRIDES = {"conv1": 2} | {f"fire{n}": 4 * 2 ** sum(n >= at for at in _POOLED_BEFORE[1:]) for n in _FIRES}
_REMEDY = (
    "give the weights of SqueezeNet 1.0 as .npz by weights=FILE (0.9 MB; "
    "decoded to float32 from github.com/songhan/SqueezeNet-Deep-Compression, BSD-2)"
)


class SqueezeNet:
    """SqueezeNet 1.0 up to the deepest layer that is asked for."""

    name = _NAME

    def __init__(self, layers: tuple[Layer, ...], convolutions: Mapping[str, Convolution]) -> None:
        self._layers = layers
        self._convolutions = convolutions
        self.layers = tuple(layer.name for layer in layers)
        self.strides = MappingProxyType({la.name: _STRIDES[la.source] * la.cells for la in layers})

    def __call__(self, pixels: NDArray[np.uint8]) -> Maps:
        """Maps (N, C, h, w) of pictures (N, H, W, 3), see `Backbone`."""
        return each_picture(self._look, checked_batch(pixels))

    def _look(self, picture: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Maps (C, h, w) of one picture; one at a time stays in the cache and never depends on the batch."""
        found: dict[str, Map] = {}
        cells = picture[..., ::-1].astype(np.float32) - _BGR_MEAN
        cells = found["conv1"] = convolved(cells, self._convolutions["conv1"], stride=2)
        for number in range(2, self._deepest + 1):
            if number in _POOLED_BEFORE:
                cells = max_pooled(cells)
            cells = found[f"fire{number}"] = self._fire(cells, f"fire{number}")
        return {
            la.name: np.ascontiguousarray(mean_pooled(found[la.source].transpose(2, 0, 1), la.cells))
            for la in self._layers
        }

    def _fire(self, cells: Map, name: str) -> Map:
        squeezed = convolved(cells, self._convolutions[f"{name}.squeeze"])
        expansions = (self._convolutions[f"{name}.expand{side}"] for side in ("1x1", "3x3"))
        return convolved(squeezed, *expansions)

    @property
    def _deepest(self) -> int:
        numbers = [number for number in _FIRES if any(la.source == f"fire{number}" for la in self._layers)]
        return max(numbers, default=1)


def load(request: Request) -> SqueezeNet:
    """As `load_backbone`; it runs on the CPU whatever the device.

    Raises:
        DetectorError: There is no such layer, or the weights are missing or wrong.
    """
    chosen = chosen_layers(_NAME, request.layers or DEFAULT_LAYERS, _STRIDES)
    if request.weights is None:
        raise DetectorError(missing(request))
    arrays = _random_arrays(request.seed) if request.weights == "random" else _read(request.weights)
    names = {key.rpartition(".")[0] for key in _shapes()}
    return SqueezeNet(chosen, {n: Convolution.of(arrays[f"{n}.weight"], arrays[f"{n}.bias"]) for n in names})


def missing(request: Request) -> str:
    """As `missing_backbone`."""
    if request.weights is None:
        return f"{_NAME}: {_REMEDY}"
    if request.weights != "random" and not request.weights.is_file():
        return f"{shown(request.weights)}: no such file; {_REMEDY}"
    return ""


def _shapes() -> dict[str, tuple[int, ...]]:
    """Of every array that the file must hold."""
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (96, 3, 7, 7)}
    inputs = 96
    for number, (narrow, wide) in _FIRES.items():
        shapes[f"fire{number}.squeeze.weight"] = (narrow, inputs, 1, 1)
        shapes[f"fire{number}.expand1x1.weight"] = (wide, narrow, 1, 1)
        shapes[f"fire{number}.expand3x3.weight"] = (wide, narrow, 3, 3)
        inputs = 2 * wide
    return shapes | {key.replace(".weight", ".bias"): shape[:1] for key, shape in shapes.items()}


def _read(path: Path) -> dict[str, NDArray[np.float32]]:
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise DetectorError(f"{shown(path)}: one array, not an .npz; {_REMEDY}")
        with file:
            return {key: _array(path, file, key, shape) for key, shape in _shapes().items()}
    except FileNotFoundError:
        raise DetectorError(f"{shown(path)}: no such file; {_REMEDY}") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, MemoryError) as error:
        raise DetectorError(f"{shown(path)}: cannot be read as .npz ({shown(error)}); {_REMEDY}") from error


def _array(path: Path, file: np.lib.npyio.NpzFile, key: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if key not in file:
        raise DetectorError(f"{shown(path)}: not SqueezeNet 1.0, it has no array {key}; {_REMEDY}")
    array = file[key]
    if array.shape != shape or array.dtype.kind != "f":
        found = f"{key} is {array.shape} {array.dtype}"
        raise DetectorError(
            f"{shown(path)}: not SqueezeNet 1.0, {found} instead of {shape} float32; {_REMEDY}"
        )
    if not np.isfinite(array).all():
        raise DetectorError(f"{shown(path)}: {key} holds values that are not finite; {_REMEDY}")
    return np.asarray(array, np.float32)


def _random_arrays(seed: int) -> dict[str, NDArray[np.float32]]:
    """Weights drawn as He et al. (arXiv 1502.01852), zero biases."""
    random = np.random.default_rng(seed)
    arrays = {}
    for key, shape in _shapes().items():
        spread = np.sqrt(2 / np.prod(shape[1:])) if key.endswith(".weight") else 0.0
        arrays[key] = random.normal(0, spread, shape).astype(np.float32)
    return arrays
