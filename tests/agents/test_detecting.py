"""Anomaly maps meet Scenes: on which part, in which words, with what weight."""

from __future__ import annotations

import json
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from builders import scene, square
from logisight.agents.detecting.meeting import SUFFICIENT, Sight, meet, pointed_at
from logisight.agents.judge import evidence_of, explain, score_of, status_of
from logisight.agents.witness.witness import Witness
from logisight.schema import Evidence, Finding, When
from logisight.tools.detectors import AnomalyMap, Calibration
from logisight.tools.detectors.calibration import Line

SIZE = (90, 60)
TRAY = square(10, 10, 70, 40, "tray")
PIN = square(20, 20, 10, 10, "pin")
OTHER = square(60, 20, 10, 10, "pin")
VIEW = scene(TRAY, PIN, OTHER, size=SIZE)


def sight(*spots, score=3.0, normal=SUFFICIENT, threshold=1.0):
    """Hot rectangles (x, y, width, height) on a cold map."""
    scores = np.zeros(SIZE[::-1], np.float32)
    for x, y, width, height in spots:
        scores[y : y + height, x : x + width] = score
    line = Line(threshold=threshold, unit=1.0)
    calibration = Calibration(normal=normal, false_alarms=0.05, picture=line, pixel=line)
    return Sight(AnomalyMap(scores, score, "eye[plain]"), calibration)


def rule(number=2, status="failed", *parts):
    return Finding(
        rule=number,
        text="...",
        kind="quantity",
        status=status,
        reason="a pin is missing",
        parts=list(parts),
        score=0.75,
    )


def test_what_lies_on_a_part_is_told_by_the_name_of_the_part():
    found = meet(sight((22, 22, 6, 6)), VIEW, [])
    assert found.status == "failed"
    assert found.reason == "the detector eye[plain] sees an anomaly on a pin on the left (score 3)"
    assert (found.rule, found.detector, found.kind) == (0, "eye[plain]", "structural")
    assert (found.expected, found.actual) == ((None, 1.0), 3.0)
    (place,) = found.parts
    assert (place.label, place.on, place.box) == ("anomaly", "pin", (22, 22, 28, 28))
    assert place.outline and 0.5 < place.confidence < 1


@pytest.mark.parametrize(
    ("spot", "on", "words"),
    [
        ((40, 30, 8, 8), "tray", "on the tray in the middle"),
        ((0, 0, 6, 6), "", "on no part, at the top left"),
        ((82, 50, 6, 8), "", "on no part, at the bottom right"),
        ((40, 52, 8, 6), "", "on no part, at the bottom"),
        ((18, 18, 14, 14), "pin", "on a pin on the left"),
        ((12, 12, 60, 34), "tray", "on the tray in the middle"),
        ((22, 2, 4, 12), "tray", "on the tray at the top left"),
    ],
)
def test_where_an_anomaly_is(spot, on, words):
    found = meet(sight(spot), VIEW, [])
    assert [place.on for place in found.parts] == [on]
    assert f"sees an anomaly {words} (" in found.reason


def test_a_thin_part_under_a_soft_map_is_named():
    needle = square(40, 20, 2, 20, "needle")
    found = meet(sight((35, 22, 12, 16)), scene(TRAY, needle, size=SIZE), [])
    assert found.parts[0].on == "needle"


def test_the_soft_rim_of_a_map_neither_chooses_the_part_nor_is_shown():
    soft = sight((18, 12, 40, 36), score=1.2)
    soft.anomaly.scores[22:28, 22:28] = 3.0
    (place,) = meet(soft, VIEW, []).parts
    assert (place.on, place.box) == ("pin", (22, 22, 28, 28))


def test_several_anomalies_are_told_in_words_up_to_three():
    spots = [(22, 22, 6, 6), (62, 22, 6, 6), (0, 0, 5, 5), (40, 30, 5, 5)]
    found = meet(sight(*spots), VIEW, [])
    assert len(found.parts) == 4
    assert "sees 4 anomalies " in found.reason and ", and 1 more (score" in found.reason


def test_a_map_without_a_place_is_told_of_the_whole_picture():
    found = meet(sight((0, 0, *SIZE)), scene(size=SIZE), [])
    assert (found.status, found.reason.split(" (")[0]) == (
        "failed",
        "the detector eye[plain] sees an anomaly on no part, in the middle",
    )
    flat = sight((0, 0, *SIZE))
    flat = flat._replace(calibration=flat.calibration.model_copy(update={"pixel": Line(threshold=9, unit=1)}))
    assert "sees an anomaly all over the picture" in meet(flat, VIEW, []).reason


def test_a_map_of_noise_is_told_in_a_few_places_and_takes_little_memory():
    noise = sight(threshold=0.6, score=1.0)
    scores = np.random.default_rng(0).random((400, 500)).astype(np.float32)
    noise = noise._replace(anomaly=AnomalyMap(scores, 1.0, "eye[plain]"))
    tracemalloc.start()
    found = meet(noise, scene(size=(500, 400)), [])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.parts) <= 5 and len(found.reason) < 300
    assert most < 50_000_000


def test_below_the_threshold_it_sees_nothing():
    found = meet(sight((22, 22, 6, 6), threshold=4.0), VIEW, [])
    assert (found.status, found.parts) == ("passed", [])
    assert found.reason == "the detector eye[plain] sees nothing unusual"
    assert 0 < found.score < 0.5


@pytest.mark.parametrize(("normal", "bound"), [(1, 1 / 2), (SUFFICIENT - 1, 1 / SUFFICIENT)])
def test_few_normal_pictures_leave_it_undecided_and_the_bound_is_told(normal, bound):
    found = meet(sight((22, 22, 6, 6), normal=normal), VIEW, [])
    assert (found.status, found.score) == ("undecided", 0.5)
    assert found.weight == pytest.approx(1 - bound)
    assert f"it may alarm on 1 good product in {normal + 1}, so its word alone is not enough" in found.reason
    assert status_of([found]) == "undecided"


def test_enough_normal_pictures_make_it_anomalous():
    found = meet(sight((22, 22, 6, 6)), VIEW, [])
    assert status_of([found]) == "anomalous"
    assert score_of([found]) == found.score > 0.5
    assert found.weight == pytest.approx(1 - 1 / (SUFFICIENT + 1))


@pytest.mark.parametrize("normal", [2, SUFFICIENT])
def test_a_rule_that_fails_in_the_same_place_is_explained(normal):
    found = meet(sight((21, 21, 8, 8), normal=normal), VIEW, [rule(2, "failed", evidence_of(PIN))])
    assert (found.status, found.explains) == ("failed", [2])
    assert "on a pin on the left, where rule 2 fails too (" in found.reason


def test_several_rules_in_one_place_are_told_together():
    rules = [rule(number, "failed", evidence_of(PIN)) for number in (7, 2)]
    found = meet(sight((21, 21, 8, 8)), VIEW, [*rules, rule(3, "undecided", evidence_of(PIN))])
    assert found.explains == [2, 3, 7]
    assert "where rules 2 and 7 fail too, where rule 3 could not be decided" in found.reason


@pytest.mark.parametrize(
    "finding",
    [
        rule(2, "failed", evidence_of(OTHER)),
        rule(2, "passed", evidence_of(PIN)),
        rule(2, "failed"),
        rule(2, "failed", Evidence(label="picture", box=(0, 0, *SIZE))),
        rule(2, "failed", Evidence(label="elsewhere", box=(500, 500, 510, 510))),
        rule(0, "failed", evidence_of(PIN)).model_copy(update={"witness": "a model"}),
    ],
    ids=["elsewhere", "passed", "nowhere", "anywhere", "outside", "no rule"],
)
def test_what_explains_nothing(finding):
    found = meet(sight((21, 21, 8, 8), normal=2), VIEW, [finding])
    assert (found.explains, found.status) == ([], "undecided")


def test_a_cell_where_a_part_is_missing_is_the_same_place():
    cell = Evidence(label="row 1 column 2", box=(40, 20, 55, 35))
    found = meet(sight((44, 24, 6, 6)), VIEW, [rule(5, "failed", cell)])
    assert found.explains == [5]


def test_a_detector_never_makes_a_rule_pass():
    calm = meet(sight(threshold=4.0), VIEW, [])
    assert status_of([rule(2, "failed"), calm]) == "anomalous"
    assert status_of([rule(2, "undecided"), calm]) == "undecided"


def test_findings_are_plain_json():
    found = meet(sight((22, 22, 6, 6)), VIEW, [rule(2, "failed", evidence_of(PIN))])
    assert Finding.model_validate(json.loads(json.dumps(found.model_dump()))) == found


def test_explanations_say_whose_word_it_is():
    holds, fails = rule(1, "passed"), rule(2, "failed")
    calm, alarmed = meet(sight(threshold=4.0), VIEW, []), meet(sight((22, 22, 6, 6)), VIEW, [])
    assert explain([holds, calm]) == "Normal: the rule holds. The detector eye[plain] sees nothing unusual."
    assert explain([holds, alarmed]) == f"Anomalous: {alarmed.reason}. Yet the rule holds."
    assert explain([holds, fails, calm]) == (
        "Anomalous: a pin is missing. 1 other rule holds. The detector eye[plain] sees nothing unusual."
    )


def test_a_witness_is_pointed_at_the_place_and_not_told_why():
    found = meet(sight((22, 22, 6, 6), (0, 0, 5, 5)), VIEW, [])
    pointed = pointed_at([rule(1, "failed", evidence_of(PIN)), found])
    assert sorted((place.label, place.box) for place in pointed) == [
        ("pin", (22, 22, 28, 28)),
        ("place", (0, 0, 5, 5)),
    ]


@pytest.mark.parametrize(
    ("findings", "occasion"),
    [
        ([rule(1, "passed")], ""),
        ([rule(1, "passed"), sight((22, 22, 6, 6))], "a detector sees something that no rule explains"),
        ([rule(1, "passed"), sight((22, 22, 6, 6), normal=2)], "a detector sees something that no rule"),
        ([rule(1, "failed"), sight((22, 22, 6, 6))], ""),
        ([rule(1, "undecided"), sight((22, 22, 6, 6))], "a rule could not be decided"),
        ([rule(1, "passed"), sight(threshold=4.0)], ""),
    ],
)
def test_when_a_witness_is_asked(findings, occasion):
    findings = [meet(one, VIEW, []) if isinstance(one, Sight) else one for one in findings]
    calibration = SimpleNamespace(least_confidence=0.0)
    told = Witness(None, None, calibration, When.doubt).occasion(findings, VIEW)
    assert told.startswith(occasion) and bool(told) == bool(occasion)
