"""How a model is served: the command, the start, the reason when there is none, and the end."""

from __future__ import annotations

import json
import shlex
import socket
from pathlib import Path

import pytest
from logisight.agents.llm import server as servers
from logisight.agents.llm.server import reason_in, started
from logisight.agents.llm.serving import (
    Serving,
    command_of,
    environment_of,
    find_vllm,
    guess_tool_parser,
    log_file,
    shown_command,
)
from logisight.schema import ModelError
from proc_tree import eventually
from vllm_stand_in import FAILS, is_running, stand_in


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(servers, "POLL", 0.02)


@pytest.fixture
def serving():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return Serving("models/tiny", port=port)


def flags(serving):
    """Flag -> its value, of the command that serves a model."""
    _, _, _, *rest = command_of(serving, "vllm")
    return {flag: value for flag, value in zip(rest, [*rest[1:], ""], strict=True) if flag.startswith("--")}


def test_the_command_holds_what_logisight_needs():
    given = flags(Serving("Qwen/Qwen3-VL-8B-Instruct", gpus=2, images=3))
    assert given["--host"] == "127.0.0.1"
    assert given["--served-model-name"] == "Qwen3-VL-8B-Instruct"
    assert given["--tensor-parallel-size"] == "2"
    assert json.loads(given["--limit-mm-per-prompt"])["image"] == 3
    assert given["--allowed-media-domains"].endswith(".invalid")
    assert "--allowed-local-media-path" not in given
    assert "--trust-remote-code" not in given
    assert json.loads(given["--structured-outputs-config"]) == {
        "backend": "xgrammar",
        "disable_any_whitespace": True,
    }
    assert "--enable-prefix-caching" in given
    assert "--enable-auto-tool-choice" in given
    assert given["--tool-call-parser"] == "hermes"


def test_what_is_not_given_is_left_to_vllm_and_what_is_given_is_passed_on():
    assert not {"--max-model-len", "--quantization", "--tool-call-parser"} & set(flags(Serving("m")))
    given = flags(Serving("m", max_model_len="32k", quantization="fp8", tool_parser="mistral"))
    assert given["--max-model-len"] == "32k"
    assert given["--quantization"] == "fp8"
    assert given["--tool-call-parser"] == "mistral"


def test_more_flags_come_last_so_that_they_win():
    assert command_of(Serving("m", extra=("--dtype", "float32")), "vllm")[-2:] == ["--dtype", "float32"]


@pytest.mark.parametrize("flag", ["--port", "--port=7", "--host=0.0.0.0", "--served-model-name", "-tp"])
def test_a_flag_that_logisight_must_know_of_is_refused(flag):
    with pytest.raises(ModelError, match="is set by LogiSight itself"):
        command_of(Serving("m", extra=(flag,)), "vllm")


@pytest.mark.parametrize("model", ["", " ", "--trust-remote-code", "a\nb"])
def test_what_names_no_model_is_refused(model):
    with pytest.raises(ModelError, match="names no model") as raised:
        command_of(Serving(model), "vllm")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("model", "parser"),
    [
        ("Qwen/Qwen2.5-VL-7B-Instruct", "hermes"),
        ("Qwen/Qwen3-VL-8B-Instruct", "hermes"),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen3_xml"),
        ("Qwen/Qwen3.5-9B-Instruct", "qwen3_xml"),
        ("/data/models/Qwen3-4B/", "hermes"),
        ("meta-llama/Llama-3.2-11B-Vision-Instruct", "llama3_json"),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", "llama4_pythonic"),
        ("NousResearch/Hermes-3-Llama-3.1-8B", "hermes"),
        ("mistralai/Mistral-Small-3.2-24B-Instruct-2506", "mistral"),
        ("mistralai/Ministral-3-8B-Instruct-2512", "mistral"),
        ("google/gemma-4-12B-it", "gemma4"),
        ("google/gemma-3-12b-it", None),
        ("openai/gpt-oss-20b", "openai"),
        ("zai-org/GLM-4.5V", "glm45"),
        ("zai-org/GLM-4.7-Flash", "glm47"),
        ("qwen-tuned/my-own-model", None),
    ],
)
def test_the_tool_parser_goes_by_the_family_of_the_model(model, parser):
    assert guess_tool_parser(model) == parser


@pytest.mark.parametrize(
    ("serving", "name"),
    [
        (Serving("Qwen/Qwen3-VL-8B-Instruct"), "Qwen3-VL-8B-Instruct"),
        (Serving("models/tiny/"), "tiny"),
        (Serving("models/tiny", name="eyes"), "eyes"),
    ],
)
def test_a_model_is_served_under_a_short_name(serving, name):
    assert serving.served_name == name
    assert serving.how_to_use[-1].endswith(f"--llm vllm:{name}")


@pytest.mark.parametrize(
    ("host", "port", "url", "is_private"),
    [
        ("127.0.0.1", 8000, "http://127.0.0.1:8000/v1", True),
        ("localhost", 8000, "http://localhost:8000/v1", True),
        ("0.0.0.0", 9000, "http://127.0.0.1:9000/v1", False),
        ("::1", 9000, "http://[::1]:9000/v1", True),
        ("::", 9000, "http://[::1]:9000/v1", False),
    ],
)
def test_the_address_is_one_at_which_this_machine_reaches_the_server(host, port, url, is_private):
    serving = Serving("m", host=host, port=port)
    assert (serving.url, serving.is_private) == (url, is_private)
    assert (f"export LOGISIGHT_LLM_URL={url}" in serving.how_to_use) is (url != "http://127.0.0.1:8000/v1")


def test_the_shown_command_is_what_a_shell_would_run():
    serving = Serving("models/my model")
    words = shlex.split(shown_command(serving))
    assert words[:2] == ["VLLM_MEDIA_URL_ALLOW_REDIRECTS=0", "VLLM_NO_USAGE_STATS=1"]
    assert words[2:] == command_of(serving, "vllm")


def test_a_key_is_wanted_by_the_server_and_stands_in_no_command(monkeypatch):
    monkeypatch.setenv("LOGISIGHT_LLM_KEY", "hush-hush")
    assert environment_of(Path("/opt/vllm/bin/vllm"))["VLLM_API_KEY"] == "hush-hush"
    assert Serving("m").has_key
    assert "hush" not in shown_command(Serving("m"))
    monkeypatch.delenv("LOGISIGHT_LLM_KEY")
    assert "VLLM_API_KEY" not in environment_of(Path("/opt/vllm/bin/vllm"))
    assert not Serving("m").has_key


def test_vllm_is_the_one_that_is_named_else_the_one_on_path(monkeypatch, tmp_path):
    on_path, named = tmp_path / "a", tmp_path / "b"
    for folder in (on_path, named):
        folder.mkdir()
        stand_in(folder, "serves")
    monkeypatch.setenv("PATH", str(on_path))
    monkeypatch.delenv("LOGISIGHT_VLLM", raising=False)
    assert find_vllm() == on_path / "vllm"
    monkeypatch.setenv("LOGISIGHT_VLLM", str(named / "vllm"))
    assert find_vllm() == named / "vllm"


def test_no_vllm_is_one_line_that_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("LOGISIGHT_VLLM", raising=False)
    with pytest.raises(ModelError, match="pip install vllm"):
        find_vllm()
    (tmp_path / "text").write_text("no program")
    monkeypatch.setenv("LOGISIGHT_VLLM", str(tmp_path / "text"))
    with pytest.raises(ModelError, match="LOGISIGHT_VLLM names no program"):
        find_vllm()


def test_a_log_lies_where_programs_keep_their_state(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert log_file(Serving("m", name="../../x", port=7)) == tmp_path / "logisight" / "vllm-.._.._x-7.log"


def test_a_server_starts_tells_its_log_and_ends_with_its_workers(serving, tmp_path):
    lines: list[str] = []
    with started(serving, stand_in(tmp_path, "serves"), tmp_path / "logs" / "log") as server:
        server.wait_until_healthy(60, lines.append)
        worker = int((tmp_path / "worker").read_text())
        assert is_running(server.pid) and is_running(worker)
    assert not is_running(server.pid)
    assert eventually(lambda: not is_running(worker))
    assert lines == ["INFO loading weights [31m"]
    assert "INFO loading weights" in (tmp_path / "logs" / "log").read_text()


def test_a_server_is_given_the_command_and_may_not_fetch(serving, tmp_path):
    program = stand_in(tmp_path, "serves")
    with started(serving, program, tmp_path / "log") as server:
        server.wait_until_healthy(60)
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen["arguments"] == command_of(serving, str(program))[1:]
    assert seen["environment"]["VLLM_MEDIA_URL_ALLOW_REDIRECTS"] == "0"
    assert seen["environment"]["PATH"].startswith(f"{tmp_path}:")


def test_a_server_that_does_not_follow_is_killed_with_its_workers(serving, tmp_path, monkeypatch):
    monkeypatch.setattr(servers, "STOP_TIMEOUT", 0.2)
    with started(serving, stand_in(tmp_path, "stubborn"), tmp_path / "log") as server:
        server.wait_until_healthy(60)
        worker = int((tmp_path / "worker").read_text())
    assert not is_running(server.pid)
    assert eventually(lambda: not is_running(worker))


def error_of(serving, tmp_path, way, timeout=60):
    """The one line that a start ends with."""
    with (
        pytest.raises(ModelError) as raised,
        started(serving, stand_in(tmp_path, way), tmp_path / "log") as server,
    ):
        server.wait_until_healthy(timeout)
        server.wait_until_ended()
    assert not is_running(server.pid)
    line = str(raised.value)
    assert "\n" not in line
    assert line.endswith(str(tmp_path / "log"))
    return line


def test_a_server_that_fails_ends_with_the_reason_and_no_traceback(serving, tmp_path):
    line = error_of(serving, tmp_path, "fails")
    assert line.startswith("vLLM ended with exit code 1: the weights do not fit the config;")


def test_a_server_that_does_not_answer_in_time_is_stopped_and_said(serving, tmp_path):
    line = error_of(serving, tmp_path, "hangs", timeout=1)
    assert line.startswith("vLLM did not answer within 1 s (last: ")


def test_a_server_that_ends_by_itself_is_said(serving, tmp_path):
    assert "exit code 3" in error_of(serving, tmp_path, "dies")
    assert eventually(lambda: not is_running(int((tmp_path / "worker").read_text())))


def test_a_port_that_is_taken_is_said_at_once(serving, tmp_path):
    with (
        socket.create_server(("127.0.0.1", serving.port)),
        pytest.raises(ModelError, match=f"port {serving.port} .*in use.*--port"),
        started(serving, stand_in(tmp_path, "serves"), tmp_path / "log"),
    ):
        pass
    assert not (tmp_path / "seen.json").exists()


def test_a_program_that_cannot_be_run_is_one_line(serving, tmp_path):
    program = stand_in(tmp_path, "serves")
    program.write_text("#!/no/such/python\n")
    with (
        pytest.raises(ModelError, match="vLLM cannot be started"),
        started(serving, program, tmp_path / "log"),
    ):
        pass


PYDANTIC = """\
pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig
  Value error, Invalid repository ID or local directory specified: '/nowhere'.
Please verify the following requirements:
    For further information visit https://errors.pydantic.dev/2.14/v/value_error
"""
NO_MEMORY = """\
(EngineCore pid=9) ERROR 11-29 06:16:38 [core.py:1166] torch.OutOfMemoryError: CUDA out of memory. Tried 2 GiB
(APIServer pid=7) ValueError: something after that
"""
USAGE = "usage: vllm [-h] [-v]\n            {chat,serve}\nvllm: error: unrecognized arguments: --foo\n"


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("", "it wrote nothing"),
        ("INFO starting\n\n", "INFO starting"),
        (FAILS, "the weights do not fit the config"),
        (PYDANTIC, "Invalid repository ID or local directory specified: '/nowhere'."),
        (NO_MEMORY, "OutOfMemoryError: CUDA out of memory"),
        (NO_MEMORY, "--max-model-len"),
        (USAGE, "unrecognized arguments: --foo"),
        ("ImportError: libcudart.so.12: cannot open\n", "ImportError: libcudart.so.12: cannot open"),
        ("WARNING 11-29 06:15:36 [a.py:2] error such as `OSError: too many`\nlast\n", "last"),
        ("ValueError: " + "x" * 10_000, "xxx"),
        ("ValueError: \x1b[2J red\n", "[2J red"),
    ],
)
def test_the_reason_is_the_last_error_that_is_one(log, reason):
    found = reason_in(log)
    assert reason in found
    assert found.isprintable()
    assert len(found) < 500
