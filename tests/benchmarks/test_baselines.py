"""The baselines, on a test set that a patch comparison can do and a constant cannot."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from loco_tree import SIZE, channel, save, write_category
from logisight.benchmarks.baselines import DetectorMaps
from logisight.benchmarks.loco import read_category
from logisight.benchmarks.scoring import score_category
from logisight.schema import DetectorError
from logisight.tools.detectors import load_detector


@pytest.fixture
def category(tmp_path):
    """Grey pictures with a little noise; where the ground truth is, they are red."""
    folder, random = write_category(tmp_path / "widgets"), np.random.default_rng(0)
    for path in sorted(folder.glob("*/*/*.png")):
        pixels = random.integers(120, 130, (*SIZE, 3), np.uint8)
        for truth in sorted((folder / "ground_truth" / path.parent.name / path.stem).glob("*.png")):
            pixels[cv2.imread(str(truth), cv2.IMREAD_UNCHANGED) > 0] = (200, 30, 30)
        save(path, pixels)
    return read_category(folder)


def test_patches_unlike_the_good_ones_stand_out(category):
    score = score_category(category, DetectorMaps(load_detector("patch-distance"), category))
    assert score.image["all"].auroc == 1
    assert score.pixel["all"].auroc > 0.8


def test_always_normal_is_worth_what_chance_is(category):
    score = score_category(category, DetectorMaps(load_detector("always-normal"), category))
    assert score.image["all"].auroc == 0.5
    assert score.localization.groups["mean"]["0.05"] == pytest.approx(0.025)


def test_the_same_seed_makes_the_same_map(category):
    detectors = [load_detector("patch-distance", seed=3) for _ in range(2)]
    maps = [next(DetectorMaps(detector, category).pictures()).scores for detector in detectors]
    assert np.array_equal(*maps)
    assert maps[0].shape == SIZE


def test_a_picture_that_cannot_be_used_is_told_and_the_rest_go_on(category):
    save(category.folder / "ground_truth/logical_anomalies/000/000.png", channel(0, 2))
    maps = DetectorMaps(load_detector("always-normal"), category)
    assert len(list(maps.pictures())) == maps.count() - 1
    (line,) = maps.problems
    assert "000/000.png: a channel holds one value" in line


def test_nothing_to_learn_from_is_said():
    with pytest.raises(DetectorError, match="no normal picture to learn from"):
        load_detector("patch-distance").fit([])
