"""A session that is killed at any step goes on as if it had not been, and does nothing twice."""

from __future__ import annotations

import shutil
import signal

import pytest
from logisight.agents.product import open_product
from logisight.agents.session.session import Sessions
from session_killed import TALK, in_a_process, talk

pytestmark = pytest.mark.whole

KILLED = -signal.SIGKILL


def what_came_of_it(product, session):
    """All that a session leaves, up to times and to what depends on them."""
    with Sessions(product) as sessions:
        turns = [
            turn.model_dump(
                exclude={
                    "started": True,
                    "previous": True,
                    "verdicts": True,
                    "steps": {"__all__": {"seconds", "usage", "evidence"}},
                }
            )
            | {"inspected": sorted(turn.verdicts)}
            for turn in sessions.turns(session)
        ]
    rules = [(rule.number, rule.text, rule.code) for rule in product.rulebook()]
    return turns, rules


def started(folder):
    with Sessions(open_product(folder)) as sessions:
        return sessions.start().id


@pytest.fixture
def copies(demo_line, tmp_path):
    """Makes copies of the product."""

    def copy(name):
        folder = tmp_path / name / "box"
        shutil.copytree(demo_line / "box", folder)
        return folder

    return copy


def test_a_session_that_is_killed_at_every_step_is_the_same_as_without(copies, pictures):
    whole, killed = copies("whole"), copies("killed")
    last = TALK.index("retire rule 3")
    expected = started(whole)
    assert in_a_process(talk, whole, expected, pictures[:1], last, 0) == 0
    session, kills = started(killed), 0
    # The first step of each process is the one that the process before it was killed at.
    while in_a_process(talk, killed, session, pictures[:1], last, 2) == KILLED:
        kills += 1
        assert kills < 100
    assert kills > 6 * (last + 1)
    turns, rules = what_came_of_it(open_product(killed), session)
    assert (turns, rules) == what_came_of_it(open_product(whole), expected)
    assert [text for _, text, _ in rules] == [
        "There is exactly one pushpin in each compartment of a grid of 3 rows and 5 columns.",
        "Each pushpin is yellow.",
        "There are exactly 15 pushpins.",
    ]


@pytest.mark.parametrize("line", [2, 3, 4], ids=["save", "retire", "change"])
def test_a_change_of_the_rulebook_that_is_killed_at_any_file_is_done_once(copies, line):
    """Also after the change is done and before the session notes that."""
    template = copies("template")
    session = started(template)
    assert in_a_process(talk, template, session, [], line, 0, False, line) == 0
    whole = template.parent.with_name("whole") / "box"
    shutil.copytree(template, whole)
    assert in_a_process(talk, whole, session, [], line, 0) == 0
    expected = what_came_of_it(open_product(whole), session)
    assert expected[1] != what_came_of_it(open_product(template), session)[1]
    for die_at in range(1, 60):
        folder = template.parent.with_name(f"at-{die_at}") / "box"
        shutil.copytree(template, folder)
        if in_a_process(talk, folder, session, [], line, die_at, True) != KILLED:
            break
        assert in_a_process(talk, folder, session, [], line, 0) == 0
        assert what_came_of_it(open_product(folder), session) == expected, die_at
    assert die_at > 6
