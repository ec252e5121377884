"""What happens in a workroom, told to every page that listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

MOST_WAITING: Final = 1_000
"""Events that a page may be behind; one that is further behind is let go, and comes back by itself."""
BEAT: Final = 15.0
"""Seconds after which a quiet line is told that it still stands."""

Event = dict[str, Any]


class News:
    """Events for any number of listeners; told from any thread, heard in one event loop."""

    def __init__(self) -> None:
        self._listeners: dict[asyncio.Queue[Event | None], asyncio.AbstractEventLoop] = {}

    def tell(self, event: Event | None) -> None:
        """Tell everybody; None says that there will be no more."""
        for queue, loop in list(self._listeners.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._put, queue, event)

    async def listen(self) -> AsyncIterator[Event | None]:
        """What is told from now on; None where nothing was for a while."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(MOST_WAITING)
        self._listeners[queue] = asyncio.get_running_loop()
        try:
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), BEAT)
                except TimeoutError:
                    yield None
                    continue
                if event is None:
                    return
                yield event
        finally:
            self._listeners.pop(queue, None)

    def _put(self, queue: asyncio.Queue[Event | None], event: Event | None) -> None:
        if queue.full():
            while not queue.empty():
                queue.get_nowait()
            event = None
        queue.put_nowait(event)
