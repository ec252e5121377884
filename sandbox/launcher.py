"""The clean process that all which meets rule code is forked from; started as `python -m`, never forked.

It imports once what rules need, holds no secret and no thread, runs no rule, and forks one process for each
message that arrives on its standard input, a Unix socket. It ends when that socket closes.

    launcher -> parent    {"layers": those that this machine has, "missing": {layer: why}}
    parent -> launcher    "book" with a socket and the rules, see `book.py`
    parent -> launcher    "prove" with a socket and a round, see `prover.py`
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from ..scene import Part, Scene
from ..schema import SandboxError
from .book import serve_book
from .confine import adopt_orphans, available
from .layers import Layer
from .outcome import Diagnostic, Limits
from .prover import serve_proof
from .runner import compile_rule, run_check

REHEARSAL: Final = '''\
"""Asks every question once, so that children find everything imported: they can open no file."""
SIZE: tuple = (0.0, 1e9)


def shape(this: "part", other: "part") -> list:
    answers = [this.label, this.area, this.center, this.box, this.width, this.height, this.length]
    answers += [this.thickness, this.angle, this.ends, this.inside(other), this.overlap(other)]
    answers += [this.distance(other), this.left_of(other), this.right_of(other), this.above(other)]
    return answers + [this.below(other), this.touches(other), this.mirrors(other)]


def check(scene):
    seen = {}
    for label in scene.labels:
        seen[label] = 0
        seen[label] += len(scene.parts(label))
    pin, box = scene.part("pin"), scene.part("box")
    cells = [cell for cell in scene.grid(2, 2, within="box") if cell.parts("pin")]
    half = scene.region("left half")
    answers = shape(pin, box) + shape(half, pin) + [pin.color, pin.lab, pin.confidence, scene.size]
    größe = "\N{DEGREE SIGN}"
    answers += [scene.fill_level(pin, "box"), scene.connected(pin, box, box), cells[0].row, cells[0].column]
    text = f"{len(answers) % 7:.1f} {answers} {größe}"
    expect(len(text) > 0, "matching", text[:200], expected=SIZE, actual=pin.area, parts=[pin, *cells])
'''


def rehearsal_scene() -> Scene:
    """A small scene with one pin in one box."""
    pin = Part("pin", np.ones((4, 6), np.bool_), (5, 5), (50.0, 0.0, 0.0))
    box = Part("box", np.ones((30, 40), np.bool_), (2, 2), (80.0, 0.0, 0.0))
    return Scene((64, 48), ("pin", "box"), (pin, box))


def main(asked: str) -> None:
    """Serve until the parent is gone. `asked` are the layers to use, with commas between them."""
    link = socket.socket(fileno=os.dup(0))
    cv2.setNumThreads(1)
    adopt_orphans()
    _rehearse()
    layers, missing = available(frozenset(map(Layer, asked.split(","))))  # makes the filters, for all books
    if len(list(Path("/proc/self/task").iterdir())) != 1:
        raise SandboxError("the launcher of the sandbox has threads; something in this Python starts them")
    os.dup2(1, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel then buries the books by itself
    gc.collect()
    gc.freeze()  # children share these pages for as long as nobody writes to them
    link.send(json.dumps({"layers": sorted(layers), "missing": missing}).encode())
    while True:
        message, descriptors, _, _ = socket.recv_fds(link, 64, 2)
        if not message:
            break
        if os.fork() == 0:
            _become(_SERVERS[message], link, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
    link.close()
    _end_children()


def _become(
    serve: Callable[[socket.socket, int], None], control: socket.socket, link: int, order: int
) -> None:
    """The body of a process that serves: nothing below returns to the code of the launcher."""
    try:
        control.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        serve(socket.socket(fileno=link), order)
    finally:
        os._exit(0)


def _rehearse() -> None:
    program = compile_rule(REHEARSAL)
    if isinstance(program, Diagnostic):
        raise SandboxError(f"the sandbox refuses its own rule: {program}")
    outcome = run_check(program, rehearsal_scene(), 0, Limits())
    if outcome.status != "ok":
        raise SandboxError(f"the sandbox cannot run its own rule: {outcome.message}")


def _end_children() -> None:
    """End every book, and with it what runs in it, and leave no zombie to whoever adopts orphans here."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    try:
        while True:
            os.wait()
    except ChildProcessError:
        return


_SERVERS: Final = {b"book": serve_book, b"prove": serve_proof}

if __name__ == "__main__":
    main(*sys.argv[1:])
