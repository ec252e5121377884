"""Results that stand on disk, and whether they are still those of the files that they were made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ..agents.pages import write_whole
from ..schema import LogiSightError
from ..tools.pictures import shown

R = TypeVar("R", bound=BaseModel)


def fingerprint(files: Iterable[Path], *settings: object) -> str:
    """SHA-256 of settings, and of the names, sizes and times of files; their content is not read."""
    made = hashlib.sha256(repr(settings).encode(errors="surrogateescape"))
    for path in files:
        try:
            status = path.stat()
            facts = (str(path), status.st_size, status.st_mtime_ns)
        except OSError:
            facts = (str(path), 0, 0)
        made.update(repr(facts).encode(errors="surrogateescape"))
    return made.hexdigest()


def kept(model: type[R], path: Path, inputs: str) -> R | None:
    """The result in a file, if it is one and its `inputs` are these."""
    try:
        result = model.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return result if getattr(result, "inputs", None) == inputs else None


def keep(path: Path, content: object) -> None:
    """Write a result, JSON-plain, with its folders; the old one stays until the new one is complete.

    Raises:
        LogiSightError: It cannot be written.
    """
    made_folder(path.parent)
    write_whole(path, [json.dumps(content, indent=4), "\n"], "the result")


def made_folder(path: Path) -> Path:
    """The folder, made where it is not there yet.

    Raises:
        LogiSightError: It cannot be made, or is a file.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LogiSightError(f"{shown(path)}: no folder can be made here ({error.strerror})") from None
    return path
