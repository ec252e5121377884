"""What code that has broken out of Python would do first to the machine, and how it shows that it did.

Each try is judged by its effect alone: a file that changed, a connection that arrived, a secret that came
out. It speaks to the kernel as directly as Python can, so that a try that fails was stopped and did not
merely stumble.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

SECRET_BYTES: Final = 8
MARK: Final = "LOGISIGHT_DOCTOR_SECRET"
"""A variable of the environment that a rule's process must not see."""
_SHELL: Final = "/bin/sh"
_HOST: Final = "127.0.0.1"
_PTRACE_PEEKDATA: Final = 2
_PTRACE_ATTACH: Final = 16
_PR_GET_NO_NEW_PRIVS: Final = 39
_WALL: Final = 0x40000000
_BIG: Final = 512 * 1024 * 1024
_OWNER: Final = 12345
_MOMENT_MS: Final = 500


class Target(NamedTuple):
    """What there is to attack, as the attacker sees it."""

    folder: str
    tcp: int
    udp: int
    abstract: str
    victim: int
    """A process that waits to be ended."""
    vault: int
    """Where in the memory of the victim a secret lies."""
    leak: int
    """A descriptor that was forgotten: the end of a pipe."""
    file: int
    """One of an empty file."""
    scene: int
    """One of the memory that holds a scene."""


class Seen(NamedTuple):
    """What there is to see once the attacker is gone."""

    target: Target
    secret: bytes
    """Of the file `secret` and of the vault."""
    loot: bytes
    arrived: frozenset[str]
    """Of `tcp`, `udp`, `abstract`, `named` and `leak`: where something came in."""


def path(at: Target, name: str) -> str:
    """Path of a thing in the folder."""
    return f"{at.folder}/{name}"


def read(at: Target, name: str) -> bytes:
    """Read a file of the folder."""
    return os.read(os.open(path(at, name), os.O_RDONLY), 99)


def write(at: Target) -> None:
    """Create a file."""
    os.close(os.open(path(at, "written"), os.O_CREAT | os.O_WRONLY))


def empty(at: Target) -> None:
    """Empty a file without opening it."""
    os.truncate(path(at, "full"), 0)


def delete(at: Target) -> None:
    """Delete a file."""
    Path(at.folder, "doomed").unlink()


def change_mode(at: Target) -> None:
    """Change the mode of a file."""
    Path(at.folder, "full").chmod(0o600)


def give_away(at: Target) -> None:
    """Give a file another owner."""
    os.chown(path(at, "full"), _OWNER, -1)


def run_program(at: Target) -> None:
    """Become a shell that creates a file."""
    os.execv(_SHELL, [_SHELL, "-c", f": > {path(at, 'ran')}"])  # noqa: S606


def fork(at: Target) -> bytes:  # noqa: ARG001
    """Start a process."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return b"forked"


def connect(at: Target) -> None:
    """Connect by TCP."""
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).connect((_HOST, at.tcp))


def send_datagram(at: Target) -> None:
    """Send by UDP."""
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (_HOST, at.udp))


def connect_abstract(at: Target) -> None:
    """Connect to an abstract socket."""
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(at.abstract)


def connect_named(at: Target) -> None:
    """Connect to a socket in the folder."""
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(path(at, "socket"))


def kill(at: Target) -> bytes:
    """End the victim."""
    os.kill(at.victim, signal.SIGKILL)
    return b"killed"


def read_memory(at: Target) -> bytes:
    """Read the memory of the victim by its address."""
    found = ctypes.create_string_buffer(SECRET_BYTES)
    ours = (ctypes.c_void_p * 2)(ctypes.addressof(found), SECRET_BYTES)
    theirs = (ctypes.c_void_p * 2)(at.vault, SECRET_BYTES)
    _libc().process_vm_readv(at.victim, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)
    return found.raw


def read_memory_file(at: Target) -> bytes:
    """Read the memory of the victim as a file."""
    return os.pread(os.open(f"/proc/{at.victim}/mem", os.O_RDONLY), SECRET_BYTES, at.vault)


def trace(at: Target) -> bytes:
    """Attach to the victim as a debugger does, and read its memory."""
    ptrace = _libc().ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    ptrace.restype = ctypes.c_long
    if ptrace(_PTRACE_ATTACH, at.victim, None, None) != 0:
        return b""
    os.waitpid(at.victim, _WALL)
    word: int = ptrace(_PTRACE_PEEKDATA, at.victim, at.vault, None)
    return word.to_bytes(SECRET_BYTES, sys.byteorder, signed=True)


def leak(at: Target) -> None:
    """Write to a descriptor that was left open."""
    os.write(at.leak, b"x")


def grow(at: Target) -> None:
    """Write to an empty file that was left open."""
    os.write(at.file, b"x")


def change_scene(at: Target) -> None:
    """Write to the memory of a scene."""
    os.write(at.scene, b"\xff")


def map_scene(at: Target) -> None:
    """Map the memory of a scene for writing, and write."""
    mmap.mmap(at.scene, 1, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)[0] = 0xFF


def map_program(at: Target) -> bytes:  # noqa: ARG001
    """Map memory that may hold program code."""
    mmap.mmap(-1, 1, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    return b"mapped"


def take_memory(at: Target) -> bytes:  # noqa: ARG001
    """Map 512 MB."""
    return str(len(mmap.mmap(-1, _BIG))).encode()


def loop(at: Target) -> bytes:  # noqa: ARG001
    """Compute for longer than a second of processor time."""
    end = time.process_time() + 1.6
    while time.process_time() < end:
        pass
    return b"looped"


def could_gain_rights(at: Target) -> bytes | None:  # noqa: ARG001
    """Ask whether a program that is started could have more rights."""
    return b"could" if _libc().prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 else None


def see_environment(at: Target) -> bytes | None:  # noqa: ARG001
    """Look for the secret of the doctor in the environment."""
    return b"seen" if MARK in os.environ else None


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def file(seen: Seen, name: str) -> Path:
    """A thing in the folder."""
    return Path(seen.target.folder, name)


def emptied(seen: Seen) -> bool:
    """Whether the file is empty."""
    return file(seen, "full").stat().st_size == 0


def deleted(seen: Seen) -> bool:
    """Whether the file is gone."""
    return not file(seen, "doomed").exists()


def mode_changed(seen: Seen) -> bool:
    """Whether the file has the mode that the try gives it."""
    return file(seen, "full").stat().st_mode & 0o777 == 0o600


def given_away(seen: Seen) -> bool:
    """Whether the file has the owner that the try gives it."""
    return file(seen, "full").stat().st_uid == _OWNER


def grown(seen: Seen) -> bool:
    """Whether the file that was left open has anything in it."""
    return os.fstat(seen.target.file).st_size > 0


def found_secret(seen: Seen) -> bool:
    """Whether the secret came out."""
    return seen.loot == seen.secret


def ended(seen: Seen) -> bool:
    """Whether the victim is dead; a signal that was sent takes a moment."""
    handle = os.pidfd_open(seen.target.victim)
    try:
        events = select.poll()
        events.register(handle, select.POLLIN)
        return bool(events.poll(_MOMENT_MS if seen.loot else 0))
    finally:
        os.close(handle)


def found_anything(seen: Seen) -> bool:
    """Whether the try found out anything, or said that it was done."""
    return bool(seen.loot)


def exists(name: str) -> Callable[[Seen], bool]:
    """Whether there is such a file."""
    return lambda seen: file(seen, name).exists()


def arrived(where: str) -> Callable[[Seen], bool]:
    """Whether something came in there."""
    return lambda seen: where in seen.arrived


def scene_changed(seen: Seen) -> bool:
    """Whether the memory of the scene is another."""
    return os.pread(seen.target.scene, 1, 0) != b"\0"
