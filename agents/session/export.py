"""Writes a session to a folder that needs nothing beside it: Markdown or JSON, with copies of its pictures.

OUT/session.md or OUT/session.json
OUT/pictures/003-name.png     what a person gave, by number
OUT/shown/005-1-caption.png   what was shown, by turn
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from PIL import Image, UnidentifiedImageError

from ...schema import Finding, LogiSightError, SessionError, Verdict
from ...tools.pictures import shown
from ..pages import write_whole
from .session import SessionFile, Sessions
from .turn import SessionPicture, Shown, Turn

Format = Literal["md", "json"]

_SUFFIXES: Final[Mapping[str, str]] = {"JPEG": ".jpg", "TIFF": ".tif"}
"""Of formats that do not call themselves what their files are called."""
_ALWAYS: Final = re.compile(r"([\\`*_\[\]<>|~&$])")
"""Means something anywhere in Markdown."""
_AT_START: Final = re.compile(r"^(\s*)(#|[-+=:]|\d+(?=[.)](?:\s|$)))")
"""Means something at the start of a line."""
_LINK: Final = re.compile(r"(://|www\.|@)", re.IGNORECASE)
"""Makes a link of the words around it."""


class _Copied(NamedTuple):
    """Names of the copies, relative to the folder; a content that is missing has none."""

    pictures: dict[int, str]
    """By number of the picture."""
    shown: dict[tuple[int, int], str]
    """By numbers of the turn and of what it shows, from 1 on."""


def export_session(sessions: Sessions, session: str, out: Path, form: Format = "md") -> Path:
    """Write a session to the folder `out`; returns the path of its text.

    What the store does not hold any more is named as missing.

    Raises:
        SessionError: There is no such session, one of its turns is missing, or it cannot be written.
    """
    file, turns = sessions.file(session), sessions.turns(session)
    verdicts = _verdicts(sessions, turns)
    try:
        copied = _copy(sessions, turns, out)
        if form == "json":
            path = out / "session.json"
            text = json.dumps(_facts(file, turns, verdicts, copied), indent=2, ensure_ascii=False) + "\n"
        else:
            path = out / "session.md"
            text = "\n".join(_lines(file, turns, verdicts, copied)) + "\n"
        write_whole(path, [text], "the session")
    except OSError as error:
        raise SessionError(f"{shown(out)}: cannot be written ({error.strerror or error})") from None
    return path


def safe_name(text: str) -> str:
    """A text as a part of a file name that every system takes.

    Example:
        >>> safe_name("../Päckchen 3.tar.PNG"), safe_name("???")
        ('P-ckchen-3.tar', 'picture')
    """
    stem = re.sub(r"[^A-Za-z0-9._-]+|(?<=\.)\.+", "-", Path(text).name)
    stem = re.sub(r"\.(?:png|jpe?g|bmp|tiff?|webp)$", "", stem, flags=re.IGNORECASE)
    return stem.strip("-._")[:60] or "picture"


def escaped(text: str) -> str:
    r"""A text in one line that Markdown shows as it is.

    Example:
        >>> escaped("<b>![x](http://x)\n# y")
        '\\<b\\>!\\[x\\](http:\u200b//x) # y'
    """
    line = shown(" ".join(text.split()))
    line = _AT_START.sub(r"\1\\\2", _ALWAYS.sub(r"\\\1", line))
    line = re.sub(r"^(\s*)\\(\d+)([.)])", r"\1\2\\\3", line)
    return _LINK.sub(lambda link: f"{link[0][0]}\u200b{link[0][1:]}", line)


def fenced(text: str) -> str:
    """A text of several lines that Markdown shows as it is."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    lines = "\n".join(shown(line) for line in text.expandtabs(4).split("\n"))
    return f"{fence}text\n{lines}\n{fence}"


def _copy(sessions: Sessions, turns: Sequence[Turn], out: Path) -> _Copied:
    copied = _Copied({}, {})
    for turn in turns:
        for picture in turn.pictures:
            stem = f"pictures/{picture.number:03}-{safe_name(picture.name)}"
            copied.pictures[picture.number] = _copy_one(sessions, picture, out, stem)
        for place, one in enumerate(turn.shown, start=1):
            stem = f"shown/{turn.number:03}-{place}-{safe_name(one.caption)}"
            copied.shown[turn.number, place] = _copy_one(sessions, one, out, stem)
    return copied


def _copy_one(sessions: Sessions, one: SessionPicture | Shown, out: Path, stem: str) -> str:
    """Copy a picture under a name that says truly what it is; returns the name, empty where it is missing."""
    try:
        content = sessions.store.get(one.sha256)
    except SessionError:
        return ""
    name = f"{stem}{_suffix(content)}"
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_bytes(content)
    return name


def _suffix(content: bytes) -> str:
    try:
        kind = Image.open(io.BytesIO(content)).format or ""
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return ".bin"
    return _SUFFIXES.get(kind, f".{kind.lower()}")


def _verdicts(sessions: Sessions, turns: Sequence[Turn]) -> dict[str, Verdict]:
    """The verdicts of all turns by SHA-256; one that is missing or cannot be read is left out."""
    found = {}
    for sha256 in {sha256 for turn in turns for sha256 in turn.verdicts.values()}:
        try:
            found[sha256] = sessions.store.get_record(Verdict, sha256)
        except LogiSightError:
            continue
    return found


def _facts(
    file: SessionFile, turns: Sequence[Turn], verdicts: Mapping[str, Verdict], copied: _Copied
) -> dict[str, Any]:
    """A session, JSON-plain; `file` of a picture is the name of its copy, empty where it is missing."""
    told = []
    for turn in turns:
        facts = turn.model_dump(mode="json")
        for picture in facts["pictures"]:
            picture["file"] = copied.pictures[picture["number"]]
        for place, one in enumerate(facts["shown"], start=1):
            one["file"] = copied.shown[turn.number, place]
        facts["verdicts"] = {
            str(number): verdicts[sha256].model_dump(mode="json") if sha256 in verdicts else None
            for number, sha256 in turn.verdicts.items()
        }
        told.append(facts)
    return {"session": file.model_dump(mode="json"), "turns": told}


def _lines(
    file: SessionFile, turns: Sequence[Turn], verdicts: Mapping[str, Verdict], copied: _Copied
) -> list[str]:
    lines = [f"# {escaped(file.title)}", "", f"{escaped(file.product)}, session {file.id}, {file.started}"]
    if file.branch_of:
        lines += ["", f"A branch of session {escaped(file.branch_of)}."]
    for turn in turns:
        lines += ["", f"## Turn {turn.number}", "", *_turn_lines(turn, verdicts, copied)]
    return lines


def _turn_lines(turn: Turn, verdicts: Mapping[str, Verdict], copied: _Copied) -> list[str]:
    lines = [f"> {escaped(line)}" for line in turn.asked.splitlines()]
    for one in turn.pictures:
        lines += [
            "",
            f"Picture {one.number}, {escaped(one.name)}: {_image(one.name, copied.pictures[one.number])}",
        ]
    answer = turn.answer.strip()
    lines += ["", fenced(answer) if "\n" in answer else escaped(answer)]
    for place, shown_one in enumerate(turn.shown, start=1):
        name = copied.shown[turn.number, place]
        lines += ["", f"{_image(shown_one.caption, name)} {escaped(shown_one.caption)}"]
    for number, sha256 in turn.verdicts.items():
        if sha256 in verdicts and verdicts[sha256].findings:
            lines += ["", f"Findings on picture {number}:", "", *_table(verdicts[sha256].findings)]
    for decision in turn.decisions:
        lines += ["", f"Asked: {escaped(decision)}"]
    if turn.stopped:
        lines += ["", f"Ended early: {escaped(turn.stopped)}"]
    return [*lines, "", f"{escaped(turn.started)}, {escaped(turn.reasoner)}: {_steps(turn)}"]


def _image(caption: str, name: str) -> str:
    return f"![{escaped(caption)}]({name})" if name else "(missing)"


def _table(findings: Sequence[Finding]) -> list[str]:
    rows = [
        f"| {finding.rule or ''} | {finding.status} | {finding.kind} | {escaped(finding.reason)} |"
        for finding in findings
    ]
    return ["| rule | it | kind | why |", "|---|---|---|---|", *rows]


def _steps(turn: Turn) -> str:
    """What was done, in one line."""
    told = []
    for step in turn.steps:
        used = step.usage
        tokens = f", {used.input_tokens} + {used.output_tokens} tokens" if used.calls else ""
        error = f", {step.error}" if step.error else ""
        told.append(escaped(f"{step.name} ({step.seconds:.2f} s{tokens}{error})"))
    return "; ".join(told)
