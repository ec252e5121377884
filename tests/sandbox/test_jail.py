"""The jail answers every check exactly once, whatever happens to its processes, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from logisight.sandbox import Check, Limits, Outcome, ProcessJail
from logisight.sandbox.jail import MAX_BOOKS
from logisight.sandbox.processes import Book, CompileLostError
from logisight.scene import Part, Scene

FINE = 'def check(scene):\n    expect(True, "size", "fine")\n'
LOOP = 'def check(scene):\n    while True:\n        pass\n    expect(True, "size", "never")\n'


@pytest.fixture
def own_jail() -> Iterator[ProcessJail]:
    """A jail of the test's own, for tests that break it."""
    with ProcessJail(Limits(seconds=5)) as jail:
        yield jail


def children(pid: int) -> dict[int, str]:
    """Direct children of a process -> their state, Z for a zombie."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == pid:
            found[int(folder.name)] = state
    return found


def descendants(pid: int) -> dict[int, str]:
    below = children(pid)
    for child in list(below):
        below |= descendants(child)
    return below


def ticks(pid: int) -> int:
    """Processor time of a process, in hundredths of a second: an idle or new one has none."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def launcher_of(jail: ProcessJail) -> int:
    assert jail._launcher is not None
    return jail._launcher.pid


def statuses(outcomes: list[Outcome]) -> list[str]:
    return [outcome.status for outcome in outcomes]


def while_looping(jail: ProcessJail, scene: Scene, act: Callable[[int, int], None]) -> list[Outcome]:
    """Run fine, loop, fine; call `act(book, child)` once the loop runs."""
    jail.run([Check(0, FINE)], scene)
    launcher = launcher_of(jail)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(jail.run, [Check(1, FINE), Check(2, LOOP), Check(3, FINE)], scene)
        while not running.done():
            pairs = [(book, child) for book in children(launcher) for child in children(book)]
            if pairs and ticks(pairs[0][1]) >= 10:
                act(*pairs[0])
                break
        return running.result()


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


def test_many_runs_leave_no_descriptor_and_no_process(scene: Scene) -> None:
    with ProcessJail(Limits(seconds=0.02)) as jail:

        def used() -> list[Any]:
            launcher = launcher_of(jail)
            processes = [os.getpid(), launcher, *children(launcher)]
            return [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in processes] + [
                descendants(os.getpid()).keys()
            ]

        loop = [Check(1, FINE), Check(2, LOOP), Check(3, FINE)]
        jail.run(loop, scene)
        jail.run([Check(1, FINE)], scene)
        before = used()
        for _ in range(20):
            jail.run(loop, scene)
        for _ in range(180):
            jail.run([Check(1, FINE)], scene)
        assert used() == before
        assert "Z" not in descendants(os.getpid()).values()


def test_old_books_are_closed(scene: Scene, own_jail: ProcessJail) -> None:
    for number in range(MAX_BOOKS + 3):
        own_jail.run([Check(number, f"# {number}\n{FINE}")], scene)
    own_jail.run([Check(0, FINE)], scene)
    alive = [state for state in children(launcher_of(own_jail)).values() if state != "Z"]
    assert len(alive) == MAX_BOOKS


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


def test_interrupted_run_leaves_a_jail_that_works(own_jail: ProcessJail, scene: Scene) -> None:
    own_jail.run([Check(1, FINE)], scene)
    launcher = launcher_of(own_jail)

    def interrupt() -> None:
        while not any(children(book) for book in children(launcher)):
            pass
        signal.pthread_kill(main.ident, signal.SIGINT)  # type: ignore[arg-type]

    main = threading.current_thread()
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        own_jail.run([Check(1, LOOP)], scene)
    thread.join()
    assert launcher not in descendants(os.getpid())
    assert statuses(own_jail.run([Check(1, FINE)], scene)) == ["ok"]


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


def test_outcomes_are_plain_json(jail: ProcessJail, scene: Scene) -> None:
    code = "def check(scene):\n    expect(True, 'size', 'fine', (1, 2), 1.5, scene.grid(1, 2))\n"
    outcome = jail.run([Check(1, code)], scene)[0]
    assert Outcome.model_validate(json.loads(outcome.model_dump_json())) == outcome
