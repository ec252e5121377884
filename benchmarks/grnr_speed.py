"""Speed of GRNR by backbone and variant: python -m logisight.benchmarks.grnr_speed.

Pictures are drawn at random; weights too, unless --squeezenet names trained ones: they cost the same. Every
way to look takes its turn at the same pictures, and the mean distance, which is the least that looking can
be, takes its own in the same run. Machines are shared and noisy: compare ratios of one run, not figures of
two. CPU seconds are those of all threads.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple, get_args

import numpy as np
from rich.console import Console

from ..schema import LogiSightError
from ..tools.detectors import Detector, load_detector
from ..tools.detectors.grnr.detector import Variant
from ..tools.samples import Sample, sample_of

BACKBONES: Final = ("filter-bank", "squeezenet")
BASELINE: Final = "mean-distance"
LIMIT: Final = 0.15
"""Seconds that a picture of 320 x 320 may take on two cores."""


class Row(NamedTuple):
    """What one way to look took, a picture, in each turn."""

    name: str
    seconds: list[float]
    cpu_seconds: list[float]
    baseline: list[float]
    """Seconds of the mean distance with the same backbone, in the same turns."""

    @property
    def ratio(self) -> float:
        """How many times as long as the baseline, in the median turn."""
        return median(own / other for own, other in zip(self.seconds, self.baseline, strict=True))


def measured(detectors: Sequence[Detector], samples: Sequence[Sample], turns: int) -> list[Row]:
    """A row for each detector, the first being the baseline of all, after one turn to warm up."""
    wall: list[list[float]] = [[] for _ in detectors]
    cpu: list[list[float]] = [[] for _ in detectors]
    for turn in range(turns + 1):
        for place, detector in enumerate(detectors):
            start, cpu_start = time.perf_counter(), time.process_time()
            detector.look(samples)
            seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
            if turn:
                wall[place].append(seconds / len(samples))
                cpu[place].append(cpu_seconds / len(samples))
    names = [detector.name for detector in detectors]
    return [Row(*row, wall[0]) for row in zip(names, wall, cpu, strict=True)]


def pictures(count: int, size: int, seed: int) -> list[Sample]:
    """Brushed surfaces: stripes that differ across, and noise."""
    random = np.random.default_rng(seed)
    stripes = random.normal(120, 12, (count, 1, size, 1)) + random.normal(0, 6, (count, size, size, 3))
    return [sample_of(one, str(n)) for n, one in enumerate(stripes.clip(0, 255).astype(np.uint8))]


def ways(backbone: str, weights: Path | None) -> list[Detector]:
    """The baseline and every variant with one backbone."""
    told = {"backbone": backbone}
    if backbone == "squeezenet":
        told["weights"] = str(weights or "random")
    return [load_detector(BASELINE, **told)] + [
        load_detector("grnr", variant=variant, **told) for variant in get_args(Variant)
    ]


def report(console: Console, rows: Sequence[Row]) -> None:
    """Print the table."""
    console.print(
        f"| detector | s a picture, median | fastest | CPU s | of {LIMIT} s | of {BASELINE} |\n"
        "|---|---|---|---|---|---|",
        markup=False,
    )
    for row in rows:
        middle = median(row.seconds)
        console.print(
            f"| {row.name} | {middle:.3f} | {min(row.seconds):.3f} | {median(row.cpu_seconds):.3f} "
            f"| {middle / LIMIT:.2f} | {row.ratio:.2f} |",
            markup=False,
        )


def main() -> None:
    """Measure, and print the table."""
    asked = _asked()
    console = Console(soft_wrap=True, highlight=False)
    console.print(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; "
        f"{asked.size} px, batches of {asked.batch}\n",
        markup=False,
    )
    samples = pictures(asked.batch, asked.size, asked.seed)
    rows = []
    try:
        for backbone in asked.backbone or BACKBONES:
            rows += measured(ways(backbone, asked.squeezenet), samples, asked.turns)
    except LogiSightError as error:
        raise SystemExit(str(error)) from None
    report(console, rows)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m logisight.benchmarks.grnr_speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--turns", type=int, default=5, help="after one to warm up (default: 5)")
    parser.add_argument("--batch", type=int, default=8, help="pictures in each turn (default: 8)")
    parser.add_argument("--size", type=int, default=320, help="of a picture (default: 320)")
    parser.add_argument(
        "--backbone", action="append", choices=BACKBONES, help="may be repeated (default: all)"
    )
    parser.add_argument("--squeezenet", type=Path, metavar="NPZ", help="trained weights (default: random)")
    parser.add_argument("--seed", type=int, default=0, help="of the pictures")
    asked = parser.parse_args()
    if min(asked.turns, asked.batch, asked.size) < 1:
        parser.error("there must be at least one turn, one picture and one pixel")
    return asked


if __name__ == "__main__":
    main()
