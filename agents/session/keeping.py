"""How long sessions are kept: old ones go, and with them what no session refers to any more.

It may run beside sessions in work. What was put into the store, or put again, a short while ago stays, since
a turn in work may be about to refer to it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from langgraph.checkpoint.base import CheckpointTuple

from ...schema import Record, SessionError
from .keepers import FILE
from .session import SessionFile, Sessions

GRACE: Final = 3600.0
"""Seconds for which a content stays in the store, whether a session refers to it or not."""
LINKS: Final = "shown"
"""A folder beside the store: for each session, links to what it has shown."""


_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class Tidied(Record):
    """What was taken away."""

    sessions: list[str] = []
    """Ids of the ones that were too old."""
    contents: int = 0
    """Pictures, verdicts and turns."""
    bytes: int = 0
    """Of all that, on disk."""


def too_old(sessions: Sessions, keep_days: float) -> list[SessionFile]:
    """The sessions in which nothing was said or done for so many days."""
    limit = datetime.now(UTC) - timedelta(days=keep_days)
    return [file for file in sessions.list() if _last_used(sessions, file) < limit]


def tidy(sessions: Sessions, keep_days: float, grace: float = GRACE) -> Tidied:
    """Delete old sessions, and what no session refers to.

    Raises:
        SessionError: A session that stays cannot be read, so that nobody knows what it refers to. Nothing was
            taken out of the store.
    """
    before = _size(sessions.folder)
    old = too_old(sessions, keep_days)
    for file in old:
        sessions.delete(file.id)
    kept = {sha256 for file in sessions.list() for sha256 in _needed(sessions, file)}
    contents = [path for path in _contents(sessions) if _took_away(path, kept, grace)]
    _remove_links(sessions)
    freed = max(0, before - _size(sessions.folder))
    return Tidied(sessions=[file.id for file in old], contents=len(contents), bytes=freed)


def checkpoint_bytes(sessions: Sessions) -> int:
    """What the checkpoints of all sessions take on disk; 0 where they are in a database elsewhere."""
    return sum(path.stat().st_size for path in sessions.folder.glob(f"{FILE}*"))


def _needed(sessions: Sessions, file: SessionFile) -> set[str]:
    """SHA-256 of all that a session refers to, also in its turn in work."""
    found = _last_checkpoint(sessions, file)
    in_work = [found.checkpoint["channel_values"], found.pending_writes] if found else []
    needed = set(_hashes(in_work))
    heads = {file.head, sessions.head(file.id), *_new_heads(found)}
    try:
        for head in heads:
            for sha256, turn in sessions.history.back_from(head):
                needed.add(sha256)
                needed.update(_hashes(turn.model_dump(mode="json", exclude={"messages"})))
    except SessionError as error:
        raise SessionError(
            f"session {file.id} cannot be read ({error}); delete it first, or put that back"
        ) from None
    return needed


def _new_heads(found: CheckpointTuple | None) -> list[str]:
    """Turns that were finished and not noted yet, by a process that was killed in between."""
    writes = (found.pending_writes or []) if found else []
    return [str(value) for _, channel, value in writes if channel == "head"]


def _hashes(value: object) -> Iterator[str]:
    """All that looks like a SHA-256 in something JSON-plain."""
    if isinstance(value, str):
        if _SHA256.fullmatch(value):
            yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _hashes(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _hashes(one)


def _last_used(sessions: Sessions, file: SessionFile) -> datetime:
    found = _last_checkpoint(sessions, file)
    stamp = found.checkpoint["ts"] if found else file.used or file.started
    try:
        return datetime.fromisoformat(stamp)
    except ValueError:
        raise SessionError(f"session {file.id}: {stamp!r} is no time") from None


def _last_checkpoint(sessions: Sessions, file: SessionFile) -> CheckpointTuple | None:
    return sessions.checkpointer.get_tuple({"configurable": {"thread_id": file.id}})


def _contents(sessions: Sessions) -> list[Path]:
    """All files of the store, with those that a killed process left half written."""
    return [path for path in sessions.store.folder.glob("??/*") if path.is_file()]


def _took_away(path: Path, kept: set[str], grace: float) -> bool:
    """Whether a content was taken away, since no session refers to it and it is not new."""
    try:
        if path.name in kept or path.stat().st_mtime > time.time() - grace:
            return False
        path.unlink()
    except OSError:  # somebody else tidies too
        return False
    return True


def _remove_links(sessions: Sessions) -> None:
    """Links of sessions that are gone, and those that lead nowhere."""
    for link in sessions.folder.glob(f"{LINKS}/*/*"):
        if link.is_symlink() and not link.exists():
            link.unlink(missing_ok=True)
    for folder in sessions.folder.glob(f"{LINKS}/*"):
        if not (sessions.folder / f"{folder.name}.json").exists():
            for link in folder.iterdir():
                link.unlink(missing_ok=True)
            folder.rmdir()


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
