"""Silhouettes are laid on blobs, and stored silhouettes are checked."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from logisight.schema import ProductError
from logisight.tools.silhouettes import partition, silhouette_arrays, silhouettes_from


def bar(x, y, length, thickness, angle=0.0, size=(140, 180)):
    corners = cv2.boxPoints(((float(x), float(y)), (float(length), float(thickness)), float(angle)))
    mask = np.zeros(size, np.uint8)
    return cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1).astype(bool)


def ring(x, y, radius, size=(140, 180)):
    mask = np.zeros(size, np.uint8)
    return cv2.circle(mask, (x, y), radius, 1, max(1, radius // 2)).astype(bool)


def crop(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def undecided(mask, classes=2):
    """Probabilities that say that there is a part, but not of which class."""
    probability = np.zeros((*mask.shape, classes + 1), np.float32)
    probability[mask, 1:] = 1 / classes
    probability[~mask, 0] = 1
    return probability


SILHOUETTES = {1: [crop(bar(70, 60, 90, 10))], 2: [crop(ring(60, 60, 16))]}


def alike(one, other):
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize("angle", [0, 33, 90, 147])
def test_a_bar_and_a_ring_that_touch_are_told_apart(angle):
    radians = np.deg2rad(angle + 90)
    true_bar = bar(90, 70, 90, 10, angle)
    true_ring = ring(round(90 + 25 * np.cos(radians)), round(70 + 25 * np.sin(radians)), 16)
    blob = true_bar | true_ring
    parts = dict(partition(blob, undecided(blob), SILHOUETTES))
    assert alike(parts[1], true_bar) > 0.9
    assert alike(parts[2], true_ring) > 0.85


def test_every_pixel_goes_to_one_part():
    blob = bar(90, 70, 90, 10, 20) | bar(90, 70, 90, 10, 80)
    parts = partition(blob, undecided(blob), SILHOUETTES)
    assert len(parts) == 2
    assert np.array_equal(np.sum([mask for _, mask in parts], axis=0), blob)


def test_one_part_stays_one_though_it_is_longer():
    blob = bar(90, 70, 110, 10, 20)
    assert [number for number, _ in partition(blob, undecided(blob), SILHOUETTES)] == [1]


def test_nothing_fits_a_speck():
    blob = ring(60, 60, 3)
    assert partition(blob, undecided(blob), SILHOUETTES) == []


def test_arrays_make_the_same_silhouettes():
    again = silhouettes_from(silhouette_arrays(SILHOUETTES), {1, 2})
    assert {number: [mask.tolist() for mask in masks] for number, masks in again.items()} == {
        number: [mask.tolist() for mask in masks] for number, masks in SILHOUETTES.items()
    }


@pytest.mark.parametrize(
    "change",
    [
        {"silhouette.1.0": np.zeros((4, 4), np.uint8)},
        {"silhouette.1.0": np.ones((4, 4), np.float32)},
        {"silhouette.1.0": np.ones(4, np.uint8)},
        {"silhouette.1.0": np.ones((1, 5000), np.uint8)},
        {"silhouette.3.0": np.ones((4, 4), np.uint8)},
        {"silhouette.x": np.ones((4, 4), np.uint8)},
    ],
)
def test_arrays_that_are_no_silhouettes_are_refused(change):
    with pytest.raises(ProductError, match="damaged"):
        silhouettes_from(silhouette_arrays(SILHOUETTES) | change, {1, 2})


def test_a_class_without_silhouette_is_refused():
    with pytest.raises(ProductError, match="lacks silhouettes"):
        silhouettes_from(silhouette_arrays(SILHOUETTES), {1, 2, 3})
