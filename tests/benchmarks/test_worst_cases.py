"""What a report shows of maps beside numbers: the worst pictures, and the alarms by type of defect."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loco_tree import SIZE, save
from logisight.benchmarks.confusion import ImageScore, confusion
from logisight.benchmarks.maps import Defect, ScoredPicture
from logisight.benchmarks.worst_cases import MOST, OUTLINE, WIDTH, WorstCases
from logisight.schema import LogiSightError

GROUPS = {"good": "good", "logical": "logical_anomalies", "structural": "structural_anomalies"}


def scored(name: str, score: float, *defects: str) -> ScoredPicture:
    scores, mask = np.zeros(SIZE, np.float32), np.zeros(SIZE, bool)
    scores[3, 4], mask[5:15, 5:20] = score, True
    group = "logical_anomalies" if defects else "good"
    return ScoredPicture(scores, [Defect(one, mask, 1) for one in defects], group, name)


def seen(*pictures: ScoredPicture) -> WorstCases:
    worst = WorstCases()
    for picture in pictures:
        worst.see(picture)
    return worst


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=20))
def test_the_lowest_defects_and_the_highest_good_ones_are_kept(pictures) -> None:
    cases = seen(*(scored(str(i), score, *["hole"] * bad) for i, (score, bad) in enumerate(pictures))).cases()
    lowest = sorted((score, i) for i, (score, bad) in enumerate(pictures) if bad)[:MOST]
    highest = sorted((-score, i) for i, (score, bad) in enumerate(pictures) if not bad)[:MOST]
    assert [(int(case.score), int(case.picture)) for case in cases if case.missed] == lowest
    assert [(-int(case.score), int(case.picture)) for case in cases if not case.missed] == highest


def test_cases_are_drawn_with_their_map_and_the_outline_of_the_defect(tmp_path) -> None:
    worst = seen(scored("test/good/000", 9), scored("test/logical_anomalies/000", 1, "hole"))
    pictures = {case.picture: tmp_path / f"{case.picture}.png" for case in worst.cases()}
    for path in pictures.values():
        save(path, np.full((*SIZE, 3), 90, np.uint8))
    worst.draw(pictures, tmp_path / "out")
    defect, good = (cv2.imread(str(tmp_path / "out" / case.file)) for case in worst.cases())
    assert defect.shape == good.shape == (WIDTH * SIZE[0] // SIZE[1], WIDTH, 3)
    scale = WIDTH // SIZE[1]
    edge = defect[10 * scale, 5 * scale - 2 : 5 * scale + 3, ::-1].astype(int)
    assert np.abs(edge - OUTLINE).sum(axis=1).min() < 100  # as far as JPEG keeps a thin line
    assert np.abs(good[10 * scale, 10 * scale].astype(int) - 90).max() < 5
    assert good[3 * scale + 8, 4 * scale + 8].max() > 150


def test_a_case_whose_picture_is_gone_is_not_drawn(tmp_path) -> None:
    worst = seen(scored("test/good/000", 9))
    worst.draw({"test/good/000": tmp_path / "none.png"}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_cases_that_cannot_be_written_are_one_line(tmp_path) -> None:
    save(tmp_path / "000.png", np.zeros((*SIZE, 3), np.uint8))
    (tmp_path / "out").write_text("a file")
    with pytest.raises(LogiSightError, match="out/worst: no folder can be made here"):
        seen(scored("test/good/000", 9)).draw({"test/good/000": tmp_path / "000.png"}, tmp_path / "out")


def image(score: float, *defects: str, group="logical") -> ImageScore:
    return ImageScore(GROUPS[group if defects else "good"], frozenset(defects), score)


def test_alarms_are_counted_by_type_of_defect() -> None:
    found = confusion(
        [
            *(image(1), image(2), image(5)),
            *(image(4, "hole"), image(3, "hole"), image(1, "dent")),
            *(image(6, "hole", "dent"), image(7, "hole", group="structural")),
        ]
    )
    assert found.threshold == 3
    assert [(row.name, row.alarms, row.pictures) for row in found.rows] == [
        ("good", 1, 3),
        ("logical_anomalies/dent", 1, 2),
        ("logical_anomalies/hole", 3, 3),
        ("structural_anomalies/hole", 1, 1),
    ]


def test_scores_that_tell_nothing_raise_no_alarm() -> None:
    found = confusion([image(0), image(0, "hole")])
    assert [row.alarms for row in found.rows] == [0, 0]
    assert np.isfinite(found.threshold)


@pytest.mark.parametrize("pictures", [[], [image(0)], [image(0, "hole")]])
def test_one_kind_of_pictures_has_no_threshold(pictures) -> None:
    assert confusion(pictures) is None
