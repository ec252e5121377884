"""Annotations find their pictures, mean the same in every format, and do no harm."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from annotation_files import (
    SIZE,
    SQUARE,
    coco,
    coco_entry,
    coco_image,
    isat,
    isat_object,
    labelme,
    labelme_mask,
    labelme_shape,
    mask_file,
    picture,
    run_lengths,
    written,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logisight.schema import AnnotationError
from logisight.tools.annotations import fields, read_annotations, sheet
from PIL import Image

PIN = labelme_shape()
FORMATS = "LabelMe JSON, ISAT JSON, COCO JSON, index-mask PNGs"
UNKNOWN = f"no annotation format that is read ({FORMATS})"
NOTHING = f"holds no annotation of the pictures; looked for {FORMATS}"
TOO_MUCH = "its shapes span more than 8 pixels together; split the file"


def refused(source: Path, pictures) -> str:
    with pytest.raises(AnnotationError) as caught:
        read_annotations(source, pictures)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        pytest.param("pins.png", "pins.png", id="name"),
        pytest.param("pins.png", "C:\\line 3\\pins.png", id="windows path"),
        pytest.param("pins.png", "../pictures/pins.png", id="relative path"),
        pytest.param("pins.v2.png", "pins.v2.jpg", id="stem"),
        pytest.param("pins.v2.png", "pins.v2", id="stem alone"),
        pytest.param("file.png", "old name.png", id="stem of the annotation's file"),
        pytest.param("file.png", "", id="nothing stated"),
        pytest.param("file.png", None, id="null stated"),
    ],
)
@pytest.mark.parametrize("content", [labelme(PIN), isat(isat_object())], ids=["labelme", "isat"])
def test_picture_is_found_by_its_name(tmp_path, content, name, stated) -> None:
    path = picture(tmp_path / "pictures", name)
    if "imagePath" in content:
        content = content | {"imagePath": stated}
    else:
        content = content | {"info": content["info"] | {"name": stated}}
    source = written(tmp_path / "labels", content, "file.json")
    assert list(read_annotations(source, [picture(tmp_path, "other.png"), path])) == [path]


def test_pictures_of_one_name_are_told_apart_by_their_folders(tmp_path) -> None:
    folders = ["train/good", "test/good"]
    pictures = [picture(tmp_path / "pictures" / folder, "000.png") for folder in folders]
    for folder in folders:
        content = labelme(labelme_shape(folder.split("/")[0]), name="000.png")
        written(tmp_path / "labels" / folder, content, "000.json")
    annotations = read_annotations(tmp_path / "labels", pictures)
    assert [annotations[path].parts[0].label for path in pictures] == ["train", "test"]


def test_picture_that_may_be_either_is_asked_for(tmp_path) -> None:
    one, other = (picture(tmp_path / folder) for folder in ("a", "b"))
    source = written(tmp_path, labelme(PIN))
    message = refused(source, [one, other])
    assert message == f"{source}: its picture may be {one} or {other}; give one of them"


def test_order_is_that_of_the_pictures(tmp_path) -> None:
    pictures = [picture(tmp_path, f"{number}.png") for number in (3, 1, 2)]
    for number in (1, 2, 3):
        written(tmp_path / "labels", labelme(PIN, name=f"{number}.png"), f"{number}.json")
    assert list(read_annotations(tmp_path / "labels", pictures)) == pictures


def test_one_coco_file_annotates_many_pictures(tmp_path) -> None:
    pictures = [picture(tmp_path, f"{number}.png") for number in (1, 2, 3)]
    images = [coco_image(number, f"train/{number}.png") for number in (1, 2, 3)]
    content = coco(coco_entry(image=3), coco_entry(image=1), coco_entry(image=3, category=2), images=images)
    annotations = read_annotations(written(tmp_path, content), pictures)
    assert {path.name: [part.label for part in a.parts] for path, a in annotations.items()} == {
        "1.png": ["pin"],
        "3.png": ["pin", "box"],
    }
    assert annotations.notes == (f"{tmp_path}/pins.json: does not annotate '2.png'",)


def test_annotations_of_other_pictures_are_noted(tmp_path) -> None:
    path = picture(tmp_path)
    images = [coco_image(number, f"{number}.png") for number in range(5)] + [coco_image(9)]
    content = coco(*(coco_entry(image=image["id"]) for image in images), images=images)
    annotations = read_annotations(written(tmp_path, content), [path])
    expected = f"{tmp_path}/pins.json: annotates '0.png', '1.png', '2.png' and 2 more, not among the pictures"
    assert annotations.notes == (expected,)


def test_annotations_of_none_of_the_pictures_are_refused(tmp_path) -> None:
    source = written(tmp_path, labelme(PIN, name="a.png"), "a.json")
    assert refused(source, [picture(tmp_path)]) == (
        f"{source}: annotates 'a.png', but the pictures are 'pins.png'; "
        "give the annotated pictures, or rename them as the annotations have them"
    )


def test_picture_that_is_annotated_twice_is_refused(tmp_path) -> None:
    one, other = (written(tmp_path / "labels", labelme(PIN), name) for name in ("a.json", "b.json"))
    path = picture(tmp_path)
    message = refused(tmp_path / "labels", [path])
    assert message == f"{path}: annotated twice, in {one} and {other}; keep one of them"


@pytest.mark.parametrize("size", [(41, 30), (40, None), (30, 40)])
def test_other_size_than_the_picture_is_refused(tmp_path, size) -> None:
    path = picture(tmp_path, size=(50, 31))
    source = written(tmp_path, labelme(PIN, size=size))
    made_for = f"made for a picture of {size[0]}x{size[1] or 31}"
    message = refused(source, [path])
    assert message == f"{source}: {made_for}, but {path} has 50x31; annotate this picture"


def test_other_size_of_an_index_mask_is_refused(tmp_path) -> None:
    source = mask_file(tmp_path / "labels", np.ones((3, 4)))
    assert "made for a picture of 4x3, but" in refused(source, [picture(tmp_path)])


def test_size_of_a_picture_that_exif_turns_is_that_of_the_upright_one(tmp_path) -> None:
    path = tmp_path / "pins.jpg"
    tags = Image.Exif()
    tags[0x0112] = 6
    Image.new("RGB", (30, 40)).save(path, exif=tags)
    upright = read_annotations(written(tmp_path, labelme(PIN)), [path])
    assert upright[path].size == SIZE
    message = refused(written(tmp_path, labelme(PIN, size=(30, 40))), [path])
    assert message.endswith("has 40x30; annotate this picture as its EXIF orientation turns it")


def test_picture_of_whose_annotation_nothing_is_understood_is_not_annotated(tmp_path) -> None:
    good, bad, empty = (picture(tmp_path, f"{name}.png") for name in ("good", "bad", "empty"))
    written(tmp_path / "labels", labelme(PIN, name="good.png"), "good.json")
    written(tmp_path / "labels", labelme(7, 8, name="bad.png"), "bad.json")
    written(tmp_path / "labels", labelme(name="empty.png"), "empty.json")
    annotations = read_annotations(tmp_path / "labels", [good, bad, empty])
    assert list(annotations) == [good, empty]
    assert annotations.notes == tuple(
        f"{tmp_path}/labels/bad.json: shapes[{i}]: expected an object, got {i + 7}" for i in (0, 1)
    )
    message = refused(tmp_path / "labels" / "bad.json", [bad])
    assert message == f"{tmp_path}/labels/bad.json: shapes[0]: expected an object, got 7; no part is left"


def test_stated_size_is_not_needed(tmp_path) -> None:
    path = picture(tmp_path)
    annotations = read_annotations(written(tmp_path, labelme(PIN, size=(None, None))), [path])
    assert annotations[path].size == SIZE


def test_folder_beside_its_pictures_is_no_folder_of_masks(tmp_path) -> None:
    path = mask_file(tmp_path, np.ones(SIZE[::-1]))
    assert refused(tmp_path, [path]) == f"{tmp_path}: {NOTHING}"
    written(tmp_path, labelme(PIN))
    assert [part.label for part in read_annotations(tmp_path, [path])[path].parts] == ["pin"]


@pytest.mark.parametrize("name", ["pins.png", "pins_mask.png", "deeper/pins.png"])
def test_mask_is_found_by_its_stem(tmp_path, name) -> None:
    path = picture(tmp_path / "pictures", "pins.jpg")
    mask_file(tmp_path / "labels", np.ones(SIZE[::-1]), name)
    assert len(read_annotations(tmp_path / "labels", [path])[path].parts) == 1


def test_other_json_in_a_folder_is_noted(tmp_path) -> None:
    path = picture(tmp_path / "pictures")
    written(tmp_path / "labels", labelme(PIN))
    other = written(tmp_path / "labels", {"project": 7}, "notes.json")
    assert read_annotations(tmp_path / "labels", [path]).notes == (f"{other}: {UNKNOWN}",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("{}", UNKNOWN, id="object"),
        pytest.param("[1, 2]", UNKNOWN, id="list"),
        pytest.param("", "damaged, or not JSON (Expecting value: line 1 column 1", id="empty"),
        pytest.param('{"shapes": [', "damaged, or not JSON (Expecting value: line 1 column 13", id="cut off"),
        pytest.param("<xml/>", "damaged, or not JSON (Expecting value: line 1 column 1", id="xml"),
        pytest.param("9" * 5000, "damaged, or not JSON (Exceeds the limit", id="endless number"),
        pytest.param("[" * 100_000, "not an annotation: lists or objects nested too deep", id="deep"),
        pytest.param("[" + "1," * 20_000_000, "holds more than 20000000 values; split it", id="many values"),
        pytest.param(json.dumps(coco()), NOTHING, id="no part"),
    ],
)
def test_files_that_are_no_annotation(tmp_path, content, message) -> None:
    source = written(tmp_path, content)
    assert refused(source, [picture(tmp_path)]).startswith(f"{source}: {message}")


def test_missing_source(tmp_path) -> None:
    message = refused(tmp_path / "none", [picture(tmp_path)])
    assert message == f"{tmp_path}/none: cannot be read (No such file or directory); check its path"


def test_bytes_that_are_no_text(tmp_path) -> None:
    source = tmp_path / "pins.json"
    source.write_bytes(b'{"shapes": "\xff"}')
    assert "damaged, or not JSON ('utf-8' codec can't decode" in refused(source, [picture(tmp_path)])


def test_large_files_are_refused_before_they_are_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(fields, "MAX_MIB", 1e-4)
    source = written(tmp_path, labelme(PIN))
    assert "MiB are more than 0.0001; split it" in refused(source, [picture(tmp_path)])


@pytest.mark.parametrize(
    ("limit", "content", "message"),
    [
        ("MAX_PARTS", labelme(*[PIN] * 9), "shapes[8]: more than 8 shapes on one picture"),
        ("MAX_WORK", labelme(*[PIN] * 9), TOO_MUCH),
        ("MAX_WORK", coco(coco_entry(run_lengths(np.ones((30, 40), bool)))), TOO_MUCH),
        ("MAX_WORK", labelme(labelme_mask(np.ones((3, 4), bool), 1, 1)), TOO_MUCH),
    ],
)
def test_work_on_one_picture_is_bounded(tmp_path, monkeypatch, limit, content, message) -> None:
    monkeypatch.setattr(sheet, limit, 8)
    assert refused(written(tmp_path, content), [picture(tmp_path)]) == f"{tmp_path}/pins.json: {message}"


def test_far_groups_count_as_what_they_span(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sheet, "MAX_WORK", 800)
    far = [[38, 28], [39, 28], [39, 29], [38, 29]]
    alone = labelme(labelme_shape(), labelme_shape(points=far))
    path = picture(tmp_path)
    assert len(read_annotations(written(tmp_path, alone), [path])[path].parts) == 2
    together = labelme(labelme_shape(group_id=1), labelme_shape(points=far, group_id=1))
    assert "span more than 800 pixels together" in refused(written(tmp_path, together), [path])


def test_polygons_of_too_many_points_are_ignored(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(fields, "MAX_POINTS", 4)
    path = picture(tmp_path)
    source = written(tmp_path, labelme(labelme_shape(points=[*SQUARE, [2, 5]]), PIN))
    annotation = read_annotations(source, [path])[path]
    line = f"{source}: shapes[0].points: expected at most 4 points, got a list of 5"
    assert annotation.ignored == (line,)
    assert len(annotation.parts) == 1


def test_files_of_too_many_items_are_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(fields, "MAX_ITEMS", 8)
    message = refused(written(tmp_path, labelme(*[PIN] * 9)), [picture(tmp_path)])
    assert message.endswith("pins.json: shapes: expected at most 8 items, got a list of 9")


def test_many_lines_are_shortened(tmp_path) -> None:
    path = picture(tmp_path)
    lines = read_annotations(written(tmp_path, labelme(PIN, *range(99))), [path])[path].ignored
    assert len(lines) == fields.MAX_NOTES + 1
    assert lines[-1] == f"{tmp_path}/pins.json: 49 more lines like these"


SHAPES = [
    ("pin", [[2, 3], [9, 4], [7, 12], [3, 10]]),
    ("pin", [[20, 2], [26, 2], [26, 5], [20, 5]]),
    ("box", [[12, 15], [30, 17], [28, 28], [14, 26]]),
]


def masks_in(folder, content, name="pins.json") -> list[tuple[str, bytes]]:
    path = picture(folder / "pictures")
    source = written(folder / "labels", content, name) if isinstance(content, dict) else content
    parts = read_annotations(source, [path])[path].parts
    return [(part.label, part.box, part.mask.tolist()) for part in sorted(parts, key=lambda part: part.box)]


def test_all_formats_give_the_same_masks(tmp_path) -> None:
    expected = masks_in(tmp_path / "1", labelme(*(labelme_shape(*shape) for shape in SHAPES)))
    assert len(expected) == 3
    assert masks_in(tmp_path / "2", isat(*(isat_object(*shape) for shape in SHAPES))) == expected
    number = {"pin": 1, "box": 2}
    flat = [coco_entry([np.ravel(points).tolist()], number[label]) for label, points in SHAPES]
    assert masks_in(tmp_path / "3", coco(*flat)) == expected

    whole = []
    values = np.zeros(SIZE[::-1], np.uint8)
    for label, (x0, y0, x1, y1), mask in expected:
        full = np.zeros(SIZE[::-1], bool)
        full[int(y0) : int(y1), int(x0) : int(x1)] = mask
        values[full] = number[label]
        whole.append((label, full))
    for compressed in (False, True):
        entries = [coco_entry(run_lengths(mask, compressed), number[label]) for label, mask in whole]
        assert masks_in(tmp_path / f"4{compressed}", coco(*entries)) == expected
    shapes = [labelme_mask(mask, 0, 0, label) for label, mask in whole]
    assert masks_in(tmp_path / "5", labelme(*shapes)) == expected
    written(tmp_path / "6" / "labels", ["pin", "box"], "labels.json")
    assert masks_in(tmp_path / "6", mask_file(tmp_path / "6" / "labels", values)) == expected


numbers = st.integers(-(10**400), 10**400) | st.floats() | st.sampled_from([0, 1, 7, 1e9, -0.0, 10**400])
leaves = st.none() | st.booleans() | numbers | st.text(max_size=8)
names = st.text(max_size=4)
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner))
VALID = [
    labelme(PIN, labelme_shape("pin", SQUARE[:2], "circle"), labelme_mask(np.ones((2, 3), bool), 1, 1)),
    isat(isat_object(), isat_object("__background__")),
    coco(coco_entry(), coco_entry(run_lengths(np.eye(30, 40, dtype=bool)))),
    coco(coco_entry(run_lengths(np.eye(30, 40, dtype=bool), compressed=True))),
]


def steps_in(content) -> list:
    """The keys or indices of a JSON value."""
    if isinstance(content, list):
        return list(range(len(content)))
    return list(content) if isinstance(content, dict) else []


@st.composite
def vandalised(draw):
    """A valid file in which some values, anywhere, are replaced by anything."""
    content = json.loads(json.dumps(draw(st.sampled_from(VALID))))
    for _ in range(draw(st.integers(1, 3))):
        holder, step = content, draw(st.sampled_from(steps_in(content)))
        while steps_in(holder[step]) and draw(st.booleans()):
            holder, step = holder[step], draw(st.sampled_from(steps_in(holder[step])))
        holder[step] = draw(anything)
    return content


@given(content=vandalised() | anything)
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_hostile_content_raises_nothing_but_annotation_errors(tmp_path, content) -> None:
    path = picture(tmp_path)
    try:
        annotations = read_annotations(written(tmp_path, content), [path])
    except AnnotationError as error:
        lines = [str(error)]
    else:
        lines = [*annotations.notes, *(line for a in annotations.values() for line in a.ignored)]
        for part in (part for a in annotations.values() for part in a.parts):
            assert part.label.isprintable()
            assert part.box[0] >= 0 and part.box[1] >= 0 and part.box[2] <= 40 and part.box[3] <= 30
    assert all(line.isprintable() for line in lines)


@given(content=anything)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_hostile_class_names_raise_nothing_but_annotation_errors(tmp_path, content) -> None:
    path = picture(tmp_path / "pictures")
    written(tmp_path / "labels", content, "labels.json")
    try:
        annotations = read_annotations(mask_file(tmp_path / "labels", np.ones(SIZE[::-1])), [path])
    except AnnotationError as error:
        assert str(error).isprintable()
    else:
        assert all(part.label.isprintable() for part in annotations[path].parts)


@given(data=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_hostile_bytes_raise_nothing_but_annotation_errors(tmp_path, data) -> None:
    path = picture(tmp_path / "pictures")
    for source in (tmp_path / "pins.json", tmp_path / "pins.png"):
        source.write_bytes(data)
        assert refused(source, [path]).isprintable()
