"""A question ends with an answer that can be used, or with the reason why there is none."""

from __future__ import annotations

import json

import pytest
from chat_endpoint import MODEL, completion, failure, probed, whole
from langchain_core.messages import HumanMessage
from logisight.agents.llm.asking import REPAIRS, ask, ask_all
from logisight.schema import ModelError, Usage
from pydantic import BaseModel, TypeAdapter

pytest.importorskip("langchain_openai", reason="the extra `llm` is not installed")

from logisight.agents.llm.endpoint import open_endpoint

pytestmark = pytest.mark.usefixtures("once")


class Seen(BaseModel):
    verdict: str
    reason: str


SHAPE = TypeAdapter(Seen)
GOOD = json.dumps({"verdict": "normal", "reason": "All pins are there."})
FOREIGN = json.dumps({"verdict": "anomalous", "reason": "缺少一个图钉"}, ensure_ascii=False)


def ask_vllm():
    question = [HumanMessage("Is it normal?")]
    return ask(open_endpoint("vllm", MODEL), question, SHAPE, words_of=lambda seen: seen.reason)


def test_a_good_answer_is_a_value_and_its_cost(endpoint):
    endpoint.in_turn_held(completion(GOOD))
    reply = ask_vllm()
    assert (reply.value, reply.failure) == (Seen(**json.loads(GOOD)), None)
    assert reply.usage.model_copy(update={"seconds": 0.0}) == Usage(
        calls=1, input_tokens=70, output_tokens=30
    )
    assert endpoint.asked[-1]["structured_outputs"] == {"json": SHAPE.json_schema()}


UNUSABLE = {
    "prose": (completion("It looks fine to me."), "shape", "no JSON in it"),
    "another shape": (completion('{"verdict": 1}'), "shape", "verdict"),
    "cut off": (completion(GOOD[:20], "length"), "unfinished", "cut off"),
    "refused": (completion(None, refusal="I cannot help with that."), "unfinished", "will not answer"),
    "empty": (completion(""), "unfinished", "empty"),
    "no choice": (whole([]), "unfinished", "empty"),
    "another language": (completion(FOREIGN), "language", "English"),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_an_answer_that_cannot_be_used_goes_back_with_the_reason_and_is_mended(endpoint, what):
    reply, _, problem = UNUSABLE[what]
    endpoint.in_turn_held(reply, completion(GOOD))
    mended = ask_vllm()
    assert mended.value == Seen(**json.loads(GOOD))
    assert mended.usage.calls == 2
    question, answer, told = endpoint.asked[-1]["messages"]
    assert (question["content"], answer["role"]) == ("Is it normal?", "assistant")
    assert problem in told["content"]


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_model_that_never_mends_ends_with_the_kind_of_failure(endpoint, what):
    answer, kind, problem = UNUSABLE[what]
    endpoint.in_turn_held(answer)
    reply = ask_vllm()
    assert (reply.value, reply.failure) == (None, kind)
    assert problem in reply.problem
    assert reply.usage.calls == REPAIRS + 1


def test_a_question_that_is_not_taken_is_lost_alone(endpoint):
    def answer(body):
        text = str(body["messages"][0]["content"])
        return probed(body) or (failure(400, "too long") if text.endswith("3") else completion(GOOD))

    endpoint.answer = answer
    questions = [[HumanMessage(f"picture {number}")] for number in range(5)]
    replies = ask_all(open_endpoint("vllm", MODEL), questions, SHAPE)
    assert [reply.failure for reply in replies] == [None, None, None, "refused", None]
    assert "too long" in replies[3].problem
    # It would be refused again.
    assert replies[3].usage.calls == 1


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_an_endpoint_that_fails_is_an_error_and_no_answer(endpoint, status):
    endpoint.in_turn_held(failure(status, "no"))
    with pytest.raises(ModelError, match="no"):
        ask_vllm()


def test_many_questions_are_asked_at_once_and_only_what_failed_is_asked_again(endpoint):
    def answer(body):
        text = str(body["messages"][0]["content"])
        is_repair = len(body["messages"]) > 1
        good = json.dumps({"verdict": "normal", "reason": text})
        return probed(body) or completion(good if is_repair or not text.endswith("7") else "prose")

    endpoint.answer = answer
    questions = [[HumanMessage(f"picture {number}")] for number in range(20)]
    replies = ask_all(open_endpoint("vllm", MODEL), questions, SHAPE)
    assert [reply.value.reason for reply in replies] == [f"picture {number}" for number in range(20)]
    assert [reply.usage.calls for reply in replies] == [2 if n in (7, 17) else 1 for n in range(20)]


def test_no_question_has_no_reply(endpoint):
    assert ask_all(open_endpoint("vllm", MODEL), [], SHAPE) == []
    assert not endpoint.asked
