"""Prompts as templates: plain text, in which what comes from outside stands as JSON.

Each template beside this module can be replaced by a file of the same name in a folder of one's own, which
the environment names in LOGISIGHT_PROMPTS. Files there whose names start with "_" are pieces that others
include.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from jinja2 import Environment, FunctionLoader, StrictUndefined, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..schema import LogiSightError
from .quoting import PromptError, quoted

FOLDER_VARIABLE: Final = "LOGISIGHT_PROMPTS"
"""Of the environment: a folder of templates that replace the built-in ones of the same names."""
SUFFIX: Final = ".j2"
LARGEST: Final = 2**20
"""Bytes of a template."""

_chosen: ContextVar[Path | None] = ContextVar("folder of templates", default=None)


class _Source(NamedTuple):
    """One template as it is on disk."""

    name: str
    path: str
    text: str


def templates() -> Environment:
    """The templates as they are now: those of the own folder, and the built-in ones for the other names.

    They cannot run code or see anything but what they are given. What goes wrong in one is a PromptError in
    one line that names its file and line, wherever it is rendered.

    Raises:
        PromptError: The folder is not there, or holds a file that is no template of LogiSight's.
    """
    return _environment(_sources())


@contextmanager
def using_templates(folder: Path | None) -> Iterator[None]:
    """Take the templates of a folder before those that the environment names; None changes nothing.

    Raises:
        PromptError: As `templates`, before anything is done with them.
    """
    before = _chosen.set(folder or _chosen.get())
    try:
        _sources()
        yield
    finally:
        _chosen.reset(before)


def templates_sha256() -> str:
    """SHA-256 of the names and texts of the templates as they are now: the same one, the same prompts.

    Raises:
        PromptError: As `templates`.
    """
    said = json.dumps([(source.name, source.text) for source in _sources()])
    return hashlib.sha256(said.encode()).hexdigest()


def copy_templates(folder: Path) -> list[Path]:
    """Copy the built-in templates into a folder, to start from; what is there already stays as it is.

    Returns the files that were written.

    Raises:
        PromptError: The folder cannot be written to.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in _built_in():
            path = folder / source.name
            if not os.path.lexists(path):
                path.write_text(source.text, encoding="utf-8")
                written.append(path)
    except OSError as error:
        raise PromptError(f"cannot write templates to {_line(folder)}: {error.strerror or error}") from error
    return written


@cache
def _built_in() -> tuple[_Source, ...]:
    paths = sorted(Path(__file__).parent.glob(f"*{SUFFIX}"))
    return tuple(_Source(path.name, str(path), path.read_text(encoding="utf-8")) for path in paths)


def _sources() -> tuple[_Source, ...]:
    """Every template that is in force, by name."""
    folder = _chosen.get() or os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return _built_in()
    own = {source.name: source for source in _own(Path(folder))}
    return tuple(sorted({**{source.name: source for source in _built_in()}, **own}.values()))


def _own(folder: Path) -> Iterator[_Source]:
    if not folder.is_dir():
        raise PromptError(
            f"{_line(folder)}: no folder of templates; make one with `logisight prompt templates`, "
            f"and name it in {FOLDER_VARIABLE} or --templates"
        )
    names = [source.name for source in _built_in()]
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if path.name not in names and not path.name.startswith("_"):
            nearest = difflib.get_close_matches(path.name, names, 1) or names
            raise PromptError(
                f"{_line(path)}: replaces no template, so it would never be read; is it meant to be "
                f'{nearest[0]}? Names of pieces that your templates include start with "_"'
            )
        yield _Source(path.name, str(path), _text(path))


def _text(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            raise PromptError(f"{_line(path)}: no template: not a file, or larger than {LARGEST} bytes")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise PromptError(f"{_line(path)}: the template cannot be read: {reason}") from error


# A new one for each text that the templates ever have, and none for the same texts.
@lru_cache(maxsize=8)
def _environment(sources: Sequence[_Source]) -> Environment:
    found = {source.name: (source.text, source.path, lambda: True) for source in sources}
    # Prompts are plain text, not markup; what comes from outside is put in as JSON.
    environment = _Prompts(
        loader=FunctionLoader(found.get),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json"] = quoted
    return environment


class _Prompts(ImmutableSandboxedEnvironment):
    """Where templates run: without attributes that lead to code, and with errors for people."""

    def handle_exception(self, source: str | None = None) -> NoReturn:
        try:
            super().handle_exception(source)
        except LogiSightError:
            raise
        except Exception as error:  # a template can do anything wrong that an expression can
            raise PromptError(_in_words(error)) from error


def _in_words(error: Exception) -> str:
    if isinstance(error, TemplateSyntaxError):
        return f"{_line(error.filename or error.name)}, line {error.lineno}: {_line(error.message)}"
    what = f"there is no template {error.name}" if isinstance(error, TemplateNotFound) else str(error)
    places = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(SUFFIX)]
    where = f"{_line(places[-1].filename)}, line {places[-1].lineno}: " if places else "template: "
    return where + _line(what or type(error).__name__)


def _line(text: object) -> str:
    return "".join(c if c.isprintable() else "?" for c in " ".join(str(text).split()))[:300]
