"""LogiBench end to end on a small synthetic line, with true and with seen parts."""

from __future__ import annotations

import json
import shutil

import pytest
from logisight.benchmarks.logibench import (
    LogiBench,
    Settings,
    compare_results,
    read_result,
    run_logibench,
    write_logibench_report,
)
from logisight.benchmarks.synthetic import Counts, synthesize
from logisight.schema import AuthorError, DatasetError, LogiSightError

COUNTS = Counts(train=3, validation=1, good=3, logical=5, structural=2)
TRUE = Settings(ways=["true parts"], baselines=[], references=3)


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    out = tmp_path_factory.mktemp("bench") / "line"
    synthesize(out, categories=["pushpins", "screw_bag"], counts=COUNTS, seed=5, level="easy", workers=1)
    return out


@pytest.fixture(scope="module")
def tried(line, tmp_path_factory):
    """Both products with true parts; one of them with all there is."""
    out = tmp_path_factory.mktemp("tried")
    return out, run_logibench(line, out, TRUE)


@pytest.fixture
def copied(line, tmp_path):
    """One product that a test may damage."""
    return shutil.copytree(line / "pushpins", tmp_path / "data" / "pushpins")


def test_with_true_parts_every_verdict_and_every_reason_is_right(tried):
    _, result = tried
    assert [one.category for one in result.categories] == ["pushpins", "screw_bag"]
    assert result.skipped == []
    for one in result.categories:
        assert one.problems == []
        scores = one.rules["true parts"]
        assert scores.authoring.first_attempt.value == scores.authoring.proven.value == 1
        logical = scores.classification["logical"]
        assert (logical.accuracy.value, logical.auroc.value, logical.pictures) == (1, 1, 8)
        assert (scores.reasoning.precision.value, scores.reasoning.recall.value) == (1, 1)
        assert scores.reasoning.annotated >= 5
    assert result.mean["true parts"]["logical accuracy"].value == 1


def test_the_same_inputs_give_the_same_file_and_times_are_kept_apart(line, tried, tmp_path):
    out, _ = tried
    run_logibench(line, tmp_path / "again", TRUE)
    assert (tmp_path / "again" / "logibench.json").read_bytes() == (out / "logibench.json").read_bytes()
    times = json.loads((out / "times.json").read_text())
    assert times["pushpins"]["true parts"].keys() == {"writing rules", "see", "check"}
    assert "seconds" not in (out / "logibench.json").read_text()


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(line, tried, tmp_path):
    out, _ = tried
    again = shutil.copytree(out, tmp_path / "again")
    journal = again / "pushpins" / "true-parts" / "pictures.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:4]) + lines[4][:20])
    before = (again / "screw_bag" / "true-parts" / "pictures.jsonl").read_bytes()
    run_logibench(line, again, TRUE)
    assert (again / "logibench.json").read_bytes() == (out / "logibench.json").read_bytes()
    after = journal.read_text().splitlines(keepends=True)
    assert after[:4] == lines[:4]
    assert len(after) == len(lines)
    # What stood keeps the times of the first run: it was not done again.
    assert (again / "screw_bag" / "true-parts" / "pictures.jsonl").read_bytes() == before


@pytest.mark.whole
def test_other_sentences_are_another_run(copied, tmp_path):
    first = run_logibench(copied, tmp_path / "out", TRUE)
    (copied / "rules.txt").write_text("The box contains exactly 22 separators.\nThe box is frobnicated.\n")
    second = run_logibench(copied, tmp_path / "out", TRUE)
    assert first.categories[0].data_sha256 != second.categories[0].data_sha256
    rules = second.categories[0].rules["true parts"].rules
    assert [(rule.proven, rule.failure) for rule in rules] == [(True, ""), (False, "declined")]
    assert "frobnicated" in " ".join(rules[1].evidence)
    assert second.categories[0].rules["true parts"].authoring.proven.value == 0.5


@pytest.fixture(scope="module")
def whole(line, tmp_path_factory):
    """One product with everything: seen parts and baselines too."""
    out = tmp_path_factory.mktemp("whole")
    return out, run_logibench(line, out, Settings(references=3), categories=["pushpins"])


@pytest.mark.whole
def test_seen_parts_and_baselines_stand_beside_true_parts(whole):
    _, result = whole
    (one,) = result.categories
    assert list(one.judged) == ["true parts", "seen parts", "always-normal", "patch-distance"]
    assert all(len(rows) == 3 + 5 + 2 for rows in one.judged.values())
    normal = one.baselines["always-normal"].classification
    assert normal["logical"].accuracy.value == pytest.approx(3 / 8)
    assert normal["logical"].auroc.value == 0.5
    assert one.rules["seen parts"].authoring.rules == 2


@pytest.mark.whole
def test_the_report_is_one_file_that_tells_all(line, whole):
    out, result = whole
    page = write_logibench_report(out, result, line).read_text()
    for text in (
        "seen parts",
        "patch-distance",
        "missing_pushpin",
        "exactly one pushpin",
        "def check(scene)",
    ):
        assert text in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<polyline") == 8


@pytest.mark.whole
def test_the_report_escapes_what_it_is_given(line, whole, tmp_path):
    _, result = whole
    hostile = result.model_copy(update={"data": "<script>alert(1)</script>", "skipped": ["<img src=x>"]})
    page = write_logibench_report(tmp_path, hostile, line).read_text()
    assert "<script" not in page
    assert "<img src=x" not in page


@pytest.mark.whole
def test_two_results_compare_picture_by_picture(tried, whole, tmp_path):
    out, result = tried
    rows = [row.model_copy(update={"status": "normal"}) for row in result.categories[0].judged["true parts"]]
    worse = result.model_copy(deep=True)
    worse.categories[0].rules["true parts"].pictures[:] = rows
    (tmp_path / "logibench.json").write_text(worse.model_dump_json())
    found = compare_results(out, tmp_path / "logibench.json")
    missed = sum(row.group != "good" and row.right for row in result.categories[0].judged["true parts"])
    assert (found.better, len(found.turned)) == (0, missed)
    change = {(one.category, one.figure): one for one in found.differences}
    accuracy = change["pushpins", "logical accuracy"]
    assert (accuracy.first, accuracy.second) == (1, pytest.approx(3 / 8))
    assert accuracy.change.value == pytest.approx(-5 / 8)
    assert accuracy.change.high < 0
    assert change["screw_bag", "logical accuracy"].change.value == 0
    assert change["mean", "logical accuracy"].change.value == pytest.approx(-5 / 16, abs=1e-6)
    assert found.notes == []


@pytest.mark.whole
def test_a_result_is_the_same_as_itself_and_what_one_lacks_is_left_out(tried, whole):
    found = compare_results(tried[0], whole[0])
    assert {one.category for one in found.differences} == {"pushpins"}
    assert not any(one.change.value for one in found.differences)
    assert found.turned == []
    assert found.notes == ["only the first has screw_bag"]


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"kind": "something else"}', "\x00", "[" * 9999])
def test_what_is_no_result_is_one_line(tried, tmp_path, content):
    (tmp_path / "logibench.json").write_text(content)
    with pytest.raises(DatasetError, match=r"logibench\.json: no result of LogiBench"):
        compare_results(tried[0], tmp_path)
    with pytest.raises(DatasetError, match="no result here"):
        read_result(tmp_path / "elsewhere")


def test_results_without_a_picture_in_common_do_not_compare(tried, tmp_path):
    other = read_result(tried[0])
    renamed = [one.model_copy(update={"category": f"not {one.category}"}) for one in other.categories]
    (tmp_path / "logibench.json").write_text(
        other.model_copy(update={"categories": renamed}).model_dump_json()
    )
    with pytest.raises(DatasetError, match="no picture in common"):
        compare_results(tried[0], tmp_path)


def damage(name):
    def do(folder):
        picture = folder / "test" / "logical_anomalies" / "001.png"
        annotation = folder / "annotations" / "test" / "logical_anomalies" / "001.json"
        channel = folder / "ground_truth" / "logical_anomalies" / "001" / "000.png"
        match name:
            case "unreadable picture":
                picture.write_bytes(b"no picture")
            case "missing annotation":
                annotation.unlink()
            case "broken annotation":
                annotation.write_text("{")
            case "missing mask":
                shutil.rmtree(channel.parent)
            case "unreadable mask":
                channel.write_bytes(b"no mask")

    return do


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("unreadable picture", "001.png"),
        ("missing annotation", None),
        ("broken annotation", "001.json"),
        ("missing mask", "001"),
        ("unreadable mask", "000.png"),
    ],
)
def test_a_damaged_file_is_told_and_the_rest_is_judged(copied, tmp_path, name, file):
    damage(name)(copied)
    result = run_logibench(copied, tmp_path / "out", TRUE)
    (one,) = result.categories
    assert len(one.rules["true parts"].pictures) == 9
    assert one.rules["true parts"].classification["logical"].accuracy.value == 1
    # Where the picture goes, its annotation is a line too.
    assert (file is not None) <= len(one.problems) <= 2
    assert all("001" in line for line in one.problems)
    assert file is None or file in one.problems[0]


def test_a_product_that_cannot_be_tried_is_skipped_in_a_line(line, tmp_path):
    data = tmp_path / "data"
    for name in ("pushpins", "screw_bag"):
        shutil.copytree(line / name, data / name)
    shutil.rmtree(data / "screw_bag" / "annotations")
    result = run_logibench(data, tmp_path / "out", TRUE)
    assert [one.category for one in result.categories] == ["pushpins"]
    (skipped,) = result.skipped
    assert skipped.startswith("screw_bag: ")
    assert "--annotations" in skipped


def test_sentences_of_a_folder_go_first_and_must_be_there(copied, tmp_path):
    rules = tmp_path / "rules"
    rules.mkdir()
    missing = run_logibench(copied, tmp_path / "out", Settings(**{**vars(TRUE), "rules": rules}))
    assert missing.categories == []
    assert "pushpins.toml: no sentences of this product" in missing.skipped[0]
    (rules / "pushpins.txt").write_text("The box contains exactly 22 separators.\n")
    result = run_logibench(copied, tmp_path / "out", Settings(**{**vars(TRUE), "rules": rules}))
    assert [rule.sentence for rule in result.categories[0].rules["true parts"].rules] == [
        "The box contains exactly 22 separators."
    ]


def test_an_unknown_reasoner_is_said_at_once(line, tmp_path):
    with pytest.raises(AuthorError, match="no reasoner 'oracle'"):
        run_logibench(line, tmp_path, Settings(reasoner="oracle"))


def test_results_that_cannot_be_written_are_said_before_any_work(line, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(LogiSightError, match="out: no folder can be made here"):
        run_logibench(line, tmp_path / "out", TRUE)


def test_the_result_reads_back(tried):
    out, result = tried
    assert LogiBench.model_validate_json((out / "logibench.json").read_bytes()) == result
