"""Servers for these tests: started on demand, or running already. Without either the tests skip.

tests/integration/run [FOLDER]             builds what a server needs in FOLDER, and runs the tests
LOGISIGHT_TEST_VLLM_HOME=FOLDER            a folder that was built before
LOGISIGHT_TEST_VLLM_TEXT_URL=http://.../v1 a server that runs already; so does LOGISIGHT_TEST_VLLM_VISION_URL
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.vllm_server import serve
from langchain_core.language_models import BaseChatModel
from logisight.agents.reasoner import make_reasoner

HOME = "LOGISIGHT_TEST_VLLM_HOME"
RUNNING = {"text": "LOGISIGHT_TEST_VLLM_URL", "vision": "LOGISIGHT_TEST_VLLM_VISION_URL"}


@pytest.fixture(scope="session")
def home() -> Path:
    """The folder with the environment and the models of a server."""
    folder = os.environ.get(HOME)
    if folder is None:
        pytest.skip(f"no vLLM: tests/integration/run builds one (or set {HOME})")
    return Path(folder)


def url_of(model: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The base URL of a server of `text` or `vision`, which runs as long as the tests do."""
    running = os.environ.get(RUNNING[model])
    if running:
        yield running
        return
    with serve(request.getfixturevalue("home"), model) as server:
        yield server.url


@pytest.fixture(scope="session")
def text_url(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from url_of("text", request)


@pytest.fixture(scope="session")
def vision_url(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from url_of("vision", request)


@pytest.fixture
def text_model(text_url: str, monkeypatch: pytest.MonkeyPatch) -> BaseChatModel:
    """The text model as LogiSight speaks to it; short answers, since they are garbage."""
    monkeypatch.setenv("LOGISIGHT_LLM_URL", text_url)
    monkeypatch.setenv("LOGISIGHT_LLM_MAX_TOKENS", "64")
    return make_reasoner("vllm:text")


@pytest.fixture
def vision_model(vision_url: str, monkeypatch: pytest.MonkeyPatch) -> BaseChatModel:
    """The vision-language model as LogiSight speaks to it."""
    monkeypatch.setenv("LOGISIGHT_LLM_URL", vision_url)
    monkeypatch.setenv("LOGISIGHT_LLM_MAX_TOKENS", "64")
    return make_reasoner("vllm:vision")
