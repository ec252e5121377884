"""Landlock by ABI: what is asked of each kernel, and what is said of one that has less."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator

import pytest
from logisight.sandbox import landlock
from logisight.schema import SandboxError


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, int], None]]:
    """Makes this machine's kernel answer with an ABI, or with an error."""
    caches = (landlock.abi, landlock.why_missing)

    def answers(abi: int, error: int = 0) -> None:
        monkeypatch.setattr(landlock, "_ask", lambda: (abi, error))
        for cached in caches:
            cached.cache_clear()

    yield answers
    for cached in caches:
        cached.cache_clear()


@pytest.mark.parametrize(
    ("abi", "size", "files"),
    [
        (1, 8, 0x1FFF),
        (2, 8, 0x3FFF),
        (3, 8, 0x7FFF),
        (4, 16, 0x7FFF),
        (5, 16, 0xFFFF),
        (6, 24, 0xFFFF),
        (7, 24, 0xFFFF),  # brought nothing that takes rights away
        (99, 24, 0x1FFFF),  # of tomorrow: what this table knows
    ],
)
def test_ruleset_asks_no_more_than_the_kernel_knows(abi, size, files, kernel, monkeypatch):
    kernel(abi)
    calls = []

    def call(number, *arguments):
        if number == landlock._CREATE_RULESET:
            address, length, _ = arguments
            calls.append((length, landlock.ctypes.c_uint64.from_address(address).value))
            return landlock.os.memfd_create("ruleset")
        return 0

    monkeypatch.setattr(landlock, "_call", call)
    landlock.restrict()
    assert calls == [(size, files)]


@pytest.mark.parametrize(
    ("abi", "error", "words"),
    [
        (landlock.ENOUGH_ABI, 0, ""),
        (5, 0, "ABI 5 and does not know abstract sockets and signals"),
        (3, 0, "does not know TCP, control of devices, abstract sockets and signals"),
        (0, errno.ENOSYS, "older than 5.13"),
        (0, errno.EOPNOTSUPP, "switched off at boot"),
        (0, errno.EPERM, "container"),
        (0, errno.EIO, "Input/output error"),
    ],
)
def test_what_is_missing_is_said_in_words(abi, error, words, kernel):
    kernel(abi, error)
    why = landlock.why_missing()
    assert words in why
    assert bool(words) == bool(why)


def test_no_landlock_is_an_error_for_who_asks_for_it(kernel):
    kernel(0, errno.ENOSYS)
    with pytest.raises(SandboxError, match="older than"):
        landlock.restrict()


@pytest.mark.parametrize("place", ["files", "network", "scopes"])
def test_no_right_stands_twice_in_the_table(place):
    seen = 0
    for rights in landlock.RIGHTS:
        bits = getattr(rights, place)
        assert not seen & bits
        seen |= bits
