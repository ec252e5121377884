"""Figures against scikit-learn, and their intervals against what resampling one by one gives."""

from __future__ import annotations

import numpy as np
import pytest
from logisight.agents.draft import Attempt
from logisight.benchmarks.logibench.facts import PictureFact, RuleFact
from logisight.benchmarks.logibench.marks import Case, authored, classified, picture_rows, reasoned, scored
from logisight.benchmarks.logibench.resampling import RESAMPLES, auroc, interval, ratio, resampled, stream
from logisight.benchmarks.logibench.result import Cost, PictureRow
from logisight.benchmarks.logibench.telling import Told, Vocabulary
from logisight.schema import Rule
from reasons import finding, true
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, roc_auc_score


def row(group, status, score=0.5, **more):
    return PictureRow(name="test/x/000", group=group, defects=[], status=status, score=score, **more)


def rows_of(random, count=40):
    groups = random.choice(["good", "logical", "structural"], count)
    statuses = random.choice(["normal", "anomalous"], count)
    # Few scores, so that many are tied.
    scores = random.integers(0, 5, count) / 5
    return [row(*one) for one in zip(groups, statuses, scores.tolist(), strict=True)]


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_scikit_learn(seed):
    rows = rows_of(np.random.default_rng(seed))
    found, _ = classified(rows, seed)
    for group, figures in found.items():
        some = [one for one in rows if one.group in ("good", group) or group == "all"]
        labels = [one.group != "good" for one in some]
        said = [one.status == "anomalous" for one in some]
        assert figures.pictures == len(some)
        assert figures.accuracy.value == pytest.approx(accuracy_score(labels, said), abs=1e-6)
        assert figures.balanced_accuracy.value == pytest.approx(
            balanced_accuracy_score(labels, said), abs=1e-6
        )
        assert figures.f1.value == pytest.approx(f1_score(labels, said), abs=1e-6)
        scores = [one.score for one in some]
        assert figures.auroc.value == pytest.approx(roc_auc_score(labels, scores), abs=1e-6)


def test_each_resample_of_the_area_is_that_of_the_pictures_drawn():
    random = np.random.default_rng(1)
    good, bad = random.integers(0, 4, 9).astype(float), random.integers(1, 6, 7).astype(float)
    weights = resampled(9, stream(0, "good")), resampled(7, stream(0, "bad"))
    areas = auroc(good, bad, *weights)
    for k in (0, 1, 500, RESAMPLES):
        scores = np.concatenate(
            [np.repeat(good, weights[0][k].astype(int)), np.repeat(bad, weights[1][k].astype(int))]
        )
        labels = np.arange(len(scores)) >= 9
        assert areas[k] == pytest.approx(roc_auc_score(labels, scores))


@pytest.mark.parametrize(("group", "wrong"), [("good", 1), ("logical", 1)])
def test_an_undecided_picture_is_wrong_and_counted(group, wrong):
    rows = [row("good", "normal"), row("logical", "anomalous"), row(group, "undecided")]
    found, _ = classified(rows, 0)
    assert found["logical"].undecided == 1
    assert found["logical"].accuracy.value == pytest.approx(2 / 3, abs=1e-6)


def test_a_group_without_pictures_has_no_figures():
    assert classified([row("good", "normal")], 0)[0] == {}
    assert set(classified([row("good", "normal"), row("logical", "normal")], 0)[0]) == {"logical", "all"}


def test_what_is_not_defined_has_no_value():
    found, _ = classified([row("good", "normal"), row("logical", "normal")], 0)
    assert found["logical"].precision.value is None
    assert found["logical"].recall.value == 0
    assert interval(np.full(5, np.nan)).value is None


def test_intervals_hold_their_value_narrow_with_more_pictures_and_repeat():
    def width(count):
        rows = [row("good", "normal")] * count + [row("logical", s) for s in ["normal", "anomalous"] * count]
        recall = classified(rows, 3)[0]["logical"].recall
        assert recall.low <= recall.value <= recall.high
        return recall.high - recall.low

    assert width(200) < width(10)
    assert width(10) == width(10)


def test_every_resample_draws_as_many_pictures_as_there_are():
    weights = resampled(6, stream(0, "good"))
    assert weights.shape == (1 + RESAMPLES, 6)
    assert (weights.sum(axis=1) == 6).all()
    assert (weights[0] == 1).all()
    assert not np.array_equal(weights[1:], resampled(6, stream(0, "logical"))[1:])
    assert np.isnan(ratio(np.zeros(2), np.zeros(2))).all()


def said(true):
    return Told(
        rules=[1], type="quantity", objects=["nut"], expected=2, actual=1, reason="r", where=[], true=true
    )


def test_reasons_are_counted_over_good_and_logical_pictures():
    rows = [
        row("good", "anomalous", told=[said(False)]),
        row("logical", "anomalous", told=[said(True), said(True), said(False)], annotated=2),
        row("logical", "normal", annotated=1, missed=[{"type": "size", "object": "nut", "defect": "d"}]),
        row("structural", "anomalous", told=[said(False)] * 9, annotated=9),
    ]
    found, _ = reasoned(rows, 0)
    assert (found.told, found.annotated) == (4, 3)
    assert found.precision.value == 0.5
    assert found.recall.value == pytest.approx(2 / 3, abs=1e-6)


def rule_fact(number, *failures, proven=True):
    rule = (
        Rule(number=number, text="words", kind="size", code=f"code {number}", reasoner="r")
        if proven
        else None
    )
    attempts = [Attempt(failure=failure, input_tokens=10, output_tokens=3) for failure in failures]
    return RuleFact(number=number, sentence="words", rule=rule, attempts=attempts)


def test_code_counts_when_it_runs_and_rules_when_they_are_proven():
    facts = [
        rule_fact(1, None),
        rule_fact(2, "syntax", None),
        rule_fact(3, "timeout", "blind", "false alarm", proven=False),
        rule_fact(4, "declined", proven=False),
    ]
    found, _ = authored(facts, 0)
    assert (found.first_attempt.value, found.after_repair.value, found.proven.value) == (0.25, 0.75, 0.5)
    assert (found.rules, found.attempts, found.input_tokens, found.output_tokens) == (4, 7, 70, 21)
    assert found.failures == {"blind": 1, "declined": 1, "false alarm": 1, "syntax": 1, "timeout": 1}


def test_tables_tell_what_became_of_rules_and_defects():
    cases = [
        Case("test/good/000", "good", [], []),
        Case("test/logical_anomalies/000", "logical", ["odd"], [true()]),
        Case("test/logical_anomalies/001", "logical", ["odd", "other"], [true(), true(actual=7)]),
    ]
    facts = [
        PictureFact(name=cases[0].name, status="anomalous", score=0.7, findings=[finding(actual=3)]),
        PictureFact(name=cases[1].name, status="anomalous", score=0.8, findings=[finding()]),
        PictureFact(
            name=cases[2].name, status="undecided", score=0.5, findings=[finding(status="undecided")]
        ),
    ]
    rows = picture_rows(cases, facts, Vocabulary(["pushpin", "box"], {}), {"box": ["pushpin"]})
    rules = [rule_fact(1, None), rule_fact(2, "blind", proven=False)]
    scores, _ = scored(rules, rows, cases, facts, 0, Cost())
    first, second = scores.rules
    assert (first.alarms, first.undecided, first.false) == ({"good": 1, "logical": 1}, 1, 1)
    assert (second.proven, second.failure, second.alarms) == (False, "blind", {})
    odd, other = scores.defects
    assert (odd.pictures, odd.anomalous, odd.undecided, odd.annotated, odd.told) == (2, 1, 1, 3, 1)
    assert (other.pictures, other.annotated) == (1, 0)
