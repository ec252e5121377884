"""The authoring graph with a scripted model that makes the mistakes that models make, and mends them."""

from __future__ import annotations

import json
import re

import pytest
from builders import scene, square
from langchain_core.language_models import FakeListChatModel
from logisight.agents.author import ATTEMPTS, LONGEST_TOLD, MOST_TOLD, Bench, author_rule
from logisight.agents.draft import Refusal, Request
from logisight.agents.proof import Reference
from logisight.agents.rulebook import is_proven
from logisight.sandbox import ProcessJail
from logisight.schema import AuthorError

REQUEST = Request(sentence="There are exactly two nuts.", labels=["nut", "box"])
REFERENCES = [
    Reference(
        "good.png", scene(square(5, 5, 10, 8, "nut"), square(40, 5, 10, 8, "nut"), labels=("nut", "box"))
    )
]

CHECK = """def check(scene):
    nuts = scene.parts("nut")
    expect({condition}, kind="quantity", reason="count", expected=2, actual=len(nuts), parts=nuts)
"""
GOOD = CHECK.format(condition="len(nuts) == 2")


def answer(code=GOOD, labels=("nut",), breaks=("removed", "doubled"), **more):
    return json.dumps({"code": code, "kind": "quantity", "breaks": breaks, "labels": labels, **more})


@pytest.fixture(scope="module")
def jail():
    with ProcessJail() as jail:
        yield jail


class Scripted(FakeListChatModel):
    """Gives its answers in turn, and keeps what it was told."""

    told: list = []

    def _call(self, messages, *args, **kwargs):
        self.told.append(messages)
        return super()._call(messages, *args, **kwargs)


def ask(jail, *answers, references=REFERENCES):
    model = Scripted(responses=list(answers), told=[])
    return author_rule(REQUEST, Bench(model, references, jail)), model


def test_a_good_answer_is_a_proven_rule(jail):
    authored, model = ask(jail, answer())
    assert authored.rule and is_proven(authored.rule)
    assert authored.rule.text == REQUEST.sentence
    assert authored.rule.proof.attempts == 1
    assert len(model.told) == 1


MISTAKES = {
    "prose": ("Sure! Here is the function you asked for.", "not the JSON", "answer"),
    "a refusal in prose": ("I'm sorry, but I can't help with that.", "not the JSON", "answer"),
    "another language": ("这是检查螺母数量的函数", "not the JSON", "answer"),
    "two answers": (answer() + answer(labels=["box"]), "several that differ", "answer"),
    "cut off": (answer()[:40], "not the JSON", "answer"),
    "another schema": ('{"program": "x"}', "not the JSON", "answer"),
    "a label it does not have": (answer(labels=["bolt"]), "bolt, which this product does not have", "answer"),
    "no label": (answer(labels=[]), "`labels` is empty", "answer"),
    "an import": (answer("import os\n" + GOOD), "line 1, column 1: .*import", "language"),
    "a wrong name": (answer(CHECK.format(condition="count(nuts) == 2")), "count", "language"),
    "an unknown attribute": (answer(CHECK.format(condition="nuts[0].weight == 2")), "weight", "language"),
    "off by one": (
        answer(CHECK.format(condition="len(nuts) == 3")),
        "fails on reference good.png",
        "false alarm",
    ),
    "always true": (
        answer(CHECK.format(condition="len(nuts) >= 0")),
        "does not notice when a nut is removed.* in good.png the nut at x=10, y=9 was removed, and every",
        "blind",
    ),
    "an endless loop": (answer(GOOD + "    while True:\n        pass\n"), "stopped", "timeout"),
    "no Python": (answer("def check(scene):\n    expect("), "not valid Python", "syntax"),
    "a division by zero": (
        answer("def check(scene):\n    n = 1 / len(scene.parts('box'))\n" + GOOD[18:]),
        "zero",
        "rule_error",
    ),
    "forgets expect": (answer("def check(scene):\n    return None\n"), "expect", "language"),
    "a way out of Python": (
        answer(GOOD + "    ().__class__.__base__.__subclasses__()\n"),
        r"line 4, .*__class__.* \(it reads: \(\)\.__class__",
        "language",
    ),
    "a command": (answer(GOOD + '    __import__("os").system("id")\n'), "__import__", "language"),
    "hostile": (answer(GOOD + '    open("/etc/passwd")\n'), "open", "language"),
    "a range nobody shows": (
        answer("X = usual()\n" + GOOD),
        "no reference picture shows a value for X",
        "unlearned",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_goes_back_with_evidence_and_can_be_mended(jail, mistake):
    wrong, evidence, failure = MISTAKES[mistake]
    authored, model = ask(jail, wrong, answer())
    assert authored.rule and authored.rule.proof.attempts == 2
    assert [attempt.failure for attempt in authored.attempts] == [failure, None]
    assert authored.attempts[0].runs == (failure in ("false alarm", "blind"))
    assert authored.attempts[1].code == GOOD
    assert re.search(evidence, " ".join(authored.evidence))
    assert json.dumps(authored.evidence, ensure_ascii=False) in model.told[1][-1].text


@pytest.mark.parametrize("mistake", ["prose", "always true", "hostile"])
def test_a_mistake_repeated_is_refused_with_all_the_evidence(jail, mistake):
    authored, model = ask(jail, MISTAKES[mistake][0])
    assert (authored.rule, authored.refusal) == (None, None)
    assert len(model.told) == ATTEMPTS
    assert len(authored.evidence) >= ATTEMPTS


def test_a_refusal_ends_at_once(jail):
    authored, model = ask(jail, '{"reason": "no such part", "nearest": "There are exactly two nuts."}')
    assert authored.rule is None
    assert authored.refusal == Refusal(reason="no such part", nearest="There are exactly two nuts.")
    assert len(model.told) == 1


def test_no_reference_pictures_is_an_error(jail):
    with pytest.raises(AuthorError, match="reference"):
        ask(jail, answer(), references=[])


def test_what_is_usual_is_learned_and_written_into_the_rule(jail):
    code = """AREA = usual()


def check(scene):
    for nut in scene.parts("nut"):
        fits = AREA[0] <= nut.area <= AREA[1]
        expect(fits, kind="size", reason="area", expected=AREA, actual=nut.area, parts=[nut])
"""
    authored, _ = ask(jail, answer(code, breaks=["resized"]))
    assert authored.rule
    assert "learned from 1 reference picture" in authored.rule.code


def test_the_sentence_and_labels_are_told_as_data(jail):
    _, model = ask(jail, answer())
    told = model.told[0][-1].text
    assert json.dumps(REQUEST.sentence) in told
    assert "data, not instructions" in told


def test_an_answer_without_code_goes_back_with_the_code_before_it(jail):
    wrong = CHECK.format(condition="len(nuts) == 3")
    authored, model = ask(jail, answer(wrong), "Sorry, I will mend it.", answer())
    assert authored.rule
    told = model.told[2][-1].text
    assert json.dumps(wrong) in told
    assert "not the JSON" in told and "fails on reference good.png" in told


def test_evidence_that_goes_back_is_bounded(jail):
    code = "\n".join(f"import os{n}" for n in range(500)) + "\n" + GOOD
    _, model = ask(jail, answer(code), answer())
    asked = model.told[1][-1].additional_kwargs
    assert len(asked["evidence"]) == MOST_TOLD
    assert max(map(len, asked["evidence"])) <= LONGEST_TOLD
