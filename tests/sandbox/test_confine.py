"""What the kernel holds back, tried for real by plain Python; each try works when unconfined."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ATTEMPTS = {
    "read a file": "open(os.__file__).close()",
    "write a file": "open(CANARY, 'w').write('x')",
    "make a socket": "socket.socketpair()",
    "make a pipe": "os.pipe()",
    "fork": "os.fork() or os._exit(0)",
    "start a thread": "t = threading.Thread(target=int); t.start(); t.join()",
    "use 600 MB": "bytearray(600 * 2**20)",
    "raise a limit": "resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))",
    "read the environment": "open('/proc/self/environ').close()",
    "write to an inherited descriptor": "os.write(INHERITED, b'x')",
    "become root": "os.setuid(0)",
    "loop for ever": "\nfor i in range(10**9 if CONFINED else 1): pass",
}

PROGRAM = """
import json, os, resource, socket, sys, threading
from logisight.sandbox.confine import close_all_but, confine_book, confine_child
from logisight.sandbox.outcome import Limits
attempts, CANARY = json.loads(sys.argv[1]), sys.argv[2]
INHERITED = os.dup(1)
ends = {}
for name, code in attempts.items():
    for CONFINED in (False, True):
        reading, writing = os.pipe()
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            try:
                if CONFINED:
                    close_all_but(writing)
                    confine_book()
                    confine_child(Limits(seconds=0), 1, parent)
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


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    canary = tmp_path_factory.mktemp("confine") / "canary"
    arguments = [sys.executable, "-c", PROGRAM, json.dumps(ATTEMPTS), str(canary)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    ends: dict[str, str] = json.loads(done.stdout.strip("x"))
    return ends


@pytest.mark.parametrize("name", ATTEMPTS)
def test_kernel_refuses_a_confined_process_only(name: str, ends: dict[str, str]) -> None:
    if name == "become root" and os.geteuid() != 0:
        pytest.skip("only root can show that root's rights are gone")
    assert ends[f"{name} False"] == "done"
    assert ends[f"{name} True"] != "done"


def test_nothing_was_written_by_a_confined_process(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", PROGRAM, json.dumps({"write": ATTEMPTS["write a file"]})]
    only_confined = PROGRAM.replace("(False, True)", "(True,)")
    arguments[2] = only_confined
    tmp_path.chmod(0o777)
    subprocess.run([*arguments, str(tmp_path / "canary")], check=True, capture_output=True, timeout=60)
    assert list(tmp_path.iterdir()) == []
