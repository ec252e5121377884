"""The content store of sessions: bytes by their SHA-256, each written once and never changed.

STORE/ab/abcdef...   a picture, an overlay, or a turn
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from ...schema import LogiSightError, Record, SessionError
from ...tools.pictures import shown

R = TypeVar("R", bound=Record)

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class Store:
    """A folder of contents. Any number of processes may write to it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes) -> str:
        """Keep some bytes; returns their SHA-256. They are on disk when this returns.

        Raises:
            SessionError: They cannot be written.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path(sha256)
        with contextlib.suppress(OSError):
            os.utime(path)  # so that what is put again is not taken for old, see `keeping`
            return sha256
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).replace(path)
        except OSError as error:
            raise SessionError(
                f"{shown(self.folder)}: cannot be written ({error.strerror or error}); make room, say "
                "it again"
            ) from None
        return sha256

    def put_record(self, record: Record) -> str:
        """Keep a record as JSON; returns its SHA-256."""
        return self.put(record.model_dump_json().encode())

    def get(self, sha256: str) -> bytes:
        """The bytes of a SHA-256.

        Raises:
            SessionError: They are not here, or were changed.
        """
        path = self.path(sha256)
        try:
            content = path.read_bytes()
        except OSError:
            raise SessionError(f"{shown(path)}: missing from the store of sessions") from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise SessionError(f"{shown(path)}: was changed since it was kept")
        return content

    def get_record(self, kind: type[R], sha256: str) -> R:
        """A record by its SHA-256.

        Raises:
            SessionError: It is not here, or was written by another version of LogiSight.
        """
        try:
            return kind.model_validate_json(self.get(sha256))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise SessionError(f"{shown(self.path(sha256))}: {where}: {first['msg']}") from None

    def path(self, sha256: str) -> Path:
        """Where the bytes of a SHA-256 are, or would be.

        Raises:
            LogiSightError: It is no SHA-256.
        """
        if not _SHA256.fullmatch(sha256):
            raise LogiSightError(f"{shown(sha256)[:80]!r} is no SHA-256")
        return self.folder / sha256[:2] / sha256
