"""Chat models at an endpoint, over real HTTP: what is sent, and what becomes of each bad answer."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from chat_endpoint import MODEL, SOON, as_json, completion, failure, streamed, whole
from langchain_core.messages import HumanMessage
from logisight.agents.draft import Request, answer_schema
from logisight.agents.llm.answers import held_to, whole_text
from logisight.agents.llm.settings import MAX_TOKENS
from logisight.prompts import author_messages
from logisight.schema import AuthorError, ModelError
from pydantic import BaseModel

pytest.importorskip("langchain_openai", reason="the extra `llm` is not installed")

from logisight.agents.llm import endpoint as llm
from logisight.agents.llm.endpoint import open_endpoint

REQUEST = Request(sentence="There are exactly two nuts.", labels=["nut", "box"])
AUTHORS_QUESTION = author_messages("the language", REQUEST.model_dump())
HELD = held_to(answer_schema(REQUEST.labels))
DECLINED = '{"reason": "no such part", "nearest": ""}'


def ask(name="vllm", question="hello"):
    return open_endpoint(name, MODEL).invoke(question)


def error_of(name="vllm"):
    """The one line that asking ends with."""
    with pytest.raises(ModelError) as caught:
        ask(name)
    line = str(caught.value)
    assert "\n" not in line and line.isprintable()
    return line


def test_a_question_is_sent_with_no_chance_in_it_and_its_tokens_are_counted(endpoint):
    answer = ask()
    assert answer.text == "hello"
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (70, 30)
    (sent,) = endpoint.asked
    assert sent["model"] == MODEL
    assert (sent["temperature"], sent["seed"]) == (0, 0)
    assert sent["max_completion_tokens"] == MAX_TOKENS
    assert "structured_outputs" not in sent and "response_format" not in sent
    assert endpoint.keys == ["Bearer none"]


def test_the_key_and_the_longest_answer_come_from_the_environment(endpoint, monkeypatch):
    monkeypatch.setenv("LOGISIGHT_LLM_KEY", "a key")
    monkeypatch.setenv("LOGISIGHT_LLM_MAX_TOKENS", "77")
    ask("openai")
    assert endpoint.keys == ["Bearer a key"]
    assert endpoint.asked[0]["max_completion_tokens"] == 77


def test_a_key_of_openai_is_given_to_no_other_endpoint(endpoint, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "of the cloud")
    ask("openai")
    assert endpoint.keys == ["Bearer none"]


def test_a_proxy_does_not_come_between_us_and_this_machine(endpoint, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert ask().text == "hello"


def test_an_asynchronous_question_is_answered(endpoint):
    assert asyncio.run(open_endpoint("vllm", MODEL).ainvoke("hello")).text == "hello"


def test_a_stream_that_fails_is_said_in_words(endpoint, once):
    endpoint.in_turn(failure(500, "out of memory"))
    with pytest.raises(ModelError, match="out of memory"):
        list(open_endpoint("vllm", MODEL).stream("hello"))


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("LOGISIGHT_LLM_URL", "127.0.0.1:8000", "not a web address"),
        ("LOGISIGHT_LLM_URL", "http://[::1", "not a web address"),
        ("LOGISIGHT_LLM_URL", "file:///etc/passwd", "not a web address"),
        ("LOGISIGHT_LLM_URL", "http://127.0.0.1:99999/v1", "not a web address"),
        ("LOGISIGHT_LLM_TIMEOUT", "soon", "a number above 0, and is 'soon'"),
        ("LOGISIGHT_LLM_TIMEOUT", "nan", "a number above 0"),
        ("LOGISIGHT_LLM_MAX_TOKENS", "-1", "a number above 0"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(endpoint, monkeypatch, variable, value, message):
    monkeypatch.setenv(variable, value)
    line = error_of()
    assert variable in line and message in line
    assert not endpoint.asked


def test_openai_without_a_key_is_said_before_anything_is_sent(endpoint, monkeypatch):
    monkeypatch.delenv("LOGISIGHT_LLM_URL")
    assert "LOGISIGHT_LLM_KEY" in error_of("openai")


REFUSED = {
    "wrong key": (failure(401, "Unauthorized"), ("401: Unauthorized", "LOGISIGHT_LLM_KEY")),
    "forbidden": (failure(403, "not for you"), ("403: not for you", "LOGISIGHT_LLM_KEY")),
    "no such model": (failure(404, "The model `x` does not exist."), ("does not serve", f"serves: {MODEL}")),
    "too many questions": (failure(429, "slow down"), ("429: slow down", "tried once", "later")),
    "too long a question": (
        failure(400, "This model's maximum context length is 512 tokens."),
        ("no room", "LOGISIGHT_LLM_MAX_TOKENS"),
    ),
    "a bad question": (
        failure(422, "no seed, please"),
        ("does not take the question", "422: no seed, please"),
    ),
    "a failure": (failure(500, "out of\nmemory \x1b[2J"), ("500: out of memory [2J", "tried once", "log")),
    "not ready": (failure(503, "loading"), ("503: loading",)),
    "sent elsewhere": (
        (307, {"Location": "http://192.0.2.1/v1/chat/completions"}, b""),
        ("192.0.2.1", "not followed", "LOGISIGHT_LLM_URL"),
    ),
    "no error in the body": ((500, {}, b"<html>" + b"x" * 10_000), ("500", "log")),
    "hung up": (None, ("the connection to", "tried once")),
    "a web page": (
        (200, {"Content-Type": "text/html"}, b"<html>hello</html>"),
        ("not with a chat completion", "/v1"),
    ),
    "broken JSON": (
        (200, {"Content-Type": "application/json"}, b'{"choices": ['),
        ("not with a chat completion",),
    ),
    "deep JSON": (
        (200, {"Content-Type": "application/json"}, b"[" * 100_000),
        ("not with a chat completion",),
    ),
    "a list": (as_json([]), ("not with a chat completion",)),
    "a number": (as_json(3), ("not with a chat completion",)),
    "no choices at all": (as_json({"id": "1"}), ("not with a chat completion",)),
    "null for choices": (whole(None), ("not with a chat completion",)),
    "words for choices": (whole("yes"), ("not with a chat completion",)),
    "a choice of words": (whole(["yes"]), ("not with a chat completion",)),
    "a choice without a message": (whole([{"index": 0}]), ("not with a chat completion",)),
    "an error with status 200": (as_json({"error": {"message": "oops"}}), ("oops",)),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("name", ["vllm", "openai"])
def test_what_goes_wrong_at_the_endpoint_is_one_line_that_says_what_to_do(endpoint, once, what, name):
    reply, parts = REFUSED[what]
    endpoint.in_turn(reply)
    line = error_of(name)
    assert endpoint.url in line
    assert [part for part in parts if part not in line] == []
    assert len(endpoint.asked) == 1


def test_an_asynchronous_failure_is_the_same_line(endpoint, once):
    endpoint.in_turn(failure(401, "Unauthorized"))
    with pytest.raises(ModelError) as caught:
        asyncio.run(open_endpoint("vllm", MODEL).ainvoke("hello"))
    assert str(caught.value) == error_of()


def test_no_list_of_models_means_that_the_address_is_wrong(endpoint, once):
    endpoint.in_turn(failure(404, "Not Found"))
    endpoint.models = failure(404, "Not Found")
    assert "LOGISIGHT_LLM_URL usually ends in /v1" in error_of()


def test_nobody_at_home_is_said_with_what_to_start(endpoint, once, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("LOGISIGHT_LLM_URL", f"http://secret:word@127.0.0.1:{free.getsockname()[1]}/v1")
        line = error_of()
    assert "refused" in line and "LOGISIGHT_LLM_URL" in line and f"vllm:{MODEL}" in line
    assert "secret" not in line and "word" not in line


def test_no_answer_in_time_is_said_with_the_time(endpoint, once, monkeypatch):
    monkeypatch.setenv("LOGISIGHT_LLM_TIMEOUT", "0.05")
    endpoint.answer = endpoint.never
    line = error_of()
    assert "within 0.05 s" in line and "LOGISIGHT_LLM_TIMEOUT" in line


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_or_failing_endpoint_is_asked_again(endpoint, status):
    endpoint.in_turn(*[failure(status, "not now", **SOON)] * llm.RETRIES, completion("at last"))
    assert ask().text == "at last"
    assert len(endpoint.asked) == llm.RETRIES + 1


@pytest.mark.parametrize("status", [429, 500])
def test_it_is_asked_again_a_bounded_number_of_times(endpoint, status):
    endpoint.in_turn(failure(status, "not now", **SOON))
    assert f"tried {llm.RETRIES + 1} times" in error_of()
    assert len(endpoint.asked) == llm.RETRIES + 1


@pytest.mark.parametrize("status", [400, 401, 404])
def test_what_will_not_mend_is_asked_once(endpoint, status):
    endpoint.in_turn(failure(status, "no"))
    error_of()
    assert len(endpoint.asked) == 1


UNFINISHED = {
    "cut off": (completion('{"code": "def ch', "length"), "cut off"),
    "withheld": (completion(None, "content_filter"), "content filter"),
    "declined": (completion(None, refusal="I will\nnot."), "will not answer: I will not."),
    "empty": (completion(""), "empty"),
    "null": (completion(None), "empty"),
    "blank": (completion(" \n"), "empty"),
    "no choice": (whole([]), "empty"),
}


@pytest.mark.parametrize("what", UNFINISHED)
@pytest.mark.parametrize("name", ["vllm", "openai"])
def test_an_answer_that_came_to_no_end_is_an_answer_and_says_why(endpoint, once, what, name):
    reply, reason = UNFINISHED[what]
    endpoint.in_turn(reply)
    with pytest.raises(AuthorError, match=reason):
        whole_text(ask(name))


def test_vllm_holds_an_author_to_the_shape_of_its_answer(endpoint):
    endpoint.in_turn_held(completion(DECLINED))
    model = open_endpoint("vllm", MODEL)
    assert [model.invoke(AUTHORS_QUESTION, **HELD).text for _ in range(2)] == [DECLINED, DECLINED]
    probe, *questions = endpoint.asked
    assert len(questions) == 2 and "choice" in probe["structured_outputs"]
    assert questions[0]["structured_outputs"] == {"json": answer_schema(REQUEST.labels)}


def test_others_hold_an_author_to_the_shape_of_its_answer_in_one_field(endpoint):
    endpoint.in_turn_held(completion(f'{{"answer": {DECLINED}}}'))
    answer = open_endpoint("openai", MODEL).invoke(AUTHORS_QUESTION, **HELD)
    assert json.loads(answer.text) == json.loads(DECLINED)
    form = endpoint.asked[1]["response_format"]["json_schema"]
    assert form["strict"] and form["schema"]["type"] == "object"
    assert form["schema"]["required"] == ["answer"] and form["schema"]["additionalProperties"] is False


@pytest.mark.parametrize("name", ["vllm", "openai"])
@pytest.mark.parametrize(
    "reply", [completion("Hello!"), failure(400, "unknown field"), completion("", "length"), whole([])]
)
def test_an_endpoint_that_ignores_the_shape_is_told_of_and_asked_without(endpoint, caplog, name, reply):
    endpoint.in_turn(reply, completion(DECLINED))
    with caplog.at_level(logging.WARNING):
        answer = open_endpoint(name, MODEL).invoke(AUTHORS_QUESTION, **HELD)
    assert answer.text == DECLINED
    assert "does not hold answers to a schema" in caplog.text
    assert "structured_outputs" not in endpoint.asked[1] and "response_format" not in endpoint.asked[1]


def test_a_failure_while_that_is_tried_is_said_and_it_is_tried_again(endpoint, once):
    model = open_endpoint("vllm", MODEL)
    endpoint.in_turn(failure(401, "Unauthorized"))
    with pytest.raises(ModelError, match="LOGISIGHT_LLM_KEY"):
        model.invoke(AUTHORS_QUESTION, **HELD)
    endpoint.in_turn_held(completion(DECLINED))
    assert model.invoke(AUTHORS_QUESTION, **HELD).text == DECLINED


def test_one_process_tries_an_endpoint_once(endpoint):
    endpoint.in_turn_held(completion(DECLINED))
    for _ in range(2):
        open_endpoint("vllm", MODEL).invoke(AUTHORS_QUESTION, **HELD)
    assert sum("choice" in body["structured_outputs"] for body in endpoint.asked) == 1


def test_other_questions_are_not_held_to_the_shape(endpoint):
    ask(question=[HumanMessage("Are these reasons the same?")])
    assert "structured_outputs" not in endpoint.asked[0]


def test_the_shape_names_the_parts_of_the_product():
    draft = answer_schema(["nut", 'a "box"'])["$defs"]["Draft"]
    assert draft["properties"]["labels"]["items"]["enum"] == ["nut", 'a "box"']
    assert draft["required"] == ["code", "kind", "breaks", "labels"]
    assert "enum" not in answer_schema([])["$defs"]["Draft"]["properties"]["labels"]["items"]


class Pins(BaseModel):
    """How many pins."""

    pins: int


@pytest.mark.parametrize(("name", "text"), [("vllm", '{"pins": 2}'), ("openai", '{"pins": 2}')])
def test_structured_output_is_as_langchain_words_it(endpoint, name, text):
    endpoint.in_turn_held(completion(text), completion("two"))
    model = open_endpoint(name, MODEL)
    assert model.with_structured_output(Pins).invoke("How many?") == Pins(pins=2)
    answer = model.with_structured_output(Pins, include_raw=True).invoke("How many?")
    assert (answer["raw"].text, answer["parsed"]) == ("two", None)
    assert isinstance(answer["parsing_error"], AuthorError)


def test_a_streamed_answer_is_held_to_its_shape_too(endpoint):
    endpoint.in_turn_held(streamed('{"pins"', ": 2}"))
    model = open_endpoint("vllm", MODEL)
    schema = {"type": "object"}
    assert "".join(chunk.text for chunk in model.stream("How many?", **held_to(schema))) == '{"pins": 2}'
    assert endpoint.asked[-1]["structured_outputs"] == {"json": schema}


def test_no_more_questions_than_set_are_with_an_endpoint_at_once_and_none_is_lost(endpoint, monkeypatch):
    monkeypatch.setenv("LOGISIGHT_LLM_CONCURRENCY", "2")
    # The last question waits longer for its turn than the endpoint may take for an answer.
    monkeypatch.setenv("LOGISIGHT_LLM_TIMEOUT", "2")
    within, most, lock = 0, 0, threading.Lock()

    def slowly(_):
        nonlocal within, most
        with lock:
            within += 1
            most = max(most, within)
        time.sleep(0.3)
        with lock:
            within -= 1
        return completion("hello")

    endpoint.answer = slowly
    model = open_endpoint("vllm", MODEL)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(model.invoke, ["hello"] * 16))
    assert [answer.text for answer in answers] == ["hello"] * 16
    assert most == 2
