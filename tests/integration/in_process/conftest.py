"""Models in this process, with random weights; `tests/integration/run` builds the environment for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.language_models import BaseChatModel
from logisight.agents.reasoner import make_reasoner

ENGINE = "?gpu_memory_utilization=0.1&enforce_eager=1&dtype=float32"


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short answers, since they are garbage, and little memory."""
    monkeypatch.setenv("LOGISIGHT_LLM_MAX_TOKENS", "64")
    monkeypatch.delenv("LOGISIGHT_LLM_TIMEOUT", raising=False)
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")


@pytest.fixture
def text(home: Path) -> BaseChatModel:
    """The text model, run by transformers."""
    return make_reasoner(f"local:{home / 'models/text'}")


@pytest.fixture
def vision(home: Path) -> BaseChatModel:
    """The vision-language model, run by transformers."""
    return make_reasoner(f"local:{home / 'models/vision'}")


@pytest.fixture
def text_engine(home: Path) -> BaseChatModel:
    """The text model in vLLM's engine."""
    return make_reasoner(f"engine:{home / 'models/text'}{ENGINE}")


@pytest.fixture
def vision_engine(home: Path) -> BaseChatModel:
    """The vision-language model in vLLM's engine."""
    return make_reasoner(f"engine:{home / 'models/vision'}{ENGINE}")
