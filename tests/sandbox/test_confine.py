"""What the kernel holds back, tried for real by plain Python; each try works when unconfined."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from logisight.sandbox import confine, landlock, seccomp
from logisight.sandbox.confine import available
from logisight.sandbox.layers import ALL_LAYERS, Layer

ATTEMPTS = {
    "read a file": "open(os.__file__).close()",
    "write a file": "open(CANARY, 'w').write('x')",
    "make a socket": "socket.socketpair()",
    "make a pipe": "os.pipe()",
    "fork": "os.fork() or os._exit(0)",
    "start a thread": "t = threading.Thread(target=int); t.start(); t.join()",
    "use 600 MB": "bytearray(600 * 2**20)",
    "raise a limit": "resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))",
    "lower its priority": "os.nice(1)",
    "read the environment": "open('/proc/self/environ').close()",
    "write to an inherited descriptor": "os.write(INHERITED, b'x')",
    "become root": "os.setuid(0)",
    "map a program": "mmap.mmap(-1, 1, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
    "wait for a signal": "signal.sigtimedwait([signal.SIGUSR1], 0)",
    "loop for ever": "\nfor i in range(10**9 if CONFINED else 1): pass",
}

PROGRAM = """
import json, mmap, os, resource, signal, socket, sys, threading
from logisight.sandbox.confine import *
from logisight.sandbox.layers import Layer
from logisight.sandbox.outcome import Limits
attempts, CANARY, ways = json.loads(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
layers = frozenset(map(Layer, json.loads(sys.argv[4])))
INHERITED, meter = os.dup(1), open_meter()
ends = {}
for name, code in attempts.items():
    for CONFINED in ways:
        reading, writing = os.pipe()
        parent, usage = os.getpid(), address_space(meter)
        child = os.fork()
        if child == 0:
            try:
                if CONFINED:
                    close_all_but(writing)
                    confine_book(layers)
                    prepare_child(parent, layers)
                    confine_child(Limits(seconds=0), 1, usage, layers)
                exec(code)
                end = "done"
            except BaseException as error:
                end = type(error).__name__
            os.write(writing, end.encode())
            os._exit(0)
        os.close(writing)
        status = os.waitpid(child, 0)[1]
        ends[f"{name} {CONFINED}"] = os.read(reading, 99).decode() or f"signal {os.WTERMSIG(status)}"
        os.close(reading)
print(json.dumps(ends))
"""


def tried(
    attempts: dict[str, str], canary: Path, ways: list[bool], layers: frozenset[Layer] = ALL_LAYERS
) -> dict[str, str]:
    """How each attempt ended, for each of the ways: confined or not."""
    given = [json.dumps(attempts), str(canary), json.dumps(ways), json.dumps(sorted(layers))]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *given], capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.returncode == 0, done.stderr
    ends: dict[str, str] = json.loads(done.stdout.strip("x"))
    return ends


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return tried(ATTEMPTS, tmp_path_factory.mktemp("confine") / "canary", [False, True])


@pytest.mark.parametrize("name", ATTEMPTS)
def test_kernel_refuses_a_confined_process_only(name: str, ends: dict[str, str]) -> None:
    if name == "become root" and os.geteuid() != 0:
        pytest.skip("only root can show that root's rights are gone")
    assert ends[f"{name} False"] == "done"
    assert ends[f"{name} True"] != "done"


def test_nothing_was_written_by_a_confined_process(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    tried({"write": ATTEMPTS["write a file"]}, tmp_path / "canary", [True])
    assert list(tmp_path.iterdir()) == []


def test_parent_that_is_gone_is_an_error_and_no_jail(tmp_path: Path) -> None:
    orphan = PROGRAM.replace("prepare_child(parent, layers)", "prepare_child(1, layers)")
    given = [json.dumps({"any": "pass"}), str(tmp_path), "[true]", json.dumps(sorted(ALL_LAYERS))]
    done = subprocess.run([sys.executable, "-c", orphan, *given], capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout) == {"any True": "SandboxError"}


def test_layer_that_is_left_out_is_not_put_on(tmp_path: Path) -> None:
    reading = {"read a file": ATTEMPTS["read a file"]}
    assert tried(reading, tmp_path, [True], frozenset({Layer.rlimits})) == {"read a file True": "done"}


def test_machine_without_landlock_and_libseccomp_goes_on_with_the_other_layers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(landlock, "_ask", lambda: (0, 38))
    monkeypatch.setattr(seccomp, "LIBRARY", "libnothing.so.2")
    for cached in (landlock.abi, landlock.why_missing, seccomp.why_missing, seccomp._library):
        cached.cache_clear()
    seccomp.child_filter.cache_clear()
    try:
        has, missing = available(ALL_LAYERS)
    finally:
        for cached in (landlock.abi, landlock.why_missing, seccomp.why_missing, seccomp._library):
            cached.cache_clear()
    assert has == ALL_LAYERS - {Layer.landlock, Layer.seccomp}
    assert "older than 5.13" in missing[Layer.landlock]
    assert missing[Layer.seccomp] == "libnothing.so.2 is not installed"


def test_layer_that_is_switched_off_is_missing_in_words() -> None:
    has, missing = available(ALL_LAYERS - {Layer.rlimits})
    assert Layer.rlimits not in has
    assert missing[Layer.rlimits] == "switched off"


def test_root_that_may_not_become_nobody_goes_on_without_that_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(confine, "_why_root_stays", lambda: errno.EPERM)
    has, missing = available(ALL_LAYERS)
    assert Layer.user not in has
    assert missing[Layer.user] == "this root may not become another user: Operation not permitted"
