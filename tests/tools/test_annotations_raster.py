"""Polygons and run lengths to pixels: exact where the answer is known, near it where it is not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from annotation_files import packed, runs_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from logisight.tools.annotations import raster
from logisight.tools.annotations.raster import Patch, fill
from skimage.draw import polygon2mask

SIZE = (40, 30)
coordinates = st.integers(-200, 500).map(lambda tenths: tenths / 10)
polygons = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=12).map(np.array)


def full(patch: Patch | None, size=SIZE) -> np.ndarray:
    picture = np.zeros((size[1], size[0]), bool)
    if patch:
        height, width = patch.mask.shape
        picture[patch.y : patch.y + height, patch.x : patch.x + width] = patch.mask
    return picture


def box_mask(x0, y0, x1, y1, size=SIZE) -> np.ndarray:
    picture = np.zeros((size[1], size[0]), bool)
    picture[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = True
    return picture


@given(st.tuples(*[st.integers(-5, 45)] * 2), st.tuples(*[st.integers(1, 20)] * 2))
def test_whole_rectangles_are_exact(corner, sides) -> None:
    (x, y), (width, height) = corner, sides
    corners = raster.rectangle(np.array([(x + width, y), (x, y + height)], float))
    assert np.array_equal(full(fill(corners, SIZE)), box_mask(x, y, x + width, y + height))


@pytest.mark.parametrize(
    ("corners", "box"),
    [
        pytest.param([(2, 3), (5, 3), (5, 7), (2, 7)], (2, 3, 5, 7), id="whole pixels"),
        pytest.param(
            [(2.5, 3.5), (5.5, 3.5), (5.5, 7.5), (2.5, 7.5)], (2, 3, 5, 7), id="centre on left edge is in"
        ),
        pytest.param(
            [(2.6, 3.6), (5.4, 3.6), (5.4, 7.4), (2.6, 7.4)], (3, 4, 5, 7), id="less than half is out"
        ),
        pytest.param([(-9, -9), (99, -9), (99, 99), (-9, 99)], (0, 0, 40, 30), id="larger than the picture"),
        pytest.param([(-9, 3), (0, 3), (0, 7), (-9, 7)], (0, 0, 0, 0), id="beside the left border"),
        pytest.param([(40, 3), (49, 3), (49, 7), (40, 7)], (0, 0, 0, 0), id="beside the right border"),
        pytest.param([(-9, 3), (0.4, 3), (0.4, 7), (-9, 7)], (0, 0, 0, 0), id="hardly reaches in"),
        pytest.param(
            [(2.6, 3), (2.9, 3), (2.9, 7), (2.6, 7)], (2, 3, 3, 7), id="thin keeps the pixels of its outline"
        ),
        pytest.param([(2.2, 3.7)] * 3, (2, 3, 3, 4), id="a point keeps its pixel"),
        pytest.param([(1, 4.5), (9, 4.5), (5, 4.5)], (1, 4, 9, 5), id="no area keeps its outline"),
    ],
)
def test_known_fills(corners, box) -> None:
    assert np.array_equal(full(fill(np.array(corners, float), SIZE)), box_mask(*box))


def test_a_pixel_belongs_to_one_of_two_neighbours() -> None:
    left = full(fill(np.array([(1, 1), (20.5, 1), (12.5, 28), (1, 28)]), SIZE))
    right = full(fill(np.array([(20.5, 1), (38, 1), (38, 28), (12.5, 28)]), SIZE))
    assert not (left & right).any()
    assert np.array_equal(left | right, box_mask(1, 1, 38, 28))


@given(polygons)
def test_agrees_with_a_test_of_every_pixel(corners) -> None:
    # scikit-image tests each centre on its own; where one lies on an edge it may decide either way.
    shifted = corners + np.array([0.0137, 0.0071])
    mask = full(fill(shifted, SIZE))
    expected = polygon2mask(SIZE[::-1], shifted[:, ::-1] - 0.5)
    assume(expected.any())
    assert np.array_equal(mask, expected)


@given(st.integers(3, 40), st.integers(0, 2**32 - 1))
def test_area_is_near_the_shoelace_area(count, seed) -> None:
    random = np.random.default_rng(seed)
    angles = (np.arange(count) + random.uniform(0, 0.4, count)) * 2 * math.pi / count
    radii = random.uniform(40, 95, count)
    corners = 100 + radii[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    (x0, y0), (x1, y1) = corners.T, np.roll(corners, -1, axis=0).T
    shoelace = abs((x0 * y1 - x1 * y0).sum()) / 2
    perimeter = np.hypot(x1 - x0, y1 - y0).sum()
    assert abs(full(fill(corners, (200, 200)), (200, 200)).sum() - shoelace) <= perimeter / 2 + 1


@pytest.mark.parametrize("radius", [5, 20.3, 90])
def test_circle_has_the_area_of_a_circle(radius) -> None:
    mask = full(fill(raster.circle((100, 100), (100, 100 + radius)), (200, 200)), (200, 200))
    assert mask.sum() == pytest.approx(math.pi * radius**2, rel=0.02)
    assert np.array_equal(mask, mask[::-1])


def test_overlap_of_a_polygon_with_itself_is_a_hole() -> None:
    twice = np.array(
        [(0, 0), (20, 0), (20, 20), (0, 20), (0, 0), (5, 5), (10, 5), (10, 10), (5, 10), (5, 5)], float
    )
    assert np.array_equal(full(fill(twice, SIZE)), box_mask(0, 0, 20, 20) & ~box_mask(5, 5, 10, 10))


def test_long_polygons_are_filled_quickly_enough_to_test() -> None:
    angles = np.linspace(0, 2 * math.pi, 100_000)
    corners = 1000 + 900 * np.column_stack([np.cos(angles), np.sin(angles)])
    assert fill(corners, (2000, 2000)).mask.sum() == pytest.approx(math.pi * 900**2, rel=1e-4)


@given(polygons)
def test_cost_covers_the_patch(corners) -> None:
    patch = fill(corners, SIZE)
    assert raster.cost(corners, SIZE) >= (patch.mask.size if patch else 0)


masks = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).random((6, 5)) < (seed % 10) / 9
)


@given(masks)
def test_runs_give_back_the_mask(mask) -> None:
    patch = raster.from_runs(np.array(runs_of(mask)), height=6)
    assert np.array_equal(full(patch, (5, 6)) if patch.mask.size else np.zeros((6, 5), bool), mask)


@given(st.lists(st.integers(0, 2**31), min_size=1, max_size=30))
def test_run_lengths_survive_their_string_form(runs) -> None:
    assert raster.unpacked(packed(runs)).tolist() == runs


def test_string_of_the_reference_implementation() -> None:
    # Made by rleToString of cocodataset/cocoapi: a 40x30 ellipse with a square hole.
    text = "n56f03O1N1O2O001N1000FE1;OE1;OE1;OE1;90000001N101O0O2N2N2NS9"
    x, y = np.meshgrid(np.arange(40), np.arange(30))
    mask = ((x - 17.3) ** 2 / 150 + (y - 12.1) ** 2 / 60 < 1) & ~((x > 14) & (x < 19) & (y > 9) & (y < 14))
    assert np.array_equal(full(raster.from_runs(raster.unpacked(text), height=30)), mask)


@pytest.mark.parametrize("text", ["", "\x1f", "~", "o", "1o", "ooooooooo0", "é", "?\ud800"])
def test_damaged_strings_are_refused(text) -> None:
    with pytest.raises(ValueError, match="counts: "):
        raster.unpacked(text)


def test_eraser_takes_only_the_topmost() -> None:
    below, above = Patch(np.ones((10, 10), bool), 0, 0), Patch(np.ones((4, 4), bool), 3, 3)
    raster.erase(Patch(np.ones((2, 6), bool), 5, 5), [below, above])
    assert above.mask.sum() == 16 - 4
    assert below.mask.sum() == 100 - (10 - 4)
    assert below.mask[5:7, 5:7].all()


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20)), min_size=1, max_size=5))
def test_union_has_the_pixels_of_all(corners) -> None:
    patches = [Patch(np.ones((3, 4), bool), x, y) for x, y in corners]
    expected = np.logical_or.reduce([full(patch) for patch in patches])
    assert np.array_equal(full(raster.union(patches)), expected)


@pytest.mark.parametrize(
    ("x", "y", "pixels"), [(0, 0, 12), (-2, 0, 6), (0, -3, 0), (38, 28, 4), (40, 0, 0), (-99, 99, 0)]
)
def test_clipping(x, y, pixels) -> None:
    patch = raster.clipped(Patch(np.ones((3, 4), bool), x, y), SIZE)
    assert full(patch).sum() == pixels
