"""What a Scene and its Parts answer, on known shapes and under moves that must not matter."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from builders import disc, drawn, parts, scene, square, tilted
from hypothesis import given, settings
from hypothesis import strategies as st
from logisight.scene import Part, Region, Scene, Shape
from logisight.schema import SceneError

often = settings(max_examples=60, deadline=None)

MEASURES = ("area", "width", "height", "length", "thickness", "angle", "color")
RELATIONS = ("left_of", "right_of", "above", "below")


def turned(part, size=40):
    """The part after np.rot90 of its square picture: a quarter turn counter-clockwise."""
    x, y = part.origin
    return Part(part.label, np.rot90(part.mask), (y, size - x - int(part.width)), part.lab)


def enlarged(part, factor):
    mask = np.kron(part.mask, np.ones((factor, factor), dtype=bool))
    return Part(part.label, mask, (part.origin[0] * factor, part.origin[1] * factor), part.lab)


def mirrored(part, size=40):
    x, y = part.origin
    return Part(part.label, part.mask[:, ::-1], (size - x - int(part.width), y), part.lab)


# Shapes


def test_a_pixel_is_a_square_of_one_by_one():
    part = square(2, 7, 3, 1)
    assert part.box == (2, 7, 5, 8)
    assert (part.width, part.height, part.area) == (3, 1, 3)
    assert part.center == (3.5, 7.5)
    assert (part.length, part.thickness, part.angle) == (3, 1, 0)
    assert part.ends == ((2, 7.5), (5, 7.5))
    assert part.outline == [[(2, 7), (2, 8), (5, 8), (5, 7)]]


def test_a_mask_is_cropped_and_read_only():
    mask = np.zeros((9, 9), dtype=bool)
    mask[2:4, 5:8] = True
    part = Part("part", mask, (10, 20), lab=(0, 0, 0))
    assert (part.origin, part.mask.shape) == ((15, 22), (2, 3))
    with pytest.raises(ValueError, match="read-only"):
        part.mask[0, 0] = False
    mask[2, 5] = False  # the array that was given stays writeable and apart
    assert part.area == 6


@pytest.mark.parametrize(
    "mask",
    [np.zeros((3, 3), dtype=bool), np.ones((0, 3), dtype=bool), np.ones(3, dtype=bool), np.ones((3, 3))],
    ids=["no pixel", "no row", "one dimension", "floats"],
)
def test_a_shape_needs_a_boolean_mask_with_a_pixel(mask):
    with pytest.raises(
        SceneError, match="the mask of a 'bolt' must be a 2-D boolean array with a True pixel"
    ):
        Part("bolt", mask, (0, 0), lab=(0, 0, 0))


@pytest.mark.parametrize("confidence", [-0.1, 1.1, math.nan])
def test_a_confidence_is_a_share(confidence):
    with pytest.raises(SceneError, match="the confidence of a 'part' must be from 0 to 1, not"):
        square(0, 0, 1, 1, confidence=confidence)


@often
@given(parts(), st.integers(-50, 50), st.integers(-50, 50))
def test_a_move_changes_places_only(part, dx, dy):
    moved = part.moved(dx, dy)
    for name in MEASURES:
        assert getattr(moved, name) == pytest.approx(getattr(part, name)), name
    assert moved.center == pytest.approx((part.center[0] + dx, part.center[1] + dy))
    assert moved.box == (part.box[0] + dx, part.box[1] + dy, part.box[2] + dx, part.box[3] + dy)
    expected = [[x + dx, y + dy] for x, y in part.ends]
    np.testing.assert_allclose(moved.ends, expected, atol=1e-9)


@often
@given(parts())
def test_a_quarter_turn_swaps_the_sides_and_turns_the_angle(part):
    other = turned(part)
    assert (other.width, other.height) == (part.height, part.width)
    for name in ("area", "length", "thickness"):
        assert getattr(other, name) == pytest.approx(getattr(part, name)), name
    assert other.center == pytest.approx((part.center[1], 40 - part.center[0]))
    if part.angle or other.angle:
        assert (other.angle - part.angle) % 180 == pytest.approx(90)


@often
@given(parts(), parts())
def test_a_quarter_turn_keeps_what_lies_between(a, b):
    assert turned(a).distance(turned(b)) == pytest.approx(a.distance(b))
    assert turned(a).overlap(turned(b)) == a.overlap(b)
    assert turned(a).inside(turned(b)) == a.inside(b)
    assert turned(a).above(turned(b)) == a.right_of(b)
    assert turned(a).left_of(turned(b)) == a.above(b)


@often
@given(parts(), parts(), st.integers(2, 4))
def test_a_larger_picture_has_larger_lengths(a, b, factor):
    large, other = enlarged(a, factor), enlarged(b, factor)
    assert large.area == factor**2 * a.area
    for name in ("width", "height", "length"):
        assert getattr(large, name) == pytest.approx(factor * getattr(a, name)), name
    assert large.center == pytest.approx((factor * a.center[0], factor * a.center[1]))
    assert large.angle == pytest.approx(a.angle, abs=1e-9)
    assert large.distance(other) == pytest.approx(factor * a.distance(b))
    assert large.overlap(other) == a.overlap(b)
    # A finer picture has more places where the middle of the largest circle can lie.
    assert 0 <= large.thickness - factor * a.thickness <= factor * math.sqrt(0.5) + 1e-6


@given(st.integers(1, 30), st.integers(1, 30))
@often
def test_a_rectangle_has_its_own_sides(width, height):
    part = square(3, 4, width, height)
    assert part.length == pytest.approx(max(width, height), abs=1e-3)
    assert part.thickness == pytest.approx(min(width, height), abs=1e-3)
    # Sides that differ by less than 2 % are no long axis.
    assert part.angle == (90 if height > width else 0)


@often
@given(parts(), parts())
def test_a_mirror_swaps_left_and_right(a, b):
    assert mirrored(a).left_of(mirrored(b)) == a.right_of(b)
    assert mirrored(a).right_of(mirrored(b)) == a.left_of(b)
    assert mirrored(a).above(mirrored(b)) == a.above(b)
    assert mirrored(a).distance(mirrored(b)) == a.distance(b)


@often
@given(parts(), parts())
def test_relations_between_two_parts_agree_with_each_other(a, b):
    assert a.distance(b) == b.distance(a)
    assert a.overlap(b) * a.area == pytest.approx(b.overlap(a) * b.area)
    assert not (a.left_of(b) and a.right_of(b))
    assert not (a.above(b) and a.below(b))
    if a.overlap(b):
        assert a.distance(b) == 0
    if a.inside(b, share=1):
        assert a.box[0] >= b.box[0]
        assert a.box[3] <= b.box[3]


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        (square(0, 0, 2, 2), square(2, 0, 2, 2), 0),  # share a side
        (square(0, 0, 2, 2), square(2, 2, 2, 2), 0),  # share a corner
        (square(0, 0, 2, 2), square(1, 1, 2, 2), 0),  # overlap
        (square(0, 0, 9, 9), square(4, 4, 1, 1), 0),  # one holds the other
        (square(0, 0, 2, 2), square(3, 0, 2, 2), 1),
        (square(0, 0, 2, 2), square(5, 6, 2, 2), 5),
        (square(0, 0, 1, 1), square(90, 70, 1, 1), math.hypot(89, 69)),
        (tilted(100, 60, 0, hole=0.8), square(199, 199, 2, 2), 23),  # in the hole of a frame
    ],
)
def test_distance_of_known_shapes(one, other, distance):
    assert one.distance(other) == pytest.approx(distance)
    assert one.touches(other, gap=distance)
    assert not one.touches(other, gap=distance - 0.001)


@pytest.mark.parametrize(
    ("dx", "dy", "true"),
    [
        (-8, 0, {"left_of"}),
        (8, 0, {"right_of"}),
        (0, -8, {"above"}),
        (0, 8, {"below"}),
        (-8, 8, {"left_of", "below"}),
        (0, 0, set()),
        (-2, 0, set()),  # its center lies over the edge of the other
    ],
)
def test_sides_are_told_by_center_and_box(dx, dy, true):
    middle, moved = square(20, 20, 4, 4), square(20 + dx, 20 + dy, 4, 4)
    assert {name for name in RELATIONS if getattr(moved, name)(middle)} == true


@pytest.mark.parametrize(
    ("part", "share", "expected"),
    [
        (square(18, 18, 4, 4), 0.9, True),  # in the hole
        (square(0, 0, 4, 4), 0.9, False),
        (square(5, 18, 10, 4), 0.5, True),  # half of it outside
        (square(5, 18, 10, 4), 0.51, False),
        (square(7, 18, 10, 4), 0.7, True),
    ],
)
def test_inside_counts_holes(part, share, expected):
    frame = Part("frame", tilted(20, 20, 0, hole=0.8).mask, (10, 10), lab=(0, 0, 0))
    assert frame.box == (10, 10, 30, 30)
    assert part.inside(frame, share=share) is expected


def test_overlap_does_not_count_holes():
    frame = Part("frame", tilted(20, 20, 0, hole=0.8).mask, (10, 10), lab=(0, 0, 0))
    assert square(18, 18, 4, 4).overlap(frame) == 0
    assert square(10, 10, 4, 1).overlap(frame) == 1
    assert square(6, 10, 8, 1).overlap(frame) == 0.5


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (drawn("###..\n#....\n#....", x=30, y=5), False),
        (drawn("..###\n....#\n....#", x=30, y=5), True),
        (enlarged(drawn("..###\n....#\n....#"), 2), False),
    ],
    ids=["the same", "the mirror image", "a larger mirror image"],
)
def test_mirrors_compares_with_the_image_in_a_mirror(other, expected):
    part = drawn("###..\n#....\n#....")
    assert part.mirrors(other) is expected
    assert other.mirrors(part) is expected


def test_mirrors_moves_onto_the_center_to_the_nearest_pixel():
    # The centers are 1.8 px apart; moved by 2 px, 3 of 5 pixels are common.
    assert square(0, 0, 3, 1).mirrors(drawn("#.####"), share=0.6)


@often
@given(parts(), st.integers(0, 20), st.integers(0, 20))
def test_a_part_mirrors_its_mirror_image_anywhere(part, dx, dy):
    assert part.mirrors(mirrored(part).moved(dx, dy), share=1.0)


def test_color_is_the_name_of_lab():
    assert square(0, 0, 1, 1, lab=(85, 4, 76)).color == "yellow"


def test_recoloured_changes_the_colour_only():
    part = disc(3, 4, 9, confidence=0.5)
    other = part.recoloured((85, 4, 76))
    assert (part.color, other.color) == ("grey", "yellow")
    assert (other.box, other.area, other.confidence) == (part.box, part.area, 0.5)


@pytest.mark.parametrize("factor", [0.5, 0.6, 1.0, 1.6, 3.0])
def test_resized_keeps_the_center(factor):
    part = disc(30, 20, 20)
    other = part.resized(factor)
    assert other.center == pytest.approx(part.center, abs=0.51)
    assert other.width == round(factor * 20)
    assert other.area == pytest.approx(factor**2 * part.area, rel=0.06)


# Scenes


def test_parts_come_in_reading_order():
    low, right, left = square(0, 50, 4, 4), square(40, 10, 4, 4), square(5, 10, 4, 4)
    seen = scene(low, square(0, 0, 2, 2, "other"), right, left)
    assert seen.parts("part") == [left, right, low]


def test_a_known_label_may_have_no_parts():
    assert scene(labels=["pin"]).parts("pin") == []


def test_the_list_of_parts_is_the_callers_own():
    seen = scene(square(0, 0, 2, 2))
    seen.parts("part").clear()
    assert len(seen.parts("part")) == 1


@pytest.mark.parametrize("ask", [Scene.parts, Scene.part, lambda s, label: s.region("center").parts(label)])
def test_an_unknown_label_is_answered_with_the_known_ones_nearest_first(ask):
    seen = scene(square(0, 0, 50, 50, "box"), labels=["box", "washer", "pushpin"])
    with pytest.raises(SceneError) as error:
        ask(seen, "pushpn")
    assert str(error.value) == (
        "the product has no part label 'pushpn'; its labels are: 'pushpin', 'washer', 'box'"
    )


def test_messages_stay_short_whatever_a_rule_asks_for():
    seen = scene(labels=[f"label {number}" for number in range(500)])
    with pytest.raises(SceneError) as error:
        seen.parts("x" * 100_000)
    assert len(str(error.value)) < 500


def test_a_product_without_labels_says_so():
    with pytest.raises(SceneError, match="its labels are: none yet"):
        scene().parts("box")


@pytest.mark.parametrize("count", [0, 2])
def test_part_wants_exactly_one(count):
    seen = scene(*(square(9 * i, 0, 3, 3, "box") for i in range(count)), labels=["box"])
    with pytest.raises(SceneError, match=f"^expected exactly one 'box', saw {count}$"):
        seen.part("box")


def test_part_is_the_only_one():
    box = square(0, 0, 3, 3, "box")
    assert scene(box, square(0, 0, 2, 2)).part("box") is box


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Scene((0, 5), (), ()), "a picture cannot have the size 0 x 5"),
        (lambda: scene(square(98, 0, 3, 3)), "a 'part' at .* leaves the picture of 100 x 80"),
        (lambda: scene(square(0, -1, 3, 3)), "a 'part' at .* leaves the picture of 100 x 80"),
        (lambda: scene(square(0, 0, 3, 3), labels=["box"]), "the product has no part label 'part'"),
    ],
)
def test_a_scene_that_cannot_be_is_refused(made, message):
    with pytest.raises(SceneError, match=message):
        made()


# Edits


def test_edits_make_new_scenes():
    first, second = square(0, 0, 3, 3), square(9, 9, 3, 3)
    seen = scene(first, second)
    added, other = square(40, 0, 3, 3), square(50, 50, 2, 2)
    assert seen.without(first).all_parts == (second,)
    assert seen.with_part(added).all_parts == (first, second, added)
    assert seen.replaced(first, other).all_parts == (other, second)
    assert seen.all_parts == (first, second)
    assert seen.parts("part") == [first, second]
    assert seen.replaced(first, other).parts("part") == [second, other]


@pytest.mark.parametrize(
    ("x", "y", "box"),
    [(-2, 3, (0, 3, 8, 13)), (95, 75, (95, 75, 100, 80)), (90, -9, (90, 0, 100, 1)), (5, 5, (5, 5, 15, 15))],
)
def test_a_new_part_is_cut_off_at_the_border_of_the_picture(x, y, box):
    seen = scene(square(0, 0, 3, 3)).with_part(square(x, y, 10, 10))
    assert seen.all_parts[1].box == box
    assert seen.all_parts[1].area == (box[2] - box[0]) * (box[3] - box[1])


@pytest.mark.parametrize(("x", "y"), [(100, 0), (103, 0), (-10, 0), (-13, 0), (0, 85), (0, -15)])
def test_a_part_outside_cannot_be_added(x, y):
    with pytest.raises(SceneError, match=r"this 'part' at .* lies outside the picture of 100 x 80"):
        scene(square(0, 0, 3, 3)).with_part(square(x, y, 10, 10))


@pytest.mark.parametrize("edit", [Scene.without, lambda s, part: s.replaced(part, part)])
def test_only_parts_of_the_scene_can_be_taken_out(edit):
    with pytest.raises(SceneError, match="this 'part' is not a part of the Scene"):
        edit(scene(square(0, 0, 3, 3)), square(0, 0, 3, 3))


def test_parts_and_regions_are_shapes_that_show_no_pixels():
    part, region = square(1, 2, 3, 4), scene().region("center")
    assert isinstance(part, Shape)
    assert isinstance(region, Region)
    assert "array" not in repr(part) + repr(region)


def test_the_import_stays_small():
    code = "import sys, logisight.scene; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "scipy", "skimage", "sklearn", "langchain_core", "PIL"} & set(loaded.stdout.split())
