"""Hybrid semantic fusion, against its own definition."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs logisight[vision]")

from logisight.tools.detectors.adaclip.fusion import SHARE, fused  # noqa: E402

K = 3


def unit(values):
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


@pytest.fixture
def seen():
    """Class tokens (2, 8), patches (2, 4, 40, 8) round three places, logits (2, 4, 40, 2)."""
    random = np.random.default_rng(0)
    places = random.normal(size=(K, 8))
    patches = places[random.integers(K, size=(2, 1, 40))] + random.normal(scale=0.05, size=(2, 4, 40, 8))
    made = unit(random.normal(size=(2, 8))), unit(patches), random.normal(size=(2, 4, 40, 2))
    return tuple(torch.from_numpy(part.astype(np.float32)) for part in made)


def probability(logits):
    mean = logits.numpy().mean(axis=1)
    return 1 / (1 + np.exp(mean[..., 0] - mean[..., 1]))


def test_without_fusion_the_class_token_stays(seen):
    assert torch.equal(fused(*seen, "none", K, 0), seen[0])


def test_published_is_the_mean_of_clusters_of_the_most_anomalous(seen):
    from sklearn.cluster import KMeans

    picture, patches, logits = seen
    found = fused(*seen, "published", K, 0)
    for one in range(2):
        top = np.argsort(-probability(logits)[one])[: 5 * K]
        chosen = patches[one].numpy()[:, top]
        labels = KMeans(K, random_state=0, n_init=1).fit_predict(np.concatenate(list(chosen), axis=1))
        centres = [chosen[:, labels == label].reshape(-1, 8).mean(axis=0) for label in range(K)]
        expected = unit(SHARE * unit(np.mean(centres, axis=0)) + (1 - SHARE) * picture[one].numpy())
        np.testing.assert_allclose(found[one], expected, atol=1e-5)


def test_paper_is_the_mean_of_the_worst_cluster_of_each_layer(seen):
    from sklearn.cluster import KMeans

    picture, patches, logits = seen
    found = fused(*seen, "paper", K, 0)
    for one in range(2):
        score, centres = probability(logits)[one], []
        for layer in patches[one].numpy():
            labels = KMeans(K, random_state=0, n_init=1).fit_predict(layer)
            worst = max(range(K), key=lambda label: score[labels == label].mean())
            centres.append(layer[labels == worst].mean(axis=0))
        expected = unit(SHARE * unit(np.mean(centres, axis=0)) + (1 - SHARE) * picture[one].numpy())
        np.testing.assert_allclose(found[one], expected, atol=1e-5)


@pytest.mark.parametrize("fusion", ["published", "paper"])
def test_patches_all_alike_are_one_cluster(fusion, recwarn):
    picture, logits = torch.eye(8)[:1], torch.zeros(1, 4, 16, 2)
    patches = torch.eye(8)[1].expand(1, 4, 16, 8)
    expected = unit(np.array([0.8, 0.2, 0, 0, 0, 0, 0, 0]))
    np.testing.assert_allclose(fused(picture, patches, logits, fusion, 20, 0)[0], expected, atol=1e-6)
    assert not recwarn


@pytest.mark.parametrize("fusion", ["published", "paper"])
def test_fewer_patches_than_clusters_are_a_cluster_each(fusion):
    patches = torch.eye(8)[:4].expand(1, 4, 4, 8)
    assert fused(torch.eye(8)[:1], patches, torch.zeros(1, 4, 4, 2), fusion, 20, 0).isfinite().all()


def test_gradients_reach_the_patches_that_were_chosen(seen):
    picture, patches, logits = seen
    patches.requires_grad_()
    fused(picture, patches, logits, "published", K, 0)[:, 0].sum().backward()
    assert (patches.grad.abs().sum(dim=(1, 3)) > 0).sum(dim=1).tolist() == [5 * K, 5 * K]
