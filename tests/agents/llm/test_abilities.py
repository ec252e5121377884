"""What a chat model can do is tried, not believed; over a real socket where an endpoint is in play."""

from __future__ import annotations

import base64
import gc
import io
import json
import weakref

import pytest

pytest.importorskip("langchain_openai", reason="the extra `llm` is not installed")

from chat_endpoint import SETTINGS, as_json, completion, failure, probed, serving, streamed
from langchain_core.language_models import FakeListChatModel
from logisight.agents.llm import endpoint as llm
from logisight.agents.llm.abilities import SQUARES, Ability, Report, Tried, name_of, require, try_ability
from logisight.agents.reasoner import make_reasoner
from logisight.schema import ModelError
from PIL import Image

TOOL_CALL = {"part": "washer", "count": 17}
ODDS = {"token": "yes", "logprob": -0.1, "top_logprobs": [{"token": "no", "logprob": -2.4}]}


@pytest.fixture
def endpoint(monkeypatch):
    for variable in SETTINGS:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(llm, "RETRIES", 0)
    llm._opened.cache_clear()
    with serving() as endpoint:
        monkeypatch.setenv("LOGISIGHT_LLM_URL", endpoint.url)
        endpoint.answer = able
        yield endpoint


@pytest.fixture
def model(endpoint):
    return make_reasoner("vllm:tiny")


def able(body):
    """A model that can do everything."""
    question = body["messages"][-1]["content"]
    if "json" in body.get("structured_outputs", {}):
        return completion('{"word": "basalt"}')
    if body.get("stream"):
        return streamed("one", " two")
    if "tools" in body:
        return calling("record_count", TOOL_CALL)
    if body.get("logprobs"):
        return with_odds([ODDS])
    if isinstance(question, list):
        return completion(f"It is {color_of(question)}.")
    return probed(body) or completion("Washer" if "washer" in question else "hello")


def calling(name, arguments):
    call = {
        "id": "1",
        "type": "function",
        "function": {"name": name, "arguments": json.dumps(arguments)},
    }
    return completion(None, "tool_calls", tool_calls=[call])


def with_odds(words):
    answer = json.loads(completion("yes")[2])
    answer["choices"][0]["logprobs"] = {"content": words}
    return as_json(answer)


def with_usage(usage):
    answer = json.loads(completion("hello")[2])
    answer["usage"] = usage
    return as_json(answer)


def color_of(content):
    """The colour of the picture in a question, seen in its pixels."""
    (url,) = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    pixels = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")
    (seen,) = [name for name, rgb in SQUARES.items() if rgb == pixels.getpixel((5, 5))]
    return seen


@pytest.mark.parametrize("ability", Ability)
def test_a_model_that_can_is_told_so(model, ability):
    tried = try_ability(model, ability)
    assert tried.state == "yes", tried.detail
    assert tried.ability is ability
    assert tried.detail
    assert tried.seconds > 0


REFUSED = failure(400, "this model takes no such thing")
POSITIVE = {**ODDS, "logprob": 0.5}
LONELY = {**ODDS, "top_logprobs": []}


@pytest.mark.parametrize(
    ("ability", "reply", "state", "seen"),
    [
        (Ability.answer, completion("I am a teapot"), "wrong", "I am a teapot"),
        (Ability.answer, completion("washer washer washer", "length"), "wrong", "cut off"),
        (Ability.answer, completion(""), "wrong", "empty"),
        (Ability.answer, completion(None, refusal="I would rather not"), "wrong", "rather not"),
        (Ability.schema, completion("Hello there!"), "wrong", "Hello there!"),
        (Ability.schema, completion('{"word": "hello"}'), "wrong", "hello"),
        (Ability.schema, completion('{"word": "basalt", "more": "x"}'), "wrong", "more"),
        (Ability.schema, REFUSED, "no", "takes no such thing"),
        (Ability.tools, completion("17 washers"), "wrong", "no tool is called"),
        (Ability.tools, calling("record_count", {"part": "washer", "count": 3}), "wrong", "3"),
        (Ability.tools, calling("rm", TOOL_CALL), "wrong", "rm"),
        (Ability.tools, REFUSED, "no", "takes no such thing"),
        (Ability.images, completion("yellow"), "wrong", "a blue square is 'yellow'"),
        (Ability.images, completion("blue or yellow"), "wrong", "blue or yellow"),
        (Ability.images, REFUSED, "no", "takes no such thing"),
        (Ability.streaming, streamed("all at once"), "no", "one piece"),
        (Ability.streaming, streamed(""), "no", "nothing comes"),
        (Ability.streaming, completion("not a stream"), "no", "nothing comes"),
        (Ability.streaming, REFUSED, "no", "takes no such thing"),
        (Ability.odds, completion("yes"), "no", "none are told"),
        (Ability.odds, with_odds([]), "no", "none are told"),
        (Ability.odds, with_odds([POSITIVE]), "wrong", "not a log probability"),
        (Ability.odds, with_odds([LONELY]), "wrong", "not a log probability"),
        (Ability.odds, REFUSED, "no", "takes no such thing"),
        (Ability.tokens, with_usage(None), "no", "none are counted"),
        (
            Ability.tokens,
            with_usage({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}),
            "wrong",
            "0 of the question",
        ),
    ],
)
def test_a_model_that_cannot_is_told_how(endpoint, model, ability, reply, state, seen):
    endpoint.answer = lambda body: reply if is_trial(ability, body) else able(body)
    tried = try_ability(model, ability)
    assert (tried.state, tried.ability) == (state, ability)
    assert seen in tried.detail


def is_trial(ability, body):
    """Whether a question is the one that tries an ability."""
    question = body["messages"][-1]["content"]
    return {
        Ability.answer: "washer" in question,
        Ability.schema: "json" in body.get("structured_outputs", {}),
        Ability.tools: "tools" in body,
        Ability.images: isinstance(question, list),
        Ability.streaming: bool(body.get("stream")),
        Ability.odds: bool(body.get("logprobs")),
        Ability.tokens: question == "Say hello." and "structured_outputs" not in body,
    }[ability]


def test_a_server_that_ignores_schemas_is_found_out(endpoint, model):
    endpoint.answer = lambda _: completion("Hello!")
    assert try_ability(model, Ability.schema).state == "wrong"


@pytest.mark.parametrize("ability", Ability)
def test_a_dead_endpoint_is_an_error_and_no_missing_ability(endpoint, monkeypatch, ability):
    with serving() as gone:
        monkeypatch.setenv("LOGISIGHT_LLM_URL", gone.url)
    with pytest.raises(ModelError, match="Connection refused"):
        try_ability(make_reasoner("vllm:tiny"), ability)


def test_a_model_that_is_not_served_is_an_error(endpoint, model):
    endpoint.answer = lambda _: failure(404, "no such model")
    with pytest.raises(ModelError, match="does not serve"):
        try_ability(model, Ability.images)


@pytest.mark.parametrize("ability", Ability)
def test_the_offline_reasoner_is_no_chat_model(ability):
    tried = try_ability(make_reasoner("offline"), ability)
    assert tried.state == "no"
    assert "controlled English" in tried.detail


def test_a_kind_of_model_without_tools_has_none():
    tried = try_ability(FakeListChatModel(responses=["washer"]), Ability.tools)
    assert (tried.state, tried.detail) == ("no", "this kind of model has no such thing")


def test_what_a_model_says_is_shown_in_one_printable_line(endpoint, model):
    endpoint.answer = lambda _: completion("no\n\x1b[2J [red]" + "x" * 10_000)
    detail = try_ability(model, Ability.answer).detail
    assert detail.isprintable()
    assert len(detail) < 200


def test_what_is_required_and_there_is_tried_once(endpoint, model):
    require(model, Ability.answer, Ability.schema)
    asked = len(endpoint.asked)
    assert asked > 0
    require(model, Ability.answer, Ability.schema)
    require(make_reasoner("vllm:tiny"), Ability.answer)
    assert len(endpoint.asked) == asked


def test_what_is_required_and_missing_is_one_line_that_says_what_to_do(endpoint, model):
    endpoint.answer = lambda body: REFUSED if is_trial(Ability.images, body) else able(body)
    with pytest.raises(ModelError) as raised:
        require(model, Ability.answer, Ability.images)
    line = str(raised.value)
    assert line.startswith("vllm:tiny: 'images' is not there")
    assert "takes no such thing" in line
    assert "vision-language model" in line
    assert "\n" not in line


def test_what_is_required_of_the_offline_reasoner_is_one_line():
    with pytest.raises(ModelError, match=r"offline cannot 'schema' .*such as vllm:MODEL"):
        require(make_reasoner("offline"), Ability.schema)


def test_a_model_that_was_tried_is_not_kept_for_it():
    model = FakeListChatModel(responses=["washer"])
    require(model, Ability.answer)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_a_model_is_known_by_the_string_that_names_it(model):
    assert name_of(model) == "vllm:tiny"
    assert name_of(FakeListChatModel(responses=[])) == "fake-list-chat-model"


@pytest.mark.parametrize(
    ("states", "lacks"),
    [
        ({"answer": "yes", "schema": "yes", "images": "no"}, []),
        ({"answer": "yes", "schema": "wrong"}, ["schema"]),
        ({"answer": "no"}, ["answer", "schema"]),
        ({}, ["answer", "schema"]),
    ],
)
def test_a_model_can_author_if_it_answers_and_keeps_to_a_schema(states, lacks):
    tried = [Tried(ability=name, state=state, detail="", seconds=0) for name, state in states.items()]
    report = Report(model="vllm:tiny", abilities=tried)
    assert report.lacks_for_authoring == lacks
    assert report.model_dump()["can_author"] is not bool(lacks)
