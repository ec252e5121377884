"""Training pixels: as many of each class, at edges and away from them, and weights that tell the truth."""

from __future__ import annotations

import numpy as np
import pytest
from logisight.tools.pixel_features import COUNT
from logisight.tools.sampling import Rows, joined, sample_pixels, weights_of, without

CLASSED = np.zeros((60, 80), np.intp)
CLASSED[20:40, 20:50] = 1
PIXELS = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)


def rows(*classes):
    return Rows(
        np.zeros((len(classes), COUNT), np.float32), np.array(classes, np.intp), np.ones(len(classes))
    )


def sampled(pictures=1):
    return sample_pixels(PIXELS, CLASSED, pictures, np.random.default_rng(0))


def test_rows_stand_for_every_pixel_in_every_light():
    found = sampled()
    for number in (0, 1):
        per_light = found.stands_for[found.classes == number].sum() / np.bincount(CLASSED.reshape(-1))[number]
        assert per_light == pytest.approx(round(per_light))
        assert per_light > 1


def test_more_pictures_take_fewer_pixels_of_each():
    assert len(sampled(pictures=100).classes) < len(sampled(pictures=10).classes) / 5


def test_edges_are_sampled_more_densely():
    found = sampled(pictures=20)
    # A pixel away from edges stands for more pixels than one at an edge, of which all may be taken.
    background = found.stands_for[found.classes == 0]
    assert background.min() < background.max() / 3


def test_a_picture_is_left_out_but_for_classes_that_no_other_shows():
    pictures = [rows(0, 1, 1), rows(0, 2), rows(0, 1)]
    assert sorted(without(pictures, 0).classes) == [0, 0, 1, 2]
    assert sorted(without(pictures, 1).classes) == [0, 0, 1, 1, 1, 2]


def test_common_classes_weigh_more_but_less_than_their_number():
    found = joined([rows(*[0] * 900), rows(*[1] * 100)])
    weights = weights_of(found)
    common, rare = weights[:900].sum(), weights[900:].sum()
    assert 1 < common / rare < 9
    assert weights.mean() == pytest.approx(1)
