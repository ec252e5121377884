"""Annotated parts and reasons of test pictures: every form they may have, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from annotation_files import (
    SIZE,
    coco,
    coco_entry,
    coco_image,
    isat,
    isat_object,
    labelme,
    labelme_shape,
    mask_file,
    picture,
    written,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logisight.benchmarks.loco_annotations import StatedReason, parse_reasons, read_loco_annotations
from logisight.benchmarks.reasons import Reason
from logisight.benchmarks.synthetic import Counts, synthesize

MISSING = "Quantity: one pin is missing"
STATED = StatedReason(type="quantity", text="one pin is missing")
RECORD = {"type": "quantity", "object": "pin", "expected": 1, "actual": 0, "defect": "missing_pin"}
PIN = labelme_shape()
WANTED = 'expected "Quantity: ...", Size, Position or Matching'


def only(folder: Path, content, name="pins.json"):
    """What JSON content says of `pins.png`; nothing may be wrong with it."""
    path = picture(folder / "pictures")
    found = read_loco_annotations(written(folder / "labels", content, name), [path])
    assert found.problems == []
    return found.pictures[path]


def problems(folder: Path, content) -> list[str]:
    path = picture(folder / "pictures")
    found = read_loco_annotations(written(folder / "labels", content), [path]).problems
    return [line.removeprefix(f"{folder}/labels/") for line in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MISSING, [("quantity", "one pin is missing")]),
        ("  SIZES :  too long ", [("size", "too long")]),
        ("Position anomaly: left", [("position", "left")]),
        ("Matching Anomalies:red", [("matching", "red")]),
        ("Quantity\uff1aone more", [("quantity", "one more")]),
        ("Quantity: 2 pins; Size: long", [("quantity", "2 pins"), ("size", "long")]),
        ("Quantity: 2 pins.\nMatching: red", [("quantity", "2 pins"), ("matching", "red")]),
        ("Quantity: 2 pins, at position: left", [("quantity", "2 pins, at position: left")]),
        ("Size:\n too\n  long", [("size", "too long")]),
        ("Colour: red", []),
        ("Quantity", []),
        ("Quantity: ", []),
        ("in quantity: 3", []),
        ("", []),
    ],
)
def test_reasons_are_read_from_texts(text, expected) -> None:
    assert [(one.type, one.text) for one in parse_reasons(text)] == expected


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(labelme(PIN) | {"reasons": [MISSING]}, id="list"),
        pytest.param(labelme(PIN) | {"reason": MISSING}, id="text"),
        pytest.param(labelme(PIN) | {"gt": {"anomaly": [{"why": MISSING}]}}, id="deep"),
        pytest.param(labelme(PIN) | {"gt": {"Quantity": "one pin is missing"}}, id="type as a name"),
        pytest.param(labelme(PIN) | {"flags": {MISSING: True, "Size: long": False}}, id="flag"),
        pytest.param(labelme(labelme_shape(description=MISSING)), id="shape"),
        pytest.param(labelme(labelme_shape(flags={MISSING: True})), id="flag of a shape"),
        pytest.param(labelme(PIN, labelme_shape(label=MISSING)), id="label"),
        pytest.param(labelme(PIN) | {"reasons": [MISSING, MISSING]}, id="twice"),
        pytest.param(isat(isat_object(note=MISSING)), id="isat object"),
        pytest.param(isat(isat_object()) | {"reason": MISSING}, id="isat file"),
        pytest.param(
            {"info": isat()["info"] | {"description": MISSING}, "objects": [isat_object()]}, id="isat info"
        ),
        pytest.param(coco(coco_entry(), images=[coco_image() | {"caption": MISSING}]), id="coco image"),
        pytest.param(coco(coco_entry(attributes={"reason": MISSING})), id="coco annotation"),
    ],
)
def test_reasons_are_found_wherever_a_format_may_have_them(tmp_path, content) -> None:
    found = only(tmp_path, content)
    assert found.reasons == (STATED,)
    assert [part.label for part in found.parts] == ["pin"]
    assert found.labels == {"pin": 1}


def test_parts_are_drawn_anew_each_time(tmp_path) -> None:
    found = only(tmp_path, labelme(PIN))
    assert [part.box for part in found.parts] == [part.box for part in found.parts]
    assert found.reasons == ()


def test_picture_of_a_coco_file_without_parts_has_its_reasons(tmp_path) -> None:
    path = picture(tmp_path)
    images = [coco_image() | {"reason": MISSING}]
    found = read_loco_annotations(written(tmp_path, coco(images=images)), [path]).pictures[path]
    assert (found.reasons, found.parts) == ((STATED,), None)


@pytest.mark.parametrize("reasons", [{"why": [MISSING]}, [MISSING], {"pins.png": MISSING}])
def test_reasons_stand_beside_masks(tmp_path, reasons) -> None:
    path = picture(tmp_path / "pictures")
    mask_file(tmp_path / "labels", np.ones(SIZE[::-1]))
    written(tmp_path / "labels", reasons)
    found = read_loco_annotations(tmp_path / "labels", [path])
    assert found.problems == []
    assert found.pictures[path].reasons == (STATED,)
    assert found.pictures[path].labels == {"class 1": 1}


def test_records_are_facts(tmp_path) -> None:
    found = only(tmp_path, labelme(PIN) | {"records": [RECORD | {"expected": [1, None]}]})
    assert found.records == (Reason(**RECORD | {"expected": (1, None)}),)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (labelme(PIN) | {"reasons": ["two pins"]}, f"reasons[0]: {WANTED}, got 'two pins'"),
        (labelme(PIN) | {"why": "x", "anomaly": "Colour: red"}, f"anomaly: {WANTED}"),
        (labelme(labelme_shape(description="Colour: red")), f"shapes[0].description: {WANTED}"),
        (labelme(PIN) | {"records": [RECORD | {"type": "colour"}]}, "records[0].type: expected 'quantity'"),
        (labelme(PIN) | {"records": 3}, "records[0]: expected an object, got 3"),
        (labelme(PIN, 7), "shapes[1]: expected an object, got 7"),
    ],
)  # fmt: skip
def test_what_cannot_be_placed_is_told_and_the_rest_is_read(tmp_path, content, line) -> None:
    (told,) = problems(tmp_path, content)
    assert told.startswith(f"pins.json: {line}")
    path = picture(tmp_path / "pictures")
    assert read_loco_annotations(tmp_path / "labels", [path]).pictures[path].labels == {"pin": 1}


@pytest.mark.parametrize("said", ["", "Normal", "good", "none", None, [], {}, 3, False])
def test_picture_without_an_anomaly_may_say_so(tmp_path, said) -> None:
    assert only(tmp_path, labelme(PIN) | {"reason": said}).reasons == ()


def test_reasons_stay_where_all_shapes_are_wrong(tmp_path) -> None:
    path = picture(tmp_path / "pictures")
    source = written(tmp_path / "labels", labelme(7) | {"reasons": [MISSING]})
    found = read_loco_annotations(source, [path])
    assert found.problems == [f"{source}: shapes[0]: expected an object, got 7"]
    assert (found.pictures[path].reasons, found.pictures[path].parts) == ((STATED,), None)


def test_no_file_stops_the_others(tmp_path) -> None:
    names = ["good", "cut", "other", "size", "twice", "torn"]
    pictures = {name: picture(tmp_path / "pictures", f"{name}.png") for name in names}
    pictures["torn"].write_bytes(b"no picture")
    labels = tmp_path / "labels"
    for name in ("good", "torn", "twice"):
        written(labels, labelme(PIN, name=f"{name}.png"), f"{name}.json")
    written(labels, '{"shapes": [', "cut.json")
    written(labels, {"project": 3}, "other.json")
    written(labels, labelme(PIN, name="size.png", size=(7, 7)), "size.json")
    written(labels, labelme(PIN, name="twice.png"), "again.json")
    written(labels, labelme(PIN, name="stranger.png"), "stranger.json")
    found = read_loco_annotations(labels, list(pictures.values()))
    assert list(found.pictures) == [pictures["good"], pictures["twice"]]
    expected = [
        f"{labels}/cut.json: damaged, or not JSON",
        f"{labels}/other.json: holds no reason, and no annotation format that is read",
        f"{pictures['twice']}: annotated twice, in {labels}/again.json and {labels}/twice.json",
        f"{labels}/stranger.json: annotates 'stranger.png', not among the pictures",
        f"{labels}/size.json: made for a picture of 7x7",
        f"{pictures['torn']}: not a picture",
    ]
    assert len(found.problems) == len(expected)
    for line, start in zip(found.problems, expected, strict=True):
        assert line.startswith(start)
        assert "\n" not in line


@pytest.mark.parametrize("damage", ["mask", "names"])
def test_no_mask_stops_the_others(tmp_path, damage) -> None:
    pictures = [picture(tmp_path / "pictures" / place) for place in ("a", "b")]
    for place in ("a", "b"):
        mask_file(tmp_path / "labels" / place, np.ones(SIZE[::-1]))
    torn = tmp_path / "labels/a" / ("pins.png" if damage == "mask" else "labels.json")
    torn.write_bytes(b"[")
    found = read_loco_annotations(tmp_path / "labels", pictures)
    assert list(found.pictures) == pictures[1:]
    (line,) = found.problems
    assert line.startswith(f"{torn}: ")


@pytest.mark.parametrize(
    ("folder", "whose"),
    [
        ("train/good", "train/good"),
        ("widgets/test/logical_anomalies", "test/logical_anomalies"),
        ("logical_anomalies", "test/logical_anomalies"),
        ("train", "train/good"),
        ("json/validation/labelled", "validation/good"),
    ],
)
def test_pictures_of_one_name_are_told_apart_by_folders(tmp_path, folder, whose) -> None:
    places = ["train/good", "validation/good", "test/good", "test/logical_anomalies"]
    pictures = {place: picture(tmp_path / "data/widgets" / place, "000.png") for place in places}
    written(tmp_path / "labels" / folder, labelme(PIN, name="000.png"), "000.json")
    found = read_loco_annotations(tmp_path / "labels", list(pictures.values()))
    assert (list(found.pictures), found.problems) == ([pictures[whose]], [])


@pytest.mark.parametrize("beside", [[], ["train/good"], ["train/good", "test/logical_anomalies"]])
def test_annotation_of_a_picture_that_is_not_here_goes_to_no_other(tmp_path, beside) -> None:
    places = ["train/good", "validation/good", "test/logical_anomalies"]
    pictures = {place: picture(tmp_path / "data/widgets" / place, "000.png") for place in places}
    for place in [*beside, "test/good"]:
        content = labelme(PIN, name=f"../../../{place}/000.png")
        written(tmp_path / "data/widgets/annotations" / place, content, "000.json")
    found = read_loco_annotations(tmp_path / "data/widgets/annotations", list(pictures.values()))
    assert list(found.pictures) == [pictures[place] for place in beside]
    (line,) = found.problems
    assert line.endswith("annotations/test/good/000.json: annotates '000.png', not among the pictures")


def test_folder_that_does_not_tell_is_asked_about(tmp_path) -> None:
    pictures = [picture(tmp_path / "data" / place / "good", "000.png") for place in ("train", "test")]
    written(tmp_path / "labels/good", labelme(PIN, name="000.png"), "000.json")
    found = read_loco_annotations(tmp_path / "labels", pictures)
    assert not found.pictures
    (line,) = found.problems
    assert line.endswith(f"its picture may be {pictures[0]} or {pictures[1]}; give one of them")


@pytest.mark.parametrize("source", ["none", "empty"])
def test_nothing_to_read_is_one_line(tmp_path, source) -> None:
    (tmp_path / "empty").mkdir()
    found = read_loco_annotations(tmp_path / source, [picture(tmp_path / "pictures")])
    assert not found.pictures
    (line,) = found.problems
    assert line.startswith(f"{tmp_path}/{source}: ")


def test_a_synthetic_line_is_read_whole(tmp_path) -> None:
    few = Counts(train=2, validation=1, good=1, logical=4, structural=1)
    synthesize(tmp_path, categories=["pushpins"], counts=few, size=(400, 240), workers=1)
    pictures = sorted((tmp_path / "pushpins").glob("[tv]*/*/*.png"))
    seen = []
    found = read_loco_annotations(tmp_path / "pushpins/annotations", pictures, lambda: seen.append(1))
    assert len(seen) == len(pictures) == len(found.pictures) == 9
    assert found.problems == []
    for path, one in found.pictures.items():
        anomalous = path.parent.name == "logical_anomalies"
        assert bool(one.reasons) == bool(one.records) == anomalous
        assert [str(record) for record in one.records] == [
            f"{reason.type.capitalize()}: {reason.text}" for reason in one.reasons
        ]
        assert [part.label for part in one.parts].count("pushpin") == one.labels["pushpin"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(MISSING),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


@given(said=st.dictionaries(st.sampled_from(["reasons", "records", "flags", "note", "x"]), anything))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_hostile_facts_raise_nothing(tmp_path, said) -> None:
    path = picture(tmp_path / "pictures")
    source = written(tmp_path / "labels", json.dumps(labelme(PIN) | said))
    found = read_loco_annotations(source, [path])
    assert found.pictures[path].labels == {"pin": 1}
    lines = [*found.problems, *(one.text for one in found.pictures[path].reasons)]
    assert all(line.isprintable() for line in lines)


def test_facts_nested_too_deep_are_passed_over(tmp_path) -> None:
    deep = MISSING
    for _ in range(500):
        deep = [deep]
    assert only(tmp_path, labelme(PIN) | {"why": deep}).reasons == ()
