"""LogiSight against a real vLLM whose models have random weights and answer garbage in the right form."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from command_line import logisight
from integration.answers import CLOSED, JUDGE, LONG, SENTENCE, fits, is_refused_in_words
from integration.pictures import picture_message
from integration.vllm_server import serve
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from logisight.agents.reasoner import make_reasoner
from logisight.schema import ModelError
from proc_tree import eventually

CONCURRENT = 200
HELD = {"extra_body": {"structured_outputs": {"json": CLOSED}}}


def test_tokens_are_counted(text_model: BaseChatModel) -> None:
    usage = text_model.invoke("How many pins?").usage_metadata
    assert usage["input_tokens"] > 0
    assert 0 < usage["output_tokens"] <= 64


def test_a_long_answer_is_cut_off(text_model: BaseChatModel) -> None:
    assert text_model.invoke("How many pins?").response_metadata["finish_reason"] == "length"


def test_the_same_question_has_the_same_answer(text_model: BaseChatModel) -> None:
    assert text_model.invoke(SENTENCE).text == text_model.invoke(SENTENCE).text


def test_an_answer_is_held_to_a_schema(text_model: BaseChatModel) -> None:
    assert fits(text_model.invoke(SENTENCE, **HELD).text)


def test_a_tool_is_called(text_model: BaseChatModel) -> None:
    (call,) = text_model.bind_tools([JUDGE], tool_choice="judge").invoke(SENTENCE).tool_calls
    assert call["name"] == "judge"
    assert fits(json.dumps(call["args"]))


def test_the_odds_of_each_word_are_told(text_model: BaseChatModel) -> None:
    told = text_model.bind(logprobs=True, top_logprobs=2).invoke(SENTENCE, max_tokens=2).response_metadata
    words = told["logprobs"]["content"]
    assert len(words) == 2
    assert all(word["logprob"] <= 0 and len(word["top_logprobs"]) == 2 for word in words)


def test_many_at_once_are_all_answered(text_model: BaseChatModel) -> None:
    with ThreadPoolExecutor(CONCURRENT) as pool:
        answers = list(pool.map(lambda n: text_model.invoke(f"Pin {n}?", **HELD), range(CONCURRENT)))
    assert all(fits(answer.text) for answer in answers)


def test_an_answer_streams_as_it_is_written(text_model: BaseChatModel) -> None:
    chunks = [chunk.text for chunk in text_model.stream(SENTENCE)]
    assert len(chunks) > 10
    assert "".join(chunks) == text_model.invoke(SENTENCE).text


def told(url: str, metric: str) -> float:
    """What a server counts about itself."""
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/metrics") as answer:
        return float(re.search(rf"^vllm:{metric}{{.*}} (\S+)$", answer.read().decode(), re.MULTILINE)[1])


@pytest.mark.parametrize("way", ["ainvoke", "astream"])
def test_a_cancelled_question_is_given_up_by_the_server(
    text_url: str, text_model: BaseChatModel, way: str
) -> None:
    written = told(text_url, "generation_tokens_total")

    async def ask() -> None:
        if way == "ainvoke":
            await text_model.ainvoke(SENTENCE, max_tokens=LONG)
        else:
            async for _ in text_model.astream(SENTENCE, max_tokens=LONG):
                pass

    async def cancelled() -> bool:
        asked = asyncio.create_task(ask())
        while not await asyncio.to_thread(told, text_url, "num_requests_running"):
            await asyncio.sleep(0.01)
        asked.cancel()
        return isinstance((await asyncio.gather(asked, return_exceptions=True))[0], asyncio.CancelledError)

    assert asyncio.run(cancelled())
    assert eventually(lambda: told(text_url, "num_requests_running") == 0)
    assert told(text_url, "generation_tokens_total") - written < LONG


def test_one_event_loop_after_another_can_ask(text_model: BaseChatModel) -> None:
    answers = [asyncio.run(text_model.ainvoke(SENTENCE)).text for _ in range(3)]
    assert len(set(answers)) == 1


def test_a_question_longer_than_the_context_is_one_line(text_model: BaseChatModel) -> None:
    with pytest.raises(ModelError, match="has no room for the question and its answer") as raised:
        text_model.invoke("pin " * 20_000)
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("text_model")
def test_a_model_it_does_not_serve_is_one_line_that_names_what_it_serves() -> None:
    with pytest.raises(ModelError, match=re.compile(r"does not serve vllm:other .*it serves: text$")):
        make_reasoner("vllm:other").invoke("Hello.")


@pytest.mark.usefixtures("text_model")
def test_authoring_with_garbage_ends_refused_and_the_rulebook_stays(demo_line: Path) -> None:
    before = {file: file.read_bytes() for file in (demo_line / "box").rglob("*") if file.is_file()}
    ended = logisight("author", demo_line / "box", SENTENCE, "--llm", "vllm:text", "--json")
    (result,) = json.loads(ended.stdout)
    assert ended.returncode == 1
    assert is_refused_in_words(result)
    assert {file: file.read_bytes() for file in (demo_line / "box").rglob("*") if file.is_file()} == before


def test_a_picture_is_read(vision_model: BaseChatModel) -> None:
    seen = vision_model.invoke([picture_message("What colour is it?", (255, 0, 0))], **HELD)
    unseen = vision_model.invoke([HumanMessage("What colour is it?")], **HELD)
    assert fits(seen.text)
    assert seen.usage_metadata["input_tokens"] > unseen.usage_metadata["input_tokens"]


def test_a_server_killed_in_mid_answer_is_one_line_and_a_new_one_answers(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGISIGHT_LLM_MAX_TOKENS", "16000")
    with serve(home, "text") as server:
        monkeypatch.setenv("LOGISIGHT_LLM_URL", server.url)
        model = make_reasoner("vllm:text")
        words = model.stream(SENTENCE)
        assert next(words) is not None
        server.kill()
        with pytest.raises(ModelError) as raised:
            list(words)
        assert "\n" not in str(raised.value)
        with pytest.raises(ModelError, match="Connection refused"):
            model.invoke("Hello.")
    with serve(home, "text", port=server.port):
        assert fits(model.invoke(SENTENCE, **HELD).text)
