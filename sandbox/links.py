"""Messages and descriptors between the processes of the jail, and what can be wrong with them."""

from __future__ import annotations

import mmap
import os
import select
import signal
import socket
import weakref
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final

from .outcome import clipped

ANSWER_SECONDS: Final = 5.0
"""For a step that does not run rule code."""
MESSAGE_BYTES: Final = 64 * 1024
MOST_DESCRIPTORS: Final = 64
"""In one message; the kernel takes 253."""


class LostError(Exception):
    """A process of the jail is gone, or does not answer."""


def send(link: socket.socket, message: bytes, descriptors: Sequence[int]) -> None:
    """Hand over a message and descriptors.

    Raises:
        LostError: The other side is gone, or does not take it in time.
    """
    try:
        link.settimeout(ANSWER_SECONDS)
        socket.send_fds(link, [message], descriptors)
    except OSError as error:
        raise LostError(str(error)) from None


def receive(link: socket.socket, seconds: float) -> bytes:
    """The next message; descriptors with it are dropped."""
    message, descriptors = receive_with(link, seconds)
    for descriptor in descriptors:
        os.close(descriptor)
    return message


def receive_with(link: socket.socket, seconds: float) -> tuple[bytes, list[int]]:
    """The next message and the descriptor with it.

    Raises:
        LostError: There is none in time, or the other side is gone.
    """
    try:
        link.settimeout(seconds)
        message, given, _, _ = socket.recv_fds(link, MESSAGE_BYTES, 1, socket.MSG_CMSG_CLOEXEC)
    except OSError as error:
        raise LostError(str(error)) from None
    if not message:
        raise LostError("a process of the sandbox ended without a word")
    return message, list(given)


class Handle:
    """A hold on one process (pidfd): whoever has the number since, it is never another one.

    It is readable when the process has ended, and closed with the last reference to this.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.close = weakref.finalize(self, os.close, descriptor)
        self.close.atexit = False

    def fileno(self) -> int:
        """The descriptor; for `poll` and its like."""
        return self._descriptor

    @cached_property
    def pid(self) -> int:
        """Process number as it is known here; 0 where it cannot be known."""
        try:
            about = Path(f"/proc/self/fdinfo/{self.fileno()}").read_text()
        except OSError:
            return 0
        return next((int(line[4:]) for line in about.splitlines() if line.startswith("Pid:")), 0)

    @property
    def resident(self) -> int:
        """Bytes of memory that the process takes up now, shared or not; 0 where it cannot be known."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * mmap.PAGESIZE
        except (OSError, IndexError):  # it is hidden, or has just ended
            return 0

    def kill(self) -> None:
        """End the process for certain; nothing where it has ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.fileno(), signal.SIGKILL)


def only_handle(message: bytes, descriptors: Sequence[int], expected: bytes) -> Handle:
    """The process whose descriptor came with the expected message.

    Raises:
        LostError: Another message came, which is then the reason, or no descriptor.
    """
    handles = [Handle(descriptor) for descriptor in descriptors]
    if message == expected and handles:
        return handles[0]
    reason = b"no descriptor is left" if message == expected else message
    raise LostError(clipped(reason.decode(errors="replace")))


def readable(ends: Sequence[Handle | socket.socket], seconds: float) -> bool:
    """Whether one of them has something to read, or is at its end, within `seconds`."""
    events = select.poll()
    for end in ends:
        events.register(end, select.POLLIN)
    return bool(events.poll(max(0, seconds) * 1000))
