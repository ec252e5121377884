"""Scoring a folder of maps: whole, interrupted, broken, and in the official form."""

from __future__ import annotations

import json
import shutil
from functools import partial

import pytest
from loco_tree import write_category, write_maps
from logisight.benchmarks.anomaly_maps import MapFolder
from logisight.benchmarks.scoring import score_maps
from logisight.schema import DatasetError


@pytest.fixture
def places(tmp_path):
    data, maps = tmp_path / "data", tmp_path / "maps"
    for name in ("gadgets", "widgets"):
        write_maps(maps, write_category(data / name))
    return maps, data, tmp_path / "out"


def score(places, **options):
    maps, data, out = places
    return score_maps(partial(MapFolder, maps), data, out, **options)


def test_maps_that_see_every_defect_score_well(places):
    scored = score(places)
    for one in scored.categories:
        assert one.pictures == {"good": 2, "logical_anomalies": 2, "structural_anomalies": 2}
        assert [metrics.auroc for metrics in one.image.values()] == [1, 1, 1]
        assert 0.9 < one.localization.groups["structural_anomalies"]["0.3"] <= 1
        assert 0.9 < one.pixel["structural_anomalies"].auroc <= 1
        assert one.problems == []
    assert scored.mean(lambda one: one.image["all"].auroc) == 1
    assert scored.skipped == []


def test_result_has_the_official_form_beside_ours(places):
    scored = score(places, official=True)
    written = json.loads((places[2] / "widgets/metrics.json").read_text())
    assert written["localization"]["auc_spro"] == scored.categories[1].localization.groups
    assert set(written["classification"]["auc_roc"]) == {"logical_anomalies", "structural_anomalies", "mean"}


def test_what_is_done_is_not_done_again_until_a_file_changes(places):
    first = score(places)
    started: list[str] = []
    assert score(places, on_start=lambda name, _: started.append(name)) == first
    assert started == []
    (places[0] / "widgets/test/good/000.tiff").touch()
    score(places, on_start=lambda name, _: started.append(name))
    assert started == ["widgets"]
    score(places, fresh=True, on_start=lambda name, _: started.append(name))
    assert started == ["widgets", "gadgets", "widgets"]


def test_a_category_that_cannot_be_scored_is_told_and_the_rest_is(places):
    shutil.rmtree(places[0] / "gadgets")
    scored = score(places)
    assert [one.category for one in scored.categories] == ["widgets"]
    assert scored.skipped == [f"gadgets: {places[0]}/gadgets/test: no such folder"]
    shutil.rmtree(places[0] / "widgets/test")
    (places[0] / "widgets/test").mkdir()
    (line,) = score(places, categories=["widgets"]).skipped
    assert "nothing to localize" in line


def test_missing_maps_of_some_pictures_are_problems(places):
    (places[0] / "widgets/test/good/001.tiff").unlink()
    scored = score(places, categories=["widgets"])
    assert scored.categories[0].problems == [f"{places[0]}/widgets/test/good/001: no map of this picture"]
    assert scored.categories[0].pictures["good"] == 1


def test_no_test_set_is_said(tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        score((tmp_path, tmp_path / "nothing", tmp_path))
