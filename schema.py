"""The words that everything in LogiSight shares: JSON-plain models and the one tree of errors."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["quantity", "size", "position", "matching"]
"""The four reason types of LOCO-Annotations (arXiv 2406.04687)."""

FindingKind = Kind | Literal["structural"]
"""What is wrong: one of these, or something on the product itself, such as a scratch."""

Value = bool | int | float | str | None
"""What a rule may report as expected or actual: one plain value."""

Range = tuple[float | None, float | None]
"""(low, high), both allowed; None for an end that is open."""

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the picture; x1 and y1 are the far edges, so width is x1 - x0."""


class LogiSightError(Exception):
    """The base of every error that a person is meant to read: one line that says what to do."""


class SceneError(LogiSightError):
    """A question that the Scene cannot answer, such as a part that is not there. The rule is undecided."""


class PictureError(LogiSightError):
    """A picture that cannot be read. The other pictures go on."""


class AnnotationError(LogiSightError):
    """An annotation file that cannot be used, named with its file and field."""


class DatasetError(LogiSightError):
    """A data set, a map or a result that cannot be scored, named with its file where there is one."""


class ProductError(LogiSightError):
    """A product folder that is missing, incomplete or damaged."""


class AuthorError(LogiSightError):
    """A sentence that cannot be turned into a proven rule."""


class ModelError(LogiSightError):
    """A chat model that cannot be asked: its endpoint does not answer, refuses or fails, or is not set up."""


class QuestionError(ModelError):
    """One question that a chat model does not take, such as one that is too long. It may well take others."""


class DetectorError(LogiSightError):
    """An eye that cannot look: missing weights, a wrong checkpoint, options that make no sense, no memory."""


class SessionError(LogiSightError):
    """A session that is not there or cannot be kept, or a request that it cannot fulfil."""


class SandboxError(LogiSightError):
    """The jail itself does not work; no rule was judged."""


class IsolationError(SandboxError):
    """Rules are held less well on this machine than was asked for. None was run."""


class Record(BaseModel):
    """A frozen model that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Grade(StrEnum):
    """How well rules are held on this machine."""

    full = "full"
    """Every layer that LogiSight knows is there and held when it was tried."""
    degraded = "degraded"
    """Something is missing; what was tried against the layers together did not get out of its process."""
    unsafe = "unsafe"
    """Something got out of its process through all layers together, or the machine cannot have a jail."""

    def reaches(self, asked: Grade) -> bool:
        """Whether this is at least as good as what is asked for."""
        order = [Grade.unsafe, Grade.degraded, Grade.full]
        return order.index(self) >= order.index(asked)


class When(StrEnum):
    """On which pictures a witness is asked."""

    doubt = "doubt"
    """Where a rule is undecided, a detector sees something that no rule explains, or a part is seen less
    surely than on any good picture."""
    always = "always"
    """Wherever no rule has failed: it may see what is on the parts, of which rules know nothing."""


class Edit(StrEnum):
    """How a Scene is broken on purpose to see whether a rule notices."""

    removed = "removed"
    doubled = "doubled"
    moved = "moved"
    resized = "resized"
    turned = "turned"
    recoloured = "recoloured"


class Counterfactual(Record):
    """How often a rule noticed one kind of edit on the parts of one label."""

    edit: Edit
    label: str
    tried: int
    caught: int


class Proof(Record):
    """Whether and why a Rule counts: what it was run on and what it noticed."""

    code_sha256: str
    """Of the code that was proven; a later edit of the code voids the proof."""
    references: int
    """Reference pictures the rule was run on."""
    false_alarms: list[str] = []
    """Names of the reference pictures on which the rule did not pass."""
    stopped: dict[str, str] = {}
    """Of these the ones on which it did not end by itself -> the sandbox outcome that stopped it."""
    counterfactuals: list[Counterfactual] = []
    attempts: int = 1
    """Times that the author was asked."""
    samples: int = 1
    """Answers that were asked for at once."""
    agreement: float | None = None
    """Share of them that say the same as this rule, 0 to 1; None where one was asked for."""
    evidence: list[str] = []
    """What the check failed at; empty when it is proven."""

    @property
    def false_alarm_rate(self) -> float:
        """Share of the reference pictures on which the rule did not pass, 0 to 1."""
        return len(self.false_alarms) / self.references if self.references else 0.0


class Rule(Record):
    """One statement in words, its check in Python, and how it was proven."""

    number: int
    text: str
    kind: Kind
    code: str
    reasoner: str
    proof: Proof | None = None


class Evidence(Record):
    """Where in the picture to look: a Part or a region that a Finding rests on."""

    label: str
    box: Box
    outline: list[list[tuple[float, float]]] = []
    """Closed polygons, (x, y) in pixels; empty for a plain box."""
    confidence: float = 1.0
    on: str = ""
    """Of what a detector sees: the label of the part that it lies on; empty where it lies on none."""


class Finding(Record):
    """What one Rule says of one Scene, or a witness or a detector of one picture."""

    rule: int
    """Its number; 0 where no rule says it."""
    text: str
    """The rule in words, or what the witness or the detector was asked."""
    witness: str = ""
    """The chat model whose opinion this is, if it is one."""
    detector: str = ""
    """The detector that sees it, if one does."""
    kind: FindingKind
    status: Literal["passed", "failed", "undecided"]
    reason: str
    expected: Value | Range = None
    actual: Value = None
    parts: list[Evidence] = []
    explains: list[int] = []
    """Of what a detector sees: the rules that fail, or could not be decided, in the same place."""
    error: str | None = None
    """The sandbox outcome that stopped the rule, when it was stopped."""
    weight: float = Field(default=1.0, ge=0, le=1)
    """How much its word counts: 1 of a proven rule, of a witness what it was worth on known pictures, of a
    detector the share of good products on which it does not alarm at the least."""
    score: float = Field(ge=0, le=1)
    """0 is far inside what is allowed, 0.5 the decision line, 1 far outside."""

    @property
    def passed(self) -> bool:
        """Whether the rule held. Undecided is not a pass."""
        return self.status == "passed"

    @property
    def ruled(self) -> bool:
        """Whether a rule says it, and not a witness or a detector."""
        return not (self.witness or self.detector)


class Usage(Record):
    """What questions to a chat model have cost."""

    calls: int = 0
    input_tokens: int = 0
    """As the model counts them; 0 where it does not."""
    output_tokens: int = 0
    seconds: float = 0.0
    """Wall clock until the answers were there; of questions asked at once, the share of each."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            seconds=self.seconds + other.seconds,
        )


class Verdict(Record):
    """The answer for one Sample."""

    sample: str
    """Path of the picture as it was given."""
    sha256: str
    """Of the picture file's bytes; empty when the file could not be read."""
    status: Literal["normal", "anomalous", "undecided"]
    score: float = Field(ge=0, le=1)
    explanation: str
    findings: list[Finding] = []
    counts: dict[str, int] = {}
    """How many parts of each label were seen."""
    notes: list[str] = []
    seconds: dict[str, float] = {}
    """Wall-clock time of each step."""
    usage: Usage = Usage()
    """What the witness has cost."""
    error: str | None = None
    """Why the picture could not be inspected."""
