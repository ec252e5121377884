"""AdaCLIP's network: its learned tensors, what a batch may hold, and that less work gives the same."""

from __future__ import annotations

import numpy as np
import pytest
from logisight.schema import DetectorError
from logisight.tools.detectors.adaclip import PromptShape
from logisight.tools.detectors.adaclip.sentences import layout
from tiny_adaclip import DEPTH, LENGTH, NAMES, tiny_images, tiny_network

torch = pytest.importorskip("torch", reason="needs logisight[vision]")
open_clip = pytest.importorskip("open_clip", reason="needs logisight[vision]")


@pytest.fixture(scope="module")
def network():
    return tiny_network()


def published_shapes(text, visual, depth=4, length=5):
    """As the authors' README and files have them."""
    shapes = {}
    for block in range(depth):
        shapes[f"text_prompter.static_prompts.{block}"] = (length, text)
        shapes[f"visual_prompter.static_prompts.{block}"] = (length, visual)
    heads = [(f"patch_token_layer.head.{tap}", text, visual) for tap in range(4)]
    heads += [("cls_token_layer.head.0", text, text)]
    heads += [(f"dynamic_visual_prompt_generator.head.{place}", visual, text) for place in range(length)]
    heads += [(f"dynamic_text_prompt_generator.head.{place}", text, text) for place in range(length)]
    for name, out, into in heads:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (out, into), (out,)
    return shapes


@pytest.mark.parametrize(
    ("backbone", "text", "visual", "taps"),
    [("ViT-L-14-336", 768, 1024, (6, 12, 18, 24)), ("ViT-B-16", 512, 768, (3, 6, 9, 12))],
)
def test_learned_tensors_are_the_published_ones(backbone, text, visual, taps):
    from logisight.tools.detectors.adaclip.network import AdaClipNetwork

    config = open_clip.get_model_config(backbone)
    config["vision_cfg"]["image_size"] = 518
    with torch.device("meta"):
        network = AdaClipNetwork(open_clip.CLIP(**config))
    learned = {name: tuple(tensor.shape) for name, tensor in network.learned.items()}
    assert learned == published_shapes(text, visual)
    assert len(learned) == 38
    assert network.taps == taps
    if backbone == "ViT-L-14-336":
        assert sum(tensor.numel() for tensor in network.learned.values()) == 10_665_472


def test_only_what_is_learned_has_gradients(network):
    looked = network(tiny_images(1), NAMES[:1])
    sum(layer.square().mean() for layer in looked.layers).add(looked.score.square().sum()).backward()
    moved = {name for name, tensor in network.named_parameters() if tensor.grad is not None}
    # Into the first block of the text tower no prompt goes; its tensor is there for the checkpoint alone.
    assert moved == set(network.learned) - {"text_prompter.static_prompts.0"}
    network.zero_grad()


def test_pictures_of_a_batch_do_not_know_each_other(network):
    images, names = tiny_images(5), [NAMES[0], NAMES[1], NAMES[0], "carpet", NAMES[1]]
    with torch.no_grad():
        maps, scores = network.maps(images, names)
        for place, name in enumerate(names):
            one, score = network.maps(images[place : place + 1], [name])
            np.testing.assert_allclose(maps[place], one[0], rtol=0, atol=1e-5)
            np.testing.assert_allclose(scores[place], score[0], rtol=0, atol=1e-5)
            swapped = names[(place + 1) % len(names)]
            if swapped != name:
                other, _ = network.maps(images[place : place + 1], [swapped])
                assert (other - one).abs().max() > 1e-4


@pytest.mark.parametrize("fusion", ["published", "paper", "none"])
def test_the_same_call_gives_the_same_bits(network, fusion):
    network.fusion = fusion
    with torch.no_grad():
        first, again = (network.maps(tiny_images(2), NAMES) for _ in range(2))
    network.fusion = "published"
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])


@pytest.mark.parametrize(("depth", "length"), [(3, 2), (1, 2), (2, 9), (4, 30)])
def test_shared_tokens_give_what_whole_sentences_give(network, depth, length):
    """Each sentence on its own through all 77 places, as CLIP does it, with the prompts put in."""
    clip = network.clip
    prompts = [torch.randn(1, length, 64, generator=torch.Generator().manual_seed(n)) for n in range(depth)]
    laid = layout("zip fastener", 1)
    tokens = torch.zeros(48, 77, dtype=torch.long)
    tokens[:, : laid.tokens.shape[1]] = torch.from_numpy(laid.tokens)
    mask = torch.full((77, 77), float("-inf")).triu(1)
    was = network.shape
    network.shape = PromptShape(depth, length)
    with torch.no_grad():
        whole = clip.token_embedding(tokens) + clip.positional_embedding
        for number, layer in enumerate(clip.transformer.resblocks):
            if 0 < number < depth:
                whole[:, 1 : 1 + length] = prompts[number]
            whole = layer(whole, attn_mask=mask)
        whole = clip.ln_final(whole)[torch.arange(48), tokens.argmax(dim=1)] @ clip.text_projection
        whole = whole / whole.norm(dim=-1, keepdim=True)
        means = torch.stack([whole[:28].mean(dim=0), whole[28:].mean(dim=0)], dim=1)
        found = network.described(["zip fastener"], prompts)[0]
    network.shape = was
    np.testing.assert_allclose(found, means / means.norm(dim=0), rtol=0, atol=1e-5)


def test_prompts_are_rounded_as_float16_but_learn_as_if_not(network):
    from logisight.tools.detectors.adaclip.network import _rounded

    values = torch.tensor([0.1, 1e-9, 3.00001], requires_grad=True)
    rounded = _rounded(values)
    assert torch.equal(rounded, values.detach().half().float())
    assert torch.equal(torch.autograd.grad(rounded.sum(), values)[0], torch.ones(3))


def test_prompts_too_deep_for_the_towers_are_refused():
    from logisight.tools.detectors.adaclip.network import AdaClipNetwork

    clip = tiny_network(fill_it=False).clip
    AdaClipNetwork(clip, PromptShape(4, LENGTH))
    with pytest.raises(DetectorError, match="5 blocks do not fit a CLIP of 4 blocks"):
        AdaClipNetwork(clip, PromptShape(5, LENGTH))
    assert DEPTH < 4
