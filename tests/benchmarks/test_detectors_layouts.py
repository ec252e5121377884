"""Test sets for detectors in the layouts in which they are handed out: whole, mixed and broken."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from detector_tree import SIZE, save, square, write_board, write_mvtec, write_named, write_tile
from loco_tree import write_category
from logisight.benchmarks.detectors.category import roles_in
from logisight.benchmarks.detectors.layouts import find_products, read_product
from logisight.benchmarks.detectors.truth import read_boxes, read_mask
from logisight.schema import DatasetError
from PIL import Image

WIDTH_HEIGHT = SIZE[::-1]


def read(folder):
    (found,) = find_products(folder)
    return read_product(found)


def nested_tile(folder):
    return write_tile(folder, inner="Imgs")


def board_beside_its_boxes(folder):
    return write_board(folder, boxes=folder.with_name(f"{folder.name}_not"))


@pytest.mark.parametrize(
    ("write", "train", "good", "kinds"),
    [
        (write_category, 2, 2, {"logical": 2, "structural": 2}),
        (write_mvtec, 9, 3, {"cut": 3, "hole": 2}),
        (write_tile, 0, 12, {"Crack": 2, "Fray": 2}),
        (nested_tile, 0, 12, {"Crack": 2, "Fray": 2}),
        (write_named, 0, 4, {"anomaly": 2}),
        (write_board, 0, 4, {"circuit": 4}),
        (board_beside_its_boxes, 0, 4, {"circuit": 4}),
    ],
)
def test_a_layout_is_read(tmp_path, write, train, good, kinds):
    category = read(write(tmp_path / "a_product"))
    assert (category.name, category.product, category.problems) == ("a_product", "a product", ())
    assert len(category.train) == train
    assert sum(not one.kind for one in category.test) == good
    assert {kind: sum(one.kind == kind for one in category.test) for kind in category.kinds} == kinds


@pytest.mark.parametrize(
    ("write", "kind", "place", "side"),
    [
        (write_mvtec, "cut", 3, 6),
        (write_mvtec, "hole", 7, 3),
        (write_tile, "Crack", 5, 6),
        (write_named, "anomaly", 1, 6),
        (write_board, "circuit", 1, 6),
    ],
)
def test_the_truth_of_a_picture_is_where_it_was_drawn(tmp_path, write, kind, place, side):
    category = read(write(tmp_path / "product"))
    first = next(one for one in category.test if one.kind == kind)
    assert (category.read_truth(first, WIDTH_HEIGHT) == square(place, side)).all()


def test_the_truth_of_a_loco_picture_is_that_of_all_its_channels(tmp_path):
    category = read(write_category(tmp_path / "widgets"))
    (both,) = [one for one in category.test if len(one.truth) == 2]
    expected = np.zeros((20, 30), bool)
    expected[4:10, 4:10] = expected[6:12, 6:12] = True
    assert (category.read_truth(both, (30, 20)) == expected).all()


def test_one_folder_may_hold_products_in_several_layouts(tmp_path):
    write_mvtec(tmp_path / "nut")
    write_tile(tmp_path / "tile")
    write_named(tmp_path / "cookie")
    write_board(tmp_path / "groups/group00041/00041")
    write_category(tmp_path / "loco")
    (tmp_path / "notes").mkdir()
    assert {one.name: one.layout.name for one in find_products(tmp_path)} == {
        "nut": "MVTec AD",
        "tile": "Magnetic Tile",
        "cookie": "normal-*.jpg and anomaly-*.jpg",
        "00041": "DeepPCB",
        "loco": "MVTec LOCO AD",
    }
    assert [one.name for one in find_products(tmp_path, ["tile"])] == ["tile"]


def test_real_samples_are_read(shared_data):
    counts = {
        "cookies": (16, {"anomaly": 12}),
        "deeppcb": (14, {"circuit": 14}),
        "magnetic_tile": (60, dict.fromkeys(["Blowhole", "Break", "Crack", "Fray", "Uneven"], 15)),
    }
    found = {one.name: one for one in find_products(shared_data)}
    if missing := sorted(counts.keys() - found.keys()):
        pytest.skip(f"no real samples of {', '.join(missing)} in {shared_data}")
    for name, (good, kinds) in counts.items():
        category = read_product(found[name])
        assert category.problems == ()
        assert sum(not one.kind for one in category.test) == good
        assert {kind: sum(one.kind == kind for one in category.test) for kind in category.kinds} == kinds


@pytest.mark.parametrize(
    ("write", "lost", "left"),
    [
        (write_mvtec, "ground_truth/cut/001_mask.png", {"cut": 2, "hole": 2}),
        (write_mvtec, "ground_truth/hole", {"cut": 3}),
        (write_tile, "MT_Fray/1.png", {"Crack": 2, "Fray": 1}),
        (write_named, "anomaly-2.png", {"anomaly": 1}),
        (write_board, "002.txt", {"circuit": 3}),
        (write_board, "002_temp.jpg", {"circuit": 3}),
    ],
)
def test_what_is_missing_is_told_and_the_rest_is_read(tmp_path, write, lost, left):
    folder = write(tmp_path / "product")
    if (folder / lost).is_dir():
        shutil.rmtree(folder / lost)
    else:
        (folder / lost).unlink()
    category = read(folder)
    assert {kind: sum(one.kind == kind for one in category.test) for kind in category.kinds} == left
    assert category.problems
    for line in category.problems:
        assert lost.split("/")[-1] in line
        assert "is missing" in line


def test_a_folder_without_a_layout_is_told_of(tmp_path):
    save(tmp_path / "some/picture.jpg", np.zeros(SIZE))
    with pytest.raises(DatasetError, match="nothing here is in a layout that is read"):
        find_products(tmp_path)


def test_a_folder_that_is_not_there_is_told_of(tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        find_products(tmp_path / "nowhere")


def test_a_product_that_is_not_there_is_told_of_with_those_that_are(tmp_path):
    write_mvtec(tmp_path / "nut")
    with pytest.raises(DatasetError, match="no category bolt; there are nut"):
        find_products(tmp_path, ["bolt"])


def test_two_products_of_one_name_are_told_of(tmp_path):
    write_mvtec(tmp_path / "old/nut")
    write_tile(tmp_path / "new/nut")
    with pytest.raises(DatasetError, match="several products are called nut"):
        find_products(tmp_path)


def test_a_product_without_defects_cannot_be_used(tmp_path):
    folder = write_mvtec(tmp_path / "nut")
    shutil.rmtree(folder / "ground_truth")
    with pytest.raises(DatasetError, match=r"no picture of a defect, with its ground truth .*is missing"):
        read(folder)


def soft(mask):
    """As an editor saves a mask: with half-transparent edges."""
    return np.where(mask, 255, 0) + np.where(np.roll(mask, 1, axis=0) & ~mask, 90, 0)


@pytest.mark.parametrize(
    "values",
    [
        255 * square(4),
        7 * square(4),  # numbers of defects
        soft(square(4)),
        np.dstack([35 * square(4), 164 * square(4), 54 * square(4)]),
        np.dstack([np.full((*SIZE, 3), 200), 255 * square(4)]),  # colour everywhere, seen in the square alone
        np.dstack([np.full((*SIZE, 3), 200), soft(square(4))]),
    ],
    ids=["white", "number", "soft", "colour", "transparent", "transparent and soft"],
)
def test_masks_of_every_kind_say_the_same(tmp_path, values):
    save(tmp_path / "mask.png", np.asarray(values, np.uint8))
    assert (read_mask(tmp_path / "mask.png", WIDTH_HEIGHT) == square(4)).all()


def test_a_palette_mask_with_transparency_is_read_by_what_is_seen(tmp_path):
    mask = Image.fromarray(square(4).astype(np.uint8) + square(5), "P")
    mask.putpalette([0, 0, 0, 35, 164, 54, 35, 164, 54])
    mask.save(tmp_path / "mask.png", transparency=bytes([0, 10, 255]))
    assert (read_mask(tmp_path / "mask.png", WIDTH_HEIGHT) == (square(4) & square(5))).all()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.zeros(SIZE), "shows no defect"),
        (255 * square(4)[1:], "is 32x23, its picture 32x24; they must be equal"),
    ],
)
def test_a_mask_that_cannot_be_used_is_told_of(tmp_path, values, told):
    save(tmp_path / "mask.png", values)
    with pytest.raises(DatasetError, match=f"mask.png: {told}"):
        read_mask(tmp_path / "mask.png", WIDTH_HEIGHT)


def test_boxes_are_cut_at_the_picture_and_empty_lines_skipped(tmp_path):
    (tmp_path / "boxes.txt").write_text("28 20 90 90 1\n\n0,0,2,1,6\n")
    mask = read_boxes(tmp_path / "boxes.txt", WIDTH_HEIGHT)
    assert mask.sum() == 4 * 4 + 2
    assert mask[20:, 28:].all()
    assert mask[0, :2].all()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"1 2 3 4 1\n1 2 3\n", "line 2: expected x1 y1 x2 y2 type, got '1 2 3'"),
        (b"1 2 -3 4 1\n", "line 1: expected"),
        (b"1 2 3 99999999999999999999 1\n", "line 1: expected"),
        (b"", "has no box in its picture of 32x24"),
        (b"40 2 50 9 1\n", "has no box in its picture"),
        (b"\xff\xfe\x00", "is no text"),
    ],
)
def test_boxes_that_cannot_be_used_are_told_of(tmp_path, content, told):
    (tmp_path / "boxes.txt").write_bytes(content)
    with pytest.raises(DatasetError, match=f"boxes.txt: {told}"):
        read_boxes(tmp_path / "boxes.txt", WIDTH_HEIGHT)


def names(pictures):
    return [getattr(one, "path", one).name for one in pictures]


@pytest.mark.parametrize(
    ("write", "learns", "sizes"),
    [
        (write_category, True, (2, 2, 6)),  # validation calibrates
        (write_category, False, (0, 2, 6)),
        (write_mvtec, True, (5, 4, 8)),  # half of train calibrates
        (write_mvtec, False, (0, 9, 8)),
        (write_tile, True, (6, 0, 10)),  # half of the good ones are not tested; too few are left to calibrate
        (write_tile, False, (0, 6, 10)),
        (write_named, False, (0, 0, 4)),
        (write_board, True, (0, 0, 4)),  # from the reference of each
        (write_board, False, (0, 0, 6)),
    ],
)
def test_no_picture_has_two_roles(tmp_path, write, learns, sizes):
    roles = roles_in(read(write(tmp_path / "product")), 0, learns=learns)
    assert roles.sizes == sizes
    assert roles.pairs == (learns and write is write_board)
    paths = [*roles.learn, *roles.calibrate, *(one.path for one in roles.test)]
    assert len(set(paths)) == len(paths)


def test_the_seed_decides_which_good_pictures_are_tested(tmp_path):
    category = read(write_tile(tmp_path / "tile"))
    first, again, other = (roles_in(category, seed, learns=True) for seed in (0, 0, 1))
    assert first == again
    assert names(first.test) != names(other.test)
    assert names(first.test) == names(roles_in(category, 0, learns=False).test)
