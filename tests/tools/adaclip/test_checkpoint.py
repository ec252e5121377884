"""Checkpoints and CLIP weights from files: the published form, and files that must not be taken."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
from logisight.schema import DetectorError
from logisight.tools.detectors.adaclip import PromptShape
from tiny_adaclip import EMBED, TEXT, VISION, fill, tiny_network, write_tiny_model

torch = pytest.importorskip("torch", reason="needs logisight[vision]")
open_clip = pytest.importorskip("open_clip", reason="needs logisight[vision]")

from logisight.tools.detectors.adaclip.checkpoint import PREFIX, load_checkpoint, save_checkpoint  # noqa: E402
from logisight.tools.detectors.adaclip.clip import load_clip, random_clip  # noqa: E402
from logisight.tools.detectors.adaclip.network import AdaClipNetwork  # noqa: E402
from safetensors.torch import save_file  # noqa: E402


class Planted:
    """What an attacker would put into a pickle."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture(scope="module")
def network():
    return tiny_network()


@pytest.fixture
def tensors(network):
    return {PREFIX + name: tensor.detach().clone() for name, tensor in network.learned.items()}


def refused(path, network=None):
    """The one line that says why."""
    before = {name: tensor.clone() for name, tensor in (network or tiny_network()).learned.items()}
    network = network or tiny_network()
    with pytest.raises(DetectorError) as caught:
        load_checkpoint(network, path)
    for name, tensor in network.learned.items():
        assert torch.equal(tensor, before[name]), f"{name} was changed by a file that was refused"
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 450
    assert str(path) in message
    return message.removeprefix(str(path))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_what_was_saved_is_loaded(network, tmp_path, suffix):
    save_checkpoint(network, tmp_path / f"learned{suffix}")
    other = tiny_network(fill_it=False)
    load_checkpoint(other, tmp_path / f"learned{suffix}")
    assert all(torch.equal(tensor, network.learned[name]) for name, tensor in other.learned.items())


def test_the_file_is_what_the_public_code_loads(network, tmp_path):
    """A flat dict of float32 under its names; it takes what it knows and asks for no more."""
    save_checkpoint(network, tmp_path / "learned.pth")
    kept = torch.load(tmp_path / "learned.pth", weights_only=True)
    assert type(kept) is dict
    assert set(kept) == {f"clip_model.{name}" for name in network.learned}
    assert {tensor.dtype for tensor in kept.values()} == {torch.float32}
    assert not any(tensor.requires_grad for tensor in kept.values())


def test_half_precision_is_taken_as_float32(tensors, tmp_path):
    torch.save({name: tensor.half() for name, tensor in tensors.items()}, tmp_path / "half.pth")
    other = tiny_network(fill_it=False)
    load_checkpoint(other, tmp_path / "half.pth")
    assert {tensor.dtype for tensor in other.learned.values()} == {torch.float32}


def test_code_in_a_pickle_is_not_run(tensors, tmp_path):
    planted, allowed = tmp_path / "planted", tmp_path / "allowed"
    torch.save(tensors | {"x": Planted(planted)}, tmp_path / "evil.pth")
    (tmp_path / "bare.pth").write_bytes(pickle.dumps({"x": Planted(planted)}))
    for name in ("evil.pth", "bare.pth"):
        assert "nothing in it was run" in refused(tmp_path / name)
    assert not planted.exists()
    # The same does run where it is trusted: the guard did the refusing.
    torch.save({"x": Planted(allowed)}, tmp_path / "trusted.pth")
    torch.load(tmp_path / "trusted.pth", weights_only=False)
    assert allowed.is_dir()


def test_torchscript_that_nobody_published_is_not_run(tmp_path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "program.pt")
    assert "is a program (TorchScript), and none of those" in refused(tmp_path / "program.pt")


def test_torchscript_that_was_published_is_read(tmp_path, monkeypatch):
    """OpenAI's own files are too large for a test: another is made one of them."""
    import hashlib

    from logisight.tools import clip_files, tensors

    path = tmp_path / "program.pt"
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)
    file = clip_files.ClipFile("program.pt", hashlib.sha256(path.read_bytes()).hexdigest(), "1 kB")
    monkeypatch.setitem(clip_files.CLIP_FILES, "tiny", file)
    assert set(tensors.read_tensors(path)) == {"weight", "bias"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.pth", b""),
        ("page.pth", b"<!DOCTYPE html><html><body>Sign in</body></html>"),
        ("words.pth", b"hello world, this is no checkpoint"),
        ("pointer.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 42666043\n"),
        ("empty.safetensors", b""),
        ("words.safetensors", b"hello world, this is no checkpoint"),
    ],
)
def test_files_of_something_else_are_refused(name, content, tmp_path, network):
    (tmp_path / name).write_bytes(content)
    message = refused(tmp_path / name, network)
    assert "no file of tensors" in message


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_files_cut_short_are_refused(network, tmp_path, suffix, share):
    path = tmp_path / f"whole{suffix}"
    save_checkpoint(network, path)
    data = path.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(data[: int(share * len(data))])
    assert "get it again" in refused(cut, network).lower()


def test_a_missing_file_or_a_folder_is_named(tmp_path, network):
    assert "there is no such file" in refused(tmp_path / "nowhere.pth", network)
    assert "there is no such file" in refused(tmp_path, network)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ([torch.zeros(2)], "holds no tensors by name"),
        (torch.zeros(2), "holds no tensors by name"),
        ({}, "holds no tensors by name"),
        ({"epoch": 3}, "epoch is no tensor"),
        ({"conv1.weight": torch.zeros(2)}, "no AdaCLIP checkpoint: its tensors are called conv1.weight"),
    ],
)
def test_other_contents_are_refused(found, why, tmp_path, network):
    torch.save(found, tmp_path / "other.pth")
    assert why in refused(tmp_path / "other.pth", network)


def test_each_tensor_must_be_there_and_no_other(tensors, tmp_path, network):
    name = f"{PREFIX}cls_token_layer.head.0.bias"
    torch.save({key: value for key, value in tensors.items() if key != name}, tmp_path / "fewer.pth")
    assert f"{name} is missing" in refused(tmp_path / "fewer.pth", network)
    torch.save(tensors | {f"{PREFIX}more": torch.zeros(2)}, tmp_path / "more.pth")
    assert f"{PREFIX}more is one too many" in refused(tmp_path / "more.pth", network)
    bare = {key.removeprefix(PREFIX): value for key, value in tensors.items()}
    torch.save(bare, tmp_path / "bare.pth")
    assert "no AdaCLIP checkpoint" in refused(tmp_path / "bare.pth", network)


def test_values_that_are_not_finite_are_refused(tensors, tmp_path, network):
    name = f"{PREFIX}cls_token_layer.head.0.bias"
    tensors[name][3] = float("nan")
    torch.save(tensors, tmp_path / "nan.pth")
    assert f"{name} has values that are not finite" in refused(tmp_path / "nan.pth", network)
    torch.save(tensors | {name: torch.zeros(EMBED, dtype=torch.int64)}, tmp_path / "whole.pth")
    assert f"{name} is of torch.int64" in refused(tmp_path / "whole.pth", network)


def test_another_backbone_is_named_where_it_is_known(tmp_path):
    text, visual = 512, 768
    clip = open_clip.CLIP(
        text,
        vision_cfg=VISION | {"width": visual},
        text_cfg=TEXT | {"width": text, "heads": 8, "vocab_size": 8},
    )
    network = AdaClipNetwork(clip, PromptShape(3, 2))
    save_checkpoint(network, tmp_path / "base.pth")
    message = refused(tmp_path / "base.pth", tiny_network(fill_it=False))
    assert "learned on another backbone: clip_model.patch_token_layer.head.0.weight is (512, 768)" in message
    assert message.endswith("give backbone=ViT-B-16 or ViT-B-32")


def test_prompts_of_another_depth_or_length_are_named(network, tmp_path):
    save_checkpoint(network, tmp_path / "tiny.pth")
    for shape in (PromptShape(4, 2), PromptShape(3, 4)):
        other = AdaClipNetwork(tiny_network(fill_it=False).clip, shape)
        message = refused(tmp_path / "tiny.pth", other)
        assert "learned with depth=3 and length=2" in message
        assert f"depth={shape.depth} and length={shape.length}" in message


class TestClipWeights:
    @pytest.fixture
    def model(self, tmp_path):
        return write_tiny_model(tmp_path)

    @pytest.fixture
    def state(self, network):
        """As OpenAI's files have it: half precision, whole numbers besides, a grid of 4x4."""
        state = {name: tensor.half() for name, tensor in network.clip.state_dict().items()}
        return state | {"input_resolution": torch.tensor(56), "vocab_size": torch.tensor(49408)}

    @pytest.mark.parametrize("kept", ["flat.pt", "nested.pth", "module.pth", "flat.safetensors"])
    def test_state_dicts_are_loaded(self, model, state, network, tmp_path, kept):
        if kept == "nested.pth":
            torch.save({"state_dict": state, "epoch": 3}, tmp_path / kept)
        elif kept == "module.pth":
            torch.save({f"module.{name}": tensor for name, tensor in state.items()}, tmp_path / kept)
        elif kept == "flat.pt":
            torch.save(state, tmp_path / kept)
        else:
            save_file({name: tensor.contiguous() for name, tensor in state.items()}, tmp_path / kept)
        clip = load_clip(model, 56, tmp_path / kept)
        for name, tensor in clip.state_dict().items():
            assert torch.equal(tensor, network.clip.state_dict()[name].half().float())
        assert isinstance(clip.visual.transformer.resblocks[0].mlp.gelu, torch.nn.GELU)

    def test_positions_are_resized_to_the_pictures(self, model, state, tmp_path):
        torch.save(state, tmp_path / "clip.pt")
        clip = load_clip(model, 90, tmp_path / "clip.pt")
        assert clip.visual.positional_embedding.shape == (1 + 6 * 6, VISION["width"])
        assert torch.equal(
            clip.visual.positional_embedding[0], state["visual.positional_embedding"][0].float()
        )
        AdaClipNetwork(clip, PromptShape(3, 2)).to("cpu")

    def test_weights_of_another_model_are_refused(self, model, state, tmp_path):
        for change, why in (
            ({"visual.proj": torch.zeros(128, 32)}, r"another backbone than \S+: visual.proj is \(128, 32\)"),
            ({"more": torch.zeros(2)}, "it has no more"),
            ({"ln_final.bias": None}, "ln_final.bias is missing"),
            ({"ln_final.bias": torch.full((EMBED,), np.inf)}, "ln_final.bias has values that are not finite"),
        ):
            changed = {name: tensor for name, tensor in (state | change).items() if tensor is not None}
            torch.save(changed, tmp_path / "clip.pt")
            with pytest.raises(DetectorError, match=why):
                load_clip(model, 56, tmp_path / "clip.pt")

    @pytest.mark.parametrize("name", ["ViT-L-14-337", "hf-hub:someone/model", "local-dir:/etc"])
    def test_names_that_open_clip_does_not_list_are_refused(self, name):
        with pytest.raises(DetectorError, match="open_clip has no model called"):
            random_clip(name, 56, 0)

    @pytest.mark.parametrize("name", ["RN50", "coca_ViT-B-32", "ViT-B-16-SigLIP"])
    def test_models_that_are_no_plain_transformers_are_refused(self, name):
        with pytest.raises(DetectorError, match="so AdaCLIP's prompts do not fit it"):
            random_clip(name, 224, 0)

    def test_random_weights_follow_from_the_seed_and_leave_the_generator_alone(self, model):
        torch.manual_seed(7)
        before = torch.get_rng_state()
        first, again, other = (random_clip(model, 56, seed).visual.proj for seed in (1, 1, 2))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
        assert torch.equal(torch.get_rng_state(), before)


def test_filling_is_what_makes_the_tiny_network(network):
    other = tiny_network(fill_it=False)
    assert not torch.equal(other.clip.visual.proj, network.clip.visual.proj)
    fill(other)
    assert torch.equal(other.clip.visual.proj, network.clip.visual.proj)
