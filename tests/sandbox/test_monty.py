"""Rules answer in Monty as elsewhere; what it sends is hostile; what dies there costs one rule."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from attack.corpus import Attack, rules
from attack.whole import AFTER, LIMITS, Whole
from honest import Honest, honest_rules, scene_of
from logisight.sandbox import Check, Limits, MontyJail, ProcessJail
from logisight.sandbox.facade import Facade
from logisight.sandbox.inproc import UnsafeInProcessJail
from logisight.sandbox.monty import _Answers
from logisight.scene import Scene
from logisight.schema import Grade, SandboxError
from proc_tree import FINE, children

pytest.importorskip("pydantic_monty", reason="the extra `monty` is not installed")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")
BOMBS = range(57, 77)
"""Classes of attacks on time and memory; each takes its whole limit."""


@pytest.fixture(scope="module")
def monty() -> Iterator[MontyJail]:
    with MontyJail() as jail:
        yield jail


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("rule", honest_rules(), ids=str)
def test_honest_rule_says_the_same_as_in_python(rule: Honest, monty: MontyJail) -> None:
    check, scene = [Check(1, rule.text)], scene_of(rule.product)
    (ours,), (theirs,) = UnsafeInProcessJail().run(check, scene), monty.run(check, scene)
    assert theirs.status == "ok", theirs.message
    assert theirs.expectations == ours.expectations


@needs_linux
def test_hostile_rules_have_no_effect() -> None:
    with Whole() as whole, MontyJail(LIMITS) as jail:
        through: dict[Attack, set[str]] = {}
        for attack in rules():
            if not any(number in BOMBS for number in attack.classes):
                outcomes = jail.run([Check(1, whole.text(attack)), Check(2, AFTER)], whole.scene)
                through[attack] = whole.world.seen() | whole.told(attack, outcomes)
        masks = [(a.mask, b.mask) for a, b in whole._parts()]
    assert len(through) >= 150
    assert {str(attack): effects for attack, effects in through.items() if effects} == {}
    assert all(np.array_equal(ours, fresh) for ours, fresh in masks)


@pytest.mark.parametrize(
    "asked",
    [
        (-1, "size", [], {}),
        (1, "size", [], {}),
        (True, "size", [], {}),
        ("0", "size", [], {}),
        (0, "_real", [], {}),
        (0, "__class__", [], {}),
        (0, ["size"], [], {}),
        (0, "parts", None, {}),
        (0, "parts", ["pin"], None),
        (0, "parts", [{"handle": 0}], {}),
        (0, "parts", [{"handle": 7}], {}),
        (0, "parts", [{}], {}),
        (0, "parts", ["pin"], {1: 2}),
        (0,),
    ],
)
def test_forged_questions_are_not_answered(asked: tuple, scene: Scene) -> None:
    answers = _Answers(scene, Limits())
    with pytest.raises(RuntimeError, match="the rule has ended"):
        answers.lookup["logisight_ask"](*asked)
    assert answers.failure is not None


def test_forged_expectations_are_not_taken(scene: Scene) -> None:
    answers = _Answers(scene, Limits())
    for parts in (None, [{"handle": 3}], [{"handle": 0}], [5], 5):
        with pytest.raises(RuntimeError):
            answers.lookup["logisight_expect"](True, "size", "x", None, None, parts)
    assert answers.expectations.made == []


def test_time_of_questions_counts(scene: Scene) -> None:
    code = "def check(scene):\n    while True:\n        scene.parts('pin')\n    expect(True, 'size', 'x')\n"
    with MontyJail(Limits(seconds=0.2)) as jail:
        outcomes = jail.run([Check(1, code), Check(2, FINE)], scene)
    assert [outcome.status for outcome in outcomes] == ["timeout", "ok"]


def test_regions_count_as_memory_of_the_rule(scene: Scene) -> None:
    body = "for n in range(1, 60):\n        scene.grid(n, 1)\n    expect(True, 'size', 'x')\n"
    with MontyJail(Limits(memory_mb=4)) as jail:
        assert jail.run([Check(1, f"def check(scene):\n    {body}")], scene)[0].status == "out_of_memory"


def workers() -> list[int]:
    return [pid for pid in children(os.getpid()) if Path(f"/proc/{pid}/comm").read_text().strip() == "monty"]


@needs_linux
def test_worker_that_dies_costs_one_rule(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(facade: Facade, value: object, name: str) -> None:
        for worker in workers():
            os.kill(worker, signal.SIGKILL)

    monkeypatch.setattr(Facade, "read", read)
    asking = "def check(scene):\n    expect(scene.size == (), 'size', 'x')\n"
    with MontyJail() as jail:
        outcomes = jail.run([Check(1, FINE), Check(2, asking), Check(3, FINE)], scene)
    assert [outcome.status for outcome in outcomes] == ["ok", "crash", "ok"]
    assert outcomes[1].message == "the worker of Monty that ran the rule died"


@needs_linux
def test_worker_sees_no_environment_and_ends_with_the_jail(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGISIGHT_TEST_SECRET", "sesame")
    before = set(workers())
    jail = MontyJail()
    jail.run([Check(1, FINE)], scene)
    (worker,) = set(workers()) - before
    assert b"sesame" not in Path(f"/proc/{worker}/environ").read_bytes()
    jail.close()
    jail.close()
    assert set(workers()) == before
    assert jail.run([Check(1, FINE)], scene)[0].status == "ok"
    jail.close()


def test_four_threads_share_a_jail(monty: MontyJail, scene: Scene) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda number: monty.run([Check(number, FINE)] * 5, scene), range(8)))
    seen = [[(outcome.number, outcome.status) for outcome in outcomes] for outcomes in made]
    assert seen == [[(number, "ok")] * 5 for number in range(8)]


def test_it_is_degraded_and_says_why(monty: MontyJail) -> None:
    assert monty.isolation.grade is Grade.degraded
    assert "interpreter Monty alone" in str(monty.isolation)
    assert "Landlock" in str(monty.isolation)


def test_absent_package_is_said_and_no_rule_is_lost(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)
    said = "the sandbox 'monty' needs: pip install 'logisight[monty]'"
    outcomes = MontyJail().run([Check(1, FINE), Check(2, FINE)], scene)
    assert [(o.number, o.status, o.message) for o in outcomes] == [
        (1, "sandbox_unavailable", said),
        (2, "sandbox_unavailable", said),
    ]
    with pytest.raises(SandboxError, match="pip install"):
        _ = MontyJail().isolation


@needs_linux
def test_policy_refuses_it_where_full_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from logisight.agents.isolation import open_jail
    from logisight.sandbox.backends import VARIABLE

    monkeypatch.setenv(VARIABLE, "monty")
    with pytest.raises(SandboxError, match="here it is degraded: the interpreter Monty alone"):
        open_jail(Grade.full)
    jail = open_jail(Grade.degraded)
    assert not isinstance(jail, ProcessJail)
    jail.close()
