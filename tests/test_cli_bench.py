"""`logisight bench` as a user gives it."""

from __future__ import annotations

import json

import pytest
from command_line import logisight
from loco_tree import write_category, write_maps
from logisight.benchmarks.loco import read_category

FEW = ("--train", 2, "--validation", 1, "--good", 2, "--logical", 2, "--structural", 1)


def test_synth_writes_a_line_that_the_reader_takes_and_goes_on_with_it(tmp_path):
    arguments = ("bench", "synth", "--out", tmp_path / "line", "--category", "pushpins", *FEW)
    first = logisight(*arguments)
    assert (first.returncode, first.stderr.strip().splitlines()[-1]) == (0, f"8 pictures in {tmp_path}/line")
    category = read_category(tmp_path / "line/pushpins")
    assert category.problems == []
    assert len(category.select("test")) == 5
    assert logisight(*arguments).returncode == 0


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--category", "nuts", "no product is called nuts; there are breakfast_box"),
        ("--level", "odd", "there is no level 'odd'; there are easy, line, hard"),
        ("--disturb", "fog", "no disturbance is called fog; there are viewpoint"),
    ],
)
def test_synth_says_what_there_is(tmp_path, option, value, message):
    asked = logisight("bench", "synth", "--out", tmp_path / "line", *FEW, option, value)
    assert asked.returncode == 2
    assert message in asked.stderr


def test_score_prints_a_table_and_writes_a_report(tmp_path):
    maps = write_maps(tmp_path / "maps", write_category(tmp_path / "data/widgets"))
    arguments = ("bench", "score", maps, "--data", tmp_path / "data", "--out", tmp_path / "out")
    scored = logisight(*arguments)
    assert scored.returncode == 0
    assert "widgets" in scored.stdout
    report = (tmp_path / "out/report.html").read_text()
    assert "AU-sPRO" in report
    assert "http" not in report.replace("http-equiv", "")
    facts = json.loads(logisight(*arguments, "--json").stdout)
    assert facts["categories"][0]["image"]["all"]["auroc"] == 1


def test_score_tells_what_it_left_out_and_ends_with_1(tmp_path):
    maps = write_maps(tmp_path / "maps", write_category(tmp_path / "data/widgets"))
    (maps / "widgets/test/good/000.tiff").write_bytes(b"no map")
    scored = logisight("bench", "score", maps, "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert scored.returncode == 1
    assert "good/000.tiff: is no TIFF" in scored.stdout


def test_score_of_nothing_is_one_line(tmp_path):
    scored = logisight("bench", "score", tmp_path, "--data", tmp_path / "nothing")
    assert scored.returncode == 2
    assert "no such folder" in scored.stderr
