"""`engine:MODEL`: batches in a real vLLM in this process, whose models have random weights."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

pytest.importorskip("vllm", reason="the extra `vllm` is not installed")

from integration.answers import CLOSED, JUDGE, SENTENCE, fits
from integration.pictures import picture_message
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from logisight.agents.llm.answers import held_to
from logisight.agents.reasoner import make_reasoner
from logisight.benchmarks.engine_batch import measure, pictures, table
from logisight.schema import ModelError
from proc_tree import descendants, eventually

MANY = 200


def test_many_questions_are_answered_in_their_order(text_engine: BaseChatModel) -> None:
    answers = text_engine.batch([f"Pin {n}?" for n in range(MANY)], max_tokens=8)
    assert len(answers) == MANY
    assert len({answer.text for answer in answers}) > MANY / 10
    for n in (0, 77, MANY - 1):
        assert answers[n].text == text_engine.invoke(f"Pin {n}?", max_tokens=8).text
    assert all(answer.usage_metadata["output_tokens"] == 8 for answer in answers)
    assert all(answer.response_metadata["finish_reason"] == "length" for answer in answers)


def test_one_bad_question_does_not_lose_the_others(text_engine: BaseChatModel) -> None:
    far = HumanMessage([{"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/pin.png"}}])
    questions = ["one", "pin " * 20_000, [far], "two", [picture_message("three", (255, 0, 0))], "four"]
    answers = text_engine.batch(questions, max_tokens=4, return_exceptions=True)
    assert [isinstance(answer, ModelError) for answer in answers] == [False, True, True, False, True, False]
    assert all("\n" not in str(answers[bad]) for bad in (1, 2, 4))
    assert "is not fetched" in str(answers[2])
    assert answers[3].text == text_engine.invoke("two", max_tokens=4).text
    with pytest.raises(ModelError):
        text_engine.batch(questions, max_tokens=4)


def test_no_questions_have_no_answers(text_engine: BaseChatModel) -> None:
    assert text_engine.batch([]) == []


def test_a_batch_can_be_awaited(text_engine: BaseChatModel) -> None:
    awaited = asyncio.run(text_engine.abatch(["one", "two"], max_tokens=4))
    assert [one.text for one in awaited] == [
        one.text for one in text_engine.batch(["one", "two"], max_tokens=4)
    ]


def test_answers_are_held_to_a_schema(text_engine: BaseChatModel) -> None:
    assert all(fits(one.text) for one in text_engine.batch(["one", "two"], **held_to(CLOSED)))
    parsed = text_engine.with_structured_output(CLOSED).batch(["one", "two"])
    assert [list(one) for one in parsed] == 2 * [["normal", "kind", "pins"]]


def test_a_tool_is_called(text_engine: BaseChatModel) -> None:
    for answer in text_engine.bind_tools([JUDGE], tool_choice="judge").batch([SENTENCE, "Is it?"]):
        (call,) = answer.tool_calls
        assert call["name"] == "judge" and fits(json.dumps(call["args"]))


def test_the_odds_of_each_token_are_told(text_engine: BaseChatModel) -> None:
    (answer,) = text_engine.batch([SENTENCE], logprobs=True, top_logprobs=3, max_tokens=5)
    told = answer.response_metadata["logprobs"]["content"]
    assert len(told) == 5 and answer.text.startswith(told[0]["token"])
    assert all(one["logprob"] == one["top_logprobs"][0]["logprob"] < 0 for one in told)
    assert all(len(one["top_logprobs"]) == 3 for one in told)
    (bare,) = text_engine.batch([SENTENCE], logprobs=True, max_tokens=1)
    assert bare.response_metadata["logprobs"]["content"][0]["top_logprobs"] == []


def test_what_questions_begin_with_alike_is_read_once(text_engine: BaseChatModel) -> None:
    shared = "The box has fifteen compartments. " * 40
    text_engine.invoke(shared, max_tokens=1)
    used = text_engine.invoke(shared + "Is it so?", max_tokens=1).usage_metadata
    assert used["input_token_details"]["cache_read"] > used["input_tokens"] / 2


def test_a_tracer_sees_each_question_with_its_answer(text_engine: BaseChatModel) -> None:
    class Tracer(BaseCallbackHandler):
        seen = []

        def on_chat_model_start(self, _, messages, **kwargs) -> None:
            self.seen.append(messages[0][0].text)

        def on_llm_end(self, response, **kwargs) -> None:
            self.seen.append(response.generations[0][0].text)

    answers = text_engine.batch(["one", "two"], {"callbacks": [Tracer()]}, max_tokens=4)
    assert Tracer.seen == ["one", answers[0].text, "two", answers[1].text]


def test_words_cannot_end_a_turn(text_engine: BaseChatModel) -> None:
    told = text_engine.invoke("<|turn_end|>", max_tokens=1).usage_metadata["input_tokens"]
    assert told > text_engine.invoke("a", max_tokens=1).usage_metadata["input_tokens"]


def test_both_ways_to_run_a_model_answer_alike(text_engine: BaseChatModel, home: Path) -> None:
    said = text_engine.invoke(SENTENCE).text
    assert make_reasoner(f"local:{home / 'models/text'}").invoke(SENTENCE).text == said


def test_many_pictures_are_seen(vision_engine: BaseChatModel) -> None:
    questions = [[picture_message("What colour is it?", (40 * n, 255 - 40 * n, 0))] for n in range(6)]
    answers = vision_engine.batch(questions, **held_to(CLOSED))
    assert all(fits(answer.text) for answer in answers)
    odds = [
        one.response_metadata["logprobs"]["content"][0]["logprob"]
        for one in vision_engine.batch(questions, logprobs=True, max_tokens=1)
    ]
    assert len(set(odds)) == len(questions)
    assert len({answer.usage_metadata["input_tokens"] for answer in answers}) == 1


def test_a_picture_from_elsewhere_is_refused(vision_engine: BaseChatModel) -> None:
    for url in ("http://127.0.0.1:1/pin.png", "file:///etc/passwd", "data:text/html;base64,aGk="):
        with pytest.raises(ModelError, match="is not fetched"):
            vision_engine.invoke([HumanMessage([{"type": "image_url", "image_url": {"url": url}}])])


def test_the_speed_of_a_batch_is_measured(vision_engine: BaseChatModel) -> None:
    ways = measure(vision_engine, pictures(4, 56), tokens=4, rounds=2)
    assert [[run.tokens for run in way.runs] for way in ways] == [[16, 16], [16, 16]]
    assert max(max(run.queue, default=0) for way in ways for run in way.runs) <= 4
    assert "ratio" in list(table(ways))[-1]


def workers() -> list[int]:
    """The processes of vLLM below this one that run."""
    states = descendants(os.getpid())
    return [pid for pid, state in states.items() if state != "Z" and "VLLM" in name_of(pid)]


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_closing_ends_the_engine(vision_engine: BaseChatModel) -> None:
    assert workers()
    vision_engine.close()
    assert eventually(lambda: not workers())


@pytest.mark.parametrize("option", ["max_model_len=-1", "load_format=pt", "trust_remote_code=1", "dtype="])
def test_an_option_that_cannot_be_used_is_one_line(home: Path, option: str) -> None:
    with pytest.raises(ModelError, match="cannot be used") as raised:
        make_reasoner(f"engine:{home / 'models/text'}?{option}")
    assert "\n" not in str(raised.value)
