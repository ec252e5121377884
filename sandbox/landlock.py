"""Landlock: the kernel's own list of what a process may do with files, network, devices and its neighbours.

A ruleset that names rights and allows none of them takes them all away. Rights came over the years; the
kernel is asked for the version of its interface (ABI) and gives up every right that it and this table know.
Source: Documentation/userspace-api/landlock.rst of Linux.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from functools import cache
from typing import Any, Final, NamedTuple

from ..schema import SandboxError

_CREATE_RULESET: Final = 444
_RESTRICT_SELF: Final = 446
_VERSION: Final = 1
"""Flag of the first call: answer the ABI, make nothing."""


class Rights(NamedTuple):
    """What came with one ABI, as bits of the three fields of a ruleset, and in words."""

    abi: int
    files: int
    network: int
    scopes: int
    words: str


RIGHTS: Final = (
    Rights(1, (1 << 13) - 1, 0, 0, "files"),
    Rights(2, 1 << 13, 0, 0, "links and renames across folders"),
    Rights(3, 1 << 14, 0, 0, "truncation"),
    Rights(4, 0, 0b0011, 0, "TCP"),
    Rights(5, 1 << 15, 0, 0, "control of devices"),
    Rights(6, 0, 0, 0b11, "abstract sockets and signals"),
    Rights(9, 1 << 16, 0, 0, "named Unix sockets"),
    Rights(10, 0, 0b1100, 0, "UDP"),
)
"""By ABI. Those between the rows brought nothing that takes rights away."""

ENOUGH_ABI: Final = 6
"""From here on the layer counts as whole: what came later are sockets, which two more layers hold."""


@cache
def abi() -> int:
    """The ABI of this kernel; 0 where there is no Landlock."""
    return _ask()[0]


@cache
def why_missing() -> str:
    """Why this machine's Landlock is not there, or what it cannot hold; empty where it is whole."""
    version, error = _ask()
    if version >= ENOUGH_ABI:
        return ""
    if version > 0:
        lacking = ", ".join(rights.words for rights in RIGHTS if version < rights.abi <= ENOUGH_ABI)
        return f"the kernel's Landlock is of ABI {version} and does not know {lacking}"
    return {
        errno.ENOSYS: "the kernel is older than 5.13 or was built without Landlock",
        errno.EOPNOTSUPP: "Landlock is switched off at boot: add it to the kernel's lsm= list",
        errno.EPERM: "something around this process forbids it, such as a container's seccomp filter",
        0: f"this is {sys.platform}, not Linux",
    }.get(error, os.strerror(error))


def restrict() -> None:
    """Give up, for this process and those it starts, every right that the kernel's Landlock knows.

    `no_new_privs` must be set. Descriptors that are open stay usable. Needs one free descriptor for a moment.

    Raises:
        SandboxError: The kernel does not do it.
    """
    version = abi()
    if version == 0:
        raise SandboxError(f"no Landlock: {why_missing()}")
    known = [rights for rights in RIGHTS if rights.abi <= version]
    fields = [sum(column) for column in zip(*((r.files, r.network, r.scopes) for r in known), strict=True)]
    size = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2}.get(version, 3)  # older kernels refuse a larger structure
    attributes = (ctypes.c_uint64 * size)(*fields[:size])
    ruleset = _call(_CREATE_RULESET, ctypes.addressof(attributes), ctypes.sizeof(attributes), 0)
    try:
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _ask() -> tuple[int, int]:
    """ABI and errno of asking for it."""
    if sys.platform != "linux":
        return 0, 0
    version = _syscall()(_CREATE_RULESET, 0, 0, _VERSION)
    return (version, 0) if version > 0 else (0, ctypes.get_errno())


def _call(number: int, *arguments: int) -> int:
    result: int = _syscall()(number, *arguments, *[0] * (3 - len(arguments)))
    if result < 0:
        raise SandboxError(f"the kernel refused Landlock: {os.strerror(ctypes.get_errno())}")
    return result


@cache
def _syscall() -> Any:
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.argtypes = [ctypes.c_long] * 4
    call.restype = ctypes.c_long
    return call
