"""`logisight author --llm` against a chat endpoint over real HTTP: a rule, or why there is none."""

from __future__ import annotations

import json
import shutil
import sys

import pytest
from chat_endpoint import MODEL, completion, failure, probed, whole
from command_line import logisight

pytest.importorskip("langchain_openai", reason="the extra `llm` is not installed")

from logisight.agents.author import TEMPERATURE
from logisight.agents.product import open_product
from logisight.agents.workshop import Workshop

pytestmark = pytest.mark.usefixtures("once", "one_jail")

SENTENCE = "There are exactly fifteen pushpins."
CHECK = """def check(scene):
    pins = scene.parts("pushpin")
    good = len(pins) == {count}
    expect(good, kind="quantity", reason="count", expected={count}, actual=len(pins), parts=pins)
"""
GOOD = CHECK.format(count=15)
NAMES = {"vllm": f"vllm:{MODEL}", "openai": f"openai:{MODEL}"}


def answer(code=GOOD):
    breaks = ["removed", "doubled"]
    return json.dumps({"code": code, "kind": "quantity", "breaks": breaks, "labels": ["pushpin"]})


def wrapped(text):
    return f'{{"answer": {text}}}'


@pytest.fixture
def product(demo_line, tmp_path):
    return shutil.copytree(demo_line / "box", tmp_path / "box")


def author(product, name="vllm", *options):
    return logisight("author", product, SENTENCE, "--llm", NAMES[name], *options)


def files_of(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(("name", "text"), [("vllm", answer()), ("openai", wrapped(answer()))])
def test_a_model_at_an_endpoint_writes_a_rule_that_counts(product, endpoint, name, text):
    endpoint.in_turn_held(completion(text))
    run = author(product, name)
    assert run.returncode == 0, run.stderr
    assert "Rule 4 proven" in run.stdout
    (rule,) = json.loads(logisight("rules", product, "show", "4", "--json").stdout)
    assert rule["proven"]


def test_a_wrong_check_goes_back_with_what_it_failed_at_and_is_mended(product, endpoint):
    endpoint.in_turn_held(completion(answer(CHECK.format(count=14))), completion(answer()))
    (facts,) = json.loads(author(product, "vllm", "--json").stdout)
    assert facts["rule"]["proven"]
    told = endpoint.asked[-1]["messages"][-1]["content"]
    assert "IT WAS TURNED DOWN" in told and "fails on reference" in told
    assert len(endpoint.asked) == 3


BAD_ANSWERS = {
    "prose": (completion("Sure! Here is the check."), "not the JSON that was asked for"),
    "prose in Chinese": (completion("这是您要的检查函数"), "not the JSON that was asked for"),
    "hostile code": (completion(answer("import os\n" + GOOD)), "line 1, column 1"),
    "garbage": (completion("}{" * 500), "not the JSON that was asked for"),
    "cut off": (completion(answer()[:40], "length"), "cut off because it is too long"),
    "withheld": (completion(None, "content_filter"), "withheld by the content filter"),
    "declined": (completion(None, refusal="I will not."), "the model will not answer: I will not."),
    "empty": (completion(""), "the answer is empty"),
    "no choice": (whole([]), "the answer is empty"),
}


@pytest.mark.parametrize("what", BAD_ANSWERS)
@pytest.mark.parametrize("name", NAMES)
def test_bad_answers_end_in_a_refusal_with_the_evidence_and_the_rulebook_as_it_was(
    product, endpoint, name, what
):
    reply, evidence = BAD_ANSWERS[what]
    endpoint.in_turn_held(reply)
    before = files_of(product)
    run = author(product, name)
    assert run.returncode == 1
    assert "Not a rule" in run.stdout and "Traceback" not in run.stderr
    assert " ".join(run.stdout.split()).count(evidence) == 3
    assert files_of(product) == before
    assert len(endpoint.asked) == 4


def test_several_answers_are_asked_for_at_once_and_the_best_counts(product, endpoint):
    endpoint.answer = lambda body: (
        probed(body) or completion(answer(CHECK.format(count=15 if body["seed"] % 2 else 14)))
    )
    with Workshop(open_product(product)) as workshop:
        authored = workshop.author(SENTENCE, NAMES["vllm"], samples=4)
    assert authored.rule and authored.rule.number == 4
    assert authored.confidence == 0.5
    asked = endpoint.asked[1:]
    assert {(body["seed"], body["temperature"]) for body in asked} == {
        (0, 0.0),
        *((seed, TEMPERATURE) for seed in (1, 2, 3)),
    }
    assert sum(attempt.output_tokens for attempt in authored.attempts) == 4 * 30


def test_a_model_that_declines_is_asked_once(product, endpoint):
    endpoint.in_turn_held(completion('{"reason": "no such part", "nearest": ""}'))
    run = author(product)
    assert run.returncode == 1
    assert "no such part" in run.stdout
    assert len(endpoint.asked) == 2


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (failure(401, "Unauthorized"), "LOGISIGHT_LLM_KEY"),
        (failure(404, "no such model"), "does not serve"),
        (failure(500, "out of memory"), "out of memory"),
        (None, "the connection to"),
    ],
    ids=["401", "404", "500", "hung up"],
)
@pytest.mark.parametrize("at", ["the probe", "the question"])
def test_an_endpoint_that_fails_ends_it_in_one_line_with_the_rulebook_as_it_was(
    product, endpoint, reply, message, at
):
    if at == "the probe":
        endpoint.in_turn(reply)
    else:
        endpoint.in_turn_held(reply)
    before = files_of(product)
    run = author(product)
    assert (run.returncode, run.stdout) == (2, "")
    (line,) = run.stderr.strip().splitlines()
    assert line.startswith("error: ") and message in line and endpoint.url in line
    assert files_of(product) == before


@pytest.mark.parametrize("name", ["vllm:", "openai:", "vllm", "gpt", "cloud:gpt", ""])
def test_a_name_that_names_no_model_is_said_with_what_there_is(product, endpoint, name):
    run = logisight("author", product, SENTENCE, "--llm", name)
    assert run.returncode == 2
    assert f"no reasoner {name!r}; there are: offline, vllm:MODEL, openai:MODEL" in run.stderr
    assert not endpoint.asked


def test_the_package_it_needs_is_named_where_it_is_not_installed(product, monkeypatch):
    monkeypatch.delitem(sys.modules, "logisight.agents.llm.endpoint")
    monkeypatch.setitem(sys.modules, "langchain_openai", None)
    run = author(product)
    assert run.returncode == 2
    assert "pip install 'logisight[llm]'" in run.stderr
