"""Pictures that are spoiled on purpose: something is wrong where it is said, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from builders import scene, square
from logisight.tools.spoiling import spoil

SIZE = (160, 100)
BOX, PIN = square(10, 10, 120, 80, "box"), square(40, 30, 20, 10, "pin")


def picture(light=200):
    pixels = np.full((SIZE[1], SIZE[0], 3), 60, np.uint8)
    pixels[10:90, 10:130] = 90
    pixels[30:40, 40:60] = light
    return pixels


def spoiled(light=200, parts=(BOX, PIN), seed=0):
    pixels = picture(light)
    copies = {one.way: one for one in spoil(pixels, scene(*parts, size=SIZE), np.random.default_rng(seed))}
    assert (pixels == picture(light)).all(), "the picture itself stays as it is"
    return copies


def test_a_part_that_holds_no_other_is_painted_over():
    removed = spoiled()["removed"]
    assert removed.what == "a pin is painted over"
    assert np.abs(removed.pixels[30:40, 40:60].astype(int) - 90).max() < 20


@pytest.mark.parametrize("way", ["removed", "scratched", "stained"])
def test_what_is_changed_lies_where_it_is_said(way):
    copy = spoiled()[way]
    changed = (np.abs(copy.pixels.astype(int) - picture()) > 12).any(axis=2)
    assert changed.any()
    rows, columns = np.nonzero(changed)
    x0, y0, x1, y1 = copy.where
    margin = 6
    assert x0 - margin <= columns.min() and columns.max() <= x1 + margin
    assert y0 - margin <= rows.min() and rows.max() <= y1 + margin


@pytest.mark.parametrize("way", ["scratched", "stained"])
@pytest.mark.parametrize("light", [10, 250])
def test_ink_shows_on_light_and_on_dark(way, light):
    whole = square(0, 0, 160, 100, "plate")
    pixels = np.full((SIZE[1], SIZE[0], 3), light, np.uint8)
    copies = {one.way: one for one in spoil(pixels, scene(whole, size=SIZE), np.random.default_rng(1))}
    assert np.abs(copies[way].pixels.astype(int) - light).max() > 100


def test_the_same_seed_spoils_in_the_same_way():
    one, other = spoiled(seed=3), spoiled(seed=3)
    assert all((one[way].pixels == other[way].pixels).all() for way in one)
    assert (one["stained"].pixels != spoiled(seed=4)["stained"].pixels).any()


def test_a_scene_without_parts_cannot_be_spoiled():
    assert spoiled(parts=()) == {}
