"""Feature maps of pictures, from any backbone behind one small interface.

A backbone turns a batch of pictures into named maps. A cell of a map with stride `s` looks at the `s` x `s`
pixels of its place and what is around them; a map of a picture of H x W pixels has ceil(H / s) x ceil(W / s)
cells. Names:

- `filter-bank`: colour, oriented filters and local statistics; needs no weights and no torch.
- `squeezenet`: SqueezeNet 1.0 in NumPy, from an `.npz` of its weights.
- `timm:NAME`, `torchvision:NAME`, `open_clip:NAME`: any network of these libraries (`logisight[vision]`).

A layer may be written `LAYER@STRIDE`: its map is then averaged over squares of cells to that stride.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..schema import DetectorError

Maps = dict[str, NDArray[np.float32]]
"""Name of a layer -> (N, C, h, w)."""

Weights = Path | Literal["random"] | None
"""A file; "random" for untrained ones drawn by a seed, for tests; None for what a library has downloaded."""


class Backbone(Protocol):
    """What gives feature maps of pictures."""

    @property
    def name(self) -> str:
        """As it is asked for, such as `timm:resnet18`."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the maps that it gives, the coarsest last."""

    @property
    def strides(self) -> Mapping[str, int]:
        """Of each layer: pixels of the picture per cell."""

    def __call__(self, pixels: NDArray[np.uint8]) -> Maps:
        """Feature maps of a batch, (N, H, W, 3) uint8 RGB; a map is the same whatever else is in the batch.

        Raises:
            DetectorError: It is not such a batch.
        """


@dataclass(frozen=True)
class Request:
    """A backbone that is asked for."""

    name: str
    layers: tuple[str, ...] = ()
    """Empty for the two that suit detection of anomalies."""
    weights: Weights = None
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, ...: for those that run on torch."""
    seed: int = 0
    """For random weights."""

    @property
    def model(self) -> str:
        """What stands after the colon of the name."""
        return self.name.partition(":")[2]


_MODULES = {
    "filter-bank": "filter_bank",
    "squeezenet": "squeezenet",
    "timm": "timm_models",
    "torchvision": "torchvision_models",
    "open_clip": "open_clip_models",
}
"""What stands before the colon of a name -> module of `tools/backbones` that has `load` and `missing`."""


def load_backbone(
    name: str, layers: Sequence[str] = (), weights: Weights = None, device: str = "auto", seed: int = 0
) -> Backbone:
    """A backbone by its name, see `Request` for the others.

    Raises:
        DetectorError: There is no such backbone or layer, or its weights are missing, damaged or of another.
    """
    backbone: Backbone = _module(name).load(Request(name, tuple(layers), weights, device, seed))
    return backbone


def missing_backbone(name: str, weights: Weights = None) -> str:
    """What a backbone lacks on this machine, in one line with the remedy; empty when it is ready.

    Raises:
        DetectorError: There is no such backbone.
    """
    lack: str = _module(name).missing(Request(name, weights=weights))
    return lack


def _module(name: str) -> Any:
    kind, colon, model = name.partition(":")
    takes_model = kind in ("timm", "torchvision", "open_clip")
    if kind not in _MODULES or bool(colon) != takes_model or bool(model) != takes_model:
        known = "filter-bank, squeezenet, timm:NAME, torchvision:NAME, open_clip:NAME"
        raise DetectorError(f"{name!r}: there is no such backbone; known are {known}")
    return import_module(f".backbones.{_MODULES[kind]}", __package__)
