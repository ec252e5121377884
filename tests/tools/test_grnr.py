"""GRNR as a detector: where its peaks are, on which pictures it works, and what it is told."""

import numpy as np
import pytest
from logisight.schema import DetectorError
from logisight.tools.detectors import load_detector
from logisight.tools.samples import sample_of

TOLD = [
    {"kind": "grnr", "variant": "recipe"},
    {"kind": "grnr", "variant": "local"},
    {"kind": "grnr", "variant": "grain"},
    {"kind": "mean-distance"},
]
"""Every way to look, at a size that is quick."""


def eye(kind, **options):
    return load_detector(kind, **{"size": 128, "margin": 16} | options)


def surface(height, width, seed=0):
    """A brushed surface: stripes that differ across it, and a little noise."""
    random = np.random.default_rng(seed)
    stripes = random.normal(120, 12, (1, width)) + random.normal(0, 4, (height, width))
    return np.repeat(stripes.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def with_blob(pixels, y, x, side):
    spoiled = pixels.copy()
    spoiled[y : y + side, x : x + side] = (np.indices((side, side)).sum(axis=0) % 8 * 30)[..., None]
    return spoiled


def look(detector, *pictures):
    return list(detector.predict([sample_of(pixels) for pixels in pictures]))


@pytest.fixture(params=TOLD, ids=lambda told: told.get("variant", told["kind"]))
def told(request):
    return request.param


def test_a_pasted_blob_has_the_peak(told):
    clean = surface(160, 160)
    plain, spoiled = look(eye(**told), clean, with_blob(clean, 90, 40, 24))
    y, x = np.unravel_index(spoiled.scores.argmax(), spoiled.scores.shape)
    assert 84 <= y < 120
    assert 34 <= x < 70
    assert spoiled.score > plain.score


def test_a_map_lies_on_its_picture_whatever_the_aspect(told):
    spoiled = with_blob(surface(300, 700), 180, 500, 60)
    (found,) = look(eye(**told), spoiled)
    assert found.scores.shape == (300, 700)
    y, x = np.unravel_index(found.scores.argmax(), found.scores.shape)
    assert 170 <= y < 250
    assert 480 <= x < 580


def test_a_flat_picture_has_a_finite_map_without_a_peak_inside(told):
    (found,) = look(eye(**told), np.full((90, 120, 3), 77, np.uint8))
    assert np.isfinite(found.scores).all()
    assert np.ptp(found.scores[20:-20, 20:-20]) < 1e-3
    assert np.isfinite(found.score)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (2000, 2), (3, 2)])
def test_tiny_and_thin_pictures_are_looked_at(told, shape):
    (found,) = look(eye(**told), surface(*shape))
    assert found.scores.shape == shape
    assert np.isfinite(found.scores).all()


def test_a_very_long_picture_is_looked_at(told):
    (found,) = look(eye(**told), surface(20_000, 20))
    assert found.scores.shape == (20_000, 20)
    assert np.isfinite(found.scores).all()


def test_the_same_picture_gives_the_same_bits(told):
    picture = surface(100, 140)
    first, second = (look(eye(**told), picture)[0] for _ in range(2))
    assert first.scores.tobytes() == second.scores.tobytes()
    assert first.score == second.score


def test_a_batch_gives_what_single_pictures_give(told):
    pictures = [with_blob(surface(100 + 10 * n, 140, n), 20, 30, 20) for n in range(3)]
    detector = eye(**told)
    for together, picture in zip(look(detector, *pictures), pictures, strict=True):
        (alone,) = look(detector, picture)
        np.testing.assert_allclose(together.scores, alone.scores, rtol=1e-5, atol=1e-5)


def test_a_turned_picture_has_the_turned_map_of_the_grain():
    spoiled = with_blob(surface(128, 128), 70, 30, 20)
    detector = eye("grnr", variant="grain")
    upright, lying = look(detector, spoiled, spoiled.transpose(1, 0, 2))
    correlation = np.corrcoef(upright.scores.ravel(), lying.scores.T.ravel())[0, 1]
    assert correlation > 0.9


def test_the_inside_of_a_large_defect_stands_out_of_the_grain_but_not_of_its_neighbours():
    spoiled = surface(320, 320)
    random = np.random.default_rng(1)
    spoiled[60:140, 110:190] = random.normal(120, 4, (80, 80, 1)).clip(0, 255).astype(np.uint8)

    def contrast(variant):
        scores = look(eye("grnr", variant=variant, size=320), spoiled)[0].scores
        return np.median(scores[90:110, 130:170]) / np.median(scores[200:260, 60:-60])

    assert contrast("grain") > 2
    assert contrast("local") < 1.5


def test_a_crop_claims_nothing_of_the_ring():
    (found,) = look(eye("grnr", variant="recipe", crop=16), with_blob(surface(128, 128), 0, 0, 20))
    assert np.unique(found.scores[:12]).size == 1
    assert np.unique(found.scores[:, -12:]).size == 1
    assert found.scores[:12].max() <= found.scores[20:-20, 20:-20].min()


def test_the_border_is_overwritten_where_it_is_asked_for():
    picture = with_blob(surface(128, 128), 0, 0, 20)
    plain, flat = (
        look(eye("grnr", variant="recipe", border=border), picture)[0].scores for border in (False, True)
    )
    assert plain[:10, :10].max() > 2 * flat[:10, :10].max()


def test_published_settings_differ_from_ours_at_the_border_only_by_the_margin():
    picture = surface(128, 128)
    ours, published = (
        look(eye("grnr", variant="recipe", margin=margin), picture)[0].scores for margin in (32, 0)
    )
    middle = np.s_[48:80, 48:80]
    np.testing.assert_allclose(ours[middle], published[middle], rtol=0.2)
    assert not np.array_equal(ours, published)


def test_a_sum_of_levels_is_another_map():
    picture = with_blob(surface(128, 128), 60, 60, 20)
    product, total = (
        look(eye("grnr", variant="recipe", fuse=fuse), picture)[0].scores for fuse in ("product", "sum")
    )
    assert not np.allclose(product, total)


def test_names_tell_variant_and_backbone():
    assert eye("grnr").name == "grnr-grain[filter-bank]"
    assert eye("grnr", variant="recipe").name == "grnr[filter-bank]"
    assert eye("grnr", variant="local").name == "grnr-local[filter-bank]"
    assert eye("mean-distance").name == "mean-distance[filter-bank]"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 100}, "multiples of the stride 16"),
        ({"margin": 10}, "multiples of the stride 16"),
        ({"crop": 64}, "crop must leave something"),
        ({"margin": 128}, "margin must be smaller"),
        ({"variant": "other"}, "option variant"),
        ({"ridge": 0}, "option ridge"),
        ({"support": 0}, "option support"),
        ({"neighbors": "raw"}, "no option 'neighbors'"),
        ({"backbone": "squeezenet"}, "weights"),
        ({"backbone": "nothing"}, "no such backbone"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_one_line(options, words):
    with pytest.raises(DetectorError, match=words) as caught:
        look(eye("grnr", **options), surface(64, 64))
    assert "\n" not in str(caught.value)


def test_a_sample_of_several_pictures_is_refused():
    sample = sample_of(surface(64, 64))
    two = type(sample)({"left": sample.pixels, "right": sample.pixels}, "two lights")
    with pytest.raises(DetectorError, match="two lights"):
        list(eye("grnr").predict([two]))
