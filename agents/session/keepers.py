"""What keeps the turns in work: a SQLite file in the product's folder, or a PostgreSQL database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from langgraph.checkpoint.base import BaseCheckpointSaver

from ...schema import SessionError
from ...tools.pictures import shown
from ..llm.answers import in_one_line

FILE: Final = "checkpoints.sqlite"
"""In the folder of sessions."""
VARIABLE: Final = "LOGISIGHT_SESSIONS"
"""Of the environment: the URL of a database, where no other is given."""
PATIENCE: Final = 30
"""Seconds that one process waits for another, or for a server."""

Keeper = tuple[BaseCheckpointSaver[Any], Callable[[], None]]
"""What keeps checkpoints, and what closes it."""


def open_keeper(folder: Path, url: str = "") -> Keeper:
    """The database at `url`, such as postgresql://user@host/name, or at LOGISIGHT_SESSIONS; else a file.

    Pictures and finished turns stay in the product's folder, whoever keeps the turns in work.

    Raises:
        SessionError: It cannot be opened, or its extra is not installed.
    """
    url = url or os.environ.get(VARIABLE, "")
    if not url:
        return _sqlite(folder)
    if not url.startswith(("postgresql://", "postgres://")):
        raise SessionError(f"{VARIABLE}: sessions are kept in a file, or at a postgresql:// URL")
    return _postgres(url)


def _sqlite(folder: Path) -> Keeper:
    try:
        from langgraph.checkpoint.sqlite import SqliteSaver
    except ModuleNotFoundError:
        raise SessionError("sessions need an extra; install it: pip install 'logisight[chat]'") from None
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, check_same_thread=False, timeout=PATIENCE)
        keeper = SqliteSaver(connection)
        keeper.setup()
        connection.execute("PRAGMA synchronous=FULL")
    except (OSError, sqlite3.Error) as error:
        raise SessionError(f"{shown(path)}: cannot be opened ({error})") from None
    return keeper, connection.close


def _postgres(url: str) -> Keeper:
    try:
        import psycopg
        from langgraph.checkpoint.postgres import PostgresSaver
        from psycopg.rows import dict_row
    except ImportError:
        raise SessionError(
            "sessions at a postgresql:// URL need an extra; install it: pip install 'logisight[postgres]'"
        ) from None
    try:
        connection = psycopg.Connection.connect(
            url, autocommit=True, prepare_threshold=0, row_factory=dict_row, connect_timeout=PATIENCE
        )
        keeper = PostgresSaver(connection)
        keeper.setup()
    except psycopg.Error as error:
        # The URL may hold a password.
        raise SessionError(f"the database of sessions cannot be opened ({in_one_line(str(error))})") from None
    return keeper, connection.close
