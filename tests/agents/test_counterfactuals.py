"""Scenes broken on purpose are broken in the way that is said, and in no other."""

from __future__ import annotations

import pytest
from builders import scene, square
from logisight.agents.counterfactuals import PARTS_PER_LABEL, break_on_purpose
from logisight.schema import Edit

PIN = square(40, 30, 12, 6, "pin")
BOX = square(0, 0, 100, 80, "box")
SCENE = scene(BOX, PIN, square(70, 60, 12, 6, "pin"))


def broken_scenes(edit):
    return [s for broken in break_on_purpose(SCENE, ["pin"], [edit]) for s in broken.scenes]


def others_are_untouched(broken):
    return BOX in broken.all_parts and len({*SCENE.all_parts} - {*broken.all_parts}) <= 1


@pytest.mark.parametrize("edit", list(Edit))
def test_every_edit_leaves_the_other_parts_alone(edit):
    scenes = broken_scenes(edit)
    assert scenes
    assert all(others_are_untouched(s) for s in scenes)


@pytest.mark.parametrize(
    ("edit", "pins"),
    [("removed", 1), ("doubled", 3), ("moved", 2), ("resized", 2), ("turned", 2), ("recoloured", 2)],
)
def test_edits_change_the_count_as_they_say(edit, pins):
    assert {len(s.parts("pin")) for s in broken_scenes(Edit(edit))} == {pins}


def new_parts(broken):
    return [part for part in broken.all_parts if part not in SCENE.all_parts]


def test_moved_parts_keep_their_shape_and_stay_in_the_picture():
    for broken in broken_scenes(Edit.moved):
        (part,) = new_parts(broken)
        assert part.area == PIN.area
        assert part.box[0] >= 0 and part.box[2] <= 100 and part.box[1] >= 0 and part.box[3] <= 80


def test_resized_parts_come_smaller_and_larger():
    areas = [new_parts(broken)[0].area for broken in broken_scenes(Edit.resized)]
    assert min(areas) < 0.6 * PIN.area < 1.6 * PIN.area < max(areas)


def test_recoloured_parts_have_another_colour():
    assert all(new_parts(broken)[0].color != PIN.color for broken in broken_scenes(Edit.recoloured))


def test_a_label_that_is_not_there_gives_nothing():
    assert not list(break_on_purpose(scene(PIN, labels=("pin", "nut")), ["nut"], list(Edit)))


def test_many_parts_are_sampled_across_the_picture():
    many = scene(*[square(6 * x, 5, 4, 4, "pin") for x in range(16)])
    broken = list(break_on_purpose(many, ["pin"], [Edit.removed]))
    assert len(broken) == PARTS_PER_LABEL
    gone = [next(p for p in many.all_parts if p not in b.scenes[0].all_parts) for b in broken]
    assert {many.parts("pin")[0], many.parts("pin")[-1]} <= set(gone)


def test_a_part_too_large_to_grow_in_the_picture_only_shrinks():
    whole = scene(square(0, 0, 100, 80, "box"))
    (broken,) = break_on_purpose(whole, ["box"], [Edit.resized])
    assert [s.parts("box")[0].width for s in broken.scenes] == [60]


def test_turned_parts_keep_their_place_and_lie_differently():
    for broken in broken_scenes(Edit.turned):
        (part,) = new_parts(broken)
        before = min(SCENE.parts("pin"), key=lambda pin: abs(pin.center[0] - part.center[0]))
        assert abs(part.center[0] - before.center[0]) < 1 > abs(part.center[1] - before.center[1])
        assert abs(part.angle - before.angle) > 20


def test_removing_and_doubling_go_on_until_none_are_left_or_many():
    (broken,) = list(break_on_purpose(SCENE, ["pin"], [Edit.removed]))[:1]
    assert [len(s.parts("pin")) for s in [*broken.scenes, *broken.further]] == [1, 0]
    (broken,) = list(break_on_purpose(SCENE, ["pin"], [Edit.doubled]))[:1]
    assert [len(s.parts("pin")) for s in broken.further] == [4, 5, 6]


def test_a_part_of_another_scene_is_put_where_there_is_none():
    without = scene(BOX, labels=("box", "pin"))
    (broken,) = break_on_purpose(without, ["pin"], [Edit.removed, Edit.doubled], {"pin": PIN})
    assert (broken.edit, len(broken.scenes[0].parts("pin"))) == (Edit.doubled, 1)
