"""Checking a test set and scoring baselines on it: whole, broken as file trees are, and cut off."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from annotation_files import labelme, labelme_shape
from command_line import logisight
from loco_tree import SIZE, channel, save, write_category
from logisight.benchmarks.loco_report import COLUMNS, data_rows, write_loco_report
from logisight.benchmarks.loco_run import run_loco
from logisight.schema import DetectorError, LogiSightError
from PIL import Image

WHOLE = {"train": 2, "validation": 2, "good": 2, "logical_anomalies": 2, "structural_anomalies": 2}
LOGICAL = "ground_truth/logical_anomalies/000"


@pytest.fixture
def data(tmp_path):
    for name in ("gadgets", "widgets"):
        write_category(tmp_path / "data" / name)
    return tmp_path / "data"


def run(data, **options):
    options = {"baselines": ["always-normal"], "categories": ["widgets"]} | options
    return run_loco(data, data.parent / "out", **options)


def annotate(folder: Path, *reasons: str) -> None:
    content = labelme(labelme_shape(), name="000.png", size=SIZE[::-1]) | {"reasons": reasons}
    path = folder / "annotations/test/logical_anomalies/000.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))


def test_what_there_is_is_counted(data) -> None:
    annotate(data / "widgets", "Quantity: one pin is missing")
    found = run(data)
    (facts,) = found.categories
    assert found.whole
    assert (facts.pictures, facts.sizes, facts.problems) == (WHOLE, {"30x20": 10}, [])
    assert [(one.name, one.logical, one.structural, one.channels) for one in facts.types] == [
        ("missing", 2, 0, 2),
        ("extra", 1, 0, 1),
        ("scratch", 0, 2, 2),
    ]
    assert facts.annotations.pictures == 1
    assert (facts.annotations.parts, facts.annotations.reasons) == ({"pin": 1}, {"quantity": 1})


def test_baselines_are_scored(data) -> None:
    found = run(data, baselines=["always-normal", "patch-distance"])
    assert list(found.baselines) == ["always-normal", "patch-distance"]
    (score,) = found.baselines["always-normal"].categories
    assert score.image["all"].auroc == 0.5
    assert (data.parent / "out/patch-distance/widgets/metrics.json").is_file()


def torn_picture(folder):
    path = folder / "test/good/001.png"
    path.write_bytes(path.read_bytes()[:-500])


def torn_training_picture(folder):
    path = folder / "train/good/001.png"
    path.write_bytes(path.read_bytes()[:-500])


def no_picture(folder):
    (folder / "test/good/001.png").write_bytes(b"no picture")


def empty_picture(folder):
    (folder / "test/logical_anomalies/000.png").write_bytes(b"")


def folder_for_a_picture(folder):
    (folder / "test/good/001.png").unlink()
    (folder / "test/good/001.png").mkdir()


def missing_mask(folder):
    shutil.rmtree(folder / LOGICAL)


def no_channels(folder):
    (folder / LOGICAL / "000.png").unlink()


def file_for_channels(folder):
    shutil.rmtree(folder / LOGICAL)
    save(folder / f"{LOGICAL}.png", channel(255, 2))


def small_mask(folder):
    save(folder / LOGICAL / "000.png", channel(255, 2)[:-1])


def colour_mask(folder):
    save(folder / LOGICAL / "000.png", np.dstack([channel(255, 2)] * 3))


def unreadable_mask(folder):
    (folder / LOGICAL / "000.png").write_bytes(b"\x89PNG\r\n")


def stray_file_among_channels(folder):
    (folder / LOGICAL / "notes.txt").write_text("hm")


def odd_size(folder):
    save(folder / "train/good/001.png", np.zeros((5, 7, 3), np.uint8))


def transparent_picture(folder):
    save(folder / "train/good/001.png", np.full((*SIZE, 4), 100, np.uint8))


def deep_picture(folder):
    Image.fromarray(np.full(SIZE, 60_000, np.uint16)).save(folder / "train/good/001.png")


def two_of_a_name(folder):
    shutil.copy(folder / "train/good/001.png", folder / "train/good/001.PNG")


def no_validation(folder):
    shutil.rmtree(folder / "validation")


def empty_group(folder):
    for path in (folder / "validation/good").iterdir():
        path.unlink()


def file_for_a_group(folder):
    shutil.rmtree(folder / "validation/good")
    (folder / "validation/good").write_text("a file")


def no_truth_of_a_group(folder):
    shutil.rmtree(folder / "ground_truth/structural_anomalies")


def torn_annotation(folder):
    annotate(folder)
    (folder / "annotations/test/logical_anomalies/000.json").write_text("{")


def annotation_of_another_size(folder):
    annotate(folder)
    save(folder / "test/logical_anomalies/000.png", np.zeros((9, 9, 3), np.uint8))
    save(folder / LOGICAL / "000.png", np.full((9, 9), 255, np.uint8))


DAMAGES = [
    (torn_picture, {"good": 1}, r"test/good/001.png: damaged or cut off"),
    (torn_training_picture, {"train": 1}, r"train/good/001.png: damaged or cut off"),
    (no_picture, {"good": 1}, "test/good/001.png: not a picture.*; left out"),
    (empty_picture, {"logical_anomalies": 1}, "logical_anomalies/000.png: the file is empty.*; left out"),
    (folder_for_a_picture, {"good": 1}, "test/good/001.png: is a folder.*; left out"),
    (missing_mask, {"logical_anomalies": 1}, f"{LOGICAL}: no ground truth for the picture"),
    (no_channels, {"logical_anomalies": 1}, f"{LOGICAL}: holds no channel; its picture is left out"),
    (file_for_channels, {"logical_anomalies": 1}, f"{LOGICAL}.png: is a file, not a folder of channels"),
    (small_mask, {"logical_anomalies": 1}, f"{LOGICAL}/000.png: is 30x19, its picture 30x20"),
    (colour_mask, {"logical_anomalies": 1}, f"{LOGICAL}/000.png: expected one channel"),
    (unreadable_mask, {"logical_anomalies": 1}, f"{LOGICAL}/000.png: not a picture, or damaged"),
    (stray_file_among_channels, {}, f"{LOGICAL}/notes.txt: is no PNG; left out"),
    (odd_size, {}, "train/good/001.png: is 7x5, unlike the 9 pictures of 30x20"),
    (transparent_picture, {}, "train/good/001.png: transparent pixels shown on black"),
    (deep_picture, {}, "train/good/001.png: 16 bits reduced to 8"),
    (two_of_a_name, {}, "train/good/001.png: another picture has this name too; left out"),
    (no_validation, {"validation": 0}, "validation/good: no such folder"),
    (empty_group, {"validation": 0}, "validation/good: is empty"),
    (file_for_a_group, {"validation": 0}, "validation/good: is a file, not a folder"),
    (no_truth_of_a_group, {"structural_anomalies": 0}, "structural_anomalies: no such folder; the pictures"),
    (torn_annotation, {}, "000.json: damaged, or not JSON"),
]


@pytest.mark.parametrize(
    ("damage", "counts", "message"), DAMAGES, ids=lambda value: getattr(value, "__name__", "")
)
def test_each_damage_is_one_line_and_the_rest_is_used(data, damage, counts, message) -> None:
    damage(data / "widgets")
    found = run(data, baselines=["always-normal", "patch-distance"])
    (facts,) = found.categories
    assert facts.pictures == WHOLE | counts
    (line,) = facts.problems
    assert re.search(message, line)
    assert line.startswith(f"{data}/widgets/")
    assert line.isprintable()
    assert found.left_out("widgets") == [line]
    assert found.not_scored() == []
    assert not found.whole
    for score in found.baselines.values():
        scored = score.categories[0].pictures
        assert scored == {group: facts.pictures[group] for group in scored}


def test_several_damages_are_as_many_lines(data) -> None:
    for damage in (torn_picture, missing_mask, no_validation, annotation_of_another_size):
        damage(data / "widgets")
    shutil.rmtree(data / "widgets" / LOGICAL)
    assert len(run(data).left_out("widgets")) == 4


@pytest.mark.parametrize("below", ["widgets", "widgets/test/good", "widgets/ground_truth/logical_anomalies"])
def test_folder_without_permission_is_told_and_the_rest_is_used(data, monkeypatch, below) -> None:
    whole = Path.iterdir

    def listed(path):
        # Root, which may run the tests, is allowed everything.
        if path == data / below:
            raise PermissionError(13, "Permission denied")
        return whole(path)

    monkeypatch.setattr(Path, "iterdir", listed)
    found = run(data, categories=[])
    assert "gadgets" in [one.category for one in found.categories]
    lines = [*found.not_scored(), *found.left_out("widgets")]
    if below == "widgets":  # its listing is not needed
        assert lines == []
    else:
        (line,) = [line for line in lines if line.startswith(f"{data}/{below}: cannot be read")]
        assert "Permission denied" in line


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.mkdir(), "no picture in this category"),
        (lambda path: (path / "train").mkdir(parents=True), "no picture in this category"),
    ],
    ids=["empty", "empty splits"],
)
def test_a_category_without_pictures_is_told_and_the_others_are_read(data, make, message) -> None:
    make(data / "nuts")
    found = run(data, categories=[])
    assert [one.category for one in found.categories] == ["gadgets", "widgets"]
    (line,) = found.not_scored()
    assert line.startswith(f"nuts: {data}/nuts: {message}")


def test_a_category_that_cannot_be_scored_is_still_counted(data) -> None:
    shutil.rmtree(data / "widgets/train")
    found = run(data, baselines=["patch-distance"])
    assert found.categories[0].pictures == WHOLE | {"train": 0}
    (line,) = found.not_scored()
    assert line == "patch-distance: widgets: patch-distance: there is no normal picture to learn from"


def test_files_beside_the_categories_are_no_categories(data) -> None:
    (data / "readme.txt").write_text("hello")
    (data / "papers").mkdir()
    (data / "papers/loco.pdf").write_text("hello")
    assert run(data, categories=[]).whole


def test_what_is_done_is_not_done_again_until_a_file_changes(data) -> None:
    started: list[str] = []

    def start(name: str, _: int) -> None:
        started.append(name)

    first = run(data, categories=[], on_start=start)
    assert started == [
        *("gadgets: reading", "widgets: reading"),
        *("gadgets: always-normal", "widgets: always-normal"),
    ]
    started.clear()
    assert run(data, categories=[], on_start=start) == first
    assert started == []
    (data / "widgets/train/good/000.png").touch()
    run(data, categories=[], on_start=start)
    assert started == ["widgets: reading", "widgets: always-normal"]
    started.clear()
    annotate(data / "widgets")
    run(data, categories=[], on_start=start)
    assert started == ["widgets: reading"]
    started.clear()
    run(data, categories=[], on_start=start, fresh=True)
    assert len(started) == 4


def test_progress_counts_every_picture(data) -> None:
    totals: dict[str, int] = {}
    seen: list[int] = []
    run(data, baselines=["patch-distance"], on_start=totals.__setitem__, on_picture=lambda: seen.append(1))
    assert totals == {"widgets: reading": 10, "widgets: patch-distance": 8}
    assert len(seen) == 18


def test_annotations_of_a_category_are_found_below_a_folder_of_all(data) -> None:
    for name in ("gadgets", "widgets"):
        annotate(data / name)
        shutil.move(data / name / "annotations", data.parent / "labels" / name)
    found = run(data, annotations=data.parent / "labels", categories=[])
    assert found.whole
    assert [one.annotations.pictures for one in found.categories] == [1, 1]


def test_annotations_that_are_not_there_are_told(data) -> None:
    found = run(data, annotations=data / "none")
    (line,) = found.left_out("widgets")
    assert line.startswith(f"{data}/none: cannot be read")


def test_annotations_beside_the_pictures_are_no_strangers(data) -> None:
    content = labelme(labelme_shape(), name="000.png", size=SIZE[::-1])
    (data / "widgets/test/good/000.json").write_text(json.dumps(content))
    found = run(data, annotations=data)
    assert found.whole
    assert found.categories[0].annotations.pictures == 1


def test_unknown_baseline_is_said(data) -> None:
    with pytest.raises(DetectorError, match="no detector is called 'x'; there are adaclip, grnr, "):
        run(data, baselines=["x"])


def test_results_that_cannot_be_written_are_one_line(data) -> None:
    (data.parent / "out").write_text("a file")
    with pytest.raises(LogiSightError, match="out/widgets: no folder can be made here"):
        run(data)


def test_report_holds_everything_by_itself(data) -> None:
    small_mask(data / "widgets")
    annotate(data / "gadgets", "Quantity: <b>one</b> pin")
    found = run(data, categories=[], baselines=["always-normal", "patch-distance"])
    text = write_loco_report(data.parent / "out", found).read_text()
    assert "is 30x19, its picture 30x20" in text
    assert text.count("data:image/jpeg;base64,") == 2 * (6 + 5)
    assert "http" not in text.replace("http-equiv", "")
    rows = {row.name: dict(zip(COLUMNS, row.cells, strict=True)) for row in data_rows(found)}
    twos = dict.fromkeys(("train", "validation", "good", "structural"), "2")
    none = dict.fromkeys(("annotated", "reasons"), "-")
    once = {"logical": "1", "defect types": "3", "size": "30x20", "problems": "1"}
    assert rows["widgets"] == twos | none | once
    assert (rows["all"]["logical"], rows["all"]["annotated"], rows["all"]["size"]) == ("3", "1", "")


def test_command_prints_tables_and_ends_with_1_where_something_was_left_out(data, tmp_path) -> None:
    arguments = ("bench", "loco", "--data", data, "--out", tmp_path / "out", "--baseline", "always-normal")
    whole = logisight(*arguments)
    assert (whole.returncode, "widgets" in whole.stdout) == (0, True)
    assert (tmp_path / "out/report.html").is_file()
    small_mask(data / "widgets")
    torn = logisight(*arguments)
    assert (torn.returncode, "is 30x19, its picture" in torn.stdout) == (1, True)
    facts = json.loads(logisight(*arguments, "--json").stdout)
    assert facts["categories"][1]["pictures"]["logical_anomalies"] == 1


def test_command_can_read_only(data, tmp_path) -> None:
    arguments = ("bench", "loco", "--data", data, "--out", tmp_path / "out", "--baseline", "none", "--json")
    assert json.loads(logisight(*arguments).stdout)["baselines"] == {}


@pytest.mark.parametrize("where", ["none", "file"])
def test_command_says_what_is_no_test_set(tmp_path, where) -> None:
    (tmp_path / "file").write_text("a file")
    asked = logisight("bench", "loco", "--data", tmp_path / where, "--out", tmp_path / "out")
    assert asked.returncode == 2
    assert re.search("no such folder|is a file, not a folder", asked.stderr)
