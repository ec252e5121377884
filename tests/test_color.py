"""Colour names and the typical colour of pixels."""

from __future__ import annotations

import numpy as np
import pytest
from logisight.color import COLOR_LAB, color_name, mean_lab
from logisight.schema import SceneError
from skimage.color import rgb2lab

NAMED = [
    ("black", (0, 0, 0)),
    ("black", (32, 32, 43)),  # dark cloth behind a box
    ("grey", (54, 55, 55)),
    ("grey", (128, 128, 128)),
    ("grey", (192, 192, 192)),  # silver
    ("grey", (133, 108, 89)),  # steel needle under warm light
    ("grey", (113, 121, 126)),  # steel
    ("white", (255, 255, 255)),
    ("white", (228, 209, 195)),  # white plastic under warm light
    ("red", (255, 0, 0)),
    ("red", (132, 0, 0)),
    ("red", (220, 20, 60)),  # crimson
    ("red", (187, 63, 63)),
    ("red", (110, 20, 40)),  # cherry juice
    ("orange", (255, 165, 0)),
    ("orange", (249, 115, 6)),
    ("orange", (189, 84, 50)),  # mandarin
    ("orange", (184, 76, 48)),  # mandarin in the shade
    ("orange", (255, 167, 86)),
    ("orange", (255, 218, 185)),  # peach
    ("yellow", (255, 255, 0)),
    ("yellow", (255, 205, 53)),  # plastic pushpin
    ("yellow", (255, 179, 50)),  # the same, farther from the light
    ("yellow", (255, 200, 40)),
    ("yellow", (213, 182, 10)),
    ("yellow", (255, 255, 132)),
    ("green", (0, 128, 0)),
    ("green", (21, 176, 26)),
    ("green", (0, 255, 0)),
    ("green", (3, 53, 0)),
    ("green", (200, 255, 176)),
    ("green", (128, 128, 0)),  # olive
    ("blue", (0, 0, 255)),
    ("blue", (3, 67, 223)),
    ("blue", (0, 0, 128)),  # navy
    ("blue", (149, 208, 252)),
    ("blue", (0, 255, 255)),  # cyan
    ("purple", (128, 0, 128)),
    ("purple", (126, 30, 156)),
    ("purple", (191, 119, 246)),
    ("purple", (53, 6, 62)),
    ("pink", (255, 192, 203)),
    ("pink", (255, 129, 192)),
    ("pink", (255, 20, 147)),
    ("pink", (203, 65, 107)),
    ("pink", (250, 128, 114)),  # salmon
    ("brown", (101, 55, 0)),
    ("brown", (139, 69, 19)),
    ("brown", (173, 129, 80)),
    ("brown", (138, 77, 49)),  # cereal
    ("brown", (149, 91, 58)),  # nuts and banana chips
    ("brown", (200, 150, 90)),
    ("brown", (210, 180, 140)),  # tan
    ("brown", (101, 67, 33)),
    ("brown", (90, 40, 35)),
]


@pytest.mark.parametrize(("name", "rgb"), NAMED)
def test_obvious_colours_get_their_name(name, rgb):
    assert color_name(mean_lab(np.array([rgb], dtype=np.uint8))) == name


def test_every_typical_colour_has_its_own_name():
    assert [color_name(lab) for lab in COLOR_LAB.values()] == list(COLOR_LAB)


def test_every_colour_of_a_screen_gets_one_of_the_eleven_names():
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    assert {color_name(mean_lab(pixel[np.newaxis])) for pixel in cube} == set(COLOR_LAB)


def test_lab_matches_scikit_image():
    pixels = np.random.default_rng(0).integers(0, 256, (500, 3), dtype=np.uint8)
    ours = [mean_lab(pixel[np.newaxis]) for pixel in pixels]
    np.testing.assert_allclose(ours, rgb2lab(pixels[np.newaxis])[0], atol=0.05)


def test_the_typical_colour_is_the_median_so_glare_does_not_count():
    pixels = np.array([[200, 30, 30]] * 6 + [[255, 255, 255]] * 5, dtype=np.uint8)
    assert mean_lab(pixels) == mean_lab(pixels[:1])


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((0, 3), dtype=np.uint8),
        np.zeros((4, 4), dtype=np.uint8),
        np.zeros((2, 2, 3), dtype=np.uint8),
        np.zeros((4, 3)),
    ],
    ids=["no pixel", "four channels", "a picture", "floats"],
)
def test_a_colour_needs_rgb_pixels(pixels):
    with pytest.raises(SceneError, match=r"a colour needs \(N, 3\) RGB pixels of 8 bits, not \("):
        mean_lab(pixels)


@pytest.mark.parametrize("lab", [(72.0, 17.0, 67.0), (72.0, 19.0, 65.0), (87.0, -1.0, 76.0)])
def test_yellow_plastic_stays_yellow_from_shade_to_light(lab):
    assert color_name(lab) == "yellow"
