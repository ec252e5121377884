"""The inspecting process's hold on the processes of the jail: launcher, book and child."""

from __future__ import annotations

import json
import math
import os
import site
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from types import TracebackType
from typing import Final, Self

from ..schema import SandboxError
from .layers import ALL_LAYERS, Isolation, Layer
from .links import (
    ANSWER_SECONDS,
    MESSAGE_BYTES,
    Handle,
    LostError,
    only_handle,
    readable,
    receive,
    receive_with,
    send,
)
from .outcome import MAX_TEXT, Diagnostic, Limits, clipped
from .probes import PROBES, Role, Round, Tried
from .wire import sealed

START_SECONDS: Final = 60.0
"""For the launcher to import what it needs, on a slow and busy machine."""
WATCH_SECONDS: Final = 0.004
"""Between two looks at the memory of a process that runs rules."""
PROVE_SECONDS: Final = 60.0
"""For one round of probes: each ends, or is ended, within a few seconds."""
_KEPT: Final = ("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")
"""Variables without which some Pythons do not find themselves; nothing else of the environment goes along."""
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class CompileLostError(LostError):
    """The process that compiles rules is gone, while the launcher lives: a rule's text did it."""


class LineTooLongError(Exception):
    """A rule sent more than it may."""


class TooMuchMemoryError(Exception):
    """A process that runs rules takes up more memory than it may."""


class Launcher:
    """A running launcher, ready to be asked for books.

    Raises:
        SandboxError: It does not start; the message says why.
    """

    def __init__(self, layers: frozenset[Layer] = ALL_LAYERS) -> None:
        """`layers` are those to use, as far as this machine has them."""
        log = os.memfd_create("logisight-launcher-log", os.MFD_CLOEXEC)
        try:
            self._process, self._link = _start(log, layers)
            self._close = weakref.finalize(self, _end, self._process, self._link, os.getpid())
            found = json.loads(receive(self._link, START_SECONDS))
            self.layers = frozenset(map(Layer, found["layers"]))
            """Those in use."""
            self.missing = {Layer(layer): str(why) for layer, why in found["missing"].items()}
            """Layer -> why it is not there, or not whole."""
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

    @cached_property
    def isolation(self) -> Isolation:
        """What holds rules here: which layers there are, and what comes through them all.

        Tries, when first asked, what can be tried in a moment; the doctor tries everything.

        Raises:
            SandboxError: It cannot be tried.
        """
        at_once = [probe for probe in PROBES if probe.first]
        probes: dict[Role, list[str]] = {
            "child": [probe.name for probe in at_once],
            "book": [probe.name for probe in at_once if probe.book_too],
        }
        tried = self.prove(Round(sorted(self.layers), probes, together=True))
        if tried.error:
            raise SandboxError(f"the sandbox cannot be tried: {tried.error}")
        return Isolation.of(self.missing, tried.names, grave=tried.grave)

    def prove(self, one: Round) -> Tried:
        """What came of trying a round in processes of this launcher.

        Raises:
            SandboxError: The launcher is gone, or does not answer.
        """
        order = sealed([json.dumps(asdict(one)).encode()], "logisight-round")
        link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with link:
                with theirs:
                    send(self._link, b"prove", [theirs.fileno(), order])
                return Tried(**json.loads(receive(link, PROVE_SECONDS)))
        except LostError as error:
            raise SandboxError(f"the sandbox cannot be tried: {error}") from None
        finally:
            os.close(order)

    def send(self, descriptors: Sequence[int]) -> None:
        """Hand over the socket and the rules of a new book."""
        send(self._link, b"book", descriptors)

    def close(self) -> None:
        """End the process and all that it started."""
        self._close()


class Book:
    """A process that has compiled one rulebook. One run uses it at a time.

    Raises:
        CompileLostError: It ended or hung over the text of a rule.
        LostError: It cannot be started.
    """

    def __init__(self, launcher: Launcher, codes: Sequence[str], limits: Limits) -> None:
        self.launcher = launcher
        self.codes = tuple(codes)
        self.refusals: dict[int, Diagnostic] = {}
        """Place of a rule -> why it is refused."""
        self._process: Handle | None = None
        self._forked: list[Handle] = []
        """Children that the book has forked and that are not in use yet."""
        self._spare: socket.socket | None = None
        """The socket of a child that was asked for ahead of time."""
        self._ended: dict[int, int] = {}
        """Which child -> how it ended."""
        self._used = 0
        self._memory = limits.memory_mb * 1024 * 1024 if Layer.clock in launcher.layers else 0
        """Bytes that a child may take up beside what the book does; 0: as many as it likes."""
        order = {"codes": codes, "limits": vars(limits), "layers": sorted(launcher.layers)}
        rules = sealed([json.dumps(order).encode()], "logisight-rules")
        try:
            self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._start(theirs, rules, limits)
        finally:
            os.close(rules)

    def child(self, scenes: Sequence[int], skip: int) -> Child:
        """A fresh process that starts to run the rules on sealed scenes, but for the first `skip` runs.

        Raises:
            LostError: There is none to be had.
            OSError: This process is short of descriptors.
        """
        control, self._spare = self._spare or self._ask(), None
        self._ended.clear()
        try:
            send(control, str(skip).encode(), scenes)
            while not self._forked:
                self._read()
        except BaseException:
            control.close()
            raise
        most = self._resident + sum(os.fstat(scene).st_size for scene in scenes) + self._memory
        child = Child(self, self._used, control, self._forked.pop(), most if self._memory else math.inf)
        self._used += 1
        with suppress(OSError, LostError):  # where it fails, the next run finds out
            self._spare = self._ask()
        return child

    def ended(self, child: int) -> int:
        """How that child ended, as `os.waitpid` says; to be asked when it is sure to end.

        Raises:
            LostError: The book is gone.
        """
        while child not in self._ended:
            self._read()
        return self._ended[child]

    def close(self) -> None:
        """End the process, and the children that run in it."""
        if self._process:
            self._process.kill()
        self.forget()

    def forget(self) -> None:
        """Give back the descriptors of this process, and leave the book to the one that it belongs to."""
        self._link.close()
        if self._spare:
            self._spare.close()
        self._process = None
        self._forked.clear()

    def _start(self, theirs: socket.socket, rules: int, limits: Limits) -> None:
        try:
            with theirs:
                self.launcher.send([theirs.fileno(), rules])
            self._process = only_handle(*receive_with(self._link, ANSWER_SECONDS), b"book")
            for place in range(len(self.codes)):
                answer = receive(self._link, max(1.0, limits.seconds))
                if answer != b"null":
                    self.refusals[place] = _diagnostic(answer)
            self._resident = self._process.resident
            self._spare = self._ask()
        except BaseException as error:
            started = self._process is not None
            self.close()
            if isinstance(error, LostError) and started and self.launcher.alive:
                raise CompileLostError(str(error)) from None
            raise

    def _ask(self) -> socket.socket:
        """Ask for a child; the socket on which it will listen."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                send(self._link, b"child", [theirs.fileno()])
        except BaseException:
            ours.close()
            raise
        return ours

    def _read(self) -> None:
        """Take in what the book says next: that it forked a child, or that one ended."""
        message, descriptors = receive_with(self._link, ANSWER_SECONDS)
        if not message.startswith(b"{"):
            self._forked.append(only_handle(message, descriptors, b"child"))
            return
        try:
            told = json.loads(message)
            self._ended[told["child"]] = int(told["ended"])
        except (ValueError, TypeError, KeyError):
            raise LostError("the book speaks another language") from None


class Child:
    """A process that runs rules on scenes; a context manager that leaves no process and no descriptor."""

    def __init__(self, book: Book, which: int, control: socket.socket, process: Handle, most: float) -> None:
        """`most` is how many bytes of memory it may take up, those that it shares among them."""
        self._book = book
        self._which = which
        self._control = control
        self._process = process
        self._most = most
        self._bytes = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.close()
        self._control.close()

    def wait_until_ready(self) -> None:
        """Wait until it has confined itself; its next line is that of the first rule.

        Raises:
            LostError: It cannot; the message says why.
        """
        try:
            reason = self.line(ANSWER_SECONDS, MAX_TEXT * 4).decode(errors="replace")
        except (TimeoutError, EOFError, LineTooLongError, TooMuchMemoryError):
            reason = "the process for the rules does not start"
        if reason:
            raise LostError(clipped(reason))

    def line(self, seconds: float, longest: int) -> bytes:
        """The next line that the child sends, without its end.

        Raises:
            TimeoutError: It did not come in time.
            TooMuchMemoryError: The child takes up more memory than it may.
            LineTooLongError: It has more than `longest` bytes.
            EOFError: The child has closed its socket, or ended.
        """
        deadline = time.monotonic() + seconds
        while (end := self._bytes.find(b"\n")) < 0:
            if len(self._bytes) > longest:
                raise LineTooLongError
            self._wait(deadline)
            try:
                more = self._control.recv(MESSAGE_BYTES, socket.MSG_DONTWAIT)
            except (BlockingIOError, ConnectionError):  # it ended, and something else holds its socket
                more = b""
            if not more:
                raise EOFError
            self._bytes += more
        line = bytes(self._bytes[:end])
        if len(line) > longest:
            raise LineTooLongError
        del self._bytes[: end + 1]
        return line

    def _wait(self, deadline: float) -> None:
        """Until it sends something or ends; look at its memory all the while."""
        ends: list[Handle | socket.socket] = [self._control, self._process]
        while not readable(ends, min(WATCH_SECONDS, deadline - time.monotonic())):
            if time.monotonic() >= deadline:
                raise TimeoutError
            if self._process.resident > self._most:
                raise TooMuchMemoryError

    def end(self, seconds: float) -> int | None:
        """How it ended, as `os.waitpid` says; None when it had to be killed after that many `seconds`.

        Raises:
            LostError: Its book is gone.
        """
        by_itself = readable([self._process], seconds)
        self._process.kill()
        status = self._book.ended(self._which)
        return status if by_itself else None


def _start(log: int, layers: frozenset[Layer]) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the launcher; the socket to speak with it."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    if "PYTHONPATH" in environment:
        folders = environment["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(folder) for folder in folders)  # noqa: PTH100
    program = ["-W", "ignore", "-m", f"{__package__}.launcher", ",".join(sorted(layers))]
    flags = ["-P"] if site.getusersitepackages() in sys.path else ["-P", "-s"]
    link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        process = subprocess.Popen(  # noqa: S603  (this Python, with fixed arguments)
            [sys.executable, *flags, *program],
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


def _end(process: subprocess.Popen[bytes], link: socket.socket, owner: int) -> None:
    """Let the launcher end, and see to it; in a process that was forked from its owner, leave it alone."""
    if os.getpid() == owner:
        with suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)  # for the launcher to know, whoever holds a copy of the link
    link.close()
    if os.getpid() != owner:
        process.returncode = 0  # or Python warns that it still runs
        return
    try:
        process.wait(ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _diagnostic(answer: bytes) -> Diagnostic:
    try:
        return Diagnostic.model_validate_json(answer)
    except ValueError:
        raise LostError("the book speaks another language") from None


def _last_line(log: int) -> str:
    start = max(0, os.fstat(log).st_size - MESSAGE_BYTES)
    text = os.pread(log, MESSAGE_BYTES, start).decode(errors="replace")
    return clipped(text.strip().rpartition("\n")[2])
