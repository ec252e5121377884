"""The lists of system calls: short, the same for what they share, and made into programs by the library."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from logisight.sandbox import seccomp
from logisight.schema import SandboxError

PROGRAM = """
import ctypes, errno, json, mmap, os, signal, sys
from logisight.sandbox import seccomp
libc = ctypes.CDLL(None, use_errno=True)
number, kept = ctypes.c_long, {}
filters = {"book": seccomp.book_filter(), "child": seccomp.child_filter()}
def ends(name, which):
    child = os.fork()
    if child == 0:
        libc.prctl(38, 1, 0, 0, 0)
        filters[which].load()
        code = 99
        try:
            code = TRIES[name]() or 0
        except OSError as error:
            code = error.errno
        except MemoryError:
            code = errno.ENOMEM
        os._exit(code)
    status = os.waitpid(child, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
def fork_and_bury():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
def answered(result):
    return ctypes.get_errno() if result == -1 else 0
TRIES = {
    "compute": lambda: sum(range(10)) and None,
    "take memory": lambda: len(bytearray(10**7)) and None,
    "open": lambda: os.open("/", os.O_RDONLY) and None,
    "map code": lambda: mmap.mmap(-1, 1, prot=7) and None,
    "make memory code": lambda: answered(libc.mprotect(PAGE, 4096, 5)),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "fork": fork_and_bury,
    "socket": lambda: answered(libc.socket(1, 1, 0)),
    "ptrace": lambda: answered(libc.ptrace(16, 1, 0, 0)),
    "signal another": lambda: os.kill(PARENT, 0),
    "bpf": lambda: answered(libc.syscall(321, 0, 0, 0)),
    "thread": lambda: answered(libc.syscall(56, 0x100 | 0x10000 | 0x800, 0, 0, 0, 0)),
    "namespace": lambda: answered(libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)),
    "clone3": lambda: answered(libc.syscall(435, 0, 0)),
    "abort": os.abort,
    "number of no call": lambda: answered(libc.syscall(9999)),
    "another's limits": lambda: answered(libc.prlimit(PARENT, 7, 0, 0)),
}
PARENT = os.getpid()
libc.mmap.restype = ctypes.c_void_p
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
PAGE = libc.mmap(None, 4096, 3, 0x22, -1, 0)
print(json.dumps({f"{which} {name}": ends(name, which) for which in filters for name in TRIES}))
"""
DONE, REFUSED, ABSENT, KILLED = 0, 1, 38, -31
"""No error, EPERM, ENOSYS, SIGSYS."""
EXPECTED = {
    "compute": (DONE, DONE),
    "take memory": (DONE, DONE),
    "open": (REFUSED, REFUSED),
    "map code": (REFUSED, REFUSED),
    "make memory code": (REFUSED, REFUSED),
    "exec": (KILLED, KILLED),
    "fork": (DONE, KILLED),
    "socket": (KILLED, KILLED),
    "ptrace": (KILLED, KILLED),
    "signal another": (KILLED, KILLED),
    "bpf": (KILLED, KILLED),
    "thread": (REFUSED, KILLED),
    "namespace": (REFUSED, KILLED),
    "clone3": (ABSENT, KILLED),
    "number of no call": (REFUSED, REFUSED),
    "another's limits": (REFUSED, REFUSED),
}
"""Call -> how it ends in a process that compiles rules, and in one that runs them."""


@pytest.fixture(scope="module")
def ends() -> dict[str, int]:
    if why := seccomp.why_missing():
        pytest.skip(f"no seccomp: {why}")
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers of the calls are those of x86_64")
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    ends: dict[str, int] = json.loads(done.stdout)
    return ends


@pytest.mark.parametrize("name", EXPECTED)
def test_call_ends_as_its_list_says(name: str, ends: dict[str, int]) -> None:
    assert (ends[f"book {name}"], ends[f"child {name}"]) == EXPECTED[name]


@pytest.mark.parametrize("which", ["book", "child"])
def test_abort_does_not_look_like_an_attack(which: str, ends: dict[str, int]) -> None:
    assert ends[f"{which} abort"] in (-signal.SIGABRT, -signal.SIGSEGV)


def test_no_call_is_both_allowed_to_rules_and_an_attack() -> None:
    assert not set(seccomp.CHILD) & set(seccomp.ATTACKS)


def test_rules_may_call_nothing_that_their_book_may_not() -> None:
    assert set(seccomp.CHILD) <= set(seccomp.BOOK)


def test_absent_library_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "LIBRARY", "libnothing.so.2")
    seccomp._library.cache_clear()
    try:
        with pytest.raises(SandboxError, match="is not installed"):
            seccomp._made(seccomp.CHILD)
    finally:
        seccomp._library.cache_clear()
