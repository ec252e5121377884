"""Reads what a person typed, pasted or dropped into a chat: words, and paths of pictures among them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from ..tools.pictures import SUFFIXES, list_pictures

_TOKEN: Final = re.compile(
    r"""(?<!\S)(?:"(?P<double>[^"\n]+)"|'(?P<single>[^'\n]+)')(?=$|[\s?.,;:!])|(?P<bare>(?:\\.|[^\s\\]|\\$)+)"""
)
_ENDS: Final = "?.,;:!"
"""What may follow a path in a sentence."""
_ROOTS: Final = ("/", "./", "../", "~/", "file:///", "file://localhost/")
"""How a path begins that can be nothing else."""


class Said(NamedTuple):
    """What was said, and the pictures that it came with."""

    text: str
    pictures: list[Path]


def read_said(typed: str, next_number: int = 1) -> Said:
    r"""Words with the paths taken out, in any of the ways in which terminals paste and drop them.

    Paths may be quoted, have their spaces escaped, be `file://` URLs, or stand alone on a line as they are. A
    folder stands for the pictures in it. A path in the middle of a sentence becomes the number that its first
    picture gets, the first free one being `next_number`.

    Raises:
        PictureError: A folder holds no picture, or cannot be read.

    Example:
        >>> read_said("why is '/no such/a.png' bad?", next_number=3)
        Said(text='why is picture 3 bad?', pictures=[PosixPath('/no such/a.png')])
        >>> read_said(r"/no\ such/a.png file:///no%20such/b.png what is there?")
        Said(text='what is there?', pictures=[PosixPath('/no such/a.png'), PosixPath('/no such/b.png')])
    """
    pictures: list[Path] = []
    lines = []
    for line in typed.strip().splitlines():
        whole = _as_it_is(line.strip())
        if whole:
            pictures += list_pictures([whole]) if whole.is_dir() else [whole]
        else:
            lines.append(_without_paths(line, pictures, next_number))
    return Said("\n".join(line for line in lines if line).strip(), pictures)


def _without_paths(line: str, pictures: list[Path], next_number: int) -> str:
    said, last = "", 0
    for match in _TOKEN.finditer(line):
        path, rest = _path_of(match)
        if path is None:
            continue
        said, last = said + line[last : match.start()], match.end()
        number = next_number + len(pictures)
        pictures += list_pictures([path]) if path.is_dir() else [path]
        said = f"{said.rstrip()} " if said.strip() else ""
        if said and said.rstrip()[-1] not in _ENDS:
            named = re.search(r"\b(?:picture|photo|image)\s$", said, re.IGNORECASE)
            said += f"{number}{rest}" if named else f"picture {number}{rest}"
        elif rest and said:
            said = said.rstrip()
    return " ".join((said + line[last:]).split()) if last else line.rstrip()


def _path_of(match: re.Match[str]) -> tuple[Path | None, str]:
    """The path that a token names, if it does, and the end of the sentence that stuck to it."""
    quoted = match["double"] or match["single"]
    if quoted:
        return _meant(quoted), ""
    bare = re.sub(r"\\(.)", r"\1", match["bare"])
    path = _meant(bare)
    short = bare.rstrip(_ENDS)
    if path is not None and (short == bare or _exists(path)):
        return path, ""
    return _meant(short), bare[len(short) :]


def _meant(text: str) -> Path | None:
    """A path, where the text can be nothing else, or is that of a picture that is there."""
    path = _path(text)
    if path is None:
        return None
    rooted, pictured = text.startswith(_ROOTS), path.suffix.lower() in SUFFIXES
    if _exists(path):
        return path if rooted or (pictured and path.is_file()) else None
    return path if rooted and pictured else None


def _as_it_is(line: str) -> Path | None:
    """A line that is one path, with spaces in it as they are."""
    path = _path(line)
    if path is None or " " not in line:
        return None
    is_meant = line.startswith(_ROOTS) or path.suffix.lower() in SUFFIXES
    return path if is_meant and _exists(path) else None


def _path(text: str) -> Path | None:
    if text.startswith("file://"):
        try:
            text = unquote(urlsplit(text).path)
        except ValueError:
            return None
    try:
        return Path(text).expanduser() if text and "\0" not in text else None
    except RuntimeError:  # a home folder that is not known
        return Path(text)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long
        return False


def read_decision(text: str) -> tuple[bool, str] | None:
    """What was said to a question: yes or no, and other words; None where it is no answer.

    Example:
        >>> read_decision("Yes"), read_decision("edit: Each pin is red."), read_decision("hm")
        ((True, ''), (False, 'Each pin is red.'), None)
    """
    word, _, rest = text.strip().partition(" ")
    word = word.lower().rstrip(".!:,")
    if word == "edit" and rest.strip():
        return False, rest.strip()
    if rest.strip():
        return None
    return {"yes": (True, ""), "y": (True, ""), "no": (False, ""), "n": (False, "")}.get(word)


def read_command(typed: str, known: Sequence[str]) -> tuple[str, str] | None:
    """A command, such as `/rules`, and what follows it; None where it is none.

    Example:
        >>> read_command("/show 2", ["show"]), read_command("/tmp/a.png", ["show"])
        (('show', '2'), None)
    """
    match = re.fullmatch(r"/([a-z]+)(?:\s+(.*))?", typed.strip(), re.IGNORECASE)
    if not match or match[1].lower() not in known:
        return None
    return match[1].lower(), (match[2] or "").strip()
