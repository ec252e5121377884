"""The main job on real pictures: taught from one that was annotated by hand, judged on others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from logisight import Inspector, Workshop, teach

ANNOTATED = Path(__file__).parent / "data"
ONE_PIN_EACH = "There is exactly one pushpin in each compartment of a grid of 3 rows and 5 columns."


@pytest.fixture(scope="module")
def pictures(shared_data):
    folder = shared_data / "loco_real"
    if not folder.is_dir():
        pytest.skip(f"no real MVTec LOCO AD pictures: {folder} is absent")
    return folder


def taught_from(picture, folder):
    """A product taught from one picture alone, with the annotation of the same name."""
    for name in ("pictures", "annotations"):
        (folder / name).mkdir()
    shutil.copy(picture, folder / "pictures")
    shutil.copy(next(ANNOTATED.rglob(f"{picture.stem}.json")), folder / "annotations")
    return teach(folder / "product", folder / "pictures", folder / "annotations").product


@pytest.fixture(scope="module")
def pushpins(pictures, tmp_path_factory):
    product = taught_from(pictures / "pushpins_contamination.png", tmp_path_factory.mktemp("pushpins"))
    with Workshop(product) as workshop:
        authored = workshop.author(ONE_PIN_EACH)
    assert authored.rule
    return product


def test_the_annotated_picture_passes_the_rule(pushpins, pictures):
    with Inspector(pushpins) as inspector:
        (verdict,) = inspector.inspect([pictures / "pushpins_contamination.png"])
    assert verdict.status == "normal"
    assert verdict.counts == {"box": 1, "pushpin": 15}


def test_an_extra_and_a_missing_pin_are_two_findings_though_the_total_is_right(pushpins, pictures):
    with Inspector(pushpins) as inspector:
        (verdict,) = inspector.inspect([pictures / "pushpins_extra_and_missing.png"])
    assert verdict.status == "anomalous"
    assert verdict.counts["pushpin"] == 15
    assert [(finding.reason, finding.actual) for finding in verdict.findings] == [
        ("compartment row 1 column 1 holds 2 pushpins instead of 1", 2),
        ("compartment row 3 column 3 holds 0 pushpins instead of 1", 0),
    ]


BREAKFAST = [
    "the left side holds exactly two mandarins and one peach",
    "The cereals are above the toppings.",
    "The cereals and the toppings are on the right side.",
    "Each mandarin is orange.",
    "The cereals have their usual area.",
]


@pytest.mark.whole
def test_breakfast_box_rules_are_proven_and_hold_on_the_real_box(pictures, tmp_path):
    picture = pictures / "breakfast_box_missing_toppings.png"
    product = taught_from(picture, tmp_path)
    with Workshop(product) as workshop:
        assert [s for s in BREAKFAST if workshop.author(s).rule is None] == []
    with Inspector(product) as inspector:
        (verdict,) = inspector.inspect([picture])
    assert verdict.status == "normal", verdict.explanation
    assert verdict.counts == {"box": 1, "cereals": 1, "mandarin": 2, "peach": 1, "toppings": 1}


@pytest.mark.whole
def test_a_wrong_sentence_about_the_real_box_is_refused_with_what_was_seen(pictures, tmp_path):
    product = taught_from(pictures / "breakfast_box_missing_toppings.png", tmp_path)
    with Workshop(product) as workshop:
        authored = workshop.author("The left side holds exactly three mandarins.")
    assert authored.rule is None
    assert "2 mandarins instead of 3" in " ".join(authored.evidence)
