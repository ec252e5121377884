"""Thresholds from normal pictures alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from logisight.schema import DetectorError
from logisight.tools.detectors import AnomalyMap, calibrate, load_detector
from logisight.tools.detectors.calibration import line_of, prepare
from logisight.tools.samples import sample_of


@pytest.mark.parametrize(
    ("count", "false_alarms", "place"),
    [(19, 0.05, 19), (20, 0.05, 20), (99, 0.05, 95), (99, 0.01, 99), (9, 0.1, 9)],
)
def test_the_threshold_is_the_conformal_quantile(count, false_alarms, place) -> None:
    scores = np.random.default_rng(0).permutation(np.arange(1.0, count + 1))
    assert line_of(scores, false_alarms).threshold == place


def test_with_too_few_pictures_it_lies_beyond_the_largest() -> None:
    assert line_of([1.0, 2.0, 5.0], 0.05).threshold == 8.0
    assert line_of([3.0], 0.05).threshold == 3.0


def test_new_normal_pictures_lie_above_it_no_more_often_than_asked() -> None:
    random = np.random.default_rng(1)
    above = [
        random.gamma(2.0, size=50) > line_of(random.gamma(2.0, size=39), 0.1).threshold for _ in range(4000)
    ]
    assert 0.09 < np.mean(above) <= 0.102


def test_a_decision_is_half_at_the_threshold_and_grows() -> None:
    line = line_of(np.arange(1.0, 100), 0.05)
    decisions = [line.decide(score) for score in (-math.inf, 0, 50, 95, 96, 1000, math.inf)]
    assert decisions == sorted(decisions)
    assert decisions[3] == 0.5
    assert all(0 <= decision <= 1 for decision in decisions)


def test_equal_scores_still_decide() -> None:
    line = line_of([0.0] * 30, 0.05)
    assert line.decide(0.0) == 0.5
    assert line.decide(0.1) > 0.99


def test_a_detector_that_learns_is_calibrated_on_pictures_that_it_did_not_learn_from() -> None:
    random = np.random.default_rng(2)
    samples = [sample_of(random.integers(0, 255, (64, 64, 3), np.uint8)) for _ in range(6)]
    detector = load_detector("patch-distance")
    calibration = prepare(detector, samples)
    assert calibration.normal == 3
    assert calibration.picture.threshold > 0.05  # of pictures that it learned from, the distance is 0
    with pytest.raises(DetectorError, match="but there are 1"):
        prepare(load_detector("patch-distance"), samples[:1])


def test_without_pictures_there_is_no_calibration() -> None:
    with pytest.raises(DetectorError, match="no normal picture to calibrate it on"):
        calibrate(load_detector("always-normal"), [])


def test_the_bound_is_what_the_number_of_pictures_allows() -> None:
    samples = [sample_of(np.zeros((2, 2, 3), np.uint8))] * 4
    calibration = calibrate(load_detector("always-normal"), samples)
    assert calibration.bound == 0.2
    assert calibration.decide(AnomalyMap(np.zeros((2, 2), np.float32), 0.0, "x")) == 0.5
