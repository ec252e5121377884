"""A check counts when it passes on the references and notices what was broken."""

from __future__ import annotations

import re

import pytest
from builders import scene, square
from logisight.agents.proof import Reference, prove
from logisight.agents.rulebook import code_hash
from logisight.sandbox import ProcessJail
from logisight.schema import Edit

TWO = """
def check(scene):
    nuts = scene.parts("nut")
    reason = f"there are {{len(nuts)}} nuts"
    expect({condition}, kind="quantity", reason=reason, expected=2, actual=len(nuts), parts=nuts)
"""


def nuts(count):
    return scene(*[square(20 * i + 5, 30, 10, 8, "nut") for i in range(count)], labels=("nut",))


@pytest.fixture(scope="module")
def jail():
    with ProcessJail() as jail:
        yield jail


def trial(jail, condition, scenes, edits=(Edit.removed, Edit.doubled), **options):
    references = [Reference(f"{n}.png", s) for n, s in enumerate(scenes)]
    return prove(TWO.format(condition=condition), ["nut"], edits, references, jail, **options)


def test_a_good_check_is_proven(jail):
    proof = trial(jail, "len(nuts) == 2", [nuts(2), nuts(2)])
    assert proof.evidence == []
    assert (proof.references, proof.false_alarms, proof.false_alarm_rate) == (2, [], 0.0)
    assert {(c.edit, c.tried, c.caught) for c in proof.counterfactuals} == {
        ("removed", 4, 4),
        ("doubled", 4, 4),
    }
    assert proof.code_sha256 == code_hash(TWO.format(condition="len(nuts) == 2"))


@pytest.mark.parametrize(
    ("condition", "complaint"),
    [
        ("True", "does not notice when a nut is removed"),
        ("len(nuts) >= 2", "does not notice when a nut is doubled"),
        ("len(nuts) == 3", "fails on reference 0.png: there are 2 nuts"),
        ("1 / 0 == 1", "fails on reference 0.png: .*line 5"),
        ("scene.part('nut').area > 1", "fails on reference 0.png: .*exactly one 'nut'"),
    ],
)
def test_a_bad_check_is_turned_down_with_evidence(jail, condition, complaint):
    proof = trial(jail, condition, [nuts(2)])
    assert re.search(complaint, proof.evidence[0])


def test_false_alarms_are_kept_and_may_be_allowed(jail):
    scenes = [nuts(2), nuts(2), nuts(2), nuts(3)]
    assert "fails on reference 3.png" in trial(jail, "len(nuts) == 2", scenes).evidence[0]
    proof = trial(jail, "len(nuts) == 2", scenes, most_false_alarms=0.25)
    assert (proof.evidence, proof.false_alarms, proof.false_alarm_rate) == ([], ["3.png"], 0.25)


def test_many_failures_are_counted_not_listed(jail):
    evidence = trial(jail, "len(nuts) == 2", [nuts(3)] * 7).evidence
    assert len(evidence) == 4
    assert evidence[-1] == "and on 4 more reference pictures"


AT_LEAST_TWO = TWO.replace("expected=2", "expected=(2, None)").format(condition="len(nuts) >= 2")


def test_a_check_that_allows_a_range_must_notice_when_the_range_is_left(jail):
    proof = prove(AT_LEAST_TWO, ["nut"], [Edit.removed], [Reference("good.png", nuts(4))], jail)
    assert proof.evidence == []
    proof = prove(AT_LEAST_TWO, ["nut"], [Edit.doubled], [Reference("good.png", nuts(4))], jail)
    assert proof.evidence == ["does not notice when a nut is doubled (0 of 4 times)"]


def test_a_label_that_only_a_later_reference_shows_is_challenged_there(jail):
    references = [Reference(f"{n}.png", nuts(0)) for n in range(5)] + [Reference("last.png", nuts(2))]
    code = TWO.format(condition="len(nuts) in (0, 2)")
    proof = prove(code, ["nut"], [Edit.removed, Edit.doubled], references, jail)
    assert proof.evidence == []


def test_nothing_to_break_is_no_proof(jail):
    proof = trial(jail, "len(nuts) == 0", [nuts(0)], edits=(Edit.removed,))
    assert "no reference picture shows a nut" in proof.evidence[0]
