"""LogiSight's AdaCLIP gives what the public code gave; how that was made is told in `tiny_adaclip.py`."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_adaclip import CLUSTERS, GOLDEN, NAMES, PATCH_ROWS, drawn, tiny_images, tiny_network

torch = pytest.importorskip("torch", reason="needs logisight[vision]")
pytest.importorskip("open_clip", reason="needs logisight[vision]")

CLOSE = 1e-4


@pytest.fixture(scope="module")
def public():
    with np.load(GOLDEN, allow_pickle=False) as kept:
        return dict(kept)


@pytest.fixture(scope="module")
def network():
    return tiny_network()


def same(found, expected):
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=0, atol=CLOSE)


@pytest.mark.parametrize("number", range(len(NAMES)))
@pytest.mark.parametrize("fusion", ["published", "none"])
def test_maps_and_scores_are_those_of_the_public_code(network, public, number, fusion):
    network.fusion = fusion
    with torch.no_grad():
        maps, scores = network.maps(tiny_images()[number : number + 1], [NAMES[number]])
    same(maps[0], public[f"{number} {fusion} map"])
    same(scores[0], public[f"{number} {fusion} score"])
    network.fusion = "published"


def test_the_golden_maps_tell_something(public):
    """Maps of the two pictures differ by far more than what counts as the same."""
    assert np.abs(public["0 published map"] - public["1 published map"]).max() > 100 * CLOSE
    assert np.ptp(public["0 published map"]) > 100 * CLOSE
    assert abs(public["0 published score"] - public["0 none score"]) > CLOSE


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_each_stage_is_that_of_the_public_code(network, public, number):
    def golden(key):
        return public[f"{number} {key}"]

    with torch.no_grad():
        tokens = network.embedded(tiny_images()[number : number + 1])
        vector = network.unprompted(tokens)
        prompts = network.prompts(vector)
        taps, pooled = network.prompted(tokens, prompts.visual)
        words = network.described([NAMES[number]], prompts.text)
        patches = network._projected(taps)
        picture = torch.nn.functional.normalize(network.cls_token_layer.head[0](pooled), dim=-1)
    same(tokens[0], golden("embedded"))
    same(vector[0], golden("vector"))
    same(network.dynamic_visual_prompt_generator(vector)[0], golden("visual prompts"))
    same(network.dynamic_text_prompt_generator(vector)[0], golden("text prompts"))
    same(taps[-1][0], golden("last tap"))
    same(words[0], golden("words"))
    same(picture[0], golden("picture"))
    same(patches[0, :, ::PATCH_ROWS], golden("patches"))


def test_what_training_sees_ends_in_the_same_map(network, public):
    with torch.no_grad():
        looked = network(tiny_images()[:1], NAMES[:1])
    assert [tuple(layer.shape) for layer in looked.layers] == [(1, 2, 56, 56)] * 4
    same(torch.stack(looked.layers).mean(dim=0).softmax(dim=1)[0, 1], public["0 published map"])
    same(looked.score.softmax(dim=1)[0, 1], public["0 published score"])


def test_positions_are_resized_as_by_the_public_code(public):
    from logisight.tools.detectors.adaclip.clip import resized_positions

    resized = resized_positions(torch.from_numpy(drawn("grid", (577, 3), 1.0)), (37, 37))
    np.testing.assert_allclose(resized.numpy(), public["positions 37"], rtol=0, atol=1e-6)


def test_the_seed_is_that_of_the_clustering(network):
    """With as many clusters as here, another start ends in other clusters: parity is no accident."""
    assert network.clusters == CLUSTERS
    with torch.no_grad():
        scores = set()
        for seed in range(6):
            network.seed = seed
            scores.add(network.maps(tiny_images()[:1], NAMES[:1])[1].item())
    network.seed = 0
    assert len(scores) > 1
