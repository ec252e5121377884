"""Sessions whose model is served by a real vLLM; it has random weights, and what it says is garbage."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from logisight.agents.product import Product, open_product
from logisight.agents.session.desk import Desk
from logisight.agents.session.session import Session, Sessions


@pytest.fixture
def product(demo_line: Path, tmp_path: Path) -> Product:
    """A product of its own, with three rules."""
    shutil.copytree(demo_line / "box", tmp_path / "box")
    return open_product(tmp_path / "box")


@pytest.fixture
def picture(demo_line: Path) -> Path:
    return next((demo_line / "inspect").glob("*.png"))


@pytest.fixture
def sessions(product: Product) -> Iterator[Sessions]:
    with Sessions(product) as sessions:
        yield sessions


def rules_of(product: Product) -> list[str]:
    return [rule.code for rule in product.rulebook()]


def test_what_the_model_says_is_streamed_kept_and_counted(
    sessions: Sessions, picture: Path, text_model: BaseChatModel
) -> None:
    pieces: list[str] = []
    before = rules_of(sessions.product)
    with Desk(sessions.product, sessions.store, text_model) as desk:
        session = Session(sessions, sessions.start().id, desk, "vllm:text", on_text=pieces.append)
        first, second = session.say("What is wrong?", [picture]).turn, session.say("Why?").turn
    assert first and second
    assert first.reasoner == "vllm:text"
    assert len(pieces) > 2
    assert first.answer in "".join(pieces)
    asked = [step.usage.input_tokens for turn in (first, second) for step in turn.steps]
    assert 0 < asked[0] < asked[1], "the second question is told with the first"
    assert rules_of(sessions.product) == before


def test_a_model_that_calls_a_tool_without_end_is_stopped(
    sessions: Sessions, text_model: BaseChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind: Any = type(text_model)
    monkeypatch.setattr(kind, "bind_tools", partialmethod(kind.bind_tools, tool_choice="list_rules"))
    with Desk(sessions.product, sessions.store, text_model) as desk:
        turn = Session(sessions, sessions.start().id, desk, "vllm:text").say("What is wrong?").turn
    assert turn
    assert re.match(r"I stopped after \d+ tool calls, before it was done\. 1\. There is", turn.answer)
    assert {step.name for step in turn.steps} == {"think", "list_rules"}
    assert not any(step.error for step in turn.steps)


def test_a_model_that_cannot_tell_colours_is_not_asked_and_one_that_can_is_sent_the_picture(
    sessions: Sessions, picture: Path, vision_model: BaseChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Desk(sessions.product, sessions.store, vision_model) as desk:
        session = Session(sessions, sessions.start().id, desk)
        session.say("", [picture])
        refused = session.say("ask the model: is there a scratch?").turn
        assert refused
        assert "no model of this session sees pictures: vllm:vision: 'images' fails" in refused.answer
        monkeypatch.setattr("logisight.agents.session.explaining_tools.require", lambda *_: None)
        heard = session.say("ask the model: is there a scratch?").turn
    assert heard
    # Nothing but the limit on its length ends the sentence of a random model.
    says = r"vllm:vision says of picture 1: (normal|anomalous|unsure), since |.*cut off"
    assert re.search(rf"({says})", heard.answer)
    assert [step.name for step in heard.steps] == ["think", "ask_model", "think"]
