"""What takes a while to open is opened in a thread while a person types."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Opening(Generic[T]):
    """Something that is on its way, once `begun`."""

    def __init__(self, work: Callable[[], T]) -> None:
        """`work` opens it."""
        self._work = work
        self._future: Future[T] | None = None

    def begun(self) -> Future[T]:
        """What is to come."""
        if self._future is None:
            self._future = Future()
            # From now on nobody who no longer waits for it can cancel it for the others.
            self._future.set_running_or_notify_cancel()
            # Not a daemon: Python aborts where it ends while one of them is in native code.
            Thread(target=self._open, args=(self._future,)).start()
        return self._future

    def result(self) -> T:
        """What has come; raises whatever went wrong."""
        return self.begun().result()

    def _open(self, future: Future[T]) -> None:
        try:
            future.set_result(self._work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is used
            future.set_exception(error)
