"""Foreign files, asked for their size before anything of them is read."""

from __future__ import annotations

import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...schema import PictureError
from ..pictures import shown


def file_size(path: Path, most: int) -> int:
    """Bytes of a regular file.

    Raises:
        PictureError: There is no such file, or it is empty, larger than `most` bytes, or no regular file.
    """
    name = shown(path)
    try:
        status = path.stat()
    except FileNotFoundError:
        raise PictureError(f"{name}: no such file or folder; check the path") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PictureError(f"{name}: cannot be read ({reason}); check its path and permissions") from None
    if not stat.S_ISREG(status.st_mode):  # a pipe or a device would block, or never end
        raise PictureError(f"{name}: is no regular file; give a file")
    if status.st_size == 0:
        raise PictureError(f"{name}: the file is empty; copy it again")
    if status.st_size > most:
        size, limit = status.st_size / 2**20, most / 2**20
        raise PictureError(f"{name}: {size:.0f} MiB are more than {limit:.0f}; cut it or thin it out")
    return status.st_size


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever goes wrong while a file is read is a PictureError with its name, in one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nothing that a person can act on
        try:
            yield
        except PictureError:
            raise
        except Exception as error:  # readers raise nearly anything on damaged bytes
            reason = getattr(error, "strerror", None) or shown(error) or type(error).__name__
            raise PictureError(f"{shown(path)}: damaged or cut off ({reason:.100}); copy it again") from error
