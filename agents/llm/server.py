"""A vLLM server as a child process: its start, why it did not start, and its end."""

from __future__ import annotations

import contextlib
import http
import http.client
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from ...schema import ModelError
from .answers import in_one_line
from .serving import Serving, command_of, environment_of

STOP_TIMEOUT: Final = 20.0
"""Seconds that a server has to end by itself."""
POLL: Final = 0.5
"""Seconds between two looks at a server."""
LONGEST_REASON: Final = 300
"""Characters of a server's own words in a message."""
_LOG_END: Final = 200_000
"""Bytes at the end of a log in which a reason is looked for."""

# What stands before a message in a log: the process, the level, the time and the place in the code.
_PREFIX: Final = re.compile(r"^\([^)]*\) ?(?:[A-Z]+ \S+ \S+ \[[^\]]*\] ?)?|^[A-Z]+ \S+ \S+ \[[^\]]*\] ?")
_ERROR: Final = re.compile(r"(?:[\w.]+\.)?(?P<kind>\w*(?:Error|Exception)): (?P<said>.*\S)")
_USAGE_ERROR: Final = re.compile(r"vllm(?: serve)?: error: (?P<said>.*\S)")
_WRAPPERS: Final = ("Engine core initialization failed", "WorkerProc initialization failed", "See root cause")
"""Errors that only say that there was another one."""
_NO_MEMORY: Final = ("out of memory", "OutOfMemoryError")
_LESS_MEMORY: Final = (
    "take a smaller or quantized model, a shorter --max-model-len, fewer --images or more --gpus"
)


class Server:
    """One running server. Its log is a file, so that it cannot fill a pipe and stall."""

    def __init__(self, serving: Serving, process: subprocess.Popen[bytes], log: Path) -> None:
        self._serving, self._process, self._log = serving, process, log
        self._read = 0
        self._rest = b""

    @property
    def pid(self) -> int:
        """Of the process, which is also its group."""
        return self._process.pid

    def wait_until_healthy(self, timeout: float, on_line: Callable[[str], None] = lambda _: None) -> None:
        """Return once the server answers; `on_line` is told each line of its log.

        Raises:
            ModelError: It ended, or did not answer within so many seconds, with the reason in its own words.
        """
        end = time.monotonic() + timeout
        while not self._is_healthy():
            self._wait_a_little(on_line)
            if time.monotonic() > end:
                raise ModelError(
                    f"vLLM did not answer within {timeout:g} s (last: {self._reason()}); "
                    f"wait longer with --timeout, or see {self._log}"
                )

    def wait_until_ended(self, on_line: Callable[[str], None] = lambda _: None) -> NoReturn:
        """Wait as long as the server runs; `on_line` is told each line of its log.

        Raises:
            ModelError: It ended by itself, which a server should not.
        """
        while True:
            self._wait_a_little(on_line)

    def _wait_a_little(self, on_line: Callable[[str], None]) -> None:
        try:
            code = self._process.wait(POLL)
        except subprocess.TimeoutExpired:
            self._tell_new_lines(on_line)
            return
        self._tell_new_lines(on_line)
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise ModelError(f"vLLM {ended}: {self._reason()}; its log: {self._log}")

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection(self._serving.address, self._serving.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _tell_new_lines(self, on_line: Callable[[str], None]) -> None:
        with self._log.open("rb") as file:
            file.seek(self._read)
            new = file.read(_LOG_END)
        self._read += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in lines:
            if text := in_one_line(line.decode("utf-8", "replace"), 500):
                on_line(text)

    def _reason(self) -> str:
        with self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - _LOG_END))
            return reason_in(file.read().decode("utf-8", "replace"))

    def stop(self) -> None:
        """End the server with all its workers: as its user would, and at once where it does not follow."""
        try:
            if self._process.poll() is None:
                self._process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(STOP_TIMEOUT)
        finally:
            # Workers outlive a server that crashed, or whose user did not want to wait for its end.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def started(serving: Serving, program: Path, log: Path) -> Iterator[Server]:
    """Start a server, and stop it at the end of the `with`; it is not healthy yet.

    Raises:
        ModelError: The port is taken, the program cannot be run, or the log cannot be written.
    """
    command = command_of(serving, str(program))
    _refuse_taken(serving)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603  (a list, no shell)
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=environment_of(program),
                start_new_session=True,
            )
    except OSError as error:
        raise ModelError(
            f"vLLM cannot be started ({error.filename or program}: {error.strerror or error})"
        ) from None
    server = Server(serving, process, log)
    try:
        yield server
    finally:
        server.stop()


def _refuse_taken(serving: Serving) -> None:
    """Say now what the server would say after half a minute.

    Raises:
        ModelError: Something listens there, or there is no such address on this machine.
    """
    family = socket.AF_INET6 if ":" in serving.host else socket.AF_INET
    try:
        with socket.create_server((serving.host, serving.port), family=family):
            pass
    except OSError as error:
        raise ModelError(
            f"vLLM cannot listen on {serving.host} port {serving.port} ({error.strerror or error}); "
            "see what runs there (logisight models), or take another --port"
        ) from None


def reason_in(log: str) -> str:
    r"""Why a server did not start, from the end of its log: one line, not the traceback.

    Examples:
        >>> reason_in("INFO starting\nTraceback:\n  File ...\nValueError: no config.json\nsee above")
        'no config.json'
    """
    lines = [_PREFIX.sub("", line).strip() for line in log.splitlines()]
    lines = [line for line in lines if line]
    reasons = [reason for place in range(len(lines)) if (reason := _reason_at(lines, place))]
    no_memory = [one for one in reasons if any(words in one for words in _NO_MEMORY)]
    if no_memory:
        return f"{in_one_line(no_memory[-1], LONGEST_REASON)} - {_LESS_MEMORY}"
    if reasons:
        return in_one_line(reasons[-1], LONGEST_REASON)
    return in_one_line(lines[-1], LONGEST_REASON) if lines else "it wrote nothing"


def _reason_at(lines: Sequence[str], place: int) -> str | None:
    """What one line of a log says went wrong, with the next one where pydantic puts the words there."""
    line = lines[place]
    if usage := _USAGE_ERROR.fullmatch(line):
        return usage["said"]
    error = _ERROR.fullmatch(line)
    if error is None or any(words in line for words in _WRAPPERS):
        return None
    if error["kind"] == "ValidationError" and place + 1 < len(lines):
        return lines[place + 1].removeprefix("Value error, ")
    kept = "" if error["kind"] in ("ValueError", "RuntimeError", "OSError") else f"{error['kind']}: "
    return kept + error["said"]
