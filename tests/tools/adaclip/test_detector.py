"""AdaCLIP as a detector: maps of any picture's size, and what is said where something is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from logisight.schema import DetectorError, PictureError
from logisight.tools.detectors import load_detector
from logisight.tools.detectors.adaclip import AdaClip, AdaClipOptions
from logisight.tools.samples import read_sample, sample_of
from PIL import Image


def drawn(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


class TestReadiness:
    def test_importing_it_needs_no_torch(self):
        code = (
            "import sys; from logisight.tools.detectors.adaclip import AdaClip;"
            "print(AdaClip.kind, 'torch' in sys.modules)"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert run.stdout.split() == ["adaclip", "False"]

    def test_saying_what_is_missing_needs_no_torch(self):
        code = (
            "import sys; from logisight.tools.detectors.adaclip import AdaClip, AdaClipOptions;"
            "print(bool(AdaClip.missing(AdaClipOptions())), 'torch' in sys.modules)"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert run.stdout.split() == ["True", "False"]

    def test_missing_packages_are_named(self, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "open_clip" else name)
        missing = AdaClip.missing(AdaClipOptions(random_weights=True))
        assert missing == "needs open_clip; pip install 'logisight[vision]'"

    @pytest.fixture
    def packages(self, monkeypatch, tmp_path):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
        monkeypatch.setattr(Path, "home", lambda: tmp_path)
        return tmp_path

    def test_missing_clip_weights_say_what_to_get_and_where(self, packages):
        missing = AdaClip.missing(AdaClipOptions())
        assert f"no file {packages}/.cache/clip/ViT-L-14-336px.pt" in missing
        assert "890 MB, from https://openaipublic" in missing
        assert "clip_weights=FILE" in missing
        assert "\n" not in missing
        other = AdaClip.missing(AdaClipOptions(clip_weights=packages / "own.pt", backbone="ViT-B-16"))
        assert f"no file {packages}/own.pt; get ViT-B-16.pt, 335 MB" in other

    def test_missing_checkpoint_says_what_to_get_and_where(self, packages):
        (packages / ".cache" / "clip").mkdir(parents=True)
        (packages / ".cache" / "clip" / "ViT-L-14-336px.pt").touch()
        missing = AdaClip.missing(AdaClipOptions())
        assert missing.startswith(
            "AdaCLIP's checkpoint is missing: none was named; get pretrained_mvtec_colondb.pth"
        )
        assert "41 MB" in missing
        assert missing.endswith("name it by weights=FILE")
        named = AdaClip.missing(AdaClipOptions(weights=packages / "a.pth"))
        assert f"no file {packages}/a.pth" in named
        (packages / "a.pth").touch()
        assert AdaClip.missing(AdaClipOptions(weights=packages / "a.pth")) == ""

    def test_random_weights_are_had_only_by_name(self, packages):
        assert AdaClip.missing(AdaClipOptions(random_weights=True)) == ""
        assert "no file" in AdaClip.missing(AdaClipOptions(random_weights=True, weights=packages / "a.pth"))
        with pytest.raises(DetectorError, match="CLIP's weights are missing"):
            load_detector("adaclip")

    @pytest.mark.parametrize(
        ("option", "value"), [("fusion", "best"), ("sigma", -1), ("precision", "int8"), ("image_size", 3)]
    )
    def test_options_that_make_no_sense_are_refused(self, option, value):
        with pytest.raises(DetectorError, match=f"option {option}"):
            load_detector("adaclip", random_weights=True, **{option: value})


class TestLooking:
    @pytest.fixture(scope="class")
    @staticmethod
    def options(tmp_path_factory):
        torch = pytest.importorskip("torch", reason="needs logisight[vision]")
        pytest.importorskip("open_clip", reason="needs logisight[vision]")
        from tiny_adaclip import write_tiny_model

        before = torch.get_num_threads()
        torch.set_num_threads(1)
        model = write_tiny_model(tmp_path_factory.mktemp("model"))
        yield {
            "random_weights": True, "backbone": model, "image_size": 56, "depth": 3, "length": 2,
            "k_clusters": 3, "device": "cpu",
        }  # fmt: skip
        torch.set_num_threads(before)

    @pytest.fixture(scope="class")
    @staticmethod
    def detector(options):
        from tiny_adaclip import fill

        detector = load_detector("adaclip", **options)
        fill(detector.network)
        return detector

    def test_maps_have_the_size_of_their_pictures(self, detector):
        sizes = [(56, 56), (40, 90), (1, 1), (1, 3000), (300, 2), (200, 150)]
        samples = [sample_of(drawn(*size), str(size), "carpet") for size in sizes]
        found = list(detector.predict(samples))
        assert [one.scores.shape for one in found] == sizes
        for one in found:
            assert one.scores.dtype == np.float32
            assert 0 <= one.scores.min() <= one.scores.max() <= 1
            assert 0 <= one.score <= 1
            assert one.detector == "adaclip[tiny-for-adaclip]"
            assert one.notes == ()

    def test_a_batch_gives_the_bits_that_single_pictures_give(self, detector):
        samples = [sample_of(drawn(56, 56, n), str(n), ["carpet", "screw"][n % 2]) for n in range(5)]
        together = detector.look(samples)
        for sample, (scores, score) in zip(samples, together, strict=True):
            ((alone, alone_score),) = detector.look([sample])
            assert np.array_equal(scores, alone)
            assert score == alone_score

    def test_the_same_call_twice_gives_the_same_score(self, detector, options):
        from tiny_adaclip import fill

        sample = sample_of(drawn(56, 56), "a", "carpet")
        first, again = (detector.look([sample])[0] for _ in range(2))
        assert first[1] == again[1]
        other = load_detector("adaclip", **options)
        fill(other.network)
        assert other.look([sample])[0][1] == first[1]

    def test_the_name_of_the_product_matters(self, detector):
        maps = [detector.look([sample_of(drawn(56, 56), "a", what)])[0][0] for what in ("carpet", "screw")]
        assert np.abs(maps[0] - maps[1]).max() > 1e-4

    def test_pictures_are_prepared_as_torchvision_prepares_them(self):
        transforms = pytest.importorskip("torchvision.transforms", reason="needs logisight[vision]")
        pytest.importorskip("torch", reason="needs logisight[vision]")
        from logisight.tools.detectors.adaclip.detector import squared
        from logisight.tools.detectors.adaclip.network import prepared

        pixels = drawn(70, 33)
        bicubic = transforms.InterpolationMode.BICUBIC
        steps = [transforms.Resize((56, 56), bicubic), transforms.CenterCrop(56), transforms.ToTensor()]
        mean, deviation = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
        expected = transforms.Compose([*steps, transforms.Normalize(mean, deviation)])(
            Image.fromarray(pixels)
        )
        np.testing.assert_allclose(prepared([squared(pixels, 56)])[0], expected, rtol=0, atol=1e-6)

    def test_smoothing_is_a_gaussian_of_the_small_map(self, detector, options):
        from scipy.ndimage import gaussian_filter
        from tiny_adaclip import fill

        rough = load_detector("adaclip", **options, sigma=0)
        fill(rough.network)
        sample = sample_of(drawn(56, 56), "a", "carpet")
        sharp, smooth = (eye.look([sample])[0][0] for eye in (rough, detector))
        np.testing.assert_allclose(smooth, gaussian_filter(sharp, 4), atol=1e-6)

    def test_a_checkpoint_is_taken(self, detector, options, tmp_path):
        from logisight.tools.detectors.adaclip.checkpoint import save_checkpoint

        save_checkpoint(detector.network, tmp_path / "learned.pth")
        other = load_detector("adaclip", **options, weights=tmp_path / "learned.pth")
        for name, tensor in other.network.learned.items():
            assert (tensor == detector.network.learned[name]).all()

    def test_a_device_that_is_not_here_is_one_line(self, options):
        for device in ("cuda:77", "toaster"):
            with pytest.raises(DetectorError, match=f"device={device}: not here"):
                _ = load_detector("adaclip", **(options | {"device": device})).network

    def test_memory_that_does_not_suffice_makes_the_batch_smaller(self, options, monkeypatch):
        import torch

        detector = load_detector("adaclip", **options, batch=4)
        look = detector.look

        def scarce(samples):
            if len(samples) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return look(samples)

        monkeypatch.setattr(detector, "look", scarce)
        found = list(detector.predict(sample_of(drawn(20, 20, n)) for n in range(4)))
        assert len(found) == 4
        assert "looked at 1 at a time" in found[0].notes[0]

    def test_a_file_of_20000_by_20000_is_refused_before_it_is_decoded(self, tmp_path):
        Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
        with pytest.raises(PictureError, match="20000"):
            read_sample(tmp_path / "huge.png")

    def test_20000_pixels_in_memory_are_looked_at(self, detector):
        wide = sample_of(np.broadcast_to(drawn(4, 1), (4, 20_000, 3)), "wide", "carpet")
        tall = sample_of(np.broadcast_to(drawn(1, 4), (20_000, 4, 3)), "tall", "carpet")
        assert [one.scores.shape for one in detector.predict([wide, tall])] == [(4, 20_000), (20_000, 4)]
