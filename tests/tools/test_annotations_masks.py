"""What index masks mean, how their classes are named, and what is no index mask."""

from __future__ import annotations

import numpy as np
import pytest
from annotation_files import SIZE, areas, mask_file, read, written
from logisight.schema import AnnotationError

VALUES = np.zeros(SIZE[::-1], np.uint8)
VALUES[3:7, 2:5] = 1
VALUES[10:12, 20:25] = 1
VALUES[20:22, 2:9] = 2
VOID = np.where(VALUES == 2, 255, VALUES)
CORNERS = np.zeros_like(VALUES)
CORNERS[[3, 4, 5], [3, 4, 5]] = 1
ONE, TWO = [("class 1", (2, 3, 5, 7), 12), ("class 1", (20, 10, 25, 12), 10)], ("class 2", (2, 20, 9, 22), 14)
VOID_LINE = "value 255: nobody decided on these pixels; read as background"


@pytest.mark.parametrize(
    ("values", "palette", "parts", "ignored"),
    [
        pytest.param(VALUES, False, [*ONE, TWO], (), id="grey"),
        pytest.param(VALUES, True, [*ONE, TWO], (), id="palette"),
        pytest.param(VOID, False, ONE, (VOID_LINE,), id="255 beside other classes"),
        pytest.param(VOID, True, ONE, (VOID_LINE,), id="255 in a palette"),
        pytest.param(
            VOID * (VOID == 255),
            False,
            [("class 255", (2, 20, 9, 22), 14)],
            (),
            id="255 alone in a grey picture",
        ),
        pytest.param(VALUES * 0, False, [], (), id="empty"),
        pytest.param(CORNERS, False, [("class 1", (3, 3, 6, 6), 3)], (), id="pixels that touch at corners"),
    ],
)
def test_index_masks(tmp_path, values, palette, parts, ignored) -> None:
    annotation = read(tmp_path, lambda folder: mask_file(folder, values, palette=palette))
    assert areas(annotation) == parts
    assert annotation.ignored == tuple(f"{tmp_path}/labels/pins.png: {line}" for line in ignored)


@pytest.mark.parametrize(
    ("file", "content", "labels"),
    [
        ("labels.json", {"1": "pin", "2": "box"}, {"pin", "box"}),
        ("labels.json", {"pin": 1, "box": 2}, {"pin", "box"}),
        ("labels.json", ["pin", "box"], {"pin", "box"}),
        ("labels.json", ["background", "pin", "box"], {"pin", "box"}),
        ("labels.txt", "pin\nbox\n", {"pin", "box"}),
        ("labels.txt", "__ignore__\n_background_\npin\nbox\n", {"pin", "box"}),
        ("classes.txt", "pin\r\n", {"pin", "class 2"}),
        ("classification.txt", "__background__\npin\nbox", {"pin", "box"}),
        ("class_names.txt", "_background_\npin\nbox", {"pin", "box"}),
        ("other.txt", "pin\nbox", {"class 1", "class 2"}),
    ],
)
@pytest.mark.parametrize("place", [".", "masks"])
def test_class_names_beside_index_masks_or_one_folder_up(tmp_path, place, file, content, labels) -> None:
    def write(folder):
        mask_file(folder / "masks", VALUES)
        written(folder / place, content, file)
        return folder

    assert {part.label for part in read(tmp_path, write).parts} == labels


def test_255_alone_in_a_palette_is_no_class(tmp_path) -> None:
    with pytest.raises(AnnotationError, match=r"pins\.png: value 255: nobody decided on these pixels"):
        read(tmp_path, lambda folder: mask_file(folder, VOID * (VOID == 255), palette=True))


def test_named_255_is_a_class(tmp_path) -> None:
    def write(folder):
        written(folder, {"255": "glare"}, "labels.json")
        return mask_file(folder, VOID, palette=True)

    assert [part.label for part in read(tmp_path, write).parts] == ["class 1", "class 1", "glare"]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("labels.json", "3", "labels.json: expected numbers and names, or a list of names"),
        (
            "labels.json",
            {"1": "pin", "two": "box"},
            "labels.json: expected numbers and names, or a list of names",
        ),
        ("labels.json", [[1]], "labels.json: names[1]: expected a valid string, got a list of 1"),
        ("labels.json", {"1": 7}, "labels.json: names[1]: expected a valid string, got 7"),
        ("labels.json", "{", "labels.json: damaged, or not JSON"),
        ("labels.txt", "pin\n\nbox", "labels.txt: names[2]: expected to have at least 1 character, got ''"),
    ],
)
def test_bad_class_names_stop_the_masks(tmp_path, file, content, message) -> None:
    def write(folder):
        written(folder, content, file)
        return mask_file(folder, VALUES)

    with pytest.raises(AnnotationError) as caught:
        read(tmp_path, write)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(np.zeros((30, 40, 3)), "expected one channel (palette or grey), got RGB", id="colour"),
        pytest.param(
            np.arange(1200).reshape(30, 40) % 200,
            "199 different values are no classes; save the mask without smoothing, or name the classes in "
            "labels.json",
            id="smoothed",
        ),
    ],
)
def test_pictures_that_are_no_index_masks(tmp_path, values, message) -> None:
    with pytest.raises(AnnotationError) as caught:
        read(tmp_path, lambda folder: mask_file(folder, values))
    assert str(caught.value).endswith(f"labels/pins.png: {message}")
