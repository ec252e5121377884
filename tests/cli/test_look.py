"""`logisight look` and `logisight detectors`, as a user runs them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from command_line import logisight
from PIL import Image


@pytest.fixture
def line(tmp_path):
    """Noise; a red square on picture 25."""
    random = np.random.default_rng(0)
    (tmp_path / "good").mkdir()
    for number in range(26):
        pixels = random.integers(100, 140, (64, 64, 3), np.uint8)
        if number == 25:
            pixels[16:48, 16:48] = (200, 20, 20)
        Image.fromarray(pixels).save(tmp_path / (f"good/{number}.png" if number < 24 else f"{number}.png"))
    return tmp_path


def test_pictures_are_decided_and_maps_are_there(line) -> None:
    out = line / "looks"
    pictures = (line / "24.png", line / "25.png")
    told = ("look", "patch-distance", *pictures, "--normal", line / "good", "--out", out)
    done = logisight(*told)
    assert done.returncode == 1
    assert "Calibrated on 12 normal pictures" in done.stdout
    assert (out / "patch-distance/heat/25.jpg").is_file()
    normal, anomalous = (json.loads(row) for row in logisight(*told, "--json").stdout.splitlines())
    assert (normal["status"], anomalous["status"]) == ("normal", "anomalous")
    assert (out / "patch-distance" / anomalous["map"]).is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["grr", "24.png"], "error: no detector is called 'grr'"),
        (["patch-distance", "24.png"], "error: patch-distance learns from normal pictures; say where"),
        (["patch-distance:bank=x", "24.png"], "error: patch-distance: option bank"),
        (["always-normal", "9.png"], "no such file or folder"),
        (["adaclip:weights=nowhere.pth", "24.png"], "error: adaclip: "),
    ],
)
def test_what_cannot_be_is_one_line(line, arguments, said) -> None:
    name, picture = arguments
    done = logisight("look", name, line / picture, "--out", line / "looks")
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_detectors_are_listed_with_what_they_need() -> None:
    kinds = {kind["name"]: kind for kind in json.loads(logisight("detectors", "--json").stdout)}
    assert list(kinds) == ["adaclip", "grnr", "mean-distance", "patch-distance", "always-normal"]
    assert kinds["adaclip"]["missing"]
    assert not kinds["grnr"]["missing"]
    assert "Patches of normal pictures" in logisight("detectors", "patch-distance").stdout
