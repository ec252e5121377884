"""Any classifier of torchvision, at any node of its graph; for GRNR `wide_resnet50_2`, layer2 and layer3."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...schema import DetectorError
from ..features import Backbone, Request
from ..pictures import shown
from .batches import chosen_layers
from .readiness import missing_file, missing_packages, torch_hub_file

DEFAULT_LAYERS = ("layer2", "layer3")

_PACKAGES = ("torch", "torchvision")


def load(request: Request) -> Backbone:
    """As `load_backbone`.

    Raises:
        DetectorError: There is no such network or layer, or its weights are missing or wrong.
    """
    if lack := missing(request):
        raise DetectorError(lack)
    import torch
    from torchvision.models import get_model, list_models
    from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

    from .torch_network import TorchBackbone, load_weights, measured_strides

    if request.model not in list_models():
        raise DetectorError(f"{shown(request.name)}: torchvision has no network of this name")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.seed)
        network = get_model(request.model, weights=None)
    network.eval()
    if request.weights != "random" and (path := request.weights or _kept(request.model)):
        load_weights(network, path, request.name)
    layers = request.layers or DEFAULT_LAYERS
    sources = _known_sources(layers, get_graph_node_names(network)[1], request)
    extractor = create_feature_extractor(network, sources)
    strides = measured_strides(extractor, request.name)
    return TorchBackbone(request, chosen_layers(request.name, layers, strides), strides, extractor)


def missing(request: Request) -> str:
    """As `missing_backbone`."""
    remedy = "get the file that torchvision's documentation names for it from download.pytorch.org/models"
    kept = _kept(request.model)
    return missing_packages(request, _PACKAGES) or missing_file(request, kept, remedy)


def _kept(model: str) -> Path | None:
    """The file of its weights that torchvision has downloaded before."""
    return torch_hub_file(f"{model}-????????.pth")


def _known_sources(layers: Sequence[str], nodes: Sequence[str], request: Request) -> list[str]:
    """The nodes of the graph that layers are made from; a block stands for its last node."""
    sources = list(dict.fromkeys(layer.partition("@")[0] for layer in layers))
    for source in sources:
        if not any(node == source or node.startswith(f"{source}.") for node in nodes):
            blocks = ", ".join(dict.fromkeys(node.partition(".")[0] for node in nodes))
            raise DetectorError(
                f"{shown(request.name)}: no layer {source!r}; it has {blocks} and parts of them"
            )
    return sources
