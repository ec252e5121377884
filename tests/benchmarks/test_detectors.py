"""Scoring detectors: the numbers, what is kept, what breaks, and what a person is shown."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from command_line import logisight
from detector_tree import Brightness, save, surface, write_board, write_mvtec, write_named, write_tile
from logisight.benchmarks.detectors import bench, bench_detectors, ready_detectors, write_detector_report
from logisight.benchmarks.detectors.category import roles_in
from logisight.benchmarks.detectors.layouts import find_products, read_product
from logisight.benchmarks.detectors.report import FIGURES, kind_tables, overview
from logisight.benchmarks.detectors.tiles import Tiles
from logisight.benchmarks.detectors.trial import Trial
from logisight.schema import DatasetError, DetectorError
from logisight.tools.detectors import AnomalyMap, DetectorOptions
from PIL import Image
from skimage.measure import label
from sklearn.metrics import average_precision_score, roc_auc_score


def scored(folder, detector=None, seed=0, crop=0.0):
    (found,) = find_products(folder)
    category = read_product(found)
    detector = detector or Brightness(DetectorOptions(batch=2))
    roles = roles_in(category, seed, learns=detector.learns)
    return Trial(detector, "eye", category, roles, Tiles([]), crop).run()


def grey(folder, *places):
    return [np.asarray(Image.open(folder / place)).mean(axis=2) for place in places]


@pytest.fixture
def nut(tmp_path):
    return write_mvtec(tmp_path / "data/nut")


@pytest.fixture
def cut(nut):
    """Maps that `Brightness` makes of the pictures of a cut, of the good ones, and the masks."""
    numbers = [f"{number:03d}" for number in range(3)]
    maps = grey(nut, *(f"test/cut/{one}.png" for one in numbers))
    good = grey(nut, *(f"test/good/{one}.png" for one in numbers))
    masks = [np.asarray(Image.open(nut / f"ground_truth/cut/{one}_mask.png")) > 0 for one in numbers]
    return maps, good, masks


def by_kind(score):
    return {one.kind: one for one in score.classes}


def test_pixel_auroc_is_the_mean_of_that_of_each_picture(nut, cut):
    maps, _, masks = cut
    each = [roc_auc_score(mask.ravel(), one.ravel()) for one, mask in zip(maps, masks, strict=True)]
    score = scored(nut)
    assert by_kind(score)["cut"].pixel_auroc == pytest.approx(np.mean(each))
    assert [one.pixel_auroc for one in score.pictures if one.kind == "cut"] == pytest.approx(each)
    assert score.mean(lambda one: one.pixel_auroc) == pytest.approx(
        np.mean([one.pixel_auroc for one in score.classes])
    )


def test_pooled_figures_are_of_all_pixels_of_a_kind_and_of_the_good_pictures(nut, cut):
    maps, good, masks = cut
    scores = np.concatenate([one.ravel() for one in (*maps, *good)])
    truth = np.concatenate([one.ravel() for one in (*masks, *(np.zeros_like(masks[0]) for _ in good))])
    pooled = by_kind(scored(nut))["cut"].pooled
    assert pooled.auroc == pytest.approx(roc_auc_score(truth, scores), abs=1e-4)
    assert pooled.ap == pytest.approx(average_precision_score(truth, scores), abs=1e-4)


def test_aupro_is_the_area_below_the_overlap_of_regions(nut, cut):
    maps, good, masks = cut
    regions = [
        (one, labels == number)
        for one, mask in zip(maps, masks, strict=True)
        for labels in [label(mask, connectivity=2)]
        for number in range(1, labels.max() + 1)
    ]
    outside = np.concatenate(
        [*(one[~mask] for one, mask in zip(maps, masks, strict=True)), *(one.ravel() for one in good)]
    )
    thresholds = np.unique(np.concatenate([one.ravel() for one in (*maps, *good)]))[::-1]
    rates = [(outside >= threshold).mean() for threshold in thresholds]
    overlaps = [
        np.mean([(one[part] >= threshold).mean() for one, part in regions]) for threshold in thresholds
    ]
    grid = np.linspace(0, 0.3, 30_001)
    area = np.trapezoid(np.interp(grid, [0, *rates], [0, *overlaps]), grid) / 0.3
    assert by_kind(scored(nut))["cut"].pooled.aupro == pytest.approx(area, abs=1e-3)


def test_image_auroc_hits_and_false_alarms_are_of_the_score_of_the_picture(nut, cut):
    maps, good, _ = cut
    anomalous, normal = [one.max() for one in maps], [one.max() for one in good]
    score = scored(nut)
    threshold = score.calibration.picture.threshold
    assert score.calibration.normal == 9
    kind = by_kind(score)["cut"]
    assert kind.image_auroc == roc_auc_score([1] * 3 + [0] * 3, anomalous + normal)
    assert kind.hits == np.mean(np.array(anomalous) > threshold)
    assert kind.hits > 0
    assert score.false_alarms == np.mean(np.array(normal) > threshold)
    assert score.good == 3


def test_pixels_outside_of_the_crop_are_not_scored(nut, cut):
    maps, _, masks = cut
    inner = slice(4, 20), slice(5, 27)  # 0.15 of 24 rows, and of 32 columns
    save(nut / "ground_truth/cut/002_mask.png", 255 * (np.arange(24) < 3)[:, None] * np.ones((24, 32)))
    score = scored(nut, crop=0.15)
    each = [roc_auc_score(masks[place][inner].ravel(), maps[place][inner].ravel()) for place in (0, 1)]
    assert by_kind(score)["cut"].pixel_auroc == pytest.approx(np.mean(each))
    assert [one.pixel_auroc for one in score.pictures if one.kind == "cut"] == [
        *map(pytest.approx, each),
        None,
    ]
    assert by_kind(score)["cut"].pictures == 3, "the picture itself is still scored"


class OwnScore(Brightness):
    """Scores pictures by their mean, unlike its maps."""

    def look(self, samples):
        return [(scores, float(scores.mean())) for scores, _ in super().look(samples)]


def test_the_score_of_a_picture_is_what_the_detector_says_not_the_peak_of_its_map(nut, cut):
    maps, good, _ = cut
    score = scored(nut, OwnScore(DetectorOptions()))
    expected = roc_auc_score([1] * 3 + [0] * 3, [one.mean() for one in (*maps, *good)])
    assert by_kind(score)["cut"].image_auroc == expected


class Taught(Brightness):
    """Remembers what it was taught, and looks for what is brighter."""

    learns = True

    def fit(self, samples):
        self.taught = [sample.name for sample in samples]
        self.history = [*getattr(self, "history", []), self.taught]


def test_a_detector_that_learns_never_learns_from_what_it_is_tested_or_calibrated_on(tmp_path):
    detector = Taught(DetectorOptions())
    score = scored(write_tile(tmp_path / "tile", good=24), detector)
    assert (score.learned, score.calibration.normal, score.good, score.pairs) == (6, 6, 12, False)
    tested = {str(tmp_path / "tile" / f"{one.name}.jpg") for one in score.pictures}
    assert tested.isdisjoint(detector.taught)
    assert len(detector.taught) == 6


def test_a_detector_that_learns_gets_the_reference_of_each_board(tmp_path):
    detector = Taught(DetectorOptions())
    score = scored(write_board(tmp_path / "board"), detector)
    assert detector.history == [[str(tmp_path / f"board/00{number}_temp.jpg")] for number in range(4)]
    assert (score.learned, score.pairs, score.good) == (1, True, 0)
    assert (score.classes[0].image_auroc, score.classes[0].hits, score.false_alarms) == (None, None, None)
    assert score.classes[0].pixel_auroc > 0.9


def test_with_few_normal_pictures_there_is_no_threshold(tmp_path):
    score = scored(write_named(tmp_path / "cookie"))
    assert (score.calibration, score.false_alarms, score.classes[0].hits) == (None, None, None)
    assert score.classes[0].image_auroc is not None


class Touchy(Brightness):
    """Cannot look at pictures with a white pixel."""

    def look(self, samples):
        found = super().look(samples)
        if any(score == 255 for _, score in found):
            raise DetectorError("touchy: too bright")
        return found


def test_a_picture_that_a_detector_cannot_look_at_spoils_no_other(nut):
    bright = surface(200)
    bright[5, 5] = 255
    save(nut / "test/cut/001.png", bright)
    score = scored(nut, Touchy(DetectorOptions(batch=8)))
    assert score.problems == ["test/cut/001: touchy: too bright"]
    assert by_kind(score)["cut"].pictures == 2


class Noted(Brightness):
    """Has something to say of each map."""

    def predict(self, samples):
        for one in super().predict(samples):
            yield AnomalyMap(one.scores, one.score, one.detector, ("took half a batch",))


def test_what_a_detector_notes_is_told_once(nut):
    assert scored(nut, Noted(DetectorOptions())).notes == ["took half a batch"]


def torn(path):
    path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize(
    ("file", "learns"),
    [
        ("test/cut/001.png", False),
        ("test/good/001.png", False),
        ("ground_truth/cut/001_mask.png", False),
        ("train/good/001.png", False),
        ("train/good/001.png", True),
    ],
)
def test_a_file_that_cannot_be_read_is_told_and_the_rest_is_scored(nut, file, learns):
    torn(nut / file)
    detector = (Taught if learns else Brightness)(DetectorOptions())
    score = scored(nut, detector)
    (line,) = score.problems
    assert file in line
    tested = not file.startswith("train")
    assert len(score.pictures) == 8 - tested


def test_without_any_picture_of_a_defect_there_is_no_score(nut):
    for path in (nut / "ground_truth").rglob("*.png"):
        torn(path)
    with pytest.raises(DatasetError, match="no picture of a defect can be used"):
        scored(nut)


# The whole run.


@pytest.fixture
def places(nut, tmp_path):
    write_tile(tmp_path / "data/tile")
    return tmp_path / "data", tmp_path / "out"


def run(places, *detectors, **options):
    return bench_detectors(*places, detectors or ["always-normal", "patch-distance"], **options)


@pytest.fixture
def looks(monkeypatch):
    """Names of the categories that were really looked at."""
    done = []
    original = Trial.run

    def told(self, inputs=""):
        done.append((self._category.name, self._label))
        return original(self, inputs)

    monkeypatch.setattr(Trial, "run", told)
    return done


def test_each_detector_is_scored_on_each_category(places):
    found = run(places)
    assert found.whole
    assert found.categories == ["nut", "tile"]
    pairs = [(one.category, one.detector) for one in found.scores]
    assert pairs == [(c, d) for c in ("nut", "tile") for d in ("always-normal", "patch-distance")]
    nothing = found.of("tile")[0]
    assert [one.pixel_auroc for one in nothing.classes] == [0.5, 0.5]
    assert [one.image_auroc for one in nothing.classes] == [0.5, 0.5]
    assert (places[1] / "patch-distance/nut/score.json").is_file()


def test_what_is_done_is_kept_until_a_file_changes(places, looks):
    first = run(places)
    assert len(looks) == 4
    assert run(places) == first
    assert len(looks) == 4
    data, _ = places
    shutil.copy(data / "nut/test/cut/000.png", data / "nut/test/cut/001.png")
    run(places)
    assert looks[4:] == [("nut", "always-normal"), ("nut", "patch-distance")]


@pytest.mark.parametrize("again", [{"seed": 1}, {"fresh": True}, {"crop": 0.1}])
def test_what_is_kept_is_not_taken_for_another_run(places, looks, again):
    run(places, "always-normal")
    run(places, "always-normal", **again)
    assert looks == 2 * [("nut", "always-normal"), ("tile", "always-normal")]


def test_other_options_are_another_score(places, looks):
    run(places, "patch-distance", categories=["nut"])
    both = run(places, "patch-distance", "patch-distance:bank=50,batch=2", categories=["nut"])
    assert [one.detector for one in both.scores] == ["patch-distance", "patch-distance,bank=50"]
    assert both.detectors["patch-distance,bank=50"] == "patch-distance:bank=50,batch=2"
    assert len(looks) == 2


def test_a_run_that_was_cut_off_goes_on_where_it_was(places, looks, monkeypatch):
    reads = iter(range(10_000))

    def stop():
        if next(reads) > 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(places, on_picture=stop)
    begun = list(looks)
    assert begun[-1] not in begun[:-1]
    looks.clear()
    assert len(run(places).scores) == 4
    assert looks[0] == begun[-1]
    assert len(begun) + len(looks) == 5


@pytest.mark.parametrize("file", ["score.json", "tiles.npz"])
def test_a_damaged_result_is_made_again(places, looks, file):
    first = run(places, "always-normal", categories=["nut"])
    (places[1] / "always-normal/nut" / file).write_bytes(b"{")
    second = run(places, "always-normal", categories=["nut"])
    assert len(looks) == 2
    assert overview(first)[0].cells == overview(second)[0].cells


def test_a_category_that_cannot_be_scored_is_told_and_the_others_are(places):
    shutil.rmtree(places[0] / "nut/ground_truth")
    found = run(places, "always-normal")
    assert not found.whole
    assert found.skipped[0].startswith("nut: ")
    assert [one.category for one in found.scores] == ["tile"]


def test_nothing_is_looked_at_when_a_detector_is_unknown(places, looks):
    with pytest.raises(DetectorError, match="no detector is called 'crystal-ball'"):
        run(places, "always-normal", "crystal-ball")
    assert not looks


def test_by_default_all_that_are_ready_are_scored(monkeypatch):
    class Waiting(Brightness):
        @classmethod
        def missing(cls, options):
            return "its weights are missing; point to them"

    class Demanding(Brightness):
        class Options(DetectorOptions):
            weights: str

    kinds = {"ready": Brightness, "waiting": Waiting, "demanding": Demanding}
    monkeypatch.setattr(bench, "detector_kinds", lambda: kinds)
    assert ready_detectors() == ["ready"]


def test_the_tables_have_every_figure_and_the_mean_of_kinds(places):
    found = run(places, "patch-distance")
    rows = overview(found)
    assert [(row.category, len(row.cells)) for row in rows] == [("nut", 7), ("tile", 7)]
    table = next(one for one in kind_tables(found) if one.category == "nut")
    assert (table.figure, table.kinds) == ("pixel AUROC", ["cut", "hole"])
    ((_, (cut, hole, mean)),) = table.rows
    assert mean == rows[0].cells[list(FIGURES).index("pixel AUROC")] == pytest.approx((cut + hole) / 2)


def test_the_report_stands_by_itself(places):
    data, out = places
    torn(data / "nut/test/cut/001.png")
    page = write_detector_report(out, run(places)).read_text(encoding="utf-8")
    assert "http://" not in page
    assert "https://" not in page
    for text in ("patch-distance", "Crack", "hole", "cut/001.png", "seconds a picture"):
        assert text in page
    assert page.count("data:image/jpeg;base64,") > 4


def test_the_command_line_answers_in_json_and_with_1_where_something_was_left_out(places):
    data, out = places
    command = ("bench", "detectors", "--data", data, "--out", out, "--detector", "always-normal", "--json")
    whole = logisight(*command)
    assert whole.returncode == 0, whole.stderr
    assert json.loads(whole.stdout)["scores"][0]["classes"][0]["pixel_auroc"] == 0.5
    torn(data / "nut/test/good/001.png")
    assert logisight(*command).returncode == 1


def test_the_command_line_shows_tables_and_what_was_left_out(places):
    data, out = places
    torn(data / "nut/test/good/001.png")
    shown = logisight("bench", "detectors", "--data", data, "--out", out, "--detector", "patch-distance")
    assert "pixel AUROC" in shown.stdout
    assert "tile: image AUROC, percent" in shown.stdout
    assert "test/good/001.png" in shown.stdout
    assert (out / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--detector", "patch-distance:bank"], "write OPTION=VALUE"),
        (["--detector", "patch-distance:sense=7"], "has no option 'sense'"),
        (["--category", "bolt"], "no category bolt; there are nut, tile"),
    ],
)
def test_what_makes_no_sense_is_one_line(places, arguments, told):
    data, out = places
    ended = logisight("bench", "detectors", "--data", data, "--out", out, *arguments)
    assert ended.returncode not in (0, 1)
    assert told in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
