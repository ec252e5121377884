"""What sessions cost is measured by one command each."""

from __future__ import annotations

import json
import re

import pytest

pytest.importorskip("langgraph.checkpoint.sqlite", reason="the extra `chat` is not installed")

from logisight.benchmarks import session_growth, session_turns

pytestmark = pytest.mark.whole


def rows_of(printed: str) -> dict[str, tuple[float, float, float]]:
    """Of a table of seconds: what -> median, slowest, limit."""
    found = re.findall(r"^\| (.+?) \| ([\d.]+) s \| ([\d.]+) s \| ([\d.]+) s \|", printed, re.MULTILINE)
    return {what: (float(median), float(slowest), float(limit)) for what, median, slowest, limit in found}


def run(monkeypatch, benchmark, *arguments):
    monkeypatch.setattr("sys.argv", [benchmark.__name__, *arguments])
    benchmark.main()


def test_turns_are_timed_beside_their_limits(monkeypatch, capsys):
    run(monkeypatch, session_turns, "--turns", "1", "--warm-up", "1")
    rows = rows_of(capsys.readouterr().out)
    assert set(rows) == {
        "a fresh picture",
        *(f"`{said}`" for said in session_turns.QUESTIONS),
        "all about inspected pictures",
    }
    assert all(0 < median <= slowest for median, slowest, _ in rows.values())


def test_starts_are_timed_beside_their_limits(monkeypatch, capsys):
    pytest.importorskip("prompt_toolkit", reason="the extra `chat` is not installed")
    pytest.importorskip("uvicorn", reason="the extra `web` is not installed")
    from logisight.benchmarks import session_start

    run(monkeypatch, session_start, "--runs", "1")
    rows = rows_of(capsys.readouterr().out)
    assert [limit for _, _, limit in rows.values()] == [3.0, 3.0, 1.0, 1.0]
    assert all(median > 0 for median, _, _ in rows.values())


def test_the_growth_of_a_session_is_written_down(monkeypatch, tmp_path):
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, session_growth, "--out", str(tmp_path), "--pictures", "3")
    told = json.loads((tmp_path / "growth.json").read_text())
    assert [row["turn"] for row in told["rows"]] == [1, 2, 3]
    assert ended.value.code == (told["rows"][-1]["checkpoints"] > told["limit"] * 3 / 200)
