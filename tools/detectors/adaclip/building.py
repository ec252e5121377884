"""AdaCLIP's network from options: CLIP from one file, what was learned from another."""

from __future__ import annotations

import torch

from ....schema import DetectorError
from .checkpoint import load_checkpoint
from .clip import load_clip, random_clip
from .network import AdaClipNetwork
from .options import AdaClipOptions
from .readiness import clip_path, missing_clip, missing_weights


def build_network(options: AdaClipOptions) -> AdaClipNetwork:
    """A network on the CPU, ready to look.

    Raises:
        DetectorError: A file is missing or does not fit; see `load_clip` and `load_checkpoint`.
    """
    if missing := missing_weights(options):
        raise DetectorError(f"adaclip: {missing}")
    network = untrained_network(options)
    if options.weights is not None:
        load_checkpoint(network, options.weights)
    return network


def untrained_network(options: AdaClipOptions) -> AdaClipNetwork:
    """A network whose prompts are as before training, drawn by `options.seed`; `options.weights` is not read.

    Raises:
        DetectorError: CLIP's weights are missing or do not fit.
    """
    if missing := missing_clip(options):
        raise DetectorError(f"adaclip: {missing}")
    path = clip_path(options)
    if path is None:
        clip = random_clip(options.backbone, options.image_size, options.seed)
    else:
        clip = load_clip(options.backbone, options.image_size, path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = AdaClipNetwork(
            clip, options.shape, fusion=options.fusion, clusters=options.k_clusters, seed=options.seed
        )
    network.eval()
    return network
