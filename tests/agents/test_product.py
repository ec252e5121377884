"""Products are folders: taught, opened, and refused with one line when they are not whole."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from logisight import open_product, teach
from logisight.agents.product import at_taught_size, find_product, new_product_folder
from logisight.schema import AnnotationError, LogiSightError, PictureError, ProductError
from logisight.tools.pictures import read_picture
from PIL import Image


@pytest.fixture
def line(demo_line, tmp_path):
    """A copy of the rendered line that a test may change."""
    return shutil.copytree(demo_line, tmp_path / "line")


def test_teaching_keeps_the_references_by_hash(line):
    product = open_product(line / "box")
    (reference,) = product.file.references
    assert reference.annotated
    stored = line / "box" / "references" / (reference.sha256 + ".png")
    assert stored.read_bytes() == (line / "references" / reference.name).read_bytes()


def test_more_references_are_kept_too_and_twins_once(line):
    more = line / "more"
    more.mkdir()
    shutil.copy(line / "inspect" / "000.png", more)
    shutil.copy(line / "references" / "000.png", more / "twin.png")
    taught = teach(line / "other", line / "references", line / "annotations", more)
    assert [r.annotated for r in taught.product.file.references] == [True, False]
    assert [r.sha256 for r, _ in taught.product.reference_pictures()] == [
        r.sha256 for r in taught.product.file.references
    ]


def test_pictures_without_annotation_are_left_out_and_said(line):
    shutil.copy(line / "inspect" / "000.png", line / "references" / "extra.png")
    taught = teach(line / "other", line / "references", line / "annotations")
    assert [r.name for r in taught.product.file.references] == ["000.png"]
    assert any("extra.png" in note for note in taught.ignored)


def test_references_that_cannot_be_used_are_left_out_and_said(line):
    more = line / "more"
    more.mkdir()
    (more / "broken.png").write_bytes(b"no picture")
    Image.new("RGB", (300, 300)).save(more / "square.png")
    shutil.copy(line / "inspect" / "000.png", more)
    taught = teach(line / "other", line / "references", line / "annotations", more)
    assert [r.name for r in taught.product.file.references] == ["000.png", "000.png"]
    assert any("broken.png" in note for note in taught.ignored)
    assert any("square.png: 300x300 has another shape" in note for note in taught.ignored)


def test_teaching_again_drops_the_old_references(line):
    before = {p.name for p in (line / "box" / "references").iterdir()}
    shutil.copy(line / "inspect" / "000.png", line / "references" / "000.png")
    teach(line / "box", line / "references", line / "annotations")
    assert before.isdisjoint(p.name for p in (line / "box" / "references").iterdir())


def test_a_changed_reference_is_noticed(line):
    product = open_product(line / "box")
    (stored,) = (line / "box" / "references").iterdir()
    shutil.copy(line / "inspect" / "000.png", stored)
    with pytest.raises(ProductError, match="not the picture that was taught"):
        list(product.reference_pictures())


def test_a_slip_in_a_label_is_pointed_out(line):
    path = next((line / "annotations").glob("*.json"))
    path.write_text(path.read_text().replace('"pushpin"', '"pushpinn"', 1))
    taught = teach(line / "other", line / "references", line / "annotations")
    assert any("'pushpin' and 'pushpinn' are almost the same" in note for note in taught.ignored)


def test_no_annotated_part_is_refused(line):
    path = next((line / "annotations").glob("*.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"shapes": []}))
    with pytest.raises(LogiSightError, match="annotat"):
        teach(line / "other", line / "references", line / "annotations")
    assert not (line / "other").exists()


def test_missing_annotations_are_refused(line):
    with pytest.raises(AnnotationError, match="none"):
        teach(line / "other", line / "references", line / "none")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "product.json"),
        ("{}", "format: Field required"),
        ('{"format": "x", "references": []}', "another version"),
    ],
)
def test_a_damaged_product_file_is_named(line, content, message):
    (line / "box" / "product.json").write_text(content)
    with pytest.raises(ProductError, match=message):
        open_product(line / "box")


def test_products_are_found_by_path_and_by_name(line, monkeypatch):
    monkeypatch.chdir(line)
    assert find_product("box").resolve() == line / "box"
    shutil.copytree(line / "box", line / "products" / "named")
    assert find_product("named").resolve() == line / "products" / "named"
    with pytest.raises(ProductError, match="no product 'nut'; products here: named"):
        find_product("nut")


@pytest.mark.parametrize(
    ("name", "folder"), [("nuts", "products/nuts"), ("a/nuts", "a/nuts"), ("./nuts", "nuts")]
)
def test_new_products_go_below_products_unless_pathed(name, folder):
    assert str(new_product_folder(name)) == folder


def picture(tmp_path, width, height):
    path = tmp_path / f"{width}x{height}.png"
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(path)
    return read_picture(path)


def test_pictures_of_the_taught_shape_are_brought_to_the_taught_size(tmp_path):
    pixels, notes = at_taught_size(picture(tmp_path, 1200, 800), (600, 400))
    assert pixels.shape == (400, 600, 3)
    assert notes == ["brought from 1200x800 to the taught size 600x400"]
    assert at_taught_size(picture(tmp_path, 600, 400), (600, 400))[1] == []


def test_pictures_of_another_shape_are_refused(tmp_path):
    with pytest.raises(PictureError, match=r"640x480 has another shape than the taught pictures \(600x400\)"):
        at_taught_size(picture(tmp_path, 640, 480), (600, 400))
