"""The synthetic line: what it draws is what it says, and the same seed writes the same bytes."""

from __future__ import annotations

import json
from collections import Counter

import cv2
import numpy as np
import pytest
from logisight.agents.draft import Draft, Request
from logisight.agents.learning import learn_ranges, written
from logisight.agents.offline import compile_sentence
from logisight.agents.proof import Reference, prove, run_check
from logisight.agents.workshop import read_sentences
from logisight.benchmarks.loco import read_category
from logisight.benchmarks.synthetic import PRODUCTS, Counts, Level, render, speed, synthesize
from logisight.benchmarks.synthetic.blemishes import dent, foreign_object, missing_chunk, scratch, stain
from logisight.benchmarks.synthetic.camera import Camera
from logisight.benchmarks.synthetic.kinds import KINDS, Mix, apportioned
from logisight.benchmarks.synthetic.levels import Disturbance, conditions_of
from logisight.benchmarks.synthetic.light import rgb
from logisight.benchmarks.synthetic.planes import seen_plane
from logisight.benchmarks.synthetic.stage import Stage
from logisight.sandbox import ProcessJail
from logisight.schema import DatasetError
from logisight.tools.annotations import read_annotations

FEW = Counts(train=1, validation=1, good=1, logical=2, structural=1)
SMALL = (320, 200)


def logical(category):
    return [mix.names for mix in KINDS[category].logical]


def structural(category):
    return [mix.names for mix in KINDS[category].structural]


LOGICAL = [(category, names) for category in PRODUCTS for names in logical(category)]
EVERY = LOGICAL + [(category, names) for category in PRODUCTS for names in structural(category)]


def drawn(category, names=(), seed=0, **given):
    """A small picture, so that the tests are quick."""
    size = SMALL if PRODUCTS[category].size[0] > PRODUCTS[category].size[1] else SMALL[::-1]
    return render(category, names, seed, size=size, **given)


def numbers(rendered):
    return Counter(part.label for part in rendered.parts)


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    out = tmp_path_factory.mktemp("line") / "out"
    return out, synthesize(out, counts=FEW, seed=3, workers=1)


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("category", "names"), EVERY)
def test_every_defect_is_drawn_and_marked(category, names):
    rendered = drawn(category, names, seed=5)
    assert {channel.defect for channel in rendered.channels} == set(names)
    for channel in rendered.channels:
        assert channel.mask.shape == rendered.picture.shape[:2]
        assert channel.mask.dtype == np.bool_
        assert 0 < channel.mask.mean() < 0.75
    assert {reason.defect for reason in rendered.reasons} <= set(names)


@pytest.mark.parametrize(("category", "names"), LOGICAL)
def test_quantity_reasons_tell_how_many_parts_are_seen(category, names):
    rendered = drawn(category, names, seed=11)
    assert rendered.reasons
    for reason in rendered.reasons:
        if reason.type == "quantity" and not reason.where:
            assert numbers(rendered)[reason.object] == reason.actual


@pytest.mark.parametrize("category", PRODUCTS)
def test_a_good_picture_has_neither_channels_nor_reasons(category):
    rendered = drawn(category)
    assert rendered.channels == ()
    assert rendered.reasons == ()
    assert set(numbers(rendered)) <= set(PRODUCTS[category].labels)
    assert rendered.picture.std() > 10


@pytest.mark.parametrize("category", PRODUCTS)
def test_same_arguments_draw_the_same_picture_and_another_seed_another(category):
    one, two, other = drawn(category, seed=1), drawn(category, seed=1), drawn(category, seed=2)
    assert np.array_equal(one.picture, two.picture)
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(one.parts, two.parts, strict=True))
    assert not np.array_equal(one.picture, other.picture)


@pytest.mark.parametrize("disturbance", Disturbance)
def test_a_disturbance_changes_the_picture_and_not_what_is_in_it(disturbance):
    plain = drawn("screw_bag", conditions=conditions_of(Level.line))
    disturbed = drawn("screw_bag", conditions=conditions_of(Level.line, [disturbance]))
    assert np.abs(plain.picture.astype(int) - disturbed.picture).mean() > 0.5
    assert numbers(plain) == numbers(disturbed)


@pytest.mark.parametrize(("category", "label"), [("pushpins", "box"), ("breakfast_box", "box")])
@pytest.mark.parametrize("seed", range(4))
def test_the_whole_product_is_seen_however_the_camera_is_turned(category, label, seed):
    given = conditions_of(Level.hard, [Disturbance.viewpoint])
    scene = drawn(category, seed=seed, conditions=given).scene()
    x0, y0, x1, y1 = scene.part(label).box
    assert x0 > 0
    assert y0 > 0
    assert x1 < scene.size[0]
    assert y1 < scene.size[1]


@pytest.mark.parametrize("scale", [0.4, 1.0, 1.3])
def test_a_plane_is_seen_where_the_camera_sees_it(scale):
    camera = Camera((90, 60), (40.0, 33.0), scale, angle=0.1, tilt=(0.001, -0.0005))
    seen = seen_plane(camera, lambda u, v, _: (u, v), (150.0, 120.0))
    x, y = np.meshgrid(np.arange(90) + 0.5, np.arange(60) + 0.5)
    for field, true in zip(seen, camera.to_product(x, y), strict=True):
        assert np.abs(field - true).max() < 0.1 / scale


BLEMISHES = {
    "scratch": lambda stage, rng: scratch(stage, (-60.0, -20.0), (50.0, 30.0), -80.0, rng),
    "stain": lambda stage, rng: stain(stage, (10.0, 0.0), 50.0, rgb(90, 50, 20), rng),
    "dent": lambda stage, rng: dent(stage, (10.0, 0.0), 40.0, 0.4, rng),
    "foreign object": lambda stage, rng: foreign_object(stage, (10.0, 0.0), 40.0, rng),
    "missing chunk": lambda stage, rng: missing_chunk(stage, (10.0, 0.0), 40.0, rgb(8, 12, 26)),
}


@pytest.mark.parametrize("name", BLEMISHES)
@pytest.mark.parametrize("seed", range(3))
def test_a_blemish_changes_the_pixels_that_it_marks_and_little_else(name, seed):
    camera = Camera((240, 180), (120.0, 90.0), 1.0)
    rng = np.random.default_rng(seed)
    stage = Stage(camera, conditions_of(Level.line), np.random.default_rng(seed))
    stage.picture += 180
    mask = BLEMISHES[name](stage, rng)
    changed = np.abs(stage.picture - 180).max(axis=2)
    assert mask.any()
    assert changed[mask].mean() > 4
    # Shadows lie beside what throws them.
    assert changed[~cv2.dilate(mask.view(np.uint8), np.ones((13, 13))).view(bool)].mean() < 0.5


def test_a_thing_loses_what_is_broken_off_it():
    stage = Stage(Camera((60, 40), (30.0, 20.0), 1.0), conditions_of(Level.line), np.random.default_rng(0))
    number = stage.claim(10, 10, np.ones((20, 30), np.bool_), "box", keeps=True)
    gone = stage.placed(10, 10, np.ones((5, 30), np.bool_))
    stage.lose(number, gone)
    (box,) = stage.parts()
    assert (box.origin, box.mask.shape) == ((10, 15), (15, 30))


def test_a_harder_level_has_more_noise():
    def noise(level):
        picture = drawn("juice_bottle", conditions=conditions_of(level)).picture.astype(np.float32)
        return float(np.abs(picture - cv2.medianBlur(picture, 3))[:20].mean())

    assert noise(Level.easy) < noise(Level.line) < noise(Level.hard)


def test_unknown_defects_and_sizes_without_room_are_refused():
    with pytest.raises(ValueError, match="no defect melted"):
        render("pushpins", ["melted"])
    with pytest.raises(ValueError, match="at least 160"):
        render("pushpins", size=(800, 50))


@pytest.mark.parametrize(
    ("shares", "count", "expected"),
    [
        ((8, 2), 0, [0, 0]),
        ((8, 2), 1, [1, 0]),
        ((8, 2), 5, [4, 1]),
        ((98, 1, 1), 3, [1, 1, 1]),
        ((98, 1, 1), 4, [2, 1, 1]),
        ((3, 3, 3), 4, [2, 1, 1]),
    ],
)
def test_kinds_are_shared_out_in_proportion(shares, count, expected):
    mixes = [Mix((str(k),), share) for k, share in enumerate(shares)]
    found = Counter(mix.names[0] for mix in apportioned(mixes, count))
    assert [found[str(k)] for k in range(len(shares))] == expected


@pytest.mark.parametrize(
    ("category", "count", "pictures"),
    [
        ("breakfast_box", 17 + 5, 83 + 90),
        ("juice_bottle", 11 + 7, 142 + 94),
        ("pushpins", 4 + 4, 91 + 81),
        ("screw_bag", 16 + 4, 137 + 82),
        ("splicing_connectors", 13 + 8, 108 + 85),
    ],
)
def test_the_table_of_kinds_is_that_of_the_data_set(category, count, pictures):
    kinds = KINDS[category]
    assert len({defect.value for defect in kinds.defects}) == len(kinds.defects) == count
    assert sum(mix.share for mix in kinds.logical + kinds.structural) == pictures
    shown = {name for mix in kinds.logical + kinds.structural for name in mix.names}
    assert shown == {defect.name for defect in kinds.defects}


def test_a_line_is_read_without_problems(line):
    out, summary = line
    assert summary.complete
    for category in PRODUCTS:
        found = read_category(out / category)
        assert found.problems == []
        assert len(found.pictures) == FEW.total
        for picture in found.pictures:
            assert bool(found.defects(picture)) == (picture.group != "good")


def test_thresholds_keep_their_share_of_the_picture(line):
    out, _ = line
    entries = {
        entry["defect_name"]: entry
        for entry in json.loads((out / "pushpins" / "defects_config.json").read_text())
    }
    share = entries["missing_pushpin"]["saturation_threshold"] / (800 * 500)
    assert share == pytest.approx(6300 / (1700 * 1000), rel=1e-3)
    assert entries["missing_separator"]["relative_saturation"] is True


def test_annotations_are_the_true_parts(line):
    out, _ = line
    for category, product in PRODUCTS.items():
        pictures = sorted((out / category / "train" / "good").iterdir())
        annotations = read_annotations(out / category / "annotations" / "train", pictures)
        assert annotations.notes == ()
        (annotation,) = annotations.values()
        seed = np.random.SeedSequence((3, *category.encode(), 0, 0, 0))
        expected = render(category, (), seed, variant=0, size=product.size).parts
        for part, true in zip(annotation.parts, expected, strict=True):
            assert (part.label, part.origin) == (true.label, true.origin)
            assert np.array_equal(part.mask, true.mask)


def test_channels_on_disk_are_named_and_have_their_reasons_beside_them(line):
    out, summary = line
    for category in PRODUCTS:
        found = read_category(out / category)
        for picture in found.select("test", "logical_anomalies"):
            beside = (
                out / category / "annotations" / "test" / "logical_anomalies" / f"{picture.path.stem}.json"
            )
            annotation = json.loads(beside.read_text())
            assert [defect.name for defect in found.defects(picture)] == sorted(annotation["defects"])
            assert annotation["reasons"]
            assert {record["defect"] for record in annotation["records"]} <= set(annotation["defects"])
        assert sum(summary.categories[category].defects.values()) >= FEW.logical + FEW.structural


def test_any_number_of_workers_writes_the_same_bytes(tmp_path):
    given = {"counts": FEW, "seed": 4, "size": SMALL}
    one = synthesize(tmp_path / "one", workers=1, **given)
    two = synthesize(tmp_path / "two", workers=2, **given)
    assert one == two
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_a_line_goes_on_where_it_stopped_and_mends_what_is_damaged(tmp_path):
    given = {"counts": FEW, "seed": 1, "categories": ["screw_bag"], "size": SMALL, "workers": 1}
    seen = []
    whole = synthesize(tmp_path, on_picture=seen.append, **given)
    assert [path.exists() for path in seen] == [True] * FEW.total
    before, stamp = files(tmp_path), seen[0].stat().st_mtime_ns
    seen[1].unlink()
    seen[-1].write_bytes(b"damaged")
    assert synthesize(tmp_path, **given) == whole
    assert files(tmp_path) == before
    assert seen[0].stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 2}, "a line of seed 1, not 2"),
        ({"level": "hard"}, "a line of level line, not hard"),
        ({"disturbances": ["blur"]}, "a line of disturbances none, not blur"),
        ({"size": (400, 250)}, "a line of size 320x200"),
        ({"categories": ["pens"]}, "no product is called pens"),
        ({"level": "harder"}, "harder"),
        ({"seed": -1}, "0 or more"),
        ({"size": (10, 10)}, "160 to 4096"),
    ],
)
def test_a_folder_of_another_line_and_wrong_arguments_are_refused(tmp_path, changed, message):
    none = Counts(train=0, validation=0, good=1, logical=0, structural=0)
    given = {"counts": none, "seed": 1, "categories": ["pushpins"], "size": SMALL, "workers": 1}
    synthesize(tmp_path, **given)
    with pytest.raises(DatasetError, match=message) as refused:
        synthesize(tmp_path, **(given | changed))
    assert "\n" not in str(refused.value)


def test_the_speed_of_every_product_is_told(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["speed", "--pictures", "3", "--level", "easy"])
    speed.main()
    told = capsys.readouterr().out
    assert all(f"| {name} | " in told for name in PRODUCTS)
    assert "pictures a second" in told


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(DatasetError, match="something else"):
        synthesize(tmp_path, counts=FEW)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.fixture(scope="module")
def jail():
    with ProcessJail() as jail:
        yield jail


def rules(line, category, scenes, jail):
    """Each sentence's labels and check, with what is usual learned from some good scenes, all proven."""
    product = PRODUCTS[category]
    containers = {label: list(held) for label, held in product.containers.items()}
    found = []
    for sentence in read_sentences(line[0] / category / "rules.txt"):
        draft = compile_sentence(
            Request(sentence=sentence, labels=list(product.labels), containers=containers)
        )
        assert isinstance(draft, Draft), draft
        ranges = learn_ranges(draft.code, scenes, lambda code, one: run_check(jail, code, one).expectations)
        code = written(draft.code, ranges, len(scenes))
        references = [Reference(str(number), scene) for number, scene in enumerate(scenes)]
        assert prove(code, draft.labels, draft.breaks, references, jail).evidence == [], sentence
        found.append((set(draft.labels), code))
    return found


def failures(rules, scene, jail):
    """(kind, labels, actual) of whatever a rule found to be wrong."""
    found = []
    for labels, code in rules:
        outcome = run_check(jail, code, scene)
        assert outcome.status in ("ok", "undecided"), outcome
        for expectation in outcome.expectations:
            shown = {scene.all_parts[one].label for one in expectation.parts if isinstance(one, int)}
            if not expectation.passed:
                found.append((expectation.kind, labels | shown, expectation.actual))
    return found


def says(reason, failure):
    """Whether a failure of a rule is what a reason says, to a tenth of what was measured."""
    kind, labels, actual = failure
    measured = isinstance(actual, float) and not isinstance(reason.actual, bool)
    same = actual == pytest.approx(reason.actual, rel=0.1) if measured else actual == reason.actual
    return kind == reason.type and reason.object in labels and same


@pytest.mark.whole
@pytest.mark.parametrize("category", PRODUCTS)
def test_rules_hold_on_good_pictures_and_say_of_each_logical_defect_what_its_reasons_say(
    line, category, jail
):
    several = 3 if category in ("juice_bottle", "splicing_connectors") else 2
    references = [drawn(category, seed=50 + k, variant=k).scene() for k in range(several)]
    proven = rules(line, category, references, jail)
    for number in range(3):
        assert failures(proven, drawn(category, seed=60 + number, variant=number).scene(), jail) == []
    for names in logical(category):
        rendered = drawn(category, names, seed=70)
        found = failures(proven, rendered.scene(), jail)
        assert found, names
        for reason in rendered.reasons:
            assert any(says(reason, failure) for failure in found), (names, reason, found)
        for failure in found:
            assert any(says(reason, failure) for reason in rendered.reasons), (names, failure)
