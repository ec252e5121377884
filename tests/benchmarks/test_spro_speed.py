"""The measurement itself: the same maps each time, ways that agree, and a stand-in for the official code."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from textwrap import dedent

import numpy as np
import pytest
from logisight.benchmarks import spro_speed
from logisight.benchmarks.spro_speed import MadeMaps, Way, everything, exact, measure, official, official_code

MAPS = MadeMaps(9, 64, 48, 1)

STAND_IN = {
    "image": """
        class Kept:
            def __init__(self, *values, **names): self.values = values
        AnomalyMap = GroundTruthMap = GroundTruthChannel = DefectConfig = Kept
    """,
    "aggregation": """
        class Subset:
            def __init__(self, maps): self.maps = maps
            def reduce_to_images(self, maps): return Subset(maps)
            def get_fp_rates(self): return len(self.maps)
            def get_mean_spros(self): return 0.5
        class MetricsAggregator:
            def __init__(self, truth, maps): self.truth, self.maps = truth, maps
            def run(self, distance):
                print("busy")
                assert [one is None for one in self.truth] == [True] * 3 + [False] * 6
                return Subset(self.maps)
    """,
    "util": """
        def get_auc_for_max_fpr(maps, half, limit): return maps * half * limit
    """,
}


@pytest.fixture
def evaluation(tmp_path, monkeypatch):
    """A folder with modules of the names that the official evaluation has."""
    folder = tmp_path / "src"
    folder.mkdir()
    for name, text in STAND_IN.items():
        (folder / f"{name}.py").write_text(dedent(text))
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "src"]:
        del sys.modules[name]


def test_made_maps_are_the_same_each_time():
    groups = []
    for one, again in zip(MAPS.pictures(), MAPS.pictures(), strict=True):
        np.testing.assert_array_equal(one.scores, again.scores)
        assert one.scores.dtype == np.float32
        assert one.scores.shape == (48, 64)
        assert [defect.saturation for defect in one.defects] == [kind.saturation for kind in again.defects]
        groups.append(one.group)
    assert groups == sorted(groups)
    assert len(set(groups)) == 3


def test_all_ways_agree():
    found = [
        measure(Way("", MAPS, held, way)).areas for way in (exact, official, everything) for held in (0, 1)
    ]
    for areas in found:
        for group in ("logical_anomalies", "structural_anomalies"):
            assert areas[group] == pytest.approx(found[0][group], abs=2e-3)


def test_the_official_code_is_run_quietly_on_the_maps_of_each_group(evaluation, capsys):
    areas = measure(Way("", MAPS, True, partial(official_code, evaluation))).areas
    assert set(areas) == {"logical_anomalies", "structural_anomalies"}
    assert areas["logical_anomalies"]["0.3"] == pytest.approx(6 * 0.5 * 0.3)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", "1600"], "'1600' is no size such as 1600x1280"),
        (["--size", "4x4"], "at least 12x12"),
        (["--maps", "2"], "at least 3 maps"),
        (["--official", "/nowhere"], "/nowhere holds no official evaluation: src/aggregation.py is missing"),
    ],
)
def test_wrong_options_are_one_line(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["spro_speed", *arguments])
    with pytest.raises(SystemExit):
        spro_speed.main()
    assert message in capsys.readouterr().err


def test_the_tables_hold_all_rows(evaluation, monkeypatch, capsys):
    arguments = ["--maps", "9", "--size", "64x48", "--official", str(evaluation), "--beside", "9"]
    monkeypatch.setattr(sys, "argv", ["spro_speed", *arguments])
    monkeypatch.setattr(
        spro_speed, "ProcessPoolExecutor", lambda workers, mp_context: ThreadPoolExecutor(workers)
    )
    spro_speed.main()
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")]
    assert rows.count("AU-sPRO") == 3
    assert rows.count("AU-sPRO, official thresholds") == 3
    assert "pictures, pixels and AU-sPRO" in rows
    assert "beside the official evaluation code" in rows
