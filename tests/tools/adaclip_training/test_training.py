"""AdaCLIP learns: what changes, what does not, and that a run which was cut off comes out the same."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import tiny_training
from auxiliary_tree import write_product
from logisight.schema import DetectorError, PictureError

torch = pytest.importorskip("torch", reason="needs logisight[vision]")
pytest.importorskip("open_clip", reason="needs logisight[vision]")
pytest.importorskip("accelerate", reason="needs logisight[vision]")

from logisight.tools.detectors.adaclip.auxiliary import read_auxiliary  # noqa: E402
from logisight.tools.detectors.adaclip.checkpoint import load_checkpoint  # noqa: E402
from logisight.tools.detectors.adaclip.training import train_adaclip  # noqa: E402
from logisight.tools.detectors.adaclip.training_options import Training  # noqa: E402
from logisight.tools.detectors.adaclip.training_state import state_path  # noqa: E402

# The published rate is for a CLIP that knows something; on random weights it jumps about.
SETTINGS = {"epochs": 2, "learning_rate": 0.002, "seed": 1, "save_every": 3, "mosaics": 0.3, "device": "cpu"}
DEAD = "text_prompter.static_prompts.0"
"""No block takes it: the first one of the text tower has no prompts."""


@pytest.fixture(scope="module")
def pictures(plates):
    return read_auxiliary([plates])


@pytest.fixture
def network(tmp_path):
    return tiny_training.tiny_network(tmp_path)


def weights(network):
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def whole(pictures, tmp_path_factory):
    """A run of two epochs that nothing disturbed: weights before and after, and what came out."""
    folder = tmp_path_factory.mktemp("whole")
    network = tiny_training.tiny_network(folder)
    before = weights(network)
    trained = train_adaclip(network, pictures, folder / "adaclip.pth", Training(**SETTINGS))
    return before, weights(network), trained


def test_what_learns_changes_and_clip_does_not(whole):
    before, after, _ = whole
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    learned = {name for name in before if not name.startswith("clip.")}
    assert changed == learned - {DEAD}
    # Static prompts of 3 blocks on both sides; heads of 4 layers, 1 class token, and 2 x 2 prompt tokens.
    assert len(learned) == 2 * 3 + 2 * (4 + 1 + 4)


def test_loss_falls(pictures, network, tmp_path):
    settings = Training(**SETTINGS | {"epochs": 5, "mosaics": 0.0, "batch": 5, "learning_rate": 0.01})
    trained = train_adaclip(network, pictures, tmp_path / "adaclip.pth", settings)
    assert trained.batches == 5 * len(pictures) // 5
    assert trained.losses[-1] < 0.8 * trained.losses[0]


def test_checkpoint_is_a_flat_dict_that_can_be_loaded(whole, network):
    _, after, trained = whole
    tensors = torch.load(trained.checkpoint, weights_only=True)
    assert set(tensors) == {f"clip_model.{name}" for name in network.learned}
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    load_checkpoint(network, trained.checkpoint)
    assert same(weights(network), after)


def test_killed_run_goes_on_to_the_same_weights(whole, plates, pictures, network, tmp_path):
    _, after, uninterrupted = whole
    out = tmp_path / "adaclip.pth"
    program = [sys.executable, tiny_training.__file__, plates, out, json.dumps(SETTINGS), "14"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout.readline() == "waiting\n"
        run.send_signal(signal.SIGKILL)
    assert run.returncode == -signal.SIGKILL
    trained = train_adaclip(network, pictures, out, Training(**SETTINGS))
    assert trained.resumed_at == 12
    assert same(weights(network), after)
    assert trained.losses == uninterrupted.losses
    assert out.read_bytes() == uninterrupted.checkpoint.read_bytes()


def test_ctrl_c_keeps_the_batch_in_work(whole, pictures, network, tmp_path):
    out, seen = tmp_path / "adaclip.pth", []

    def press(loss):
        seen.append(loss)
        if len(seen) == 5:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train_adaclip(network, pictures, out, Training(**SETTINGS), on_batch=press)
    again = tiny_training.tiny_network(tmp_path)
    assert train_adaclip(again, pictures, out, Training(**SETTINGS)).resumed_at == 5
    assert same(weights(again), whole[1])


def test_more_epochs_go_on_and_fewer_are_refused(whole, pictures, network, tmp_path):
    out = tmp_path / "adaclip.pth"
    train_adaclip(network, pictures, out, Training(**SETTINGS | {"epochs": 1, "keep_epochs": True}))
    first, latest = (torch.load(tmp_path / name, weights_only=True) for name in ("adaclip.epoch-1.pth", out))
    assert same(first, latest)
    trained = train_adaclip(network, pictures, out, Training(**SETTINGS))
    assert trained.resumed_at == len(pictures)
    assert same(weights(network), whole[1])
    with pytest.raises(DetectorError, match="is in epoch 3 already; ask for more --epochs"):
        train_adaclip(network, pictures, out, Training(**SETTINGS | {"epochs": 1}))


def test_finished_run_has_nothing_to_do_but_its_checkpoint(whole, pictures, network, tmp_path):
    for path in (whole[2].checkpoint, state_path(whole[2].checkpoint)):
        shutil.copy(path, tmp_path)
    (out := tmp_path / "adaclip.pth").write_bytes(b"of an epoch before")
    trained = train_adaclip(network, pictures, out, Training(**SETTINGS))
    assert trained.resumed_at == trained.batches == 2 * len(pictures)
    assert out.read_bytes() == whole[2].checkpoint.read_bytes()


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"learning_rate": 0.1}, "another learning rate;"),
        ({"mosaics": 0.0, "batch": 2}, "another batch, mosaics;"),
        ({"pictures": 5}, "another set of pictures;"),
        ({"CLIP": 7}, "another CLIP, fusion;"),
    ],
)
def test_state_of_another_training_is_refused(whole, pictures, tmp_path, other, said):
    shutil.copy(state_path(whole[2].checkpoint), tmp_path)
    settings = dict(other)
    network = tiny_training.tiny_network(tmp_path, settings.pop("CLIP", 0))
    chosen = pictures[settings.pop("pictures", 0) :]
    out = tmp_path / "adaclip.pth"
    with pytest.raises(DetectorError) as error:
        train_adaclip(network, chosen, out, Training(**SETTINGS | settings))
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert not out.exists()


def test_fresh_starts_over(whole, pictures, network, tmp_path):
    shutil.copy(state_path(whole[2].checkpoint), tmp_path)
    settings = Training(**SETTINGS | {"learning_rate": 0.001, "epochs": 1})
    trained = train_adaclip(network, pictures, tmp_path / "adaclip.pth", settings, fresh=True)
    assert (trained.resumed_at, trained.batches) == (0, len(pictures))


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-100], lambda content: b"{}", lambda content: b""]
)
def test_damaged_state_is_told(whole, pictures, network, tmp_path, damage):
    state = tmp_path / "adaclip.training.safetensors"
    state.write_bytes(damage(state_path(whole[2].checkpoint).read_bytes()))
    with pytest.raises(DetectorError, match=r"adaclip\.training\.safetensors: is damaged, or no file of a"):
        train_adaclip(network, pictures, tmp_path / "adaclip.pth", Training(**SETTINGS))


def test_training_that_leaps_away_is_told_and_not_kept(pictures, network, tmp_path):
    out = tmp_path / "adaclip.pth"
    with pytest.raises(DetectorError, match="no number any more; lower --learning-rate"):
        train_adaclip(network, pictures, out, Training(**SETTINGS | {"learning_rate": 1e38}))
    assert not out.exists()


def test_damaged_picture_is_told_and_what_was_learned_is_kept(tmp_path, network):
    folder = write_product(tmp_path / "plate")
    found = read_auxiliary([folder])
    whole = (path := found[3].path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    out, losses = tmp_path / "adaclip.pth", []
    settings = Training(**SETTINGS | {"mosaics": 0.0, "save_every": 100})
    with pytest.raises(PictureError, match="damaged or cut off"):
        train_adaclip(network, found, out, settings, on_batch=losses.append)
    path.write_bytes(whole)
    assert train_adaclip(network, found, out, settings).resumed_at == len(losses)


def test_each_precision_of_a_cpu(pictures, network, tmp_path):
    losses = {}
    for precision in ("float32", "bfloat16"):
        copied = tiny_training.tiny_network(tmp_path)
        settings = Training(**SETTINGS | {"epochs": 1, "precision": precision, "batch": 4})
        losses[precision] = train_adaclip(copied, pictures, tmp_path / f"{precision}.pth", settings).losses
    assert losses["float32"] != losses["bfloat16"]
    assert losses["float32"] == pytest.approx(losses["bfloat16"], rel=0.1)
    settings = Training(**SETTINGS | {"precision": "float16"})
    with pytest.raises(DetectorError, match="float16 needs a GPU; train with --precision float32"):
        train_adaclip(network, pictures, tmp_path / "adaclip.pth", settings)


def test_only_what_learns_has_gradients(pictures, network, tmp_path):
    train_adaclip(network, pictures[:3], tmp_path / "adaclip.pth", Training(**SETTINGS | {"epochs": 1}))
    with_gradient = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert with_gradient == set(network.learned) - {DEAD}
    assert not any(parameter.requires_grad for parameter in network.clip.parameters())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("precision", ["auto", "bfloat16", "float32"])
def test_a_gpu_learns_too(pictures, network, tmp_path, precision):
    before, out = weights(network), tmp_path / "adaclip.pth"
    settings = SETTINGS | {"device": "auto", "precision": precision, "mosaics": 0.0, "batch": 5}
    train_adaclip(network, pictures, out, Training(**settings | {"epochs": 12}))
    again = tiny_training.tiny_network(tmp_path)
    trained = train_adaclip(again, pictures, out, Training(**settings | {"epochs": 24}))
    assert trained.resumed_at == 12 * len(pictures) // 5
    assert trained.losses[-1] < 0.8 * trained.losses[0]
    changed = {name for name, tensor in weights(again).items() if not torch.equal(tensor.cpu(), before[name])}
    assert changed == set(network.learned) - {DEAD}
    load_checkpoint(tiny_training.tiny_network(tmp_path), out)
