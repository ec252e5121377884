"""Chunks of scenes that share a child are judged as they would be one by one."""

from __future__ import annotations

import numpy as np
import pytest
from logisight.sandbox import Check, Limits, ProcessJail
from logisight.scene import Part, Scene
from proc_tree import LOOP, statuses

COUNT = 'def check(scene):\n    expect(True, "quantity", "n", actual=len(scene.parts("pin")))\n'
BROKEN = "def check(scene):\n    nonsense(\n"
THIRD_LOOPS = LOOP.replace("while True", 'while len(scene.parts("pin")) == 3')


def scene_of(count: int) -> Scene:
    dot = np.ones((2, 2), np.bool_)
    parts = tuple(Part("pin", dot, (3 * i, 0), (50.0, 0.0, 0.0)) for i in range(count))
    return Scene((99, 9), ("pin",), parts)


@pytest.mark.parametrize("chunk", [1, 2, 5, 64])
def test_every_scene_gets_its_own_answers_in_order(chunk: int, jail: ProcessJail) -> None:
    checks = [Check(7, COUNT), Check(3, BROKEN), Check(5, COUNT)]
    made = jail.run_many(checks, (scene_of(count) for count in range(7)), chunk)
    assert [statuses(outcomes) for outcomes in made] == [["ok", "refused", "ok"]] * 7
    assert [[outcome.number for outcome in outcomes] for outcomes in made] == [[7, 3, 5]] * 7
    counted = [[outcomes[at].expectations[0].actual for at in (0, 2)] for outcomes in made]
    assert counted == [[count, count] for count in range(7)]


def test_rule_that_fails_on_one_scene_costs_only_that_scene() -> None:
    with ProcessJail(Limits(seconds=0.3)) as jail:
        checks = [Check(1, COUNT), Check(2, THIRD_LOOPS), Check(3, COUNT)]
        made = jail.run_many(checks, [scene_of(count) for count in range(6)], 6)
    expected = [["ok", "timeout" if count == 3 else "ok", "ok"] for count in range(6)]
    assert [statuses(outcomes) for outcomes in made] == expected


def test_no_scene_and_no_rule_give_nothing(jail: ProcessJail) -> None:
    assert jail.run_many([Check(1, COUNT)], []) == []
    assert jail.run_many([], [scene_of(1), scene_of(2)]) == [[], []]


@pytest.mark.parametrize("chunk", [0, -1, 65])
def test_chunk_out_of_range_is_refused(chunk: int, jail: ProcessJail) -> None:
    with pytest.raises(ValueError, match="a chunk holds 1 to 64 scenes"):
        jail.run_many([Check(1, COUNT)], [scene_of(1)], chunk)
