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
from logisight.agents.session.calls import TOOLS
from logisight.agents.session.desk import Desk
from logisight.agents.session.session import Session, Sessions
from logisight.agents.session.tool import Around
from logisight.schema import SessionError


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


def test_a_model_that_sees_pictures_is_asked_about_one(
    sessions: Sessions, picture: Path, vision_model: BaseChatModel
) -> None:
    with Desk(sessions.product, sessions.store, vision_model) as desk:
        session = Session(sessions, sessions.start().id, desk)
        session.say("", [picture])
        around = Around(past=sessions.history.past(sessions.head(session.file.id)))
        tool = TOOLS["ask_model"]
        try:
            answer = tool.run(desk, around, tool.arguments({"question": "a missing pushpin"}))  # type: ignore[misc]
        except SessionError as error:
            # Nothing holds a random model to an end of its sentence.
            assert re.search(r"the answer of vllm:vision could not be used: .*cut off", str(error))
            return
    assert re.match(r"vllm:vision says of picture 1: (normal|anomalous|unsure), since ", answer.text)
    assert answer.usage.input_tokens > 0
