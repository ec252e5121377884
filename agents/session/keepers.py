"""What keeps the turns in work: a SQLite file in the product's folder, or a PostgreSQL database."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable
from functools import wraps
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
MOST_CONNECTIONS: Final = 4
"""To a server, of one process."""

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
        raise SessionError(
            f"{shown(path)}: cannot be opened ({error}); is the disk full, or may it not be written to?"
        ) from None
    _tell_failures(keeper, shown(path), sqlite3.Error)
    return keeper, connection.close


def _postgres(url: str) -> Keeper:
    try:
        import psycopg
        from langgraph.checkpoint.postgres import PostgresSaver
        from psycopg.rows import dict_row
        from psycopg_pool import ConnectionPool
    except ImportError:
        raise SessionError(
            "sessions at a postgresql:// URL need an extra; install it: pip install 'logisight[postgres]'"
        ) from None
    # A server that comes back is connected to again; who waits for it is told by us.
    logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())
    pool: Any = ConnectionPool(
        url,
        min_size=1,
        max_size=MOST_CONNECTIONS,
        timeout=PATIENCE,
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
        check=ConnectionPool.check_connection,
        open=False,
    )
    try:
        # Beside the pool, which would try for a long time and not say what is wrong.
        psycopg.connect(url, connect_timeout=PATIENCE).close()
        pool.open()
        keeper = PostgresSaver(pool)
        keeper.setup()
    except psycopg.Error as error:
        pool.close()
        # The URL may hold a password.
        raise SessionError(f"the database of sessions cannot be opened ({in_one_line(str(error))})") from None
    _tell_failures(keeper, "the database of sessions", psycopg.Error)
    return keeper, pool.close


def _tell_failures(keeper: BaseCheckpointSaver[Any], where: str, failure: type[Exception]) -> None:
    """Whatever goes wrong in a database is told as a SessionError, in one line."""
    for name in ("get_tuple", "put", "put_writes", "delete_thread"):
        setattr(keeper, name, _told(getattr(keeper, name), where, failure))


def _told(work: Callable[..., Any], where: str, failure: type[Exception]) -> Callable[..., Any]:
    @wraps(work)
    def told(*arguments: Any, **options: Any) -> Any:
        try:
            return work(*arguments, **options)
        except failure as error:
            raise SessionError(
                f"{where}: cannot be worked with ({in_one_line(str(error))}); see to that, say it again"
            ) from error

    return told
