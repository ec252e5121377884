"""Auxiliary data is read in each of its layouts, with the mask that belongs to each picture."""

from __future__ import annotations

import json
import shutil

import pytest
from auxiliary_tree import picture, write, write_meta, write_product, write_visa
from logisight.schema import DatasetError, PictureError
from logisight.tools.detectors.adaclip.auxiliary import read_auxiliary


def facts(pictures):
    return [(p.product, p.path.name, p.anomalous, p.mask.name if p.mask else None) for p in pictures]


def test_test_split_of_mvtec_layout(plates):
    found = read_auxiliary([plates])
    assert [p.product for p in found] == ["plate"] * 6 + ["steel_sheet"] * 4
    assert facts(found)[2:4] == [
        ("plate", "002.png", False, None),
        ("plate", "000.png", True, "000_mask.png"),
    ]
    assert facts(found)[-1] == ("steel_sheet", "001.png", True, "001.png")
    assert {p.size for p in found} == {(48, 48)}


def test_one_product_is_a_folder_of_its_own(plates):
    assert facts(read_auxiliary([plates / "plate"])) == facts(read_auxiliary([plates], products=["plate"]))


def test_training_split_is_taken_where_it_is_asked_for(plates):
    assert len(read_auxiliary([plates], ("train", "test"))) == len(read_auxiliary([plates])) + 4


def test_several_folders_follow_each_other(plates, tmp_path):
    other = write_product(tmp_path / "02", good_name="ok")
    assert [p.product for p in read_auxiliary([plates, other])[-6:]] == ["02"] * 6


def test_masks_belong_to_the_picture_of_their_name(tmp_path):
    folder = write_product(tmp_path / "plate")
    # In sorted order this one would take the mask of 000.
    write(folder / "ground_truth" / "scratch" / "0.png", picture(1, True)[1])
    found = [p for p in read_auxiliary([folder]) if p.anomalous]
    assert [(p.path.stem, p.mask.stem) for p in found] == [(n, f"{n}_mask") for n in ("000", "001", "002")]


def test_visa_as_it_is_handed_out(tmp_path):
    root = write_visa(tmp_path)
    assert facts(read_auxiliary([root])) == [
        ("candle", "001.JPG", False, None),
        ("candle", "000.JPG", True, "000.png"),
    ]
    assert len(read_auxiliary([root], ("train", "test"))) == 3


def test_list_of_the_public_code(tmp_path):
    found = read_auxiliary([write_meta(tmp_path)])
    assert facts(found) == [
        ("plate", "000.png", False, None),
        ("plate", "000.png", True, "000_mask.png"),
        ("plate", "001.png", True, None),
    ]
    assert [p.masked for p in found] == [True, True, False]


def broken(tmp_path, how):
    root = write_product(tmp_path / "plate").parent
    truth = root / "plate" / "ground_truth" / "scratch"
    if how == "mask missing":
        (truth / "001_mask.png").unlink()
    elif how == "mask of another size":
        write(truth / "001_mask.png", picture(0, True)[1][:20])
    elif how == "no defects":
        shutil.rmtree(root / "plate" / "test" / "scratch")
    elif how == "nothing":
        shutil.rmtree(root / "plate")
    elif how == "visa without its list":
        (write_visa(root) / "split_csv" / "1cls.csv").unlink()
    elif how == "list cut off":
        table = write_visa(root) / "split_csv" / "1cls.csv"
        table.write_text(table.read_text()[:-60])
    elif how == "list without columns":
        (write_visa(root) / "split_csv" / "1cls.csv").write_text("object,split\ncandle,test\n")
    elif how == "no JSON":
        (root / "meta.json").write_text("{")
    elif how == "JSON of another kind":
        (root / "meta.json").write_text('{"test": {"plate": [{"img_path": "a.png"}]}}')
    elif how == "outside":
        entry = {"img_path": "../secret.png", "mask_path": "", "cls_name": "plate", "anomaly": 1}
        (root / "meta.json").write_text(json.dumps({"test": {"plate": [entry]}}))
    elif how == "not text":
        (root / "meta.json").write_bytes(b"\xff\xfe{")
    return root


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("mask missing", "scratch/001.png: its mask is missing; looked for 001_mask.png"),
        ("mask of another size", "001_mask.png: is 48x20, its picture 48x48"),
        ("no defects", "no anomalous picture in the split test"),
        ("nothing", "is no auxiliary data; expected PRODUCT/test/good"),
        ("visa without its list", "split_csv/1cls.csv: is missing"),
        ("list cut off", "split_csv/1cls.csv: line 4"),
        ("list without columns", "split_csv/1cls.csv: has no column image, label, mask"),
        ("no JSON", "meta.json: is no JSON"),
        ("JSON of another kind", "meta.json: test.plate.0.cls_name: Field required"),
        ("outside", "meta.json: names ../secret.png, which is not below"),
        ("not text", "meta.json: is not in UTF-8"),
    ],
)
def test_what_breaks_the_layout_is_said_in_one_line(tmp_path, how, said):
    with pytest.raises(DatasetError) as error:
        read_auxiliary([broken(tmp_path, how)])
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_product_and_folder_are_told(plates, tmp_path):
    with pytest.raises(DatasetError, match="no product bolt; there are plate, steel_sheet"):
        read_auxiliary([plates], products=["bolt"])
    with pytest.raises(DatasetError, match="no such folder"):
        read_auxiliary([tmp_path / "nowhere"])


def test_picture_that_is_none_is_told(tmp_path):
    folder = write_product(tmp_path / "plate")
    (folder / "test" / "good" / "000.png").write_bytes(b"nothing")
    with pytest.raises(PictureError, match=r"good/000\.png: not a picture"):
        read_auxiliary([folder])
