"""Uploaded pictures, decoded in a process that may die, and kept as PNG that this house wrote.

No decoder of this process ever sees a byte that came from outside.
"""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Final, NamedTuple

import numpy as np
from PIL import Image
from pydantic import ValidationError

from ...schema import PictureError
from ...tools.pictures import shown
from .decode import ALIVE, MOST_PIXELS, Decoded, Upload

SECONDS: Final = 20.0
"""Of wall clock, for one picture."""
_LONGEST_LINE: Final = 64 * 1024
_COMPRESSION: Final = 3
"""Of PNG: 0 is none, 9 the slowest."""


class UploadedFile(NamedTuple):
    """A file as it came."""

    name: str
    data: bytes


class UploadedPicture(NamedTuple):
    """A picture of it, upright, 8-bit RGB."""

    name: str
    png: bytes
    notes: list[str]
    """One line for each change that a person should know of."""


class Decoder:
    """Decodes uploads, those of one request in one process; the next one waits in spare.

    Close it, or use it in a `with`. Any number of threads may use it.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        """A picture that takes longer than `seconds` is refused."""
        self._seconds = seconds
        self._lock = threading.Lock()
        self._spare: _Process | None = _Process()

    def decode(self, files: Sequence[UploadedFile]) -> list[UploadedPicture]:
        """The pictures of some files, in their order.

        Raises:
            PictureError: One cannot be read; the message names it.
        """
        with self._lock:
            spare, self._spare = self._spare, None
        process = spare if spare and not spare.has_ended else _Process()
        try:
            return [process.decode(file, self._seconds) for file in files]
        finally:
            process.end()
            with self._lock:
                self._spare = self._spare or _Process()

    def close(self) -> None:
        """End the process in spare."""
        with self._lock:
            if self._spare:
                self._spare.end()
            self._spare = None

    def __enter__(self) -> Decoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Process:
    """One process that decodes."""

    def __init__(self) -> None:
        self._ready = False
        self._link, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  (this Python, with fixed arguments)
                [sys.executable, "-P", "-W", "ignore", "-m", f"{__package__}.decode"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                start_new_session=True,  # so that Ctrl-C in the terminal does not reach it
            )
        self._answers = self._link.makefile("rb")

    def decode(self, file: UploadedFile, seconds: float) -> UploadedPicture:
        """One picture.

        Raises:
            PictureError: It cannot be read, or reading it took too long or ended the process.
        """
        name = shown(file.name)
        watch = threading.Timer(seconds, self._process.kill)
        watch.start()
        try:
            return self._exchange(name, file.data)
        except (OSError, EOFError, ValueError):
            late = watch.finished.is_set()
            self.end()
            why = f"took more than {seconds:.0f} s" if late else "too large or damaged beyond reading"
            raise PictureError(f"{name}: {why}; save it again as PNG or JPEG") from None
        finally:
            watch.cancel()

    def _exchange(self, name: str, data: bytes) -> UploadedPicture:
        if not self._ready:
            self._ready = self._answers.readline(_LONGEST_LINE) == ALIVE
        self._link.sendall(Upload(name=name, size=len(data)).model_dump_json().encode() + b"\n" + data)
        decoded = _decoded(self._answers.readline(_LONGEST_LINE))
        if decoded.error:
            raise PictureError(shown(decoded.error))
        rows = self._answers.read(decoded.width * decoded.height * 3)
        if len(rows) < decoded.width * decoded.height * 3:
            raise EOFError
        pixels = np.frombuffer(rows, np.uint8).reshape(decoded.height, decoded.width, 3)
        png = io.BytesIO()
        Image.fromarray(pixels).save(png, "PNG", compress_level=_COMPRESSION)
        return UploadedPicture(name, png.getvalue(), [shown(note) for note in decoded.notes])

    @property
    def has_ended(self) -> bool:
        """Whether it died while it waited."""
        return self._process.poll() is not None

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._answers.close()
        self._link.close()


def _decoded(line: bytes) -> Decoded:
    """What a process says of a picture; not believed where it cannot be."""
    try:
        decoded = Decoded.model_validate_json(line)
    except ValidationError:
        raise EOFError from None
    if not decoded.error and not 0 < decoded.width * decoded.height <= MOST_PIXELS:
        raise EOFError
    return decoded
