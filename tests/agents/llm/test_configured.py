"""What is said of the chat models that a machine is set up for, and what is not."""

from __future__ import annotations

import pytest

pytest.importorskip("langchain_openai", reason="the extra `llm` is not installed")

from chat_endpoint import SETTINGS, as_json, failure, serving
from logisight.agents.llm import configured as room
from logisight.agents.llm.configured import Gpu, configured, gpus
from logisight.agents.reasoner import KINDS
from vllm_stand_in import stand_in


@pytest.fixture(autouse=True)
def plain(monkeypatch, tmp_path):
    for variable in (*SETTINGS, "LOGISIGHT_LLM", "LOGISIGHT_LLM_URL", "LOGISIGHT_VLLM"):
        monkeypatch.delenv(variable, raising=False)
    # Neither a vllm nor an nvidia-smi.
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def endpoint(monkeypatch):
    with serving() as endpoint:
        monkeypatch.setenv("LOGISIGHT_LLM_URL", endpoint.url)
        yield endpoint


def of_kind(kind):
    (found,) = [one for one in configured().endpoints if one.kind == kind]
    return found


def test_every_kind_is_listed_with_what_it_lacks(monkeypatch):
    monkeypatch.setattr(room, "find_spec", lambda name: None if name == "vllm" else object())
    kinds = {kind.name: kind for kind in configured().kinds}
    assert list(kinds) == ["offline", *(f"{kind}:MODEL" for kind in KINDS)]
    assert kinds["offline"].missing == []
    assert kinds["local:MODEL"].missing == []
    assert kinds["engine:MODEL"].missing == ["vllm"]
    assert kinds["engine:MODEL"].install == "pip install 'logisight[vllm]'"


def test_without_the_client_no_endpoint_is_asked(monkeypatch):
    monkeypatch.setattr(room, "find_spec", lambda _: None)
    found = configured()
    assert found.endpoints == []
    assert "logisight[llm]" in found.kinds[1].install


def test_who_is_asked_is_said_with_where_that_comes_from(monkeypatch):
    assert (configured().chosen, configured().chosen_from) == ("offline", "default")
    monkeypatch.setenv("LOGISIGHT_LLM", "vllm:eyes")
    assert (configured().chosen, configured().chosen_from) == ("vllm:eyes", "LOGISIGHT_LLM")


def test_an_endpoint_says_what_it_serves(endpoint):
    found = of_kind("vllm")
    assert (found.url, found.url_from) == (endpoint.url, "LOGISIGHT_LLM_URL")
    assert (found.serves, found.problem) == (["tiny"], None)


@pytest.mark.parametrize(
    ("reply", "seen"),
    [
        (failure(401, "no such key"), "refuses the key"),
        (failure(500, "broken"), "broken"),
        (as_json({"data": None}), "not with a chat completion"),
        (as_json("hello"), "not with a chat completion"),
        ((200, {"Content-Type": "text/html"}, b"<html>"), "not with a chat completion"),
    ],
)
def test_an_endpoint_that_does_not_say_is_one_line(endpoint, reply, seen):
    endpoint.models = reply
    found = of_kind("vllm")
    assert found.serves is None
    assert seen in found.problem
    assert found.problem.isprintable()


def test_an_endpoint_that_is_not_there_is_one_line(monkeypatch):
    with serving() as gone:
        monkeypatch.setenv("LOGISIGHT_LLM_URL", gone.url)
    assert "Connection refused" in of_kind("vllm").problem


def test_an_endpoint_is_at_its_default_place_unless_told_otherwise():
    found = of_kind("openai")
    assert (found.url, found.url_from, found.key_from) == ("https://api.openai.com/v1", "default", None)
    assert "wants a key" in found.problem


def test_keys_and_passwords_are_never_told(endpoint, monkeypatch):
    monkeypatch.setenv("LOGISIGHT_LLM_KEY", "hush-hush")
    monkeypatch.setenv("LOGISIGHT_LLM_URL", endpoint.url.replace("http://", "http://me:sesame@"))
    found = configured()
    assert found.endpoints[0].key_from == "LOGISIGHT_LLM_KEY"
    assert found.endpoints[0].url == endpoint.url
    monkeypatch.setenv("LOGISIGHT_LLM_URL", "ftp://me:sesame@host")
    unusable = configured()
    assert "is not a web address" in unusable.endpoints[0].problem
    for told in (found, unusable):
        assert "hush" not in told.model_dump_json()
        assert "sesame" not in told.model_dump_json()


def test_names_of_models_are_shown_in_one_printable_line(endpoint):
    endpoint.models = as_json({"object": "list", "data": [{"id": "a\n\x1b[2J" + "b" * 1000}]})
    (name,) = of_kind("vllm").serves
    assert name.isprintable()
    assert len(name) <= 60


def test_the_program_that_serves_is_named_or_how_to_get_it(tmp_path):
    assert "pip install vllm" in configured().server_problem
    program = stand_in(tmp_path, "serves")
    assert (configured().server, configured().server_problem) == (str(program), None)


@pytest.mark.parametrize(
    ("text", "cards"),
    [
        (
            "echo 'NVIDIA A, B, 81559, 80000'; echo 'NVIDIA C, 24564, 11'",
            [Gpu(name="NVIDIA A, B", memory=81559, free=80000), Gpu(name="NVIDIA C", memory=24564, free=11)],
        ),
        ("echo 'NVIDIA GB10, [N/A], [N/A]'", []),
        ("echo 'No devices were found'", []),
        ("echo 'NVIDIA-SMI has failed'; exit 9", []),
    ],
)
def test_graphics_cards_are_what_nvidia_smi_tells(tmp_path, text, cards):
    assert gpus() == []
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    assert gpus() == cards
