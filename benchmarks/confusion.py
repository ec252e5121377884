"""Which types of defects raise an alarm, and how often good pictures do, at one threshold for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn.metrics import roc_curve

from ..schema import Record
from .maps import Group, ScoredPicture


class Alarms(Record):
    """How many pictures of one kind raise an alarm."""

    name: str
    """`good`, or `logical_anomalies/missing_pushpin`."""
    pictures: int
    alarms: int


class Confusion(Record):
    """Alarms by type of defect."""

    threshold: float
    """Pictures that score at least this raise an alarm: the highest with the best balanced accuracy."""
    rows: list[Alarms]
    """Good pictures, then the types of defects by group and name; a picture counts for each that it has."""


class ImageScore(NamedTuple):
    """What a picture scores, and what it has."""

    group: Group
    defects: frozenset[str]
    score: float

    @classmethod
    def of(cls, picture: ScoredPicture) -> ImageScore:
        """The score of a picture is the highest of its map."""
        return cls(picture.group, frozenset(one.name for one in picture.defects), float(picture.scores.max()))


def confusion(pictures: Sequence[ImageScore]) -> Confusion | None:
    """The alarms where balanced accuracy is best; None without good pictures, or without others."""
    anomalous = np.array([one.group != "good" for one in pictures], bool)
    if anomalous.all() or not anomalous.any():
        return None
    scores = np.array([one.score for one in pictures])
    false, true, thresholds = roc_curve(anomalous, scores)
    # The first threshold of a ROC curve is infinite: no picture raises an alarm.
    threshold = min(
        float(thresholds[int(np.argmax(true - false))]), float(np.nextafter(scores.max(), np.inf))
    )
    count: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    for one in pictures:
        for name in _names(one):
            count[name] += 1
            alarms[name] += one.score >= threshold
    names = sorted(count, key=lambda name: (name != "good", name))
    return Confusion(
        threshold=threshold,
        rows=[Alarms(name=name, pictures=count[name], alarms=alarms[name]) for name in names],
    )


def _names(one: ImageScore) -> list[str]:
    return [f"{one.group}/{name}" for name in one.defects] or [one.group]
