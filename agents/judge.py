"""From what the rules said to a Verdict: statuses, a score that ranks, and the reason in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeGuard

from ..sandbox import Expectation, Outcome
from ..scene import Part, Scene, Shape
from ..schema import Evidence, Finding, Range, Rule, Value

Status = Literal["normal", "anomalous", "undecided"]

_LEAST_FAILURE = 0.25
"""How far a failed rule is beyond the decision line at the least, on a scale of 0 to 1."""


def findings_of(rule: Rule, outcome: Outcome, scene: Scene) -> list[Finding]:
    """What one rule says of a Scene: a Finding for each expectation that failed, or one that it passed."""
    if outcome.status != "ok":
        return [_undecided(rule, outcome)]
    failed = [e for e in outcome.expectations if not e.passed]
    if failed:
        return [_finding(rule, expectation, scene) for expectation in failed]
    closest = max(outcome.expectations, key=_closeness)
    held = len(outcome.expectations)
    return [
        Finding(
            rule=rule.number,
            text=rule.text,
            kind=rule.kind,
            status="passed",
            reason="holds" if held == 1 else f"holds in all {held} places",
            expected=closest.expected,
            actual=closest.actual,
            score=0.5 * _closeness(closest),
        )
    ]


def status_of(findings: Sequence[Finding]) -> Status:
    """One failed rule makes a product anomalous; otherwise one undecided rule leaves it undecided."""
    statuses = {finding.status for finding in findings}
    if "failed" in statuses:
        return "anomalous"
    return "undecided" if "undecided" in statuses or not statuses else "normal"


def score_of(findings: Sequence[Finding]) -> float:
    """0 to 1, 0.5 the decision line: the worst failed rule, else the rule that came closest to failing."""
    return max((finding.score for finding in findings), default=0.5)


def explain(findings: Sequence[Finding]) -> str:
    """The verdict in words, the reasons first; what a witness or a detector says is said to be its word."""
    ruled = [finding for finding in findings if finding.ruled]
    failed, undecided = reasons(findings, "failed"), reasons(findings, "undecided")
    sentences = []
    if failed:
        sentences.append(f"Anomalous: {'; '.join(failed)}.")
    if undecided:
        sentences.append(f"Undecided: {'; '.join(undecided)}.")
    passed = len({f.rule for f in ruled if f.passed})
    if not sentences:
        sentences.append(f"Normal: {_all_hold(passed)}.")
    elif passed and all(finding.passed for finding in ruled):
        # A word against a product that keeps to every rule is never said without that.
        sentences.append(f"Yet {_all_hold(passed)}.")
    elif passed:
        sentences.append(f"{passed} other {'rule holds' if passed == 1 else 'rules hold'}.")
    agreeing = [finding.reason for finding in findings if not finding.ruled and finding.passed]
    return " ".join([*sentences, *(f"{reason[:1].upper()}{reason[1:]}." for reason in agreeing)])


def _all_hold(count: int) -> str:
    return "the rule holds" if count == 1 else f"all {count} rules hold"


def reasons(findings: Sequence[Finding], status: str) -> list[str]:
    """The reasons of the findings of a status, each once: several rules may say the same."""
    return list(dict.fromkeys(finding.reason for finding in findings if finding.status == status))


def _finding(rule: Rule, expectation: Expectation, scene: Scene) -> Finding:
    confidences = [scene.all_parts[p].confidence for p in expectation.parts if isinstance(p, int)]
    # A rule that rests on parts seen badly stays nearer to the decision line.
    strength = _LEAST_FAILURE + (1 - _LEAST_FAILURE) * _severity(expectation)
    return Finding(
        rule=rule.number,
        text=rule.text,
        kind=expectation.kind,
        status="failed",
        reason=expectation.reason,
        expected=expectation.expected,
        actual=expectation.actual,
        parts=[evidence_of(scene.all_parts[p]) if isinstance(p, int) else p for p in expectation.parts],
        score=0.5 + 0.5 * strength * min(confidences, default=1.0),
    )


def _undecided(rule: Rule, outcome: Outcome) -> Finding:
    return Finding(
        rule=rule.number,
        text=rule.text,
        kind=rule.kind,
        status="undecided",
        reason=f"rule {rule.number} could not be decided: {outcome.message}",
        error=outcome.status,
        score=0.5,
    )


def evidence_of(shape: Shape) -> Evidence:
    """Where a part is, for people and for reports."""
    confidence = shape.confidence if isinstance(shape, Part) else 1.0
    return Evidence(label=shape.label, box=shape.box, outline=shape.outline, confidence=confidence)


def _severity(expectation: Expectation) -> float:
    """How far a failed expectation is off, 0 to 1; 1 where it cannot be measured."""
    distance = _distance(expectation.expected, expectation.actual)
    return 1.0 if distance is None else 1 - math.exp(-distance)


def _closeness(expectation: Expectation) -> float:
    """How near a passed expectation came to failing: 1 at an edge of what is allowed, 0 far from it."""
    expected, actual = expectation.expected, expectation.actual
    if not isinstance(expected, tuple) or not _is_number(actual):
        return 0.0
    low, high = expected
    # The next count that fails is one away, so that the line lies half way to it.
    slack = 0.5 if isinstance(actual, int) else 0.0
    if low is not None and high is not None:
        width = high - low + 2 * slack
        return min(1.0, abs(2 * float(actual) - low - high) / width) if width else 0.0
    limit = low if low is not None else high
    return math.exp(-(abs(float(actual) - float(limit or 0)) + slack) / _unit(expected))


def _distance(expected: Value | Range, actual: Value) -> float | None:
    """From actual to what is expected, in units of what is expected."""
    if not _is_number(actual):
        return None
    value = float(actual)
    if isinstance(expected, tuple):
        low, high = expected
        short = 0.0 if low is None else low - value
        over = 0.0 if high is None else value - high
        return max(short, over, 0.0) / _unit(expected)
    if not _is_number(expected):
        return None
    return abs(value - float(expected)) / max(1.0, abs(float(expected)))


def _unit(expected: Range) -> float:
    """What distances to a range are measured in: half its width, or its only limit."""
    low, high = expected
    if low is not None and high is not None and low < high:
        return (high - low) / 2
    return abs(low or high or 0) or 1.0


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
