"""The process that proves the layers: it sets up a ground with things to attack, and lets probes attack them.

It is forked from the launcher, as books are, and trusted, as the launcher is. For each round it forks a
subject, which takes the place of the book and is confined like one, and for each probe the subject forks one
more process, which takes the place of a child.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn, Self

from ..schema import SandboxError
from .attempts import SECRET_BYTES, Seen, Target
from .confine import address_space, close_all_but, confine_book, confine_child, open_meter, prepare_child
from .layers import Layer
from .links import MESSAGE_BYTES
from .outcome import Limits
from .probes import BY_NAME, Probe, Role, Round, Tried
from .wire import sealed

PROBE_SECONDS: Final = 1.0
"""For one try; what hangs longer is ended, and judged by what it has done until then."""
_SLOW_SECONDS: Final = 5.0
_LIMITS: Final = Limits(seconds=0, memory_mb=64)
_COMPLAINT: Final = b"\0cannot: "
"""How a process says that it could not put on its layers."""


def serve_proof(link: socket.socket, order: int) -> None:
    """Try the Round that stands as JSON in the memory `order`, and send what came of it, a Tried as JSON."""
    one = Round(**json.loads(os.pread(order, os.fstat(order).st_size, 0)))
    os.close(order)
    link.send(json.dumps(asdict(try_round(one))).encode())


def try_round(one: Round) -> Tried:
    """Let each probe of a round attack a ground of its own. For a process without threads."""
    layers = frozenset(map(Layer, one.layers))
    with _Ground(seal=Layer.sealed_memory in layers) as ground:
        names = {name for probes in one.probes.values() for name in probes}
        untried = {name: why for name in names if (why := ground.lacks(BY_NAME[name]))}
        subject = _Subject(ground, layers)
        try:
            subject.wait_until_ready()
            ground.arm()
            through = {
                role: [
                    name
                    for group in _groups([BY_NAME[n] for n in probes if n not in untried], one.together)
                    for name in subject.fallen_to(group, role)
                ]
                for role, probes in one.probes.items()
            }
            return Tried(through, untried)
        except (OSError, SandboxError) as error:
            return Tried(error=str(error))
        finally:
            subject.end()


def _groups(probes: Sequence[Probe], together: bool) -> list[list[Probe]]:
    """The probes that share a process."""
    sharing = [probe for probe in probes if together and not probe.fatal]
    alone = [[probe] for probe in probes if probe not in sharing]
    return [sharing, *alone] if sharing else alone


class _Ground:
    """Things to attack, made fresh, and gone when it closes."""

    def __init__(self, *, seal: bool) -> None:
        self._seal = seal
        self._vault = ctypes.create_string_buffer(SECRET_BYTES)
        self._secret = b""
        self._victim = -1
        self._folder = _folder()
        self._doors = {
            "tcp": _door(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "udp": _door(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "abstract": _door(socket.AF_UNIX, socket.SOCK_STREAM, b""),  # the kernel finds a name
            "named": _door(socket.AF_UNIX, socket.SOCK_STREAM, f"{self._folder}/socket"),
        }
        self._drain, self.leak = os.pipe2(os.O_NONBLOCK)
        self.file = os.memfd_create("logisight-proof-file")
        self.scene = sealed([b"\0"], "logisight-proof-scene", seal=seal)
        os.lseek(self.scene, 0, os.SEEK_SET)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._end_victim()
        for door in self._doors.values():
            if door:
                door.close()
        for descriptor in (self._drain, self.leak, self.file, self.scene):
            os.close(descriptor)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def lacks(self, probe: Probe) -> str:
        """Why the probe cannot be tried here, or nothing."""
        if probe.needs_root and os.geteuid() != 0:
            return "only root could do it"
        if probe.uses == "folder" and not self._folder:
            return "there is no folder that can be written to"
        if probe.uses in self._doors and not self._doors[probe.uses]:
            return "this machine opens no such socket"
        return ""

    def arm(self) -> None:
        """Put everything in its place; to be done when the subject cannot see it any more."""
        self._secret = os.urandom(SECRET_BYTES)
        self._vault.raw = self._secret
        if self._folder:
            for name in ("secret", "locked", "full", "doomed"):
                path = Path(self._folder, name)
                path.unlink(missing_ok=True)
                path.write_bytes(self._secret)
                path.chmod(0 if name == "locked" else 0o666)
            for name in ("written", "ran"):
                Path(self._folder, name).unlink(missing_ok=True)
        os.ftruncate(self.file, 0)
        if not self._seal:
            os.pwrite(self.scene, b"\0", 0)
            os.lseek(self.scene, 0, os.SEEK_SET)
        self._end_victim()
        self._victim = os.fork()
        if self._victim == 0:
            _wait_for_the_end()

    def target(self) -> Target:
        """The ground as the attacker sees it."""
        names = {name: door.getsockname() for name, door in self._doors.items() if door}
        return Target(
            folder=self._folder or "/nonexistent",
            tcp=names.get("tcp", ("", 0))[1],
            udp=names.get("udp", ("", 0))[1],
            abstract=names.get("abstract", b"").decode(),
            victim=self._victim,
            vault=ctypes.addressof(self._vault),
            leak=self.leak,
            file=self.file,
            scene=self.scene,
        )

    def seen(self) -> Seen:
        """What has happened to it since this was asked last."""
        arrived = {name for name, door in self._doors.items() if door and _came_in(door)}
        with suppress(BlockingIOError):
            if os.read(self._drain, 1):
                arrived.add("leak")
        return Seen(self.target(), self._secret, b"", frozenset(arrived))

    def _end_victim(self) -> None:
        if self._victim > 0:
            os.kill(self._victim, signal.SIGKILL)
            os.waitpid(self._victim, 0)


class _Subject:
    """A process in the place of a book, which forks one process a probe."""

    def __init__(self, ground: _Ground, layers: frozenset[Layer]) -> None:
        self._ground = ground
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = os.fork()
        if self._process == 0:
            _be_subject(theirs, [ground.leak, ground.file, ground.scene], layers)
        theirs.close()

    def wait_until_ready(self) -> None:
        """Wait until it has confined itself.

        Raises:
            SandboxError: It cannot.
        """
        self._hear(PROBE_SECONDS)

    def fallen_to(self, probes: Sequence[Probe], role: Role) -> list[str]:
        """Which of the probes have their effect, tried one after another by one process.

        Raises:
            SandboxError: The layers cannot be put on.
        """
        names = [probe.name for probe in probes]
        order = {"probes": names, "role": role, "target": self._ground.target()}
        reading, writing = os.pipe()
        try:
            try:
                socket.send_fds(self._link, [json.dumps(order).encode()], [writing])
            finally:
                os.close(writing)
            self._wait_for_it(max(_SLOW_SECONDS if probe.slow else PROBE_SECONDS for probe in probes))
            loot = _taken(reading)
        finally:
            os.close(reading)
        seen = self._ground.seen()
        happened = [probe.name for probe in probes if probe.happened(seen._replace(loot=loot[probe.name]))]
        if happened:
            self._ground.arm()
        return happened

    def end(self) -> None:
        """End it."""
        self._link.close()
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)

    def _wait_for_it(self, seconds: float) -> None:
        """Wait for the end of the attacker, and see to it."""
        attacker = int(self._hear(PROBE_SECONDS))
        try:
            self._hear(seconds)
        except TimeoutError:
            os.kill(attacker, signal.SIGKILL)
            self._hear(PROBE_SECONDS)

    def _hear(self, seconds: float) -> bytes:
        self._link.settimeout(seconds)
        message = self._link.recv(MESSAGE_BYTES)
        if not message:
            raise SandboxError("the process that stands for a book ended without a word")
        if message.startswith(_COMPLAINT):
            raise SandboxError(message.removeprefix(_COMPLAINT).decode(errors="replace"))
        return message


def _be_subject(link: socket.socket, kept: Sequence[int], layers: frozenset[Layer]) -> NoReturn:
    """The body of the subject."""
    try:
        close_all_but(link.fileno(), *kept)
        meter = open_meter()
        try:
            confine_book(layers)
        except (OSError, SandboxError) as error:
            link.send(_COMPLAINT + str(error).encode())
            os._exit(1)
        link.send(b"ready")
        subject = os.getpid()
        while True:
            message, (loot,), _, _ = socket.recv_fds(link, MESSAGE_BYTES, 1)
            order, usage = json.loads(message), address_space(meter)
            attacker = os.fork()
            if attacker == 0:
                if order["role"] == "child":
                    _confine(loot, subject, usage, layers)
                _attack(loot, [BY_NAME[name] for name in order["probes"]], Target(*order["target"]))
            os.close(loot)
            link.send(str(attacker).encode())
            os.waitpid(attacker, 0)
            link.send(b"ended")
    finally:
        os._exit(0)


def _confine(loot: int, subject: int, usage: int, layers: frozenset[Layer]) -> None:
    """Become like a child that has its scene."""
    try:
        prepare_child(subject, layers)
        if Layer.descriptors in layers:
            close_all_but(loot)
        confine_child(_LIMITS, 1, usage, layers)
    except (OSError, SandboxError) as error:
        os.write(loot, _COMPLAINT + str(error).encode())
        os._exit(1)


def _attack(loot: int, probes: Sequence[Probe], target: Target) -> NoReturn:
    """The body of a process in the place of a child, or of a book, that was taken over."""
    try:
        for probe in probes:
            with suppress(Exception):  # a try that is stopped may end in any way; its effect is what counts
                found = probe.attempt(target)
                os.write(loot, f"{probe.name}:{(found or b'').hex()}\n".encode())
    finally:
        os._exit(0)


def _taken(pipe: int) -> dict[str, bytes]:
    """Probe -> what it has found out.

    Raises:
        SandboxError: The process could not put on its layers.
    """
    os.set_blocking(pipe, False)
    loot = b""
    with suppress(BlockingIOError):
        while more := os.read(pipe, MESSAGE_BYTES):
            loot += more
    if loot.startswith(_COMPLAINT):
        raise SandboxError(loot.removeprefix(_COMPLAINT).decode(errors="replace"))
    lines = [line.split(":") for line in loot.decode().splitlines()]
    return defaultdict(bytes, {name: bytes.fromhex(found) for name, found in lines})


def _wait_for_the_end() -> NoReturn:
    """The body of the victim."""
    try:
        while True:
            signal.pause()
    finally:
        os._exit(0)


def _folder() -> str:
    """A fresh folder that anybody can write to; empty where there is none to be had."""
    try:
        folder = tempfile.mkdtemp(prefix="logisight-proof-")
    except OSError:
        return ""
    os.chmod(folder, 0o777)  # noqa: PTH101, S103  (so that what is stopped is stopped by the layers)
    return folder


def _door(family: int, kind: int, address: Any) -> socket.socket | None:
    """A socket at which something can arrive, if this machine opens one."""
    door = None
    try:
        door = socket.socket(family, kind)
        door.setblocking(False)
        door.bind(address)
        if family == socket.AF_UNIX and address:
            os.chmod(address, 0o777)  # noqa: PTH101, S103
        if kind == socket.SOCK_STREAM:
            door.listen()
    except OSError:
        if door:
            door.close()
        return None
    return door


def _came_in(door: socket.socket) -> bool:
    try:
        if door.type == socket.SOCK_DGRAM:
            door.recv(1)
        else:
            door.accept()[0].close()
    except BlockingIOError:
        return False
    return True
