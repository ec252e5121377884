"""`logisight train adaclip`: a checkpoint that `look` can take, and one line where something is wrong."""

from __future__ import annotations

import json
import sys

import pytest
import tiny_training
from command_line import logisight

pytest.importorskip("torch", reason="needs logisight[vision]")
pytest.importorskip("open_clip", reason="needs logisight[vision]")
pytest.importorskip("accelerate", reason="needs logisight[vision]")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A file of weights of the tiny CLIP."""
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("clip")
    weights = tiny_training.tiny_network(folder).clip.state_dict()
    weights.pop("attn_mask", None)
    save_file(weights, folder / "clip.safetensors")
    return folder / "clip.safetensors"


@pytest.fixture
def train(clip, plates, tmp_path):
    """The verb, with what it needs, and more arguments."""
    needs = ["--data", plates / "steel_sheet", "--clip-weights", clip, "--out", tmp_path / "adaclip.pth"]
    size = ["--backbone", tiny_training.BACKBONE, "--image-size", tiny_training.SIZE, "--device", "cpu"]
    return lambda *more: logisight("train", "adaclip", *needs, *size, *more)


def test_trains_and_goes_on(train, clip, tmp_path):
    first = train("--epochs", 1)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("epoch 1: mean loss ")
    more = train("--epochs", 2, "--json")
    facts = json.loads(more.stdout)
    assert (facts["resumed_at"], facts["batches"], len(facts["losses"])) == (4, 8, 2)
    assert facts["checkpoint"] == str(tmp_path / "adaclip.pth")


def test_checkpoint_is_what_the_detector_takes(train, clip, plates, tmp_path):
    from logisight.tools.detectors import load_detector
    from logisight.tools.samples import read_sample

    assert train("--epochs", 1).returncode == 0
    detector = load_detector(
        "adaclip",
        weights=tmp_path / "adaclip.pth",
        clip_weights=clip,
        backbone=tiny_training.BACKBONE,
        image_size=tiny_training.SIZE,
        device="cpu",
    )
    (found,) = detector.predict([read_sample(plates / "plate" / "test" / "scratch" / "000.png")])
    assert found.scores.shape == (48, 48)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--clip-weights", "nowhere.pt"], "nowhere.pt"),
        (["--data", "nowhere"], "nowhere: no such folder"),
        (["--product", "bolt"], "no product bolt; there are"),
        (["--from", "nowhere.pth"], "nowhere.pth"),
        (["--out", "."], "is a folder; name the file to write"),
        (["--precision", "float16"], "float16 needs a GPU"),
        (["--precision", "float8"], "float8"),
    ],
)
def test_what_is_wrong_is_one_line(train, more, said):
    finished = train(*more)
    assert finished.returncode == 2
    told = finished.stderr.strip()
    assert told.startswith("error: ")
    assert said in told
    assert "\n" not in told


def test_missing_package_is_told(train, monkeypatch):
    # The verb has the name of its module.
    monkeypatch.setattr(sys.modules["logisight.cli.train"], "_PACKAGES", ("torch", "no_such_package"))
    assert "training needs no_such_package; pip install 'logisight[vision]'" in train().stderr
