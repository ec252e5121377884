"""Which pixels and which parts belong to the regions and grid cells of a Scene."""

from __future__ import annotations

import math

import numpy as np
import pytest
from builders import disc, parts, scene, square, tilted
from hypothesis import given, settings
from hypothesis import strategies as st
from logisight.geometry import REGIONS
from logisight.scene import Part
from logisight.schema import SceneError

often = settings(max_examples=60, deadline=None)


REGION_BOXES = {
    "whole": (0, 0, 90, 60),
    "left half": (0, 0, 45, 60),
    "right half": (45, 0, 90, 60),
    "top half": (0, 0, 90, 30),
    "bottom half": (0, 30, 90, 60),
    "left third": (0, 0, 30, 60),
    "middle third": (30, 0, 60, 60),
    "right third": (60, 0, 90, 60),
    "top third": (0, 0, 90, 20),
    "center third": (0, 20, 90, 40),
    "bottom third": (0, 40, 90, 60),
    "top left quarter": (0, 0, 45, 30),
    "top right quarter": (45, 0, 90, 30),
    "bottom left quarter": (0, 30, 45, 60),
    "bottom right quarter": (45, 30, 90, 60),
    "center": (30, 20, 60, 40),
}
"""Of a picture of 90 x 60."""


@pytest.mark.parametrize(("name", "box"), REGION_BOXES.items())
def test_named_regions(name, box):
    whole = scene(size=(90, 60)).region(name)
    assert (whole.label, whole.box, whole.row, whole.column) == (name, box, None, None)
    assert whole.mask.all()
    holder = square(7, 5, 90, 60, "box")
    inner = scene(holder).region(name, within="box")
    assert inner.box == (box[0] + 7, box[1] + 5, box[2] + 7, box[3] + 5)


def test_no_region_is_left_out_above():
    assert set(REGION_BOXES) == set(REGIONS)


def test_an_unknown_region_is_answered_with_the_known_ones_nearest_first():
    with pytest.raises(SceneError, match=r"^no region is called 'left hlaf'; there are: 'left half', "):
        scene().region("left hlaf")


@pytest.mark.parametrize("ask", [lambda s, w: s.region("whole", w), lambda s, w: s.grid(1, 1, w)[0]])
def test_within_is_a_label_a_part_or_a_region(ask):
    box = square(10, 10, 40, 20, "box")
    seen = scene(box)
    by_label, by_part, by_region = ask(seen, "box"), ask(seen, box), ask(seen, seen.region("whole", "box"))
    assert by_label.box == by_part.box == by_region.box == box.box


def test_within_a_label_that_is_not_there_cannot_be_answered():
    with pytest.raises(SceneError, match="expected exactly one 'box', saw 0"):
        scene(labels=["box"]).grid(2, 2, within="box")


@pytest.mark.parametrize(("x", "left"), [(0, True), (45, True), (46, False), (90, False)])
def test_a_region_holds_the_parts_of_which_more_than_half_is_in_it(x, left):
    part = square(x, 0, 9, 9)
    seen = scene(part)
    assert (seen.region("left half").parts("part") == [part]) is left
    assert (seen.region("right half").parts("part") == [part]) is not left


def test_a_part_that_is_cut_in_half_lies_in_neither_half_but_in_the_first_cell():
    part = square(45, 0, 10, 9)
    seen = scene(part)
    assert seen.region("left half").parts("part") == seen.region("right half").parts("part") == []
    first, second = seen.grid(1, 2)
    assert (first.parts("part"), second.parts("part")) == ([part], [])


def test_what_a_region_is_within_does_not_belong_to_it():
    box, other = square(0, 0, 60, 60, "box"), square(4, 4, 3, 3, "box")
    seen = scene(box, other)
    assert seen.region("whole", box).parts("box") == [other]
    assert seen.grid(2, 2, box)[0].parts("box") == [other]
    assert seen.grid(2, 2, seen.region("whole", box))[0].parts("box") == [other]
    assert seen.region("whole").parts("box") == [box, other][::-1]


def test_parts_outside_the_grid_belong_to_no_cell():
    seen = scene(square(0, 0, 40, 40, "box"), square(60, 60, 5, 5, "pin"))
    assert [cell.parts("pin") for cell in seen.grid(2, 2, "box")] == [[], [], [], []]


def test_cells_come_row_by_row():
    cells = scene(size=(90, 60)).grid(2, 3)
    assert [(cell.row, cell.column) for cell in cells] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    assert [cell.label for cell in cells][4] == "row 2 column 2"
    assert [cell.box for cell in cells][4] == (30, 30, 60, 60)


@pytest.mark.parametrize(("rows", "columns"), [(0, 1), (1, 51), (-1, 1), (1, 2.5), ("3", 1), (1, None)])
def test_a_grid_has_1_to_50_rows_and_columns(rows, columns):
    with pytest.raises(
        SceneError, match=r"^(rows|columns) of a grid must be a whole number from 1 to 50, not "
    ):
        scene().grid(rows, columns)


def test_a_grid_of_50_by_50_is_possible():
    assert len(scene().grid(50, 50)) == 2500


def test_cells_without_a_pixel_cannot_be_answered():
    seen = scene(square(0, 0, 5, 5, "box"))
    with pytest.raises(SceneError, match=r"^row 1 column \d of 'box' holds no pixel: it is too small"):
        seen.grid(1, 9, "box")


@often
@given(st.lists(parts(), max_size=5), st.integers(1, 9), st.integers(1, 9))
def test_every_pixel_and_every_part_belong_to_one_cell_of_a_grid_over_the_picture(several, rows, columns):
    seen = scene(*several, size=(41, 41), labels=["part"])
    cells = seen.grid(rows, columns)
    count = np.zeros((41, 41), dtype=int)
    for cell in cells:
        x0, y0, x1, y1 = map(int, cell.box)
        count[y0:y1, x0:x1] += cell.mask
    assert (count == 1).all()
    held = [part for cell in cells for part in cell.parts("part")]
    assert sorted(map(id, held)) == sorted(map(id, several))
    for cell in cells:
        for part in cell.parts("part"):
            assert part.overlap(cell) == max(part.overlap(other) for other in cells)


@pytest.mark.parametrize("tilt", [-44, -20, -3, 0, 3, 20, 44])
def test_a_grid_follows_a_tilted_box(tilt):
    box = tilted(300, 180, tilt, "box")
    cos, sin = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    pins = {}
    for row, column in [(r, c) for r in (1, 2, 3) for c in (1, 2, 3, 4, 5)]:
        across, down = 60 * (column - 3) + 24, 60 * (row - 2) - 24  # close to a corner of the cell
        x, y = box.center[0] + across * cos + down * sin, box.center[1] - across * sin + down * cos
        pins[row, column] = disc(round(x) - 2, round(y) - 2, 5, "pin")
    seen = scene(box, *pins.values(), size=(400, 400))
    for cell in seen.grid(3, 5, "box"):
        assert cell.parts("pin") == [pins[cell.row, cell.column]]
        assert cell.area == pytest.approx(60 * 60, rel=0.03)


def test_regions_follow_a_tilted_box_too():
    box = tilted(300, 100, 40, "box")
    left = scene(box, size=(400, 400)).region("left half", "box")
    assert left.area == pytest.approx(150 * 100, rel=0.025)
    assert left.inside(box, share=0.97)


def test_regions_of_a_tilted_box_end_at_its_upright_box():
    small = scene(size=(300, 230), labels=["box"]).with_part(tilted(300, 100, 30, "box", center=(150, 115)))
    for seen in (small, scene(small.part("box").moved(9, 9), size=(400, 400))):
        whole = seen.region("whole", "box")
        assert whole.area < 0.6 * 300 * 230  # tilted, so its corners would lie outside the picture
        assert whole.box == seen.part("box").box


def test_fill_level_is_the_share_of_the_outline():
    glass = Part("glass", tilted(20, 20, 0, hole=0.8).mask, (10, 10), lab=(90, 0, 0))
    juice = square(12, 20, 16, 8, "juice")
    seen = scene(glass, juice)
    assert seen.fill_level("juice", within="glass") == 16 * 8 / 400
    assert seen.fill_level(juice, within=glass) == 16 * 8 / 400
    assert seen.fill_level(juice, within=seen.region("bottom half", glass)) == 16 * 8 / 200
    assert seen.fill_level(square(60, 60, 4, 4), within=glass) == 0


def test_connected_needs_both_ends():
    left, right = square(0, 0, 10, 10, "left"), square(50, 0, 10, 10, "right")
    cable, cut = square(12, 4, 36, 2, "cable"), square(12, 4, 20, 2, "cable")
    assert scene(left, right, cable).connected("left", "right", via="cable")
    assert not scene(left, right, cut).connected("left", "right", via="cable")
    assert scene(left, right, cut).connected("left", "right", via="cable", gap=18)
    assert not scene(left, right, cut).connected("left", "right", via="cable", gap=17)
    assert not scene(left, right, cable).connected(left, right, via=cable, gap=1)
