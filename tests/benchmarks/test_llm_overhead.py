"""The benchmark of what LogiSight adds round a model call: it asks what LogiSight asks, and counts it."""

from __future__ import annotations

import pytest

pytest.importorskip("langchain_openai", reason="the extra `llm` is not installed")

from logisight.benchmarks.llm_overhead import LIMITS, Times, measure


def test_what_is_added_is_the_median_of_the_differences():
    assert Times(bare=[1.0, 2.0, 3.0], whole=[5.0, 4.0, 9.0]).added == 4.0


@pytest.mark.whole
def test_both_kinds_of_question_are_measured_and_answered(monkeypatch):
    monkeypatch.setenv("LOGISIGHT_LLM_URL", "")
    rows = list(measure(repeats=1))
    assert [kind for _, kind, _ in rows] == ["text", "picture", "picture"]
    assert set(LIMITS) == {"text", "picture"}
    assert all(len(times.bare) == len(times.whole) == 1 for _, _, times in rows)
    assert all(times.whole[0] > 0 and times.bare[0] > 0 for _, _, times in rows)
