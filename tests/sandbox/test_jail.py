"""The jail answers every check exactly once, in order, and gives back its processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from logisight.sandbox import Check, Limits, Outcome, ProcessJail
from logisight.sandbox.jail import MAX_BOOKS
from logisight.scene import Part, Scene
from proc_tree import FINE, LOOP, children, descendants, eventually, launcher_of, statuses


@pytest.fixture
def own_jail() -> Iterator[ProcessJail]:
    """A jail of the test's own, for tests that break it."""
    with ProcessJail(Limits(seconds=5)) as jail:
        yield jail


def test_no_checks_give_no_outcomes(jail: ProcessJail, scene: Scene) -> None:
    assert jail.run([], scene) == []


def test_outcomes_keep_numbers_and_order(jail: ProcessJail, scene: Scene) -> None:
    broken = "def check(scene):\n    nonsense(\n"
    checks = [Check(5, FINE), Check(3, broken), Check(5, FINE), Check(-1, broken)]
    outcomes = jail.run(checks, scene)
    assert [(o.number, o.status) for o in outcomes] == [(5, "ok"), (3, "refused"), (5, "ok"), (-1, "refused")]
    assert outcomes[1].line == 2


def test_all_refused_rules_are_answered(jail: ProcessJail, scene: Scene) -> None:
    assert statuses(jail.run([Check(1, ""), Check(2, "import os")], scene)) == ["refused", "refused"]


def test_time_is_reported_and_limits_are_named(scene: Scene) -> None:
    with ProcessJail(Limits(seconds=0.2, memory_mb=64, output_bytes=1000)) as jail:
        big = "def check(scene):\n    x = 'a' * 10 ** 8\n    expect(True, 'size', 'x')\n"
        long = "def check(scene):\n    for i in range(99):\n        expect(True, 'size', 'x')\n"
        loop, memory, output = jail.run([Check(1, LOOP), Check(2, big), Check(3, long)], scene)
    assert (loop.status, loop.message) == ("timeout", "rule ran longer than 0.2 s and was stopped")
    assert loop.seconds >= 0.2
    assert (memory.status, memory.line) == ("out_of_memory", 2)
    assert memory.message == "rule needed more than 64 MB of memory and was stopped"
    assert output.message == "rule reported more than 1,000 bytes and was stopped"


def test_scene_without_parts_can_be_judged(jail: ProcessJail) -> None:
    code = "def check(scene):\n    expect(scene.parts('pin') == [], 'quantity', 'none')\n"
    assert jail.run([Check(1, code)], Scene((9, 9), ("pin",), ()))[0].expectations[0].passed


def test_sets_are_walked_in_the_same_order_every_time(scene: Scene) -> None:
    code = "def check(scene):\n    expect(True, 'size', f'{[x for x in set(scene.labels)]}')\n"
    reasons = set()
    for _ in range(2):
        with ProcessJail() as jail:
            reasons.add(jail.run([Check(1, code)], scene)[0].expectations[0].reason)
    assert len(reasons) == 1


def test_old_books_are_closed(scene: Scene, own_jail: ProcessJail) -> None:
    for number in range(MAX_BOOKS + 3):
        own_jail.run([Check(number, f"# {number}\n{FINE}")], scene)
    own_jail.run([Check(0, FINE)], scene)
    assert eventually(lambda: len(children(launcher_of(own_jail))) == MAX_BOOKS)


def test_closing_ends_all_processes_and_a_later_run_starts_again(scene: Scene) -> None:
    jail = ProcessJail()
    jail.close()
    jail.run([Check(1, FINE)], scene)
    launcher, below = launcher_of(jail), descendants(launcher_of(jail))
    assert below
    jail.close()
    jail.close()
    assert launcher not in children(os.getpid())
    assert not any(Path(f"/proc/{pid}").exists() for pid in below)
    assert statuses(jail.run([Check(1, FINE)], scene)) == ["ok"]
    jail.close()


def test_four_threads_share_a_jail(jail: ProcessJail) -> None:
    def scene_of(count: int) -> Scene:
        dot = np.ones((2, 2), np.bool_)
        parts = tuple(Part("pin", dot, (3 * i, 0), (50.0, 0.0, 0.0)) for i in range(count))
        return Scene((99, 9), ("pin",), parts)

    def count_often(count: int) -> bool:
        code = "def check(scene):\n    expect(True, 'quantity', 'n', actual=len(scene.parts('pin')))\n"
        runs = [jail.run([Check(count, code)], scene_of(count)) for _ in range(15)]
        return all((o.number, o.expectations[0].actual) == (count, count) for (o,) in runs)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(count_often, [1, 4, 9, 16]))


def test_terminal_signals_do_not_reach_the_launcher(jail: ProcessJail, scene: Scene) -> None:
    jail.run([Check(1, FINE)], scene)
    assert os.getsid(launcher_of(jail)) == launcher_of(jail) != os.getsid(0)


def test_forked_process_starts_a_launcher_of_its_own(scene: Scene) -> None:
    program = """
import os
import numpy as np
from logisight.sandbox import Check, ProcessJail
from logisight.scene import Scene
fine = Check(1, "def check(scene):\\n    expect(True, 'size', 'fine')\\n")
scene = Scene((9, 9), (), ())
jail = ProcessJail()
jail.run([fine], scene)
before = jail._launcher.pid
if os.fork() == 0:
    status = jail.run([fine], scene)[0].status
    other = jail._launcher.pid != before
    jail.close()
    os._exit(0 if status == "ok" and other else 1)
code = os.waitstatus_to_exitcode(os.wait()[1])
assert jail.run([fine], scene)[0].status == "ok" and jail._launcher.pid == before
raise SystemExit(code)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_program_that_never_closes_its_jail_ends_cleanly() -> None:
    program = """
from logisight.sandbox import Check, ProcessJail
from logisight.scene import Scene
jail = ProcessJail()
jail.run([Check(1, "def check(scene):\\n    expect(True, 'size', 'fine')\\n")], Scene((9, 9), (), ()))
print(jail._launcher.pid)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert not Path(f"/proc/{done.stdout.strip()}").exists()


def test_book_has_no_rights_and_cannot_get_any(jail: ProcessJail, scene: Scene) -> None:
    jail.run([Check(1, FINE)], scene)
    for book in children(launcher_of(jail)):
        status = dict(
            line.split(":\t")
            for line in Path(f"/proc/{book}/status").read_text().splitlines()
            if ":\t" in line
        )
        assert status["NoNewPrivs"] == "1"
        assert "0" not in status["Uid"].split() + status["Gid"].split()
        assert int(status["CapEff"], 16) == 0
        assert int(status["Threads"]) == 1


def test_other_platforms_get_a_clear_answer(monkeypatch: pytest.MonkeyPatch, scene: Scene) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    outcomes = ProcessJail().run([Check(1, FINE), Check(2, FINE)], scene)
    assert statuses(outcomes) == ["sandbox_unavailable"] * 2
    assert outcomes[0].message == "the sandbox needs Linux, this is win32; no rule was judged"


def test_package_imports_without_the_modules_of_unix() -> None:
    program = (
        "import sys\nfor name in ('fcntl', 'resource', 'pwd', 'grp', 'termios'): sys.modules[name] = None\n"
        "import logisight.sandbox as s\nprint(len(s.inspect_code('import os')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert int(done.stdout) > 0, done.stderr


def test_outcomes_are_plain_json(jail: ProcessJail, scene: Scene) -> None:
    code = "def check(scene):\n    expect(True, 'size', 'fine', (1, 2), 1.5, scene.grid(1, 2))\n"
    outcome = jail.run([Check(1, code)], scene)[0]
    assert Outcome.model_validate(json.loads(outcome.model_dump_json())) == outcome
