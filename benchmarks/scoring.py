"""Scores anyone's anomaly maps of a test set, one category after the other, and keeps what is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Protocol, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from ..schema import DatasetError, DetectorError, Record
from .confusion import Confusion, ImageScore, confusion
from .kept import fingerprint, keep, kept
from .loco import CONFIG, LocoCategory, find_categories, read_category
from .maps import ALL, Group, MapScores, ScoredPicture
from .metrics import ImageMetrics, Localization, PixelMetrics, au_spro, image_metrics, pixel_metrics
from .official import OfficialThresholds, official_auroc
from .worst_cases import Case, WorstCases

GROUPS: Final[tuple[Group, ...]] = get_args(Group)
RESULT: Final = "score.json"
PLOT_TOLERANCE: Final = 0.005
"""Of the curves that are kept to be drawn."""
MOST_POINTS: Final = 500


class Maps(Protocol):
    """Where the maps of a category come from: files, or a detector."""

    problems: list[str]
    """One line for each picture that has no map that can be used; complete when `pictures` has ended."""

    def pictures(self) -> Iterator[ScoredPicture]:
        """The maps beside their ground truth, in the order of the official evaluation."""

    def files(self) -> list[Path]:
        """The files that they are read from."""

    def count(self) -> int:
        """How many there are, before any is read."""


class Plot(Record):
    """A curve to be drawn."""

    x: list[float]
    y: list[float]


class CategoryScore(Record):
    """What the maps of one category are worth."""

    category: str
    pictures: dict[str, int]
    """Group -> test pictures with a map."""
    image: dict[str, ImageMetrics]
    """By the highest score of each map: of each group of anomalies against the good ones, and of `all`."""
    official_auroc: dict[str, float]
    """Of pictures, as the official evaluation counts tied scores; with `mean`, of the two groups."""
    pixel: dict[str, PixelMetrics]
    localization: Localization
    roc: dict[str, Plot]
    """Of pictures: true over false positive rate."""
    spro: dict[str, Plot]
    """Of channels: mean sPRO over false positive rate."""
    confusion: Confusion | None
    """None without good pictures, or without anomalous ones."""
    worst: list[Case]
    """The anomalous pictures that score lowest, and the good ones that score highest, the worst first."""
    problems: list[str]
    """One line for each file that could not be used."""
    inputs: str
    """SHA-256 of the settings, and of the names, sizes and times of all files that were read."""


class Score(Record):
    """What the maps of a test set are worth."""

    version: str
    """Of LogiSight."""
    official: bool
    seed: int
    categories: list[CategoryScore]
    skipped: list[str]
    """One line for each category that could not be scored."""

    @property
    def whole(self) -> bool:
        """Whether nothing was left out."""
        return not self.skipped and not any(one.problems for one in self.categories)

    def mean(self, of: Callable[[CategoryScore], float | None]) -> float | None:
        """The mean of a number over the categories; None where one of them lacks it."""
        values = [of(one) for one in self.categories]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known and len(known) == len(values) else None


def score_maps(
    maps_of: Callable[[LocoCategory], Maps],
    data: Path,
    out: Path,
    *,
    categories: Sequence[str] = (),
    official: bool = False,
    seed: int = 0,
    fresh: bool = False,
    on_start: Callable[[str, int], None] = lambda *_: None,
    on_picture: Callable[[], None] = lambda: None,
) -> Score:
    """Score the maps of all categories of `data`; see `loco` for its layout.

    Each is written to `out/CATEGORY/score.json` as soon as it is done, and to `metrics.json` in the form of
    the official evaluation. One that stands there, of the same files, is taken from there unless `fresh`.
    `official` chooses thresholds as the official evaluation does, with `seed`.

    Raises:
        DatasetError: There is no category at all.
    """
    done, skipped = [], []
    for folder in find_categories(data, categories):
        try:
            category = read_category(folder)
            found = maps_of(category)
            inputs = fingerprint(
                [*_files(category), *found.files()], official, seed, version("logisight"), category.problems
            )
            folder_out = out / category.name
            score = None if fresh else kept(CategoryScore, folder_out / RESULT, inputs)
            if score is None:
                on_start(category.name, len(category.select("test")))
                chosen = OfficialThresholds(found.count(), seed) if official else None
                worst = WorstCases()
                score = score_category(category, found, inputs, chosen, on_picture, worst)
                worst.draw({one.name: one.path for one in category.pictures}, folder_out)
                keep(folder_out / "metrics.json", official_form(score))
                keep(folder_out / RESULT, score.model_dump(mode="json"))
            done.append(score)
        except (DatasetError, DetectorError) as error:
            skipped.append(f"{folder.name}: {error}")
    return Score(version=version("logisight"), official=official, seed=seed, categories=done, skipped=skipped)


def score_category(
    category: LocoCategory,
    found: Maps,
    inputs: str = "",
    official: OfficialThresholds | None = None,
    on_picture: Callable[[], None] = lambda: None,
    worst: WorstCases | None = None,
) -> CategoryScore:
    """Score one category; `worst` remembers the pictures that its maps are most wrong about.

    Raises:
        DatasetError: No map can be used, or no picture has a defect.
    """
    scores, images, worst = MapScores(), list[ImageScore](), worst or WorstCases()
    for picture in found.pictures():
        scores.add(picture)
        images.append(ImageScore.of(picture))
        worst.see(picture)
        if official:
            official.see(picture.scores)
        on_picture()
    highest = {group: scores.highest(group) for group in GROUPS}
    against: dict[str, NDArray[np.float64]] = {
        group: some for group in GROUPS[1:] if len(some := highest[group]) and len(highest["good"])
    }
    ways = {group: official_auroc(highest["good"], some) for group, some in against.items()}
    if len(against) == len(GROUPS) - 1:
        ways["mean"] = 0.5 * sum(ways.values())
        against[ALL] = np.concatenate(list(against.values()))
    return CategoryScore(
        category=category.name,
        pictures={group: len(some) for group, some in highest.items()},
        image={name: image_metrics(highest["good"], some) for name, some in against.items()},
        official_auroc=ways,
        pixel=pixel_metrics(scores),
        localization=au_spro(scores, official=official),
        roc={name: _roc(highest["good"], some) for name, some in against.items()},
        spro=_spro(scores),
        confusion=confusion(images),
        worst=worst.cases(),
        problems=[*category.problems, *found.problems],
        inputs=inputs,
    )


def official_form(score: CategoryScore) -> dict[str, Any]:
    """As `metrics.json` of the official evaluation, which sorts its keys."""
    return {
        "classification": {"auc_roc": dict(sorted(score.official_auroc.items()))},
        "localization": {"auc_spro": dict(sorted(score.localization.groups.items()))},
    }


def _roc(good: NDArray[np.float64], anomalous: NDArray[np.float64]) -> Plot:
    labels = np.arange(len(good) + len(anomalous)) >= len(good)
    fpr, tpr, _ = roc_curve(labels, np.concatenate([good, anomalous]))
    return Plot(x=fpr.tolist(), y=tpr.tolist())


def _spro(scores: MapScores) -> dict[str, Plot]:
    limit = np.array([1.0])
    thresholds, _ = scores.dense(
        lambda some: np.max([curve.gaps(limit) for curve in scores.spro(some).values()], axis=0),
        PLOT_TOLERANCE,
    )
    curves = {name: curve for name, curve in scores.spro(thresholds).items() if "/" not in name}
    step = max(1, len(thresholds) // MOST_POINTS)
    return {
        name: Plot(x=[*curve.fpr[:-1:step], 1.0], y=[*curve.overlap[:-1:step], 1.0])
        for name, curve in curves.items()
    }


def _files(category: LocoCategory) -> list[Path]:
    channels = [path for picture in category.pictures for path in picture.channels]
    return [category.folder / CONFIG, *(picture.path for picture in category.select("test")), *channels]
