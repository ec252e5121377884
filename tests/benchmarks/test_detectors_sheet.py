"""Contact sheets: which pictures, how small, and that colours of a detector mean the same on all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from detector_tree import SIZE, save, square, surface
from logisight.benchmarks.detectors.category import Category, KnownPicture
from logisight.benchmarks.detectors.result import PictureScore
from logisight.benchmarks.detectors.sheet import GAP, NARROWEST, Column, draw_sheet, write_sheet
from logisight.benchmarks.detectors.tiles import SIDE, Tiles, chosen, kept_tiles, small_size
from PIL import Image

FIRST, SECOND = "test/cut/000", "test/cut/001"


@pytest.fixture
def category(tmp_path):
    tested = []
    for name in (FIRST, SECOND):
        save(tmp_path / f"{name}.png", surface(1))
        tested.append(KnownPicture(name, tmp_path / f"{name}.png", "cut"))
    return Category("nut", (), (), tuple(tested), lambda one, size: square(15, 4))


def column(maps, name="eye"):
    pictures = {
        one: PictureScore(name=one, kind="cut", score=3.0, pixel_auroc=0.9, seconds=0.1) for one in maps
    }
    return Column(name, maps, pictures)


def peak(height):
    scores = np.zeros(SIZE, np.float32)
    scores[2:12, 2:12] = height
    return scores


def cells(sheet, columns):
    """The upper left part of each cell, [row][column], without what is around."""
    width = NARROWEST + GAP
    rows = [np.flatnonzero((sheet[:, GAP : GAP + 32] < 200).all(axis=(1, 2)))]
    tops = [
        run[0] for run in np.split(rows[0], np.flatnonzero(np.diff(rows[0]) > 1) + 1) if len(run) == SIZE[0]
    ]
    return [
        [
            sheet[top : top + SIZE[0], GAP + place * width : GAP + place * width + SIZE[1]]
            for place in range(columns)
        ]
        for top in tops
    ]


def test_there_is_a_row_for_each_picture_and_a_column_for_each_detector(category):
    sheet = draw_sheet(category, category.test, [column({FIRST: peak(1)}), column({})])
    assert sheet.shape[1] == GAP + 4 * (NARROWEST + GAP)
    found = cells(sheet, 4)
    assert len(found) == 2
    assert (found[0][0] == surface(1)).all()
    assert (found[1][3] == found[1][3][0, 0]).all(), "nothing is drawn where a detector did not look"


def test_one_scale_holds_for_all_maps_of_a_detector(category):
    (first, second) = cells(
        draw_sheet(category, category.test, [column({FIRST: peak(4), SECOND: peak(1)})]), 3
    )
    grey = surface(1).astype(int)
    changed = [np.abs(row[2][3:11, 3:11].astype(int) - grey[3:11, 3:11]).mean() for row in (first, second)]
    assert changed[0] > 2 * changed[1] > 0
    assert np.abs(first[2][18:, :8].astype(int) - grey[18:, :8]).max() <= 1, (
        "cold pixels let the picture through"
    )


def test_defects_are_outlined(category):
    first, _ = cells(draw_sheet(category, category.test, []), 2)
    magenta = (first[1][..., [0, 2]].astype(int).min(axis=2) - first[1][..., 1]) > 100
    assert magenta[15, 30]
    assert not magenta[:10, :20].any()


def test_a_picture_that_is_gone_leaves_the_others(category):
    category.test[0].path.unlink()
    assert len(cells(draw_sheet(category, category.test, [column({SECOND: peak(1)})]), 3)) == 1


def test_the_sheet_is_a_jpeg(category, tmp_path):
    where = write_sheet(tmp_path / "out", category, category.test, [column({FIRST: peak(1)}, "eine Prüfung")])
    assert where == "sheets/nut.jpg"
    assert Image.open(tmp_path / "out" / where).format == "JPEG"


def test_pictures_on_the_sheet_are_of_every_kind_and_evenly_among_them():
    tested = [
        KnownPicture(f"{kind}{n}", Path(f"{kind}{n}.png"), kind) for kind in ("", "a", "b") for n in range(9)
    ]
    assert [one.name for one in chosen(tested)] == ["0", "4", "8", "a0", "a4", "a8", "b0", "b4", "b8"]
    many = [KnownPicture(f"{n}", Path(f"{n}.png"), f"kind {n % 20}") for n in range(200)]
    assert sorted({one.kind for one in chosen(many)}) == sorted({one.kind for one in many})


@pytest.mark.parametrize(
    ("size", "small"),
    [((100, 50), (100, 50)), ((20_000, 20), (SIDE, 1)), ((480, 960), (SIDE // 2, SIDE)), ((1, 1), (1, 1))],
)
def test_pictures_are_made_smaller_and_never_vanish(size, small):
    assert small_size(*size) == small


def test_maps_for_the_sheet_are_kept(tmp_path):
    tested = KnownPicture("file", tmp_path / "file.png")  # as a parameter of NumPy's is called
    tiles = Tiles([tested])
    tiles.see(tested, peak(2))
    tiles.see(KnownPicture("other", tmp_path), peak(3))
    tiles.keep(tmp_path / "out")
    kept = kept_tiles(tmp_path / "out")
    assert list(kept) == ["file"]
    assert (kept["file"] == peak(2)).all()


def test_maps_with_code_in_them_are_not_run(tmp_path):
    np.savez(tmp_path / "tiles.npz", **{"map/a": np.array([print], dtype=object)})
    assert kept_tiles(tmp_path) is None
