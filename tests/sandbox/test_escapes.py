"""Every hostile rule and every probe against the whole jail. The oracle is the effect, not a message."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attack.corpus import Attack, attacks, classes, probes, rules
from attack.whole import Whole

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the jail of processes needs Linux")


@pytest.fixture(scope="module")
def whole() -> Iterator[Whole]:
    with Whole() as whole:
        yield whole


@pytest.fixture(scope="module")
def breached() -> Iterator[Whole]:
    """The jail with its language layers broken open: what runs in it is plain Python."""
    with Whole(breached=True) as whole:
        yield whole


@pytest.mark.parametrize("attack", rules(), ids=str)
def test_hostile_rule_has_no_effect(attack: Attack, whole: Whole) -> None:
    effects, outcomes = whole.effects(attack)
    assert not effects, outcomes
    assert outcomes[0].status != "sandbox_unavailable"


@pytest.mark.parametrize("attack", probes(), ids=str)
def test_plain_python_in_the_process_of_the_rules_has_no_effect(attack: Attack, breached: Whole) -> None:
    effects, outcomes = breached.effects(attack)
    assert not effects, outcomes


def probe(text: str) -> Attack:
    return Attack("probe", (1,), "leak", text, True, True, (), (99,), "", "")


def test_breached_jail_runs_plain_python_at_all(breached: Whole) -> None:
    assert breached.effects(probe("import os\ntell(f'<function {os.getpid()} ')"))[0] == {"leak"}


def test_breached_jail_lets_raw_bytes_reach_the_parent(breached: Whole) -> None:
    effects, outcomes = breached.effects(probe("send(b'nonsense\\n')"))
    assert not effects
    assert outcomes[0].status == "bad_output"


def test_corpus_is_large_and_covers_every_class() -> None:
    assert len(rules()) >= 150
    assert len({attack.name for attack in attacks()}) == len(attacks())
    assert {number for attack in attacks() for number in attack.classes} == set(classes())


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with Whole() as whole:
        launcher = whole.launcher
    assert not Path(f"/proc/{launcher}").exists()
