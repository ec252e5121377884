"""LogiBench with a model that looks at pictures beside the rules: what its word adds, and what it costs."""

from __future__ import annotations

import hashlib

import pytest
from chat_endpoint import MODEL, SETTINGS, serving
from logisight.agents.prompting.composing import PromptSettings
from logisight.agents.prompting.pictures import sent_picture
from logisight.benchmarks.logibench import Settings, run_logibench, write_logibench_report
from logisight.benchmarks.synthetic import Counts, synthesize
from logisight.schema import When
from logisight.tools.pictures import read_picture
from vision_stand_in import StandIn

pytest.importorskip("langchain_openai", reason="the extra `llm` is not installed")

NAME = f"vllm:{MODEL}"
ASKED = Settings(witness=NAME, when=When.always, ways=["seen parts"], baselines=[], references=3, seed=0)
COUNTS = Counts(train=3, validation=0, good=1, logical=1, structural=2)


def as_sent(path):
    picture = sent_picture(read_picture(path), "x", PromptSettings().longest_side)
    return hashlib.sha256(picture.data).hexdigest()


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """A small product, tried with a stand-in that knows its good pictures."""
    data = tmp_path_factory.mktemp("bench") / "line"
    synthesize(data, categories=["pushpins"], counts=COUNTS, seed=5, level="easy", workers=1)
    good = {as_sent(path) for path in data.glob("pushpins/*/good/*.png")}
    out = tmp_path_factory.mktemp("tried")
    with pytest.MonkeyPatch.context() as patch, serving() as endpoint:
        for variable in SETTINGS:
            patch.delenv(variable, raising=False)
        patch.setenv("LOGISIGHT_LLM_URL", endpoint.url)
        endpoint.answer = StandIn(good)
        result = run_logibench(data, out, ASKED)
    return data, out, result


@pytest.mark.whole
def test_what_rules_cannot_see_is_seen_by_the_witness(tried):
    _, _, result = tried
    (one,) = result.categories
    assert list(one.judged) == ["seen parts", "seen parts, witness"]
    alone, witnessed = one.judged.values()
    missed = [row.name for row in alone if row.group == "structural" and row.status == "normal"]
    assert missed
    # From three good pictures no witness has the weight to call a picture anomalous on its own.
    assert all(row.status == "undecided" for row in witnessed if row.name in missed)
    assert all(row.status == "normal" for row in witnessed if row.group == "good")
    # Its word names no object and no amount: reasons are those of the rules.
    assert all(told.rules != [0] for row in witnessed for told in row.told)


@pytest.mark.whole
def test_what_it_costs_is_counted_and_rules_alone_cost_nothing(tried):
    _, _, result = tried
    (one,) = result.categories
    alone, witnessed = (scores.cost for scores in one.rules.values())
    assert alone.calls_per_1000 == alone.judging.calls == alone.writing.calls == 0
    asked = sum(row.status != "anomalous" for row in one.judged["seen parts"])
    assert witnessed.judging.calls == asked
    assert witnessed.judging.input_tokens == 700 * asked
    assert witnessed.calls_per_1000 == pytest.approx(1000 * asked / 4, abs=0.001)
    assert witnessed.examining.calls == 12


@pytest.mark.whole
def test_the_report_tells_the_cost(tried):
    data, out, result = tried
    text = write_logibench_report(out, result, data).read_text()
    assert "calls per 1,000 pictures" in text
    assert "seen parts, witness" in text
