"""What defects say in words: every logical type of the data set is known, and records come first."""

from __future__ import annotations

import tomllib

import pytest
from logisight.agents.workshop import EXAMPLES
from logisight.benchmarks.logibench.ontology import known_categories, ontology_of
from logisight.benchmarks.reasons import Reason
from logisight.benchmarks.synthetic import PRODUCTS
from logisight.benchmarks.synthetic.kinds import KINDS

LOGICAL = [
    (category, name)
    for category, kinds in KINDS.items()
    for name in dict.fromkeys(name for mix in kinds.logical for name in mix.names)
]
# One letter for each logical type of the data set: quantity, size, position, matching.
LETTERS = {
    "breakfast_box": "QQQQQ" + "QQQQQQQQ" + "PSSS",
    "juice_bottle": "QQPPPSSSPQM",
    "pushpins": "QQQQ",
    "screw_bag": "SSSSQQQQQQQQQQQQ",
    "splicing_connectors": "MMMSSSQQQQMQP",
}


def labels_of(category):
    with EXAMPLES[category].open("rb") as file:
        return {*tomllib.load(file)["labels"], *PRODUCTS[category].labels}


def test_every_product_of_the_data_set_is_known():
    assert set(known_categories()) == set(KINDS)


@pytest.mark.parametrize(("category", "name"), LOGICAL)
def test_every_logical_defect_has_a_reason_that_is_asked_for(category, name):
    entries = ontology_of(category).defects[name]
    assert any(not entry.follows for entry in entries)
    assert not entries[0].follows
    for form in (form for entry in entries for form in entry.forms):
        assert {form.object, *form.beside} <= labels_of(category)
        assert form.object not in form.beside


@pytest.mark.parametrize("category", KINDS)
def test_types_are_those_that_the_data_set_is_sorted_by(category):
    names = list(dict.fromkeys(name for mix in KINDS[category].logical for name in mix.names))
    order = [defect.name for defect in KINDS[category].defects if defect.name in names]
    types = [ontology_of(category).defects[name][0].type[0].upper() for name in order]
    assert "".join(types) == LETTERS[category]


@pytest.mark.parametrize("category", KINDS)
def test_names_are_of_labels_and_name_one_label_each(category):
    names = ontology_of(category).names
    assert set(names) <= labels_of(category)
    every = [name for some in names.values() for name in some]
    assert len(every) == len(set(every))


@pytest.mark.parametrize(
    ("name", "expected", "actual"),
    [
        ("1_missing_nut", 2, 1),
        ("2_missing_nuts", 2, 0),
        ("1_additional_nut", 2, 3),
        ("2_additional_washers", 2, 4),
        ("1_additional_long_screw", 1, 2),
    ],
)
def test_counts_are_those_of_the_name(name, expected, actual):
    (entry,) = ontology_of("screw_bag").defects[name]
    assert (entry.expected, entry.actual) == (expected, actual)


def test_without_records_the_ontology_asks_for_its_own_reasons():
    found = ontology_of("breakfast_box").expected(["missing_cereals"], [])
    assert [(one.required, one.forms[0].type) for one in found] == [(True, "quantity"), (False, "size")]
    assert [form.type for form in found[0].forms] == ["quantity", "size"]


def test_records_are_asked_for_and_the_ontology_adds_what_may_be_told():
    record = Reason(
        type="size", object="cable", expected=(200.0, 300.0), actual=150.0, defect="cable_too_short_T2"
    )
    found = ontology_of("splicing_connectors").expected(["cable_too_short_T2"], [record])
    assert [one.required for one in found] == [True, False, False]
    assert found[0].forms[0].actual == 150.0
    assert found[0].forms[0].beside == ["connector"]


def test_a_record_keeps_the_other_ways_to_say_it():
    record = Reason(type="quantity", object="pushpin", expected=1, actual=0, defect="missing_pushpin")
    found = ontology_of("pushpins").expected(["missing_pushpin"], [record])
    assert [form.actual for form in found[0].forms] == [0, 14]


def test_nothing_is_known_of_another_product():
    assert ontology_of("cookies").expected(["crumbs"], []) == []
