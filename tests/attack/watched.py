"""Tries attacks where only the parent holds: its wall clock, and its watch on memory while it waits."""

from __future__ import annotations

from typing import Final

from attack.alone import Trial
from attack.whole import Whole
from logisight.sandbox.layers import ALWAYS_ON, Layer

PARENT: Final = (Layer.clock,)
"""Layers that only the jail's own parent can try."""


def try_watched(trials: list[Trial]) -> list[Trial]:
    """Run trials of the parent's layer alone, in a jail whose language layers are broken open."""
    if trials:
        with Whole(breached=True, layers=ALWAYS_ON | set(PARENT)) as whole:
            for trial in trials:
                trial.effects, _ = whole.effects(trial.attack)
    return trials
