"""A throwaway place: runs one text with one layer at a time, and says how it ended and what it left behind.

Reads requests and writes answers, a line of JSON each. Every text runs in a grandchild of this process, whose
parent stands for the book, as in the jail.
"""
# ruff: noqa: BLE001  (what is run here may end in any way)

from __future__ import annotations

import base64
import importlib
import json
import mmap
import operator
import os
import pickle
import resource
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from breach.wanted import WANTED
from logisight.sandbox import seccomp
from logisight.sandbox.confine import (
    address_space,
    adopt_orphans,
    close_all_but,
    confine_book,
    confine_child,
    open_meter,
    prepare_child,
)
from logisight.sandbox.layers import Layer
from logisight.sandbox.outcome import Limits
from logisight.sandbox.rewrite import MODULO, SHOW, rewrite
from logisight.sandbox.runner import run_check
from logisight.sandbox.sealing import open_scene, seal_scene
from logisight.sandbox.wire import mapped
from recorder import Recorder, is_as_ever, small_scene
from world import descendants

GUARDS = ("RestrictedPython.Eval", "RestrictedPython.PrintCollector", "RestrictedPython.Guards")
MB = 1024 * 1024
CAP_MB = 160
"""Room of a text that nothing else holds, so that the machine does not suffer."""
LIMIT_MB = 64
"""Room that the layers give."""
SLACK_MB = 24


def main() -> None:
    adopt_orphans()
    warm_up()
    meter = open_meter()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line), meter)) + "\n")
        sys.stdout.flush()


def warm_up() -> None:
    """Import what texts and layers import, so that a layer does not fail them for want of a module."""
    for name in (*WANTED, *GUARDS):
        importlib.import_module(name)
    if not seccomp.why_missing():
        seccomp.child_filter(), seccomp.book_filter()
    is_as_ever(small_scene()), repr(small_scene().parts)


def answer(request, meter):
    if "naive" in request:
        return {"hurt": hurts_a_naive_parent(base64.b64decode(request["naive"]))}
    layers = frozenset(map(Layer, request["layers"]))
    sealed = make_masks(Layer.sealed_memory in layers)
    before = os.pread(sealed, 1 << 20, 0)
    inherited = os.open(sys.argv[1], os.O_RDWR), os.open(sys.argv[2], os.O_RDONLY)
    out, out_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    status, status_end = os.pipe()
    os.set_blocking(out_end, True)
    rss = resident()
    usage = address_space(meter)
    book = os.fork()
    if book == 0:
        os.close(status)
        os.close(out)
        be_book(request, layers, sealed, usage, out_end, status_end)
    for descriptor in (out_end, status_end, *inherited):
        os.close(descriptor)
    ended, output = watch(book, status, out, time.monotonic() + request["seconds"])
    programs = sum(is_another_program(pid) for pid in descendants(os.getpid()))
    left = clean_up(book)
    os.close(out)
    os.close(status)
    changed = os.pread(sealed, 1 << 20, 0) != before
    os.close(sealed)
    grown = max(0, ended.get("maxrss", 0) * 1024 - rss)
    return {
        **ended,
        "output": base64.b64encode(output).decode(),
        "left": left,
        "programs": programs,
        "mask": changed,
        "grown_mb": grown / MB,
        "over": grown > (LIMIT_MB + SLACK_MB) * MB,
    }


def hurts_a_naive_parent(raw):
    """Whether a parent that believes its children is hurt by these bytes; tried in a process of its own."""
    reader = os.fork()
    if reader == 0:
        code = 1
        try:
            code = 1 if takes_no_harm(raw) else 3
        except BaseException:
            code = 3
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1]) == 3


def takes_no_harm(raw):
    if raw[:1] in (b"c", b"\x80"):
        pickle.loads(raw)
        return False
    value = json.loads(raw.split(b"\n")[0])
    text = str(value)
    text.encode()
    claims = value["number"] == 0 and value["status"] in ("ok", "rule_error") and "line" not in value
    for made in value.get("expectations", []):
        claims = claims and made["passed"] is True and "nan" not in text and "inf" not in text
        claims = claims and not any(part == -1 or part == 99999 for part in made.get("parts", []))
    return claims and "\\x" not in text and "\\u" not in text and raw.count(b'"status"') == 1


def make_masks(seal):
    """Sealed memory as the package makes it, or the shared writable memory that it could have been."""
    if seal:
        sealed = seal_scene(small_scene())
        return os.dup(sealed.descriptor)
    descriptor = os.memfd_create("masks")
    for part in small_scene().all_parts:
        os.write(descriptor, part.mask.tobytes())
    os.write(descriptor, bytes(mmap.PAGESIZE))
    return descriptor


def open_masks(descriptor, seal):
    if seal:
        return open_scene(mapped(descriptor))
    memory = mmap.mmap(descriptor, 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    shared, start = [], 0
    for part in small_scene().all_parts:
        size = part.mask.size
        shared.append(np.frombuffer(memory, np.bool_, size, start).reshape(part.mask.shape))
        start += size
    return small_scene(shared)


def be_book(request, layers, sealed, usage, out, status):
    try:
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        if Layer.rlimits not in layers:
            resource.setrlimit(resource.RLIMIT_AS, (usage + CAP_MB * MB, resource.RLIM_INFINITY))
        confine_book(layers)
        me = os.getpid()
        child = os.fork()
        if child == 0:
            os.close(status)
            be_child(request, layers, sealed, usage, out, me)
        _, end, spent = os.wait4(child, 0)
        os.write(status, json.dumps({"end": end, "maxrss": spent.ru_maxrss}).encode())
    except BaseException as error:
        os.write(status, json.dumps({"broken": repr(error)}).encode())
    finally:
        os._exit(0)


def be_child(request, layers, sealed, usage, out, book):
    write = os.write
    try:
        scene = open_masks(sealed, Layer.sealed_memory in layers)
        prepare_child(book, layers)
        if Layer.descriptors in layers:
            close_all_but(out)
        confine_child(Limits(seconds=0, memory_mb=LIMIT_MB), 1, usage + 2 * mmap.PAGESIZE, layers)
    except BaseException as error:
        write(out, b"B" + repr(error).encode())
        os._exit(2)
    try:
        result, raised = run(request, scene, out), None
    except BaseException as error:
        result, raised = None, type(error).__name__
    try:
        as_ever = is_as_ever(scene)
    except BaseException:
        as_ever = False
    try:
        send_all(
            write, out, b"\nR" + json.dumps({"result": result, "raised": raised, "as_ever": as_ever}).encode()
        )
    except BaseException:
        write(out, b'\nR{"result": null, "raised": "hurt", "as_ever": false}')
    finally:
        os._exit(0)


def send_all(write, out, data):
    while data:
        data = data[write(out, data) :]


def run(request, scene, out):
    """Run the text by itself, under RestrictedPython alone, or behind the facade alone."""
    text, language = request["text"], request["language"]
    if language == "facade":
        outcome = run_check(
            compile(text, "<rule>", "exec", dont_inherit=True), scene, 0, Limits(memory_mb=LIMIT_MB)
        )
        return {"outcome": outcome.model_dump_json()}
    recorder = Recorder()
    names = {"expect": recorder.expect}
    if language == "grammar":
        program, more = restricted(text)
        names |= more
        if program is None:
            return {"refused": True}
    else:
        program = compile(text, "<rule>", "exec", dont_inherit=True)
    ended = None
    try:
        if request["probe"]:
            names |= {"np": np, "scene": scene, "tell": recorder.tell}
            names["send"] = lambda data: send_all(os.write, out, data)
        exec(program, names)
        if not request["probe"]:
            names["check"](scene)
    except BaseException as error:
        ended = type(error).__name__
        try:
            recorder.texts.append(str(error)[:1000])
        except BaseException as worse:
            ended = type(worse).__name__
    texts = [text[:20_000] for text in recorder.texts[:2000]]
    return {"texts": texts, "wild": recorder.wild, "flood": recorder.bytes > 250_000, "ended": ended}


def restricted(text):
    """RestrictedPython with its own guards and all of Python's builtins: what its grammar holds by itself."""
    import ast
    import builtins

    from RestrictedPython import Eval, Guards, PrintCollector, compile_restricted_exec

    try:
        tree = rewrite(ast.parse(text))
    except Exception:
        return None, {}
    try:
        result = compile_restricted_exec(tree, "<rule>")
    except Exception:
        return None, {}
    return result.code, {
        "__builtins__": {**vars(builtins)},
        "__name__": "rule",
        "__metaclass__": type,
        "_getattr_": Guards.safer_getattr_raise,
        "_getitem_": Eval.default_guarded_getitem,
        "_getiter_": Eval.default_guarded_getiter,
        "_iter_unpack_sequence_": Guards.guarded_iter_unpack_sequence,
        "_unpack_sequence_": Guards.guarded_unpack_sequence,
        "_write_": Guards.full_write_guard,
        "_print_": PrintCollector,
        "_inplacevar_": lambda sign, left, right: IN_PLACE[sign](left, right),
        "_apply_": lambda function, *given, **named: function(*given, **named),
        SHOW: lambda value: value,
        MODULO: operator.mod,
    }


IN_PLACE = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "/=": operator.itruediv,
    "//=": operator.ifloordiv,
    "%=": operator.imod,
    "**=": operator.ipow,
    "<<=": operator.ilshift,
    ">>=": operator.irshift,
    "|=": operator.ior,
    "&=": operator.iand,
    "^=": operator.ixor,
}


def watch(book, status, out, deadline):
    """Wait for the end of the text; what it wrote."""
    events = select.poll()
    events.register(status, select.POLLIN)
    events.register(out, select.POLLIN)
    output = b""
    while True:
        left = deadline - time.monotonic()
        ready = [descriptor for descriptor, _ in events.poll(max(0, left) * 1000)]
        if out in ready:
            more = read(out)
            output += more
            if not more:
                events.unregister(out)
        if len(output) > 2 * MB:
            return {"flood": True}, output[:1000]
        if status in ready:
            said = os.read(status, 9999)
            output += b"".join(iter(lambda: read(out), b""))
            return (json.loads(said) if said else {"book died": True}), output
        if left <= 0:
            return {"late": True}, output


def read(out):
    try:
        return os.read(out, MB)
    except BlockingIOError:
        return b""


def clean_up(book):
    """End everything below this process; how many were left beside the book and its child."""
    alive = descendants(os.getpid())
    children = [pid for pid, parent in alive.items() if parent == book]
    strangers = [pid for pid in alive if pid != book and pid not in children[:1]]
    for _ in range(20):
        for pid in descendants(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not descendants(os.getpid()):
            break
        time.sleep(0.002)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    return len(strangers)


def is_another_program(pid):
    with suppress(OSError):
        return Path(f"/proc/{pid}/exe").readlink() != Path("/proc/self/exe").readlink()
    return False


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


if __name__ == "__main__":
    main()
