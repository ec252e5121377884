"""How the speed of a batch is told; tests/integration measures one on a real engine."""

from __future__ import annotations

import pytest
from logisight.agents.llm.messages import open_picture
from logisight.benchmarks import engine_batch
from logisight.benchmarks.engine_batch import Run, Way, pictures, table


def way(name: str, *seconds: float, queue: list[int] | None = None) -> Way:
    return Way(name, lambda: 0, [Run(second, 100, queue or []) for second in seconds])


def test_the_table_tells_the_median_speed_and_the_ratio_of_runs_side_by_side():
    # The machine halves its speed after the first round, which is no difference between the ways.
    lines = list(table([way("ours", 1.25, 2.5, 2.5, queue=[2, 4]), way("bare", 1.0, 2.0, 2.0)]))
    assert lines[2] == "| ours | 40 | 40 | 80 | 3 | 4 |"
    assert lines[3] == "| bare | 50 | 50 | 100 | 0 | 0 |"
    assert lines[4].startswith("\nratio 0.800, the median of 3 rounds")


def test_pictures_differ_and_are_the_same_each_time():
    made = pictures(4, 32)
    assert len(set(made)) == 4
    assert made == pictures(4, 32)
    assert open_picture(made[0]).size == (32, 32)


def test_what_is_watched_is_counted_while_it_runs():
    with engine_batch._watched(lambda: 7) as seen:
        while len(seen) < 3:
            pass
    assert set(seen) == {7}


def test_a_model_that_is_not_there_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["engine_batch", "nobody/nothing"])
    with pytest.raises(SystemExit) as ended:
        engine_batch.main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
