"""Checks a test set in the layout of MVTec LOCO AD, and scores baselines on it: what a number must beat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from ..schema import DatasetError, Record
from ..tools.detectors import load_detector
from ..tools.pictures import shown
from .baselines import BASELINES, DetectorMaps
from .loco import LocoCategory, find_categories, read_category
from .loco_annotations import annotation_folder
from .loco_check import CategoryFacts, check_category, keep_facts, kept_facts
from .scoring import Score, score_maps


class LocoRun(Record):
    """What a test set holds, and what baselines are worth on it."""

    version: str
    """Of LogiSight."""
    data: str
    """Name of the folder."""
    categories: list[CategoryFacts]
    baselines: dict[str, Score]
    """By name."""
    skipped: list[str]
    """One line for each category that could not be read at all."""

    def left_out(self, category: str) -> list[str]:
        """One line for each problem of a category, whoever met it, each once."""
        lines = [line for one in self.categories if one.category == category for line in one.problems]
        for score in self.baselines.values():
            lines += [line for one in score.categories if one.category == category for line in one.problems]
        return list(dict.fromkeys(lines))

    def not_scored(self) -> list[str]:
        """One line for each category and baseline without a score."""
        scored = self.baselines.items()
        return [*self.skipped, *(f"{name}: {line}" for name, score in scored for line in score.skipped)]

    @property
    def whole(self) -> bool:
        """Whether nothing was left out."""
        return not self.not_scored() and not any(self.left_out(one.category) for one in self.categories)


def run_loco(
    data: Path,
    out: Path,
    *,
    categories: Sequence[str] = (),
    annotations: Path | None = None,
    baselines: Sequence[str] = BASELINES,
    fresh: bool = False,
    on_start: Callable[[str, int], None] = lambda *_: None,
    on_picture: Callable[[], None] = lambda: None,
) -> LocoRun:
    """Check all categories of `data`, then score the baselines on each.

    `annotations` holds those of all categories or of the one, see `loco_annotations`; without it they are
    looked for beside the pictures. Facts go to `out/CATEGORY`, scores to `out/BASELINE/CATEGORY` as soon as
    they are known. What stands there, of the same files, is taken from there unless `fresh`.

    Raises:
        DatasetError: There is no category at all.
        DetectorError: There is no such detector, or something that it needs is missing.
    """
    for name in baselines:
        load_detector(name)
    facts: list[CategoryFacts] = []
    skipped: list[str] = []
    for folder in find_categories(data, categories):
        try:
            category = read_category(folder)
        except DatasetError as error:
            skipped.append(f"{folder.name}: {error}")
            continue
        source = annotation_folder(category, annotations)
        known = None if fresh else kept_facts(category, source, out / category.name)
        if known is None:
            on_start(f"{category.name}: reading", len(category.pictures) * (2 if source else 1))
            known = check_category(category, source, on_picture)
            keep_facts(known, out / category.name)
        facts.append(known)
    scores = {
        name: _score(name, data, out / name, facts, fresh, on_start, on_picture)
        for name in dict.fromkeys(baselines if facts else ())
    }
    return LocoRun(
        version=version("logisight"),
        data=shown(data.resolve().name),
        categories=facts,
        baselines=scores,
        skipped=skipped,
    )


def _score(
    name: str,
    data: Path,
    out: Path,
    facts: Sequence[CategoryFacts],
    fresh: bool,
    on_start: Callable[[str, int], None],
    on_picture: Callable[[], None],
) -> Score:
    """Score one baseline on categories that are known."""
    learns = load_detector(name).learns
    learned = {one.category: one.pictures["train"] if learns else 0 for one in facts}

    def started(category: str, count: int) -> None:
        on_start(f"{category}: {name}", learned[category] + count)

    def maps_of(category: LocoCategory) -> DetectorMaps:
        return DetectorMaps(load_detector(name), category, on_picture)

    return score_maps(
        maps_of, data, out, categories=list(learned), fresh=fresh, on_start=started, on_picture=on_picture
    )
