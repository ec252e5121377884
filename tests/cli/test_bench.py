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


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """A small line and what LogiBench said of it on the terminal."""
    folder = tmp_path_factory.mktemp("tried")
    line = ("--level", "easy", *FEW)
    logisight("bench", "synth", "--out", folder / "line", "--category", "pushpins", *line)
    arguments = ("--parts", "true", "--baseline", "always-normal", "--references", 2)
    return folder, logisight(
        "bench", "logibench", "--data", folder / "line", "--out", folder / "out", *arguments
    )


def test_logibench_prints_tables_and_writes_a_report(tried):
    folder, said = tried
    assert said.returncode == 0, said.stderr
    assert "always-normal" in said.stdout
    assert "reasons: precision" in " ".join(said.stdout.split())
    assert f"report: {folder}/out/report.html" in said.stderr
    assert "missing_pushpin" in (folder / "out/report.html").read_text()
    assert json.loads((folder / "out/logibench.json").read_text())["reasoner"] == "offline"


def test_compare_holds_results_against_each_other(tried):
    folder, _ = tried
    said = logisight("bench", "compare", folder / "out", folder / "out" / "logibench.json")
    assert said.returncode == 0
    assert said.stdout.splitlines() == ["no figure differs", "verdicts that became right: 0, wrong: 0"]
    facts = json.loads(logisight("bench", "compare", folder / "out", folder / "out", "--json").stdout)
    assert {one["way"] for one in facts["differences"]} == {"true parts", "always-normal"}


def test_compare_shows_what_changed(tried, tmp_path):
    folder, _ = tried
    result = json.loads((folder / "out/logibench.json").read_text())
    rows = result["categories"][0]["rules"]["true parts"]["pictures"]
    wrong = next(row for row in rows if row["group"] == "logical")
    wrong["status"] = "normal"
    (tmp_path / "logibench.json").write_text(json.dumps(result))
    said = logisight("bench", "compare", folder / "out", tmp_path).stdout
    assert f"{wrong['name']}: anomalous -> normal" in said
    assert "verdicts that became right: 0, wrong: 1" in said
    assert "logical accuracy" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("logibench", "--data", "nowhere"), "nowhere: no such folder"),
        (("logibench", "--data", ".", "--llm", "oracle"), "no category here"),
        (("compare", "nowhere", "nowhere"), "nowhere: no result here"),
    ],
)
def test_logibench_and_compare_of_nothing_are_one_line(tmp_path, arguments, message):
    said = logisight("bench", *arguments, cwd=tmp_path)
    assert said.returncode == 2
    assert message in said.stderr
    assert len(said.stderr.strip().splitlines()) == 1
