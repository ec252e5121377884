"""What happened in a trial, as it is kept line by line."""

from __future__ import annotations

from ...agents.author import Authored
from ...agents.draft import Attempt
from ...schema import Finding, Record, Rule, Usage, Verdict


class RuleFact(Record):
    """How the authoring of one sentence ended."""

    number: int
    sentence: str
    rule: Rule | None
    """Where it is proven."""
    declined: str = ""
    """Why the author would not write it."""
    attempts: list[Attempt] = []

    @classmethod
    def of(cls, number: int, sentence: str, authored: Authored) -> RuleFact:
        """What an author made of a sentence."""
        declined = authored.refusal.reason if authored.refusal else ""
        return cls(
            number=number,
            sentence=sentence,
            rule=authored.rule,
            declined=declined,
            attempts=authored.attempts,
        )


class PictureFact(Record):
    """What was said of one picture."""

    name: str
    """`test/good/007`."""
    status: str
    """normal, anomalous or undecided."""
    score: float
    findings: list[Finding] = []
    """Without the outlines of their evidence."""
    error: str = ""
    """Why it could not be looked at."""
    seconds: dict[str, float] = {}
    usage: Usage = Usage()
    """What the witness has cost."""

    @classmethod
    def of(cls, name: str, verdict: Verdict) -> PictureFact:
        """What an inspector said of a picture."""
        return cls(
            name=name,
            status=verdict.status,
            score=verdict.score,
            findings=[without_outlines(finding) for finding in verdict.findings],
            error=verdict.error or "",
            seconds=verdict.seconds,
            usage=verdict.usage,
        )


def without_outlines(finding: Finding) -> Finding:
    """A finding that takes little room."""
    parts = [part.model_copy(update={"outline": []}) for part in finding.parts]
    return finding.model_copy(update={"parts": parts})
