"""Geometry of masks, against shapes whose answers are known and slow, obvious ways to compute them."""

from __future__ import annotations

import itertools
import math

import cv2
import numpy as np
import pytest
from builders import disc, drawn, square, tilted
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from logisight import geometry
from logisight.schema import SceneError
from scipy.ndimage import binary_fill_holes

often = settings(max_examples=60, deadline=None)


def masks(largest=12):
    sides = st.tuples(st.integers(1, largest), st.integers(1, largest))
    return sides.flatmap(lambda shape: arrays(np.bool_, shape)).filter(lambda mask: mask.any())


def mask_of(picture):
    return drawn(picture).mask


def pixels_of(mask, x=0, y=0):
    rows, columns = np.nonzero(mask)
    return np.stack([columns + x, rows + y], axis=1)


def full(width, height):
    return np.ones((height, width), dtype=bool)


LINE = full(7, 1)
POINT = full(1, 1)
DIAGONAL = np.eye(6, dtype=bool)
L_SHAPE = mask_of("""
    #...
    #...
    ####
""")
RING = mask_of("""
    .###.
    #...#
    #...#
    .###.
""")
NEARLY_ROUND = mask_of("""
    ####
    #.##
    ..##
    ##.#
""")
HOLLOW = np.pad(~full(8, 8), 1, constant_values=True)
OPEN_RING = mask_of("""
    .###.
    #...#
    #....
    .###.
""")


@pytest.mark.parametrize(
    ("mask", "center", "angle"),
    [
        (POINT, (0.5, 0.5), 0.0),
        (full(6, 2), (3.0, 1.0), 0.0),
        (full(2, 6), (1.0, 3.0), 90.0),
        (full(5, 5), (2.5, 2.5), 0.0),
        (disc(0, 0, 31).mask, (15.5, 15.5), 0.0),
        (NEARLY_ROUND, None, 0.0),
        (NEARLY_ROUND.repeat(9, 0).repeat(9, 1), None, 0.0),
        (LINE, (3.5, 0.5), 0.0),
        (LINE.T, (0.5, 3.5), 90.0),
        (DIAGONAL, (3.0, 3.0), -45.0),
        (DIAGONAL[::-1], (3.0, 3.0), 45.0),
        (L_SHAPE, (1.5, 2.0), -math.degrees(math.atan2(2 * 3, 8 - 3.5)) / 2),
        (tilted(400, 60, 30.0).mask, None, 30.0),
        (tilted(400, 60, -80.0).mask, None, -80.0),
    ],
)
def test_center_and_angle_of_known_shapes(mask, center, angle):
    assert geometry.angle(mask) == pytest.approx(angle, abs=0.05)
    if center:
        assert geometry.centroid(mask) == pytest.approx(center)


@often
@given(masks())
def test_moments_match_the_textbook(mask):
    x, y = pixels_of(mask).T + 0.5
    assert geometry.centroid(mask) == pytest.approx((x.mean(), y.mean()))
    (xx, xy), (_, yy) = np.cov(x, y, bias=True) if len(x) > 1 else np.zeros((2, 2))
    assume(math.hypot(xx - yy, 2 * xy) > 1.01 * geometry.ROUND * (xx + yy + 1 / 6))
    turn = math.radians(geometry.angle(mask))
    along = xx * math.cos(turn) ** 2 + yy * math.sin(turn) ** 2 - 2 * xy * math.sin(turn) * math.cos(turn)
    assert along == pytest.approx(np.linalg.eigvalsh([[xx, xy], [xy, yy]]).max())
    assert -90 < geometry.angle(mask) <= 90


@pytest.mark.parametrize(
    ("mask", "sides", "tilt"),
    [
        (POINT, (1, 1), 0),
        (full(6, 2), (6, 2), 0),
        (full(2, 6), (2, 6), 0),
        (full(1699, 997), (1699, 997), 0),
        (L_SHAPE, (4, 3), 0),
        (RING, (5, 4), 0),
        (np.eye(2, dtype=bool), (2, 2), 0),  # a tilted one has the same area
        (DIAGONAL, (math.sqrt(2), 6 * math.sqrt(2)), 45),
        (DIAGONAL[::-1], (6 * math.sqrt(2), math.sqrt(2)), 45),
    ],
)
def test_smallest_rectangle_of_known_shapes(mask, sides, tilt):
    found = geometry.smallest_rectangle(mask)
    assert (found.width, found.height) == pytest.approx(sides, abs=1e-9)
    assert found.tilt == pytest.approx(tilt, abs=1e-9)


@pytest.mark.parametrize("tilt", [-44.0, -30.0, -5.0, 0.0, 1.0, 12.0, 44.0])
def test_smallest_rectangle_finds_the_tilt_and_the_top_left_corner(tilt):
    part = tilted(300, 120, tilt)
    found = geometry.smallest_rectangle(part.mask)
    assert found.tilt == pytest.approx(tilt, abs=0.3)
    assert (found.width, found.height) == pytest.approx((300, 120), abs=1.5)
    cos, sin = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    x, y = part.center[0] - part.origin[0], part.center[1] - part.origin[1]
    corner = (x - 150 * cos - 60 * sin, y + 150 * sin - 60 * cos)
    assert found.origin == pytest.approx(corner, abs=1.5)


@often
@given(masks())
def test_smallest_rectangle_holds_every_pixel_and_is_the_smallest(mask):
    found = geometry.smallest_rectangle(mask)
    corners = np.concatenate([pixels_of(mask, x, y) for x, y in itertools.product((0, 1), (0, 1))])
    turn = math.radians(found.tilt)
    across, down = (math.cos(turn), -math.sin(turn)), (math.sin(turn), math.cos(turn))
    for axis, side in ((across, found.width), (down, found.height)):
        along = (corners - found.origin) @ axis
        assert along.min() == pytest.approx(0, abs=1e-6)
        assert along.max() == pytest.approx(side, abs=1e-6)
    sides = cv2.minAreaRect(cv2.convexHull(corners.astype(np.int32)))[1]
    assert found.width * found.height == pytest.approx(sides[0] * sides[1], rel=1e-4)
    assert -45 < found.tilt <= 45


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (POINT, 1),
        (LINE, 1),
        (LINE.T, 1),
        (full(8, 3), 3),
        (full(4, 9), 4),
        (full(10, 10), 10),
        (full(501, 200), 200),
        (DIAGONAL, 1),
        (L_SHAPE, 1),
        (RING, 1),
    ],
)
def test_thickness_of_known_shapes(mask, expected):
    assert geometry.thickness(mask) == pytest.approx(expected, abs=1e-6)


def test_thickness_of_a_disc_is_its_diameter_less_the_steps_of_its_rim():
    assert 60 - math.sqrt(2) <= geometry.thickness(disc(0, 0, 60).mask) <= 60


@often
@given(masks(7))
def test_thickness_is_that_of_the_best_circle_on_the_half_pixel_lattice(mask):
    outside = pixels_of(~np.pad(mask, 1), -1, -1)
    h, w = mask.shape
    best = 0.0
    for x, y in itertools.product(np.arange(0.5, w, 0.5), np.arange(0.5, h, 0.5)):
        nearest = np.clip((x, y), outside, outside + 1)
        best = max(best, 2 * np.hypot(*(nearest - (x, y)).T).min())
    assert geometry.thickness(mask) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(
    ("mask", "angle", "expected"),
    [
        (POINT, 0.0, ((0, 0.5), (1, 0.5))),
        (full(8, 3), 0.0, ((0, 1.5), (8, 1.5))),
        (full(3, 8), 90.0, ((1.5, 0), (1.5, 8))),
        (full(3, 8), 0.0, ((0, 4), (3, 4))),
        (DIAGONAL, -45.0, ((0, 0), (6, 6))),
        (DIAGONAL[::-1], 45.0, ((0, 6), (6, 0))),
        (L_SHAPE, 90.0, ((0.5, 0), (2, 3))),
        (
            np.pad(full(100, 3), ((0, 9), (0, 0))) | np.pad(full(20, 12), ((0, 0), (10, 70))),
            0.0,
            ((0, 1.5), (100, 1.5)),
        ),
    ],
)
def test_ends_of_known_shapes(mask, angle, expected):
    assert np.array(geometry.ends(mask, angle)) == pytest.approx(np.array(expected, dtype=float), abs=1e-9)


@pytest.mark.parametrize("angle", [-89.0, -46.0, 46.0, 60.0, 90.0])
def test_the_top_end_comes_first_when_steep(angle):
    top, bottom = geometry.ends(tilted(200, 20, angle).mask, angle)
    assert top[1] < bottom[1]


@pytest.mark.parametrize("angle", [-44.0, -10.0, 0.0, 10.0, 44.0])
def test_the_left_end_comes_first_when_flat(angle):
    left, right = geometry.ends(tilted(200, 20, angle).mask, angle)
    assert left[0] < right[0]
    assert math.dist(left, right) == pytest.approx(200, abs=1.5)


@pytest.mark.parametrize(
    ("mask", "area"),
    [(POINT, 1), (RING, 16), (OPEN_RING, OPEN_RING.sum()), (L_SHAPE, L_SHAPE.sum()), (DIAGONAL, 6)],
)
def test_filled_closes_holes_only(mask, area):
    assert geometry.filled(mask).sum() == area


@often
@given(masks())
def test_filled_matches_scipy(mask):
    np.testing.assert_array_equal(geometry.filled(mask), binary_fill_holes(mask))


@pytest.mark.parametrize(
    ("mask", "polygons"),
    [
        (POINT, [[(0, 0), (1, 0), (1, 1), (0, 1)]]),
        (full(5, 3), [[(0, 0), (5, 0), (5, 3), (0, 3)]]),
        (
            np.array([[1, 0, 1]], dtype=bool),
            [[(0, 0), (1, 0), (1, 1), (0, 1)], [(2, 0), (3, 0), (3, 1), (2, 1)]],
        ),
    ],
)
def test_outlines_run_along_the_edges_of_the_pixels(mask, polygons):
    assert sorted(map(sorted, geometry.outlines(mask))) == [sorted(polygon) for polygon in polygons]


def test_outlines_leave_holes_out_and_stay_close_to_the_mask():
    (polygon,) = geometry.outlines(disc(0, 0, 40).mask)
    assert cv2.contourArea(np.array(polygon, np.float32)) == pytest.approx(disc(0, 0, 40).area, rel=0.02)
    assert len(geometry.outlines(RING)) == 1


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([[0, 0]], [[0, 0]], 0),
        ([[0, 0]], [[1, 0]], 0),
        ([[0, 0]], [[1, 1]], 0),
        ([[0, 0]], [[2, 0]], 1),
        ([[0, 0]], [[0, -4]], 3),
        ([[0, 0]], [[4, 5]], 5),
        ([[0, 0], [100, 100]], [[50, 100], [97, 96]], math.hypot(2, 3)),
    ],
)
def test_gap_of_known_pixels(a, b, expected):
    assert geometry.gap(np.array(a), np.array(b)) == pytest.approx(expected)
    assert geometry.gap(np.array(b), np.array(a)) == pytest.approx(expected)


@often
@given(masks(20), masks(20), st.integers(-30, 30), st.integers(-30, 30))
def test_gap_of_borders_is_that_of_all_pixels(a, b, dx, dy):
    assume(not geometry.common(a, (0, 0), b, (dx, dy)))
    steps = np.abs(pixels_of(a)[:, None] - pixels_of(b, dx, dy)[None])
    slow = np.hypot(*np.moveaxis(np.maximum(steps - 1, 0), -1, 0)).min()
    assert geometry.gap(geometry.border(a), geometry.border(b) + np.array([dx, dy])) == pytest.approx(slow)


@often
@given(masks())
def test_border_holds_the_pixels_with_a_neighbour_outside(mask):
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    expected = set(map(tuple, pixels_of(mask & ~inner).tolist()))
    assert set(map(tuple, geometry.border(mask).tolist())) == expected


def test_cropped_of_nothing_is_empty():
    mask, place = geometry.cropped(np.zeros((3, 4), dtype=bool))
    assert mask.size == 0
    assert place == (0, 0)


@often
@given(masks(), masks(), st.integers(-12, 12), st.integers(-12, 12))
def test_common_counts_pixels_that_are_in_both(a, b, dx, dy):
    both = set(map(tuple, pixels_of(a).tolist())) & set(map(tuple, pixels_of(b, dx, dy).tolist()))
    assert geometry.common(a, (0, 0), b, (dx, dy)) == len(both)


@pytest.mark.parametrize(
    ("mask", "factor", "shape"),
    [(full(10, 4), 2, (8, 20)), (full(10, 4), 0.5, (2, 5)), (POINT, 0.1, (1, 1)), (HOLLOW, 0.1, (1, 1))],
)
def test_resized_has_the_nearest_size_and_never_nothing(mask, factor, shape):
    resized = geometry.resized(mask, factor)
    assert resized.shape == shape
    assert resized.any()


@often
@given(masks(), st.integers(1, 4))
def test_resized_by_a_whole_number_repeats_every_pixel(mask, factor):
    np.testing.assert_array_equal(geometry.resized(mask, factor), np.kron(mask, full(factor, factor)))


@pytest.mark.parametrize("factor", [0, -1, math.nan, math.inf, 20_001])
def test_resized_refuses_what_is_no_size(factor):
    with pytest.raises(SceneError, match=r"1 x 1 px cannot be made .* times as large \(at most 20000 px\)"):
        geometry.resized(POINT, factor)


@pytest.mark.parametrize(
    ("mask", "tilt"),
    [
        (full(40, 30), 0),
        (disc(0, 0, 50).mask, 0),
        (L_SHAPE.repeat(20, 0).repeat(20, 1), 0),
        (cv2.ellipse(np.zeros((200, 200), np.uint8), ((100, 100), (150, 60), 30), 1, -1).astype(bool), 0),
        (tilted(200, 100, 10.0).mask, 10),
        (tilted(200, 100, -40.0).mask, -40),
        (tilted(200, 100, 70.0).mask, -20),
        (tilted(200, 100, 10.0, hole=0.8).mask, 10),
    ],
    ids=[
        "box",
        "disc",
        "L",
        "tilted ellipse",
        "tilted",
        "tilted the other way",
        "upright",
        "frame with a hole",
    ],
)
def test_frame_is_tilted_for_clearly_tilted_rectangles_only(mask, tilt):
    assert geometry.frame(mask).tilt == pytest.approx(tilt, abs=0.5)


@often
@given(
    st.integers(1, 7),
    st.integers(1, 7),
    st.floats(-45, 45, exclude_min=True),
    st.tuples(st.floats(20, 60), st.floats(20, 60)),
)
def test_cells_of_a_rectangle_share_no_pixel_and_leave_none_out(rows, columns, tilt, sides):
    whole = geometry.Rectangle((40.3, 40.7), *sides, tilt)
    bounds = (0.0, 0.0, 150.0, 150.0)
    count = np.zeros((150, 150), dtype=int)
    for row, column in itertools.product(range(rows), range(columns)):
        mask, (x, y) = geometry.cell(whole, (column, column + 1, columns), (row, row + 1, rows), bounds)
        count[y : y + mask.shape[0], x : x + mask.shape[1]] += mask
    every, (x, y) = geometry.cell(whole, (0, 1, 1), (0, 1, 1), bounds)
    expected = np.zeros((150, 150), dtype=int)
    expected[y : y + every.shape[0], x : x + every.shape[1]] = every
    np.testing.assert_array_equal(count, expected)


def test_a_cell_is_cut_off_at_the_bounds():
    whole = geometry.Rectangle((-5.0, 0.0), 20.0, 10.0, 0.0)
    mask, place = geometry.cell(whole, (0, 1, 2), (0, 1, 1), (0.0, 2.0, 30.0, 30.0))
    assert (mask.shape, place) == ((8, 5), (0, 2))


def test_functions_leave_their_masks_alone_and_take_read_only_ones():
    part = square(0, 0, 6, 4)
    assert not part.mask.flags.writeable
    for measure in (
        geometry.centroid,
        geometry.thickness,
        geometry.filled,
        geometry.outlines,
        geometry.border,
    ):
        measure(part.mask)
    assert part.mask.all()


@pytest.mark.parametrize(("w", "h"), [(6, 2), (7, 3), (1, 9)])
def test_turned_by_a_quarter_is_the_mask_upright(w, h):
    mask, (x, y) = geometry.turned(np.ones((h, w), dtype=bool), 90)
    cropped, (dx, dy) = geometry.cropped(mask)
    assert cropped.shape == (w, h)
    assert (x + dx + h / 2, y + dy + w / 2) == pytest.approx((w / 2, h / 2), abs=0.51)


@pytest.mark.parametrize("degrees", [-60, -30, 30, 45])
def test_turned_counter_clockwise_keeps_the_area_and_adds_to_the_angle(degrees):
    mask, _ = geometry.turned(np.ones((12, 60), dtype=bool), degrees)
    assert mask.sum() == pytest.approx(12 * 60, rel=0.03)
    assert geometry.angle(mask) == pytest.approx(degrees, abs=1)
