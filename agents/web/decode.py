"""The process that decodes uploaded pictures, and may die of it; started as `python -m`.

It holds no secret, opens no file and no connection, and has little time and memory. Its standard input is a
socket. For each picture:

    parent -> here    a line of JSON, `Upload`, and the bytes of the file
    here -> parent    a line of JSON, `Decoded`, and the pixels, RGB, row by row
"""

from __future__ import annotations

import resource
import socket
import sys
from pathlib import Path
from typing import Final

from PIL import Image

from ...sandbox.confine import address_space, available, confine_book, open_meter
from ...sandbox.layers import ALL_LAYERS
from ...schema import PictureError, Record
from ...tools.pictures import decode_picture

MOST_PIXELS: Final = 40_000_000
"""Of an uploaded picture."""
MOST_MEMORY: Final = 2**30
"""Bytes beside those that the process needs without a picture."""
MOST_SECONDS: Final = 30
"""Of processor time for all pictures of one process."""
ALIVE: Final = b"ready\n"
"""Said once, when everything is loaded and taken away."""

_SCRAP: Final = "encodings.latin_1", "encodings.utf_16", "encodings.utf_16_le", "encodings.idna"
"""What decoders import when they first need it; no file can be opened then."""


class Upload(Record):
    """What the parent says before the bytes of a file."""

    name: str
    size: int
    """Bytes that follow."""


class Decoded(Record):
    """What comes of it, before the pixels."""

    width: int = 0
    height: int = 0
    notes: list[str] = []
    error: str = ""
    """Why there are none."""


def main() -> None:
    """Serve until the parent closes the socket."""
    Image.init()
    for name in _SCRAP:
        __import__(name)
    link = socket.socket(fileno=sys.stdin.fileno())
    space = address_space(open_meter())
    layers, _ = available(ALL_LAYERS)
    confine_book(layers)
    _lower(resource.RLIMIT_AS, space + MOST_MEMORY)
    _lower(resource.RLIMIT_CPU, MOST_SECONDS)
    _lower(resource.RLIMIT_NPROC, 0)
    link.sendall(ALIVE)
    with link.makefile("rb") as asked:
        while line := asked.readline():
            upload = Upload.model_validate_json(line)
            link.sendall(_answer(asked.read(upload.size), upload.name))


def _answer(data: bytes, name: str) -> bytes:
    try:
        picture = decode_picture(data, Path(name))
        height, width = picture.pixels.shape[:2]
        if height * width > MOST_PIXELS:
            raise _too_large(name)
        decoded = Decoded(width=width, height=height, notes=list(picture.notes))
        return decoded.model_dump_json().encode() + b"\n" + picture.pixels.tobytes()
    except PictureError as error:
        problem = _too_large(name) if isinstance(error.__cause__, MemoryError) else error
        return Decoded(error=str(problem)).model_dump_json().encode() + b"\n"


def _too_large(name: str) -> PictureError:
    most = MOST_PIXELS / 1e6
    return PictureError(f"{name}: more than {most:.0f} megapixels; scale it down or crop it")


def _lower(what: int, limit: int) -> None:
    most = resource.getrlimit(what)[1]
    limit = limit if most == resource.RLIM_INFINITY else min(limit, most)
    resource.setrlimit(what, (limit, limit))


if __name__ == "__main__":
    main()
