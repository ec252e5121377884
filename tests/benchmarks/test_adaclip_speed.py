"""The measurement itself: the same pictures each time, two that take turns, and what is said of them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from logisight.benchmarks import adaclip_speed
from logisight.benchmarks.adaclip_speed import STAGES, Looks, Task, report
from logisight.schema import DetectorError
from logisight.tools.detectors.adaclip import AdaClipOptions
from rich.console import Console


def looks(seconds, value):
    stages = dict.fromkeys(STAGES, 0.01)
    return Looks(seconds, 2 * seconds, [np.full((4, 4), value, np.float32)], [value], stages, 100.0)


def printed(own, public):
    console = Console(file=io.StringIO(), width=200)
    report(console, own, public)
    return console.file.getvalue()


def test_the_two_are_compared_turn_by_turn():
    text = printed(
        [looks(1, 0.5), looks(2, 0.5), looks(4, 0.5)], [looks(3, 0.5), looks(6, 0.75), looks(12, 0.5)]
    )
    assert "LogiSight is 3.00 times as fast as the public code, 3.00 times by CPU time" in text
    assert "maps differ by at most 2.5e-01, scores by 2.5e-01" in text
    assert "| LogiSight | 2000 | 4000 | 100 |" in text


def test_alone_nothing_is_compared():
    text = printed([looks(1, 0.5)], [])
    assert "public" not in text
    assert "| text tower | 10 |" in text


def test_pictures_of_a_turn_are_the_same_for_both():
    options = AdaClipOptions(image_size=64, batch=2)
    first, again, other = (adaclip_speed._pictures(options, turn) for turn in (0, 0, 1))
    for one, same, different in zip(first, again, other, strict=True):
        assert one.pixels.shape == (64, 64, 3)
        assert np.array_equal(one.pixels, same.pixels)
        assert not np.array_equal(one.pixels, different.pixels)


class TestWithNetwork:
    @pytest.fixture
    def options(self, tmp_path):
        pytest.importorskip("torch", reason="needs logisight[vision]")
        pytest.importorskip("open_clip", reason="needs logisight[vision]")
        from tiny_adaclip import write_tiny_model

        model = write_tiny_model(tmp_path)
        return AdaClipOptions(
            random_weights=True, backbone=model, image_size=56, depth=3, length=2, batch=2, device="cpu"
        )

    def test_all_stages_are_timed(self, options):
        looked = Task(options, None).turn(0)
        assert set(looked.stages) == set(STAGES)
        assert 0 < sum(looked.stages.values()) <= looked.seconds
        assert [one.shape for one in looked.maps] == [(56, 56)] * 2
        assert looked.megabytes > 0

    def test_a_folder_without_the_public_code_is_one_line(self, options, tmp_path):
        with pytest.raises(DetectorError, match=r"no public code of AdaCLIP: method/adaclip.py is missing"):
            Task(options, tmp_path).turn(0)
