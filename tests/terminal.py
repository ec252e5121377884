"""A terminal of a person who types: a program in a pseudo-terminal, and what it shows."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 120
"""Seconds until something that does not come is missing."""

_STEERING = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[P_].*?\x1b\\|\x1b[@-Z\\-_78=>]",
    re.DOTALL,
)


class Terminal:
    """What a program shows, and what is typed."""

    def __init__(self, pid: int, file: int, shows_pictures: bool) -> None:
        self._pid, self._file = pid, file
        self._shows_pictures = shows_pictures
        self._read = 0
        self.shown = b""
        """All that came, with what steers the terminal."""

    @property
    def text(self) -> str:
        """All that came, as a person reads it."""
        return _STEERING.sub(b"", self.shown).decode(errors="replace").replace("\r\n", "\n")

    def sees(self, *texts: str) -> str:
        """Wait until one of these is shown, after what was seen before; returns what came until then."""
        end = time.monotonic() + PATIENCE
        while True:
            new = self.text[self._read :]
            ends = [new.index(text) + len(text) for text in texts if text in new]
            if ends:
                self._read += min(ends)
                return new[: min(ends)]
            if time.monotonic() > end or not self._comes():
                raise AssertionError(f"none of {texts} was shown after:\n{self.text}")

    def types(self, text: str) -> None:
        """Type a line."""
        self.presses(f"{text}\r")

    def presses(self, keys: str) -> None:
        """Press keys."""
        os.write(self._file, keys.encode())

    def pastes(self, text: str) -> None:
        """Paste a text, as terminals do it for programs that ask for that."""
        self.presses(f"\x1b[200~{text}\x1b[201~")

    def interrupts(self) -> None:
        """Interrupt the program itself, whatever it is doing."""
        os.kill(self._pid, signal.SIGINT)

    def ends(self) -> int:
        """Wait for the end of the program; returns its exit code."""
        end = time.monotonic() + PATIENCE
        while self._comes():
            assert time.monotonic() < end, f"it does not end:\n{self.text}"
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        """Kill what still runs."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._file)

    def _comes(self) -> bool:
        """Read what comes within a second; False at the end of the program."""
        if not select.select([self._file], [], [], 1)[0]:
            return True
        try:
            new = os.read(self._file, 65536)
        except OSError:  # what Linux says where the other side is closed
            return False
        self.shown += new
        # What terminals answer when they are asked where the cursor is, and what they can show.
        os.write(self._file, b"\x1b[40;1R" * new.count(b"\x1b[6n"))
        os.write(
            self._file, (b"\x1b[?62;4c" if self._shows_pictures else b"\x1b[?62c") * new.count(b"\x1b[c")
        )
        return bool(new)


@contextmanager
def terminal(*arguments: object, cwd: Path | None = None, shows_pictures: bool = False) -> Iterator[Terminal]:
    """Run `logisight ARGUMENTS...` in a terminal of 110 columns."""
    pid, file = pty.fork()
    if pid == 0:
        os.chdir(cwd or Path.cwd())
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "110", "LINES": "40"}
        os.execve(sys.executable, [sys.executable, "-m", "logisight.cli", *map(str, arguments)], environment)
    fcntl.ioctl(file, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 110, 1100, 800))
    opened = Terminal(pid, file, shows_pictures)
    try:
        yield opened
    finally:
        opened.close()
