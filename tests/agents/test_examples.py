"""The example rulebooks: every sentence is read and holds on a normal product; each defect breaks a rule."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from builders import disc, scene, square
from logisight import agents
from logisight.agents.draft import Draft, Request
from logisight.agents.learning import learn_ranges, written
from logisight.agents.offline import compile_sentence
from logisight.agents.proof import run_check
from logisight.color import COLOR_LAB
from logisight.sandbox import ProcessJail, inspect_code

EXAMPLES = {file.stem: file for file in sorted((Path(agents.__file__).parent / "examples").glob("*.toml"))}


def example(category):
    return tomllib.loads(EXAMPLES[category].read_text(encoding="utf-8"))


def lab(name):
    return COLOR_LAB[name]


def breakfast(tangerines=2, nectarines=1, almonds=6, chips=5, cereals=(215, 25, 160, 130), swapped=False):
    places = [(40, 30), (60, 120), (50, 215), (115, 60), (120, 150)]
    fruit = ["tangerine"] * tangerines + ["nectarine"] * nectarines
    parts = [disc(x, y, 70, label) for label, (x, y) in zip(fruit, places, strict=False)]
    if cereals:
        parts.append(square(*cereals, "cereals"))
    parts += [square(215 + 25 * n, 200, 14, 12, "almond") for n in range(almonds)]
    parts += [square(215 + 30 * n, 240, 20, 20, "banana_chip") for n in range(chips)]
    if swapped:
        parts = [part.moved(round(400 - part.box[0] - part.box[2]), 0) for part in parts]
    return [square(10, 10, 380, 300, "box"), *parts]


def juice(
    liquid="red",
    icon="cherry",
    top=(60, 180),
    bottom=(60, 300),
    level=100,
    icon_at=(88, 208),
):
    parts = [square(40, 20, 120, 360, "bottle")]
    if level:
        parts.append(square(50, level, 100, 370 - level, "juice", lab(liquid)))
    parts += [square(*top, 80, 80, "fruit_label")] if top else []
    parts += [square(*bottom, 80, 40, "bottom_label")] if bottom else []
    parts += [square(*icon_at, 24, 24, icon)] if icon and top else []
    return parts


def pushpins(extra=(), missing=(), separators=6):
    cells = [cell for cell in range(15) if cell not in missing]
    pins = [disc(25 + 90 * (cell % 5), 25 + 90 * (cell // 5), 30, "pushpin") for cell in cells]
    pins += [disc(60 + 90 * (cell % 5), 60 + 90 * (cell // 5), 30, "pushpin") for cell in extra]
    bars = [square(98 + 90 * n, 10, 4, 270, "separator") for n in range(4)]
    bars += [square(10, 98 + 90 * n, 450, 4, "separator") for n in range(2)]
    return [square(10, 10, 450, 270, "box"), *pins, *bars[:separators]]


def screws(washers=2, nuts=2, long=(150,), short=(110,)):
    parts = [square(5, 5, 390, 290, "bag")]
    parts += [disc(20 + 40 * n, 20, 30, "washer") for n in range(washers)]
    parts += [disc(20 + 40 * n, 70, 28, "nut") for n in range(nuts)]
    parts += [square(20, 120 + 25 * n, length, 10, "long_screw") for n, length in enumerate(long)]
    return parts + [square(20, 200 + 25 * n, length, 10, "short_screw") for n, length in enumerate(short)]


def connectors(
    clamps=(2, 2),
    color="yellow",
    span=(150, 450),
    slots=(0, 0),
    cables=1,
    missing_connector=False,
    cut=False,
):
    left, right = span
    parts = [square(left - 100, 50, 100, 200, "connector")]
    parts += [] if missing_connector else [square(right, 50, 100, 200, "connector")]
    for x, number in zip((left - 45, right + 5), clamps, strict=True):
        height = 200 // number
        parts += [square(x, 52 + height * n, 40, height - 4, "clamp") for n in range(number)]
    parts = [part for part in parts if not (missing_connector and part.box[0] >= right)]
    ends = [50 + (2 * slot + 1) * 100 // number for slot, number in zip(slots, clamps, strict=True)]
    for n in range(cables):
        y = min(ends) - 5 + 20 * n
        if cut:
            parts += [
                square(left, y, 120, 10, "cable", lab(color)),
                square(right - 120, y, 120, 10, "cable", lab(color)),
            ]
        else:
            parts.append(slanted(left, ends[0] + 20 * n, right, ends[1] + 20 * n, color))
    return parts


def slanted(x0, y0, x1, y1, color):
    """A cable of 10 px between two points."""
    cable = square(x0, min(y0, y1) - 5, x1 - x0, abs(y1 - y0) + 10, "cable", lab(color))
    mask = cable.mask.copy()
    height = mask.shape[0]
    for column in range(mask.shape[1]):
        middle = y0 + (y1 - y0) * column / mask.shape[1] - min(y0, y1) + 5
        rows = range(height)
        mask[:, column] = [abs(row + 0.5 - middle) <= 5 for row in rows]
    return type(cable)("cable", mask, cable.origin, lab=cable.lab)


SIZES = {
    "breakfast_box": (400, 320),
    "juice_bottle": (200, 400),
    "pushpins": (470, 290),
    "screw_bag": (400, 300),
    "splicing_connectors": (600, 300),
}

NORMAL = {
    "breakfast_box": [breakfast()],
    "juice_bottle": [juice(), juice("yellow", "orange"), juice("orange", "orange"), juice("white", "banana")],
    "pushpins": [pushpins()],
    "screw_bag": [screws()],
    "splicing_connectors": [
        connectors(),
        connectors((3, 3), "blue", slots=(1, 1)),
        connectors((5, 5), "red", slots=(4, 4)),
    ],
}

DEFECTS = {
    "breakfast_box": {
        "missing_almonds": breakfast(almonds=0),
        "missing_bananas": breakfast(chips=0),
        "missing_toppings": breakfast(almonds=0, chips=0),
        "missing_cereals": breakfast(cereals=None),
        "missing_cereals_and_toppings": breakfast(almonds=0, chips=0, cereals=None),
        "2_nectarines_1_tangerine": breakfast(1, 2),
        "1_nectarine_1_tangerine": breakfast(1, 1),
        "0_nectarines_2_tangerines": breakfast(2, 0),
        "0_nectarines_3_tangerines": breakfast(3, 0),
        "3_nectarines_0_tangerines": breakfast(0, 3),
        "0_nectarines_1_tangerine": breakfast(1, 0),
        "0_nectarines_0_tangerines": breakfast(0, 0),
        "0_nectarines_4_tangerines": breakfast(4, 0),
        "compartments_swapped": breakfast(swapped=True),
        "overflow": breakfast(cereals=(205, 15, 180, 160)),
        "underflow": breakfast(cereals=(215, 25, 160, 90)),
        "wrong_ratio": breakfast(almonds=3, chips=3),
    },
    "juice_bottle": {
        "missing_top_label": juice(top=None),
        "missing_bottom_label": juice(bottom=None),
        "swapped_labels": juice(top=(60, 280), bottom=(60, 180), icon_at=(88, 308)),
        "misplaced_label_top": juice(top=(60, 130), icon_at=(88, 158)),
        "misplaced_label_bottom": juice(bottom=(60, 330)),
        "empty_bottle": juice(level=None),
        "wrong_fill_level_too_much": juice(level=40),
        "wrong_fill_level_not_enough": juice(level=160),
        "misplaced_fruit_icon": juice(icon_at=(62, 182)),
        "missing_fruit_icon": juice(icon=None),
        "wrong_juice_type": juice("red", "orange"),
    },
    "pushpins": {
        "1_additional_pushpin": pushpins(extra=[7]),
        "2_additional_pushpins": pushpins(extra=[0, 14]),
        "missing_pushpin": pushpins(missing=[3]),
        "1_additional_and_1_missing_pushpin": pushpins(extra=[0], missing=[12]),
        "missing_separator": pushpins(separators=5),
    },
    "screw_bag": {
        "screw_too_long": screws(long=(190,)),
        "screw_too_short": screws(long=(120,)),
        "1_very_short_screw": screws(short=(60,)),
        "2_very_short_screws": screws(long=(70,), short=(60,)),
        "1_additional_long_screw": screws(long=(150, 150)),
        "1_additional_short_screw": screws(short=(110, 110)),
        "1_additional_nut": screws(nuts=3),
        "2_additional_nuts": screws(nuts=4),
        "1_additional_washer": screws(washers=3),
        "2_additional_washers": screws(washers=4),
        "1_missing_long_screw": screws(long=()),
        "1_missing_short_screw": screws(short=()),
        "1_missing_nut": screws(nuts=1),
        "2_missing_nuts": screws(nuts=0),
        "1_missing_washer": screws(washers=1),
        "2_missing_washers": screws(washers=0),
    },
    "splicing_connectors": {
        "wrong_connector_type_5_2": connectors((5, 2), "red"),
        "wrong_connector_type_5_3": connectors((5, 3), "red"),
        "wrong_connector_type_3_2": connectors((3, 2), "blue"),
        "cable_too_short_T2": connectors(span=(150, 270)),
        "cable_too_short_T3": connectors((3, 3), "blue", span=(150, 270)),
        "cable_too_short_T5": connectors((5, 5), "red", span=(150, 270)),
        "missing_connector": connectors(missing_connector=True),
        "missing_connector_and_cable": connectors(missing_connector=True, cables=0),
        "missing_cable": connectors(cables=0),
        "extra_cable": connectors(cables=2),
        "cable_color": connectors(color="red"),
        "cable_cut": connectors(cut=True),
        "wrong_cable_location": connectors((3, 3), "blue", slots=(0, 2)),
    },
}
"""The logical defects of each category, by the names of the data set."""


@pytest.fixture(scope="module")
def jail():
    with ProcessJail() as jail:
        yield jail


def scenes(category, parts):
    return scene(*parts, size=SIZES[category], labels=example(category)["labels"])


@pytest.fixture(scope="module")
def checks(jail):
    """Category -> the checks of its sentences, with what is usual learned from its normal scenes."""
    learned = {}

    def of(category):
        if category not in learned:
            normal = [scenes(category, parts) for parts in NORMAL[category]]
            learned[category] = [
                (sentence, learn(compiled(category, sentence).code, normal, jail))
                for sentence in example(category)["sentences"]
            ]
        return learned[category]

    return of


def compiled(category, sentence):
    given = example(category)
    draft = compile_sentence(
        Request(sentence=sentence, labels=given["labels"], containers=given["containers"])
    )
    assert isinstance(draft, Draft), draft
    return draft


def learn(code, normal, jail):
    ranges = learn_ranges(code, normal, lambda code, scene: run_check(jail, code, scene).expectations)
    return written(code, ranges, len(normal))


def test_there_is_an_example_for_each_category():
    assert set(EXAMPLES) == set(SIZES)


@pytest.mark.parametrize(
    ("category", "sentence"),
    [(category, sentence) for category in EXAMPLES for sentence in example(category)["sentences"]],
)
def test_a_sentence_becomes_code_that_passes_the_gate(category, sentence):
    draft = compiled(category, sentence)
    assert inspect_code(draft.code) == []
    assert draft.breaks
    assert set(draft.labels) <= set(example(category)["labels"])


@pytest.mark.parametrize(
    ("category", "number"),
    [(category, number) for category in EXAMPLES for number in range(len(NORMAL[category]))],
)
def test_every_sentence_holds_on_a_normal_product(category, number, checks, jail):
    normal = scenes(category, NORMAL[category][number])
    for sentence, code in checks(category):
        outcome = run_check(jail, code, normal)
        assert outcome.status == "ok", (sentence, outcome.message)
        assert [e.reason for e in outcome.expectations if not e.passed] == [], sentence


@pytest.mark.parametrize(
    ("category", "defect"), [(category, defect) for category in DEFECTS for defect in DEFECTS[category]]
)
def test_some_sentence_fails_on_each_logical_defect(category, defect, checks, jail):
    broken = scenes(category, DEFECTS[category][defect])
    outcomes = [run_check(jail, code, broken) for _, code in checks(category)]
    assert {outcome.status for outcome in outcomes} <= {"ok", "undecided"}
    assert any(not e.passed for outcome in outcomes for e in outcome.expectations)


def test_an_extra_and_a_missing_pin_are_told_by_their_compartments(checks, jail):
    broken = scenes("pushpins", DEFECTS["pushpins"]["1_additional_and_1_missing_pushpin"])
    _, code = checks("pushpins")[0]
    reasons = [e.reason for e in run_check(jail, code, broken).expectations if not e.passed]
    assert reasons == [
        "compartment row 1 column 1 holds 2 pushpins instead of 1",
        "compartment row 3 column 3 holds 0 pushpins instead of 1",
    ]


def test_connectors_of_two_sizes_are_told_with_both_numbers(checks, jail):
    broken = scenes("splicing_connectors", DEFECTS["splicing_connectors"]["wrong_connector_type_5_2"])
    reasons = [
        e.reason
        for sentence, code in checks("splicing_connectors")
        if "as many" in sentence
        for e in run_check(jail, code, broken).expectations
    ]
    assert reasons == ["the left connector holds 5 clamps, the right connector 2"]
