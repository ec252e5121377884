"""Serves the application."""

from __future__ import annotations

import socket
from collections.abc import Collection
from typing import Final

import uvicorn

from .app import make_app
from .workroom import Workroom

_PATIENCE: Final = 2
"""Seconds that open connections, which pages keep, get to end."""


def make_server(room: Workroom, token: str = "", names: Collection[str] = ()) -> uvicorn.Server:
    """A server of a workroom, which it closes in the end."""
    config = uvicorn.Config(
        make_app(room, token, names),
        log_level="warning",
        access_log=False,  # addresses may hold the token
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_PATIENCE,
        ws="none",
    )
    return _Server(config, room)


class _Server(uvicorn.Server):
    """Hangs up on the pages that listen before it waits for all connections to end."""

    def __init__(self, config: uvicorn.Config, room: Workroom) -> None:
        super().__init__(config)
        self._room = room

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._room.news.tell(None)
        await super().shutdown(sockets)


def serve(room: Workroom, listening: socket.socket, token: str = "", names: Collection[str] = ()) -> None:
    """Serve a workroom at a bound socket until it is interrupted."""
    make_server(room, token, names).run([listening])
