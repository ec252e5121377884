"""Hybrid semantic fusion: the most anomalous places of a picture take part in its score.

Source: AdaCLIP, arXiv 2407.15795, and its code, whose clustering differs from the paper's.
"""

from __future__ import annotations

import functools
import warnings
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import ThreadpoolController
from torch import Tensor
from torch.nn import functional

from .options import Fusion

SHARE: Final = 0.2
"""Of the fused places in the vector that the picture is scored by; the rest is the class token's."""

_PER_CLUSTER: Final = 5
"""How many patches the published code takes for each cluster."""


def fused(
    picture: Tensor, patches: Tensor, logits: Tensor, fusion: Fusion, clusters: int, seed: int
) -> Tensor:
    """The vectors that pictures are scored by, (B, C), of length 1.

    Args:
        picture: (B, C) the class tokens, of length 1.
        patches: (B, layers, L, C) the patches of each tapped layer, of length 1.
        logits: (B, layers, L, 2) of the patches, normal first.
        fusion: Which places take part, and how.
        clusters: Of k-means; fewer where there are fewer patches.
        seed: Of k-means, the same for each picture, so that none depends on the others of its batch.
    """
    if fusion == "none":
        return picture
    abnormal = logits.mean(dim=1).softmax(dim=-1)[..., 1]
    if fusion == "published":
        places = _most_anomalous(patches, abnormal, clusters, seed)
    else:
        places = _worst_clusters(patches, abnormal, clusters, seed)
    return functional.normalize(SHARE * places + (1 - SHARE) * picture, dim=1)


def _most_anomalous(patches: Tensor, abnormal: Tensor, clusters: int, seed: int) -> Tensor:
    """(B, C): of the most anomalous patches, clustered over all layers at once, the mean of the clusters."""
    count = min(abnormal.shape[1], _PER_CLUSTER * clusters)
    top = abnormal.topk(count, dim=1).indices
    chosen = patches.gather(2, top[:, None, :, None].expand(-1, patches.shape[1], -1, patches.shape[3]))
    points = _points(chosen.transpose(1, 2).flatten(2))
    weights = np.stack([_balanced(_clustered(some, clusters, seed)) for some in points])
    return _weighted(chosen.mean(dim=1), weights)


def _worst_clusters(patches: Tensor, abnormal: Tensor, clusters: int, seed: int) -> Tensor:
    """(B, C): the mean over the layers of the centre of the layer's most anomalous cluster."""
    anomalous = _points(abnormal)
    weights = np.stack(
        [
            [_worst(_clustered(layer, clusters, seed), score) for layer in layers]
            for layers, score in zip(_points(patches), anomalous, strict=True)
        ]
    )
    return _weighted(patches.flatten(1, 2), weights.reshape(len(weights), -1))


def _weighted(patches: Tensor, weights: NDArray[np.float32]) -> Tensor:
    """(B, C) weighted sums, made to length 1, of (B, N, C) patches."""
    there = torch.from_numpy(weights).to(patches.device, patches.dtype)
    return functional.normalize((there.unsqueeze(1) @ patches).squeeze(1), dim=1)


def _points(tensor: Tensor) -> NDArray[np.float32]:
    return np.asarray(tensor.detach().float().cpu(), np.float32)


def _clustered(points: NDArray[np.float32], clusters: int, seed: int) -> NDArray[np.int32]:
    """Which cluster each of the points (N, D) is in."""
    means = KMeans(min(clusters, len(points)), n_init="auto", random_state=seed)
    # Threads would add up in another order at each call.
    with warnings.catch_warnings(), _threads().limit(limits=1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(means.fit_predict(points), np.int32)


@functools.cache
def _threads() -> ThreadpoolController:
    """Those of the libraries that cluster; finding them takes longer than clustering."""
    return ThreadpoolController()


def _balanced(labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Weights, with sum 1, by which each cluster that has members counts the same."""
    sizes = np.bincount(labels)
    return np.asarray(1 / (sizes[labels] * np.count_nonzero(sizes)), np.float32)


def _worst(labels: NDArray[np.int32], score: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights, with sum 1, of the members of the cluster with the highest mean score."""
    sizes = np.bincount(labels)
    means = np.bincount(labels, weights=score) / np.maximum(sizes, 1)
    worst = int(np.argmax(np.where(sizes > 0, means, -np.inf)))
    return np.asarray((labels == worst) / sizes[worst], np.float32)
