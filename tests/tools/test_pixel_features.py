"""Pixel features do not depend on how the picture is turned, and see what they are named for."""

from __future__ import annotations

import numpy as np
import pytest
from logisight.tools.pixel_features import COUNT, SIGMAS, pixel_features


def noisy(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (33, 50)])
def test_every_pixel_has_all_features(size):
    features = pixel_features(noisy(*size))
    assert features.shape == (*size, COUNT)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


def test_turning_the_picture_turns_the_features():
    # A size that every reduction divides, so that both orientations are reduced alike.
    pixels = noisy(128, 96)
    turned = pixel_features(np.ascontiguousarray(np.rot90(pixels)))
    assert np.allclose(np.rot90(pixel_features(pixels)), turned, atol=0.05)


def test_a_flat_picture_has_colour_and_nothing_else():
    features = pixel_features(np.full((40, 40, 3), 200, np.uint8))
    lightness, rest = features[..., 0], np.delete(features, [0, *range(3, COUNT, 7)], axis=2)
    assert lightness == pytest.approx(80.6, abs=0.2)
    assert np.abs(rest).max() < 0.5


def test_an_edge_shows_in_the_gradient_and_not_far_from_it():
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, 32:] = 255
    gradient = pixel_features(pixels)[32, :, 3 + 3]
    assert gradient[31:33].min() > 10 > 100 * gradient[:20].max()


def test_scales_are_in_order():
    assert list(SIGMAS) == sorted(SIGMAS)
