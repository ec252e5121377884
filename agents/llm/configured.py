"""Which chat models this machine is set up for: packages, endpoints, keys, GPUs. Nothing is changed."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from typing import Final, NamedTuple

from ...schema import ModelError, Record
from ..reasoner import KINDS, OFFLINE
from .answers import in_one_line
from .serving import find_vllm

CHOSEN_VARIABLE: Final = "LOGISIGHT_LLM"
"""Of the environment: the model that is asked where no option names one."""
PATIENCE: Final = 3.0
"""Seconds that an endpoint has to say what it serves."""
_GPU_PATIENCE: Final = 10.0
_ANY: Final = "any"
"""In the place of a model: only the endpoint is asked, not the model."""


class Kind(Record):
    """One way to have a chat model, and how this machine is set up for it."""

    name: str
    """As it is named: `vllm:MODEL`."""
    what: str
    missing: list[str]
    """Packages that it needs and that are not installed."""
    install: str
    """The command that installs them; empty where nothing is needed."""


class Endpoint(Record):
    """Where models answer over HTTP, and what is served there now."""

    kind: str
    url: str
    """Without a user or a password that may stand in it."""
    url_from: str
    """The variable that says so, or `default`."""
    key_from: str | None
    """The variable that holds a key; None where there is no key. The key itself is told to nobody else."""
    serves: list[str] | None
    """None where the endpoint did not say."""
    problem: str | None
    """Why it did not say, in one line."""


class Gpu(Record):
    """One graphics card; memory in MiB."""

    name: str
    memory: int
    free: int


class Configured(Record):
    """What there is."""

    chosen: str
    chosen_from: str
    kinds: list[Kind]
    endpoints: list[Endpoint]
    server: str | None
    """The program that `logisight serve` runs; None where there is none."""
    server_problem: str | None
    """Why there is none, and what to do, in one line."""
    gpus: list[Gpu]


class _Way(NamedTuple):
    what: str
    packages: tuple[str, ...]


_WAYS: Final[dict[str, _Way]] = {
    "vllm": _Way("a running vLLM", ("langchain_openai",)),
    "openai": _Way("any such endpoint", ("langchain_openai",)),
    "local": _Way("weights in this process", ("torch", "transformers", "accelerate")),
    "engine": _Way("vLLM in this process", ("vllm",)),
}
_OFFLINE: Final = Kind(name=OFFLINE, what="controlled English, no model", missing=[], install="")


def configured() -> Configured:
    """Look at packages, variables, endpoints and graphics cards; takes seconds where nothing answers."""
    chosen = os.environ.get(CHOSEN_VARIABLE)
    server, server_problem = None, None
    try:
        server = str(find_vllm())
    except ModelError as error:
        server_problem = str(error)
    return Configured(
        chosen=in_one_line(chosen or OFFLINE, 100),
        chosen_from=CHOSEN_VARIABLE if chosen else "default",
        kinds=[_OFFLINE, *(_kind(kind, extra) for kind, (_, extra) in KINDS.items())],
        endpoints=_endpoints() if find_spec("langchain_openai") else [],
        server=server,
        server_problem=server_problem,
        gpus=gpus(),
    )


def _kind(kind: str, extra: str) -> Kind:
    way = _WAYS[kind]
    missing = [package for package in way.packages if find_spec(package) is None]
    return Kind(
        name=f"{kind}:MODEL", what=way.what, missing=missing, install=f"pip install 'logisight[{extra}]'"
    )


def _endpoints() -> list[Endpoint]:
    # The client takes a second to import.
    from .endpoint import URLS, open_endpoint
    from .endpoint_errors import in_words
    from .settings import KEY_VARIABLE, URL_VARIABLE

    found = []
    for kind in URLS:
        named = os.environ.get(URL_VARIABLE)
        keys = [KEY_VARIABLE] if named or kind == "vllm" else [KEY_VARIABLE, "OPENAI_API_KEY"]
        # What cannot be read as an address may still hold a password.
        url, serves, problem = "cannot be used" if named else URLS[kind], None, None
        try:
            model = open_endpoint(kind, _ANY)
            asked = model.asked._replace(
                name=f"{kind}:MODEL",
                tries=1,
                timeout=PATIENCE,
                client=model.root_client.with_options(timeout=PATIENCE, max_retries=0),
            )
            url = asked.url
            with in_words(asked):
                serves = [in_one_line(str(one.id), 60) for one in asked.client.models.list().data]
        except ModelError as error:
            problem = str(error)
        found.append(
            Endpoint(
                kind=kind,
                url=in_one_line(url),
                url_from=URL_VARIABLE if named else "default",
                key_from=next((key for key in keys if os.environ.get(key)), None),
                serves=serves,
                problem=problem,
            )
        )
    return found


def gpus() -> list[Gpu]:
    """The graphics cards that `nvidia-smi` tells of; none where it is not installed or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = [program, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(  # noqa: S603  (a list, no shell)
            query, capture_output=True, text=True, timeout=_GPU_PATIENCE, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    cards = [[part.strip() for part in line.rsplit(",", 2)] for line in told.splitlines()]
    return [
        Gpu(name=in_one_line(card[0], 60), memory=int(card[1]), free=int(card[2]))
        for card in cards
        if len(card) == 3 and card[1].isdecimal() and card[2].isdecimal()
    ]
