"""What networks of timm, torchvision and open_clip share: pictures in, maps out, weights from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Module
from torch.nn import functional as F  # noqa: N812  (its name everywhere)

from ...schema import DetectorError
from ..features import Maps, Request
from ..pictures import shown
from ..tensors import read_tensors, torch_device
from .batches import Layer, checked_batch

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of R, G and B in 0..1."""

_PROBE = 224
"""Side of the picture that strides are measured with; what networks were made for."""


class TorchBackbone:
    """A frozen network whose inner maps are read.

    Pictures are continued at the right and bottom, by their last pixels, to whole cells of every layer.
    """

    def __init__(
        self,
        request: Request,
        layers: tuple[Layer, ...],
        strides: Mapping[str, int],
        network: Callable[[Tensor], Mapping[str, Tensor]],
        normal: tuple[Sequence[float], Sequence[float]] = (IMAGENET_MEAN, IMAGENET_STD),
    ) -> None:
        """`network` takes (N, 3, H, W) and gives each `Layer.source` as (N, C, h, w), of these `strides`."""
        self.name = request.name
        self.layers = tuple(layer.name for layer in layers)
        self.strides = MappingProxyType({la.name: strides[la.source] * la.cells for la in layers})
        self._layers = layers
        self._network = network
        self._whole = max(strides[layer.source] for layer in layers)
        self._device = torch_device(request.device)
        if isinstance(network, Module):
            network.eval().requires_grad_(False).to(self._device)
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in normal)
        self._mean, self._std = mean.to(self._device), std.to(self._device)

    def __call__(self, pixels: NDArray[np.uint8]) -> Maps:
        """Maps (N, C, h, w) of pictures (N, H, W, 3), see `Backbone`."""
        height, width = checked_batch(pixels).shape[1:3]
        with torch.inference_mode():
            found = self._network(self._prepared(pixels))
        maps: Maps = {}
        for layer in self._layers:
            stride = self.strides[layer.name] // layer.cells
            cells = found[layer.source][..., : -(-height // stride), : -(-width // stride)].float()
            if layer.cells > 1:
                cells = F.avg_pool2d(cells, layer.cells, ceil_mode=True, count_include_pad=False)
            maps[layer.name] = cells.contiguous().cpu().numpy()
        return maps

    def _prepared(self, pixels: NDArray[np.uint8]) -> Tensor:
        height, width = pixels.shape[1:3]
        whole = ((0, 0), (0, -height % self._whole), (0, -width % self._whole), (0, 0))
        batch = torch.from_numpy(np.pad(pixels, whole, mode="edge")).to(self._device)
        return (batch.permute(0, 3, 1, 2).float() / 255 - self._mean) / self._std


class NamedMaps(Module):
    """A network of timm, whose maps come as a list, with names for them."""

    def __init__(self, network: Module, names: Sequence[str]) -> None:
        super().__init__()
        self._network = network
        self._names = tuple(names)
        self._channels_last = str(network.output_fmt).endswith("NHWC")

    def forward(self, batch: Tensor) -> dict[str, Tensor]:
        """Maps (N, C, h, w) by name of a batch (N, 3, H, W)."""
        maps = self._network(batch)
        if self._channels_last:
            maps = [cells.permute(0, 3, 1, 2) for cells in maps]
        return dict(zip(self._names, maps, strict=True))


def measured_strides(network: Callable[[Tensor], Mapping[str, Tensor]], backbone: str) -> dict[str, int]:
    """Of each map of a network on the CPU: pixels of the picture per cell.

    Raises:
        DetectorError: A layer gives no map.
    """
    strides = {}
    with torch.inference_mode():
        maps = network(torch.zeros(1, 3, _PROBE, _PROBE))
    for name, cells in maps.items():
        if cells.ndim != 4 or cells.shape[2] != cells.shape[3] or not 1 < cells.shape[2] <= _PROBE:
            raise DetectorError(f"{backbone}: layer {name!r} gives {tuple(cells.shape)}, which is no map")
        strides[name] = round(_PROBE / cells.shape[2])
    return strides


def read_finite(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name.

    Raises:
        DetectorError: The file is missing, damaged or dangerous, or holds values that are not finite.
    """
    tensors = read_tensors(path)
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise DetectorError(
                f"{shown(path)}: {shown(name)} holds values that are not finite; get it again"
            )
    return tensors


def load_weights(network: Module, path: Path, backbone: str, prefix: str = "") -> None:
    """Give a network the tensors of a file, those that begin with `prefix`; others of the file are left.

    Raises:
        DetectorError: The file is missing, damaged or dangerous, or of another network.
    """
    tensors = {n.removeprefix(prefix): t for n, t in read_finite(path).items() if n.startswith(prefix)}
    for name, own in network.state_dict().items():
        # Counters of batches that were seen in training: older files lack them, and nothing here reads them.
        if name.endswith("num_batches_tracked") or (name in tensors and tensors[name].shape == own.shape):
            continue
        found = f"is {tuple(tensors[name].shape)}" if name in tensors else "is missing"
        what = f"{prefix}{name} {found}, expected {tuple(own.shape)}"
        raise DetectorError(f"{shown(path)}: not the weights of {shown(backbone)}: {what}; give those of it")
    network.load_state_dict(tensors, strict=False)
