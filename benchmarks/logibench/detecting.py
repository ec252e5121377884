"""Pictures judged by a detector without rules, for comparison."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ...schema import LogiSightError
from ...tools.pictures import read_picture
from ..baselines import Baseline, Pixels
from ..loco import LocoCategory, LocoPicture
from .facts import Journal, PictureFact


def judge_with(
    baseline: Baseline,
    category: LocoCategory,
    pictures: Sequence[LocoPicture],
    journal: Journal[PictureFact],
    on_step: Callable[[], None],
) -> list[PictureFact]:
    """What a detector says of pictures, in order; those in the journal are taken from there.

    A picture's score is the highest of its map. It is anomalous above the highest score of `validation/good`,
    or of `train/good` where there is no validation: no test picture has a say in that.

    Raises:
        LogiSightError: A good picture cannot be read, or there is none.
    """
    for _ in journal.facts:
        on_step()
    missing = pictures[len(journal.facts) :]
    if missing:
        train = [picture.path for picture in category.select("train")]
        baseline.fit((_pixels(path) for path in train), len(train))
        good = [picture.path for picture in category.select("validation")] or train
        limit = max(float(baseline.predict(_pixels(path)).max()) for path in good)
        for picture in missing:
            journal.add(_judged(baseline, picture, limit))
            on_step()
    return journal.facts


def _judged(baseline: Baseline, picture: LocoPicture, limit: float) -> PictureFact:
    start = time.perf_counter()
    try:
        score = float(baseline.predict(_pixels(picture.path)).max())
    except LogiSightError as error:
        return PictureFact(name=picture.name, status="undecided", score=limit, error=str(error))
    status = "anomalous" if score > limit else "normal"
    return PictureFact(
        name=picture.name, status=status, score=score, seconds={"see": time.perf_counter() - start}
    )


def _pixels(path: Path) -> Pixels:
    return read_picture(path).pixels
