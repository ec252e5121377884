"""What an author is asked, and what it may answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from pydantic import TypeAdapter

from ..sandbox import OutcomeStatus
from ..schema import Edit, Kind, Proof, Record
from .measures import Measured


class Request(Record):
    """One sentence to be turned into a check, and what is known of the product."""

    sentence: str
    labels: list[str]
    """The product's part labels, as annotated."""
    containers: dict[str, list[str]] = {}
    """Label -> labels of the parts that lie inside it on the reference pictures."""
    synonyms: dict[str, str] = {}
    """The product's own words -> labels."""
    pictures: int = 0
    """Reference pictures that were measured."""
    measured: dict[str, Measured] = {}
    """Label -> what its parts measure there."""


class Draft(Record):
    """A check that is not proven yet."""

    code: str
    kind: Kind
    breaks: list[Edit]
    """Edits of a part that the sentence is about, which the check must notice."""
    labels: list[str]
    """Part labels the sentence is about; the edits are done to these."""


Failure = (
    Literal[
        "answer",  # is not the JSON that was asked for, or names parts that the product does not have
        "declined",  # the author will not write it
        "syntax",  # is no Python
        "language",  # says what the rule language does not have
        "unlearned",  # asks for what is usual, and no reference picture shows it
        "false alarm",  # fails on reference pictures of good products, or cannot decide them
        "blind",  # does not notice what was broken on purpose
    ]
    | OutcomeStatus  # was stopped by the sandbox on a reference picture
)
"""Why an attempt was turned down."""


class Attempt(Record):
    """One time that an author was asked."""

    code: str = ""
    """What it wrote, with learned ranges in it; empty where there was no code in its answer."""
    failure: Failure | None = None
    evidence: list[str] = []
    """What was wrong with it, one line each."""
    seconds: float = 0.0
    """That the author took to answer, wall clock."""
    input_tokens: int = 0
    """As the author counts them; 0 where it does not."""
    output_tokens: int = 0

    @property
    def runs(self) -> bool:
        """Whether there was a check that passes the text gate and runs on every reference picture."""
        return self.failure in (None, "false alarm", "blind")


class Refusal(Record):
    """Why a sentence was not turned into a check."""

    reason: str
    start: int = 0
    end: int = 0
    """The span of the sentence that could not be read, in characters; 0, 0 when it is the whole."""
    nearest: str = ""
    """The nearest sentence that can be read."""


class Candidate(Record):
    """One answer to a request, and how far it got."""

    attempt: Attempt
    draft: Draft | None = None
    refusal: Refusal | None = None
    proof: Proof | None = None

    @property
    def stands(self) -> bool:
        """Whether nothing is wrong with it so far."""
        return self.attempt.failure is None

    def ended(self, failure: Failure | None, evidence: Sequence[str] = (), **more: Any) -> Candidate:
        """The same, turned down, or good so far; `more` are other fields of it."""
        attempt = self.attempt.model_copy(update={"failure": failure, "evidence": list(evidence)})
        return self.model_copy(update={"attempt": attempt, **more})

    def rewritten(self, code: str) -> Candidate:
        """The same with other code."""
        draft = self.draft.model_copy(update={"code": code}) if self.draft else None
        attempt = self.attempt.model_copy(update={"code": code})
        return self.model_copy(update={"attempt": attempt, "draft": draft})


class _Declined(Record):
    """The part of a Refusal that a model is asked for; every field of it, since strict schemas want all."""

    reason: str
    nearest: str


_SHAPES: Final[TypeAdapter[Draft | _Declined]] = TypeAdapter(Draft | _Declined)


def answer_schema(labels: Sequence[str]) -> dict[str, Any]:
    """The JSON schema of a Draft, or of why there is none, for a product with these part labels."""
    schema = _SHAPES.json_schema()
    if labels:
        schema["$defs"]["Draft"]["properties"]["labels"]["items"] = {"type": "string", "enum": list(labels)}
    return schema
