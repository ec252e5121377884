"""Several answers to one request: which of them counts, how many agree with it, and what is to be mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from ..sandbox import Check, Jail, Outcome
from ..scene import Scene
from ..schema import Edit, Proof
from .counterfactuals import Broken, break_on_purpose
from .draft import Candidate, Draft
from .proof import CHALLENGED_REFERENCES, Reference, challenge

T = TypeVar("T", str, Edit)

SHOWN: Final = 3
"""How many unnoticed edits an author is shown by an example."""

_STAGES: Final = ("declined", "answer", "syntax", "language", "unlearned", "", "false alarm", "blind")
"""Why candidates were turned down, those that got least far first; "" is for all that the sandbox stopped."""


def chosen(candidates: Sequence[Candidate], references: Sequence[Reference], jail: Jail) -> Candidate:
    """The candidate that counts, or the one that is nearest to it: proven, and noticing most, and short.

    Which edits are to be noticed is what most of the proven ones say, so that none wins by asking for more
    than the sentence does.
    """
    proven = [candidate for candidate in candidates if candidate.stands]
    if not proven:
        return max(candidates, key=_how_far)
    drafts = [candidate.draft for candidate in proven if candidate.draft]
    if len({draft.code for draft in drafts}) == 1:
        return proven[0]
    labels, edits = _of_most(draft.labels for draft in drafts), _of_most(draft.breaks for draft in drafts)
    scenes = [reference.scene for reference in references]

    def notices(candidate: Candidate) -> tuple[int, int]:
        code = candidate.attempt.code
        return sum(c.caught for c in challenge(code, labels, edits, scenes, jail)), -len(code)

    return max(proven, key=notices)


def agreement(
    winner: Candidate, candidates: Sequence[Candidate], references: Sequence[Reference], jail: Jail
) -> float:
    """Share of the candidates, 0 to 1, that say the same as the winner of every Scene that it is proven on.

    These are the reference Scenes and the ways in which they were broken. An answer without a check that
    runs says nothing, and so agrees with nobody.
    """
    if winner.draft is None:
        return 0.0
    votes = Counter(candidate.attempt.code for candidate in candidates if candidate.proof)
    codes = list(votes)
    checks = [Check(number, code) for number, code in enumerate(codes, start=1)]
    said: dict[str, list[str]] = {code: [] for code in codes}
    for scene in _scenes(winner.draft, references):
        for code, outcome in zip(codes, jail.run(checks, scene), strict=True):
            said[code].append(_said(outcome))
    same = [code for code in codes if said[code] == said[winner.draft.code]]
    return sum(votes[code] for code in same) / len(candidates)


def unnoticed_examples(proof: Proof, references: Sequence[Reference]) -> list[str]:
    """For edits that a check did not notice, on which part of which reference picture they were done."""
    blind = [c for c in proof.counterfactuals if not c.caught]
    noticed = {c.edit for c in proof.counterfactuals if c.caught}
    # An edit that was noticed on another label may well mean nothing to this one.
    told = [c for c in blind if c.edit not in noticed] or blind
    lines = []
    for c in told[:SHOWN]:
        for name, scene, broken in _broken(references, [c.label], [c.edit]):
            lines.append(
                f"in {name} {_part_in_words(scene, broken)} was {c.edit}, and every expect still passed"
            )
            break
    return lines


def _how_far(candidate: Candidate) -> tuple[int, int, int, int]:
    failure, proof = candidate.attempt.failure or "", candidate.proof
    alarms = len(proof.false_alarms) if proof else 0
    caught = sum(c.caught for c in proof.counterfactuals) if proof else 0
    stage = _STAGES.index(failure if failure in _STAGES else "")
    return stage, -alarms, caught, -len(candidate.attempt.code)


def _of_most(lists: Iterable[Sequence[T]]) -> list[T]:
    """What stands in at least half of the lists."""
    every = [set(one) for one in lists]
    votes = Counter(item for one in every for item in one)
    return sorted(item for item, count in votes.items() if 2 * count >= len(every))


def _scenes(draft: Draft, references: Sequence[Reference]) -> Iterator[Scene]:
    yield from (reference.scene for reference in references)
    for _, _, broken in _broken(references[:CHALLENGED_REFERENCES], draft.labels, draft.breaks):
        yield from broken.scenes


def _broken(
    references: Sequence[Reference], labels: Sequence[str], edits: Sequence[Edit]
) -> Iterator[tuple[str, Scene, Broken]]:
    for name, scene in references:
        for broken in break_on_purpose(scene, labels, edits):
            yield name, scene, broken


def _part_in_words(scene: Scene, broken: Broken) -> str:
    """The part that was edited, with its place before it was, or where it was put."""
    after = broken.scenes[0]
    gone = [part for part in scene.all_parts if part not in after.all_parts]
    new = [part for part in after.all_parts if part not in scene.all_parts]
    part = (gone or new)[0]
    x, y = part.center
    return f"the {part.label} at x={x:.0f}, y={y:.0f}"


def _said(outcome: Outcome) -> str:
    if outcome.status != "ok":
        return "undecided"
    return "passed" if all(expectation.passed for expectation in outcome.expectations) else "failed"
