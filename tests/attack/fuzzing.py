"""What must hold of any text at all that the jail is given as a rule."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import get_args

from attack.whole import AFTER, Whole, is_as_ever
from attack.world import is_wild, numbers_of, texts_of
from logisight.sandbox import Check, OutcomeStatus


def wrong_with(whole: Whole, texts: list[str], counts: Counter[str] | None = None) -> list[str]:
    """What does not hold after these texts were run as one rulebook; empty when all is well.

    `counts` takes in how each ended.
    """
    launcher = whole.launcher
    checks = [Check(number, text) for number, text in enumerate([*texts, AFTER])]
    outcomes = whole.jail.run(checks, whole.scene)
    wrong = [f"effect: {effect}" for effect in whole.world.seen()]
    if [outcome.number for outcome in outcomes] != list(range(len(checks))):
        return [*wrong, "not one outcome a rule, in order"]
    if counts is not None:
        counts.update(outcome.status for outcome in outcomes[:-1])
    if not is_as_ever(outcomes[-1]):
        wrong.append(f"the rule after: {outcomes[-1]}")
    for outcome in outcomes[:-1]:
        if outcome.status not in get_args(OutcomeStatus) or outcome.status in (
            "sandbox_unavailable",
            "killed_by_policy",
        ):
            wrong.append(f"status {outcome.status}: {outcome.message}")
        if outcome.status != "ok" and (outcome.expectations or not outcome.message):
            wrong.append(f"an answer without a reason, or too much of one: {outcome}")
        wrong += [f"tells: {effect}" for effect in whole.world.told(texts_of(outcome))]
        wrong += ["a wild number" for number in numbers_of(outcome) if is_wild(number)]
    if whole.launcher != launcher:
        wrong.append("the launcher was lost")
    if whole.strangers():
        wrong.append("a process is left")
    if any(not part.mask.all() for part in whole.scene.all_parts):
        wrong.append("a mask was changed")
    return wrong


def descriptors() -> int:
    """How many this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))
