"""LogiBench's task for inspect_ai, with a mock model that is right, wrong, or mends what was wrong."""

from __future__ import annotations

import json
import tomllib

import pytest
from conftest import REPOSITORY
from logisight.agents.author import ATTEMPTS
from logisight.agents.draft import Request
from logisight.agents.offline import compile_sentence
from logisight.benchmarks.synthetic import Counts, synthesize
from logisight.schema import DatasetError

pytest.importorskip("inspect_ai", reason="the extra `inspect` is not installed")

from inspect_ai import eval as evaluate
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from logisight.benchmarks.logibench.inspect_task import logibench_rules

GOOD, FALSE, BLIND, MENDED, HOPELESS = SENTENCES = (
    "The box contains exactly 22 separators.",
    "The box contains exactly 21 separators.",
    "The box contains at least 0 separators.",
    "The box contains exactly 15 pushpins.",
    "The box is frobnicated.",
)
PROSE = "Sure! Here is the function you asked for."
ALWAYS_TRUE = """def check(scene):
    found = scene.parts("separator")
    expect(len(found) >= 0, kind="quantity", reason="a count", expected=0, actual=len(found), parts=found)
"""


def answer(messages, *_):
    """What the mock model says to the last of these messages."""
    told = messages[-1].text
    request = Request.model_validate_json(next(line for line in told.splitlines() if line.startswith("{")))
    text = compile_sentence(request).model_dump_json()
    if request.sentence == BLIND:
        draft = {"code": ALWAYS_TRUE, "kind": "quantity", "breaks": ["removed"], "labels": ["separator"]}
        text = json.dumps(draft)
    elif request.sentence == MENDED and "TURNED DOWN" not in told:
        text = PROSE
    usage = ModelUsage(input_tokens=90, input_tokens_cache_read=10, output_tokens=5, total_tokens=105)
    return ModelOutput(model="mockllm/model", choices=ModelOutput.from_content("", text).choices, usage=usage)


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    out = tmp_path_factory.mktemp("inspect") / "line"
    counts = Counts(train=2, validation=1, good=1, logical=1, structural=1)
    synthesize(out, categories=["pushpins"], counts=counts, seed=5, level="easy", workers=1, size=(400, 260))
    (out / "pushpins" / "rules.txt").write_text("\n".join(SENTENCES))
    return out


@pytest.fixture(scope="module")
def log(line, tmp_path_factory):
    """What inspect_ai keeps of one evaluation."""
    (log,) = evaluate(
        logibench_rules(str(line), "pushpins", references=2),
        model=get_model("mockllm/model", custom_outputs=answer),
        log_dir=str(tmp_path_factory.mktemp("logs")),
        display="none",
    )
    assert log.status == "success", log.error
    return log


@pytest.fixture(scope="module")
def scores(log):
    return {sample.metadata["request"]["sentence"]: sample.scores["proven"] for sample in log.samples}


def test_each_sentence_is_a_sample_with_the_prompt_of_the_author(log):
    assert [sample.id for sample in log.samples] == [f"pushpins {number}" for number in range(1, 6)]
    system, human = log.samples[0].input
    assert (system.role, human.role) == ("system", "user")
    assert json.dumps(GOOD) in human.text


@pytest.mark.parametrize(
    ("sentence", "first_attempt", "after_repair", "proven", "failures", "evidence"),
    [
        (GOOD, 1, 1, 1, [], "proven at the first attempt"),
        (FALSE, 1, 1, 0, ["false alarm"] * ATTEMPTS, "fails on reference 000.png"),
        (BLIND, 1, 1, 0, ["blind"] * ATTEMPTS, "does not notice when a separator is removed"),
        (MENDED, 0, 1, 1, ["answer"], "not the JSON that was asked for"),
        (HOPELESS, 0, 0, 0, ["declined"], "frobnicated"),
    ],
)
def test_a_sentence_is_scored_by_what_its_check_does(
    scores, sentence, first_attempt, after_repair, proven, failures, evidence
):
    score = scores[sentence]
    assert score.value == {"first_attempt": first_attempt, "after_repair": after_repair, "proven": proven}
    assert score.metadata["failures"] == failures
    assert evidence in score.explanation


def test_attempts_and_tokens_are_kept(scores, log):
    assert (scores[FALSE].metadata["attempts"], scores[MENDED].metadata["attempts"]) == (ATTEMPTS, 2)
    assert (scores[MENDED].metadata["input_tokens"], scores[MENDED].metadata["output_tokens"]) == (200, 10)
    assert sum(event.event == "model" for event in log.samples[3].events) == 2


def test_means_stand_in_the_result(log):
    means = {score.name: score.metrics["mean"].value for score in log.results.scores}
    assert means == pytest.approx({"first_attempt": 3 / 5, "after_repair": 4 / 5, "proven": 2 / 5})


def test_inspect_ai_finds_the_task_by_its_name():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["inspect_ai"] == {"logisight": logibench_rules.__module__}


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(DatasetError, match="nowhere"):
        logibench_rules(str(tmp_path / "nowhere"))
