"""The process that keeps one rulebook: compiles its rules once, and forks a stricter child for each scene.

It talks to the inspecting process over a socket of its own, a child over one that the parent made for it:

    book -> parent    "book" with a descriptor of this process, or why it cannot be one
    book -> parent    one answer a rule, in order: null, or the Diagnostic that refuses it
    parent -> book    "child" with the child's end of a socket, also ahead of time
    book -> parent    "child" with a descriptor of the child, or why there is none
    parent -> child   how many runs of a rule on a scene to skip, with the sealed scenes
    child -> parent   an empty line when it has confined itself, or why it cannot; then one Outcome a line:
                      each rule that is not refused, in order, on the first scene, then on the second, ...
    book -> parent    {"ended": how the child ended, as waitpid says, "child": which one, from 0}
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import select
import socket
from collections.abc import Sequence
from itertools import islice
from types import CodeType
from typing import Any, NamedTuple, NoReturn

from ..schema import SandboxError
from .confine import address_space, close_all_but, confine_book, confine_child, open_meter, prepare_child
from .layers import Layer
from .links import MESSAGE_BYTES, MOST_DESCRIPTORS
from .outcome import Diagnostic, Limits, clipped
from .runner import compile_rule, run_check
from .sealing import open_scene
from .wire import mapped


class Rules(NamedTuple):
    """The compiled rules of a book, and how they are to be run."""

    programs: dict[int, CodeType]
    """Place of a rule that is not refused -> what to run, in order."""
    limits: Limits
    layers: frozenset[Layer]


def serve_book(link: socket.socket, rules: int) -> None:
    """Compile the rules in the sealed memory `rules`, then fork children until the other side is gone."""
    order = json.loads(bytes(mapped(rules)))
    layers = frozenset(map(Layer, order["layers"]))
    close_all_but(link.fileno())
    try:
        meter = open_meter()
        me = os.pidfd_open(os.getpid())
        confine_book(layers)
    except (OSError, SandboxError) as error:
        link.send(str(error).encode(errors="replace"))
        return
    socket.send_fds(link, [b"book"], [me])
    os.close(me)
    programs: dict[int, CodeType] = {}
    for place, code in enumerate(order["codes"]):
        program = compile_rule(code)
        if isinstance(program, Diagnostic):
            link.send(program.model_dump_json().encode())
        else:
            programs[place] = program
            link.send(b"null")
    gc.collect()
    gc.freeze()  # children share these pages for as long as nobody writes to them
    _Book(link, Rules(programs, Limits(**order["limits"]), layers), meter).serve()


class _Book:
    """A rulebook that is compiled."""

    def __init__(self, link: socket.socket, rules: Rules, meter: int) -> None:
        self._link = link
        self._rules = rules
        self._meter = meter
        self._forked = 0
        self._children: dict[int, tuple[int, int]] = {}
        """Descriptor of a living child -> which one, its process number."""
        self._events = select.poll()

    def serve(self) -> None:
        """Fork a child for each socket that comes, and tell how each ended, until the parent is gone."""
        self._events.register(self._link, select.POLLIN)
        while True:
            for descriptor, _ in self._events.poll():
                if descriptor != self._link.fileno():
                    self._bury(descriptor)
                elif not self._answer():
                    return  # children end with the process that forked them

    def _answer(self) -> bool:
        """Fork the child that the parent asks for; False when the parent is gone."""
        message, sockets, _, _ = socket.recv_fds(self._link, MESSAGE_BYTES, 1)
        if not message:
            return False
        try:
            handle = self._fork(*sockets)
        except (OSError, TypeError) as error:
            self._link.send(f"no process for the rules: {error}".encode())
        else:
            socket.send_fds(self._link, [b"child"], [handle])
        return True

    def _fork(self, control: int) -> int:
        book, usage = os.getpid(), address_space(self._meter)
        try:
            child = os.fork()
            if child == 0:
                _be_child(control, book, usage, self._rules)
        finally:
            os.close(control)
        handle = os.pidfd_open(child)
        self._children[handle] = (self._forked, child)
        self._forked += 1
        self._events.register(handle, select.POLLIN)
        return handle

    def _bury(self, handle: int) -> None:
        which, child = self._children.pop(handle)
        self._events.unregister(handle)
        os.close(handle)
        _, status = os.waitpid(child, 0)
        self._link.send(json.dumps({"ended": status, "child": which}).encode())


def _be_child(control: int, book: int, usage: int, rules: Rules) -> NoReturn:
    """The body of a child: wait for scenes, and run the rules on them."""
    code = 1
    try:
        close_all_but(control)
        try:
            prepare_child(book, rules.layers)
            skip, scenes = _receive(control)
            if Layer.descriptors in rules.layers:
                close_all_but(control)
            usage += sum(mmap.PAGESIZE + len(scene) for scene in scenes)
            confine_child(rules.limits, len(scenes) * len(rules.programs), usage, rules.layers)
        except Exception as error:  # noqa: BLE001  (no rule has run yet: tell the parent why, then end)
            _send(control, clipped(f"{type(error).__name__}: {error}").encode(errors="replace") + b"\n")
        else:
            _send(control, b"\n")
            _run(control, skip, scenes, rules)
            code = 0
    finally:
        os._exit(code)


def _receive(control: int) -> tuple[int, list[mmap.mmap]]:
    link = socket.socket(fileno=control)
    message, descriptors, flags, _ = socket.recv_fds(link, MESSAGE_BYTES, MOST_DESCRIPTORS)
    link.detach()
    if flags & socket.MSG_CTRUNC or not descriptors:
        raise SandboxError("the scene did not arrive")
    return int(message), [mapped(descriptor) for descriptor in descriptors]


def _run(control: int, skip: int, scenes: Sequence[mmap.mmap], rules: Rules) -> None:
    for memory in scenes:
        scene = open_scene(memory)
        for place, program in islice(rules.programs.items(), skip, None):
            outcome = run_check(program, scene, place, rules.limits)
            _send(control, outcome.model_dump_json(exclude_defaults=True).encode() + b"\n")
        skip = 0


def _send(pipe: int, line: bytes) -> None:
    rest: Any = memoryview(line)
    while rest:
        rest = rest[os.write(pipe, rest) :]
