"""Rules that nobody has stated yet: sentences that all reference pictures bear out, for a person to accept.

    Scenes -> guesses -> those that say something new -> authored and proven -> proposals

A proposal becomes a rule only when somebody accepts it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import numpy as np
from langchain_core.language_models import BaseChatModel
from numpy.typing import NDArray

from ...sandbox import Check, Outcome
from ...scene import Scene
from ...schema import AuthorError, Edit, Record, Rule
from ..author import Authored, Bench, author_rule
from ..counterfactuals import break_on_purpose
from ..draft import Draft, Request
from ..learning import unknown_ranges
from ..llm.answers import in_one_line
from ..offline import compile_sentence
from ..reasoner import OfflineReasoner
from ..workshop import Workshop
from .amounts import amounts, conditions
from .facts import Facts, Guess, Strength
from .looks import colors, places, sizes, usual_places

MOST_PROPOSALS: Final = 12
"""A person looks at no more."""
MOST_ALIKE: Final = 3
"""Proposals of one of the weaker kinds, of which there are many, as long as there are others."""
MOST_GUESSES: Final = 150
FEW_REFERENCES: Final = 10
"""Fewer reference pictures than this may all show something by chance."""

_BROKEN_REFERENCES: Final = 2
"""Reference Scenes that are broken on purpose to see which rules notice what."""
_PARTS_EACH: Final = 2
"""Parts of each label that are edited in each way, in each of them."""
_WAYS: Final = 6
"""In which each of these edits is done."""

T = TypeVar("T")
Noticed = NDArray[np.bool_]
"""(K,) for K Scenes that were broken on purpose: whether a rule fails on each."""


class Proposal(Record):
    """A sentence that may be worth a rule, with what speaks for it and its proven check."""

    sentence: str
    evidence: str
    support: int
    """Reference pictures that show it."""
    references: int
    rule: Rule
    """As it will be kept when it is accepted, but for its number."""


class LeftOut(Record):
    """A sentence that is not proposed."""

    sentence: str
    reason: str


class Discovery(Record):
    """What was found, the strongest first."""

    proposals: list[Proposal]
    left_out: list[LeftOut] = []
    notes: list[str] = []


def discover(workshop: Workshop, on_step: Callable[[str], None] = lambda _: None) -> Discovery:
    """Sentences in the controlled English that are proven on the reference pictures of a product.

    Raises:
        AuthorError: There is no reference picture.
    """
    return settle(workshop, guesses(facts_of(workshop)), on_step=on_step)


def facts_of(workshop: Workshop) -> Facts:
    """What the reference pictures of a product have in common.

    Raises:
        AuthorError: There is no reference picture.
    """
    if not workshop.references:
        raise AuthorError(
            "rules are discovered in reference pictures and there are none; teach with --references DIR"
        )
    asked = workshop.request("")
    return Facts([reference.scene for reference in workshop.references], asked.labels, asked.containers)


def guesses(facts: Facts) -> list[Guess]:
    """What may be true of every good product, the strongest kinds of sentence first."""
    kinds = (amounts, conditions, places, sizes, colors, usual_places)
    found = {guess.sentence: guess for kind in kinds for guess in kind(facts)}
    return sorted(found.values(), key=lambda guess: guess.strength)[:MOST_GUESSES]


def settle(
    workshop: Workshop,
    guessed: Sequence[Guess],
    reasoner: BaseChatModel | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> Discovery:
    """The guesses, in their order, that are proven and say what neither the rulebook nor another one says.

    Their checks are written offline where their words can be read, and else by the reasoner.

    Raises:
        ModelError: The reasoner cannot be asked.
    """
    sieve = _Sieve(workshop, reasoner or OfflineReasoner(), _enough(guessed))
    candidates = [_Candidate(guess, workshop.request(guess.sentence)) for guess in guessed]
    sieve.look_at(candidates)
    postponed = []
    for candidate in candidates:
        on_step(candidate.guess.sentence)
        if sieve.has_room_for(candidate.guess.strength):
            sieve.take(candidate)
        else:
            postponed.append(candidate)
    for candidate in postponed:
        sieve.take(candidate)
    order = {candidate.guess.sentence: place for place, candidate in enumerate(candidates)}
    sieve.proposals.sort(key=lambda proposal: order.get(proposal.sentence, 0))
    notes = _cautions(len(workshop.references))
    return Discovery(proposals=sieve.proposals, left_out=sieve.left_out, notes=notes)


@dataclass
class _Candidate:
    """A guess on its way to a proposal."""

    guess: Guess
    request: Request
    draft: Draft | None = None
    """Its check as it is written offline, if it can be."""
    noticed: Noticed | None = None
    """None until its check has all its ranges."""
    alarm: str = ""
    """What its check says of a reference picture that it fails on."""


class _Sieve:
    """Takes guesses one after the other, and keeps those that are proven and new."""

    def __init__(self, workshop: Workshop, reasoner: BaseChatModel, broken: Sequence[int]) -> None:
        """`broken` are the places of the references that are broken to see what is noticed."""
        self.proposals: list[Proposal] = []
        self.left_out: list[LeftOut] = []
        self._alike: Counter[Strength] = Counter()
        self._workshop = workshop
        self._reasoner = reasoner
        self._broken = list(_broken(workshop, broken))
        book = workshop.product.rulebook().proven
        self._covered = np.zeros(len(self._broken), dtype=np.bool_)
        for noticed in self._notice([rule.code for rule in book]):
            self._covered |= noticed

    def look_at(self, candidates: Sequence[_Candidate]) -> None:
        """Write all checks that can be written offline and run them together, which spares most the proof."""
        whole = []
        for candidate in candidates:
            read = compile_sentence(candidate.request)
            candidate.draft = read if isinstance(read, Draft) else None
            if candidate.draft and not unknown_ranges(candidate.draft.code):
                whole.append(candidate)
        codes = [candidate.draft.code for candidate in whole if candidate.draft]
        for outcomes in self._run(codes, [reference.scene for reference in self._workshop.references]):
            for candidate, outcome in zip(whole, outcomes, strict=True):
                candidate.alarm = candidate.alarm or _complaint(outcome)
        for candidate, noticed in zip(whole, self._notice(codes), strict=True):
            candidate.noticed = noticed

    def has_room_for(self, strength: Strength) -> bool:
        """Whether there are not many of that kind yet."""
        return strength < Strength.place or self._alike[strength] < MOST_ALIKE

    def take(self, candidate: _Candidate) -> None:
        """Propose a guess, or say why not."""
        reason = self._reason_against(candidate) or self._propose(candidate)
        if reason:
            self.left_out.append(LeftOut(sentence=candidate.request.sentence, reason=in_one_line(reason)))

    def _reason_against(self, candidate: _Candidate) -> str:
        if candidate.alarm:
            return f"it does not hold on a reference picture: {candidate.alarm}"
        if candidate.guess.instead_of in {proposal.sentence for proposal in self.proposals}:
            return f"it is proposed as: {candidate.guess.instead_of}"
        draft = candidate.draft
        meant = {(edit, label) for edit in draft.breaks for label in draft.labels} if draft else set()
        if candidate.noticed is not None and not self._is_new(candidate.noticed, meant):
            return _NOTHING_NEW
        if len(self.proposals) == MOST_PROPOSALS:
            return f"{MOST_PROPOSALS} stronger ones are proposed"
        return ""

    def _propose(self, candidate: _Candidate) -> str:
        authored = self._authored(candidate)
        if authored.rule is None or authored.rule.proof is None:
            return _why_not(authored)
        (noticed,) = self._notice([authored.rule.code])
        if not self._is_new(noticed, {(c.edit, c.label) for c in authored.rule.proof.counterfactuals}):
            return _NOTHING_NEW
        self._covered |= noticed
        guess = candidate.guess
        self._alike[guess.strength] += 1
        self.proposals.append(
            Proposal(
                sentence=authored.rule.text,
                evidence=guess.evidence,
                support=len(guess.shown_by),
                references=len(self._workshop.references),
                rule=authored.rule,
            )
        )
        return ""

    def _authored(self, candidate: _Candidate) -> Authored:
        # Those that show it come first, since the first ones are broken on purpose to prove it.
        shown = candidate.guess.shown_by
        every = range(len(self._workshop.references))
        order = [*shown, *(place for place in every if place not in shown)]
        references = [self._workshop.references[place] for place in order]
        author = OfflineReasoner() if candidate.draft else self._reasoner
        return author_rule(candidate.request, Bench(author, references, self._workshop.jail))

    def _is_new(self, noticed: Noticed, meant: Collection[tuple[Edit, str]]) -> bool:
        """Whether a rule notices something that it is meant to notice and no other one does."""
        about = np.array([(one.edit, one.label) in meant for one in self._broken], dtype=np.bool_)
        return bool((noticed & about & ~self._covered).any())

    def _notice(self, codes: Sequence[str]) -> list[Noticed]:
        """For each check, on which of the broken Scenes it fails."""
        scenes = [one.scene for one in self._broken]
        fails = [[_fails(outcome) for outcome in outcomes] for outcomes in self._run(codes, scenes)]
        return [np.array(column, dtype=np.bool_) for column in zip(*fails, strict=True)]

    def _run(self, codes: Sequence[str], scenes: Sequence[Scene]) -> list[list[Outcome]]:
        checks = [Check(number, code) for number, code in enumerate(codes, start=1)]
        return self._workshop.jail.run_many(checks, scenes) if checks else []


_NOTHING_NEW: Final = "what it notices, the rulebook or a stronger proposal notices too"


def _enough(guessed: Sequence[Guess]) -> list[int]:
    """Places of a few references, with one for each guess that it shows."""
    places = list(range(_BROKEN_REFERENCES))
    for guess in guessed:
        if guess.shown_by and not set(guess.shown_by) & set(places):
            places.append(guess.shown_by[0])
    return places


class _Broken(NamedTuple):
    """A Scene with one kind of edit on a part of one label."""

    edit: Edit
    label: str
    scene: Scene


def _broken(workshop: Workshop, places: Sequence[int]) -> Iterator[_Broken]:
    """Scenes of these references, broken in every way, at a few parts each."""
    labels = workshop.request("").labels
    scenes = [reference.scene for reference in workshop.references]
    donors = {label: parts[0] for label in labels for s in reversed(scenes) if (parts := s.parts(label))}
    for scene in (scenes[place] for place in places if place < len(scenes)):
        for label in labels:
            for edit in Edit:
                done = list(break_on_purpose(scene, [label], [edit], donors))
                for broken in _spread(done, _PARTS_EACH):
                    for changed in (*_spread(broken.scenes, _WAYS), *broken.further[-1:]):
                        yield _Broken(edit, label, changed)


def _spread(items: Sequence[T], most: int) -> list[T]:
    """So many items at most, from the first to the last."""
    places = np.linspace(0, len(items) - 1, min(most, len(items)), dtype=int)
    return [items[place] for place in np.unique(places)]


def _fails(outcome: Outcome) -> bool:
    return outcome.status == "ok" and not all(expectation.passed for expectation in outcome.expectations)


def _complaint(outcome: Outcome) -> str:
    if outcome.status != "ok":
        return outcome.message
    return next((e.reason for e in outcome.expectations if not e.passed), "")


def _why_not(authored: Authored) -> str:
    if authored.evidence:
        return authored.evidence[0]
    return authored.refusal.reason if authored.refusal else "it is not proven"


def _cautions(references: int) -> list[str]:
    if references >= FEW_REFERENCES:
        return []
    pictures = f"{references} reference picture{'s' * (references != 1)}"
    return [f"with only {pictures}, what is always so may be chance; read each before you accept it"]
