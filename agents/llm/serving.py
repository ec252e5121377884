"""How a model is served by vLLM: the program, the flags that LogiSight needs, and the environment."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...schema import ModelError
from .answers import in_one_line
from .settings import KEY_VARIABLE

PROGRAM_VARIABLE: Final = "LOGISIGHT_VLLM"
"""Of the environment: the program `vllm`, where it is not on PATH."""

HOST: Final = "127.0.0.1"
PORT: Final = 8000
"""Where `vllm:MODEL` looks unless told otherwise."""
IMAGES: Final = 4
"""Pictures that one question may have."""
INSTALL: Final = (
    "there is no vllm on PATH; install it in an environment of its own "
    "(python3 -m venv ~/vllm && ~/vllm/bin/pip install vllm) "
    f"and name it: export {PROGRAM_VARIABLE}=~/vllm/bin/vllm"
)

ENVIRONMENT: Final[Mapping[str, str]] = {
    # With the domain that does not exist: the server fetches nothing for those who ask it.
    "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
    "VLLM_NO_USAGE_STATS": "1",
}
NO_DOMAIN: Final = "nowhere.invalid"
"""Never resolves (RFC 2606). With no domain at all, vLLM fetches pictures from any host that is named."""

TOOL_PARSERS: Final[Sequence[tuple[str, str]]] = (
    # Names of other families stand in these: first come the more special ones.
    (r"xlam", "xlam"),
    (r"hermes", "hermes"),
    (r"functiongemma", "functiongemma"),
    (r"qwen-?3[._-]?[5-9]|qwen-?3-coder", "qwen3_xml"),
    (r"qwen|qwq", "hermes"),
    (r"llama-?4", "llama4_pythonic"),
    (r"llama-?3", "llama3_json"),
    (r"mistral|ministral|magistral|devstral|pixtral", "mistral"),
    (r"gemma-?4", "gemma4"),
    (r"gpt-oss", "openai"),
    (r"granite-?4", "granite4"),
    (r"granite-?3", "granite"),
    (r"glm-?4[._]?[56]", "glm45"),
    (r"glm-?4[._]?7", "glm47"),
    (r"kimi-?k3", "kimi_k3"),
    (r"kimi-?k2", "kimi_k2"),
    (r"deepseek-?v3[._]1", "deepseek_v31"),
    (r"deepseek-?v3[._]2", "deepseek_v32"),
    (r"deepseek-?(v3|r1)", "deepseek_v3"),
    (r"phi-?4-mini", "phi4_mini_json"),
    (r"minimax-?m3", "minimax_m3"),
    (r"minimax-?m2", "minimax_m2"),
    (r"olmo-?3", "olmo3"),
    (r"internlm-?2", "internlm"),
    (r"hunyuan-a13b", "hunyuan_a13b"),
)
"""Part of a model's name, in lower case -> how that family writes down tool calls, as vLLM 0.32 calls it."""

_OURS: Final = ("--host", "--port", "--served-model-name", "--tensor-parallel-size", "-tp")
"""Flags that LogiSight must know the value of."""


@dataclass(frozen=True)
class Serving:
    """What to serve, and how."""

    model: str
    """A folder, or a name on the Hugging Face hub."""
    name: str | None = None
    """What it is called in `vllm:NAME`; None for the last part of its own name."""
    host: str = HOST
    port: int = PORT
    gpus: int = 1
    """Over which the weights are spread."""
    images: int = IMAGES
    """That one question may have; a model that sees none takes no notice."""
    max_model_len: str | None = None
    """Tokens of a question with its answer, such as 16384 or 16k; None for all that the model can."""
    quantization: str | None = None
    tool_parser: str | None = None
    """None to go by the name of the model."""
    extra: tuple[str, ...] = ()
    """More flags for vLLM, which win over ours."""

    @property
    def served_name(self) -> str:
        """The name that clients use.

        Examples:
            >>> Serving("Qwen/Qwen3-VL-8B-Instruct").served_name
            'Qwen3-VL-8B-Instruct'
        """
        return self.name or Path(self.model.rstrip("/")).name or Path(self.model).resolve().name

    @property
    def address(self) -> str:
        """The host at which this machine reaches the server."""
        return {"0.0.0.0": HOST, "::": "::1"}.get(self.host, self.host)  # noqa: S104  (compared, not bound)

    @property
    def is_private(self) -> bool:
        """Whether only this machine reaches the server."""
        return self.host in ("localhost", HOST, "::1")

    @property
    def has_key(self) -> bool:
        """Whether the server will want a key."""
        return bool(os.environ.get(KEY_VARIABLE))

    @property
    def url(self) -> str:
        """The base URL that clients use."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}/v1"

    @property
    def how_to_use(self) -> list[str]:
        """Commands that use the server once it runs."""
        named = shlex.quote(f"vllm:{self.served_name}")
        elsewhere = (self.address, self.port) != (HOST, PORT)
        return [
            *([f"export LOGISIGHT_LLM_URL={self.url}"] if elsewhere else []),
            f"logisight models check {named}",
            f'logisight author PRODUCT "SENTENCE" --llm {named}',
        ]

    @property
    def parser(self) -> str | None:
        """How the model writes down tool calls, as vLLM calls it; None where that is not known."""
        return self.tool_parser or guess_tool_parser(self.model)


def guess_tool_parser(model: str) -> str | None:
    """How a family of models writes down tool calls, by a model's name; None for a family that is not known.

    Examples:
        >>> guess_tool_parser("Qwen/Qwen2.5-VL-7B-Instruct"), guess_tool_parser("models/mine")
        ('hermes', None)
    """
    name = Path(model.rstrip("/")).name.lower()
    return next((parser for pattern, parser in TOOL_PARSERS if re.search(pattern, name)), None)


def find_vllm() -> Path:
    """The program `vllm`: $LOGISIGHT_VLLM, or the one on PATH.

    Raises:
        ModelError: There is none, with how to install it.
    """
    named = os.environ.get(PROGRAM_VARIABLE)
    found = shutil.which(named or "vllm")
    if found:
        return Path(found)
    if named:
        raise ModelError(f"{PROGRAM_VARIABLE} names no program that can be run: {in_one_line(named, 120)}")
    raise ModelError(INSTALL)


def command_of(serving: Serving, program: str) -> list[str]:
    """The command that serves a model with what LogiSight needs: schemas, tools, pictures, and no fetching.

    Raises:
        ModelError: A model, a name or a flag that cannot be used.
    """
    _refuse_unusable(serving)
    command = [program, "serve", serving.model, "--served-model-name", serving.served_name]
    command += ["--host", serving.host, "--port", str(serving.port)]
    command += ["--tensor-parallel-size", str(serving.gpus)]
    # One video or sound would take memory from the cache for as long as the server runs.
    limits = {"image": serving.images, "video": 0, "audio": 0}
    command += ["--limit-mm-per-prompt", json.dumps(limits), "--allowed-media-domains", NO_DOMAIN]
    # A model may fill the gap between two words of JSON with white space, and never come to an end.
    structured = {"backend": "xgrammar", "disable_any_whitespace": True}
    command += ["--structured-outputs-config", json.dumps(structured), "--enable-prefix-caching"]
    if serving.parser:
        command += ["--enable-auto-tool-choice", "--tool-call-parser", serving.parser]
    if serving.max_model_len:
        command += ["--max-model-len", serving.max_model_len]
    if serving.quantization:
        command += ["--quantization", serving.quantization]
    return [*command, *serving.extra]


def shown_command(serving: Serving, program: str = "vllm") -> str:
    """The command as a person may give it to a shell, with the variables that it needs.

    Raises:
        ModelError: A model, a name or a flag that cannot be used.
    """
    variables = [f"{variable}={value}" for variable, value in ENVIRONMENT.items()]
    return shlex.join([*variables, *command_of(serving, program)])


def _refuse_unusable(serving: Serving) -> None:
    for value in (serving.model, serving.served_name):
        if not value.strip() or value.startswith("-") or not value.isprintable():
            raise ModelError(
                f"{in_one_line(value, 60)!r} names no model; name a folder or a model on the Hugging Face hub"
            )
    for flag in serving.extra:
        if flag.partition("=")[0] in _OURS:
            raise ModelError(
                f"{in_one_line(flag, 60)} after -- is set by LogiSight itself; "
                "use --host, --port, --name and --gpus before it"
            )


def environment_of(program: Path) -> dict[str, str]:
    """The environment of a server: this one, no fetching, and the key that it will want, if one is set."""
    key = os.environ.get(KEY_VARIABLE)
    # vLLM compiles at its start with tools that stand beside it in its own environment.
    path = os.pathsep.join([str(program.parent), os.environ.get("PATH", os.defpath)])
    # A key on the command line could be read by every user of this machine.
    return {**os.environ, **ENVIRONMENT, "PATH": path, **({"VLLM_API_KEY": key} if key else {})}


def log_file(serving: Serving) -> Path:
    """Where the log of a server goes unless told otherwise; the next one on the same port writes over it."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    name = re.sub(r"[^\w.-]", "_", serving.served_name)[:100]
    return Path(state) / "logisight" / f"vllm-{name}-{serving.port}.log"
