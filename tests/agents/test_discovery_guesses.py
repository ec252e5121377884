"""What reference pictures have in common becomes sentences that can be read; what may be chance does not."""

from __future__ import annotations

import pytest
from builders import scene, square, tilted
from logisight.agents.discovery.facts import Facts
from logisight.agents.discovery.search import guesses
from logisight.agents.draft import Draft, Request
from logisight.agents.offline import compile_sentence

YELLOW, RED, BLUE = (86.0, 3.0, 78.0), (48.0, 66.0, 44.0), (40.0, 8.0, -52.0)
SIZE = (200, 120)


def box(*parts, labels=None):
    return scene(square(0, 0, 190, 110, "box"), *parts, size=SIZE, labels=labels)


def said(scenes, containers=None):
    labels = scenes[0].labels
    found = guesses(Facts(scenes, labels, containers or {}))
    for guess in found:
        request = Request(sentence=guess.sentence, labels=list(labels), containers=containers or {})
        assert isinstance(compile_sentence(request), Draft), guess.sentence
    return {guess.sentence: guess for guess in found}


def pins(shift=0, skip=(), lab=YELLOW):
    places = [(row, column) for row in range(3) for column in range(5) if (row, column) not in skip]
    return [square(10 + 38 * c + shift, 10 + 36 * r, 12, 12, "pin", lab=lab) for r, c in places]


def test_an_amount_that_is_always_the_same_is_told_with_its_evidence():
    found = said([box(*pins(shift)) for shift in range(3)], {"box": ["pin"]})
    guess = found["The box contains exactly 15 pins."]
    assert guess.evidence == "3 of 3 reference pictures show exactly 15 pins, all inside the box"
    assert len(guess.shown_by) == 3


def test_a_grid_that_holds_as_many_in_each_cell_comes_first():
    found = said([box(*pins(shift)) for shift in range(3)], {"box": ["pin"]})
    assert (
        next(iter(found)) == "There is exactly one pin in each compartment of a grid of 3 rows and 5 columns."
    )


def test_a_grid_with_a_gap_in_one_picture_is_none():
    two_in_one = [*pins(skip=[(0, 0)]), square(60, 10, 12, 12, "pin")]
    found = said([box(*pins()), box(*two_in_one)], {"box": ["pin"]})
    assert not any("grid" in sentence for sentence in found)


def test_an_amount_that_differs_is_a_choice_or_a_range_with_a_margin():
    scenes = [box(*pins()[:count]) for count in (4, 6, 10, 4, 6)]
    found = said(scenes, {"box": ["pin"]})
    assert "The box contains 4, 6 or 10 pins." in found
    guess = found["The box contains between 2 and 12 pins."]
    assert guess.evidence.endswith("4 to 10 pins, allowing for 2 less or more")
    assert guess.instead_of == "The box contains 4, 6 or 10 pins."
    assert not any("exactly" in sentence and "pin" in sentence for sentence in found)


def test_a_choice_that_no_picture_confirms_is_not_told():
    found = said([box(*pins()[:count]) for count in (4, 6, 10)], {"box": ["pin"]})
    assert "The box contains 4, 6 or 10 pins." not in found


def test_labels_with_equal_amounts_are_told_only_where_these_differ():
    def with_caps(count):
        caps = [square(10 + 18 * n, 100, 8, 8, "cap") for n in range(count)]
        return scene(*pins()[:count], *caps, size=SIZE)

    assert "There are as many pins as caps." in said([with_caps(3), with_caps(5)])
    assert "There are as many pins as caps." not in said([with_caps(3), with_caps(3)])


def connectors(count, lab):
    ends = [square(10, 10, 40, 90, "connector"), square(150, 10, 40, 90, "connector")]
    clamps = [square(x, 15 + 16 * n, 20, 8, "clamp") for x in (15, 160) for n in range(count)]
    return scene(*ends, *clamps, square(50, 40, 100, 4, "cable", lab=lab), size=SIZE)


WIRED = [(2, YELLOW), (3, BLUE), (5, RED), (2, YELLOW), (5, RED)]


def test_what_goes_together_is_told_for_each_case_with_how_many_show_it():
    found = said([connectors(*one) for one in WIRED], {"connector": ["clamp"]})
    guess = found["When the left connector has 2 clamps, the cable is yellow."]
    assert guess.evidence.startswith("in 2 of 5 reference pictures the left connector has 2 clamps")
    assert guess.shown_by == (0, 3)
    assert len(found["When the left connector has 3 clamps, the cable is blue."].shown_by) == 1
    assert "Both connectors have the same number of clamps." in found
    assert "The cable connects both connectors." in found


def test_what_goes_together_once_each_may_be_chance():
    found = said([connectors(*one) for one in WIRED[:3]], {"connector": ["clamp"]})
    assert not any(sentence.startswith("When") for sentence in found)


def test_what_does_not_always_go_together_is_not_told():
    found = said([connectors(*one) for one in [*WIRED, (2, RED)]], {"connector": ["clamp"]})
    assert "When the left connector has 2 clamps, the cable is yellow." not in found


def test_places_colours_and_sizes_that_never_change_are_told():
    scenes = [
        box(square(10 + n, 10, 30, 20, "lid", lab=RED), square(12 + n, 80, 20, 20, "cap", lab=RED))
        for n in range(5)
    ]
    found = said(scenes, {"box": ["lid", "cap"]})
    assert "The lid is above the cap." in found
    assert "The lid is red." in found
    assert "The lid is inside the box." in found
    assert "The lid has its usual length and width." in found
    assert "The lid is in its usual place." in found
    assert any(sentence.startswith("The lid is in the top left quarter of the box") for sentence in found)


def test_what_fills_its_container_is_in_no_half_of_it():
    scenes = [box(square(8 + n, 5, 181 - n, 100, "juice")) for n in range(5)]
    assert not any("half" in sentence for sentence in said(scenes, {"box": ["juice"]}))


def test_one_picture_says_nothing_of_places():
    found = said([box(square(10, 10, 30, 20, "lid"), square(12, 80, 20, 20, "cap"))], {"box": ["lid", "cap"]})
    assert not any(word in sentence for sentence in found for word in ("above", "half", "usual place"))
    assert found["The box contains exactly one lid."].evidence.startswith("1 of 1 reference picture shows")


def test_parts_that_point_the_same_way_have_a_usual_angle():
    scenes = [scene(tilted(80, 10, 30 + n, "cable"), size=(400, 400)) for n in range(4)]
    assert "The cable has its usual angle." in said(scenes)
    scenes = [scene(tilted(80, 10, 40 * n, "cable"), size=(400, 400)) for n in range(4)]
    assert "The cable has its usual angle." not in said(scenes)


@pytest.mark.parametrize("label", ["the", "exactly", "2", "nut\n. There are no pins", "", "<|im_end|>", "红"])
def test_labels_that_no_sentence_can_name_do_no_harm(label):
    scenes = [scene(square(5, 5, 10, 8, label), square(40, 5, 10, 8, "nut"), size=SIZE)] * 2
    found = guesses(Facts(scenes, [label, "nut"], {}))
    assert "There is exactly one nut." in {guess.sentence for guess in found}


def test_many_labels_are_bounded():
    parts = [square(5 * n, 5, 4, 4, f"part{chr(97 + n)}") for n in range(26)]
    scenes = [scene(*parts, size=SIZE)] * 5
    assert 0 < len(guesses(Facts(scenes, scenes[0].labels, {}))) <= 150


SYNTHETIC = {
    "breakfast_box": {
        "The box contains exactly two tangerines.",
        "The box contains exactly one nectarine.",
        "The cereals cover their usual share of the box.",
    },
    "juice_bottle": {
        "The bottle contains exactly one fruit label.",
        "The fruit label is above the bottom label.",
        "The ratio of the height of the juice to the height of the bottle is its usual value.",
        "The emblem is in the middle of the fruit label.",
    },
    "pushpins": {
        "There is exactly one pushpin in each compartment of a grid of 3 rows and 5 columns.",
        "The box contains exactly 22 separators.",
    },
    "screw_bag": {
        "The bag contains exactly two washers.",
        "The bag contains exactly two nuts.",
        "The bag contains exactly one long screw.",
        "The long screw has its usual length and width.",
    },
    "splicing_connectors": {
        "There are exactly two connectors.",
        "Both connectors have the same number of clamps.",
        "When the left connector has 2 clamps, the cable is yellow.",
        "The cable connects both connectors.",
        "The cable joins the same clamp of both connectors.",
    },
}


@pytest.mark.parametrize("name", SYNTHETIC)
def test_the_main_rules_of_a_synthetic_product_are_guessed_from_five_pictures(name):
    from logisight.benchmarks.synthetic import PRODUCTS, render

    product = PRODUCTS[name]
    scenes = [
        render(name, seed=seed, size=(product.size[0] // 2, product.size[1] // 2)).scene()
        for seed in range(5)
    ]
    found = guesses(Facts(scenes, product.labels, product.containers))
    assert SYNTHETIC[name] <= {guess.sentence for guess in found}
