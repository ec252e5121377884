"""Reading the layout of MVTec LOCO AD and maps beside it, whole and broken."""

from __future__ import annotations

import json
import re
import shutil

import cv2
import numpy as np
import pytest
import tifffile
from loco_tree import SIZE, TYPES, channel, save, write_category, write_maps
from logisight.benchmarks.anomaly_maps import MapFolder, read_map
from logisight.benchmarks.loco import find_categories, read_category
from logisight.benchmarks.maps import MapScores
from logisight.benchmarks.metrics import au_spro, image_metrics
from logisight.schema import DatasetError


@pytest.fixture
def category(tmp_path):
    return write_category(tmp_path / "data/widgets")


def test_layout_is_read_in_the_order_of_the_official_evaluation(category):
    found = read_category(category)
    assert found.problems == []
    assert [one.name for one in found.select("test")] == [
        *("test/good/000", "test/good/001", "test/logical_anomalies/000", "test/logical_anomalies/001"),
        *("test/structural_anomalies/000", "test/structural_anomalies/001"),
    ]
    assert len(found.select("train")) == len(found.select("validation", "good")) == 2
    assert [len(one.channels) for one in found.select("test")] == [0, 0, 1, 2, 1, 1]


def test_channels_are_named_and_saturate_as_their_type_says(category):
    found = read_category(category)
    defects = found.defects(found.select("test", "logical_anomalies")[1])
    assert [(one.name, one.saturation, int(one.mask.sum())) for one in defects] == [
        ("missing", 12, 36),
        ("extra", 18, 36),
    ]


def test_a_channel_without_a_pixel_of_0_covers_the_picture(category):
    save(category / "ground_truth/logical_anomalies/000/000.png", np.full(SIZE, 255, np.uint8))
    found = read_category(category)
    (defect,) = found.defects(found.select("test", "logical_anomalies")[0])
    assert defect.mask.all()


def test_categories_are_found_below_and_at_a_folder(category):
    write_category(category.parent / "gadgets")
    (category.parent / "notes.txt").write_text("no category")
    assert [path.name for path in find_categories(category.parent)] == ["gadgets", "widgets"]
    assert [path.name for path in find_categories(category.parent, ["widgets"])] == ["widgets"]
    assert find_categories(category) == [category]


@pytest.mark.parametrize(
    ("below", "names", "message"),
    [
        ("", ["nuts"], "no category nuts; there are widgets"),
        ("none", [], "no such folder"),
        ("widgets/train", [], "no category here"),
    ],
)
def test_what_is_no_test_set_is_said(category, below, names, message):
    with pytest.raises(DatasetError, match=message):
        find_categories(category.parent / below, names)


def without_mask(folder):
    shutil.rmtree(folder / "ground_truth/logical_anomalies/000")


def mask_without_picture(folder):
    (folder / "test/logical_anomalies/000.png").unlink()


def empty_mask_folder(folder):
    (folder / "ground_truth/logical_anomalies/000/000.png").unlink()


def unreadable_picture(folder):
    (folder / "test/good/001.png").write_bytes(b"no picture")


def stray_file(folder):
    (folder / "test/good/notes.txt").write_text("hm")


def no_good_pictures(folder):
    shutil.rmtree(folder / "test/good")


def no_config(folder):
    (folder / "defects_config.json").unlink()


@pytest.mark.parametrize(
    ("damage", "left", "message"),
    [
        (without_mask, 5, "logical_anomalies/000: no ground truth for the picture"),
        (mask_without_picture, 5, "logical_anomalies/000: there is no test picture of this name"),
        (empty_mask_folder, 5, "logical_anomalies/000: holds no channel"),
        (unreadable_picture, 5, r"good/001.png: .*; left out"),
        (stray_file, 6, "notes.txt: is no PNG picture; left out"),
        (no_good_pictures, 4, "test/good: no such folder"),
        (no_config, 6, "defects_config.json: No such file"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_breaks_the_layout_is_told_and_the_rest_is_read(category, damage, left, message):
    damage(category)
    found = read_category(category)
    assert len(found.select("test")) == left
    assert [line for line in found.problems if re.search(message, line)]
    assert all("\n" not in line for line in found.problems)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pixel_value": 0}, "entry 0.pixel_value"),
        ({"pixel_value": "255"}, "entry 0.pixel_value"),
        ({"saturation_threshold": -3}, "entry 0.saturation_threshold"),
        ({"saturation_threshold": 2.0, "relative_saturation": True}, "at most 1"),
        ({"pixel_value": 254}, "has the pixel value 254 of missing; the last one counts"),
        ({"colour": 3}, "entry 0.colour"),
    ],
)
def test_types_of_defects_are_checked(category, change, message):
    (category / "defects_config.json").write_text(json.dumps([{**TYPES[0], **change}, *TYPES[1:]]))
    (line,) = read_category(category).problems
    assert message in line


def test_types_that_are_no_json_are_said(category):
    (category / "defects_config.json").write_text("[" * 100_000)
    (line,) = read_category(category).problems
    assert "is no JSON list" in line


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (channel(255, 2)[:-1], "is 30x19, its picture 30x20"),
        (channel(255, 2) // 2, "its value 127 is not in defects_config.json"),
        (channel(0, 2), "this one no defect"),
        (np.maximum(channel(255, 2), channel(254, 9)), "this one the values 254, 255"),
        (np.dstack([channel(255, 2)] * 3), "expected one channel"),
    ],
    ids=["size", "unknown", "empty", "two values", "colour"],
)
def test_channels_that_cannot_be_used_are_said_with_their_file(category, mask, message):
    save(category / "ground_truth/logical_anomalies/000/000.png", mask)
    found = read_category(category)
    with pytest.raises(DatasetError, match=f"000/000.png: .*{message}"):
        found.defects(found.select("test", "logical_anomalies")[0])


def test_maps_are_scored_from_their_files(category, tmp_path):
    maps = MapFolder(write_maps(tmp_path / "maps", category), read_category(category))
    scores = MapScores.of(maps.pictures())
    assert maps.problems == []
    assert 0 < au_spro(scores).groups["mean"]["0.3"] < 1
    assert image_metrics(scores.highest("good"), scores.highest("logical_anomalies")).auroc == 1


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((19, 30), np.float32), "is 30x19, unlike its picture"),
        (np.full(SIZE, np.inf, np.float32), "scores that are not finite"),
        (np.zeros((*SIZE, 3), np.float32), "expected one number a pixel"),
        (np.zeros(SIZE, np.complex64), "expected real numbers"),
        (b"II*\0 no picture", "is no TIFF that can be read"),
        (None, "no map of this picture"),
    ],
    ids=["size", "infinite", "colour", "complex", "damaged", "missing"],
)
def test_maps_that_cannot_be_used_are_told_and_the_rest_is_scored(category, tmp_path, array, message):
    folder = write_maps(tmp_path / "maps", category)
    path = folder / "widgets/test/logical_anomalies/000.tiff"
    path.unlink()
    if isinstance(array, bytes):
        path.write_bytes(array)
    elif array is not None:
        tifffile.imwrite(path, array, photometric="minisblack" if array.ndim == 2 else "rgb")
    maps = MapFolder(folder, read_category(category))
    assert len(list(maps.pictures())) == 5
    (line,) = maps.problems
    assert message in line


def test_two_maps_of_one_picture_are_told(category, tmp_path):
    folder = write_maps(tmp_path / "maps", category)
    shutil.copy(folder / "widgets/test/good/000.tiff", folder / "widgets/test/good/000.tif")
    maps = MapFolder(folder, read_category(category))
    list(maps.pictures())
    assert maps.problems == [f"{folder}/widgets/test/good/000: several maps of one picture"]


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
def test_maps_of_any_real_type_keep_their_values(tmp_path, dtype):
    values = (np.arange(12).reshape(3, 4) / 2).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tiff", values)
    assert np.array_equal(read_map(tmp_path / "a.tiff"), values.astype(np.float64))


def test_maps_compressed_as_other_tools_do_are_read(tmp_path):
    values = np.arange(12, dtype=np.float32).reshape(3, 4) / 7
    assert cv2.imwrite(str(tmp_path / "a.tiff"), values, [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    assert np.array_equal(read_map(tmp_path / "a.tiff"), values)
