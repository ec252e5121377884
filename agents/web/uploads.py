"""Files that come with a request: few, not too large, and pictures."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from fastapi import Request
from starlette.datastructures import UploadFile

from ...schema import PictureError, SessionError
from ...tools.pictures import shown
from ..session.session import MOST_PICTURES
from .decoding import UploadedFile, UploadedPicture

MOST_BYTES: Final = 30 * 2**20
"""Of one file."""
_LONGEST_NAME: Final = 100
"""Bytes of a file's name."""
_LONGEST_TEXT: Final = 64 * 1024

PICTURES: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "text": {"type": "string"},
                        "pictures": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    },
                }
            }
        },
    }
}
"""How OpenAPI describes `read_upload`."""


class Uploaded(NamedTuple):
    """What came with a request."""

    text: str
    files: list[UploadedFile]


@asynccontextmanager
async def read_upload(request: Request) -> AsyncIterator[Uploaded]:
    """The field `text` and the files `pictures` of a request.

    Raises:
        PictureError: A file is empty or too large.
        SessionError: There are too many files.
    """
    async with request.form(max_files=MOST_PICTURES + 1, max_fields=8, max_part_size=_LONGEST_TEXT) as form:
        parts = [part for part in form.getlist("pictures") if isinstance(part, UploadFile)]
        if len(parts) > MOST_PICTURES:
            raise SessionError(f"more than {MOST_PICTURES} pictures at once; send fewer in one turn")
        files = []
        for part in parts:
            name = safe_name(part.filename or "")
            if not part.size:
                raise PictureError(f"{name}: the file is empty; copy it again")
            if part.size > MOST_BYTES:
                size, limit = part.size / 2**20, MOST_BYTES / 2**20
                raise PictureError(
                    f"{name}: {size:.0f} MiB are more than {limit:.0f}; scale it down or crop it"
                )
            files.append(UploadedFile(name, await part.read()))
        text = form.get("text", "")
        yield Uploaded(text if isinstance(text, str) else "", files)


@contextmanager
def on_disk(pictures: Sequence[UploadedPicture]) -> Iterator[list[Path]]:
    """Pictures as files under their own names, for as long as they are needed."""
    with tempfile.TemporaryDirectory(prefix="logisight-") as folder:
        paths = []
        for number, picture in enumerate(pictures):
            path = Path(folder, str(number), picture.name)
            path.parent.mkdir()
            path.write_bytes(picture.png)
            paths.append(path)
        yield paths


def safe_name(given: str) -> str:
    r"""The name of a file, whatever a browser or a program calls it: no folder, no control character.

    >>> safe_name("C:\\line\\001.png"), safe_name("../../etc/passwd"), safe_name("..")
    ('001.png', 'passwd', 'picture')
    """
    name = shown(given.replace("\\", "/").rsplit("/", 1)[-1]).strip()
    while len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        name = name[1:]
    return name.encode("utf-8", "replace").decode() if name.strip(". ") else "picture"
