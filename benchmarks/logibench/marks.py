"""From facts to figures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...agents.reasoner import OFFLINE
from ...agents.rulebook import Rulebook
from ...schema import Rule, Usage
from ..maps import Group
from .facts import PictureFact, RuleFact
from .ontology import Expected
from .resampling import Figures, auroc, interval, ratio, resampled, stream
from .result import (
    GROUPS,
    Authoring,
    Classification,
    Cost,
    DefectRow,
    Missed,
    PictureRow,
    Reasoning,
    RuleRow,
    Scores,
    Spent,
)
from .telling import Vocabulary, compared, told_of

_SHORT: Final[dict[Group, str]] = {
    "good": "good",
    "logical_anomalies": "logical",
    "structural_anomalies": "structural",
}
METRICS: Final = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "auroc")


class Case(NamedTuple):
    """A test picture and what is true of it."""

    name: str
    group: str
    """good, logical or structural."""
    defects: list[str]
    truth: list[Expected]


def group_of(group: Group) -> str:
    """The short name of a group of pictures."""
    return _SHORT[group]


def picture_rows(
    cases: Sequence[Case],
    facts: Sequence[PictureFact],
    vocabulary: Vocabulary,
    containers: Mapping[str, Sequence[str]],
) -> list[PictureRow]:
    """What was said of each picture, held against what is true of it."""
    rows = []
    for case, fact in zip(cases, facts, strict=True):
        held = compared(told_of(fact.findings, vocabulary), case.truth, containers)
        rows.append(
            PictureRow(
                name=case.name,
                group=case.group,
                defects=case.defects,
                status=fact.status,
                score=round(fact.score, 6),
                told=held.told,
                annotated=sum(one.required for one in case.truth),
                missed=[Missed(**one.forms[0].model_dump(), defect=one.defect) for one in held.missed],
                error=fact.error,
            )
        )
    return rows


def classified(rows: Sequence[PictureRow], seed: int) -> tuple[dict[str, Classification], dict[str, Figures]]:
    """How well verdicts tell good pictures from each group, and all figures with their resamples."""
    good = [row for row in rows if row.group == "good"]
    found: dict[str, Classification] = {}
    every: dict[str, Figures] = {}
    for group in GROUPS:
        bad = [row for row in rows if row.group != "good" and group in ("all", row.group)]
        if not good or not bad:
            continue
        figures = _binary(good, bad, seed)
        undecided = sum(row.status == "undecided" for row in [*good, *bad])
        found[group] = Classification(
            pictures=len(good) + len(bad),
            undecided=undecided,
            **{name: interval(figures[name]) for name in METRICS},
        )
        every |= {f"{group} {name}": value for name, value in figures.items()}
    return found, every


def reasoned(rows: Sequence[PictureRow], seed: int) -> tuple[Reasoning, dict[str, Figures]]:
    """Whether reasons are true and whether the true ones are told, over good and logical pictures."""
    weights: list[NDArray[np.float64]] = []
    counts: list[NDArray[np.float64]] = []
    for group in ("good", "logical"):
        some = [row for row in rows if row.group == group]
        weights.append(resampled(len(some), stream(seed, group)))
        counts.append(np.array([_reasons(row) for row in some], np.float64).reshape(-1, 4))
    true, told, found, annotated = (np.hstack(weights) @ np.concatenate(counts)).T
    figures = {"reasoning precision": ratio(true, told), "reasoning recall": ratio(found, annotated)}
    return (
        Reasoning(
            precision=interval(figures["reasoning precision"]),
            recall=interval(figures["reasoning recall"]),
            told=int(told[0]),
            annotated=int(annotated[0]),
        ),
        figures,
    )


def authored(rules: Sequence[RuleFact], seed: int) -> tuple[Authoring, dict[str, Figures]]:
    """How the writing of rules went."""
    weights = resampled(len(rules), stream(seed, "rules"))
    attempts = [attempt for fact in rules for attempt in fact.attempts]
    ways = {
        "first_attempt": [bool(fact.attempts) and fact.attempts[0].runs for fact in rules],
        "after_repair": [any(attempt.runs for attempt in fact.attempts) for fact in rules],
        "proven": [fact.rule is not None for fact in rules],
    }
    figures = {
        name: ratio(weights @ np.array(values, np.float64), weights.sum(axis=1))
        for name, values in ways.items()
    }
    result = Authoring(
        rules=len(rules),
        attempts=len(attempts),
        input_tokens=sum(attempt.input_tokens for attempt in attempts),
        output_tokens=sum(attempt.output_tokens for attempt in attempts),
        failures=dict(sorted(Counter(a.failure for a in attempts if a.failure).items())),
        **{name: interval(values) for name, values in figures.items()},
    )
    return result, {f"rules {name}": values for name, values in figures.items()}


def scored(
    rules: Sequence[RuleFact],
    rows: Sequence[PictureRow],
    cases: Sequence[Case],
    facts: Sequence[PictureFact],
    seed: int,
    cost: Cost,
) -> tuple[Scores, dict[str, Figures]]:
    """All that one way of looking is worth, and all figures with their resamples."""
    authoring, of_rules = authored(rules, seed)
    classification, of_pictures = classified(rows, seed)
    reasoning, of_reasons = reasoned(rows, seed)
    scores = Scores(
        rulebook_sha256=Rulebook(rules=proven(rules)).sha256,
        cost=cost,
        authoring=authoring,
        classification=classification,
        reasoning=reasoning,
        rules=_rule_rows(rules, rows, facts),
        defects=_defect_rows(rows, cases),
        pictures=list(rows),
    )
    return scores, of_rules | of_pictures | of_reasons


def cost_of(
    rules: Sequence[RuleFact],
    facts: Sequence[PictureFact],
    reasoner: str,
    examining: Usage | None = None,
) -> Cost:
    """What rules and verdicts have cost; an author that is no chat model costs nothing."""
    attempts = [] if reasoner == OFFLINE else [attempt for fact in rules for attempt in fact.attempts]
    writing = Spent(
        calls=len(attempts),
        input_tokens=sum(attempt.input_tokens for attempt in attempts),
        output_tokens=sum(attempt.output_tokens for attempt in attempts),
    )
    judging = Spent.of(sum((fact.usage for fact in facts), Usage()))
    return Cost(
        writing=writing,
        examining=Spent.of(examining or Usage()),
        judging=judging,
        calls_per_1000=round(1000 * judging.calls / max(len(facts), 1), 3),
    )


def proven(rules: Sequence[RuleFact]) -> list[Rule]:
    """The rules that count."""
    return [fact.rule for fact in rules if fact.rule]


def _binary(good: Sequence[PictureRow], bad: Sequence[PictureRow], seed: int) -> dict[str, Figures]:
    good_weights = resampled(len(good), stream(seed, "good"))
    # Anomalies of each kind are drawn on their own, so that their figures fit those of the whole.
    groups = list(dict.fromkeys(row.group for row in bad))
    ordered = [row for group in groups for row in bad if row.group == group]
    bad_weights = np.hstack(
        [resampled(sum(row.group == group for row in bad), stream(seed, group)) for group in groups]
    )
    hits = bad_weights @ np.array([row.right for row in ordered], np.float64)
    passes = good_weights @ np.array([row.right for row in good], np.float64)
    alarms = good_weights.sum(axis=1) - passes
    misses = bad_weights.sum(axis=1) - hits
    whole = hits + passes + alarms + misses
    return {
        "accuracy": ratio(hits + passes, whole),
        "balanced_accuracy": (ratio(hits, hits + misses) + ratio(passes, passes + alarms)) / 2,
        "precision": ratio(hits, hits + alarms),
        "recall": ratio(hits, hits + misses),
        "f1": ratio(2 * hits, 2 * hits + alarms + misses),
        "auroc": auroc(_scores(good), _scores(ordered), good_weights, bad_weights),
    }


def _scores(rows: Sequence[PictureRow]) -> NDArray[np.float64]:
    return np.array([row.score for row in rows], np.float64)


def _reasons(row: PictureRow) -> tuple[int, int, int, int]:
    """True reasons told, all told, annotated ones found, all annotated."""
    true = sum(told.true for told in row.told)
    return true, len(row.told), row.annotated - len(row.missed), row.annotated


def _rule_rows(
    rules: Sequence[RuleFact], rows: Sequence[PictureRow], facts: Sequence[PictureFact]
) -> list[RuleRow]:
    alarms: dict[int, Counter[str]] = defaultdict(Counter)
    undecided: Counter[int] = Counter()
    false: Counter[int] = Counter()
    for row, fact in zip(rows, facts, strict=True):
        for number in {finding.rule for finding in fact.findings if finding.status == "failed"}:
            alarms[number][row.group] += 1
        undecided.update({finding.rule for finding in fact.findings if finding.status == "undecided"})
        if row.group != "structural":
            false.update(number for told in row.told if not told.true for number in told.rules)
    return [
        RuleRow(
            number=fact.number,
            sentence=fact.sentence,
            proven=fact.rule is not None,
            attempts=len(fact.attempts),
            failure=(fact.attempts[-1].failure or "") if fact.attempts else "",
            evidence=[fact.declined]
            if fact.declined
            else fact.attempts[-1].evidence
            if fact.attempts
            else [],
            code=fact.attempts[-1].code if fact.attempts else "",
            alarms=dict(sorted(alarms[fact.number].items())),
            undecided=undecided[fact.number],
            false=false[fact.number],
        )
        for fact in rules
    ]


def _defect_rows(rows: Sequence[PictureRow], cases: Sequence[Case]) -> list[DefectRow]:
    kinds: dict[tuple[str, str], list[tuple[PictureRow, Case]]] = defaultdict(list)
    for row, case in zip(rows, cases, strict=True):
        for defect in dict.fromkeys(case.defects):
            kinds[row.group, defect].append((row, case))
    return [_defect_row(defect, group, shown) for (group, defect), shown in kinds.items()]


def _defect_row(defect: str, group: str, shown: Sequence[tuple[PictureRow, Case]]) -> DefectRow:
    annotated = sum(one.required and one.defect == defect for _, case in shown for one in case.truth)
    missed = sum(one.defect == defect for row, _ in shown for one in row.missed)
    statuses = Counter(row.status for row, _ in shown)
    return DefectRow(
        defect=defect,
        group=group,
        pictures=len(shown),
        anomalous=statuses["anomalous"],
        undecided=statuses["undecided"],
        annotated=annotated,
        told=annotated - missed,
    )
