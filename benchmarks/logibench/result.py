"""What LogiBench answers, JSON-plain. Times are kept apart: the same inputs give the same file."""

from __future__ import annotations

from typing import Final, Literal

from ...schema import Record, Usage
from .ontology import Form
from .resampling import Interval
from .telling import Told

GROUPS: Final = ("logical", "structural", "all")
"""Each beside the good pictures."""
TRUE: Final = "true parts"
SEEN: Final = "seen parts"
WAYS: Final = (TRUE, SEEN)
"""What rules are shown of a picture."""
WITNESSED: Final = f"{SEEN}, witness"
"""Rules with seen parts, and the word of a model that looks at the picture itself."""


class Authoring(Record):
    """How the writing of rules went."""

    rules: int
    """Sentences that were to become rules."""
    first_attempt: Interval
    """Share of them whose check passes the text gate and runs on every reference picture, at first."""
    after_repair: Interval
    """The same, at any attempt."""
    proven: Interval
    """Share that counts: passes on the references, and notices what was broken on purpose."""
    attempts: int
    input_tokens: int
    output_tokens: int
    failures: dict[str, int]
    """Why attempts were turned down -> how many."""


class Classification(Record):
    """How well verdicts tell good from anomalous pictures. An undecided picture counts as wrong."""

    pictures: int
    undecided: int
    accuracy: Interval
    balanced_accuracy: Interval
    """Mean of the shares of good and of anomalous pictures that are right."""
    precision: Interval
    recall: Interval
    f1: Interval
    """Of anomalous pictures."""
    auroc: Interval
    """By the score, ties counted by half."""


class Reasoning(Record):
    """Whether reasons are true, and whether the true ones are told; over good and logical pictures."""

    precision: Interval
    """Share of the reasons told that are true of their picture."""
    recall: Interval
    """Share of the annotated reasons that are told."""
    told: int
    annotated: int


class Opinion(Record):
    """What a chat model thinks of the reasons told of logical anomalies. It decides nothing."""

    pictures: int
    """That it was asked about."""
    unusable: int
    """Answers that were not what was asked for."""
    reasons: int
    """Told, in the other pictures."""
    precision: Interval
    """Share of these that say the same as an annotated one, it thinks."""
    agreement: Interval
    """Share of these of which it thinks what the comparison says."""
    kappa: Interval
    """Cohen's: the agreement above that of chance, as a share of what it could be."""


class Spent(Record):
    """What chat models were asked; how long that took is not part of a result."""

    calls: int = 0
    input_tokens: int = 0
    """As the models count them."""
    output_tokens: int = 0

    @classmethod
    def of(cls, usage: Usage) -> Spent:
        """What was used, without the time."""
        return cls.model_validate(usage.model_dump(exclude={"seconds"}))


class Cost(Record):
    """What rules and verdicts have cost; rules are written once, whatever is judged."""

    writing: Spent = Spent()
    examining: Spent = Spent()
    """Of the witness, on pictures of known state."""
    judging: Spent = Spent()
    calls_per_1000: float = 0.0
    """Of judging, for a thousand pictures."""


class RuleRow(Record):
    """What became of one sentence."""

    number: int
    sentence: str
    proven: bool
    attempts: int
    failure: str
    """Why the last attempt was turned down, or nothing."""
    evidence: list[str]
    """Of the last attempt."""
    code: str
    alarms: dict[str, int]
    """Group of pictures -> on how many it failed."""
    undecided: int
    """On how many it could not be decided."""
    false: int
    """Reasons that it told, on good and logical pictures, and that are not true."""


class DefectRow(Record):
    """What became of the pictures with one type of defect."""

    defect: str
    group: str
    pictures: int
    anomalous: int
    """That were called so."""
    undecided: int
    annotated: int
    """Reasons."""
    told: int
    """Of these."""


class Missed(Form):
    """An annotated reason that was not told."""

    defect: str


class PictureRow(Record):
    """What was said of one picture."""

    name: str
    group: str
    defects: list[str]
    status: str
    score: float
    told: list[Told] = []
    annotated: int = 0
    """Reasons."""
    missed: list[Missed] = []
    error: str = ""

    @property
    def right(self) -> bool:
        """Whether the verdict is what the picture is."""
        return self.status == ("normal" if self.group == "good" else "anomalous")


class Scores(Record):
    """What rules with one kind of eyes are worth on one product."""

    rulebook_sha256: str
    cost: Cost
    authoring: Authoring
    classification: dict[str, Classification]
    """logical, structural, all."""
    reasoning: Reasoning
    opinion: Opinion | None = None
    rules: list[RuleRow]
    defects: list[DefectRow]
    pictures: list[PictureRow]


class BaselineScores(Record):
    """What a detector without rules is worth on one product."""

    classification: dict[str, Classification]
    pictures: list[PictureRow]


class CategoryResult(Record):
    """One product."""

    category: str
    data_sha256: str
    """Of all pictures, ground truth and annotations that were used, and of the sentences."""
    references: list[str]
    rules: dict[str, Scores]
    """true parts, seen parts."""
    baselines: dict[str, BaselineScores]
    problems: list[str]
    """One line for each thing that could not be used."""

    @property
    def judged(self) -> dict[str, list[PictureRow]]:
        """Way of judging -> what was said of each picture."""
        with_rules = {way: scores.pictures for way, scores in self.rules.items()}
        return with_rules | {name: scores.pictures for name, scores in self.baselines.items()}


class Versions(Record):
    """What decides a result beside the data."""

    logisight: str
    libraries: dict[str, str]
    prompts_sha256: str
    """Of the prompts and the text of the rule language."""
    ontology_sha256: str


class LogiBench(Record):
    """A whole result."""

    kind: Literal["logisight logibench 1"] = "logisight logibench 1"
    versions: Versions
    reasoner: str
    witness: str | None = None
    """Who looked at pictures besides the rules."""
    judge: str | None = None
    """Who was asked for an opinion of the reasons."""
    seed: int
    data: str
    """Name of the folder."""
    categories: list[CategoryResult]
    mean: dict[str, dict[str, Interval]]
    """Way of judging -> figure -> its mean over the categories."""
    skipped: list[str]
    """One line for each category that could not be tried."""

    @property
    def whole(self) -> bool:
        """Whether nothing was left out."""
        return not self.skipped and not any(one.problems for one in self.categories)
