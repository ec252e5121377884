"""The process that keeps one rulebook: compiles its rules once, and forks a stricter child for each scene.

It talks to the inspecting process over a socket of its own, one message a line of this table:

    book -> parent   "book" with a descriptor of this process, or why it cannot be one
    book -> parent   one answer a rule, in order: null, or the Diagnostic that refuses it
    parent -> book   {"rules": [places to run, in order]} with the sealed scene and a pipe
    book -> parent   "child" with a descriptor of the child
    child -> pipe    an empty line when it is ready, or why it is not; then one Outcome a line
    book -> parent   {"ended": how the child ended, as waitpid says}
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from types import CodeType
from typing import Any, Final

from ..schema import SandboxError
from .confine import close_all_but, confine_book, confine_child
from .outcome import Diagnostic, Limits, clipped
from .runner import compile_rule, run_check
from .wire import mapped, open_scene

MESSAGE_BYTES: Final = 64 * 1024


def serve_book(link: socket.socket, rules: int) -> None:
    """Compile the rules in the sealed memory `rules`, then run scenes until the other side is gone."""
    order = json.loads(bytes(mapped(rules)))
    limits = Limits(**order["limits"])
    close_all_but(link.fileno())
    try:
        confine_book()
        me = os.pidfd_open(os.getpid())
    except (OSError, SandboxError) as error:
        link.send(str(error).encode(errors="replace"))
        return
    socket.send_fds(link, [b"book"], [me])
    os.close(me)
    programs: list[CodeType | Diagnostic] = []
    for code in order["codes"]:
        program = compile_rule(code)
        programs.append(program)
        link.send(program.model_dump_json().encode() if isinstance(program, Diagnostic) else b"null")
    while True:
        message, descriptors, _, _ = socket.recv_fds(link, MESSAGE_BYTES, 2)
        if not message:
            return
        _run_scene(link, json.loads(message)["rules"], programs, limits, descriptors)


def _run_scene(
    link: socket.socket,
    places: Sequence[int],
    programs: Sequence[CodeType | Diagnostic],
    limits: Limits,
    descriptors: Sequence[int],
) -> None:
    """Run the rules at `places` on one scene in a child, and wait for its end."""
    scene, pipe = descriptors
    book = os.getpid()
    child = os.fork()
    if child == 0:
        _run_child(scene, pipe, {place: programs[place] for place in places}, limits, book)
    os.close(scene)
    os.close(pipe)
    handle = os.pidfd_open(child)
    try:
        socket.send_fds(link, [b"child"], [handle])
        alive = _wait(link, handle)
    finally:
        os.close(handle)
        os.kill(child, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if alive:
        link.send(json.dumps({"ended": status}).encode())


def _wait(link: socket.socket, handle: int) -> bool:
    """Wait for the end of the child; False when the parent is gone first."""
    events = select.poll()
    events.register(link, select.POLLIN)
    events.register(handle, select.POLLIN)
    ready = {descriptor for descriptor, _ in events.poll()}
    return link.fileno() not in ready


def _run_child(
    scene: int, pipe: int, programs: dict[int, CodeType | Diagnostic], limits: Limits, book: int
) -> None:
    """The body of the child: nothing below returns to the code of the book."""
    code = 1
    try:
        try:
            opened = open_scene(scene)
            close_all_but(pipe)
            confine_child(limits, len(programs), book)
        except Exception as error:  # noqa: BLE001  (no rule has run yet: tell the parent why, then end)
            _send(pipe, clipped(f"{type(error).__name__}: {error}").encode(errors="replace") + b"\n")
            return
        _send(pipe, b"\n")
        for place, program in programs.items():
            if isinstance(program, CodeType):
                outcome = run_check(program, opened, place, limits)
                _send(pipe, outcome.model_dump_json(exclude_defaults=True).encode() + b"\n")
        code = 0
    finally:
        os._exit(code)


def _send(pipe: int, line: bytes) -> None:
    rest: Any = memoryview(line)
    while rest:
        rest = rest[os.write(pipe, rest) :]
