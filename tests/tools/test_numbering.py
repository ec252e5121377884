"""Numbers on a picture: one at each mark, inside the picture, and the picture itself stays."""

from __future__ import annotations

import numpy as np
import pytest
from logisight.schema import Evidence
from logisight.tools.numbering import draw_numbers


def mark(x0, y0, x1, y1, label="nut", outline=()) -> Evidence:
    return Evidence(label=label, box=(x0, y0, x1, y1), outline=[list(polygon) for polygon in outline])


def grey(width=300, height=200) -> np.ndarray:
    return np.full((height, width, 3), 128, np.uint8)


def changed(picture: np.ndarray) -> np.ndarray:
    return (picture != 128).any(axis=2)


def test_no_mark_changes_nothing():
    assert not changed(draw_numbers(grey(), [])).any()


def test_the_picture_that_was_given_stays():
    pixels = grey()
    draw_numbers(pixels, [mark(50, 50, 150, 150)])
    assert not changed(pixels).any()


def test_a_mark_has_its_outline_and_its_number_inside():
    there = changed(draw_numbers(grey(), [mark(50, 50, 150, 150)]))
    assert there[50, 60:140].all()
    assert there[90:110, 90:110].any()
    assert not there[:40].any()
    assert not there[:, 170:].any()


def test_marks_are_scaled_to_the_picture():
    large = draw_numbers(grey(), [mark(50, 50, 150, 150)])
    assert np.array_equal(draw_numbers(grey(), [mark(25, 100, 75, 300)], scale=(2, 0.5)), large)


def test_the_outline_is_that_of_the_part_where_there_is_one():
    triangle = [(50, 150), (150, 150), (50, 50)]
    there = changed(draw_numbers(grey(), [mark(50, 50, 150, 150, outline=[triangle])]))
    assert not there[50:60, 100:160].any()
    assert there[100, 95:105].any()


def test_the_number_of_what_holds_others_stands_on_its_outline_and_not_in_its_free_space():
    holder, inner = mark(20, 20, 280, 180, "box"), mark(40, 40, 80, 80)
    there = changed(draw_numbers(grey(), [holder, inner]))
    assert there[10:35, 10:35].any()
    assert not there[90:170, 90:270].any()


@pytest.mark.parametrize(
    "box",
    [
        (-500, -500, -400, -400),
        (290, 190, 900, 900),
        (-50, -50, 900, 900),
        (10, 10, 10, 10),
        (80, 80, 20, 20),
        (float("nan"), 0, float("inf"), 50),
        (-1e30, -1e30, 1e30, 1e30),
    ],
)
def test_marks_of_any_place_are_drawn_or_left_and_nothing_breaks(box):
    drawn = draw_numbers(grey(), [mark(*box), mark(100, 100, 140, 140)])
    assert drawn.shape == (200, 300, 3)
    assert changed(drawn)[100:140, 100:140].any()


def test_a_picture_that_is_smaller_than_a_number_is_drawn():
    assert draw_numbers(grey(5, 5), [mark(0, 0, 5, 5)]).shape == (5, 5, 3)


def test_marks_of_one_label_have_one_colour_and_others_another():
    drawn = draw_numbers(
        grey(), [mark(20, 20, 80, 80), mark(120, 20, 180, 80), mark(220, 20, 280, 80, "bolt")]
    )
    one, other, bolt = (drawn[18:24, x : x + 6].reshape(-1, 3) for x in (40, 140, 240))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, bolt)
