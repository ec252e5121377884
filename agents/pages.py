"""Pages for people: templates that escape all they are given, and files that are whole or as they were."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from ..schema import LogiSightError
from ..tools.pictures import shown


def page_templates(package: str) -> Environment:
    """The templates beside the modules of a package."""
    return Environment(
        loader=PackageLoader(package, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def write_whole(path: Path, pieces: Iterable[str], what: str) -> None:
    """Write a text file, which holds the old text until the new one is complete; `what` it is, for people.

    Raises:
        LogiSightError: It cannot be written.
    """
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("w", encoding="utf-8", errors="replace") as file:
            file.writelines(pieces)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise LogiSightError(f"cannot write {what} {shown(path)}: {error.strerror or error}") from error
