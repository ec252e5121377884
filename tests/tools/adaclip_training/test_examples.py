"""What a training shows: order, mosaics and masks follow from the seed, and nothing else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from auxiliary_tree import SIZE, picture, write, write_meta, write_visa
from logisight.tools.detectors.adaclip import auxiliary
from logisight.tools.detectors.adaclip.examples import MVTEC_PRODUCTS, Examples


@pytest.fixture(scope="module")
def pictures(plates):
    return auxiliary.read_auxiliary([plates])


def test_an_epoch_shows_each_picture_once_in_an_order_of_its_own(pictures):
    examples = Examples(pictures, 32, seed=3)
    first, second = examples.order(0), examples.order(1)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert Examples(pictures, 32, seed=3).order(0) == first != Examples(pictures, 32, seed=4).order(0)


def test_the_same_place_of_the_same_epoch_is_the_same_example(pictures):
    one, other = (Examples(pictures, 32, seed=1, mosaics=0.5) for _ in range(2))
    # Asked in another order, as a training that goes on does.
    for epoch, place in [(1, 4), (0, 0), (1, 3)]:
        other(epoch, place)
    for place in range(10):
        assert np.array_equal(one(1, place).pixels, other(1, place).pixels)


def test_example_is_the_picture_at_the_size_of_the_network(pictures):
    example = Examples(pictures, 2 * SIZE)(0, 4)
    pixels, mask = picture(51, True)
    assert example.pixels.shape == (2 * SIZE, 2 * SIZE, 3)
    assert example.pixels.dtype == np.uint8
    assert abs(example.pixels[::2, ::2].astype(int) - pixels).mean() < 12
    assert (example.mask[::2, ::2] == (mask > 0)).mean() > 0.98
    assert (example.anomalous, example.masked, example.product) == (True, True, "plate")


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_mosaics_are_made_as_often_as_asked(pictures, share):
    examples = Examples(pictures, SIZE, mosaics=share)
    whole = cv2.cvtColor(cv2.imread(str(pictures[0].path)), cv2.COLOR_BGR2RGB)
    assert np.array_equal(examples(0, 0).pixels, whole) == (share == 0)


def test_mosaics_are_as_published_unless_said_otherwise(pictures):
    assert "bottle" in MVTEC_PRODUCTS
    assert len(MVTEC_PRODUCTS) == 15
    examples = Examples(pictures, 32)
    assert examples._share("bottle") == 0.2
    assert examples._share("plate") == 0.0


def test_mosaic_is_anomalous_where_one_of_its_four_is(pictures):
    examples = Examples(pictures, 2 * SIZE, mosaics=1.0)
    shown = [examples(epoch, place) for epoch in range(3) for place in range(6)]
    assert {example.product for example in shown} == {"plate"}
    assert all(example.anomalous == example.mask.any() for example in shown)
    good = Examples(pictures[:3], 32, mosaics=1.0)
    assert not any(good(0, place).anomalous for place in range(3))


def test_mosaic_holds_four_pictures_of_one_product(pictures):
    example = Examples(pictures[:6], 2 * SIZE, mosaics=1.0)(0, 0)
    singles = [cv2.cvtColor(cv2.imread(str(p.path)), cv2.COLOR_BGR2RGB) for p in pictures[:6]]
    for row in (0, SIZE):
        for column in (0, SIZE):
            tile = example.pixels[row : row + SIZE, column : column + SIZE]
            assert any(np.array_equal(tile, single) for single in singles)


def test_values_of_a_mask_may_be_kinds_of_defects(tmp_path):
    (anomalous,) = [p for p in auxiliary.read_auxiliary([write_visa(tmp_path)]) if p.anomalous]
    mask = Examples([anomalous], SIZE)(0, 0).mask
    assert np.array_equal(mask, picture(0, True)[1] > 0)


def test_mask_in_colour_and_with_traces_of_compression(tmp_path):
    pixels, mask = picture(1, True)
    paths = tmp_path / "picture.png", tmp_path / "mask.png", tmp_path / "mask.jpg"
    for path, values in zip(paths, (pixels, np.dstack([mask] * 3), mask), strict=True):
        write(path, values)
    for path in paths[1:]:
        one = auxiliary.AuxiliaryPicture(paths[0], "plate", True, path, (SIZE, SIZE))
        assert (Examples([one], SIZE)(0, 0).mask == (mask > 0)).mean() > 0.99


def test_unknown_mask_is_known_to_be_unknown(tmp_path):
    found = auxiliary.read_auxiliary([write_meta(tmp_path)])
    examples = Examples(found, SIZE)
    assert [examples(0, place).masked for place in range(3)] == [True, True, False]
    assert not examples(0, 2).mask.any()
    assert examples(0, 2).anomalous
