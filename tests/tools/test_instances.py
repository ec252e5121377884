"""Blobs become parts: touching ones split, slivers dropped, look-alikes told apart by the whole."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from logisight.tools.instances import find_instances, settle, traits_of


def canvas(*draw, size=(120, 160)):
    mask = np.zeros(size, np.uint8)
    for shape in draw:
        shape(mask)
    return mask.astype(bool)


def disc(x, y, radius):
    return lambda mask: cv2.circle(mask, (x, y), radius, 1, -1)


def bar(x, y, length, thickness, angle=0.0):
    corners = cv2.boxPoints(((float(x), float(y)), (float(length), float(thickness)), float(angle)))
    return lambda mask: cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)


DISC = traits_of(canvas(disc(40, 40, 20)))
BAR = traits_of(canvas(bar(60, 60, 60, 10)))


@pytest.mark.parametrize(
    ("mask", "known", "parts"),
    [
        (canvas(), [DISC], 0),
        (canvas(disc(40, 40, 20)), [DISC], 1),
        (canvas(disc(30, 40, 20), disc(90, 40, 20)), [DISC], 2),
        (canvas(disc(40, 40, 20), disc(79, 45, 20)), [DISC], 2),  # touching
        (canvas(disc(40, 40, 20), disc(72, 40, 20)), [DISC], 2),  # overlapping
        (canvas(disc(40, 30, 20), disc(78, 30, 20), disc(59, 63, 20)), [DISC], 3),
        (canvas(disc(40, 40, 23)), [DISC], 1),  # a little larger is still one
        (canvas(bar(50, 40, 60, 10), bar(80, 49, 60, 10)), [BAR], 2),  # side by side
        (canvas(bar(50, 40, 60, 10, 20)), [BAR], 1),
    ],
)
def test_counts_parts(mask, known, parts):
    blobs, slivers = find_instances(mask, known)
    assert (len(blobs), slivers) == (parts, [])


def test_pieces_cover_what_was_split_and_do_not_overlap():
    mask = canvas(disc(40, 40, 20), disc(79, 45, 20))
    total = np.zeros(mask.shape, int)
    for blob in find_instances(mask, [DISC])[0]:
        total[blob.y : blob.y + blob.mask.shape[0], blob.x : blob.x + blob.mask.shape[1]] += blob.mask
    assert total.max() == 1
    assert total.sum() > 0.98 * mask.sum()


def test_slivers_are_dropped_and_measured():
    blobs, slivers = find_instances(canvas(disc(40, 40, 20), disc(100, 100, 3)), [DISC])
    assert len(blobs) == 1
    assert slivers == [float(canvas(disc(100, 100, 3)).sum())]


def mixed(whole, share_of_first):
    """Probabilities of a blob whose left pixels say class 1 and whose right ones say class 2."""
    probability = np.zeros((*whole.shape, 3), np.float32)
    columns = np.flatnonzero(whole.any(axis=0))
    first = np.arange(whole.shape[1]) < columns[0] + share_of_first * len(columns)
    probability[..., 0] = ~whole
    probability[..., 1] = whole * np.where(first, 0.6, 0.3)
    probability[..., 2] = whole * np.where(first, 0.4, 0.7)
    return probability


LONG, SHORT = traits_of(canvas(bar(70, 60, 100, 12))), traits_of(canvas(bar(70, 60, 60, 12)))


@pytest.mark.parametrize(("length", "number"), [(100, 1), (96, 1), (64, 2), (60, 2)])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_blob_of_two_look_alikes_is_settled_by_its_whole(length, number, share):
    whole = canvas(bar(70, 60, length, 12))
    classes = settle(mixed(whole, share), {1: [LONG], 2: [SHORT]})
    assert set(np.unique(classes[whole])) == {number}
    assert not classes[~whole].any()


def test_two_different_parts_that_touch_stay_two():
    disc_mask, bar_mask = canvas(disc(40, 60, 20)), canvas(bar(91, 60, 60, 10))
    probability = np.zeros((*disc_mask.shape, 3), np.float32)
    probability[..., 1] = disc_mask
    probability[..., 2] = bar_mask & ~disc_mask
    probability[..., 0] = ~(disc_mask | bar_mask)
    classes = settle(probability, {1: [DISC], 2: [BAR]})
    assert np.array_equal(classes == 1, disc_mask)
