"""Detectors in an inspection, end to end on rendered pictures: calibrated, kept, heard, shown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import logisight
from ink_detector import INK, Ink
from logisight import Inspector, Verdict, open_product
from logisight.agents.batch import Results, inspect_all, run_of
from logisight.agents.detecting import eyes, meeting
from logisight.agents.detecting.eyes import call_detector
from logisight.agents.report import write_report
from logisight.schema import DetectorError, ProductError
from logisight.tools.detectors import DetectorOptions, load_detector
from logisight.tools.pictures import file_sha256

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def box(demo_line, tmp_path):
    """A product of its own, with one reference picture and three rules."""
    return shutil.copytree(demo_line / "box", tmp_path / "pushpin_box")


@pytest.fixture
def ink(box, monkeypatch):
    """A calibrated detector that sees ink."""
    monkeypatch.setattr(eyes, "detector_of", lambda text, **options: Ink())
    detector = call_detector(open_product(box), "ink")
    detector.batches.clear()
    return detector


@pytest.fixture
def picture(demo_line, tmp_path):
    """Draws on the reference picture, which is normal."""
    original = cv2.imread(str(next((demo_line / "references").glob("*.png"))))

    def drawn(name, draw=lambda pixels: None):
        pixels = original.copy()
        draw(pixels)
        cv2.imwrite(str(tmp_path / name), pixels)
        return tmp_path / name

    return drawn


def stroke(pixels):
    """Ink along the left wall of the box."""
    cv2.line(pixels, (44, 100), (44, 240), INK, 3)


def spot(pixels):
    """Ink on the table beside the box."""
    cv2.circle(pixels, (10, 10), 5, INK, -1)


def add_references(product, pictures):
    """Give a product more reference pictures, without teaching it again."""
    path = product / "product.json"
    facts = json.loads(path.read_text())
    for picture in pictures:
        sha256 = file_sha256(picture)
        shutil.copy(picture, product / "references" / f"{sha256}.png")
        known = {"name": picture.name, "sha256": sha256, "suffix": ".png", "annotated": False}
        facts["references"].append(known)
    path.write_text(json.dumps(facts))


def noisy(folder, source, count):
    """Copies of a picture that differ by noise."""
    pixels, random = cv2.imread(str(source)), np.random.default_rng(0)
    for number in range(count):
        noise = random.integers(0, 3, pixels.shape, np.uint8)
        cv2.imwrite(str(folder / f"noisy-{number}.png"), cv2.add(pixels, noise))
        yield folder / f"noisy-{number}.png"


def test_an_anomaly_is_told_with_its_part_and_few_references_leave_it_undecided(box, ink, picture):
    with Inspector(box, detectors=[ink]) as inspector:
        marked, clean = inspector.inspect([picture("a.png", stroke), picture("b.png")])
    assert marked.status == "undecided"
    assert "the detector ink sees an anomaly on the box on the left" in marked.explanation
    assert "its word alone is not enough. Yet all 3 rules hold." in marked.explanation
    assert marked.findings[-1].parts[0].on == "box"
    assert set(marked.seconds) == {"read", "see", "check", "look", "meet"}
    assert Verdict.model_validate_json(marked.model_dump_json()) == marked
    assert clean.status == "normal"
    assert clean.explanation == "Normal: all 3 rules hold. The detector ink sees nothing unusual."


def test_with_enough_references_it_is_anomalous(box, ink, picture, monkeypatch):
    monkeypatch.setattr(meeting, "SUFFICIENT", 1)
    with Inspector(box, detectors=[ink]) as inspector:
        (verdict,) = inspector.inspect([picture("a.png", spot)])
    assert verdict.status == "anomalous" and verdict.score > 0.5
    assert "on no part, at the top left" in verdict.explanation


def test_what_explains_a_failed_rule_is_told_with_it(box, ink, picture):
    with Inspector(box, detectors=[ink]) as inspector:
        _, view = inspector.look(picture("clean.png"))
        pin = view.scene.parts("pushpin")[7]

        def recolour(pixels):
            x, y = pin.origin
            height, width = pin.mask.shape
            pixels[y : y + height, x : x + width][pin.mask] = INK

        (verdict,) = inspector.inspect([picture("a.png", recolour)])
    assert verdict.status == "anomalous"
    failed = {finding.rule for finding in verdict.findings if finding.ruled and not finding.passed}
    (seen,) = [finding for finding in verdict.findings if finding.detector]
    assert seen.status == "failed" and seen.explains and set(seen.explains) <= failed


def test_detectors_look_at_several_pictures_at_once_at_the_taught_size_with_the_product_in_words(
    box, ink, picture, tmp_path
):
    large = cv2.resize(cv2.imread(str(picture("small.png"))), None, fx=2, fy=2)
    cv2.imwrite(str(tmp_path / "large.png"), large)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    paths = [tmp_path / "large.png", broken, picture("b.png"), picture("c.png")]
    with Inspector(box, detectors=[ink]) as inspector:
        looks = list(inspector.look_at(paths))
    assert ink.batches == [
        [(str(paths[0]), "pushpin box")],
        [(str(paths[2]), "pushpin box"), (str(paths[3]), "pushpin box")],
    ]
    assert [bool(verdict.error) for verdict, _ in looks] == [False, True, False, False]
    width, height = looks[0][1].scene.size
    assert looks[0][1].sights[0].anomaly.scores.shape == (height, width)


def test_notes_of_a_detector_are_told(box, ink, picture, monkeypatch):
    def short_of_memory(samples):
        if len(samples) > 1:
            raise MemoryError
        return Ink.look(ink, samples)

    monkeypatch.setattr(ink, "look", short_of_memory)
    with Inspector(box, detectors=[ink]) as inspector:
        verdicts = inspector.inspect([picture("a.png"), picture("b.png")])
    assert all("not enough memory for 2 pictures" in verdict.notes[-1] for verdict in verdicts)


def test_a_detector_is_kept_with_the_product_until_what_it_rests_on_changes(box, tmp_path):
    add_references(box, noisy(tmp_path, next((box / "references").iterdir()), 3))
    seen = []

    def call(text, **options):
        seen.clear()
        detector = call_detector(open_product(box), text, on_step=seen.append, **options)
        return detector, len(seen)

    first, count = call("patch-distance:bank=200,size=128")
    assert count == 4 and first.calibration.normal == 2
    again, count = call("patch-distance:bank=200,size=128,batch=1")
    assert count == 0
    assert again.calibration == first.calibration and again.options.batch == 1
    assert np.array_equal(again.tensors()["bank"], first.tensors()["bank"])
    assert call("patch-distance:bank=200,size=128", fresh=True)[1] == 4
    assert call("patch-distance:bank=100,size=128")[1] == 4
    for path in (box / "detectors").glob("*/detector.safetensors"):
        path.write_bytes(b"torn")
    assert call("patch-distance:bank=200,size=128")[1] == 4
    assert call("patch-distance:bank=200,size=128")[1] == 0
    add_references(box, noisy(tmp_path, tmp_path / "noisy-0.png", 1))
    assert call("patch-distance:bank=200,size=128")[1] == 5


def test_other_weights_in_the_same_file_are_other_weights(box, tmp_path, monkeypatch):
    class Options(DetectorOptions):
        weights: Path

    weights, seen = tmp_path / "weights.npz", []
    monkeypatch.setattr(eyes, "detector_of", lambda text: Ink(Options(weights=weights)))
    for content, looked in ((b"one", 1), (b"one", 1), (b"two", 2)):
        weights.write_bytes(content)
        call_detector(open_product(box), "ink", on_step=seen.append)
        assert len(seen) == looked


def test_one_that_learns_needs_two_references(box):
    with pytest.raises(DetectorError, match="pushpin_box has only one; teach it with more"):
        call_detector(open_product(box), "patch-distance")
    assert not (box / "detectors").exists()


def test_a_reference_that_was_changed_is_not_learned_from(box):
    for path in (box / "references").iterdir():
        pixels = cv2.imread(str(path))
        cv2.imwrite(str(path), 255 - pixels)
    with pytest.raises(ProductError, match="not the picture that was taught"):
        call_detector(open_product(box), "always-normal")


def test_detectors_that_cannot_be_told_apart_or_are_not_calibrated_are_refused(box, ink):
    with pytest.raises(DetectorError, match="2 detectors are called ink"):
        Inspector(box, detectors=[ink, ink])
    with pytest.raises(DetectorError, match="always-normal is not calibrated"):
        Inspector(box, detectors=[load_detector("always-normal")])


def test_heat_maps_are_written_and_where_it_alarms_reported_with_its_name_as_text(
    box, ink, picture, tmp_path, monkeypatch
):
    monkeypatch.setattr(Ink, "called", HOSTILE)
    paths, out = [picture("a.png", stroke), picture("b.png")], tmp_path / "out"
    with Inspector(box, detectors=[ink]) as inspector:
        results = Results(out, run_of(inspector))
        list(inspect_all(inspector, paths, results))
        report = results.write_report("box", inspector.rules, paths).read_text()
        results.close()
    assert len(list((out / "heat").glob("*.png"))) == 2
    assert report.count('<details class="heat">') == 1
    assert HOSTILE not in report
    assert "Where the detector &lt;script&gt;alert(1)&lt;/script&gt; sees something" in report


def test_heat_maps_in_a_report_share_its_space(tmp_path):
    verdict = Verdict(sample="a.png", sha256="", status="normal", score=0.1, explanation="")
    _, png = cv2.imencode(".png", np.zeros((10, 2000, 3), np.uint8))
    path = tmp_path / "report.html"
    write_report(path, "box", [verdict], {"a.png": png.tobytes()}, [], {"a.png": {"ink": png.tobytes()}})
    assert 'width="800"' in path.read_text() and 'width="1200"' in path.read_text()
    write_report(path, "box", [verdict], {}, [], {"a.png": {"ink": tmp_path / "absent.png"}})
    assert "Heat map" not in path.read_text()


def test_a_batch_goes_on_with_the_same_detectors_and_not_with_others(box, ink, picture, tmp_path):
    paths, out = [picture(f"{number}.png") for number in range(3)], tmp_path / "out"

    def run(detectors, samples):
        with Inspector(box, detectors=detectors) as inspector:
            results = Results(out, run_of(inspector))
            verdicts = list(inspect_all(inspector, samples, results))
            results.close()
        return verdicts

    run([ink], paths[:2])
    assert sum(map(len, ink.batches)) == 2
    again = Ink(DetectorOptions(batch=8))
    again.calibration = ink.calibration
    assert len(run([again], paths)) == 3
    assert [name for batch in again.batches for name, _ in batch] == [str(paths[2])]
    with pytest.raises(ProductError, match="results of another"):
        run([], paths)
    again.calibration = ink.calibration.model_copy(update={"normal": 7})
    with pytest.raises(ProductError, match="results of another"):
        run([again], paths)


def test_the_command_line_calls_detectors_by_name(box, picture, tmp_path):
    out = tmp_path / "out"
    clean = picture("a.png")
    ended = logisight("inspect", box, clean, "--detector", "always-normal:batch=2", "--out", out, "--json")
    assert ended.returncode == 0, ended.stderr
    (verdict,) = map(json.loads, ended.stdout.splitlines())
    assert [finding["detector"] for finding in verdict["findings"]] == ["", "", "", "always-normal"]
    ended = logisight("inspect", box, clean, "--detector", "nobody")
    assert ended.returncode == 2
    assert ended.stderr.strip().startswith("error: no detector is called 'nobody'")
