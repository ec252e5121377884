"""Folders that several processes write to: one at a time, and each file whole or as it was."""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..schema import ProductError
from ..tools.pictures import shown

PATIENCE: Final = 30.0
"""Seconds that one process waits for another."""
_PAUSE: Final = 0.01


class _Held(threading.local):
    """The folders that this thread has locked, so that it does not wait for itself."""

    def __init__(self) -> None:
        self.folders: set[Path] = set()


_HELD: Final = _Held()


@contextmanager
def locked_folder(folder: Path, to_write: bool = True, patience: float | None = None) -> Iterator[None]:
    """Nobody else works on a folder meanwhile, other readers apart; a process that is killed lets go.

    The lock is a file beside the folder, FOLDER.lock, which stays. Where it cannot be made, as in a product
    that may only be read, nobody writes either, and reading goes on without.

    Raises:
        ProductError: Somebody else has worked on it for `patience` seconds; left out, for `PATIENCE`.
        OSError: It may not be written to, although that is wanted.
    """
    place = folder.absolute()
    if place in _HELD.folders:
        yield
        return
    path = place.with_name(place.name + ".lock")
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT if to_write else os.O_RDONLY, 0o644)
    except OSError:
        if to_write:
            raise
        yield
        return
    try:
        waiting = PATIENCE if patience is None else patience
        _wait_for(lock, fcntl.LOCK_EX if to_write else fcntl.LOCK_SH, folder, waiting)
        _HELD.folders.add(place)
        yield
    finally:
        _HELD.folders.discard(place)
        os.close(lock)


def write_at_once(path: Path, text: str) -> None:
    """Write a text file, which holds the old text, or is not there, until the new one is on disk.

    Raises:
        OSError: It cannot be written.
    """
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, suffix=".part", encoding="utf-8", delete=False
    ) as file:
        unfinished = Path(file.name)
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            # What `mkstemp` makes nobody else may read.
            unfinished.chmod(0o644)
            unfinished.replace(path)
            _sync(path.parent)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise


def _sync(folder: Path) -> None:
    """See to it that what a folder holds is on disk; its files are another matter."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _wait_for(lock: int, kind: int, folder: Path, patience: float) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                raise ProductError(
                    f"{shown(folder)}: somebody else has been changing it for {patience:.0f} s; try again"
                ) from None
            time.sleep(_PAUSE)
