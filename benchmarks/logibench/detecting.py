"""Pictures judged by a detector without rules, for comparison."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ...agents.journal import Journal
from ...schema import LogiSightError
from ...tools.detectors import AnomalyMap, Detector
from ...tools.samples import read_sample
from ..loco import LocoCategory, LocoPicture
from .facts import PictureFact


def judge_with(
    detector: Detector,
    category: LocoCategory,
    pictures: Sequence[LocoPicture],
    journal: Journal[PictureFact],
    on_step: Callable[[], None],
) -> list[PictureFact]:
    """What a detector says of pictures, in order; those in the journal are taken from there.

    It is anomalous above the highest score of `validation/good`, or of `train/good` where there is no
    validation: no test picture has a say in that.

    Raises:
        LogiSightError: A good picture cannot be read, or there is none.
    """
    for _ in journal.facts:
        on_step()
    missing = pictures[len(journal.facts) :]
    if missing:
        train = [picture.path for picture in category.select("train")]
        detector.fit(read_sample(path, category.name) for path in train)
        good = [picture.path for picture in category.select("validation")] or train
        limit = max(_look(detector, path, category.name).score for path in good)
        for picture in missing:
            journal.add(_judged(detector, picture, limit))
            on_step()
    return journal.facts


def _judged(detector: Detector, picture: LocoPicture, limit: float) -> PictureFact:
    start = time.perf_counter()
    try:
        score = _look(detector, picture.path, picture.category).score
    except LogiSightError as error:
        return PictureFact(name=picture.name, status="undecided", score=limit, error=str(error))
    status = "anomalous" if score > limit else "normal"
    return PictureFact(
        name=picture.name, status=status, score=score, seconds={"see": time.perf_counter() - start}
    )


def _look(detector: Detector, path: Path, product: str) -> AnomalyMap:
    return next(detector.predict([read_sample(path, product)]))
