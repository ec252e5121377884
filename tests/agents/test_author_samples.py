"""Several answers to one sentence: the one that is proven best counts, and how many agree with it is told."""

from __future__ import annotations

import json
import threading

import pytest
from builders import scene, square
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from logisight.agents.author import ATTEMPTS, MOST_SAMPLES, TEMPERATURE, Bench, author_rule
from logisight.agents.draft import Refusal, Request
from logisight.agents.proof import Reference
from logisight.agents.reasoner import OfflineReasoner
from logisight.sandbox import ProcessJail

REQUEST = Request(sentence="There are exactly two nuts.", labels=["nut", "box"])
NUTS = (square(5, 5, 10, 8, "nut"), square(40, 5, 10, 8, "nut"))
REFERENCES = [Reference("good.png", scene(*NUTS, labels=("nut", "box")))]
CHECK = """def check(scene):
    nuts = scene.parts("nut")
    expect({condition}, kind="quantity", reason="count", expected=2, actual=len(nuts), parts=nuts)
"""
GOOD = CHECK.format(condition="len(nuts) == 2")
LONGER = CHECK.format(condition="len(nuts) == 1 + 1 and len(nuts) > 0")
AT_LEAST = CHECK.format(condition="len(nuts) >= 2")
WRONG = CHECK.format(condition="len(nuts) == 3")
DECLINED = '{"reason": "no such part", "nearest": ""}'


def answer(code, breaks=("removed", "doubled")):
    return json.dumps({"code": code, "kind": "quantity", "breaks": breaks, "labels": ["nut"]})


class Sampled(BaseChatModel):
    """Answers by the seed that it is asked with, and keeps what it was asked; waits until all have asked."""

    rounds: list[list[str]]
    asked: list = []
    together: object = None

    @property
    def _llm_type(self):
        return "sampled"

    def _generate(self, messages, stop=None, run_manager=None, *, seed=0, temperature=None, **kwargs):
        if self.together:
            self.together.wait()
        evidence = messages[-1].additional_kwargs["evidence"]
        self.asked.append((seed, temperature, evidence))
        text = self.rounds[1 if evidence else 0][seed]
        usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text, usage_metadata=usage))])


@pytest.fixture(scope="module")
def jail():
    with ProcessJail() as jail:
        yield jail


def ask(jail, *rounds, samples=None):
    model = Sampled(rounds=[list(one) for one in rounds], asked=[])
    return author_rule(REQUEST, Bench(model, REFERENCES, jail, samples=samples or len(rounds[0]))), model


def test_the_first_is_the_likeliest_answer_and_the_others_are_drawn_by_seed(jail):
    _, model = ask(jail, [answer(GOOD)] * 3)
    asked = sorted((seed, temperature) for seed, temperature, _ in model.asked)
    assert asked == [(0, 0.0), (1, TEMPERATURE), (2, TEMPERATURE)]


def test_one_answer_is_asked_for_as_the_model_is_set_up(jail):
    authored, model = ask(jail, [answer(GOOD)])
    assert model.asked == [(0, None, [])]
    assert authored.rule and authored.confidence is None


def test_they_are_asked_for_at_once(jail):
    model = Sampled(rounds=[[answer(GOOD)] * 4], asked=[], together=threading.Barrier(4, timeout=60))
    assert author_rule(REQUEST, Bench(model, REFERENCES, jail, samples=4)).rule


def test_there_are_not_more_than_the_most(jail):
    _, model = ask(jail, [answer(GOOD)] * 100, samples=100)
    assert len(model.asked) == MOST_SAMPLES


def test_the_one_that_is_proven_counts_and_the_others_are_kept_as_attempts(jail):
    authored, model = ask(jail, [answer(WRONG), "Sure!", answer(GOOD), DECLINED])
    assert authored.rule and authored.rule.code == GOOD
    assert len(model.asked) == 4
    assert [attempt.failure for attempt in authored.attempts] == ["false alarm", "answer", "declined", None]
    assert sum(attempt.input_tokens for attempt in authored.attempts) == 28
    assert authored.confidence == 0.25


def test_of_two_that_are_proven_the_one_that_notices_more_counts(jail):
    weak = answer(AT_LEAST, breaks=["removed"])
    authored, _ = ask(jail, [weak, answer(LONGER), answer(LONGER)])
    assert authored.rule.code == LONGER
    assert authored.confidence == pytest.approx(2 / 3)


def test_of_two_that_notice_the_same_the_shorter_counts_and_both_agree(jail):
    authored, _ = ask(jail, [answer(LONGER), answer(GOOD)])
    assert authored.rule.code == GOOD
    assert authored.confidence == 1.0


def test_asking_for_more_than_the_sentence_does_wins_nothing(jail):
    strict = GOOD + '    expect(all(n.area < 90 for n in nuts), kind="size", reason="area", parts=nuts)\n'
    greedy = answer(strict, breaks=["removed", "doubled", "resized"])
    authored, _ = ask(jail, [greedy, answer(LONGER), answer(GOOD)])
    assert authored.rule.code == GOOD


def test_when_none_is_proven_the_evidence_of_the_nearest_goes_back(jail):
    first = ["Sure!", answer(AT_LEAST), answer(WRONG)]
    authored, model = ask(jail, first, [answer(GOOD)] * 3)
    assert authored.rule and authored.rule.proof.attempts == 2
    told = {tuple(evidence) for _, _, evidence in model.asked[3:]}
    ((line, *_),) = told
    assert "does not notice when a nut is doubled" in line
    assert len(authored.attempts) == 6


def test_when_none_is_ever_proven_it_ends_with_the_evidence_of_all(jail):
    bad = [answer(WRONG), "Sure!"]
    authored, model = ask(jail, bad, bad)
    assert (authored.rule, authored.refusal, authored.confidence) == (None, None, None)
    assert len(model.asked) == 2 * ATTEMPTS
    assert len(authored.evidence) == 2 * ATTEMPTS
    assert authored.attempts[-1].failure == "false alarm"


def test_it_is_declined_only_when_all_decline(jail):
    authored, model = ask(jail, [DECLINED, DECLINED])
    assert authored.refusal == Refusal(reason="no such part")
    assert len(model.asked) == 2


def test_offline_is_asked_once_for_it_has_one_answer(jail):
    authored = author_rule(REQUEST, Bench(OfflineReasoner(), REFERENCES, jail, samples=5))
    assert authored.rule and authored.confidence is None
    assert len(authored.attempts) == 1
