"""What differs between two pictures is told, and nothing else."""

from __future__ import annotations

import pytest
from builders import scene, square
from logisight.agents.session import comparing

BLUE = (30.0, 60.0, -90.0)
SIZE = (400, 300)


def pins(*places, lab=(55.0, 0.0, 0.0), length=20):
    return [square(x, y, length, 6, "pin", lab) for x, y in places]


def differences(here, there):
    return [one.text for one in comparing.differences(here, there)]


GRID = [(40 + 100 * column, 50 + 100 * row) for row in range(2) for column in range(3)]
THERE = scene(*pins(*GRID), size=SIZE)


def test_what_lies_a_little_otherwise_is_alike():
    here = scene(*pins(*((x + 9, y - 12) for x, y in reversed(GRID))), size=SIZE)
    assert differences(here, THERE) == []
    assert differences(THERE, THERE) == []


def test_one_that_went_elsewhere_pushes_no_other_along():
    here = scene(*pins(*GRID[:-1], (40, 100)), size=SIZE)
    assert differences(here, THERE) == [
        "only here: pin 4, in the top left quarter at (50, 103)",
        "only there: a pin in the center at (250, 153)",
    ]
    moved, missing = comparing.differences(here, THERE)
    assert [(one.label, one.box) for one in (*moved.place, *missing.place)] == [
        ("pin", (40, 100, 60, 106)),
        ("no pin", (240, 150, 260, 156)),
    ]


def test_one_that_is_missing_or_more_is_counted_and_placed():
    here = scene(*pins(*GRID[1:]), size=SIZE)
    assert differences(here, THERE) == [
        "5 pins, there 6 pins",
        "only there: a pin in the top left quarter at (50, 53)",
    ]
    assert differences(THERE, here)[1] == "only here: pin 1, in the top left quarter at (50, 53)"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (pins(GRID[0], lab=BLUE), "pin 1 is blue, there grey"),
        (pins(GRID[0], length=30), "pin 1 is 30 px long, there 20 px"),
        (pins(GRID[0], length=21), ""),
    ],
)
def test_a_part_that_is_otherwise_is_told_by_what_differs(changed, told):
    here = scene(*changed, *pins(*GRID[1:]), size=SIZE)
    assert differences(here, THERE) == ([told] if told else [])


def test_the_article_is_that_of_the_label():
    here, there = scene(size=SIZE, labels=["orange"]), scene(square(40, 50, 20, 6, "orange"), size=SIZE)
    assert differences(here, there)[1] == "only there: an orange in the top left quarter at (50, 53)"


def test_a_label_that_only_one_has_is_told():
    here, there = scene(*pins(GRID[0]), size=SIZE), scene(square(40, 50, 20, 6, "nut"), size=SIZE)
    assert differences(here, there) == [
        "1 pin, there no pin",
        "only here: the pin, in the top left quarter at (50, 53)",
        "no nut, there 1 nut",
        "only there: a nut in the top left quarter at (50, 53)",
    ]
