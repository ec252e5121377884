"""Whether what rules say is what is true: types, objects and values, each way it can be right or wrong."""

from __future__ import annotations

import pytest
from logisight.benchmarks.logibench.ontology import Form
from logisight.benchmarks.logibench.telling import Vocabulary, compared, same_value, told_of
from reasons import finding, told, true

LABELS = ["pushpin", "box", "separator", "long_screw", "cherry"]


@pytest.mark.parametrize(
    ("text", "objects"),
    [
        ("The box holds 2 pushpins.", ["box", "pushpin"]),
        ("2 push-pins", []),
        ("a push pin too many", ["pushpin"]),
        ("pins, pins and one PIN", ["pushpin"]),
        ("the long screw is short", ["long_screw"]),
        ("the long_screw is short, a screw is long", ["long_screw"]),
        ("boxes of cherries", ["box", "cherry"]),
        ("spinning boxers", []),
        ("", []),
    ],
)
def test_labels_are_found_in_words(text, objects):
    names = {"pushpin": ["pin", "push pin"]} if "push-" not in text else {}
    assert Vocabulary(LABELS, names).objects(text) == objects


def test_a_product_without_labels_has_no_words():
    assert Vocabulary([], {}).objects("the box") == []


def test_one_reason_of_several_rules_is_told_once_and_one_of_several_places_at_each():
    findings = [
        finding(rule=1, boxes=[(0, 0, 5, 5)]),
        finding(rule=2, boxes=[(0, 0, 5, 5)]),
        finding(rule=2, boxes=[(9, 0, 12, 5)]),
        finding(status="passed"),
        finding(status="undecided"),
    ]
    found = told_of(findings, Vocabulary(LABELS, {}))
    assert [one.rules for one in found] == [[1, 2], [2]]


def test_a_reason_without_words_for_parts_is_about_its_evidence():
    (found,) = told_of([finding("one too many", boxes=[(0, 0, 5, 5)])], Vocabulary(LABELS, {}))
    assert found.objects == ["pushpin"]


CONTAINERS = {"box": ["pushpin", "separator"]}


@pytest.mark.parametrize(
    ("reason", "truth", "right"),
    [
        (told(), true(), True),
        (told(objects=["box", "pushpin"]), true(), True),
        (told(objects=["pushpin", "separator"]), true(), False),
        (told(objects=["pushpin", "separator"]), true(beside=["separator"]), True),
        (told(objects=["box"]), true(), False),
        (told(objects=[]), true(), False),
        (told(kind="size"), true(), False),
        (told(actual=3), true(), False),
        (told(actual=0), true(), False),
        (told(expected=15, actual=16), true(), False),
        (told(actual=16), true(others=[Form(type="quantity", object="pushpin", actual=16)]), True),
        (told(actual=99), true(actual=None), True),
        (told(), true(required=False), True),
    ],
)
def test_a_reason_is_true_by_type_objects_and_value(reason, truth, right):
    found = compared([reason], [truth], CONTAINERS)
    assert [one.true for one in found.told] == [right]
    assert len(found.found) == (right and truth.required)
    assert len(found.missed) == (truth.required and not right)


@pytest.mark.parametrize(("places", "found"), [(0, 0), (1, 1), (2, 2), (3, 2)])
def test_two_equal_reasons_are_found_at_two_places(places, found):
    reasons = [told(where=[(k, 0, k + 1, 1)]) for k in range(places)]
    result = compared(reasons, [true(), true()], {})
    assert (len(result.found), len(result.missed)) == (found, 2 - found)
    assert all(one.true for one in result.told)


def test_the_total_of_the_picture_stands_for_all_places():
    total = Form(type="quantity", object="pushpin", expected=15, actual=17)
    result = compared([told(expected=15, actual=17)], [true(others=[total]), true(others=[total])], {})
    assert (len(result.found), len(result.missed)) == (2, 0)


def test_a_reason_on_a_good_picture_is_not_true():
    result = compared([told()], [], {})
    assert [one.true for one in result.told] == [False]


@pytest.mark.parametrize(
    ("expected", "actual", "said_expected", "said", "same"),
    [
        (2, 1, 2, 1, True),
        (2, 1, 2, 1.0, True),
        (2, 1, 2, 2, False),
        (2, 1, 2, "1", False),
        (2, 1, 2, None, False),
        (2, 1, 2, True, False),
        ((1.0, None), 0, (1.0, None), 0, True),
        ((0.4, 0.6), 0.0, (0.4, 0.6), 0, True),
        ((0.4, 0.6), 0.0, (0.4, 0.6), 0.01, False),
        ((0.9, 1.1), 1.2, (180, 220), 240.0, True),
        ((0.9, 1.1), 1.2, (180, 220), 258.0, True),
        ((0.9, 1.1), 1.2, (180, 220), 266.0, False),
        ((0.9, 1.1), 0.3, (180, 220), 150.0, False),
        (1.0, 0.5, 1.0, 0.55, True),
        (None, 0.5, None, 0.54, True),
        (None, 0.5, None, 0.56, False),
        ((-5.0, 5.0), 20.0, (-5.0, 5.0), 21.0, True),
        ("blue", "Red", "blue", "red", True),
        ("blue", "red", "blue", "yellow", False),
        (True, False, True, False, True),
        (True, False, True, True, False),
        (True, False, (0.5, None), 0.0, True),
        ("left half", "right half", (0.5, None), 0.0, True),
        (1, None, 7, 99, True),
    ],
)
def test_values_are_compared_by_what_they_are(expected, actual, said_expected, said, same):
    form = Form(type="size", object="pushpin", expected=expected, actual=actual)
    assert same_value(told(expected=said_expected, actual=said), form) is same
