"""Blobs become parts: touching ones split, slivers dropped, look-alikes told apart by the whole."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from logisight.tools.instances import as_seen, find_instances, settle, traits_of, typical


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


def sure(mask, chance=1.0):
    """The probability of a part, the same on all pixels of the mask."""
    return np.where(mask, np.float32(chance), np.float32(0))


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
    blobs, slivers = find_instances(mask, sure(mask), known)
    assert (len(blobs), slivers) == (parts, [])


def test_pieces_cover_what_was_split_and_do_not_overlap():
    mask = canvas(disc(40, 40, 20), disc(79, 45, 20))
    total = np.zeros(mask.shape, int)
    for blob in find_instances(mask, sure(mask), [DISC])[0]:
        total[blob.y : blob.y + blob.mask.shape[0], blob.x : blob.x + blob.mask.shape[1]] += blob.mask
    assert total.max() == 1
    assert total.sum() > 0.98 * mask.sum()


def test_slivers_are_dropped_and_measured():
    mask = canvas(disc(40, 40, 20), disc(100, 100, 3))
    blobs, slivers = find_instances(mask, sure(mask), [DISC])
    assert len(blobs) == 1
    assert slivers == [float(canvas(disc(100, 100, 3)).sum())]


@pytest.mark.parametrize(("chance", "parts"), [(0.9, 1), (0.5, 0)])
def test_what_is_half_as_large_is_a_part_only_where_it_is_sure(chance, parts):
    mask = canvas(disc(40, 40, 12))
    assert len(find_instances(mask, sure(mask, chance), [DISC])[0]) == parts


def test_what_was_hidden_when_it_was_annotated_does_not_let_specks_in():
    speck = canvas(disc(40, 40, 4))
    known = [DISC] * 19 + [traits_of(speck)]
    assert find_instances(speck, sure(speck), known)[0] == []


ONE, FAR = canvas(disc(40, 40, 20)), canvas(disc(130, 90, 12))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (canvas(disc(40, 40, 22), disc(130, 90, 12)), [canvas(disc(40, 40, 22)), FAR]),  # as seen
        (canvas(disc(40, 40, 8), disc(130, 90, 12)), [ONE, FAR]),  # hardly seen
        (FAR, [ONE, FAR]),  # not seen
    ],
)
def test_a_part_that_is_seen_alone_is_taken_as_seen(seen, expected):
    assert np.array_equal(as_seen([ONE, FAR], seen), expected)


def test_parts_that_are_seen_as_one_are_taken_as_drawn():
    small = canvas(disc(62, 40, 5))
    seen = ONE | small
    assert np.array_equal(as_seen([ONE, small], seen), [ONE, small])


def test_typical_masks_are_whole_and_differ():
    round_one, half, bar_one = canvas(disc(40, 40, 20)), canvas(disc(40, 40, 10)), canvas(bar(60, 60, 90, 14))
    masks = typical([round_one, round_one, half, bar_one])
    assert [mask.sum() for mask in masks] == [round_one.sum(), bar_one.sum()]


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


BARS = {1: [canvas(bar(70, 60, 100, 12))], 2: [canvas(bar(70, 60, 60, 12))]}


@pytest.mark.parametrize(("length", "number"), [(100, 1), (96, 1), (64, 2), (60, 2)])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_blob_of_two_look_alikes_is_settled_by_its_whole(length, number, share):
    whole = canvas(bar(70, 60, length, 12))
    classes, _ = settle(mixed(whole, share), {1: [LONG], 2: [SHORT]}, BARS)
    assert set(np.unique(classes[whole])) == {number}
    assert not classes[~whole].any()


def probability_of(*masks):
    """Probabilities in which the pixels of each mask, the last on top, surely are of its class."""
    classed = np.zeros(masks[0].shape, int)
    for number, mask in enumerate(masks, start=1):
        classed[mask] = number
    return np.eye(len(masks) + 1, dtype=np.float32)[classed]


def test_two_different_parts_that_touch_stay_two():
    disc_mask, bar_mask = canvas(disc(40, 60, 20)), canvas(bar(91, 60, 60, 10))
    probability = probability_of(bar_mask, disc_mask)
    known, silhouettes = {1: [BAR], 2: [DISC]}, {1: [bar_mask], 2: [disc_mask]}
    classes, _ = settle(probability, known, silhouettes)
    assert np.array_equal(classes == 2, disc_mask)


@pytest.mark.parametrize("angle", [40, 65, 90])
def test_bars_that_cross_are_two_parts_of_full_length(angle):
    one, other = canvas(bar(75, 60, 100, 12)), canvas(bar(80, 60, 60, 12, angle))
    probability = mixed(one | other, 0.5)
    _, parts = settle(probability, {1: [LONG], 2: [SHORT]}, BARS)
    lengths = {number: traits_of(blob.mask).length for number, blob in parts}
    assert lengths == pytest.approx({1: LONG.length, 2: SHORT.length}, rel=0.15)


def test_a_heap_is_left_to_its_pieces():
    heap = np.ones((120, 160), bool)
    _, parts = settle(mixed(heap, 0.5), {1: [LONG], 2: [SHORT]}, BARS)
    assert parts == []
