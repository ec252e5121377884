"""Scores detectors on test sets in several layouts, and keeps what is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from ...schema import DatasetError, DetectorError
from ...tools.detectors import Detector, detector_kinds
from ...tools.detectors.registry import detector_of, options_in, options_of
from ...tools.pictures import shown
from ..kept import fingerprint, keep, kept
from .category import Category, KnownPicture, Roles, roles_in
from .layouts import find_products, read_product
from .result import CategoryScore, DetectorBench
from .sheet import Column, write_sheet
from .tiles import Tiles, chosen, kept_tiles
from .trial import Trial

RESULT: Final = "score.json"
UNTOLD: Final = ("backbone", "variant", "weights", "device", "batch", "seed")
"""Options that results do not repeat: they stand in the name of the detector, or change no map."""


def ready_detectors() -> list[str]:
    """Those that need nothing that is not here, without being told anything."""
    ready = []
    for name, kind in detector_kinds().items():
        try:
            missing = kind.missing(options_of(kind, {}))
        except DetectorError as error:
            missing = str(error)
        if not missing:
            ready.append(name)
    return ready


def bench_detectors(
    data: Path,
    out: Path,
    detectors: Sequence[str],
    *,
    categories: Sequence[str] = (),
    seed: int = 0,
    crop: float = 0.0,
    fresh: bool = False,
    on_start: Callable[[str, int], None] = lambda *_: None,
    on_picture: Callable[[], None] = lambda: None,
) -> DetectorBench:
    """Score each detector, named as `detector_of` reads it, on each category of `data`.

    A score is written to `out/DETECTOR/CATEGORY/score.json` as soon as it is known. One that stands there, of
    the same files, is taken from there unless `fresh`. `seed` decides which good pictures are tested where
    the data set does not say, and what detectors do at random. `crop` is the share of each side, at both
    ends, whose pixels are not scored.

    Raises:
        DatasetError: There is no category at all.
        DetectorError: There is no such detector or option, or something that it needs is missing.
        LogiSightError: A result cannot be written.
    """
    loaded = _loaded(detectors, seed)
    scores: list[CategoryScore] = []
    sheets: dict[str, str] = {}
    skipped: list[str] = []
    names: list[str] = []
    for found in find_products(data, categories):
        try:
            category = read_product(found)
        except DatasetError as error:
            skipped.append(f"{found.name}: {error}")
            continue
        names.append(category.name)
        drawn = chosen(roles_in(category, seed, learns=False).test)
        columns = []
        for label, detector in loaded.items():
            roles = roles_in(category, seed, learns=detector.learns)
            place = out / folder_name(label) / category.name
            job = _Job(category, roles, label, detector, crop, drawn, place)
            try:
                scores.append(job.score(fresh, on_start, on_picture))
            except (DatasetError, DetectorError) as error:
                skipped.append(f"{category.name}: {label}: {error}")
            else:
                columns.append(Column.of(scores[-1], kept_tiles(job.out) or {}))
        if columns:
            sheets[category.name] = write_sheet(out, category, drawn, columns)
    return DetectorBench(
        version=version("logisight"),
        data=shown(data.resolve().name),
        seed=seed,
        crop=crop,
        detectors=dict(zip(loaded, dict.fromkeys(detectors), strict=True)),
        categories=names,
        scores=scores,
        sheets=sheets,
        skipped=skipped,
    )


def folder_name(label: str) -> str:
    """What the folder of a detector's results is called."""
    return re.sub(r"[^A-Za-z0-9=.]+", "-", label).strip("-.")


@dataclass(frozen=True, eq=False)
class _Job:
    """One detector to be scored on one category."""

    category: Category
    roles: Roles
    label: str
    """What results call the detector."""
    detector: Detector
    crop: float
    drawn: Sequence[KnownPicture]
    """The pictures on the contact sheet."""
    out: Path
    """The folder for the score."""

    def score(
        self, fresh: bool, on_start: Callable[[str, int], None], on_picture: Callable[[], None]
    ) -> CategoryScore:
        """The one that is kept, or a new one, which is kept."""
        inputs = self._inputs()
        score = None if fresh else kept(CategoryScore, self.out / RESULT, inputs)
        if score and kept_tiles(self.out) is not None:
            return score
        roles = self.roles
        on_start(f"{self.category.name}: {self.label}", roles.reads)
        tiles = Tiles(self.drawn)
        trial = Trial(self.detector, self.label, self.category, roles, tiles, self.crop, on_picture)
        score = trial.run(inputs)
        trial.worst.draw({one.name: one.path for one in roles.test}, self.out)
        trial.tiles.keep(self.out)
        # Last, since it is what makes the score one that is kept.
        keep(self.out / RESULT, score.model_dump(mode="json"))
        return score

    def _inputs(self) -> str:
        """Of all files that a score depends on, those that options name as well, and of what else it does."""
        options = self.detector.options
        files = [value for _, value in options if isinstance(value, Path)]
        for one in self.roles.test:
            files += [one.path, *one.truth, *([one.reference] if one.reference else [])]
        return fingerprint(
            [*files, *self.roles.learn, *self.roles.calibrate],
            version("logisight"),
            self.detector.kind,
            options.model_dump(mode="json"),
            self.roles.sizes,
            self.crop,
            self.category.problems,
        )


def _loaded(detectors: Sequence[str], seed: int) -> dict[str, Detector]:
    """What results call each detector -> the detector."""
    found: dict[str, Detector] = {}
    for text in dict.fromkeys(detectors):
        detector = detector_of(text, seed=seed)
        told = options_in(text.partition(":")[2])
        label = ",".join([detector.name, *(f"{k}={v}" for k, v in told.items() if k not in UNTOLD)])
        label = label if label not in found else f"{label} ({len(found) + 1})"
        found[label] = detector
    return found
