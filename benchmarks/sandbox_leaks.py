"""What the processes of the sandbox hold: memory of a child at work, and what many runs leave behind."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
from rich.progress import Progress

from ..sandbox import Check, ProcessJail
from ..sandbox.outcome import Limits
from ..scene import Part, Scene

FINE: Final = 'def check(scene):\n    expect(len(scene.parts("pin")) == 1, "quantity", "one pin")\n'
WRONG: Final = 'def check(scene):\n    expect(scene.part("nail").area > 1, "size", "never")\n'
LOOP: Final = 'def check(scene):\n    while True:\n        pass\n    expect(True, "size", "never")\n'
WARM: Final = 2000
"""Runs before the first count, in which caches of Python and of the C library fill."""
_MB: Final = 1024 * 1024


def find_leaks(runs: int, progress: Progress) -> str:
    """What this process and the launcher hold before and after that many runs, as Markdown.

    One run in 50 asks for a part that is not there, one in 500 loops until it is stopped, each 100th brings
    a new scene, and each 1,000th another rulebook.
    """
    with ProcessJail(Limits(seconds=0.05)) as jail:
        task = progress.add_task("runs", total=runs)
        _go_through(WARM, jail)
        before, start = _held(jail), time.monotonic()
        statuses: dict[str, int] = {}
        for status in _statuses(runs, jail):
            statuses[status] = statuses.get(status, 0) + 1
            progress.advance(task)
        seconds, after = time.monotonic() - start, _held(jail)
    rows = [f"| {name} | {before[name]:,} | {after[name]:,} |" for name in before]
    ended = ", ".join(f"{number:,} {status}" for status, number in sorted(statuses.items()))
    said = f"{runs:,} runs in {seconds:,.0f} s: {ended}."
    return "\n".join([said, "", f"| held | after {WARM:,} runs | after all |", "|---|---|---|", *rows])


def private_memory(scene: Scene, codes: Sequence[str]) -> float | None:
    """Largest private memory in MB of a child that runs the rules and then goes on for a second.

    None where this user may not look at it: only root may.
    """
    checks = [Check(number, code) for number, code in enumerate([*codes, LOOP])]
    most = 0.0
    with ProcessJail() as jail, ThreadPoolExecutor(1) as pool:
        jail.run(checks[:1], scene)
        running = pool.submit(jail.run, checks, scene)
        while not running.done():
            for book in _children(_launcher(jail)):
                most = max([most, *map(_private, _children(book))])
    return most or None


def _go_through(runs: int, jail: ProcessJail) -> None:
    for _ in _statuses(runs, jail):
        pass


def _statuses(runs: int, jail: ProcessJail) -> Iterator[str]:
    """How each of that many runs ended."""
    for number in range(runs):
        if number % 100 == 0:
            scene = _scene(number)
        usual = f"# {number // 1000 % 7}\n{FINE}"
        rule = LOOP if number % 500 == 499 else WRONG if number % 50 == 49 else usual
        yield jail.run([Check(number, rule)], scene)[0].status


def _scene(number: int) -> Scene:
    pin = Part("pin", np.ones((4 + number % 9, 6), np.bool_), (5, 5), (50.0, 0.0, 0.0))
    return Scene((64, 48), ("pin", "nail"), (pin,))


def _held(jail: ProcessJail) -> dict[str, int]:
    """What there is of everything that could leak; what the kernel still clears up is waited for."""
    me, launcher = os.getpid(), _launcher(jail)
    end = time.monotonic() + 10
    while any(_state(pid) == "Z" for pid in _below(me)) and time.monotonic() < end:
        time.sleep(0.05)
    below = _below(me)
    books = _children(launcher)
    return {
        "descriptors of this process": len(_links(me)),
        "descriptors of the launcher": len(_links(launcher)),
        "descriptors of a book, at most": max([len(_links(book)) for book in books], default=0),
        "memfds of this process": sum("memfd:" in link for link in _links(me)),
        "files in /dev/shm": len(list(Path("/dev/shm").iterdir())),  # noqa: S108  (it is only looked at)
        "processes": len(below),
        "zombies": sum(_state(pid) == "Z" for pid in below),
        "memory of this process, MB": _resident(me),
        "memory of the launcher, MB": _resident(launcher),
        "memory of a book, at most, MB": max(map(_resident, books), default=0),
    }


def _launcher(jail: ProcessJail) -> int:
    return jail._launcher.pid if jail._launcher else 0


def _children(pid: int) -> list[int]:
    """Whichever of its threads has started them."""
    tasks = [path.name for path in Path(f"/proc/{pid}/task").glob("*")]
    return [int(child) for task in tasks for child in _read(pid, f"task/{task}/children").split()]


def _below(pid: int) -> list[int]:
    children = _children(pid)
    return [*children, *(further for child in children for further in _below(child))]


def _links(pid: int) -> list[str]:
    try:
        return [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    except OSError:
        return []


def _state(pid: int) -> str:
    return _read(pid, "stat").rpartition(")")[2].strip()[:1]


def _resident(pid: int) -> int:
    return int((_read(pid, "statm").split() or ["0", "0"])[1]) * os.sysconf("SC_PAGE_SIZE") // _MB


def _private(pid: int) -> float:
    lines = _read(pid, "smaps_rollup").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except OSError:  # it is gone, or nobody may look at it
        return ""
