"""One detector on one category: learn, calibrate, look at every tested picture, keep score."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from sklearn.metrics import roc_auc_score

from ...schema import DatasetError, DetectorError, PictureError
from ...tools.detectors import AnomalyMap, Detector, calibrate
from ...tools.samples import Sample, read_sample
from ..maps import Defect, Group, MapScores, ScoredPicture
from ..metrics import PixelMetrics, image_metrics, pixel_metrics
from ..scores import Scores
from ..worst_cases import WorstCases
from .category import Category, KnownPicture, Mask, Roles
from .result import CategoryScore, ClassScore, PictureScore
from .tiles import Tiles


class Shown(NamedTuple):
    """A picture that was read, with its ground truth."""

    known: KnownPicture
    sample: Sample
    truth: Mask


class Trial:
    """What is seen of a category while a detector looks at its pictures, one after the other."""

    def __init__(
        self,
        detector: Detector,
        label: str,
        category: Category,
        roles: Roles,
        tiles: Tiles,
        crop: float = 0.0,
        on_picture: Callable[[], None] = lambda: None,
    ) -> None:
        """`label` is what results call the detector; `on_picture` is told of each picture that is read.

        `crop` is the share of the height above and below, and of the width left and right, whose pixels are
        not scored.
        """
        self._detector, self._label, self._category, self._roles = detector, label, category, roles
        self._on_picture, self._crop = on_picture, crop
        self._maps = MapScores()
        self._pictures: list[PictureScore] = []
        self._notes: dict[str, None] = {}
        self._problems: list[str] = []
        self.worst = WorstCases()
        self.tiles = tiles

    def run(self, inputs: str = "") -> CategoryScore:
        """Learn, calibrate, and look.

        Raises:
            DatasetError: No picture of a defect can be used.
            DetectorError: There is nothing to learn from, or looking at any picture fails.
        """
        self._detector.calibration = None
        if self._detector.learns and not self._roles.pairs:
            self._detector.fit(self._normal(self._roles.learn))
        if self._roles.calibrate:
            calibrate(self._detector, self._normal(self._roles.calibrate))
        for shown in _batches(self._readable(), self._batch):
            self._learn_pair(shown)
            self._see(shown)
        return self._score(inputs)

    @property
    def _batch(self) -> int:
        return 1 if self._roles.pairs else self._detector.options.batch

    def _normal(self, paths: Sequence[Path]) -> Iterator[Sample]:
        for path in paths:
            self._on_picture()
            try:
                yield read_sample(path, self._category.product)
            except PictureError as error:
                self._problems.append(str(error))

    def _readable(self) -> Iterator[Shown]:
        for known in self._roles.test:
            self._on_picture()
            try:
                sample = read_sample(known.path, self._category.product)
                height, width = sample.pixels.shape[:2]
                truth = np.zeros((height, width), np.bool_)
                if known.kind:
                    truth = self._category.read_truth(known, (width, height))
            except (PictureError, DatasetError) as error:
                self._problems.append(str(error))
            else:
                yield Shown(known, sample, truth)

    def _learn_pair(self, shown: Sequence[Shown]) -> None:
        if self._roles.pairs:
            self._detector.fit(self._normal([one.known.reference for one in shown if one.known.reference]))

    def _see(self, shown: Sequence[Shown]) -> None:
        """Look at a batch; where that fails, at each picture alone, so that one cannot spoil the others."""
        start = time.perf_counter()
        try:
            maps = list(self._detector.predict([one.sample for one in shown]))
        except DetectorError as error:
            if len(shown) == 1:
                self._problems.append(f"{shown[0].known.name}: {error}")
            else:
                for one in shown:
                    self._see([one])
            return
        seconds = (time.perf_counter() - start) / len(shown)
        for one, anomaly in zip(shown, maps, strict=True):
            self._take(one, anomaly, seconds)

    def _take(self, shown: Shown, anomaly: AnomalyMap, seconds: float) -> None:
        known, whole = shown.known, _scored(shown.known, anomaly.scores, shown.truth)
        inner = _inner(shown.truth.shape, self._crop)
        scored = _scored(known, anomaly.scores[inner], shown.truth[inner])
        auroc = None
        if scored.defects or not known.kind:  # else its defect is where pixels are not scored
            self._maps.add(scored)
        if scored.defects and not (truth := scored.defects[0].mask).all():
            auroc = float(roc_auc_score(truth.ravel(), scored.scores.ravel()))
        self.worst.see(whole)
        self.tiles.see(known, anomaly.scores)
        self._notes |= dict.fromkeys(anomaly.notes)
        self._pictures.append(
            PictureScore(
                name=known.name, kind=known.kind, score=anomaly.score, pixel_auroc=auroc, seconds=seconds
            )
        )

    def _score(self, inputs: str) -> CategoryScore:
        kinds = sorted({one.kind for one in self._pictures if one.kind})
        if not kinds:
            why = f" ({self._problems[-1]})" if self._problems else ""
            raise DatasetError(f"no picture of a defect can be used{why}")
        pooled = pixel_metrics(self._maps)
        good = self._of("")
        return CategoryScore(
            category=self._category.name,
            detector=self._label,
            learned=1 if self._roles.pairs else len(self._roles.learn),
            pairs=self._roles.pairs,
            good=len(good),
            classes=[self._class(kind, pooled.get(kind)) for kind in kinds],
            calibration=self._detector.calibration,
            false_alarms=self._alarms(good),
            pictures=self._pictures,
            seconds=float(np.median([one.seconds for one in self._pictures])),
            worst=self.worst.cases(),
            notes=list(self._notes),
            problems=[*self._category.problems, *dict.fromkeys(self._problems)],
            inputs=inputs,
        )

    def _class(self, kind: str, pooled: PixelMetrics | None) -> ClassScore:
        mine, good = self._of(kind), self._of("")
        aurocs = [one.pixel_auroc for one in mine if one.pixel_auroc is not None]
        scores = [one.score for one in mine]
        return ClassScore(
            kind=kind,
            pictures=len(mine),
            pixel_auroc=float(np.mean(aurocs)) if aurocs else None,
            pooled=pooled,
            image_auroc=image_metrics([one.score for one in good], scores).auroc if good else None,
            hits=self._alarms(mine),
        )

    def _of(self, kind: str) -> list[PictureScore]:
        return [one for one in self._pictures if one.kind == kind]

    def _alarms(self, pictures: Sequence[PictureScore]) -> float | None:
        """The share of pictures above the threshold."""
        calibration = self._detector.calibration
        if not calibration or not pictures:
            return None
        return float(np.mean([one.score > calibration.picture.threshold for one in pictures]))


def _scored(known: KnownPicture, scores: Scores, truth: Mask) -> ScoredPicture:
    """A map, or part of it; the kinds of defects take the place of the groups of MVTec LOCO AD."""
    defects = [Defect(known.kind, truth, int(truth.sum()))] if truth.any() else []
    return ScoredPicture(scores, defects, cast("Group", known.kind or "good"), known.name)


def _inner(shape: Sequence[int], crop: float) -> tuple[slice, ...]:
    """Rows and columns of what is left without the outer share of each side."""
    return tuple(slice(round(crop * side), side - round(crop * side)) for side in shape)


def _batches(items: Iterable[Shown], size: int) -> Iterator[list[Shown]]:
    left = iter(items)
    while some := list(itertools.islice(left, size)):
        yield some
