"""One pair of hands: calls that are made one after the other, each waited for only so long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from typing import Any, TypeVar

from langchain_core.runnables.config import var_child_runnable_config

from ...schema import LogiSightError, SessionError
from ..llm.answers import in_one_line

T = TypeVar("T")


class Worker:
    """Makes calls in a thread, never two at a time: what is worked with is not made for that.

    A call that takes too long cannot be stopped. It is no longer waited for, and what comes next waits until
    it is done, or says that it is not.
    """

    def __init__(self) -> None:
        self._last: Future[Any] | None = None
        self._name = ""

    def call(self, name: str, seconds: float, work: Callable[[], T]) -> T:
        """What `work` returns.

        Raises:
            LogiSightError: It took longer than `seconds`, or what was called before still runs, or it failed.
        """
        self._wait_for_last(seconds)
        future: Future[T] = Future()
        self._last, self._name = future, name
        around = copy_context()
        # Else the graphs that a tool runs would keep checkpoints beside those of the turn.
        around.run(var_child_runnable_config.set, None)
        # Not of a pool: Python waits for those at its end, and this may never end.
        threading.Thread(target=around.run, args=(_fulfil, future, work), name=name, daemon=True).start()
        wait([future], timeout=seconds)
        if not future.done():
            raise SessionError(f"{name} took more than {seconds:.0f} s and is no longer waited for")
        try:
            return future.result()
        except LogiSightError:
            raise
        except Exception as error:
            told = in_one_line(f"{type(error).__name__}: {error}", 300)
            raise SessionError(f"{name} failed ({told})") from error

    def _wait_for_last(self, seconds: float) -> None:
        if self._last is None or wait([self._last], timeout=seconds).done:
            return
        raise SessionError(
            f"{self._name}, which was called before, still runs; try again when it is done, or open the "
            "session again"
        )


def _fulfil(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001  # it is raised again where the result is waited for
        future.set_exception(error)
