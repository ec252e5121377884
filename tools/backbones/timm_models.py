"""Any network of timm that gives feature maps; by default its layers of strides 8 and 16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...schema import DetectorError
from ..features import Backbone, Request
from ..pictures import shown
from .batches import chosen_layers
from .readiness import hugging_face_file, missing_file, missing_packages

_PACKAGES = ("torch", "timm")
_DEFAULT_STRIDES = (8, 16)
_DEFAULT_DEPTHS = (0.5, 0.75)
"""Of a network whose maps all have one stride: shares of its blocks."""


def load(request: Request) -> Backbone:
    """As `load_backbone`.

    Raises:
        DetectorError: There is no such network or layer, or its weights are missing or wrong.
    """
    if lack := missing(request):
        raise DetectorError(lack)
    import timm
    import torch

    from .torch_network import IMAGENET_MEAN, IMAGENET_STD, NamedMaps, TorchBackbone

    if not timm.is_model(request.model.partition(".")[0]):
        raise DetectorError(f"{shown(request.name)}: timm has no network of this name")
    with torch.device("meta"):
        info = _created(request.model).feature_info
    strides = {layer["module"]: int(layer["reduction"]) for layer in info.info}
    chosen = chosen_layers(request.name, request.layers or default_layers(strides), strides)
    positions = [position for position, name in enumerate(strides) if name in {la.source for la in chosen}]
    path = None if request.weights == "random" else request.weights or _kept(request.model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.seed)
        network = _created(request.model, positions, path)
    names = [list(strides)[position] for position in positions]
    config = timm.get_pretrained_cfg(request.model)
    normal = (config.mean, config.std) if config else (IMAGENET_MEAN, IMAGENET_STD)
    return TorchBackbone(request, chosen, strides, NamedMaps(network, names), normal)


def missing(request: Request) -> str:
    """As `missing_backbone`."""
    remedy = f"get model.safetensors from huggingface.co/timm/{shown(request.model)}*"
    return missing_packages(request, _PACKAGES) or missing_file(request, _kept(request.model), remedy)


def default_layers(strides: Mapping[str, int]) -> tuple[str, ...]:
    """Of the layers of a network, from the first to the last, the two that suit detection of anomalies."""
    by_stride = {stride: name for name, stride in strides.items()}
    if set(_DEFAULT_STRIDES) <= set(by_stride):
        return tuple(by_stride[stride] for stride in _DEFAULT_STRIDES)
    names = list(strides)
    return tuple(dict.fromkeys(names[max(0, round(share * len(names)) - 1)] for share in _DEFAULT_DEPTHS))


def _created(model: str, positions: Sequence[int] = (), path: Path | None = None) -> Any:
    """The network with these of its maps, or those that timm would choose; trained where there is a file."""
    from .torch_network import read_finite

    options: dict[str, Any] = {"out_indices": tuple(positions)} if positions else {}
    if path:
        options |= {"pretrained": True, "pretrained_cfg_overlay": {"state_dict": read_finite(path)}}
    try:
        return _of_any_size(model, options)
    except RuntimeError as error:
        if not path or "state_dict" not in str(error):
            raise
        what = shown(" ".join(str(error).split()))[:200]
        raise DetectorError(f"{shown(path)}: not the weights of {shown(model)}: {what}") from None


def _of_any_size(model: str, options: Mapping[str, Any]) -> Any:
    """Transformers take pictures of one size unless they are asked; others do not know the question."""
    import timm

    try:
        return timm.create_model(model, features_only=True, dynamic_img_size=True, **options)
    except TypeError as error:
        if "dynamic_img_size" not in str(error):
            raise
    return timm.create_model(model, features_only=True, **options)


def _kept(model: str) -> Path | None:
    """The file of its weights that timm has downloaded before."""
    name = model if "." in model else f"{model}.*"
    return hugging_face_file(f"timm/{name}", ("model.safetensors", "pytorch_model.bin"))
