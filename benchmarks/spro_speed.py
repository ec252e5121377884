"""Speed and memory of the metrics on a large test set: python -m logisight.benchmarks.spro_speed.

Smooth float32 maps with defects are made on the fly, the same ones for the same seed, and streamed; making
them is part of the time. With --official DIR, a copy of the evaluation code of MVTec LOCO AD and LogiSight
score the same maps, as many as --beside says, which both find in memory. DIR holds the `src` folder of that
code, which is run as it is: name only a folder that you trust. With NumPy 2 it rounds thresholds to the
float32 of the maps, and so differs from LogiSight, which takes float64, in the last digits.

Each row is one process, so that its peak memory is its own. Machines are shared and noisy: compare ratios of
one run, not figures of two.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import multiprocessing
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from .maps import Defect, Group, MapScores, ScoredPicture
from .metrics import LIMITS, au_spro, image_metrics, pixel_metrics
from .official import CURVE_MAX_DISTANCE, OfficialThresholds

GROUPS: Final[tuple[Group, ...]] = get_args(Group)
Areas = dict[str, dict[str, float]]
"""Group -> limit of the false positive rate, as text -> AU-sPRO."""


class MadeMaps(NamedTuple):
    """A test set that is made while it is read: a third good, a third logical, a third structural."""

    maps: int
    width: int
    height: int
    seed: int

    def pictures(self) -> Iterator[ScoredPicture]:
        """The maps and their ground truth: one to three channels each, which may overlap."""
        field = _noise(np.random.default_rng(self.seed), 2 * self.height, 2 * self.width)
        for number in range(self.maps):
            yield self._picture(number, field)

    def _picture(self, number: int, field: NDArray[np.float32]) -> ScoredPicture:
        random = np.random.default_rng((self.seed, number))
        y, x = random.integers(0, self.height), random.integers(0, self.width)
        crop = field[y : y + self.height, x : x + self.width]
        scores = np.asarray(crop * np.float32(random.uniform(0.5, 1.5)), np.float32)
        group = GROUPS[number * len(GROUPS) // self.maps]
        defects = []
        for _ in range(0 if group == "good" else random.integers(1, 4)):
            mask = self._ellipse(random)
            scores[mask] += np.float32(random.uniform(0, 2))
            area = int(np.count_nonzero(mask))
            defects.append(Defect("ab"[random.integers(2)], mask, int(random.integers(1, area + 1))))
        return ScoredPicture(scores, defects, group, str(number))

    def _ellipse(self, random: np.random.Generator) -> NDArray[np.bool_]:
        mask = np.zeros((self.height, self.width), np.uint8)
        center = (int(random.integers(self.width)), int(random.integers(self.height)))
        axes = (int(random.integers(1, self.width // 6)), int(random.integers(1, self.height // 6)))
        cv2.ellipse(mask, center, axes, float(random.uniform(0, 180)), 0, 360, 1, cv2.FILLED)
        return mask.view(np.bool_)


class Way(NamedTuple):
    """One way to score, to be measured in a process of its own."""

    what: str
    maps: MadeMaps
    held: bool
    """Whether the maps are in memory before the clock starts; else they are made while it runs."""
    score: Callable[[Iterable[ScoredPicture], MadeMaps], Areas]


class Measured(NamedTuple):
    """What one way took."""

    seconds: float
    cpu_seconds: float
    """Of all threads."""
    megabytes: float
    """Peak memory of the process."""
    areas: Areas


def exact(pictures: Iterable[ScoredPicture], _: MadeMaps) -> Areas:
    """AU-sPRO from thresholds so dense that what they leave out is bounded."""
    return au_spro(pictures).groups


def official(pictures: Iterable[ScoredPicture], maps: MadeMaps) -> Areas:
    """AU-sPRO from the thresholds of the official evaluation."""
    return au_spro(pictures, official=OfficialThresholds(maps.maps, maps.seed)).groups


def everything(pictures: Iterable[ScoredPicture], _: MadeMaps) -> Areas:
    """The metrics of pictures and of pixels, and AU-sPRO."""
    scores = MapScores.of(pictures)
    for group in GROUPS[1:]:
        image_metrics(scores.highest("good"), scores.highest(group))
    pixel_metrics(scores)
    return au_spro(scores).groups


def official_code(folder: Path, pictures: Iterable[ScoredPicture], maps: MadeMaps) -> Areas:
    """AU-sPRO by a copy of the official evaluation, which lies in `folder/src`."""
    sys.path.insert(0, str(folder))
    image, aggregation = importlib.import_module("src.image"), importlib.import_module("src.aggregation")
    area = importlib.import_module("src.util").get_auc_for_max_fpr
    np.random.seed(maps.seed)
    groups, scored, truth = [], [], []
    for picture in pictures:
        groups.append(picture.group)
        scored.append(image.AnomalyMap(picture.scores))
        truth.append(image.GroundTruthMap(_channels(image, picture)) if picture.defects else None)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        metrics = aggregation.MetricsAggregator(truth, scored).run(CURVE_MAX_DISTANCE)
    areas: Areas = {}
    for group in GROUPS[1:]:
        taken = [one for one, its in zip(scored, groups, strict=True) if its in ("good", group)]
        subset = metrics.reduce_to_images(taken)
        fpr, spro = subset.get_fp_rates(), subset.get_mean_spros()
        areas[group] = {str(limit): float(area(fpr, spro, limit)) for limit in LIMITS}
    return areas


def _channels(image: Any, picture: ScoredPicture) -> list[Any]:
    return [
        image.GroundTruthChannel(
            defect.mask, image.DefectConfig(defect.name, 1, defect.saturation, relative_saturation=False)
        )
        for defect in picture.defects
    ]


def main() -> None:
    """Measure, and print the tables."""
    options = _options()
    maps = MadeMaps(options.maps, options.size[0], options.size[1], options.seed)
    console = Console(soft_wrap=True, highlight=False)
    console.print(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"NumPy {np.__version__}; maps of {maps.width}x{maps.height}\n",
        markup=False,
    )
    ways = [
        Way("AU-sPRO", maps, False, exact),
        Way("AU-sPRO, official thresholds", maps, False, official),
        Way("pictures, pixels and AU-sPRO", maps, False, everything),
    ]
    _table(console, ways)
    if options.official:
        some = maps._replace(maps=min(options.beside, maps.maps))
        beside = [
            Way("official evaluation code", some, True, partial(official_code, options.official)),
            Way("AU-sPRO, official thresholds", some, True, official),
            Way("AU-sPRO", some, True, exact),
        ]
        console.print()
        _compare(console, _table(console, beside))


def measure(way: Way) -> Measured:
    """Time and peak memory of this process; the memory includes what it did before."""
    pictures = list(way.maps.pictures()) if way.held else way.maps.pictures()
    start, cpu_start = time.perf_counter(), time.process_time()
    areas = way.score(pictures, way.maps)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Measured(seconds, cpu_seconds, kilobytes / 1024, areas)


def _table(console: Console, ways: Iterable[Way]) -> list[tuple[Way, Measured]]:
    console.print("| what | maps | seconds | CPU seconds | ms a map | peak MB |\n|---|---|---|---|---|---|")
    done = []
    for way in ways:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            found = pool.submit(measure, way).result()
        done.append((way, found))
        console.print(
            f"| {way.what} | {way.maps.maps} | {found.seconds:.1f} | {found.cpu_seconds:.1f} | "
            f"{1000 * found.seconds / way.maps.maps:.0f} | {found.megabytes:.0f} |",
            markup=False,
        )
    return done


def _compare(console: Console, done: list[tuple[Way, Measured]]) -> None:
    """The first of several ways, beside the others."""
    (first, slow), *others = done
    console.print(
        f"\n| beside the {first.what} | times as fast | of CPU | largest difference |\n|---|---|---|---|"
    )
    for way, found in others:
        difference = max(
            abs(found.areas[group][limit] - area)
            for group, areas in slow.areas.items()
            for limit, area in areas.items()
        )
        console.print(
            f"| {way.what} | {slow.seconds / found.seconds:.1f} | "
            f"{slow.cpu_seconds / found.cpu_seconds:.1f} | {difference:.2g} |",
            markup=False,
        )


def _noise(random: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A smooth field with fine detail, of values that hardly repeat."""
    coarse = random.normal(size=(height // 40 + 1, width // 40 + 1)).astype(np.float32)
    fine = random.normal(scale=0.5, size=(height // 4 + 1, width // 4 + 1)).astype(np.float32)
    layers = [cv2.resize(one, (width, height), interpolation=cv2.INTER_CUBIC) for one in (coarse, fine)]
    return np.asarray(layers[0] + layers[1], np.float32)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m logisight.benchmarks.spro_speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--maps", type=int, default=500, help="how many are streamed (default: 500)")
    parser.add_argument(
        "--size",
        type=_size,
        default=(1600, 1280),
        metavar="WIDTHxHEIGHT",
        help="of a map, at least 12x12 (default: 1600x1280)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the maps, and of the sample of their scores")
    parser.add_argument(
        "--official", type=_evaluation, metavar="DIR", help="a copy of the official evaluation"
    )
    parser.add_argument(
        "--beside", type=int, default=30, metavar="N", help="maps that it scores, in memory (default: 30)"
    )
    options = parser.parse_args()
    if min(options.maps, options.beside) < len(GROUPS):
        parser.error(f"there must be at least {len(GROUPS)} maps, one of each group")
    return options


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and min(int(width), int(height)) >= 12):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 1600x1280, of at least 12x12")
    return int(width), int(height)


def _evaluation(text: str) -> Path:
    folder = Path(text).resolve()
    if not (folder / "src" / "aggregation.py").is_file():
        raise argparse.ArgumentTypeError(
            f"{text} holds no official evaluation: src/aggregation.py is missing"
        )
    return folder


if __name__ == "__main__":
    main()
