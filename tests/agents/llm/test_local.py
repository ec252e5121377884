"""Names of models in this process, and what is said where they cannot run; real ones are in integration."""

from __future__ import annotations

import sys

import pytest
from logisight.agents.llm import settings
from logisight.agents.llm.settings import split_options
from logisight.agents.reasoner import KINDS, make_reasoner
from logisight.schema import AuthorError, ModelError


@pytest.mark.parametrize(("kind", "extra"), [("local", "local"), ("engine", "vllm")])
def test_the_package_it_needs_is_named_where_it_is_not_installed(kind, extra, monkeypatch):
    for module in ("here", "local", "weights", "engine"):
        monkeypatch.delitem(sys.modules, f"logisight.agents.llm.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(AuthorError) as raised:
        make_reasoner(f"{kind}:models/qwen")
    assert str(raised.value) == (
        f"'{kind}:models/qwen' needs the package torch; install it: pip install 'logisight[{extra}]'"
    )


@pytest.mark.parametrize("name", ["local:", "local", "engine: ", "Local:x"])
def test_a_name_without_a_model_is_said_with_what_there_is(name):
    with pytest.raises(AuthorError) as raised:
        make_reasoner(name)
    assert str(raised.value).endswith(", ".join(["there are: offline", *(f"{kind}:MODEL" for kind in KINDS)]))


@pytest.mark.parametrize(
    ("name", "model", "options"),
    [
        ("local:qwen", "qwen", {}),
        ("local:Qwen/Qwen3-VL-8B", "Qwen/Qwen3-VL-8B", {}),
        ("local:/models/qwen?quant=4bit", "/models/qwen", {"quant": "4bit"}),
        ("engine:a:b?quant=4bit&dtype=auto", "a:b", {"quant": "4bit", "dtype": "auto"}),
        ("local:qwen?", "qwen", {}),
    ],
)
def test_options_stand_after_the_model(name, model, options):
    assert split_options(name, ["quant", "dtype"]) == (model, options)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("local:qwen?bits=4", "bits=4 cannot be used; after ? may stand: quant=..."),
        ("local:qwen?quant=", "quant= cannot be used"),
        ("local:qwen?quant=4bit&quant=8bit", "gives an option twice"),
        ("local:?quant=4bit", "names no model"),
        ("local:qwen?\n\x1b[2J=1", "cannot be used"),
    ],
)
def test_options_that_cannot_be_used_are_one_line(name, said):
    with pytest.raises(ModelError) as raised:
        split_options(name, ["quant"])
    assert said in str(raised.value) and str(raised.value).isprintable()


@pytest.mark.parametrize("value", ["0", "-1", "ten", "inf", "nan", "1e9"])
def test_a_limit_that_is_none_is_one_line(monkeypatch, value):
    monkeypatch.setenv("LOGISIGHT_LLM_TIMEOUT", value)
    with pytest.raises(ModelError, match="LOGISIGHT_LLM_TIMEOUT must be a number above 0"):
        settings.timeout()


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("LOGISIGHT_LLM_TIMEOUT", "2.5")
    monkeypatch.setenv("LOGISIGHT_LLM_MAX_TOKENS", "0.5")
    assert (settings.timeout(), settings.max_tokens()) == (2.5, 1)
    monkeypatch.delenv("LOGISIGHT_LLM_TIMEOUT")
    monkeypatch.setenv("LOGISIGHT_LLM_MAX_TOKENS", "")
    assert (settings.timeout(), settings.max_tokens()) == (settings.TIMEOUT, settings.MAX_TOKENS)


def test_a_number_of_bits_that_there_is_not_is_one_line():
    pytest.importorskip("transformers", reason="the extra `local` is not installed")
    with pytest.raises(ModelError, match="quant=3bit cannot be used; there are 4bit and 8bit"):
        make_reasoner("local:models/qwen?quant=3bit")


@pytest.mark.parametrize(
    "model", ["/nowhere/qwen", "nobody/qwen-that-is-not-there", "../qwen", "a/b/c", "~/no-qwen"]
)
def test_a_model_that_is_not_there_is_one_line_with_where_it_was_looked_for(model):
    pytest.importorskip("transformers", reason="the extra `local` is not installed")
    with pytest.raises(
        ModelError, match=r"is no folder, and not among the models in .*hf download"
    ) as raised:
        make_reasoner(f"local:{model}")
    assert "\n" not in str(raised.value)
