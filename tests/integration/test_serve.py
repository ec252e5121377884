"""`logisight serve` with a real vLLM: it starts, is told of, can be asked, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("langchain_openai", reason="the extra `llm` is not installed")

from command_line import logisight
from integration.vllm_server import free_port
from logisight.agents.llm.serving import TOOL_PARSERS
from proc_tree import descendants, eventually
from vllm_stand_in import is_running

ON_A_CPU = ("--dtype", "float32", "--enforce-eager", "--gpu-memory-utilization", "0.2")
NO_WEIGHTS = ("--load-format", "dummy")


@pytest.fixture
def own_vllm(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real program, told to stay off the network and to take little memory."""
    program = home / "venv/bin/vllm"
    settings = {
        "LOGISIGHT_VLLM": str(program),
        "LOGISIGHT_LLM_MAX_TOKENS": "32",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "HF_HUB_OFFLINE": "1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LOGISIGHT_LLM_KEY", raising=False)
    return program


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LOGISIGHT_LLM_KEY", "hush-hush")
    return "hush-hush"


def serve(model: Path, log: Path, port: int) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "logisight.cli",
        "serve",
        str(model),
        "--port",
        str(port),
        "--log",
        str(log),
    ]
    flags = ["--tool-parser", "hermes", "--timeout", "300", "--", *ON_A_CPU, *NO_WEIGHTS]
    return subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.usefixtures("own_vllm", "key")
@pytest.mark.parametrize("model", ["text", "vision"])
def test_a_model_is_served_checked_and_stopped(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    port = free_port()
    running = serve(home / "models" / model, tmp_path / "log", port)
    ready = running.stdout.readline()
    started = list(descendants(running.pid))
    try:
        assert ready == f"ready: http://127.0.0.1:{port}/v1 serves {model}; Ctrl-C stops it\n"
        assert len(started) > 1
        monkeypatch.setenv("LOGISIGHT_LLM_URL", f"http://127.0.0.1:{port}/v1")
        checked = logisight("models", "check", f"vllm:{model}").stdout
        listed = logisight("models").stdout
        monkeypatch.setenv("LOGISIGHT_LLM_KEY", "another")
        refused = logisight("models", "check", f"vllm:{model}")
    finally:
        running.send_signal(signal.SIGINT)
        _, err = running.communicate()
    assert running.returncode == 0, err
    assert eventually(lambda: not any(map(is_running, started)))
    marks = dict(marks_in(checked))
    # Random weights answer garbage without end; what the server does for them it does.
    assert (marks["schema"], marks["streaming"], marks["odds"], marks["tokens"]) == ("✓", "✓", "✓", "✓")
    assert marks["answer"] == "!"
    assert marks["images"] == {"text": "✗", "vision": "!"}[model]
    assert f"serves {model}" in listed
    assert refused.returncode == 2
    assert "refuses the key" in refused.stderr


def marks_in(table: str) -> Iterator[tuple[str, str]]:
    for line in table.splitlines():
        words = line.split()
        if len(words) > 2 and words[1] in "✓✗!":
            yield words[0], words[1]


@pytest.mark.usefixtures("own_vllm")
def test_a_folder_without_a_model_is_one_line_and_nothing_stays(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = failed(tmp_path / "empty", tmp_path)
    assert "Invalid repository ID or local directory specified" in ended


@pytest.mark.usefixtures("own_vllm")
def test_a_model_without_weights_is_one_line(home: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for file in (home / "models/text").glob("*.json"):
        shutil.copy(file, bare)
    assert "Cannot find any model weights" in failed(bare, tmp_path)


def failed(model: Path, folder: Path) -> str:
    """The last line that serving a model without weights ends with."""
    run = logisight("serve", model, "--port", free_port(), "--log", folder / "log", "--", *ON_A_CPU)
    assert run.returncode == 2
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    assert not list(descendants(os.getpid()))
    last = run.stderr.splitlines()[-1]
    assert last.endswith(f"its log: {folder / 'log'}")
    return last


def test_every_tool_parser_is_one_that_vllm_has(own_vllm: Path) -> None:
    code = "from vllm.tool_parsers import ToolParserManager as m; print(*m.list_registered())"
    told = subprocess.run(
        [own_vllm.parent / "python", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {parser for _, parser in TOOL_PARSERS} <= set(told)
