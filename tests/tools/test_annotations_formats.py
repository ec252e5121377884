"""What each annotation format means, and the line that each thing gets that is not understood."""

from __future__ import annotations

import numpy as np
import pytest
from annotation_files import (
    SIZE,
    SQUARE,
    areas,
    coco,
    coco_entry,
    coco_image,
    isat,
    isat_object,
    labelme,
    labelme_mask,
    labelme_shape,
    picture,
    read,
    run_lengths,
    written,
)
from logisight.schema import AnnotationError
from logisight.tools.annotations import read_annotations

HOLE = [[3, 4], [4, 4], [4, 6], [3, 6]]
OTHER = [[20, 10], [25, 10], [25, 12], [20, 12]]
FLAT = [number for point in SQUARE for number in point]
FLAT_OTHER = [number for point in OTHER for number in point]


PIN = ("pin", (2, 3, 5, 7), 12)
FLIPPED_SQUARE = [[5, 7], [2, 3]]
L_MASK = np.array([[1, 0, 0], [1, 1, 1]], bool)


def whole(box, holes=()) -> np.ndarray:
    """A full mask with a box, and boxes taken out of it."""
    mask = np.zeros(SIZE[::-1], bool)
    for (x0, y0, x1, y1), value in ((box, True), *((hole, False) for hole in holes)):
        mask[y0:y1, x0:x1] = value
    return mask


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        pytest.param(labelme(labelme_shape()), [PIN], id="labelme polygon"),
        pytest.param(labelme(labelme_shape(shape_type=None)), [PIN], id="labelme without shape_type"),
        pytest.param(
            labelme({"label": "pin", "points": SQUARE}), [PIN], id="labelme without all but the points"
        ),
        pytest.param(
            labelme(labelme_shape("pin", FLIPPED_SQUARE, "rectangle")), [PIN], id="labelme rectangle"
        ),
        pytest.param(
            labelme(labelme_shape("pin", SQUARE, "rectangle")), [PIN], id="labelme rectangle of 4 points"
        ),
        pytest.param(labelme(labelme_shape("pin", SQUARE, "rotation")), [PIN], id="labelme rotation"),
        pytest.param(
            labelme(labelme_shape("pin", SQUARE, "oriented_rectangle")), [PIN], id="labelme oriented"
        ),
        pytest.param(
            labelme(labelme_shape("pin", [[10, 10], [13, 14]], "circle")),
            [("pin", (5, 5, 15, 15), 80)],
            id="labelme circle",
        ),
        pytest.param(labelme(labelme_mask(L_MASK, 4, 6)), [("pin", (4, 6, 7, 8), 4)], id="labelme mask"),
        pytest.param(
            labelme(labelme_mask(L_MASK, -2, 28)),
            [("pin", (0, 29, 1, 30), 1)],
            id="labelme mask half outside",
        ),
        pytest.param(
            labelme(labelme_shape(group_id=7), labelme_shape(points=OTHER, group_id=7)),
            [("pin", (2, 3, 25, 12), 22)],
            id="labelme group",
        ),
        pytest.param(
            labelme(labelme_shape(group_id=7), labelme_shape("box", OTHER, group_id=7)),
            [PIN, ("box", (20, 10, 25, 12), 10)],
            id="labelme group of two labels",
        ),
        pytest.param(
            labelme(labelme_shape(group_id=0), labelme_shape(points=OTHER, group_id=0)),
            [("pin", (2, 3, 25, 12), 22)],
            id="labelme group 0 is a group",
        ),
        pytest.param(
            labelme(labelme_shape(), labelme_shape("_background_", HOLE)),
            [("pin", (2, 3, 5, 7), 10)],
            id="labelme hole",
        ),
        pytest.param(labelme(labelme_shape(label=" pin ")), [PIN], id="spaces around a label"),
        pytest.param(
            labelme(labelme_shape(label="Nadel Ø 3 µm 針")), [("Nadel Ø 3 µm 針", *PIN[1:])], id="any script"
        ),
        pytest.param(labelme(), [], id="labelme without shapes"),
        pytest.param(isat(isat_object()), [PIN], id="isat"),
        pytest.param(
            isat(isat_object(group=1), isat_object(segmentation=OTHER, group=1)),
            [("pin", (2, 3, 25, 12), 22)],
            id="isat group",
        ),
        pytest.param(
            isat(isat_object(), isat_object(segmentation=OTHER)),
            [PIN, ("pin", (20, 10, 25, 12), 10)],
            id="isat group 0",
        ),
        pytest.param(
            isat(isat_object("__background__", HOLE, layer=3.0), isat_object(layer=2.0)),
            [("pin", (2, 3, 5, 7), 10)],
            id="isat background on top",
        ),
        pytest.param(
            isat(isat_object("__background__", HOLE, layer=1.0), isat_object(layer=2.0)),
            [PIN],
            id="isat background below",
        ),
        pytest.param(
            isat(isat_object("pin", HOLE, layer=2.0), isat_object("box", layer=1.0)),
            [("box", (2, 3, 5, 7), 12), ("pin", (3, 4, 4, 6), 2)],
            id="isat keeps what others cover, lowest layer first",
        ),
        pytest.param(coco(coco_entry()), [PIN], id="coco polygon"),
        pytest.param(
            coco(coco_entry([FLAT, FLAT_OTHER])), [("pin", (2, 3, 25, 12), 22)], id="coco two polygons"
        ),
        pytest.param(coco(coco_entry([FLAT, FLAT])), [PIN], id="coco polygons that overlap"),
        pytest.param(coco(coco_entry(run_lengths(whole((2, 3, 5, 7))))), [PIN], id="coco runs"),
        pytest.param(
            coco(coco_entry(run_lengths(whole((2, 3, 5, 7)), compressed=True))), [PIN], id="coco packed runs"
        ),
        pytest.param(coco(coco_entry(category=2)), [("box", *PIN[1:])], id="coco category"),
        pytest.param(
            coco(coco_entry(image="a"), images=[coco_image("a")])
            | {"categories": [{"id": 1, "name": "pin"}]},
            [PIN],
            id="coco ids may be text",
        ),
    ],
)
def test_meaning(tmp_path, content, parts) -> None:
    assert areas(read(tmp_path, content)) == parts


RUNS = {"size": [30, 40], "counts": [1200]}


def of_fields(value) -> str:
    return (
        ",".join(f"{name}={content!r:.30}" for name, content in value.items())
        if isinstance(value, dict)
        else ""
    )


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"points": "12"}, ".points: expected a list of [x, y] pairs, got '12'"),
        ({"points": [[1, 2], [3]]}, ".points[1]: expected a pair [x, y], got a list of 1"),
        ({"points": [[1, 2], ["3", 4]]}, ".points[1][0]: expected a number of pixels, got '3'"),
        ({"points": [[1, 2], [True, 4]]}, ".points[1][0]: expected a number of pixels, got true"),
        ({"points": [[1, float("nan")]]}, ".points[0][1]: expected a number of pixels, got nan"),
        ({"points": [[1, 10**400]]}, ".points[0][1]: expected a number of pixels, got a huge number"),
        ({"points": SQUARE[:2]}, ".points: expected at least 3 points for a polygon, got 2"),
        ({"points": SQUARE, "shape_type": "circle"}, ".points: expected 2 points for a circle, got 4"),
        (
            {"points": SQUARE[:3], "shape_type": "rectangle"},
            ".points: expected 2 points for a rectangle, got 3",
        ),
        ({"points": SQUARE[:2], "shape_type": "line"}, ".shape_type: a line has no area"),
        ({"points": SQUARE, "shape_type": "linestrip"}, ".shape_type: a linestrip has no area"),
        ({"points": SQUARE[:1], "shape_type": "point"}, ".shape_type: a point has no area"),
        ({"shape_type": "cuboid"}, ".shape_type: unknown kind of shape 'cuboid'"),
        ({"shape_type": 3}, ".shape_type: expected a valid string, got 3"),
        ({"shape_type": "mask"}, ".mask: expected a base64 PNG, and in points its top left pixel"),
        (
            {"shape_type": "mask", "mask": "AAAA"},
            ".mask: not a picture, or damaged; PNG, JPEG, BMP, TIFF and WebP are read",
        ),
        ({"shape_type": "mask", "mask": "é"}, ".mask: string argument should contain only ASCII characters"),
        ({"label": None}, ".label: expected a valid string, got null"),
        ({"label": "  "}, ".label: expected to have at least 1 character, got '  '"),
        ({"label": "a\nb"}, ".label: expected printable characters on one line, got 'a\\nb'"),
        (
            {"label": "x" * 101},
            ".label: expected to have at most 100 characters, got a string of 101 characters",
        ),
        ({"group_id": [1]}, ".group_id: expected a whole number or a string, got a list of 1"),
        ({"points": [[90, 90], [99, 90], [99, 99]]}, ": holds no pixel of the picture (40x30)"),
        ({"label": "__ignore__"}, ": __ignore__ is read as background"),
    ],
    ids=of_fields,
)
def test_labelme_shape_that_is_not_used_is_named_and_the_others_are_kept(tmp_path, fields, line) -> None:
    annotation = read(tmp_path, labelme(labelme_shape(), labelme_shape(**fields)))
    assert annotation.ignored == (f"{tmp_path}/labels/pins.json: shapes[1]{line}",)
    assert areas(annotation) == [PIN]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"segmentation": SQUARE[:2]}, ".segmentation: expected at least 3 points, got 2"),
        ({"segmentation": []}, ".segmentation: expected at least 3 points, got 0"),
        ({"segmentation": None}, ".segmentation: expected a list of [x, y] pairs, got null"),
        ({"category": 3}, ".category: expected a valid string, got 3"),
        ({"layer": "top"}, ".layer: expected a valid number, got 'top'"),
        ({"layer": float("inf")}, ".layer: expected a finite number, got inf"),
        ({"iscrowd": True}, ".iscrowd: a crowd is not one part"),
        ({"iscrowd": "often"}, ".iscrowd: expected a valid boolean, unable to interpret input, got 'often'"),
        ({"category": "__ignore__"}, ": __ignore__ is read as background"),
    ],
    ids=of_fields,
)
def test_isat_object_that_is_not_used_is_named_and_the_others_are_kept(tmp_path, fields, line) -> None:
    annotation = read(tmp_path, isat(isat_object(), isat_object(**fields)))
    assert annotation.ignored == (f"{tmp_path}/labels/pins.json: objects[1]{line}",)
    assert areas(annotation) == [PIN]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"iscrowd": 1}, ".iscrowd: a crowd is not one part"),
        ({"category_id": 9}, ".category_id: no category has the id 9"),
        ({"category_id": {}}, ".category_id: expected a whole number or a string, got an object"),
        ({"segmentation": []}, ".segmentation: is empty; a bbox alone has no outline"),
        ({"segmentation": None}, ".segmentation: is empty; a bbox alone has no outline"),
        ({"segmentation": "12"}, ".segmentation: expected polygons or a run-length code, got '12'"),
        ({"segmentation": FLAT}, ".segmentation: expected polygon 0 as a list x0, y0, x1, y1, ..., got 2"),
        (
            {"segmentation": [FLAT[:5]]},
            ".segmentation: expected 3 to 100000 x and y in polygon 0, got a list of 5",
        ),
        (
            {"segmentation": RUNS | {"size": [40, 30]}},
            ".segmentation: size: expected height and width of the picture, [30, 40]",
        ),
        (
            {"segmentation": RUNS | {"counts": [7]}},
            ".segmentation: counts: the runs do not add up to the 1200 pixels of the picture",
        ),
        ({"segmentation": RUNS | {"counts": "~"}}, ".segmentation: counts: not a compressed run-length code"),
        (
            {"segmentation": RUNS | {"counts": [-1, 1201]}},
            ".segmentation: counts: expected a list of whole numbers or a string, got a list of 2",
        ),
        ({"segmentation": RUNS}, ": holds no pixel of the picture (40x30)"),
    ],
    ids=of_fields,
)
def test_coco_annotation_that_is_not_used_is_named_and_the_others_are_kept(tmp_path, fields, line) -> None:
    annotation = read(tmp_path, coco(coco_entry(), coco_entry() | fields))
    assert annotation.ignored == (f"{tmp_path}/labels/pins.json: annotations[1]{line}",)
    assert areas(annotation) == [PIN]


@pytest.mark.parametrize(
    ("shape", "line"),
    [({"label": "pin"}, "shapes[1].points: is missing"), ("pin", "shapes[1]: expected an object, got 'pin'")],
)
def test_shape_that_is_not_even_half_a_shape_is_named(tmp_path, shape, line) -> None:
    assert read(tmp_path, labelme(labelme_shape(), shape)).ignored == (
        f"{tmp_path}/labels/pins.json: {line}",
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (labelme() | {"shapes": "many"}, "shapes: expected a list, got 'many'"),
        (labelme() | {"imagePath": 3}, "imagePath: expected a valid string, got 3"),
        (
            labelme() | {"imageWidth": "40"},
            "imageWidth: expected a whole number of pixels, at least 1, got '40'",
        ),
        (labelme() | {"imageHeight": 0}, "imageHeight: expected a whole number of pixels, at least 1, got 0"),
        (isat() | {"info": []}, "info: expected an object, got a list of 0"),
        (isat() | {"objects": {}}, "objects: expected a list, got an object"),
        (isat(size=(40.5, 30)), "info.width: expected a whole number of pixels, at least 1, got 40.5"),
        (coco() | {"images": None}, "images: expected a list, got null"),
        (coco() | {"annotations": 3}, "annotations: expected a list, got 3"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_that_all_depends_on_stops_the_file(tmp_path, content, line) -> None:
    with pytest.raises(AnnotationError) as caught:
        read(tmp_path, content)
    assert str(caught.value).endswith(f"labels/pins.json: {line}")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (coco(coco_entry(), coco_entry(image=9)), "annotations[1].image_id: no image has the id 9"),
        (coco(coco_entry(), 7), "annotations[1]: expected an object, got 7"),
        (coco(coco_entry(), images=[coco_image(), {"id": 2}]), "images[1].file_name: is missing"),
        (
            coco(coco_entry(), images=[coco_image(), coco_image()]),
            "images[1].id: 1 is the id of another image",
        ),
        (
            coco(coco_entry(), categories=("pin", "")),
            "categories[1].name: expected to have at least 1 character, got ''",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_belongs_to_no_picture_of_a_coco_file_is_noted(tmp_path, content, line) -> None:
    path = picture(tmp_path)
    annotations = read_annotations(written(tmp_path, content), [path])
    assert annotations.notes == (f"{tmp_path}/pins.json: {line}",)
    assert areas(annotations[path]) == [PIN]


def test_part_that_is_wholly_under_background_is_named(tmp_path) -> None:
    shapes = [labelme_shape("box", OTHER), labelme_shape(), labelme_shape("__background__", SQUARE)]
    annotation = read(tmp_path, labelme(*shapes))
    assert [part.label for part in annotation.parts] == ["box"]
    line = f"{tmp_path}/labels/pins.json: shapes[1]: nothing of it is left under the background drawn over it"
    assert annotation.ignored == (line,)


def test_background_takes_pixels_from_the_topmost_part_only(tmp_path) -> None:
    shapes = [
        labelme_shape("box", [[0, 0], [10, 10]], "rectangle"),
        labelme_shape(),
        labelme_shape("_background_", HOLE),
    ]
    annotation = read(tmp_path, labelme(*shapes))
    assert [part.area for part in annotation.parts] == [100, 10]
