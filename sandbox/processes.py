"""The inspecting process's hold on the processes of the jail: launcher, book and child."""

from __future__ import annotations

import json
import os
import select
import signal
import site
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from ..schema import SandboxError
from .outcome import MAX_TEXT, Diagnostic, Limits, clipped
from .wire import sealed

START_SECONDS: Final = 60.0
"""For the launcher to import what it needs, on a slow and busy machine."""
ANSWER_SECONDS: Final = 5.0
"""For a step that does not run rule code."""
_MESSAGE_BYTES: Final = 64 * 1024
_KEPT: Final = ("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")
"""Variables without which some Pythons do not find themselves; nothing else of the environment goes along."""
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class LostError(Exception):
    """A process of the jail is gone, or does not answer."""


class CompileLostError(LostError):
    """The process that compiles rules is gone, while the launcher lives: a rule's text did it."""


class LineTooLongError(Exception):
    """A rule sent more than it may."""


class Launcher:
    """A running launcher, ready to be asked for books.

    Raises:
        SandboxError: It does not start; the message says why.
    """

    def __init__(self) -> None:
        log = os.memfd_create("logisight-launcher-log", os.MFD_CLOEXEC)
        try:
            self._process, self._link = _start(log)
            self._close = weakref.finalize(self, _end, self._process, self._link)
            _receive(self._link, START_SECONDS)
        except LostError as error:
            self.close()
            reason = _last_line(log) or str(error)
            raise SandboxError(f"the sandbox cannot start ({reason}); no rule was judged") from None
        finally:
            os.close(log)

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process number."""
        return self._process.pid

    def send(self, descriptors: Sequence[int]) -> None:
        """Hand over the socket and the rules of a new book."""
        _send(self._link, b"book", descriptors)

    def close(self) -> None:
        """End the process and all that it started."""
        self._close()


class Book:
    """A process that has compiled one rulebook.

    Raises:
        CompileLostError: It ended or hung over the text of a rule.
        LostError: It cannot be started.
    """

    def __init__(self, launcher: Launcher, codes: Sequence[str], limits: Limits) -> None:
        self.refusals: dict[int, Diagnostic] = {}
        """Place of a rule -> why it is refused."""
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._handle = -1
        order = {"codes": codes, "limits": vars(limits)}
        rules = sealed([json.dumps(order).encode()], "logisight-rules")
        try:
            with theirs:
                launcher.send([theirs.fileno(), rules])
            self._handle = _receive_handle(self._link, b"book")
            self._read_refusals(len(codes), limits)
        except BaseException as error:
            started = self._handle >= 0
            self.close()
            if isinstance(error, LostError) and started and launcher.alive:
                raise CompileLostError(str(error)) from None
            raise
        finally:
            os.close(rules)

    def child(self, places: Sequence[int], scene: int) -> Child:
        """A fresh process that starts to run the rules at `places` on a sealed scene."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        try:
            _send(self._link, json.dumps({"rules": list(places)}).encode(), [scene, writing])
            handle = _receive_handle(self._link, b"child")
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        return Child(self._link, reading, handle)

    def close(self) -> None:
        """End the process, and the child that may run in it."""
        self._link.close()
        if self._handle >= 0:
            _kill(self._handle)
            os.close(self._handle)
            self._handle = -1

    def _read_refusals(self, rules: int, limits: Limits) -> None:
        for place in range(rules):
            answer = _receive(self._link, max(1.0, limits.seconds))
            if answer != b"null":
                try:
                    self.refusals[place] = Diagnostic.model_validate_json(answer)
                except ValueError:
                    raise LostError("the book speaks another language") from None


class Child:
    """A process that runs rules on one scene; a context manager that leaves no process and no descriptor."""

    def __init__(self, link: socket.socket, pipe: int, handle: int) -> None:
        self._link = link
        self._pipe = pipe
        self._handle = handle
        self._bytes = bytearray()
        self._running = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._running:
                self.end(0)
        finally:
            _kill(self._handle)
            os.close(self._handle)
            os.close(self._pipe)

    def wait_until_ready(self) -> None:
        """Wait until it has confined itself; its next line is that of the first rule.

        Raises:
            LostError: It cannot; the message says why.
        """
        try:
            reason = self.line(ANSWER_SECONDS, MAX_TEXT * 4).decode(errors="replace")
        except (TimeoutError, EOFError, LineTooLongError):
            reason = "the process for the rules does not start"
        if reason:
            raise LostError(clipped(reason))

    def line(self, seconds: float, longest: int) -> bytes:
        """The next line that the child sends, without its end.

        Raises:
            TimeoutError: It did not come in time.
            LineTooLongError: It has more than `longest` bytes.
            EOFError: The child has closed its pipe.
        """
        deadline = time.monotonic() + seconds
        while (end := self._bytes.find(b"\n")) < 0:
            if len(self._bytes) > longest:
                raise LineTooLongError
            if not _readable(self._pipe, deadline - time.monotonic()):
                raise TimeoutError
            more = os.read(self._pipe, _MESSAGE_BYTES)
            if not more:
                raise EOFError
            self._bytes += more
        line = bytes(self._bytes[:end])
        if len(line) > longest:
            raise LineTooLongError
        del self._bytes[: end + 1]
        return line

    def end(self, seconds: float) -> int | None:
        """How it ended, as `os.waitpid` says; None when it had to be killed after that many `seconds`.

        Raises:
            LostError: Its book is gone.
        """
        by_itself = _readable(self._link.fileno(), seconds)
        _kill(self._handle)
        try:
            status = int(json.loads(_receive(self._link, ANSWER_SECONDS))["ended"])
        except (ValueError, TypeError, KeyError):
            raise LostError("the book speaks another language") from None
        self._running = False
        return status if by_itself else None


def _start(log: int) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the launcher; the socket to speak with it."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    if "PYTHONPATH" in environment:
        folders = environment["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(folder) for folder in folders)  # noqa: PTH100
    flags = ["-P"] if site.getusersitepackages() in sys.path else ["-P", "-s"]
    link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        process = subprocess.Popen(  # noqa: S603  (this Python, with fixed arguments)
            [sys.executable, *flags, "-W", "ignore", "-m", f"{__package__}.launcher"],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd="/",
            env={"PYTHONHASHSEED": "0", **_ONE_THREAD, **environment},
            close_fds=True,
            start_new_session=True,  # so that Ctrl-C in the terminal does not reach it
        )
    except BaseException:
        link.close()
        raise
    finally:
        theirs.close()
    return process, link


def _end(process: subprocess.Popen[bytes], link: socket.socket) -> None:
    link.close()
    try:
        process.wait(ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_line(log: int) -> str:
    start = max(0, os.fstat(log).st_size - _MESSAGE_BYTES)
    text = os.pread(log, _MESSAGE_BYTES, start).decode(errors="replace")
    return clipped(text.strip().rpartition("\n")[2])


def _send(link: socket.socket, message: bytes, descriptors: Sequence[int]) -> None:
    try:
        socket.send_fds(link, [message], descriptors)
    except OSError as error:
        raise LostError(str(error)) from None


def _receive(link: socket.socket, seconds: float) -> bytes:
    return _receive_with(link, seconds, 0)[0]


def _receive_handle(link: socket.socket, expected: bytes) -> int:
    message, descriptors = _receive_with(link, ANSWER_SECONDS, 1)
    if message == expected and len(descriptors) == 1:
        return descriptors[0]
    for descriptor in descriptors:
        os.close(descriptor)
    raise LostError(clipped(message.decode(errors="replace")))


def _receive_with(link: socket.socket, seconds: float, descriptors: int) -> tuple[bytes, list[int]]:
    try:
        link.settimeout(seconds)
        flags = socket.MSG_CMSG_CLOEXEC
        message, given, _, _ = socket.recv_fds(link, _MESSAGE_BYTES, descriptors, flags)
    except OSError as error:
        raise LostError(str(error)) from None
    if not message:
        raise LostError("a process of the sandbox ended without a word")
    return message, list(given)


def _readable(descriptor: int, seconds: float) -> bool:
    events = select.poll()
    events.register(descriptor, select.POLLIN)
    return bool(events.poll(max(0, seconds) * 1000))


def _kill(handle: int) -> None:
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        return
