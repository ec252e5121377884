"""What the word of a witness is worth: it is asked about good pictures, and about ones spoiled on purpose.

A model that calls everything anomalous says so of the good pictures too, and is worth nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from ...prompts import Opinion
from ...schema import Record, Usage
from ...tools.spoiling import Way
from ..llm.asking import Reply
from ..llm.odds import odds_of

MOST_PICTURES: Final = 8
"""Good pictures that a witness is asked about; each is also spoiled in every way there is."""

SUFFICIENT: Final = 0.5
"""A witness of this weight is believed even where every rule holds."""

VERDICTS: Final = ("normal", "anomalous", "unsure")

State = Literal["good", Way]


class Trial(Record):
    """What a witness said of one picture of known state."""

    picture: str
    state: State
    suspicion: float | None
    """0 to 1, see `suspicion_of`; None where its answer could not be used."""


class Worth(NamedTuple):
    """Where the suspicion of a witness begins to count, and how much."""

    threshold: float
    """0 to 1; a suspicion above it says anomalous."""
    weight: float
    """0 to 1; 0 where it does not tell spoiled pictures from good ones."""


class Calibration(Record):
    """How a witness did on pictures of known state."""

    witness: str
    asked_sha256: str
    """Of all that its questions are made of; another one needs another calibration."""
    odds: bool
    """Whether its suspicion is read from the odds of its words, and not from the confidence it states."""
    trials: list[Trial]
    least_confidence: float
    """The least confidence of any part on the good pictures."""
    usage: Usage = Usage()

    @cached_property
    def worth(self) -> Worth:
        """What its word is worth."""
        return worth_of(self.suspicions("good"), self.suspicions("removed", "scratched", "stained"))

    def suspicions(self, *states: State) -> list[float]:
        """Of the pictures in some states, where there was an answer."""
        return [t.suspicion for t in self.trials if t.state in states and t.suspicion is not None]

    @property
    def suspected(self) -> Mapping[State, tuple[int, int]]:
        """State -> how many pictures in it were called anomalous, and of how many."""
        states = dict.fromkeys(trial.state for trial in self.trials)
        return {
            state: (
                sum(s > self.worth.threshold for s in self.suspicions(state)),
                sum(trial.state == state for trial in self.trials),
            )
            for state in states
        }


def suspicion_of(reply: Reply[Opinion]) -> float | None:
    """How anomalous a witness thinks a picture, 0 to 1; None where its answer cannot be used.

    It is the probability that it gave to the word, where it tells that, and half of that of `unsure`.
    Otherwise it is made of the verdict and of how sure it says to be.
    """
    opinion = reply.value
    if opinion is None:
        return None
    odds = odds_of(reply.message, "verdict", VERDICTS)
    if odds:
        return odds["anomalous"] + odds["unsure"] / 2
    sides = {"normal": -1, "unsure": 0, "anomalous": 1}
    return 0.5 + sides[opinion.verdict] * opinion.confidence / 2


def worth_of(good: Sequence[float], spoiled: Sequence[float]) -> Worth:
    """The threshold that tells spoiled pictures from good ones best, and how well it does.

    The weight is Youden's index (Cancer 3, 1950), the share of spoiled pictures above the threshold less the
    share of good ones, times n / (n + 2) for n pictures of each: few pictures prove little.
    """
    if not good or not spoiled:
        return Worth(0.5, 0.0)
    sure = len(good) / (len(good) + 2) * len(spoiled) / (len(spoiled) + 2)
    values = sorted({0.0, 1.0, *good, *spoiled})
    best, widest = Worth(0.5, 0.0), 0.0
    for low, high in pairwise(values):
        threshold = (low + high) / 2
        noticed, alarms = (_share_above(threshold, some) for some in (spoiled, good))
        weight = round(max(0.0, sure * (noticed - alarms)), 6)
        if (weight, high - low) > (best.weight, widest) and weight > 0:
            best, widest = Worth(threshold, weight), high - low
    return best


def _share_above(threshold: float, values: Sequence[float]) -> float:
    return sum(value > threshold for value in values) / len(values)
