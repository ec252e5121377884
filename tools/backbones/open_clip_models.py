"""The image tower of any ViT of open_clip: the tokens of a block laid out as a map; blocks count from 1."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...schema import DetectorError
from ..features import Backbone, Request
from ..pictures import shown
from .batches import chosen_layers
from .readiness import missing_file, missing_packages
from .timm_models import default_layers

_PACKAGES = ("torch", "open_clip")
_TOWER = "visual."
"""What names of its tensors begin with."""


def load(request: Request) -> Backbone:
    """As `load_backbone`.

    Raises:
        DetectorError: There is no such network or layer, or its weights are missing or wrong.
    """
    if lack := missing(request):
        raise DetectorError(lack)
    import open_clip
    import torch
    from open_clip.transformer import VisionTransformer

    from .token_maps import TokenMaps
    from .torch_network import TorchBackbone, load_weights

    if request.model not in open_clip.list_models():
        raise DetectorError(f"{shown(request.name)}: open_clip has no network of this name")
    with torch.random.fork_rng(devices=[]), _without_warnings():
        torch.manual_seed(request.seed)
        tower: Any = open_clip.create_model(request.model, pretrained=None).visual
    if not isinstance(tower, VisionTransformer):
        raise DetectorError(f"{shown(request.name)}: its image tower is no ViT of open_clip; take timm:NAME")
    if isinstance(request.weights, Path):
        load_weights(tower, request.weights, request.name, _TOWER)
    strides = {f"block{n}": int(tower.patch_size[0]) for n in range(1, tower.transformer.layers + 1)}
    chosen = chosen_layers(request.name, request.layers or default_layers(strides), strides)
    blocks = sorted({int(layer.source.removeprefix("block")) for layer in chosen})
    normal = (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    return TorchBackbone(request, chosen, strides, TokenMaps(tower, blocks), normal)


def missing(request: Request) -> str:
    """As `missing_backbone`."""
    remedy = "get its state dict, or OpenAI's file for a NAME-quickgelu,"
    return missing_packages(request, _PACKAGES) or missing_file(request, None, remedy)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """open_clip warns of random weights, which are asked for or about to be replaced."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
