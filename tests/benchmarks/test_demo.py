"""The demo product: what is drawn, what is said of it, and what is written."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from logisight.benchmarks.demo import DEMO_SENTENCES, LABELS, Defect, render, write_product_line
from logisight.scene import Scene
from logisight.tools.annotations import read_annotations

SEEDS = range(4)


def scene_of(rendered):
    height, width = rendered.pixels.shape[:2]
    return Scene((width, height), LABELS, rendered.parts)


def pins_per_compartment(rendered):
    """{(row, column): how many pins}, by the true masks."""
    cells = scene_of(rendered).grid(3, 5, within="box")
    return {(cell.row, cell.column): len(cell.parts("pushpin")) for cell in cells}


def unusual(rendered):
    return {cell: count for cell, count in pins_per_compartment(rendered).items() if count != 1}


def pixels_of(part, rendered):
    (x, y), (height, width) = part.origin, part.mask.shape
    return rendered.pixels[y : y + height, x : x + width][part.mask]


def differing(one, other):
    """Share of the pixels in which two pictures of a seed differ."""
    return float((one.pixels != other.pixels).any(axis=2).mean())


@pytest.mark.parametrize("defect", [None, *Defect])
def test_same_seed_gives_same_bytes_and_masks(defect):
    one, two = render(7, defect), render(7, defect)
    assert one.pixels.tobytes() == two.pixels.tobytes()
    assert [part.mask.tobytes() for part in one.parts] == [part.mask.tobytes() for part in two.parts]


def test_another_seed_gives_another_picture():
    assert differing(render(0), render(1)) > 0.5


@pytest.mark.parametrize("size", [(586, 346), (293, 173), (800, 500), (300, 400)])
def test_picture_has_the_size_asked_for_and_holds_the_whole_box(size):
    rendered = render(3, size=size)
    assert rendered.pixels.shape == (size[1], size[0], 3)
    assert rendered.pixels.dtype == np.uint8
    x0, y0, x1, y1 = rendered.parts[0].box
    assert 0 < x0 < x1 < size[0]
    assert 0 < y0 < y1 < size[1]


def test_a_size_without_room_for_pins_is_refused():
    with pytest.raises(ValueError, match="at least 64"):
        render(0, size=(586, 40))


@pytest.mark.parametrize("seed", SEEDS)
def test_normal_picture_holds_one_usual_yellow_pin_in_each_compartment(seed):
    rendered = render(seed)
    assert rendered.reason == ""
    assert unusual(rendered) == {}
    scene = scene_of(rendered)
    box, pins = scene.part("box"), scene.parts("pushpin")
    assert len(pins) == 15
    assert {pin.color for pin in pins} == {"yellow"}
    assert all(pin.inside(box) for pin in pins)
    lengths = [pin.length for pin in pins]
    assert max(lengths) < 1.12 * min(lengths)


@pytest.mark.parametrize("seed", SEEDS)
def test_pin_masks_cover_what_is_yellow_and_nothing_else_is_yellow(seed):
    rendered = render(seed)
    red, _, blue = (channel.astype(int) for channel in cv2.split(rendered.pixels))
    yellow = (red > 150) & (red > 2 * blue)
    covered = np.zeros_like(yellow)
    for pin in scene_of(rendered).parts("pushpin"):
        (x, y), (height, width) = pin.origin, pin.mask.shape
        covered[y : y + height, x : x + width] |= pin.mask
        # The needle, about a fifth of the area, is grey, and so are some glints.
        assert yellow[y : y + height, x : x + width][pin.mask].mean() > 0.6
    assert (yellow & ~covered).sum() < 0.05 * yellow.sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_box_mask_ends_where_the_bright_rim_ends(seed):
    rendered = render(seed)
    (x, y), mask = rendered.parts[0].origin, np.pad(rendered.parts[0].mask, 8).astype(np.uint8)
    grey = np.pad(rendered.pixels.mean(axis=2), 16)[y + 8 :, x + 8 :][: mask.shape[0], : mask.shape[1]]
    rim = mask - cv2.erode(mask, np.ones((5, 5)))
    outside = cv2.dilate(mask, np.ones((13, 13))) - cv2.dilate(mask, np.ones((7, 7)))
    assert grey[rim == 1].mean() > 3 * grey[outside == 1].mean()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("defect", "counts", "total"),
    [
        (Defect.missing_pushpin, [0], 14),
        (Defect.additional_pushpin, [2], 16),
        (Defect.extra_and_missing, [0, 2], 15),
    ],
)
def test_quantity_defects_change_the_counts_that_the_reason_names(defect, counts, total, seed):
    rendered = render(seed, defect)
    assert sorted(unusual(rendered).values()) == counts
    assert len(scene_of(rendered).parts("pushpin")) == total
    for (row, column), count in unusual(rendered).items():
        assert f"row {row} column {column} holds {count} pushpins instead of 1" in rendered.reason
    assert rendered.reason.startswith("Quantity: ")


@pytest.mark.parametrize("seed", SEEDS)
def test_wrong_colour_makes_one_pin_red(seed):
    rendered = render(seed, Defect.wrong_colour)
    colours = [part.color for part in rendered.parts[1:]]
    assert sorted(colours) == ["red"] + 14 * ["yellow"]
    assert rendered.reason.startswith("Matching: ")
    assert unusual(rendered) == {}


@pytest.mark.parametrize("seed", SEEDS)
def test_large_pushpin_is_longer_than_every_usual_one(seed):
    rendered = render(seed, Defect.large_pushpin)
    lengths = sorted(part.length for part in rendered.parts[1:])
    assert lengths[-1] > 1.15 * lengths[-2]
    assert rendered.reason.startswith("Size: ")
    assert unusual(rendered) == {}


@pytest.mark.parametrize("seed", SEEDS)
def test_misplaced_pushpin_is_the_only_one_that_is_not_inside_the_box(seed):
    rendered = render(seed, Defect.misplaced_pushpin)
    box = rendered.parts[0]
    outside = [part for part in rendered.parts[1:] if not part.inside(box)]
    assert len(outside) == 1
    assert outside[0].distance(box) > 0
    assert outside[0].box[1] > 0
    assert len(rendered.parts) == 16
    assert rendered.reason.startswith("Position: ")


@pytest.mark.parametrize("seed", SEEDS)
def test_contamination_changes_the_picture_and_no_part(seed):
    normal, rendered = render(seed), render(seed, Defect.contamination)
    assert rendered.reason.startswith("Structural: ")
    assert [part.box for part in rendered.parts] == [part.box for part in normal.parts]
    change = np.abs(rendered.pixels.astype(int) - normal.pixels).max(axis=2)
    assert 150 < (change > 40).sum() < 800


@pytest.mark.parametrize("defect", list(Defect))
def test_a_defect_leaves_the_other_pins_where_they_were(defect):
    before = {part.box for part in render(5).parts}
    after = {part.box for part in render(5, defect).parts}
    assert len(before - after) <= 2


def test_sentences_are_distinct_and_cover_the_labels():
    text = " ".join(DEMO_SENTENCES)
    assert len(set(DEMO_SENTENCES)) == 5
    assert all(label in text for label in LABELS)


def test_product_line_is_written_with_progress(tmp_path):
    seen = []
    write_product_line(tmp_path, normals=2, tests=6, progress=seen.append)
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    references = ["references/000.png", "references/001.png"]
    pictures = [f"inspect/{number:03}.png" for number in range(6)]
    assert written == ["annotations/000.json", "annotations/001.json", *pictures, *references, "truth.json"]
    assert seen == references + pictures
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert list(truth) == [f"{number:03}.png" for number in range(6)]
    assert all((entry["status"] == "normal") == (entry["reason"] == "") for entry in truth.values())
    kinds = {entry["reason"].split(":")[0] for entry in truth.values()}
    assert kinds == {"", "Quantity", "Size", "Position", "Matching"}


def test_same_seed_writes_the_same_files_and_another_seed_others(tmp_path):
    for name, seed in (("one", 4), ("two", 4), ("other", 5)):
        write_product_line(tmp_path / name, normals=1, tests=2, seed=seed)

    def files(name):
        return {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*.*")}

    assert files("one") == files("two")
    assert files("one") != files("other")


def test_written_pictures_are_the_rendered_ones_in_the_right_channel_order(tmp_path):
    write_product_line(tmp_path, normals=1, tests=0)
    pixels = cv2.cvtColor(cv2.imread(str(tmp_path / "references" / "000.png")), cv2.COLOR_BGR2RGB)
    assert np.array_equal(pixels, render(0).pixels)


def test_annotations_are_read_back_as_exactly_the_true_masks(tmp_path):
    write_product_line(tmp_path, normals=2, tests=0)
    pictures = sorted((tmp_path / "references").iterdir())
    annotations = read_annotations(tmp_path / "annotations", pictures)
    assert annotations.notes == ()
    for seed, picture in enumerate(pictures):
        expected = render(seed).parts
        parts = annotations[picture].parts
        assert [(part.label, part.origin) for part in parts] == [
            (part.label, part.origin) for part in expected
        ]
        for part, true in zip(parts, expected, strict=True):
            assert np.array_equal(part.mask, true.mask)


def test_annotations_name_their_picture(tmp_path):
    write_product_line(tmp_path, normals=1, tests=0, size=(300, 200))
    annotation = json.loads((tmp_path / "annotations" / "000.json").read_text())
    picture = (tmp_path / "annotations" / annotation["imagePath"]).resolve()
    assert picture == tmp_path / "references" / "000.png"
    assert (annotation["imageWidth"], annotation["imageHeight"]) == (300, 200)
