"""One jail under asyncio and threads, with cancelling and closing in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from logisight.sandbox import Check, Limits, ProcessJail
from logisight.scene import Scene
from proc_tree import FINE, LOOP, busy_child, statuses


@pytest.fixture
def own_jail() -> Iterator[ProcessJail]:
    with ProcessJail(Limits(seconds=0.5)) as jail:
        yield jail


def test_many_tasks_share_a_jail(own_jail: ProcessJail, scene: Scene) -> None:
    async def all_at_once() -> list[list[str]]:
        runs = (
            asyncio.to_thread(own_jail.run, [Check(n, FINE), Check(n, LOOP)][: 1 + n % 2], scene)
            for n in range(12)
        )
        return [statuses(outcomes) for outcomes in await asyncio.gather(*runs)]

    assert asyncio.run(all_at_once()) == [["ok"], ["ok", "timeout"]] * 6


def test_event_loop_goes_on_while_a_rule_runs(own_jail: ProcessJail, scene: Scene) -> None:
    async def tick_while_running() -> tuple[int, list[str]]:
        run, ticks = asyncio.create_task(asyncio.to_thread(own_jail.run, [Check(1, LOOP)], scene)), 0
        while not run.done():
            ticks += 1
            await asyncio.wait([run], timeout=0.01)
        return ticks, statuses(run.result())

    ticks, outcomes = asyncio.run(tick_while_running())
    assert ticks > 1
    assert outcomes == ["timeout"]


def test_cancelled_run_leaves_a_jail_that_works(own_jail: ProcessJail, scene: Scene) -> None:
    own_jail.run([Check(1, FINE)], scene)

    async def cancel() -> list[str]:
        run = asyncio.create_task(asyncio.to_thread(own_jail.run, [Check(1, LOOP)], scene))
        while not busy_child(own_jail):
            await asyncio.wait([run], timeout=0.001)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        return statuses(await asyncio.to_thread(own_jail.run, [Check(2, FINE)], scene))

    assert asyncio.run(cancel()) == ["ok"]


def test_closing_lets_the_runs_of_other_threads_end(own_jail: ProcessJail, scene: Scene) -> None:
    own_jail.run([Check(1, FINE)], scene)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(own_jail.run, [Check(1, LOOP), Check(2, FINE)], scene)
        while not busy_child(own_jail):
            pass
        own_jail.close()
        assert statuses(running.result()) == ["timeout", "ok"]
    assert statuses(own_jail.run([Check(1, FINE)], scene)) == ["ok"]
