"""A vision-language model as one more witness: asked where its word adds something, believed for its worth.

It is never asked where a rule has failed already, since its word would change nothing. What it says is a
Finding with the weight that it earned on pictures of known state, and it never makes a rule pass or fail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from langchain_core.language_models import BaseChatModel
from pydantic import TypeAdapter

from ...prompts import InspectionPrompt, Opinion, inspection_messages, pointed_at
from ...scene import Scene
from ...schema import Evidence, Finding, When
from ...tools.pictures import Picture
from ..llm.answers import in_one_line
from ..llm.asking import Reply, ask_all
from .calibration import SUFFICIENT, Calibration, suspicion_of

ASKED: Final = "Is the product in the picture normal?"

_OPINION: Final = TypeAdapter(Opinion)

Compose = Callable[[Picture, Scene, Sequence[Finding], Sequence[Evidence]], InspectionPrompt]
"""A picture, what was seen in it, what rules say that did not pass, where detectors point -> the question."""


class Testimony(NamedTuple):
    """What a witness adds to a picture: a Finding, or a note where its word counts for nothing."""

    finding: Finding | None
    note: str = ""


@dataclass(frozen=True)
class Witness:
    """A model with what its word is worth."""

    model: BaseChatModel
    compose: Compose
    calibration: Calibration
    when: When = When.doubt
    options: tuple[tuple[str, Any], ...] = ()
    """What the model is asked with, such as for the odds of its words."""

    def __str__(self) -> str:
        return f"{self.name}, asked {self.when}, {self.calibration.asked_sha256}"

    @property
    def name(self) -> str:
        """The string that names the model."""
        return self.calibration.witness

    def occasion(self, findings: Sequence[Finding], scene: Scene) -> str:
        """Why the witness is to be asked about a picture, in words; empty where it is not."""
        if any(finding.ruled and finding.status == "failed" for finding in findings):
            return ""
        if any(finding.ruled and finding.status == "undecided" for finding in findings):
            return "a rule could not be decided"
        if any(finding.detector and not finding.passed for finding in findings):
            return "a detector sees something that no rule explains"
        least = min(scene.all_parts, key=lambda part: part.confidence, default=None)
        if least and least.confidence < self.calibration.least_confidence:
            return f"a {least.label} was seen less surely than any part of a good picture"
        return "no rule looks at what is on the parts" if self.when is When.always else ""

    def ask(self, prompts: Sequence[InspectionPrompt]) -> list[Reply[Opinion]]:
        """What the witness says, in the order of the questions.

        Raises:
            ModelError: The model cannot be asked.
        """
        return ask_witness(self.model, prompts, dict(self.options))

    def testimony(self, prompt: InspectionPrompt, reply: Reply[Opinion], occasion: str) -> Testimony:
        """What an answer adds to a picture on which no rule has failed."""
        opinion, suspicion = reply.value, suspicion_of(reply)
        if opinion is None or suspicion is None:
            unusable = f"{self._called}: its answer could not be used ({reply.problem})"
            return Testimony(self._finding(unusable, "undecided", 0.0, 0.5))
        threshold, weight = self.calibration.worth
        said = f"{self._called} says: {in_one_line(opinion.reason)}".rstrip(".")
        if weight == 0:
            return Testimony(
                None, f"asked since {occasion}, {said}; it does not tell good pictures from spoiled ones"
            )
        if suspicion <= threshold:
            score = 0.5 * weight * suspicion / threshold
            return Testimony(self._finding(f"{self._called} sees nothing wrong", "passed", weight, score))
        if weight < SUFFICIENT:
            doubted = f"{said}; its word alone is not enough"
            return Testimony(self._finding(doubted, "undecided", weight, 0.5))
        strength = (suspicion - threshold) / (1 - threshold)
        kind = "structural" if opinion.kind == "none" else opinion.kind
        found = self._finding(said, "failed", weight, 0.5 + 0.5 * weight * strength)
        return Testimony(found.model_copy(update={"kind": kind, "parts": pointed_at(opinion, prompt)}))

    @property
    def _called(self) -> str:
        return f"the witness {self.name}"

    def _finding(self, reason: str, status: Any, weight: float, score: float) -> Finding:
        return Finding(
            rule=0,
            text=ASKED,
            witness=self.name,
            kind="structural",
            status=status,
            reason=reason,
            weight=weight,
            score=score,
        )


def ask_witness(
    model: BaseChatModel, prompts: Sequence[InspectionPrompt], options: dict[str, Any]
) -> list[Reply[Opinion]]:
    """The opinions of a model, in the order of the questions.

    Raises:
        ModelError: The model cannot be asked.
    """
    questions = [inspection_messages(prompt) for prompt in prompts]
    return ask_all(model, questions, _OPINION, words_of=lambda opinion: opinion.reason, **options)
