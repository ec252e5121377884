"""Checks written from sentences, run in the jail: they hold where the sentence is true, and only there."""

from __future__ import annotations

import re

import pytest
from builders import disc, scene, square
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logisight.agents.draft import Draft, Request
from logisight.agents.offline import compile_sentence
from logisight.agents.proof import run_check
from logisight.color import COLOR_LAB
from logisight.sandbox import ProcessJail

LABELS = ["nut", "washer", "box", "cable", "connector", "clamp", "cap"]
CONTAINERS = {"box": ["nut", "washer"], "connector": ["clamp"]}


@pytest.fixture(scope="module")
def jail():
    with ProcessJail() as jail:
        yield jail


def code_of(sentence, labels=LABELS, containers=CONTAINERS):
    draft = compile_sentence(Request(sentence=sentence, labels=labels, containers=containers))
    assert isinstance(draft, Draft), draft
    return draft.code


def expectations(jail, sentence, *parts, usual=None):
    code = code_of(sentence)
    if usual is not None:
        code = re.sub(r"usual\(\)", repr(usual), code)
    outcome = run_check(jail, code, scene(*parts, size=(400, 300), labels=LABELS))
    assert outcome.status == "ok", (outcome.status, outcome.message)
    assert outcome.expectations
    return outcome.expectations


def nuts(count, x=20, y=20, color="grey"):
    return [disc(x + 20 * n, y, 12, "nut", COLOR_LAB[color]) for n in range(count)]


def washers(count, x=20, y=60, diameter=16):
    return [disc(x + 30 * n, y, diameter, "washer") for n in range(count)]


def box(x=10, y=10, w=300, h=200):
    return [square(x, y, w, h, "box")]


def cable(x=150, y=100, w=100, h=6, color="red"):
    return [square(x, y, w, h, "cable", COLOR_LAB[color])]


def connectors(left=2, right=2, apart=0):
    parts = [square(100, 60, 50, 100, "connector"), square(250, 60 + apart, 50, 100, "connector")]
    parts += [square(110, 65 + 18 * n, 35, 12, "clamp") for n in range(left)]
    return parts + [square(255, 65 + 18 * n + apart, 35, 12, "clamp") for n in range(right)]


def cap(x=200, y=180, w=20, h=20, color="grey"):
    return [square(x, y, w, h, "cap", COLOR_LAB[color])]


TRUTHS = [
    # quantity: sentence, a scene where it is true, one where it is not
    ("There are exactly two nuts.", nuts(2), nuts(3)),
    ("There is at least one nut.", nuts(1), []),
    ("There are at most 2 nuts.", nuts(2), nuts(3)),
    ("There are more than 2 nuts.", nuts(3), nuts(2)),
    ("There are between 2 and 4 nuts.", nuts(4), nuts(5)),
    ("There are 2, 3 or 5 nuts.", nuts(5), nuts(4)),
    ("There are no nuts.", [], nuts(1)),
    ("There is one red nut.", nuts(1, color="red") + nuts(2, y=80), nuts(2)),
    ("The left half of the box holds exactly two nuts.", box() + nuts(2), box() + nuts(2, x=250)),
    ("The box contains two nuts and one washer.", box() + nuts(2) + washers(1), box() + nuts(2)),
    ("The box contains two nuts.", box() + nuts(2), box() + nuts(2, x=330)),
    (
        "There is one nut in each compartment of a grid of 1 row and 2 columns.",
        box() + nuts(1) + nuts(1, x=250),
        box() + nuts(2),
    ),
    ("Each connector contains 2 clamps.", connectors(), connectors(2, 3)),
    ("There are as many nuts as washers.", nuts(2) + washers(2), nuts(2) + washers(1)),
    ("There are twice as many nuts as washers.", nuts(4) + washers(2), nuts(3) + washers(2)),
    ("There are more nuts than washers.", nuts(3) + washers(2), nuts(2) + washers(2)),
    ("There are fewer nuts than washers.", nuts(1) + washers(2), nuts(2) + washers(2)),
    (
        "Exactly two clamps touch the cable.",
        connectors(1, 1) + cable(146, 70, 108),
        connectors(1, 2) + cable(160, 70, 80),
    ),
    ("No nut is outside the box.", box() + nuts(2), box() + nuts(1, x=330)),
    ("No nut is outside the box.", box(), box() + nuts(1, x=312)),
    # size
    ("The cable is at least 90 px long.", cable(w=90), cable(w=89)),
    ("The cable is longer than the box.", cable(20, w=310) + box(), cable(20, w=299) + box()),
    ("The cable is not longer than the box.", cable(20, w=300) + box(), cable(20, w=310) + box()),
    (
        "The cable is longer than 3 washer diameters.",
        cable(w=60) + washers(2),
        cable(w=60) + washers(1) + washers(1, y=99, diameter=21),
    ),
    ("The cap is as wide as the cable.", cap(w=95) + cable(), cap(w=85) + cable()),
    (
        "The length of the cable is 2 to 3 times the width of the cap.",
        cable(w=50) + cap(),
        cable(w=65) + cap(),
    ),
    ("The cap covers between 1 % and 2 % of the box.", box() + cap(w=40), box() + cap()),
    (
        "The cap covers at least half of the left half of the box.",
        box() + cap(10, 10, 80, 200),
        box() + cap(200, 10, 80, 200),
    ),
    ("The ratio of the cap to the cable is between 0.5 and 0.7.", cap() + cable(), cap(w=30) + cable()),
    (
        "The total area of the washers is larger than the area of the cap.",
        washers(3) + cap(),
        washers(1) + cap(),
    ),
    ("All washers have the same size.", washers(3), washers(2) + washers(1, y=99, diameter=20)),
    ("The largest washer is at most 18 px wide.", washers(2), washers(2) + washers(1, y=99, diameter=20)),
    # position
    ("Each nut is inside the box.", box() + nuts(2), box() + nuts(1) + nuts(1, x=330)),
    ("The cap is not inside the box.", box() + cap(350), box() + cap()),
    ("The cap is in the right half of the box.", box() + cap(), box() + cap(100)),
    ("The cap is to the left of the cable.", cap(100) + cable(), cap(160) + cable()),
    ("The cap is above the cable.", cap(y=20) + cable(), cap(y=150) + cable()),
    ("The cap touches the cable.", cap(y=106) + cable(), cap(y=120) + cable()),
    ("The cap does not touch the cable.", cap(y=120) + cable(), cap(y=106) + cable()),
    ("Each nut touches a washer.", nuts(1, x=36, y=60) + washers(1), nuts(1) + washers(1)),
    ("The cable connects both connectors.", connectors() + cable(), connectors() + cable(160, w=80)),
    (
        "The left connector and the right connector are connected by a cable.",
        connectors() + cable(),
        connectors(),
    ),
    ("The left connector is at the same height as the right one.", connectors(), connectors(apart=40)),
    ("Both connectors are at the same height.", connectors(), connectors(apart=40)),
    ("The cap is vertically aligned with the cable.", cap(190) + cable(), cap(250) + cable()),
    ("The cap is in the middle of the box.", box() + cap(150, 100), box() + cap(250, 100)),
    (
        "The left connector mirrors the right one.",
        connectors(),
        [*connectors()[:1], square(250, 60, 20, 100, "connector")],
    ),
    (
        "The cable joins the same clamp of both connectors.",
        connectors() + cable(y=68),
        connectors(apart=-18) + cable(y=68),
    ),
    ("The cap is at most 20 px from the cable.", cap(y=120) + cable(), cap(y=140) + cable()),
    ("The angle of the cable is between 80 and 100 degrees.", cable(w=6, h=80), cable()),
    ("The ends of the cable are at the same height.", cable(), cable(w=6, h=80)),
    # matching
    ("The cable is red or yellow.", cable(color="yellow"), cable(color="blue")),
    ("The cable is not blue.", cable(color="yellow"), cable(color="blue")),
    ("The cable has the same colour as the cap.", cable() + cap(color="red"), cable() + cap()),
    ("All nuts have the same colour.", nuts(3), nuts(2) + nuts(1, y=80, color="blue")),
    ("The left connector has as many clamps as the right one.", connectors(3, 3), connectors(2, 3)),
    ("Both connectors have the same number of clamps.", connectors(3, 3), connectors(2, 3)),
    ("If the cable is red, the box shows a nut.", cable() + box() + nuts(1), cable() + box()),
    ("If the cable is red, the box shows a nut.", cable(color="blue") + box(), cable() + box()),
    (
        "When the left connector has two clamps, the cable is red.",
        connectors() + cable(),
        connectors() + cable(color="blue"),
    ),
    ("When there are no nuts and the cable is red, there is a cap.", nuts(1) + cable(), cable()),
    # parts that the sentence takes for granted
    ("Each nut is inside the box.", box() + nuts(1), box()),
    ("The left nut is above the right one.", nuts(1) + nuts(1, x=90, y=80), nuts(1)),
    ("Both connectors contain two clamps.", connectors(), connectors()[:1] + connectors()[2:4]),
]


@pytest.mark.parametrize(
    ("sentence", "good", "bad"), TRUTHS, ids=[f"{n} {row[0]}" for n, row in enumerate(TRUTHS)]
)
def test_a_check_holds_where_the_sentence_is_true_and_only_there(sentence, good, bad, jail):
    assert [e.reason for e in expectations(jail, sentence, *good) if not e.passed] == []
    failed = [e for e in expectations(jail, sentence, *bad) if not e.passed]
    assert failed
    assert all(e.parts for e in failed)


@pytest.mark.parametrize(
    ("sentence", "usual", "good", "bad"),
    [
        ("The cable has its usual length.", (95, 105), cable(), cable(w=110)),
        ("The cable has its usual angle.", (85.0, 95.0), cable(w=6, h=80), cable()),
        ("There is the usual number of nuts.", (3, 4), nuts(4), nuts(5)),
        ("The cap covers its usual share of the box.", (0.01, 0.02), box() + cap(w=40), box() + cap()),
        ("The cap is in its usual place.", (0.4, 0.6), cap(190, 140), cap(190, 20)),
        ("The cable has its usual colour.", (40, 70), cable(), cable(color="blue")),
        (
            "The cap and the cable have their usual distance.",
            (10, 20),
            cap(y=120) + cable(),
            cap(y=140) + cable(),
        ),
        ("The ratio of the cap to the cable is usual.", (0.5, 0.7), cap() + cable(), cap(w=30) + cable()),
    ],
)
def test_a_usual_range_is_reported_as_it_is_learned(sentence, usual, good, bad, jail):
    told = expectations(jail, sentence, *good, usual=usual)
    assert all(e.passed and e.expected == usual and isinstance(e.actual, int | float) for e in told)
    assert not all(e.passed for e in expectations(jail, sentence, *bad, usual=usual))


@pytest.mark.parametrize(
    ("sentence", "parts", "reason", "expected", "actual"),
    [
        ("There are exactly two nuts.", nuts(1), "the picture shows 1 nut instead of 2", 2, 1),
        ("There are no nuts.", nuts(1), "the picture shows 1 nut instead of none", 0, 1),
        ("There are between 2 and 4 nuts.", nuts(5), "the picture shows 5 nuts instead of 2 to 4", (2, 4), 5),
        (
            "There are at least 2 nuts.",
            nuts(1),
            "the picture shows 1 nut instead of at least 2",
            (2, None),
            1,
        ),
        ("There are at most 2 nuts.", nuts(3), "the picture shows 3 nuts instead of at most 2", (None, 2), 3),
        ("There are 2 or 5 nuts.", nuts(3), "the picture shows 3 nuts instead of 2 or 5", "2 or 5", 3),
        ("The box contains two nuts.", box() + nuts(3), "the box holds 3 nuts instead of 2", 2, 3),
        (
            "The left half of the box holds one nut.",
            box() + nuts(2),
            "the left half of the box holds 2 nuts instead of 1",
            1,
            2,
        ),
        (
            "There are as many nuts as washers.",
            nuts(3) + washers(2),
            "the picture shows 3 nuts and 2 washers instead of as many",
            2,
            3,
        ),
        (
            "The cable is at least 120 px long.",
            cable(),
            "the cable is 100 px long instead of at least 120 px",
            (120, None),
            100,
        ),
        (
            "The cable is longer than the box.",
            cable() + box(),
            "the cable is 100 px long instead of more than 300 px, the length of the box",
            (300, None),
            100,
        ),
        ("The cap touches the cable.", cap() + cable(), "the cap is not touching the cable", True, False),
        (
            "The cap does not touch the cable.",
            cap(y=106) + cable(),
            "the cap is touching the cable",
            False,
            True,
        ),
        (
            "The cable is yellow or blue.",
            cable(),
            "the cable is red instead of yellow or blue",
            "yellow or blue",
            "red",
        ),
        ("The cable is not red.", cable(), "the cable is red and must not be red", "not red", "red"),
    ],
)
def test_a_failure_says_what_was_seen_and_what_was_expected(sentence, parts, reason, expected, actual, jail):
    (told,) = expectations(jail, sentence, *parts)
    assert (told.reason, told.expected, told.actual) == (reason, expected, actual)


def test_a_learned_range_is_told_with_both_ends(jail):
    (told,) = expectations(jail, "The cable has its usual length.", *cable(), usual=(310, 340))
    assert told.reason == "the cable is 100 px long, usual is 310 to 340 px"


def test_a_condition_that_does_not_hold_passes_and_says_so(jail):
    (told,) = expectations(jail, "If the cable is blue, the box shows a nut.", *cable(), *box())
    assert told.passed
    assert told.reason == "the cable is red instead of blue, so nothing more is asked"


def test_a_part_that_is_not_there_once_leaves_the_check_undecided(jail):
    outcome = run_check(jail, code_of("The cable is red."), scene(size=(400, 300), labels=LABELS))
    assert outcome.status == "undecided"


NAMES = st.lists(
    st.sampled_from(["nut", "Long_Screw", "short-screw", "fuse box", "leaf", "battery", "clip2", "Mutter"]),
    min_size=1,
    max_size=4,
    unique=True,
)
AMOUNTS = {
    "exactly {}": lambda seen, said: seen == said,
    "at least {}": lambda seen, said: seen >= said,
    "at most {}": lambda seen, said: seen <= said,
    "no fewer than {}": lambda seen, said: seen >= said,
    "more than {}": lambda seen, said: seen > said,
    "{} or fewer": lambda seen, said: seen <= said,
    "between {} and 9": lambda seen, said: said <= seen <= 9,
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=NAMES, amount=st.sampled_from(sorted(AMOUNTS)), said=st.integers(1, 9), data=st.data())
def test_a_count_agrees_with_counting(labels, amount, said, data, jail):
    label = data.draw(st.sampled_from(labels))
    counts = {one: data.draw(st.integers(0, 10), label=one) for one in labels}
    parts = [
        square(10 * n, 10 * row, 5, 5, one) for row, one in enumerate(labels) for n in range(counts[one])
    ]
    name = re.sub(r"[_-]", " ", label)
    code = code_of(f"There are {amount.format(said)} {name}.", labels=labels, containers={})
    outcome = run_check(jail, code, scene(*parts, size=(400, 300), labels=labels))
    assert outcome.status == "ok"
    (told,) = outcome.expectations
    assert told.passed == AMOUNTS[amount](counts[label], said)
    assert told.actual == counts[label]
