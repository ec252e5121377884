"""seccomp: the kernel's filter of system calls, as short lists of what a book and a child may call.

What is not on a list fails with EPERM, so that honest code that asks too much gets an ordinary error. What
only an attack calls ends the process at once (`ATTACKS`). The lists are made into a program for the kernel
by libseccomp, once, in the launcher; a process that forks from it loads the program with one call.
Source: seccomp(2), libseccomp's seccomp_rule_add(3) and seccomp_export_bpf(3).
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

from ..schema import SandboxError

LIBRARY: Final = "libseccomp.so.2"


class When(NamedTuple):
    """A condition: the argument at `place`, of which the bits of `mask` count, is `value`."""

    place: int
    mask: int
    value: int


_ALL_BITS: Final = (1 << 64) - 1
_INT: Final = (1 << 32) - 1
"""Bits of an argument that is an int in C: the kernel does not look at the others."""
_MAP_ANONYMOUS: Final = 0x20
_AT_EMPTY_PATH: Final = 0x1000
_CLONE_OF_FORK: Final = 0x01000000 | 0x00200000 | 0xFF
"""CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID and the signal at its end: no thread, no namespace."""
_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2

_NO_PROGRAM_CODE: Final = When(2, mmap.PROT_EXEC if sys.platform != "win32" else 4, 0)

Allowed = dict[str, tuple[tuple[When, ...], ...]]
"""System call -> alternatives, each a set of conditions that must all hold; none: always allowed."""

_ALWAYS: Final[tuple[tuple[When, ...], ...]] = ()

CHILD: Final[Allowed] = {
    **dict.fromkeys(
        ("write", "exit", "exit_group", "munmap", "mremap", "brk", "madvise", "sched_yield"), _ALWAYS
    ),
    **dict.fromkeys(("clock_gettime", "clock_gettime64", "gettimeofday", "time", "getrandom"), _ALWAYS),
    **dict.fromkeys(("getpid", "gettid", "rt_sigreturn", "restart_syscall"), _ALWAYS),
    "mmap": ((_NO_PROGRAM_CODE, When(3, _MAP_ANONYMOUS, _MAP_ANONYMOUS)),),
    "mmap2": ((_NO_PROGRAM_CODE, When(3, _MAP_ANONYMOUS, _MAP_ANONYMOUS)),),
    "mprotect": ((_NO_PROGRAM_CODE,),),
    **dict.fromkeys(  # wait and wake only: the rest of futex has a history of holes
        ("futex", "futex_time64"),
        tuple((When(1, 0x7F, operation),) for operation in (0, 1, 9, 10)),
    ),
}
"""What a process that runs rules may call: compute, take memory that holds no program code, answer, end."""

BOOK: Final[Allowed] = {
    **CHILD,
    "mmap": ((_NO_PROGRAM_CODE,),),
    "mmap2": ((_NO_PROGRAM_CODE,),),
    **dict.fromkeys(
        ("read", "pread64", "close", "close_range", "fcntl", "fcntl64", "fstat", "lseek"), _ALWAYS
    ),
    **dict.fromkeys(("recvmsg", "recvfrom", "sendmsg", "sendto", "shutdown"), _ALWAYS),
    **dict.fromkeys(("getsockname", "getsockopt", "poll", "ppoll", "ppoll_time64"), _ALWAYS),
    **dict.fromkeys(("wait4", "waitid", "pidfd_open", "getppid", "setpgid", "rt_sigprocmask"), _ALWAYS),
    **dict.fromkeys(("set_robust_list", "set_tid_address", "rseq", "fork"), _ALWAYS),
    **dict.fromkeys(("landlock_create_ruleset", "landlock_restrict_self"), _ALWAYS),
    **dict.fromkeys(("getrlimit", "ugetrlimit", "setrlimit"), _ALWAYS),
    "newfstatat": ((When(3, _AT_EMPTY_PATH, _AT_EMPTY_PATH),),),  # how newer C libraries spell fstat
    "prlimit64": ((When(0, _INT, 0),),),  # its own limits only
    "clone": ((When(0, _ALL_BITS ^ _CLONE_OF_FORK, 0),),),
    "prctl": tuple((When(0, _INT, option),) for option in (1, 4, 38, _PR_SET_SECCOMP)),
}
"""What a process that compiles rules may call: also fork, bury its children, and use its descriptors."""

ATTACKS: Final = (
    *("execve", "execveat", "fork", "vfork", "clone", "clone3", "unshare", "setns"),
    *("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4"),
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd"),
    *("kill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"),
    *("mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "mount_setattr"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "quotactl", "swapon", "swapoff", "acct"),
    *("bpf", "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "perf_event_open"),
    *("keyctl", "add_key", "request_key", "open_by_handle_at", "name_to_handle_at", "fanotify_init"),
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot"),
    *("setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "capset"),
    *("iopl", "ioperm", "modify_ldt", "personality", "syslog", "vhangup", "sethostname", "setdomainname"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "lookup_dcookie", "nfsservctl"),
)
"""System calls that end the process, where its list does not allow them: no honest rule makes them."""


@dataclass(frozen=True)
class Filter:
    """A filter as the kernel takes it: instructions of 8 bytes."""

    program: bytes

    def load(self) -> None:
        """Put it on this process, for good; `no_new_privs` must be set. Needs no descriptor.

        Raises:
            SandboxError: The kernel does not do it.
        """
        code = ctypes.create_string_buffer(self.program, len(self.program))
        program = _Program(len(self.program) // 8, ctypes.addressof(code))
        if _prctl()(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(program), 0, 0) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise SandboxError(f"the kernel refused the filter of system calls: {reason}")


@cache
def child_filter() -> Filter:
    """The filter of a process that runs rules.

    Raises:
        SandboxError: This machine has no libseccomp that can make it.
    """
    return _made(CHILD)


@cache
def book_filter() -> Filter:
    """The filter of a process that compiles rules. Its children inherit it, and load their own as well.

    Raises:
        SandboxError: This machine has no libseccomp that can make it.
    """
    return _made(BOOK)


@cache
def why_missing() -> str:
    """Why this machine has no filter of system calls; empty where it has."""
    if sys.platform != "linux":
        return f"this is {sys.platform}, not Linux"
    try:
        child_filter()
        book_filter()
    except SandboxError as error:
        return str(error)
    if not _kernel_has_filters():
        return "the kernel was built without it"
    return ""


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


class _Compare(ctypes.Structure):
    """struct scmp_arg_cmp."""

    _fields_ = [
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    ]


_ACT_ALLOW: Final = 0x7FFF0000
_ACT_KILL_PROCESS: Final = 0x80000000
_ACT_EPERM: Final = 0x00050000 | errno.EPERM
_ACT_ENOSYS: Final = 0x00050000 | errno.ENOSYS
_BAD_ARCHITECTURE: Final = 2
"""The attribute that says what calls in the way of another architecture get."""
_NOT_EQUAL: Final = 1
_MASKED_EQUAL: Final = 7
_UNKNOWN: Final = -1


def _made(allowed: Allowed) -> Filter:
    library = _library()
    context = library.seccomp_init(_ACT_EPERM)
    if not context:
        raise SandboxError(f"{LIBRARY} cannot make a filter")
    try:
        _check(library.seccomp_attr_set(context, _BAD_ARCHITECTURE, _ACT_KILL_PROCESS), "the architecture")
        for name, alternatives in allowed.items():
            for conditions in alternatives or ((),):
                tests = [_Compare(when.place, _MASKED_EQUAL, when.mask, when.value) for when in conditions]
                _add(library, context, _ACT_ALLOW, name, tests)
        for name in ATTACKS:
            if name not in allowed and not (name == "clone3" and "clone" in allowed):
                _add(library, context, _ACT_KILL_PROCESS, name)
        for name, place in (("tkill", 1), ("tgkill", 2)):  # abort() is an end like any other, no attack
            others = [_Compare(place, _NOT_EQUAL, signal.SIGABRT, 0)]
            _add(library, context, _ACT_KILL_PROCESS, name, others)
        if "clone" in allowed:
            # its flags are out of a filter's sight; told that it is not there, C uses clone
            _add(library, context, _ACT_ENOSYS, "clone3")
        return Filter(_exported(library, context))
    finally:
        library.seccomp_release(context)


def _add(library: Any, context: int, action: int, name: str, tests: Sequence[_Compare] = ()) -> None:
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number == _UNKNOWN:  # an older library or another architecture: what is not listed is refused anyway
        return
    array = (_Compare * len(tests))(*tests)
    _check(library.seccomp_rule_add_array(context, action, number, len(tests), array), name)


def _exported(library: Any, context: int) -> bytes:
    """The program, by way of a file in memory: older libraries write it nowhere else."""
    with os.fdopen(os.memfd_create("logisight-filter", os.MFD_CLOEXEC), "w+b") as file:
        _check(library.seccomp_export_bpf(context, file.fileno()), "the program")
        file.seek(0)
        return file.read()


def _check(result: int, what: str) -> None:
    if result != 0:
        raise SandboxError(f"{LIBRARY} cannot make a filter ({what}: {os.strerror(-result)})")


@cache
def _library() -> Any:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        raise SandboxError(f"{LIBRARY} is not installed") from None
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_release.argtypes = [ctypes.c_void_p]
    library.seccomp_release.restype = None
    library.seccomp_attr_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.POINTER(_Compare),
    ]
    library.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
    return library


def _kernel_has_filters() -> bool:
    """Whether the kernel knows them: it answers EFAULT to an empty address, and EINVAL when it does not."""
    prctl = _prctl()
    return prctl(_PR_SET_SECCOMP, _MODE_FILTER, 0, 0, 0) == -1 and ctypes.get_errno() == errno.EFAULT


@cache
def _prctl() -> Any:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    return prctl
