"""The measurement itself: the same pictures for all, each beside the baseline, and what is said of them."""

from __future__ import annotations

import io

import numpy as np
from logisight.benchmarks.grnr_speed import LIMIT, Row, measured, pictures, report, ways
from logisight.tools.detectors import load_detector
from rich.console import Console


def test_a_row_is_compared_turn_by_turn():
    row = Row("grnr", [2.0, 3.0, 10.0], [1.0, 1.0, 1.0], [1.0, 1.0, 2.0])
    assert row.ratio == 3
    console = Console(file=io.StringIO(), width=200)
    report(console, [row])
    assert f"| grnr | 3.000 | 2.000 | 1.000 | {3 / LIMIT:.2f} | 3.00 |" in console.file.getvalue()


def test_pictures_are_the_same_for_the_same_seed():
    first, again, other = (pictures(2, 32, seed) for seed in (1, 1, 2))
    for one, same, different in zip(first, again, other, strict=True):
        assert one.pixels.shape == (32, 32, 3)
        assert np.array_equal(one.pixels, same.pixels)
        assert not np.array_equal(one.pixels, different.pixels)


def test_every_variant_stands_beside_the_baseline():
    for backbone in ("filter-bank", "squeezenet"):
        names = [detector.name for detector in ways(backbone, None)]
        assert names[0] == f"mean-distance[{backbone}]"
        assert {f"grnr[{backbone}]", f"grnr-local[{backbone}]", f"grnr-grain[{backbone}]"} == set(names[1:])


def test_each_detector_is_measured_in_each_turn_but_the_first():
    detectors = [load_detector(kind, size=64, margin=0) for kind in ("mean-distance", "grnr")]
    rows = measured(detectors, pictures(2, 64, 0), turns=2)
    assert [row.name for row in rows] == [detector.name for detector in detectors]
    for row in rows:
        assert len(row.seconds) == len(row.cpu_seconds) == 2
        assert min(row.seconds) > 0
        assert row.baseline == rows[0].seconds
    assert rows[0].ratio == 1
