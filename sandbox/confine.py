"""What the kernel holds back from a process that runs rule code. Each step is final for the process.

Both functions take the layers to use; a layer that is asked for and cannot be had is an error, never skipped.
"""

from __future__ import annotations

import ctypes
import errno
import math
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..schema import SandboxError
from . import landlock, seccomp
from .layers import ALL_LAYERS, Layer
from .outcome import Limits

NOBODY: Final = 65534
"""User and group that own nothing."""
_MB: Final = 1024 * 1024
_CAPABILITY_VERSION_3: Final = 0x20080522
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_CHILD_SUBREAPER: Final = 36
_PR_SET_NO_NEW_PRIVS: Final = 38


def available(layers: frozenset[Layer]) -> tuple[frozenset[Layer], dict[Layer, str]]:
    """Those of the layers that this machine has, and why each of all others is not there, or not whole.

    For a process without threads.
    """
    missing = dict.fromkeys(ALL_LAYERS - layers, "switched off")
    has = set(layers)
    if Layer.landlock in layers and (why := landlock.why_missing()):
        missing[Layer.landlock] = why
        if landlock.abi() == 0:
            has.discard(Layer.landlock)
    if Layer.seccomp in layers and (why := seccomp.why_missing()):
        missing[Layer.seccomp] = why
        has.discard(Layer.seccomp)
    if Layer.user in layers and os.geteuid() == 0 and (error := _why_root_stays()):
        missing[Layer.user] = f"this root may not become another user: {os.strerror(error)}"
        has.discard(Layer.user)
    return frozenset(has), missing


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent died, so that none is left as a zombie."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def confine_book(layers: frozenset[Layer] = ALL_LAYERS) -> None:
    """For the process that compiles rules: no rights of root, no way to get new ones, no file, no network.

    It can still fork, and use the descriptors that it has and is sent.
    """
    if Layer.seccomp in layers:
        filters = seccomp.book_filter(), seccomp.child_filter()  # made while libseccomp can be read
    if Layer.user in layers and os.geteuid() == 0:
        _become_nobody()
    if Layer.privileges in layers:
        _drop_capabilities()
    if layers & {Layer.privileges, Layer.landlock, Layer.seccomp}:  # the kernel asks for it before the others
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if Layer.rlimits in layers:
        with suppress(OSError):  # no promise, but where the machine runs short, rules are to go first
            Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_FSIZE, 0)
    _prctl(_PR_SET_DUMPABLE, 0)  # no core file, no handler of core files, no debugger of the same user
    if Layer.landlock in layers:
        landlock.restrict()
    if Layer.seccomp in layers:
        filters[0].load()


def prepare_child(book: int, layers: frozenset[Layer] = ALL_LAYERS) -> None:
    """For a process that waits to run rules: what can be taken from it before it has its scene.

    `book` is the process that must live on for this one to live on.
    """
    os.setpgid(0, 0)
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != book:
        raise SandboxError("the process that keeps the rulebook is gone")
    if Layer.landlock in layers:  # again, so that its book is out of its reach too
        landlock.restrict()
    if Layer.rlimits in layers:
        _limit(resource.RLIMIT_NPROC, 0)


def confine_child(limits: Limits, rules: int, usage: int, layers: frozenset[Layer] = ALL_LAYERS) -> None:
    """For the process that runs rules: beside `prepare_child`, little time and memory, few system calls.

    To be called when everything that needs a descriptor or much memory is in place. `usage` is the address
    space in bytes that it needs without any rule, see `address_space`.
    """
    if Layer.rlimits in layers:
        _limit(resource.RLIMIT_AS, usage + limits.memory_mb * _MB)
        seconds = math.ceil(limits.seconds * rules) + 1
        _limit(resource.RLIMIT_CPU, seconds, seconds + 1)  # first SIGXCPU, then for certain
    if Layer.descriptors in layers:
        _limit(resource.RLIMIT_NOFILE, 0)
    if Layer.seccomp in layers:
        seccomp.child_filter().load()


def open_meter() -> int:
    """A descriptor for `address_space`, to be opened before a process confines itself."""
    return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)


def address_space(meter: int) -> int:
    """Bytes of address space of the process that opened the meter, now.

    A child that was just forked from it uses as much.
    """
    return int(os.pread(meter, 99, 0).split()[0]) * resource.getpagesize()


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


def _become_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _why_root_stays() -> int:
    """The error of giving up root, as in a container that took the right to it; 0 where it works."""
    trying = os.fork()
    if trying == 0:
        code = errno.EIO
        try:
            _become_nobody()
            code = 0
        except OSError as error:
            code = error.errno or code
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(trying, 0)[1])


def _drop_capabilities() -> None:
    """Give up every capability, however it was granted."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    if _LIBC.capset(header, none) != 0:
        raise SandboxError(f"the kernel refused capset: {os.strerror(ctypes.get_errno())}")


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0) != 0:
        raise SandboxError(f"the kernel refused prctl {option}: {os.strerror(ctypes.get_errno())}")


_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_LIBC.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
