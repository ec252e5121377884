"""What the word of a witness is worth, from what it said of pictures of known state."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage
from logisight.agents.llm.asking import Reply
from logisight.agents.witness.calibration import SUFFICIENT, Calibration, Trial, suspicion_of, worth_of
from logisight.prompts import Opinion
from logisight.schema import Usage


def test_who_tells_spoiled_pictures_from_good_ones_is_believed():
    threshold, weight = worth_of([0.1, 0.2, 0.3, 0.1, 0.2], [0.8, 0.9] * 7)
    assert threshold == pytest.approx(0.55)
    assert weight == pytest.approx(14 / 16 * 5 / 7, abs=1e-6)
    assert weight > SUFFICIENT


@pytest.mark.parametrize("value", [0.0, 0.5, 0.98, 1.0])
def test_who_says_the_same_of_everything_is_worth_nothing(value):
    assert worth_of([value] * 5, [value] * 15).weight == 0


def test_who_takes_good_for_spoiled_is_worth_nothing():
    assert worth_of([0.9] * 5, [0.1] * 15).weight == 0


def test_who_suspects_everything_a_little_is_corrected_by_the_threshold():
    threshold, weight = worth_of([0.90, 0.92, 0.91, 0.90, 0.92], [0.97, 0.99, 0.98, 0.98] * 3)
    assert 0.92 < threshold < 0.97
    assert weight > SUFFICIENT


def test_few_pictures_prove_little():
    assert worth_of([0.1], [0.9]).weight < SUFFICIENT < worth_of([0.1] * 5, [0.9] * 10).weight
    assert worth_of([0.1] * 5, []).weight == worth_of([], [0.9] * 5).weight == 0


def test_it_is_told_how_many_pictures_of_each_state_were_called_anomalous():
    said = [
        ("good", 0.1),
        ("good", 0.2),
        ("good", None),
        ("removed", 0.3),
        ("scratched", 0.9),
        ("stained", 0.8),
    ]
    trials = [Trial(picture="a.png", state=state, suspicion=suspicion) for state, suspicion in said]
    kept = Calibration(witness="vllm:x", asked_sha256="", odds=True, trials=trials, least_confidence=0.5)
    assert kept.suspected == {"good": (0, 3), "removed": (1, 1), "scratched": (1, 1), "stained": (1, 1)}


def reply(verdict="anomalous", confidence=0.5, odds=None):
    tokens = [{"token": '{"verdict": "', "logprob": 0.0, "top_logprobs": []}]
    if odds:
        others = [{"token": word, "logprob": logprob, "top_logprobs": []} for word, logprob in odds.items()]
        tokens.append({"token": verdict, "logprob": odds[verdict], "top_logprobs": others})
    metadata = {"logprobs": {"content": tokens}} if odds else {}
    opinion = Opinion(verdict=verdict, reason="", kind="none", boxes=[], marks=[], confidence=confidence)
    return Reply(opinion, AIMessage("", response_metadata=metadata), None, "", Usage())


@pytest.mark.parametrize(
    ("answer", "suspicion"),
    [
        (reply("anomalous", 1.0), 1.0),
        (reply("anomalous", 0.2), 0.6),
        (reply("normal", 0.2), 0.4),
        (reply("normal", 1.0), 0.0),
        (reply("unsure", 0.9), 0.5),
        (reply("anomalous", 1.0, {"anomalous": -0.5108256, "normal": -0.9162907}), 0.6),
        (reply("normal", 1.0, {"normal": -0.6931472, "unsure": -0.6931472}), 0.25),
        (Reply(None, AIMessage("garbage"), "shape", "no JSON", Usage()), None),
    ],
)
def test_suspicion_is_read_from_the_odds_else_from_what_is_said(answer, suspicion):
    assert suspicion_of(answer) == (suspicion if suspicion is None else pytest.approx(suspicion, abs=1e-6))
