"""Proving a check: it must pass on the reference pictures and notice Scenes that were broken on purpose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ..sandbox import Check, Jail, Outcome
from ..scene import Scene
from ..schema import Counterfactual, Edit, Proof
from .counterfactuals import Broken, break_on_purpose
from .rulebook import code_hash

CHALLENGED_REFERENCES = 3
"""Counterfactuals are made of so many reference Scenes, and of more where a label needs one that shows it."""

SHOWN = 3
"""How many failing references an author is shown."""


class Reference(NamedTuple):
    """A reference picture's name and its Scene."""

    name: str
    scene: Scene


def run_check(jail: Jail, code: str, scene: Scene) -> Outcome:
    """What one check says of one Scene."""
    (outcome,) = jail.run([Check(1, code)], scene)
    return outcome


def prove(
    code: str,
    labels: Sequence[str],
    breaks: Sequence[Edit],
    references: Sequence[Reference],
    jail: Jail,
    most_false_alarms: float = 0.0,
) -> Proof:
    """Run a check on every reference and on counterfactuals of some; what it failed at is in `evidence`.

    `breaks` are the edits, done to parts of `labels`, that the check must notice; `most_false_alarms` is the
    share of references on which it may fail and still count.
    """
    outcomes = {reference.name: run_check(jail, code, reference.scene) for reference in references}
    complaints = {name: _complaint(outcome) for name, outcome in outcomes.items()}
    alarms = [name for name, complaint in complaints.items() if complaint]
    proof = Proof(
        code_sha256=code_hash(code),
        references=len(references),
        false_alarms=alarms,
        stopped={name: outcome.status for name, outcome in outcomes.items() if outcome.status != "ok"},
    )
    if proof.false_alarm_rate > most_false_alarms:
        shown = [f"fails on reference {name}: {complaints[name]}" for name in alarms[:SHOWN]]
        more = len(alarms) - SHOWN
        shown += [f"and on {more} more reference pictures"] if more > 0 else []
        return proof.model_copy(update={"evidence": shown})
    passed = [reference.scene for reference in references if not complaints[reference.name]]
    tried = challenge(code, labels, breaks, passed, jail)
    return proof.model_copy(update={"counterfactuals": tried, "evidence": unnoticed(tried, labels, breaks)})


def challenge(
    code: str, labels: Sequence[str], breaks: Sequence[Edit], scenes: Sequence[Scene], jail: Jail
) -> list[Counterfactual]:
    """How often the check noticed each kind of edit on parts of each label, in some of the Scenes."""
    showing = {label: [scene for scene in scenes if scene.parts(label)] for label in labels}
    donors = {label: shown[0].parts(label)[0] for label, shown in showing.items() if shown}
    first_of_each = [shown[0] for shown in showing.values() if shown]
    tried: Counter[tuple[Edit, str]] = Counter()
    caught: Counter[tuple[Edit, str]] = Counter()
    for scene in dict.fromkeys([*scenes[:CHALLENGED_REFERENCES], *first_of_each]):
        for broken in break_on_purpose(scene, labels, breaks, donors):
            tried[broken.edit, broken.label] += 1
            caught[broken.edit, broken.label] += _noticed(jail, code, broken)
    return [
        Counterfactual(edit=edit, label=label, tried=count, caught=caught[edit, label])
        for (edit, label), count in tried.items()
    ]


def unnoticed(tried: Sequence[Counterfactual], labels: Sequence[str], breaks: Sequence[Edit]) -> list[str]:
    """What a check should have noticed and did not: each edit on some label, and something on each label."""
    evidence = []
    for edit in breaks:
        of_edit = [c for c in tried if c.edit == edit]
        if not of_edit:
            evidence.append(f"no reference picture shows a {' or '.join(labels)} that could be {edit}")
        elif not any(c.caught for c in of_edit):
            done = sum(c.tried for c in of_edit)
            evidence.append(f"does not notice when a {' or '.join(labels)} is {edit} (0 of {done} times)")
    if evidence:
        return evidence
    noticed = {c.label for c in tried if c.caught}
    done_to = ", ".join(breaks)
    return [
        f"notices nothing that is done to a {label} ({done_to})" for label in labels if label not in noticed
    ]


def _noticed(jail: Jail, code: str, broken: Broken) -> bool:
    """Whether the check fails on one of the ways in which a Scene was broken.

    A check that tells that a range of amounts is expected may need more than one part removed or added; one
    that tells a single amount must notice the first.
    """
    ranges = False
    for scene in broken.scenes:
        outcome = run_check(jail, code, scene)
        if _fails(outcome):
            return True
        ranges |= any(e.kind == "quantity" and isinstance(e.expected, tuple) for e in outcome.expectations)
    return ranges and any(_fails(run_check(jail, code, scene)) for scene in broken.further)


def _fails(outcome: Outcome) -> bool:
    return outcome.status == "ok" and not all(expectation.passed for expectation in outcome.expectations)


def _complaint(outcome: Outcome) -> str:
    """Why an outcome is not a pass, or nothing."""
    if outcome.status != "ok":
        return outcome.message
    return "; ".join(expectation.reason for expectation in outcome.expectations if not expectation.passed)
