"""Whatever ends, stops or is used up, every scene ends in exactly one typed outcome a rule."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from logisight.sandbox import Check, Limits, ProcessJail
from logisight.sandbox.layers import ALWAYS_ON, Layer
from logisight.sandbox.processes import Book, CompileLostError
from logisight.scene import Scene
from proc_tree import (
    FINE,
    LOOP,
    busy_child,
    children,
    descendants,
    eventually,
    launcher_of,
    statuses,
    while_looping,
)

BOMB = """\
def check(scene):
    kept = []
    for i in range(99):
        kept.append("a" * (10 ** 7 + i))
    expect(True, "size", "never")
"""
GARBAGE = """\
def check(scene):
    kept = []
    kept.append(kept)
    for i in range(24):
        kept.append("a" * (10 ** 7 + i))
    expect(True, "size", "fine")
"""


@pytest.fixture
def own_jail() -> Iterator[ProcessJail]:
    """A jail of the test's own, to be broken."""
    with ProcessJail(Limits(seconds=5)) as jail:
        yield jail


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGSEGV, "crash"),
        (signal.SIGKILL, "crash"),
        (signal.SIGABRT, "crash"),
        (signal.SIGSYS, "killed_by_policy"),
        (signal.SIGXCPU, "timeout"),
    ],
)
def test_rule_whose_process_dies_gets_its_outcome_and_the_rest_run(
    number: signal.Signals, status: str, own_jail: ProcessJail, scene: Scene
) -> None:
    outcomes = while_looping(own_jail, scene, lambda book, child: os.kill(child, number))
    assert statuses(outcomes) == ["ok", status, "ok"]
    assert outcomes[1].message


def test_stopped_child_is_a_timeout(scene: Scene) -> None:
    with ProcessJail(Limits(seconds=0.5)) as jail:
        outcomes = while_looping(jail, scene, lambda book, child: os.kill(child, signal.SIGSTOP))
        assert statuses(outcomes) == ["ok", "timeout", "ok"]


def test_scene_that_a_killed_book_held_is_run_again(scene: Scene) -> None:
    with ProcessJail(Limits(seconds=0.5)) as jail:
        outcomes = while_looping(jail, scene, lambda book, child: os.kill(book, signal.SIGKILL))
        assert statuses(outcomes) == ["ok", "timeout", "ok"]


def test_launcher_killed_in_a_run_or_between_runs_is_started_again(scene: Scene) -> None:
    with ProcessJail(Limits(seconds=0.5)) as jail:
        launchers = []

        def kill_launcher(book: int, child: int) -> None:
            launchers.append(launcher_of(jail))
            os.kill(launchers[0], signal.SIGKILL)

        assert statuses(while_looping(jail, scene, kill_launcher)) == ["ok", "timeout", "ok"]
        assert statuses(jail.run([Check(1, FINE)], scene)) == ["ok"]
        launchers.append(launcher_of(jail))
        os.kill(launchers[1], signal.SIGKILL)
        os.waitid(os.P_PID, launchers[1], os.WEXITED | os.WNOWAIT)
        assert statuses(jail.run([Check(1, FINE)], scene)) == ["ok"]
        launchers.append(launcher_of(jail))
    assert len(set(launchers)) == 3
    assert not set(launchers) & set(children(os.getpid()))


class Unlucky(ProcessJail):
    """A jail whose compiling process dies over certain texts, as a fault of Python's parser would make it."""

    def _book(self, codes: tuple[str, ...]) -> Book:
        if any("parser bomb" in code for code in codes):
            raise CompileLostError("gone")
        return super()._book(codes)


def test_text_that_ends_the_compiler_costs_only_its_own_rule(scene: Scene) -> None:
    with Unlucky() as jail:
        outcomes = jail.run([Check(1, FINE), Check(2, "# parser bomb"), Check(3, FINE)], scene)
    assert statuses(outcomes) == ["ok", "crash", "ok"]


def test_interrupted_run_leaves_a_jail_that_works(own_jail: ProcessJail, scene: Scene) -> None:
    own_jail.run([Check(1, FINE)], scene)
    main, found = threading.current_thread(), []

    def interrupt() -> None:
        eventually(lambda: bool(found.append(busy_child(own_jail)) or found[-1]))
        signal.pthread_kill(main.ident, signal.SIGINT)  # type: ignore[arg-type]

    thread = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt):
        thread.start()
        own_jail.run([Check(1, LOOP)], scene)
    thread.join()
    assert eventually(lambda: not set(found[-1]) & set(descendants(os.getpid())))
    assert statuses(own_jail.run([Check(1, FINE)], scene)) == ["ok"]


def test_launcher_that_cannot_start_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scene: Scene
) -> None:
    (tmp_path / "RestrictedPython.py").write_text("raise ImportError('no such wheel')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with ProcessJail() as jail:
        outcomes = jail.run([Check(1, FINE), Check(2, FINE)], scene)
        assert statuses(outcomes) == ["sandbox_unavailable"] * 2
        assert "no such wheel" in outcomes[0].message
        monkeypatch.delenv("PYTHONPATH")
        assert statuses(jail.run([Check(1, FINE)], scene)) == ["ok"]


def test_python_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch, scene: Scene) -> None:
    with ProcessJail() as jail:
        monkeypatch.setattr(sys, "executable", "/nonexistent/python")
        assert statuses(jail.run([Check(1, FINE)], scene)) == ["sandbox_unavailable"]


@contextmanager
def few_descriptors(spare: int) -> Iterator[None]:
    """This process can open `spare` more descriptors and no further ones."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    filling = [os.open(os.devnull, os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (filling[0] + 50, limits[1]))
    try:
        with suppress(OSError):
            while True:
                filling.append(os.dup(filling[0]))
        for _ in range(spare):
            os.close(filling.pop())
        yield
    finally:
        for descriptor in filling:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_exhausted_descriptors_are_unavailable_and_pass(own_jail: ProcessJail, scene: Scene) -> None:
    seen = []
    for spare in range(8):
        with few_descriptors(spare):
            outcomes = own_jail.run([Check(1, FINE), Check(2, FINE)], scene)
        assert len(outcomes) == 2
        seen.append(outcomes[0].status)
    assert seen[0] == "sandbox_unavailable"
    assert set(seen) <= {"ok", "sandbox_unavailable"}
    assert statuses(own_jail.run([Check(1, FINE)], scene)) == ["ok"]


def test_memory_is_watched_from_outside_too(scene: Scene) -> None:
    layers = ALWAYS_ON | {Layer.clock}
    with ProcessJail(Limits(seconds=30, memory_mb=64), layers) as jail:
        slow = BOMB.replace("    expect", "    while True:\n        pass\n    expect")
        outcomes = jail.run([Check(1, FINE), Check(2, slow), Check(3, FINE)], scene)
    assert statuses(outcomes) == ["ok", "out_of_memory", "ok"]
    assert outcomes[1].message == Limits(memory_mb=64).too_large


def test_memory_within_the_limit_is_granted(scene: Scene) -> None:
    wait = "    for i in range(10 ** 5):\n        pass\n" * 20
    use = f'def check(scene):\n    kept = "a" * 4 * 10 ** 7\n{wait}'
    with ProcessJail(Limits(seconds=30, memory_mb=64)) as jail:
        outcome = jail.run([Check(1, f'{use}    expect(len(kept) > 0, "size", "fine")\n')], scene)[0]
    assert outcome.status == "ok", outcome.message


def test_garbage_of_one_rule_does_not_starve_the_next(jail: ProcessJail, scene: Scene) -> None:
    use = 'def check(scene):\n    kept = [0] * 3 * 10 ** 6\n    expect(len(kept) > 0, "size", "fine")\n'
    assert statuses(jail.run([Check(1, GARBAGE), Check(2, use)], scene)) == ["ok", "ok"]


@pytest.mark.parametrize("seed", range(4))
def test_kills_at_random_moments_cost_no_outcome(seed: int, scene: Scene) -> None:
    chance, stop, killed = random.Random(seed), threading.Event(), []

    def kill_at_random(jail: ProcessJail) -> None:
        while not stop.wait(chance.random() / 20):
            launcher = jail._launcher
            if launcher is not None and launcher.alive:
                below = list(descendants(launcher.pid)) if chance.random() < 0.9 else []
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(below or [launcher.pid]), signal.SIGKILL)
                    killed.append(launcher.pid)

    checks = [Check(number, FINE) for number in range(5)]
    with ProcessJail(Limits(seconds=5)) as jail, ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill_at_random, jail)
        try:
            made = [outcome for _ in range(30) for outcome in jail.run(checks, scene)]
            made += [outcome for of_one in jail.run_many(checks, [scene] * 30, 8) for outcome in of_one]
        finally:
            stop.set()
            killing.result()
        assert killed
        assert [outcome.number for outcome in made] == [0, 1, 2, 3, 4] * 60
        assert set(statuses(made)) <= {"ok", "crash", "sandbox_unavailable"}
        assert statuses(jail.run(checks, scene)) == ["ok"] * 5
    assert "Z" not in children(os.getpid()).values()


def test_clock_that_jumps_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, own_jail: ProcessJail, scene: Scene
) -> None:
    jumping = iter(range(10**9, -(10**9), -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(jumping)))
    monkeypatch.setattr(time, "time_ns", lambda: next(jumping) * 10**9)
    outcomes = own_jail.run([Check(1, FINE), Check(2, FINE)], scene)
    assert statuses(outcomes) == ["ok", "ok"]
    assert all(0 <= outcome.seconds < 5 for outcome in outcomes)


def test_full_dev_shm_does_not_matter() -> None:
    program = """
from logisight.sandbox import Check, ProcessJail
from logisight.scene import Scene
with ProcessJail() as jail:
    fine = Check(1, "def check(scene):\\n    expect(True, 'size', 'fine')\\n")
    print(jail.run([fine], Scene((9, 9), (), ()))[0].status)
"""
    fill = "mount -t tmpfs -o size=4k none /dev/shm && head -c 4096 /dev/zero > /dev/shm/full"
    full = [*["unshare", "--mount", "sh", "-c"], f'{fill} && ! echo more > /dev/shm/more && exec "$@"', "sh"]
    done = subprocess.run([*full, sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"cannot fill a /dev/shm of its own: {done.stderr.strip()}")
    assert done.stdout == "ok\n", done.stderr


def test_memory_that_is_refused_is_unavailable_and_passes(
    monkeypatch: pytest.MonkeyPatch, own_jail: ProcessJail
) -> None:
    def none_left(name: str, flags: int = 0) -> int:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    empty = Scene((9, 9), (), ())
    with monkeypatch.context() as patch:
        patch.setattr(os, "memfd_create", none_left)
        assert statuses(own_jail.run([Check(1, FINE)], empty)) == ["sandbox_unavailable"]
    assert statuses(own_jail.run([Check(1, FINE)], empty)) == ["ok"]
