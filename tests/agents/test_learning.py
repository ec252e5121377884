"""Ranges are learned from what a check measures, and written where a person can read them."""

from __future__ import annotations

import numpy as np
import pytest
from builders import disc, scene, square
from logisight.agents.learning import learn_ranges, probe, unknown_ranges, wobbled, written
from logisight.agents.proof import run_check
from logisight.sandbox import ProcessJail, inspect_code

CODE = '''"""The cable has its usual length, and sits äöü in its usual place."""

LENGTH = usual()
LIMIT = (0, 5)
PLACE = usual()  # from the left


def check(scene):
    cable = scene.part("cable")
    length = cable.length
    expect(LENGTH[0] <= length <= LENGTH[1], kind="size", reason="length", expected=LENGTH, actual=length)
    place = cable.center[0]
    expect(PLACE[0] <= place <= PLACE[1], kind="position", reason="place", expected=PLACE, actual=place)
'''


@pytest.fixture(scope="module")
def jail():
    with ProcessJail() as jail:
        yield jail


def learn(code, scenes, jail):
    return learn_ranges(code, scenes, lambda code, scene: run_check(jail, code, scene).expectations)


def cable(length, x=40):
    return scene(square(x, 60, length, 8, "cable"), size=(500, 200))


def test_finds_the_open_constants_in_order():
    assert [unknown.name for unknown in unknown_ranges(CODE)] == ["LENGTH", "PLACE"]


def test_the_probing_code_still_passes_the_gate():
    assert inspect_code(probe(CODE)) == []
    assert unknown_ranges(probe(CODE)) == []


def test_learned_ranges_hold_what_was_seen(jail):
    ranges = learn(CODE, [cable(200), cable(210), cable(205)], jail)
    low, high = ranges["LENGTH"]
    assert 180 < low < 200 < 210 < high < 230
    low, high = ranges["PLACE"]
    assert low < 140 < 145 < high


def test_more_pictures_narrow_a_range(jail):
    one, many = (learn(CODE, [cable(200)] * count, jail)["LENGTH"] for count in (1, 8))
    assert one[0] < many[0] < 200 < many[1] < one[1]


def test_a_range_that_nothing_shows_is_left_out(jail):
    without = scene(labels=("cable",), size=(500, 200))
    assert learn(CODE, [without], jail) == {}


def test_written_code_runs_and_says_where_the_range_is_from(jail):
    code = written(CODE, {"LENGTH": (190.0, 215.5), "PLACE": (100.0, 180.0)}, 3)
    assert "LENGTH = (190, 215.5)  # learned from 3 reference pictures\n" in code
    assert "PLACE = (100, 180)  # learned from 3 reference pictures  # from the left\n" in code
    assert all(e.passed for e in run_check(jail, code, cable(200)).expectations)
    assert not all(e.passed for e in run_check(jail, code, cable(260)).expectations)


def test_one_reference_is_called_one():
    assert "learned from 1 reference picture\n" in written(CODE, {"LENGTH": (1, 2)}, 1)


def test_wobbling_keeps_parts_near_and_alike():
    still = scene(square(60, 40, 80, 30), square(450, 180, 40, 18), size=(500, 200))
    for seed in range(20):
        for part, before in zip(
            wobbled(still, np.random.default_rng(seed)).all_parts, still.all_parts, strict=True
        ):
            assert np.hypot(*np.subtract(part.center, before.center)) < 12
            assert part.area == pytest.approx(before.area, rel=0.25)
            assert part.box[2] <= 500 and part.box[3] <= 200


def test_wobbling_is_repeatable():
    still = scene(square(60, 40, 80, 30), size=(500, 200))
    a, b = (wobbled(still, np.random.default_rng(3)).all_parts[0] for _ in range(2))
    assert np.array_equal(a.mask, b.mask) and a.origin == b.origin and a.lab == b.lab


def test_a_small_part_wobbles_more_for_its_size_than_a_large_one():
    still = scene(disc(20, 20, 60, "pin"), disc(200, 200, 500, "box"), size=(800, 800))
    spans = {"pin": [], "box": []}
    for seed in range(40):
        for part, before in zip(
            wobbled(still, np.random.default_rng(seed)).all_parts, still.all_parts, strict=True
        ):
            spans[part.label].append(part.area / before.area)
    widths = {label: np.ptp(areas) / 4 for label, areas in spans.items()}
    assert widths["box"] < 0.03 < widths["pin"] < 0.1
