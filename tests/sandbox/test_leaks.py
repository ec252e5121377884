"""Many runs leave nothing behind; `python -m logisight.benchmarks.sandbox --leaks N` is the long version."""

from __future__ import annotations

import os

from logisight.sandbox import Check, Limits, ProcessJail
from logisight.scene import Scene
from proc_tree import FINE, LOOP, children, descendants, descriptors, eventually, launcher_of, statuses


def test_many_runs_leave_no_descriptor_and_no_process(scene: Scene) -> None:
    with ProcessJail(Limits(seconds=0.02)) as jail:

        def used() -> list[int]:
            launcher = launcher_of(jail)
            processes = [os.getpid(), launcher, *children(launcher)]
            return [*map(descriptors, processes), len(descendants(launcher))]

        loop = [Check(1, FINE), Check(2, LOOP), Check(3, FINE)]
        for checks in (loop, [Check(1, FINE)]):
            jail.run(checks, scene)
        assert eventually(lambda: len(descendants(launcher_of(jail))) == 4)  # two books, a spare child each
        before = used()
        for _ in range(20):
            jail.run(loop, scene)
        for _ in range(180):
            jail.run([Check(1, FINE)], scene)
        assert eventually(lambda: used() == before)


def test_rulebooks_and_scenes_that_come_and_go_leave_nothing(jail: ProcessJail) -> None:
    def run(number: int) -> str:
        scene = Scene((9, 9), (), ())
        return jail.run([Check(number, f"# {number}\n{FINE}")], scene)[0].status

    assert {run(number) for number in range(9)} == {"ok"}
    before = descriptors(os.getpid())
    assert {run(number) for number in range(9, 30)} == {"ok"}
    assert eventually(lambda: descriptors(os.getpid()) == before)


def test_closed_jail_leaves_nothing(scene: Scene) -> None:
    def go_through() -> None:
        with ProcessJail() as jail:
            assert statuses(jail.run([Check(1, FINE)], scene)) == ["ok"]

    go_through()
    before = descriptors(os.getpid())
    go_through()
    assert descriptors(os.getpid()) == before
    assert "Z" not in children(os.getpid()).values()
