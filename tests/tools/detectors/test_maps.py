"""What is made of a map: regions, colours, a file; and the pictures that go in."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from logisight.schema import DetectorError, PictureError
from logisight.tools.detectors.calibration import Calibration, Line
from logisight.tools.detectors.heat import heat, overlay_heat, scale_of
from logisight.tools.detectors.map_files import write_map
from logisight.tools.detectors.regions import MOST, regions_of
from logisight.tools.samples import LazySamples, Sample, read_sample, sample_of
from PIL import Image


def blobs(*boxes_and_peaks, size=(60, 80)):
    scores = np.zeros(size, np.float32)
    for (x0, y0, x1, y1), peak in boxes_and_peaks:
        scores[y0:y1, x0:x1] = peak
    return scores


def test_regions_are_boxes_of_what_is_above_the_threshold_highest_first() -> None:
    found = regions_of(blobs(((2, 3, 10, 8), 1.0), ((20, 30, 25, 50), 3.0), ((70, 50, 71, 51), 0.5)), 0.75)
    assert [(region.box, region.peak) for region in found] == [((20, 30, 25, 50), 3.0), ((2, 3, 10, 8), 1.0)]
    assert [tuple(map(min, zip(*found[0].outline[0], strict=True)))] == [(20, 30)]


def test_small_and_many_regions_are_left_out() -> None:
    scores = blobs(*[((5 * n, 0, 5 * n + 2, 2), 1 + n) for n in range(MOST + 3)])
    assert [region.peak for region in regions_of(scores, 0.5)] == [8, 7, 6, 5, 4]
    assert regions_of(blobs(((0, 0, 9, 9), 2.0), ((20, 20, 21, 21), 3.0)), 1, least=4)[0].peak == 2.0


def test_where_nothing_is_above_the_threshold_it_is_the_peak() -> None:
    (region,) = regions_of(blobs(((2, 3, 10, 8), 1.0), ((20, 30, 25, 50), 0.3)), 5.0)
    assert region.box == (2, 3, 10, 8)
    assert regions_of(np.full((5, 5), 2.0, np.float32), 5.0) == []


def test_hot_is_red_cold_lets_the_picture_through() -> None:
    scores, pixels = blobs(((2, 3, 10, 8), 1.0)), np.full((60, 80, 3), 90, np.uint8)
    over = overlay_heat(pixels, scores, scale_of(scores))
    assert over[5, 5, 0] > over[5, 5, 2]
    assert np.array_equal(over[40, 40], pixels[40, 40])
    flat = np.ones((60, 80), np.float32)
    assert np.array_equal(overlay_heat(pixels, flat, scale_of(flat)), pixels)
    assert (heat(flat, scale_of(flat)) == heat(flat, scale_of(flat))[0, 0]).all()


def test_the_scale_of_a_calibrated_detector_is_the_same_for_all_pictures() -> None:
    line = Line(threshold=10, unit=2)
    calibration = Calibration(normal=20, false_alarms=0.05, picture=line, pixel=line)
    assert scale_of(blobs(((0, 0, 9, 9), 3.0)), calibration) == (0, 12)
    assert scale_of(blobs(((0, 0, 9, 9), 300.0)), calibration) == (0, 12)


def test_a_map_file_is_float32_of_the_picture_s_size(tmp_path) -> None:
    scores = np.random.default_rng(0).random((7, 9)).astype(np.float32)
    write_map(tmp_path / "deep/er/a.tiff", scores)
    assert np.array_equal(tifffile.imread(tmp_path / "deep/er/a.tiff"), scores)
    assert [path.name for path in (tmp_path / "deep/er").iterdir()] == ["a.tiff"]


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.full((3, 3, 3), np.nan, np.float32), "27 values are not finite"),
        (
            np.zeros((3, 3, 3), np.float32),
            r"expected \(height, width, 3\) of uint8, got \(3, 3, 3\) of float32",
        ),
        (np.zeros((3, 3), np.uint8), r"got \(3, 3\) of uint8"),
        (np.zeros((0, 3, 3), np.uint8), r"got \(0, 3, 3\)"),
    ],
)
def test_pixels_that_are_no_picture_are_refused(pixels, said) -> None:
    with pytest.raises(PictureError, match=said):
        sample_of(pixels, "a.png")


def test_a_float_picture_with_nan_is_refused(tmp_path) -> None:
    tifffile.imwrite(tmp_path / "a.tiff", np.full((4, 4), np.nan, np.float32))
    with pytest.raises(PictureError, match=r"a\.tiff"):
        read_sample(tmp_path / "a.tiff")


def test_a_detector_of_one_picture_does_not_choose_among_several() -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(DetectorError, match=r"praline: holds 2 pictures \(left, right\)"):
        _ = Sample({"left": pixels, "right": pixels}, "praline").pixels


def test_lazy_samples_are_read_when_they_are_asked_for(tmp_path) -> None:
    paths = [tmp_path / f"{n}.png" for n in range(4)]
    for n, path in enumerate(paths[:3]):
        Image.new("RGB", (2, 2), (n, n, n)).save(path)
    read = []
    samples = LazySamples(paths, "tile", read.append)
    assert [sample.pixels[0, 0, 0] for sample in samples[:3:2]] == [0, 2]
    assert read == [paths[0], paths[2]]
    assert samples[1].product == "tile"
    with pytest.raises(PictureError, match=r"3\.png"):
        samples[3]
