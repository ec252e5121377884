"""Verdicts: statuses, scores that rank, reasons in words."""

from __future__ import annotations

from typing import get_args

import pytest
from builders import scene, square
from logisight.agents.judge import explain, findings_of, score_of, status_of
from logisight.sandbox import Expectation, Outcome, OutcomeStatus
from logisight.schema import Rule

RULE = Rule(number=3, text="There are exactly two nuts.", kind="quantity", code="", reasoner="offline")
SCENE = scene(square(0, 0, 10, 10, "nut", confidence=0.8), square(30, 0, 10, 10, "nut", confidence=1.0))


def expectation(passed, expected=2, actual=2, parts=(), reason="there are 3 nuts instead of 2"):
    return Expectation(
        passed=passed, kind="quantity", reason=reason, expected=expected, actual=actual, parts=list(parts)
    )


def findings(*expectations, status="ok", message=""):
    outcome = Outcome(number=3, status=status, message=message, expectations=list(expectations))
    return findings_of(RULE, outcome, SCENE)


def test_each_failed_expectation_is_a_finding():
    found = findings(expectation(False), expectation(True), expectation(False))
    assert [f.status for f in found] == ["failed", "failed"]


def test_a_rule_that_holds_is_one_finding():
    (found,) = findings(expectation(True), expectation(True))
    assert (found.passed, found.reason) == (True, "holds in all 2 places")


@pytest.mark.parametrize("status", [status for status in get_args(OutcomeStatus) if status != "ok"])
def test_whatever_stops_a_rule_is_never_a_pass(status):
    (found,) = findings(expectation(True), status=status, message="it took too long")
    assert (found.status, found.error, found.score) == ("undecided", status, 0.5)
    assert "it took too long" in found.reason


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        (["passed"], "normal"),
        (["passed", "undecided"], "undecided"),
        (["failed", "undecided"], "anomalous"),
        (["passed", "failed"], "anomalous"),
        ([], "undecided"),
    ],
)
def test_status_of_a_verdict(statuses, verdict):
    one = {
        "passed": findings(expectation(True)),
        "failed": findings(expectation(False)),
        "undecided": findings(status="crash"),
    }
    assert status_of([one[status][0] for status in statuses]) == verdict


def score(**kwargs):
    return score_of(findings(expectation(**kwargs)))


def test_failed_is_above_the_line_and_passed_is_not():
    assert score(passed=False, actual=3) > 0.5 >= score(passed=True)


def test_worse_failures_score_higher():
    counts = [score(passed=False, expected=2, actual=actual) for actual in (3, 4, 8)]
    assert counts == sorted(set(counts))
    ranges = [score(passed=False, expected=(10.0, 20.0), actual=actual) for actual in (20.5, 25.0, 60.0)]
    assert ranges == sorted(set(ranges))


def test_values_nearer_to_the_edge_of_their_range_score_higher():
    scores = [score(passed=True, expected=(10.0, 20.0), actual=actual) for actual in (15.0, 17.0, 20.0)]
    assert scores == [0.0, pytest.approx(0.2), pytest.approx(0.5)]


def test_an_open_range_is_nearest_at_its_only_limit():
    at_least = [score(passed=True, expected=(2, None), actual=actual) for actual in (9.0, 3.0, 2.0)]
    at_most = [score(passed=True, expected=(None, 5.0), actual=actual) for actual in (0.0, 4.0, 5.0)]
    for scores in (at_least, at_most):
        assert scores == sorted(set(scores)) and scores[-1] == 0.5
    assert (
        0.5
        < score(passed=False, expected=(2, None), actual=1)
        < score(passed=False, expected=(2, None), actual=0)
    )


@pytest.mark.parametrize("expected", [(2, None), (None, 2), (2, 2), (2, 4), (0, 2)])
def test_a_count_that_is_still_allowed_is_clear_of_the_line(expected):
    assert score(passed=True, expected=expected, actual=2) < 0.45


def test_parts_seen_badly_weaken_a_failure():
    assert score(passed=False, actual=4, parts=[0]) < score(passed=False, actual=4, parts=[1])


def test_a_failure_without_numbers_is_a_full_failure():
    assert score(passed=False, expected="yellow", actual="red") == 1.0


def test_evidence_tells_where_to_look():
    (found,) = findings(expectation(False, parts=[1]))
    assert (found.parts[0].label, found.parts[0].box) == ("nut", (30, 0, 40, 10))


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (findings(expectation(True)), "Normal: the rule holds."),
        (findings(expectation(False)), "Anomalous: there are 3 nuts instead of 2."),
        (findings(expectation(False), expectation(False)), "Anomalous: there are 3 nuts instead of 2."),
        (
            findings(expectation(False))
            + [f.model_copy(update={"rule": 4}) for f in findings(expectation(True))],
            "Anomalous: there are 3 nuts instead of 2. 1 other rule holds.",
        ),
        (findings(status="timeout", message="too slow"), "Undecided: rule 3 could not be decided: too slow."),
    ],
)
def test_explanations(found, text):
    assert explain(found) == text
