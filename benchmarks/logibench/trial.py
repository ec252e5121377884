"""One product and one kind of eyes: rules are written from sentences, proven, and judge the test pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from langchain_core.language_models import BaseChatModel

from ...agents.author import Bench, author_rule
from ...agents.draft import Request
from ...agents.graph import Inspector
from ...agents.journal import Journal
from ...agents.judge import findings_of, score_of, status_of
from ...agents.proof import Reference
from ...sandbox import Check, Jail
from ...schema import LogiSightError, Rule
from ..loco import LocoPicture
from .eyes import Eyes
from .facts import PictureFact, RuleFact, without_outlines


class Trial(NamedTuple):
    """What a trial works with."""

    eyes: Eyes
    reasoner: BaseChatModel
    jail: Jail
    sentences: Sequence[str]
    labels: Sequence[str]
    containers: Mapping[str, Sequence[str]]
    references: Sequence[Path]
    """Pictures of good products, to prove rules on."""
    on_step: Callable[[], None] = lambda: None
    """Called after each sentence and each picture."""


def write_rules(trial: Trial, journal: Journal[RuleFact]) -> list[RuleFact]:
    """Have a rule written and proven for each sentence; those in the journal are taken from there.

    Raises:
        LogiSightError: A reference picture or its annotation cannot be used.
    """
    for _ in journal.facts:
        trial.on_step()
    missing = list(enumerate(trial.sentences, start=1))[len(journal.facts) :]
    references = [Reference(path.name, trial.eyes.see(path)) for path in trial.references] if missing else []
    bench = Bench(trial.reasoner, references, trial.jail)
    for number, sentence in missing:
        request = Request(
            sentence=" ".join(sentence.split()),
            labels=list(trial.labels),
            containers={label: list(held) for label, held in trial.containers.items()},
        )
        authored = author_rule(request, bench, number)
        journal.add(RuleFact.of(number, request.sentence, authored))
        trial.on_step()
    return journal.facts


def judge_pictures(
    trial: Trial, rules: Sequence[Rule], pictures: Sequence[LocoPicture], journal: Journal[PictureFact]
) -> list[PictureFact]:
    """What rules say of pictures, in order; those in the journal are taken from there.

    A picture that cannot be looked at is undecided.
    """
    done = len(journal.facts)
    for place, picture in enumerate(pictures):
        if place >= done:
            journal.add(_judged(trial, rules, picture))
        trial.on_step()
    return journal.facts


def judge_with_witness(
    inspector: Inspector,
    pictures: Sequence[LocoPicture],
    journal: Journal[PictureFact],
    on_step: Callable[[], None] = lambda: None,
) -> list[PictureFact]:
    """What an inspector with a witness says of pictures, in order; those in the journal are taken from there.

    Raises:
        ModelError: The witness cannot be asked; what it said before is kept.
    """
    for _ in journal.facts:
        on_step()
    left = pictures[len(journal.facts) :]
    for picture, (verdict, _) in zip(left, inspector.look_at([one.path for one in left]), strict=True):
        journal.add(PictureFact.of(picture.name, verdict))
        on_step()
    return journal.facts


def _judged(trial: Trial, rules: Sequence[Rule], picture: LocoPicture) -> PictureFact:
    start = time.perf_counter()
    try:
        scene = trial.eyes.see(picture.path)
    except LogiSightError as error:
        return PictureFact(name=picture.name, status="undecided", score=0.5, error=str(error))
    seen = time.perf_counter()
    outcomes = trial.jail.run([Check(rule.number, rule.code) for rule in rules], scene) if rules else []
    findings = [
        finding
        for rule, outcome in zip(rules, outcomes, strict=True)
        for finding in findings_of(rule, outcome, scene)
    ]
    return PictureFact(
        name=picture.name,
        status=status_of(findings),
        score=score_of(findings),
        findings=[without_outlines(finding) for finding in findings],
        seconds={"see": seen - start, "check": time.perf_counter() - seen},
    )
