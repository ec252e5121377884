"""The metrics, against definitions spelled out slowly, against scikit-learn, and against official numbers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from logisight.benchmarks import official as official_ways
from logisight.benchmarks import thresholds
from logisight.benchmarks.maps import Defect, MapScores, ScoredPicture, saturation_pixels
from logisight.benchmarks.metrics import LIMITS, TOLERANCE, au_spro, image_metrics, pixel_metrics, spro
from logisight.benchmarks.official import OfficialThresholds, legacy_shuffler, official_auroc
from logisight.schema import DatasetError
from skimage.measure import label
from sklearn.metrics import average_precision_score, roc_auc_score

GROUPS = ("good", "logical_anomalies", "structural_anomalies")


def a_test_set(seed: int, *, pictures: int = 9, size: tuple[int, int] = (24, 30), digits: int = 3):
    """A third of the pictures good; channels overlap, are one pixel, or saturate beyond their area."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(pictures):
        group = GROUPS[number * 3 // pictures]
        scores = random.normal(size=size)
        defects = []
        for place in range(0 if group == "good" else random.integers(1, 4)):
            mask = np.zeros(size, np.bool_)
            y, x = random.integers(0, size[0] - 1), random.integers(0, size[1] - 1)
            height, width = (1, 1) if place == 2 else random.integers(1, 15, 2)
            mask[y : y + height, x : x + width] = True
            scores[mask] += random.uniform(0, 3)
            relative = place == 1
            saturation = saturation_pixels(0.9 if relative else 50, int(mask.sum()), relative=relative)
            defects.append(Defect("ab"[place % 2], mask, saturation))
        made.append(ScoredPicture(np.round(scores, digits).astype(np.float32), defects, group))
    return made


def slow_au_spro(pictures, group: str, limit: float, name: str = "") -> float:
    """By the definition: each distinct score a threshold, each pixel looked at."""
    some = [one for one in pictures if one.group in ("good", group)]
    if name:
        some = [one for one in some if not one.defects or name in {defect.name for defect in one.defects}]
    highest_first = np.unique(np.concatenate([one.scores.ravel() for one in some]))[::-1]
    points = []
    for threshold in [*highest_first, -np.inf]:
        wrong, clean, overlaps = 0, 0, []
        for one in some:
            anywhere = np.any([defect.mask for defect in one.defects], axis=0) if one.defects else False
            clean += int(np.count_nonzero(~np.broadcast_to(anywhere, one.scores.shape)))
            wrong += int(np.count_nonzero((one.scores > threshold) & ~np.asarray(anywhere)))
            mine = [defect for defect in one.defects if name in ("", defect.name)]
            overlaps += [spro(one.scores, defect, threshold) for defect in mine]
        points.append((wrong / clean, np.mean(overlaps)))
    area = 0.0
    for before, after in pairwise(points):
        if before[0] < after[0] and before[0] < limit:
            end = min(after[0], limit)
            height = before[1] + (after[1] - before[1]) * (end - before[0]) / (after[0] - before[0])
            area += 0.5 * (before[1] + height) * (end - before[0])
    return area / limit


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("digits", [0, 3], ids=["tied", "distinct"])
def test_au_spro_is_that_of_the_definition(seed, digits):
    pictures = a_test_set(seed, pictures=6, size=(9, 11), digits=digits)
    result = au_spro(pictures)
    for group in GROUPS[1:]:
        for limit in LIMITS:
            assert result.groups[group][str(limit)] == pytest.approx(
                slow_au_spro(pictures, group, limit), abs=1e-12
            )
    for name, areas in result.defects.items():
        group, _, defect = name.partition("/")
        assert areas["0.3"] == pytest.approx(slow_au_spro(pictures, group, 0.3, defect), abs=1e-12)
    assert result.bound == 0


OFFICIAL = {
    "logical_anomalies": {
        "0.01": 0.47866962331293844,
        "0.05": 0.5796432295382007,
        "0.1": 0.6233172429817018,
        "0.3": 0.6996978677091019,
        "1.0": 0.8410949401401417,
    },
    "structural_anomalies": {
        "0.01": 0.1518704639495532,
        "0.05": 0.2658321545661256,
        "0.1": 0.34223306155588457,
        "0.3": 0.5326912831327838,
        "1.0": 0.8027971337963208,
    },
}
"""Group -> limit -> what version 2.0 of the official evaluation says of `a_test_set(7)`."""


@pytest.mark.parametrize("group", ["logical_anomalies", "structural_anomalies"])
def test_official_thresholds_give_the_official_numbers(group):
    pictures = a_test_set(7, pictures=12, size=(40, 60), digits=9)
    found = au_spro(pictures, official=OfficialThresholds(len(pictures)))
    assert found.groups[group] == pytest.approx(OFFICIAL[group], abs=1e-12)


def test_official_thresholds_may_be_chosen_from_maps_that_are_held():
    pictures = a_test_set(7)
    scores, official = MapScores(), OfficialThresholds(len(pictures))
    for picture in pictures:
        official.see(picture.scores)
        scores.add(picture)
    assert au_spro(scores, official=official) == au_spro(pictures, official=OfficialThresholds(len(pictures)))


def test_thresholds_are_not_chosen_from_maps_seen_twice():
    pictures = a_test_set(7)
    official = OfficialThresholds(len(pictures))
    au_spro(pictures, official=official)
    with pytest.raises(DatasetError, match="from 9 maps, and here is one more"):
        au_spro(pictures, official=official)


@pytest.mark.parametrize("scores", [np.ones((4, 5)), np.eye(5)], ids=["constant", "binary"])
def test_tied_scores_stop_the_official_way_and_not_ours(scores):
    mask = np.zeros(scores.shape, np.bool_)
    mask[0, :2] = True
    pictures = [ScoredPicture(scores), ScoredPicture(scores, [Defect("a", mask, 2)], "logical_anomalies")]
    with pytest.raises(DatasetError, match="official evaluation stops here"):
        au_spro(pictures, official=OfficialThresholds(2))
    assert 0 < au_spro(pictures).groups["logical_anomalies"]["0.05"] < 1


@pytest.mark.parametrize("pixels", [1, 2, 1000, 70_000])
def test_the_shuffler_is_numpys_global_one(pixels):
    ours, theirs = legacy_shuffler(3), np.random.RandomState(3)
    for _ in range(2):
        shuffled = np.arange(pixels)
        ours.shuffle(shuffled)
        np.testing.assert_array_equal(shuffled, theirs.permutation(pixels))


def test_of_large_maps_the_official_sample_is_taken(monkeypatch):
    monkeypatch.setattr(official_ways, "_SAMPLE", 900)
    pictures = a_test_set(8, digits=9)
    official = OfficialThresholds(len(pictures), seed=5)
    for picture in pictures:
        official.see(picture.scores)
    asked = []
    official.refined(lambda some: asked.append(some) or MapScores.of(pictures).spro(some)["all"])
    random = np.random.RandomState(5)
    sample = [random.choice(one.scores.ravel(), 100, replace=False) for one in pictures]
    places = np.linspace(0, 899, num=50, dtype=int)[1:-1]
    np.testing.assert_array_equal(asked[0][1:-1], np.sort(np.concatenate(sample))[places][::-1])


def test_maps_of_several_sizes_stop_the_official_way():
    official = OfficialThresholds(2)
    official.see(np.zeros((3, 4)))
    with pytest.raises(DatasetError, match="differ in size"):
        official.see(np.zeros((3, 5)))


def test_large_float32_scores_are_told_apart():
    pictures = a_test_set(2)
    steps = [ScoredPicture(np.round(one.scores * 64) / 64, one.defects, one.group) for one in pictures]
    large = [ScoredPicture((one.scores - 4096).astype(np.float32), one.defects, one.group) for one in steps]
    assert au_spro(large) == au_spro(steps)
    assert pixel_metrics(large) == pixel_metrics(steps)
    for group, areas in au_spro(large, official=OfficialThresholds(len(large))).groups.items():
        assert areas == pytest.approx(au_spro(large).groups[group], abs=1e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float16, np.float64])
def test_the_type_of_scores_changes_nothing(dtype):
    pictures = [
        ScoredPicture(np.round(one.scores * 16 + 100).astype(dtype), one.defects, one.group)
        for one in a_test_set(4)
    ]
    as_floats = [ScoredPicture(one.scores.astype(np.float32), one.defects, one.group) for one in pictures]
    assert au_spro(pictures) == au_spro(as_floats)
    assert pixel_metrics(pictures) == pixel_metrics(as_floats)


def test_a_hit_on_another_channel_is_no_false_positive():
    scores, masks = np.zeros((4, 6)), np.zeros((2, 4, 6), np.bool_)
    masks[0, :2, :3], masks[1, 1:3, 2:5] = True, True
    scores[masks[1]] = 1
    pictures = [
        ScoredPicture(scores * 0),
        ScoredPicture(scores, [Defect("a", masks[0], 6), Defect("b", masks[1], 3)], "logical_anomalies"),
    ]
    curve = MapScores.of(pictures).spro(np.array([0.5]))["logical_anomalies"]
    assert curve.fpr[0] == 0
    assert curve.overlap[0] == pytest.approx((1 / 6 + 1) / 2)


def test_a_defect_of_one_pixel_is_found_or_not():
    mask, scores = np.zeros((5, 5), np.bool_), np.zeros((5, 5))
    mask[2, 2] = True
    for score, area in ((1.0, 1.0), (-1.0, 0.0)):
        scores[2, 2] = score
        pictures = [
            ScoredPicture(np.zeros((5, 5))),
            ScoredPicture(scores.copy(), [Defect("a", mask, 1)], "structural_anomalies"),
        ]
        assert au_spro(pictures).groups["structural_anomalies"]["0.05"] == pytest.approx(area, abs=1e-12)


def test_maps_that_are_all_defect_have_no_false_positive_rate():
    everywhere = Defect("a", np.ones((3, 3), np.bool_), 9)
    with pytest.raises(DatasetError, match="no picture has a pixel without a defect"):
        au_spro([ScoredPicture(np.eye(3), [everywhere], "logical_anomalies")])


def test_a_picture_that_comes_later_is_counted():
    *first, last = a_test_set(6)
    scores = MapScores.of(first)
    before = au_spro(scores)
    scores.add(last)
    assert au_spro(scores) == au_spro([*first, last])
    assert au_spro(scores) != before


def test_curves_do_not_depend_on_what_was_asked_before():
    pictures = a_test_set(6)
    some, others = np.array([2.0, 0.5, -1.0]), np.array([3.0, 2.0, 0.25, -0.5])
    scores = MapScores.of(pictures)
    scores.pro(others)
    for name, curve in scores.spro(some).items():
        fresh = MapScores.of(pictures).spro(some)[name]
        np.testing.assert_array_equal(curve.fpr, fresh.fpr)
        np.testing.assert_array_equal(curve.overlap, fresh.overlap)


def test_constant_maps_score_half_the_limit():
    mask = np.eye(5, dtype=np.bool_)
    pictures = [
        ScoredPicture(np.zeros((5, 5))),
        ScoredPicture(np.zeros((5, 5)), [Defect("a", mask, 5)], "logical_anomalies"),
    ]
    areas = au_spro(pictures).groups["logical_anomalies"]
    assert areas == pytest.approx({str(limit): limit / 2 for limit in LIMITS})


def test_dense_thresholds_stay_within_their_bound(monkeypatch):
    pictures = a_test_set(3, pictures=9, size=(90, 120), digits=9)
    exact = au_spro(pictures)
    monkeypatch.setattr(thresholds, "MAX_DISTINCT", 0)
    found = au_spro(pictures)
    assert 0 < found.bound <= TOLERANCE
    assert found.thresholds < exact.thresholds
    for name, areas in exact.groups.items():
        assert found.groups[name] == pytest.approx(areas, abs=found.bound)


def test_scores_that_go_to_a_file_are_counted_the_same(monkeypatch):
    pictures = a_test_set(5)
    in_file = MapScores(memory_bytes=0)
    for picture in pictures:
        in_file.add(picture)
    assert au_spro(in_file) == au_spro(pictures)


@pytest.mark.parametrize("digits", [0, 3], ids=["tied", "distinct"])
def test_pixel_metrics_are_those_of_scikit_learn(digits):
    pictures = a_test_set(1, digits=digits)
    found = pixel_metrics(pictures)
    for name, metrics in found.items():
        some = [one for one in pictures if name in ("all", one.group) or one.group == "good"]
        scores = np.concatenate([one.scores.ravel() for one in some])
        truth = np.concatenate([anywhere(one).ravel() for one in some])
        assert metrics.auroc == pytest.approx(roc_auc_score(truth, scores))
        assert metrics.ap == pytest.approx(average_precision_score(truth, scores))
        f1 = [
            2 * (truth & (scores >= t)).sum() / (truth.sum() + (scores >= t).sum()) for t in np.unique(scores)
        ]
        assert metrics.f1_max == pytest.approx(max(f1))
        blobs = [as_defects(one) for one in some]
        assert metrics.aupro == pytest.approx(slow_au_spro(blobs, "logical_anomalies", 0.3), abs=1e-12)


def anywhere(picture: ScoredPicture) -> np.ndarray:
    shape = picture.scores.shape
    return np.any([np.zeros(shape, np.bool_), *(defect.mask for defect in picture.defects)], axis=0)


def as_defects(picture: ScoredPicture) -> ScoredPicture:
    """The connected regions of a picture as the channels of a logical anomaly."""
    numbers = label(anywhere(picture), connectivity=2)
    blobs = [Defect("", numbers == n, int((numbers == n).sum())) for n in range(1, numbers.max() + 1)]
    return ScoredPicture(picture.scores, blobs, "logical_anomalies" if blobs else "good")


def test_image_metrics_count_ties_by_half_and_the_official_way_does_not():
    good, bad = [0] * 138, [1] * 91
    assert image_metrics(good, bad).auroc == 1
    assert official_auroc(good, bad) == pytest.approx(0.99455, abs=1e-5)
    assert official_auroc([5] * 10, [5] * 10) == pytest.approx(0.55)
    assert image_metrics([5] * 10, [5] * 10).auroc == 0.5
    verdicts = image_metrics([1] * 5 + [0] * 95, [1] * 90 + [0] * 10)
    assert verdicts.auroc == pytest.approx(0.925)
    assert verdicts.f1_max == pytest.approx(2 * 90 / (100 + 95))


def test_official_auroc_is_the_area_where_no_score_stands_twice():
    random = np.random.default_rng(0)
    good, bad = random.normal(size=40), random.normal(1, 1, size=30)
    assert official_auroc(good, bad) == pytest.approx(image_metrics(good, bad).auroc)


@pytest.mark.parametrize(
    ("threshold", "area", "relative", "pixels"),
    [
        (0.5, 7, True, 3),
        (0.29, 100, True, 28),
        (1.0, 9, True, 9),
        (0.1, 3, True, 1),
        (50, 7, False, 7),
        (5, 7, False, 5),
    ],
)
def test_saturation_in_pixels(threshold, area, relative, pixels):
    assert saturation_pixels(threshold, area, relative=relative) == pixels


MASK = np.eye(3, dtype=np.bool_)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (ScoredPicture(np.zeros(3)), "two dimensions"),
        (ScoredPicture(np.full((2, 2), np.nan)), "not finite"),
        (
            ScoredPicture(np.zeros((2, 3)), [Defect("a", MASK, 1)], "logical_anomalies"),
            "is 3x2, its ground truth 3x3",
        ),
        (
            ScoredPicture(np.zeros((3, 3)), [Defect("a", MASK & False, 1)], "logical_anomalies"),
            "of a is empty",
        ),
        (
            ScoredPicture(np.zeros((3, 3)), [Defect("a", MASK, 0)], "logical_anomalies"),
            "a of 3 pixels cannot be saturated by 0",
        ),
        (
            ScoredPicture(np.zeros((3, 3)), [Defect("a", MASK, 4)], "logical_anomalies"),
            "a of 3 pixels cannot be saturated by 4",
        ),
        (ScoredPicture(np.zeros((3, 3)), [Defect("a", MASK, 1)]), "good has 1 defects"),
        (ScoredPicture(np.zeros((3, 3)), [], "logical_anomalies"), "has 0 defects"),
    ],
    ids=["vector", "nan", "size", "empty", "unsaturated", "beyond", "good with", "bad without"],
)
def test_pictures_that_cannot_be_scored_are_refused(picture, message):
    with pytest.raises(DatasetError, match=message):
        au_spro([ScoredPicture(np.zeros((3, 3))), picture])


def test_nothing_to_localize_is_said():
    with pytest.raises(DatasetError, match="nothing to localize"):
        au_spro([ScoredPicture(np.zeros((3, 3)))])
