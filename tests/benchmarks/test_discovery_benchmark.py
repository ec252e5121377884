"""What the benchmark of discovery counts, on one product with so few pictures that some of it goes wrong."""

from __future__ import annotations

import pytest
from logisight.benchmarks import discovery
from logisight.benchmarks.discovery import Line, Score, Stated, measure, table

LINE = Line(references=1, held_out=2, size=0.32)
ALIKE = "The left connector has as many clamps as the right one."


@pytest.fixture(scope="module")
def score():
    return measure("splicing_connectors", LINE)


@pytest.mark.whole
def test_the_main_sentence_is_found_soundly(score):
    (main,) = (
        one for one in score.stated if one.sentence == "There are exactly two connectors and one cable."
    )
    assert main.found
    assert main.sound == main.noticed


@pytest.mark.whole
def test_what_no_reference_shows_is_missed(score):
    clamps = [one for one in score.stated if one.sentence.startswith("When the left connector has")]
    assert len(clamps) == 3
    assert sum(one.found for one in clamps) == 1, "one picture shows one of three kinds"
    assert [one.noticed for one in clamps if not one.found] == [0, 0]


@pytest.mark.whole
def test_a_chance_of_the_only_reference_is_a_false_alarm_and_finds_nothing_soundly(score):
    assert score.alarms["Each connector contains exactly two clamps."] == 1
    (alike,) = (one for one in score.stated if one.sentence == ALIKE)
    assert alike.found
    assert alike.sound < alike.noticed


def test_a_sentence_that_too_few_references_prove_is_compared_all_the_same(tmp_path):
    # The only yellow cable is in the fourth reference, and a check is tried on the first three.
    line = Line(references=5, seed=900, size=0.32)
    with discovery._TrueWorkshop("splicing_connectors", line, tmp_path) as workshop:
        sentence = "When the left connector has 2 clamps, the cable is yellow."
        compared = discovery._compared(workshop, sentence, [], [])
    assert compared.noticed == 3
    assert not compared.found


def test_the_table_sums_up_and_names_what_is_missed_and_what_is_a_false_alarm():
    stated = [Stated("All is well.", 3, 3, 2), Stated("Pins shine.", 4, 1, 1), Stated("Nuts shine.", 0, 0, 0)]
    scores = [
        Score("pins", stated, {"Each pin is red.": 2, "There is one box.": 0}, 1.6),
        Score("nuts", [], {}, 2.0),
    ]
    header, _, *rows = table(scores, Line(held_out=20))
    assert header == (
        "| product | stated | found | found soundly | proposals | proposals with a false alarm | seconds |"
    )
    assert rows == [
        "| pins | 3 | 1 | 0 | 2 | 1 | 2 |",
        "| nuts | 0 | 0 | 0 | 0 | 0 | 2 |",
        "| all | 3 | 1 | 0 | 2 | 1 | 4 |",
        "\nmissed, pins: Pins shine. (1 of 4 broken pictures noticed)",
        "\nmissed, pins: Nuts shine. (its own rule notices nothing)",
        "\nfalse alarm, pins: Each pin is red. (2 of 20 good pictures)",
    ]


def test_more_references_are_the_same_ones_and_further_ones_and_none_is_held_out():
    def first_pin(line: Line, held_out: bool) -> list[tuple[float, float]]:
        return [one.parts("pushpin")[0].center for one in line.scenes("pushpins", held_out)]

    few, more = (first_pin(Line(count, 2, size=0.32), held_out=False) for count in (1, 2))
    assert more[:1] == few
    assert not set(more) & set(first_pin(Line(2, 2, size=0.32), held_out=True))


@pytest.mark.parametrize(
    "wrong", [["--size", "0.1"], ["--size", "nan"], ["--references", "0"], ["--seed", "-1"]]
)
def test_what_cannot_be_drawn_is_turned_down_before_anything_is(wrong, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["discovery", *wrong])
    with pytest.raises(SystemExit) as ended:
        discovery.main()
    assert ended.value.code == 2
    assert "--size is from 0.32 to 1" in capsys.readouterr().err
