"""What every detector shares: batches that fit, maps that are checked, names, options, and state in files."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from logisight.schema import DetectorError
from logisight.tools.detectors import (
    Detector,
    DetectorOptions,
    calibrate,
    detector_kinds,
    load_detector,
    open_detector,
    save_detector,
)
from logisight.tools.detectors import registry as registry_module
from logisight.tools.detectors.registry import detector_of
from logisight.tools.samples import sample_of


class Brightness(Detector):
    """Says how bright each pixel is; takes no more pictures at once than there is memory for."""

    kind = "brightness"
    summary = "for tests"
    room = 8

    def look(self, samples):
        if len(samples) > self.room:
            raise MemoryError
        return [(s.pixels.mean(axis=2, dtype=np.float32), float(s.pixels.max())) for s in samples]


def grey(value: int, size=(4, 6)):
    return sample_of(np.full((*size, 3), value, np.uint8), f"{value}.png")


def test_maps_come_in_order_at_the_size_of_each_picture() -> None:
    samples = [grey(10), grey(20, (1, 1)), grey(30, (3, 9))]
    maps = list(Brightness(DetectorOptions(batch=2)).predict(samples))
    assert [m.scores.shape for m in maps] == [(4, 6), (1, 1), (3, 9)]
    assert [m.score for m in maps] == [10, 20, 30]
    assert {m.detector for m in maps} == {"brightness"}


def test_samples_are_taken_no_faster_than_they_are_looked_at() -> None:
    taken = []
    maps = Brightness(DetectorOptions(batch=2)).predict(taken.append(n) or grey(n) for n in range(6))
    next(maps)
    assert taken == [0, 1]


def test_a_batch_without_memory_is_halved_and_that_is_said() -> None:
    detector = Brightness(DetectorOptions(batch=8))
    detector.room = 2
    maps = list(detector.predict(grey(n) for n in range(10)))
    assert [m.score for m in maps] == list(range(10))
    assert maps[0].notes == ("not enough memory for 4 pictures at once; looked at 2 at a time",)
    assert maps[-1].notes == ()


def test_no_memory_for_one_picture_is_an_error_that_says_what_to_do() -> None:
    detector = Brightness(DetectorOptions(batch=4))
    detector.room = 0
    with pytest.raises(DetectorError, match=r"not enough memory on auto for one picture; .*--device cpu"):
        list(detector.predict([grey(1)]))


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        (np.full((4, 6), np.nan, np.float32), "not finite"),
        (np.zeros((6, 4), np.float32), r"its map is \(6, 4\), but the picture \(4, 6\)"),
    ],
)
def test_a_map_that_cannot_be_right_is_refused(scores, said) -> None:
    detector = Brightness(DetectorOptions())
    detector.look = lambda samples: [(scores, 0.0)]
    with pytest.raises(DetectorError, match=said):
        list(detector.predict([grey(1)]))


def test_an_unknown_name_and_unknown_options_name_what_there_is() -> None:
    with pytest.raises(DetectorError, match="no detector is called 'grr'; there are adaclip, grnr"):
        load_detector("grr")
    with pytest.raises(DetectorError, match=r"patch-distance has no option 'sise'; it has .*size"):
        load_detector("patch-distance", sise=3)
    with pytest.raises(DetectorError, match=r"patch-distance: option size: .* got '3'"):
        load_detector("patch-distance", size="3")


def test_options_on_one_line_count_more_than_those_of_the_command() -> None:
    detector = detector_of("patch-distance:bank=7,device=cpu", device="cuda", weights=None)
    assert (detector.options.bank, detector.options.device) == (7, "cpu")
    with pytest.raises(DetectorError, match="'bank=' is no option; write OPTION=VALUE"):
        detector_of("patch-distance:bank=")


def test_another_package_brings_a_detector(monkeypatch) -> None:
    bring(monkeypatch, Brightness)
    assert detector_kinds()["brightness"] is Brightness
    assert load_detector("brightness", batch=3).options.batch == 3


def test_what_another_package_brings_may_be_broken(monkeypatch) -> None:
    bring(monkeypatch, int)
    assert "brightness" not in detector_kinds()
    with pytest.raises(DetectorError, match="brightness is no subclass of Detector"):
        load_detector("brightness")


def bring(monkeypatch, value) -> None:
    entry = EntryPoint("brightness", "elsewhere:Brightness", "logisight.detectors")
    monkeypatch.setattr(
        EntryPoint,
        "load",
        lambda self, load=EntryPoint.load: value if self.name == "brightness" else load(self),
    )
    monkeypatch.setattr(registry_module, "entry_points", lambda **_: _Entries([entry]))


class _Entries(list):
    @property
    def names(self):
        return {entry.name for entry in self}


def test_what_is_kept_looks_as_before(tmp_path) -> None:
    random = np.random.default_rng(0)
    samples = [sample_of(random.integers(0, 255, (40, 50, 3), np.uint8)) for _ in range(4)]
    detector = load_detector("patch-distance", bank=20, seed=5)
    detector.fit(samples[:2])
    calibrate(detector, samples[2:])
    save_detector(detector, tmp_path / "kept")
    again = open_detector(tmp_path / "kept")
    assert again.options == detector.options
    assert again.calibration == detector.calibration
    for one, other in zip(detector.predict(samples), again.predict(samples), strict=True):
        assert np.array_equal(one.scores, other.scores)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda kept: (kept / "detector.safetensors").write_bytes(b"\x80\x04K\x01."),
            "make the detector again",
        ),
        (lambda kept: (kept / "detector.json").write_text("{"), "make the detector again"),
        (lambda kept: (kept / "detector.json").unlink(), "no detector is kept here"),
        (lambda kept: reformat(kept / "detector.json"), "made by another version"),
    ],
)
def test_damaged_files_are_one_line(tmp_path, damage, said) -> None:
    kept = tmp_path / "kept"
    detector = load_detector("patch-distance")
    detector.fit([grey(3, (40, 40))])
    save_detector(detector, kept)
    damage(kept)
    with pytest.raises(DetectorError, match=said) as caught:
        open_detector(kept)
    assert "\n" not in str(caught.value)


def reformat(path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": "logisight-detector-9"}))
