"""What the kernel holds back from a process that runs rule code. Each step is final for the process."""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
from pathlib import Path
from typing import Final

from ..schema import SandboxError
from .outcome import Limits

NOBODY: Final = 65534
"""User and group that own nothing."""
_MB: Final = 1024 * 1024
_CAPABILITY_VERSION_3: Final = 0x20080522
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_CHILD_SUBREAPER: Final = 36
_PR_SET_NO_NEW_PRIVS: Final = 38


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent died, so that none is left as a zombie."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def confine_book() -> None:
    """For the process that compiles rules: no rights of root, no way to get new ones, no files written."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    _drop_capabilities()
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)


def confine_child(limits: Limits, rules: int, book: int) -> None:
    """For the process that runs rules: beside `confine_book`, little time and memory, no process and no file.

    To be called when everything that needs a descriptor or much memory is in place. `book` is the process
    that must live on for this one to live on.
    """
    os.setpgid(0, 0)
    _limit(resource.RLIMIT_AS, _address_space() + limits.memory_mb * _MB)
    seconds = math.ceil(limits.seconds * rules) + 1
    _limit(resource.RLIMIT_CPU, seconds, seconds + 1)  # the first ends it by SIGXCPU, the second for certain
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_NOFILE, 0)
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != book:
        raise SandboxError("the process that keeps the rulebook is gone")


def close_all_but(*kept: int) -> None:
    """Close every descriptor of this process except those to keep."""
    low = 0
    for descriptor in sorted(kept):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def _limit(what: int, soft: int, hard: int | None = None) -> None:
    """Lower a limit; one that is lower already stays."""
    most = resource.getrlimit(what)[1]
    wanted = (soft, soft if hard is None else hard)
    low, high = wanted if most == resource.RLIM_INFINITY else (min(limit, most) for limit in wanted)
    resource.setrlimit(what, (low, high))


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_bytes().split()[0])
    return pages * resource.getpagesize()


def _drop_capabilities() -> None:
    """Give up every capability that was granted without being root."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    if _LIBC.capset(header, none) != 0:
        raise SandboxError(f"the kernel refused capset: {os.strerror(ctypes.get_errno())}")


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0) != 0:
        raise SandboxError(f"the kernel refused prctl {option}: {os.strerror(ctypes.get_errno())}")


_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_LIBC.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
