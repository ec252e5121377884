"""Inspection end to end on rendered pictures, and batches that are cut off and go on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time

import pytest
from logisight import Inspector, Verdict, open_product
from logisight.agents.batch import Results, inspect_all, run_of
from logisight.schema import ProductError
from PIL import Image


@pytest.fixture(scope="module")
def inspector(demo_line):
    with Inspector(demo_line / "box") as inspector:
        yield inspector


@pytest.fixture(scope="module")
def truth(demo_line):
    return json.loads((demo_line / "truth.json").read_text())


def pictures(folder):
    return sorted((folder / "inspect").glob("*.png"))


def test_verdicts_are_right_and_in_order(inspector, demo_line, truth):
    paths = pictures(demo_line)
    verdicts = inspector.inspect([demo_line / "inspect"])
    assert [v.sample for v in verdicts] == [str(p) for p in paths]
    assert [v.status for v in verdicts] == [truth[p.name]["status"] for p in paths]
    assert {"normal", "anomalous"} == {v.status for v in verdicts}


def test_a_verdict_carries_reasons_evidence_and_times(inspector, demo_line, truth):
    path = next(p for p in pictures(demo_line) if truth[p.name]["status"] == "anomalous")
    (verdict,) = inspector.inspect([path])
    failed = [f for f in verdict.findings if not f.passed]
    assert failed and all(f.reason in verdict.explanation for f in failed)
    assert all(f.parts and f.parts[0].outline for f in failed)
    assert verdict.score > 0.5
    assert verdict.counts["box"] == 1
    assert set(verdict.seconds) == {"read", "see", "check"}
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict


def test_a_picture_that_cannot_be_read_is_undecided_and_the_others_go_on(inspector, demo_line, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    verdicts = inspector.inspect([broken, pictures(demo_line)[0]])
    assert verdicts[0].status == "undecided"
    assert str(broken) in verdicts[0].error
    assert verdicts[1].error is None


def test_a_product_without_proven_rules_is_refused(demo_line, tmp_path):
    bare = shutil.copytree(demo_line / "box", tmp_path / "bare")
    shutil.rmtree(bare / "rules")
    with pytest.raises(ProductError, match="logisight author"):
        Inspector(bare)


def test_rules_edited_by_hand_are_not_run(demo_line, tmp_path):
    edited = shutil.copytree(demo_line / "box", tmp_path / "edited")
    path = edited / "rules" / "001.py"
    path.write_text(path.read_text().replace("== 1", "== 2"))
    with Inspector(edited) as inspector:
        assert [rule.number for rule in inspector.rules] == [2, 3]


def test_results_are_written_as_they_come(inspector, demo_line, tmp_path):
    results = Results(tmp_path, run_of(inspector))
    for count, _ in enumerate(inspect_all(inspector, pictures(demo_line), results), start=1):
        lines = (tmp_path / "results.jsonl").read_text().splitlines()
        assert len(lines) == count
        assert len(list((tmp_path / "overlays").iterdir())) == count
    results.close()


def test_a_run_goes_on_where_it_was_cut_off(inspector, demo_line, tmp_path):
    paths = pictures(demo_line)
    first = Results(tmp_path, run_of(inspector))
    list(inspect_all(inspector, paths[:2], first))
    first.close()
    with (tmp_path / "results.jsonl").open("a") as file:
        file.write('{"sample": "cut o')
    again = Results(tmp_path, run_of(inspector))
    verdicts = list(inspect_all(inspector, paths, again))
    again.close()
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [line["sample"] for line in lines] == [str(p) for p in paths] == [v.sample for v in verdicts]


def test_a_picture_that_changed_is_inspected_again(inspector, demo_line, tmp_path):
    sample = shutil.copy(pictures(demo_line)[0], tmp_path / "sample.png")
    out = tmp_path / "out"
    for source in (0, 0, 1):
        shutil.copy(pictures(demo_line)[source], sample)
        results = Results(out, run_of(inspector))
        list(inspect_all(inspector, [sample], results))
        results.close()
    assert len((out / "results.jsonl").read_text().splitlines()) == 2


def test_results_of_other_rules_are_not_mixed(inspector, demo_line, tmp_path):
    run = run_of(inspector)
    Results(tmp_path, run).close()
    other = run.model_copy(update={"rulebook_sha256": "0" * 64})
    with pytest.raises(ProductError, match="--fresh"):
        Results(tmp_path, other)
    Results(tmp_path, other, fresh=True).close()


def test_a_damaged_line_in_the_middle_is_named(inspector, tmp_path):
    Results(tmp_path, run_of(inspector)).close()
    (tmp_path / "results.jsonl").write_text('{"nonsense": 1}\n')
    with pytest.raises(ProductError, match="line 1"):
        Results(tmp_path, run_of(inspector))


@pytest.mark.whole
def test_a_killed_batch_loses_nothing_and_repeats_nothing(demo_line, tmp_path):
    many = tmp_path / "many"
    many.mkdir()
    for number in range(12):
        shutil.copy(pictures(demo_line)[number % 4], many / f"{number:03d}.png")
    command = [
        sys.executable,
        "-m",
        "logisight.cli",
        "inspect",
        str(demo_line / "box"),
        str(many),
        "--out",
        str(tmp_path / "out"),
    ]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results = tmp_path / "out" / "results.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not results.exists() or results.read_bytes().count(b"\n") < 3):
        assert run.poll() is None, "the batch ended before it could be killed"
        time.sleep(0.01)
    run.kill()
    run.wait()
    done = results.read_bytes().count(b"\n")
    assert 3 <= done < 12
    assert subprocess.run(command, capture_output=True).returncode == 1
    samples = [json.loads(line)["sample"] for line in results.read_text().splitlines()]
    assert samples == [str(many / f"{number:03d}.png") for number in range(12)]
    assert len(list((tmp_path / "out" / "overlays").iterdir())) == 12


def test_the_same_inspection_twice_gives_the_same_verdict(inspector, demo_line):
    path = pictures(demo_line)[0]
    one, two = (v.model_dump(exclude={"seconds"}) for v in inspector.inspect([path, path]))
    assert one == two


def test_two_inspectors_work_side_by_side(demo_line):
    path = pictures(demo_line)[0]
    with Inspector(open_product(demo_line / "box")) as one, Inspector(demo_line / "box") as two:
        assert one.inspect([path])[0].status == two.inspect([path])[0].status


def test_a_grey_picture_of_a_coloured_product_is_undecided_and_says_why(inspector, demo_line, tmp_path):
    grey = tmp_path / "grey.png"
    Image.open(pictures(demo_line)[0]).convert("L").save(grey)
    (verdict,) = inspector.inspect([grey])
    assert verdict.status == "undecided"
    assert "taught in colour" in verdict.error
