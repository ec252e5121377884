"""`local:MODEL`: real models with random weights that transformers runs in this process."""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra `local` is not installed")
pytest.importorskip("transformers", reason="the extra `local` is not installed")

import torch
from command_line import logisight
from integration.answers import CLOSED, JUDGE, LONG, SENTENCE, fits, is_refused_in_words
from integration.pictures import picture_message
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from logisight.agents.llm import local
from logisight.agents.llm.answers import held_to
from logisight.agents.llm.seat import SEAT
from logisight.agents.reasoner import make_reasoner
from logisight.schema import ModelError
from safetensors.torch import load_file, save_file

RED, BLUE = (255, 0, 0), (0, 0, 255)


def loaded():
    """The network that lies in memory now; None where none does."""
    return SEAT._held and SEAT._held._model


def test_the_same_question_has_the_same_answer_and_its_tokens_are_counted(text: BaseChatModel) -> None:
    answer = text.invoke(SENTENCE)
    assert answer.text and answer.text == text.invoke(SENTENCE).text
    assert answer.usage_metadata["input_tokens"] > len(SENTENCE.split())
    assert answer.usage_metadata["output_tokens"] == 64
    assert answer.response_metadata["finish_reason"] == "length"


def test_a_temperature_samples_and_a_seed_repeats_it(text: BaseChatModel) -> None:
    likeliest = text.invoke(SENTENCE).text
    one, again, other = (text.invoke(SENTENCE, temperature=1.0, seed=seed).text for seed in (1, 1, 2))
    assert one == again
    assert len({likeliest, one, other}) == 3


def test_an_answer_is_held_to_a_schema_and_ends_by_itself(text: BaseChatModel) -> None:
    answer = text.invoke(SENTENCE, **held_to(CLOSED))
    assert fits(answer.text)
    assert answer.response_metadata["finish_reason"] == "stop"


def test_structured_output_is_parsed(text: BaseChatModel) -> None:
    assert list(text.with_structured_output(CLOSED).invoke(SENTENCE)) == ["normal", "kind", "pins"]


def test_a_tool_is_called_and_its_result_is_read(text: BaseChatModel) -> None:
    asked = HumanMessage(SENTENCE)
    answer = text.bind_tools([JUDGE], tool_choice="judge").invoke([asked])
    (call,) = answer.tool_calls
    assert call["name"] == "judge" and fits(json.dumps(call["args"]))
    assert answer.response_metadata["finish_reason"] == "tool_calls"
    assert (
        text.bind_tools([JUDGE]).invoke([asked, answer, ToolMessage("normal", tool_call_id=call["id"])]).text
    )


def test_the_odds_of_each_token_are_told(text: BaseChatModel) -> None:
    answer = text.invoke(SENTENCE, logprobs=True, top_logprobs=3, max_tokens=5)
    told = answer.response_metadata["logprobs"]["content"]
    assert "".join(one["token"] for one in told) == answer.text
    for one in told:
        best = [other["logprob"] for other in one["top_logprobs"]]
        assert one["logprob"] == best[0] < 0 and best == sorted(best, reverse=True) and len(best) == 3


def test_the_odds_are_the_models_own_and_not_what_a_schema_leaves_of_them(text: BaseChatModel) -> None:
    held = {"logprobs": True, "top_logprobs": 1, **held_to({"const": "pin"})}
    (first, *_) = text.invoke(SENTENCE, **held).response_metadata["logprobs"]["content"]
    assert first["logprob"] < first["top_logprobs"][0]["logprob"]


def test_a_stop_ends_the_answer_before_it(text: BaseChatModel) -> None:
    whole = text.invoke(SENTENCE).text
    stop = whole[20:24]
    for answer in (text.invoke(SENTENCE, stop=[stop]), text.bind(stop=[stop])):
        answer = answer if isinstance(answer, AIMessage) else next(iter(answer.stream(SENTENCE)))
        assert answer.text == whole[: whole.index(stop)]
        assert answer.response_metadata["finish_reason"] == "stop"


def test_an_answer_streams_as_it_is_written(text: BaseChatModel) -> None:
    chunks = list(text.stream(SENTENCE))
    whole = text.invoke(SENTENCE)
    assert len(chunks) > 5
    assert "".join(chunk.text for chunk in chunks) == whole.text
    assert chunks[-1].response_metadata["finish_reason"] == "length"
    assert chunks[-1].usage_metadata == whole.usage_metadata


def test_a_forced_call_streams_as_a_call(text: BaseChatModel) -> None:
    (chunk,) = text.bind_tools([JUDGE], tool_choice="any").stream(SENTENCE)
    assert not chunk.text and fits(json.dumps(chunk.tool_calls[0]["args"]))


@pytest.fixture
def steps(text: BaseChatModel):
    """Grows by one with each token that the text model writes."""
    text.invoke("Hi.", max_tokens=1)
    counted = []
    hook = loaded().register_forward_hook(lambda *_: counted.append(1))
    yield counted
    hook.remove()


def test_a_stream_that_is_left_is_not_written_to_its_end(text: BaseChatModel, steps: list[int]) -> None:
    words = text.stream(SENTENCE, max_tokens=LONG)
    assert next(words) is not None
    words.close()
    assert 0 < len(steps) < LONG / 2


def test_a_cancelled_question_is_not_answered_to_its_end(text: BaseChatModel, steps: list[int]) -> None:
    async def cancelled() -> bool:
        asked = asyncio.create_task(text.ainvoke(SENTENCE, max_tokens=LONG))
        while not steps:
            await asyncio.sleep(0.01)
        asked.cancel()
        return isinstance((await asyncio.gather(asked, return_exceptions=True))[0], asyncio.CancelledError)

    assert asyncio.run(cancelled())
    assert 0 < len(steps) < LONG / 2


def test_an_answer_that_takes_too_long_is_cut_off(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGISIGHT_LLM_TIMEOUT", "0.5")
    answer = make_reasoner(f"local:{home / 'models/text'}").invoke(SENTENCE, max_tokens=LONG)
    assert answer.response_metadata["finish_reason"] == "length"
    assert 0 < answer.usage_metadata["output_tokens"] < LONG


def test_many_at_once_are_answered_one_after_the_other(text: BaseChatModel) -> None:
    alone = [text.invoke(f"Pin {n}?", max_tokens=4).text for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda n: text.invoke(f"Pin {n}?", max_tokens=4).text, range(8))) == alone


def test_a_picture_is_read(vision: BaseChatModel) -> None:
    red = vision.invoke([picture_message("What colour is it?", RED)])
    blue = vision.invoke([picture_message("What colour is it?", BLUE)])
    unseen = vision.invoke("What colour is it?")
    assert red.usage_metadata["input_tokens"] == unseen.usage_metadata["input_tokens"] + 16
    assert len({red.text, blue.text, unseen.text}) == 3
    assert fits(vision.invoke([picture_message("What colour is it?", RED)], **held_to(CLOSED)).text)


def test_words_cannot_feign_a_picture(vision: BaseChatModel) -> None:
    plain = vision.invoke([picture_message("What colour is it?", RED)]).usage_metadata["input_tokens"]
    feigned = vision.invoke([picture_message("What colour is <image>?", RED)]).usage_metadata["input_tokens"]
    assert feigned < plain + 16


def test_a_text_model_refuses_a_picture(text: BaseChatModel) -> None:
    with pytest.raises(ModelError, match="reads no pictures"):
        text.invoke([picture_message("What colour is it?", RED)])


@pytest.mark.parametrize(("bits", "layer"), [("4bit", "Linear4bit"), ("8bit", "Linear8bitLt")])
@pytest.mark.parametrize("model", ["text", "vision"])
def test_a_model_is_loaded_with_fewer_bits(home: Path, model: str, bits: str, layer: str) -> None:
    pytest.importorskip("bitsandbytes", reason="the extra `local` is not installed")
    make_reasoner(f"local:{home / 'models' / model}")
    full = loaded().get_memory_footprint()
    small = make_reasoner(f"local:{home / 'models' / model}?quant={bits}")
    assert layer in {type(module).__name__ for module in loaded().modules()}
    assert loaded().get_memory_footprint() < full
    question = picture_message(SENTENCE, RED) if model == "vision" else HumanMessage(SENTENCE)
    assert fits(small.invoke([question], **held_to(CLOSED)).text)


def test_closing_frees_the_memory_and_the_next_question_loads_again(text: BaseChatModel) -> None:
    before = text.invoke(SENTENCE).text
    network = weakref.ref(loaded())
    text.close()
    assert network() is None
    assert text.invoke(SENTENCE).text == before


def test_another_model_takes_the_place_of_the_first(text: BaseChatModel, home: Path) -> None:
    before = text.invoke(SENTENCE).text
    network = weakref.ref(loaded())
    make_reasoner(f"local:{home / 'models/vision'}")
    assert network() is None
    assert text.invoke(SENTENCE).text == before


def test_a_model_that_nobody_holds_frees_its_memory(home: Path) -> None:
    make_reasoner(f"local:{home / 'models/text'}")
    network = weakref.ref(loaded())
    local._opened.cache_clear()
    gc.collect()
    assert network() is None


def test_a_question_longer_than_the_context_is_one_line(text: BaseChatModel) -> None:
    with pytest.raises(ModelError, match="has no room for the question and its answer") as raised:
        text.invoke("pin " * 20_000)
    assert "\n" not in str(raised.value)


def test_an_answer_ends_where_the_context_does(text: BaseChatModel) -> None:
    long = text.invoke("pin " * 8_150, max_tokens=LONG)
    assert long.usage_metadata["total_tokens"] == 16_384
    assert long.response_metadata["finish_reason"] == "length"


def lacks_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def has_pickles_only(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def is_cut_off(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


def has_no_chat_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


def brings_its_own_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\n")


def is_damaged(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def has_no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lacks_a_weight, "lacks 1 of its weights"),
        (has_pickles_only, "safetensors"),
        (is_cut_off, "cannot be loaded"),
        (has_no_chat_template, "no chat template"),
        (brings_its_own_code, "none of its own code is run"),
        (is_damaged, "cannot be loaded"),
        (has_no_config, "config.json is missing"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_line(home: Path, tmp_path: Path, damage, said: str) -> None:
    folder = shutil.copytree(home / "models/text", tmp_path / "model")
    damage(folder)
    with pytest.raises(ModelError, match=said) as raised:
        make_reasoner(f"local:{folder}")
    assert "\n" not in str(raised.value) and str(folder) in str(raised.value)
    assert not (folder / "ran").exists()


def test_authoring_with_garbage_ends_refused_and_the_rulebook_stays(home: Path, demo_line: Path) -> None:
    before = {file: file.read_bytes() for file in (demo_line / "box").rglob("*") if file.is_file()}
    ended = logisight(
        "author", demo_line / "box", SENTENCE, "--llm", f"local:{home / 'models/text'}", "--json"
    )
    (result,) = json.loads(ended.stdout)
    assert ended.returncode == 1
    assert is_refused_in_words(result)
    assert {file: file.read_bytes() for file in (demo_line / "box").rglob("*") if file.is_file()} == before
