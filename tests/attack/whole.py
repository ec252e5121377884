"""The whole jail as attacks meet it, and what can be seen of them from outside while it stands."""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from unittest import mock

import numpy as np
from attack.corpus import TELLS, Attack
from attack.recorder import small_scene
from attack.world import SECRET_NAME, World, descendants, is_wild, numbers_of, texts_of
from logisight.sandbox import Check, Limits, Outcome, ProcessJail
from logisight.sandbox.layers import ALL_LAYERS, Layer

PLAIN: Final = "#!plain python\n"
"""Marks a text that a breached jail runs as plain Python; see breach/sitecustomize.py."""
LIMITS: Final = Limits(seconds=0.3, memory_mb=64)
AFTER: Final = """\
def check(scene):
    pins, box, left = scene.parts('pin'), scene.part('box'), scene.region('left half')
    same = len([1, 2]) == 2 and sorted([2, 1]) == [1, 2] and max([1, 3, 2]) == 3 and str(7) == '7'
    same = same and scene.size == (64, 48) and scene.labels == ('box', 'pin', 'washer')
    same = same and len(pins) == 3 and len(left.parts('pin')) == 3 and left.box == (0.0, 0.0, 32.0, 48.0)
    same = same and box.area == 1200 and sum(pin.area for pin in pins) == 72 and pins[0].overlap(box) == 1.0
    expect(same, 'quantity', 'all is as ever', 3, len(pins), parts=pins)
"""
"""What a rule that runs after an attack sees: all as it should be."""
_SLACK_MB: Final = 24
_WATCHED_SLACK_MB: Final = 256
"""Where the parent looks now and then, and nothing else holds."""
_MB: Final = 1024 * 1024
_PATIENCE: Final = 2000
"""Looks at the processes until those that were ended are gone."""


class Whole:
    """A jail with an attack's aims around it. `breached` lets texts marked as plain run as plain Python."""

    def __init__(self, *, breached: bool = False, layers: frozenset[Layer] = ALL_LAYERS) -> None:
        self.secret = f"sesame-{os.getpid()}"
        self.world = World(self.secret)
        self.breached = breached
        self.jail = ProcessJail(LIMITS, layers)
        self.scene = small_scene()
        slack = _SLACK_MB if Layer.rlimits in layers else _WATCHED_SLACK_MB
        self._most = (LIMITS.memory_mb + slack) * _MB
        self._stack = ExitStack()
        path = [str(Path(__file__).with_name("breach"))] if breached else []
        path += os.environ.get("PYTHONPATH", "").split(os.pathsep)
        environment = {SECRET_NAME: self.secret, "PYTHONPATH": os.pathsep.join(filter(None, path))}
        self._stack.enter_context(mock.patch.dict(os.environ, environment))
        (fine,) = self.jail.run([Check(1, AFTER)], self.scene)
        if not is_as_ever(fine):
            raise RuntimeError(f"the jail is of no use: {fine}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.jail.close()
        self._stack.close()
        self.world.close()

    @property
    def launcher(self) -> int:
        """Process number."""
        assert self.jail._launcher
        return self.jail._launcher.pid

    def text(self, attack: Attack) -> str:
        """The text of an attack as this jail is to run it."""
        if not self.breached:
            return self.world.filled(attack.text)
        tail = "" if attack.probe else "\ndef expect(*given, **named):\n    pass\ncheck(scene)\n"
        return PLAIN + self.world.filled(attack.text) + tail

    def effects(self, attack: Attack) -> tuple[set[str], list[Outcome]]:
        """What an attack brings about, and the outcomes of itself and of the rule after it.

        The rule after a hostile rule runs in the same process; after plain Python, which can do there as it
        likes, in the next one on the same sealed scene.
        """
        launcher, after = self.launcher, Check(2, AFTER)
        checks = [Check(1, self.text(attack))]
        try:
            with self._peak() as peak:
                outcomes = self.jail.run(checks if self.breached else [*checks, after], self.scene)
                if self.breached:
                    outcomes += self.jail.run([after], self.scene)
        except Exception:  # noqa: BLE001  (a jail that raises is what an attack wants)
            return {"parent"}, []
        effects = self.world.seen() | self.told(attack, outcomes)
        if peak[0] > self._most:
            effects.add("room")
        if self.launcher != launcher or not self.jail._launcher.alive:
            effects.add("signal")
        if self.strangers():
            effects.add("process")
        if not all(np.array_equal(a.mask, b.mask) for a, b in self._parts()):
            effects.add("mask")
        return effects, outcomes

    def told(self, attack: Attack, outcomes: list[Outcome]) -> set[str]:
        """What the outcomes show."""
        if [outcome.number for outcome in outcomes] != [1, 2]:
            return {"outcomes"}
        effects = set() if is_as_ever(outcomes[1]) else {"outcomes"}
        texts = [text for outcome in outcomes for text in texts_of(outcome)]
        if any(is_wild(number) for outcome in outcomes for number in numbers_of(outcome)):
            effects.add("number")
        if sum(len(text) for text in texts) > LIMITS.output_bytes:
            effects.add("flood")
        if attack.wants in TELLS and TELLS[attack.wants] in texts:
            effects.add(attack.wants)
        return effects | self.world.told(texts)

    def strangers(self) -> list[int]:
        """Processes below the launcher that are neither a book of the jail nor its one waiting child."""
        for _ in range(_PATIENCE):
            below = descendants(self.launcher)
            books = [pid for pid, parent in below.items() if parent == self.launcher]
            waiting = [pid for pid, parent in below.items() if parent in books]
            strange = [pid for pid in below if pid not in books and pid not in waiting]
            if not strange and len(books) <= len(self.jail._idle) and len(waiting) <= len(books):
                return []
        return strange or books

    def _parts(self):
        return zip(self.scene.all_parts, small_scene().all_parts, strict=True)

    @contextmanager
    def _peak(self) -> Iterator[list[int]]:
        """The most memory that a process below the launcher holds beyond the launcher's own, in bytes."""
        peak, done, launcher = [0], threading.Event(), self.launcher
        own = resident(launcher)

        def look() -> None:
            while not done.wait(0.004):
                peak[0] = max([peak[0], *(resident(pid) - own for pid in descendants(launcher))])

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield peak
        finally:
            done.set()
            thread.join()


def is_as_ever(outcome: Outcome) -> bool:
    """Whether the rule `AFTER` saw what it should."""
    made = outcome.expectations
    return (
        outcome.status == "ok"
        and [(one.passed, one.reason, one.actual, one.parts) for one in made]
        == [(True, "all is as ever", 3, [1, 2, 3])]
    )  # fmt: skip


def resident(pid: int) -> int:
    """Bytes of memory of a process; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * mmap.PAGESIZE
    except (OSError, IndexError):
        return 0
