"""The verbs about chat models as a person and a script meet them."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys

import pytest

pytest.importorskip("langchain_openai", reason="the extra `llm` is not installed")

from chat_endpoint import SETTINGS, completion, failure, probed, serving
from command_line import logisight
from conftest import REPOSITORY, source_files
from logisight.agents.llm import endpoint as llm
from proc_tree import eventually
from vllm_stand_in import is_running, stand_in


@pytest.fixture(autouse=True)
def plain(monkeypatch, tmp_path):
    for variable in (*SETTINGS, "LOGISIGHT_LLM", "LOGISIGHT_LLM_URL", "LOGISIGHT_VLLM"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(llm, "RETRIES", 0)
    llm._opened.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def endpoint(monkeypatch):
    with serving() as endpoint:
        monkeypatch.setenv("LOGISIGHT_LLM_URL", endpoint.url)
        yield endpoint


def writes_checks(body):
    """A model that answers and keeps to a schema, and no more."""
    if {"tools", "logprobs"} & set(body) or isinstance(body["messages"][-1]["content"], list):
        return failure(400, "this model takes no such thing")
    if "json" in body.get("structured_outputs", {}):
        return completion('{"word": "basalt"}')
    return probed(body) or completion("washer")


def only_error(run):
    """The one line that a person sees when something is wrong."""
    assert run.returncode == 2
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize(
    "verb", [("models",), ("models", "check"), ("serve",)], ids=lambda words: " ".join(words)
)
def test_every_verb_has_an_example(verb):
    assert f"logisight {' '.join(verb)}" in " ".join(logisight(*verb, "--help").stdout.split())


def test_models_are_listed_with_what_is_there_and_what_is_not(endpoint):
    run = logisight("models")
    assert (run.returncode, run.stderr) == (0, "")
    for words in (
        "offline",
        "vllm:MODEL",
        f"{endpoint.url} (LOGISIGHT_LLM_URL; no key)",
        "serves tiny",
        "GPU",
    ):
        assert words in run.stdout


def test_models_are_listed_as_json(endpoint):
    found = json.loads(logisight("models", "--json").stdout)
    assert found["endpoints"][0]["serves"] == ["tiny"]


def test_a_model_is_checked_and_the_exit_code_tells_whether_it_can_write_checks(endpoint):
    endpoint.answer = writes_checks
    run = logisight("models", "check", "vllm:tiny")
    assert (run.returncode, run.stderr) == (0, "")
    assert "vllm:tiny can write checks" in run.stdout
    marks = {line.split()[0]: line.split()[1] for line in run.stdout.splitlines() if len(line.split()) > 3}
    assert [marks[name] for name in ("answer", "schema", "tools", "images", "odds")] == [
        "✓",
        "✓",
        "✗",
        "✗",
        "✗",
    ]
    endpoint.answer = lambda _: completion("[red]Hello![/red]")
    run = logisight("models", "check", "vllm:tiny")
    assert run.returncode == 1
    assert "lacks what a model needs to write checks: answer and schema" in run.stdout
    assert "[red]Hello![/red]" in run.stdout


def test_a_check_is_told_as_json(endpoint):
    endpoint.answer = writes_checks
    report = json.loads(logisight("models", "check", "vllm:tiny", "--json").stdout)
    assert report["can_author"] is True
    states = {tried["ability"]: tried["state"] for tried in report["abilities"]}
    assert (states["answer"], states["images"]) == ("yes", "no")


def test_a_model_that_cannot_be_asked_is_one_line(monkeypatch):
    with serving() as gone:
        monkeypatch.setenv("LOGISIGHT_LLM_URL", gone.url)
    assert "Connection refused" in only_error(logisight("models", "check", "vllm:tiny"))
    assert "there is no reasoner" in only_error(logisight("models", "check", "llama"))


def test_the_offline_reasoner_is_said_to_be_no_chat_model():
    run = logisight("models", "check", "offline")
    assert run.returncode == 1
    assert "controlled English" in run.stdout


def test_a_dry_run_prints_the_command_and_starts_nothing(tmp_path):
    program = stand_in(tmp_path, "serves")
    run = logisight("serve", "Qwen/Qwen3-VL-8B-Instruct", "--images", 2, "--dry-run", "--", "--dtype", "half")
    assert (run.returncode, run.stderr) == (0, "")
    words = shlex.split(run.stdout)
    assert words[2:5] == ["vllm", "serve", "Qwen/Qwen3-VL-8B-Instruct"]
    assert words[-2:] == ["--dtype", "half"]
    assert program.exists() and not (tmp_path / "seen.json").exists()


def test_what_cannot_be_served_is_one_line(tmp_path, monkeypatch):
    assert "pip install vllm" in only_error(logisight("serve", "models/tiny"))
    stand_in(tmp_path, "fails")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    run = logisight("serve", "models/tiny", "--port", free_port())
    assert run.returncode == 2
    last = run.stderr.splitlines()[-1]
    assert last.startswith("error: vLLM ended with exit code 1: the weights do not fit the config; its log: ")
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_a_server_is_told_of_once_it_answers_and_stopped_with_its_workers(tmp_path, number):
    program, port = stand_in(tmp_path, "serves"), free_port()
    command = [sys.executable, "-m", "logisight.cli", "serve", "models/tiny", "--port", str(port)]
    running = subprocess.Popen(
        [*command, "--log", str(tmp_path / "log"), "--verbose"],
        env={**os.environ, "LOGISIGHT_VLLM": str(program)},
        # Whoever runs the tests may have it ignored, as nohup does, and what is ignored stays ignored.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    ready, *how_to_use = [running.stdout.readline() for _ in range(4)]
    worker = int((tmp_path / "worker").read_text())
    assert is_running(worker)
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert ready == f"ready: http://127.0.0.1:{port}/v1 serves tiny; Ctrl-C stops it\n"
    assert [line.strip() for line in how_to_use] == [
        f"export LOGISIGHT_LLM_URL=http://127.0.0.1:{port}/v1",
        "logisight models check vllm:tiny",
        'logisight author PRODUCT "SENTENCE" --llm vllm:tiny',
    ]
    assert f"{program} serve models/tiny" in err
    assert "INFO loading weights" in err
    assert err.splitlines()[-1] == "stopping"
    assert running.returncode == 0
    assert eventually(lambda: not is_running(worker))


def test_a_server_that_others_reach_without_a_key_is_warned_of(tmp_path, monkeypatch):
    stand_in(tmp_path, "fails")
    log = tmp_path / "log"
    arguments = ("serve", "models/tiny", "--host", "0.0.0.0", "--log", log)
    assert "warning: whoever reaches 0.0.0.0" in logisight(*arguments, "--port", free_port()).stderr
    monkeypatch.setenv("LOGISIGHT_LLM_KEY", "hush-hush")
    with_key = logisight(*arguments, "--port", free_port()).stderr
    assert "warning" not in with_key
    assert "hush" not in with_key


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


PAGE = (REPOSITORY / "docs" / "models.md").read_text(encoding="utf-8")


def test_every_command_of_the_page_on_models_runs():
    commands = re.findall(r"^\$ logisight (.+)$", PAGE, re.MULTILINE)
    assert commands
    for command in commands:
        assert logisight(*shlex.split(command)).returncode in (0, 1), command


def test_the_page_on_models_names_every_setting_of_theirs():
    code = "".join((REPOSITORY / path).read_text(encoding="utf-8") for path in source_files())
    used = set(re.findall(r"LOGISIGHT_(?:LLM|VLLM|WITNESS)\w*", code))
    assert used == set(re.findall(r"LOGISIGHT_\w+", PAGE))
