"""What is to be seen of the processes of a jail in /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from logisight.sandbox import Check, Outcome, ProcessJail
from logisight.scene import Scene

FINE: Final = 'def check(scene):\n    expect(True, "size", "fine")\n'
LOOP: Final = 'def check(scene):\n    while True:\n        pass\n    expect(True, "size", "never")\n'
_PATIENCE: Final = 60.0
"""Seconds after which something that must happen soon counts as never."""


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
    """Children, their children, and so on -> their state."""
    below = children(pid)
    for child in list(below):
        below |= descendants(child)
    return below


def descriptors(pid: int) -> int:
    """How many a process has open; 0 where it is gone."""
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def launcher_of(jail: ProcessJail) -> int:
    """Process number of the jail's launcher, which must run."""
    assert jail._launcher is not None
    return jail._launcher.pid


def eventually(seen: Callable[[], bool]) -> bool:
    """Whether what must happen soon happens; for what the kernel does in its own time."""
    end = time.monotonic() + _PATIENCE
    while not seen():
        if time.monotonic() > end:
            return False
        os.sched_yield()
    return True


def busy_child(jail: ProcessJail) -> tuple[int, int] | None:
    """(book, child) of a child that has run for a tenth of a second, and not only waits for its scene."""
    for book in children(launcher_of(jail)):
        for child in children(book):
            if _ticks(child) >= 10:
                return book, child
    return None


def while_looping(jail: ProcessJail, scene: Scene, act: Callable[[int, int], None]) -> list[Outcome]:
    """Run fine, loop, fine; call `act(book, child)` once the loop runs."""
    jail.run([Check(1, FINE)], scene)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(jail.run, [Check(1, FINE), Check(2, LOOP), Check(3, FINE)], scene)
        while not running.done():
            if found := busy_child(jail):
                act(*found)
                break
        return running.result()


def statuses(outcomes: list[Outcome]) -> list[str]:
    """How each ended."""
    return [outcome.status for outcome in outcomes]


def _ticks(pid: int) -> int:
    """Processor time of a process, in hundredths of a second: an idle or new one has none."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])
    except (FileNotFoundError, ProcessLookupError):
        return 0
