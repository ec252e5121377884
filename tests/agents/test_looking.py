"""A detector over many pictures: files that are whole, and a run that goes on where it was cut off."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from logisight.agents.looking import folder_name, look_at, map_places
from logisight.tools.detectors import calibrate, load_detector
from logisight.tools.pictures import list_pictures
from logisight.tools.samples import LazySamples
from PIL import Image


@pytest.fixture
def pictures(tmp_path):
    """Noise; a red square on the last one."""
    random = np.random.default_rng(0)
    for number in range(16):
        pixels = random.integers(100, 140, (96, 128, 3), np.uint8)
        if number == 15:
            pixels[32:64, 64:96] = (200, 20, 20)
        (tmp_path / "line").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / f"line/{number}.png")
    return list_pictures([tmp_path / "line"])


@pytest.fixture
def detector(pictures):
    detector = load_detector("patch-distance", batch=2)
    detector.fit(LazySamples(pictures[:6]))
    calibrate(detector, LazySamples(pictures[6:14]))
    return detector


def test_what_is_seen_is_decided_placed_and_kept(pictures, detector, tmp_path) -> None:
    *_, normal, anomalous = look_at(detector, pictures, tmp_path / "out")
    folder = tmp_path / "out/patch-distance"
    assert (normal.status, normal.regions) == ("normal", [])
    assert anomalous.status == "anomalous"
    assert anomalous.suspicion > 0.5
    scores = tifffile.imread(folder / anomalous.map)
    assert (scores.shape, scores.max()) == ((96, 128), anomalous.score)
    y, x = np.unravel_index(scores.argmax(), scores.shape)
    x0, y0, x1, y1 = anomalous.regions[0].box
    assert 64 <= x < 96
    assert 32 <= y < 64
    assert x0 <= x < x1
    assert y0 <= y < y1
    assert Image.open(folder / anomalous.heat).size == (128, 96)


def test_a_run_that_was_cut_off_goes_on_where_it_was(pictures, detector, tmp_path, monkeypatch) -> None:
    out = tmp_path / "out"
    whole = list(look_at(detector, pictures, tmp_path / "whole"))
    started = look_at(detector, pictures, out)
    for _ in range(3):
        next(started)
    started.close()
    looked = []
    look = detector.look
    monkeypatch.setattr(
        detector, "look", lambda samples: looked.extend(s.name for s in samples) or look(samples)
    )
    assert list(look_at(detector, pictures, out)) == whole
    assert looked == [str(path) for path in pictures[3:]]


def test_another_calibration_or_picture_is_looked_at_again(pictures, detector, tmp_path) -> None:
    before = list(look_at(detector, pictures, tmp_path / "out"))
    Image.new("RGB", (8, 8)).save(pictures[0])
    again = list(look_at(detector, pictures, tmp_path / "out"))
    assert again[0].score != before[0].score
    assert again[1:] == before[1:]
    detector.calibration = None
    assert list(look_at(detector, pictures, tmp_path / "out"))[5].status == "undecided"


def test_a_picture_that_cannot_be_read_is_said_and_the_rest_go_on(pictures, detector, tmp_path) -> None:
    pictures[4].write_bytes(b"no picture")
    looks = list(look_at(detector, pictures, tmp_path / "out"))
    assert [bool(look.error) for look in looks] == [False] * 4 + [True] + [False] * 11
    assert "4.png" in looks[4].error
    assert looks[4].status == "undecided"


def test_maps_of_a_loco_tree_are_in_its_layout_others_by_name(tmp_path) -> None:
    loco = [tmp_path / f"box/test/{group}/000.png" for group in ("good", "logical_anomalies")]
    assert [str(p) for p in map_places(loco).values()] == [
        "box/test/good/000",
        "box/test/logical_anomalies/000",
    ]
    mixed = [tmp_path / "a/1.png", tmp_path / "b/1.png", tmp_path / "b/1.jpg", tmp_path / "2.png"]
    places = list(map_places(mixed).values())
    assert [str(place) for place in places[:2]] == ["1", "b/1"]
    assert len(set(places)) == len(places)


def test_the_folder_of_a_detector_is_plain() -> None:
    assert folder_name("grnr[timm:../x y]") == "grnr-timm-..-x-y"


def test_how_many_are_in_work_makes_no_look_anew(pictures, detector, tmp_path, monkeypatch) -> None:
    before = list(look_at(detector, pictures, tmp_path / "out"))
    other = load_detector("patch-distance", batch=5, device="cpu")
    other.restore(detector.tensors())
    other.calibration = detector.calibration
    monkeypatch.setattr(other, "look", lambda samples: pytest.fail("was looked at again"))
    assert list(look_at(other, pictures, tmp_path / "out")) == before
