"""The one place in this process where the weights of a chat model may lie: a second model takes it over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar, cast

from ...schema import ModelError


class ModelBrokenError(ModelError):
    """What is loaded cannot be asked any more; the next question loads it anew."""


class Closable(Protocol):
    """What holds memory until it is closed."""

    def close(self) -> None:
        """Give the memory back."""


T = TypeVar("T", bound=Closable)


class Seat:
    """Holds at most one loaded model, and lets one question at a time at it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: object = None
        self._held: Closable | None = None

    @contextmanager
    def taken(self, key: object, load: Callable[[], T]) -> Iterator[T]:
        """What `load` gives, for one question: what is held already under that key, or loaded anew.

        What was held under another key is closed before. Waits while another question is being answered.
        """
        with self._lock:
            if self._held is None or self._key != key:
                self._clear()
                self._held, self._key = load(), key
            try:
                yield cast(T, self._held)
            except BaseException as error:
                # Who interrupts an answer leaves the half of it behind, which must not become the next one's.
                if not isinstance(error, ModelError) or isinstance(error, ModelBrokenError):
                    self._clear()
                raise

    def leave(self, key: object) -> None:
        """Close what is held under that key, once its question is answered."""
        with self._lock:
            if self._key == key:
                self._clear()

    def leave_if_idle(self, key: object) -> None:
        """The same, but not while a question is being answered.

        For finalizers, which the garbage collector calls at any time, from within an answer too.
        """
        if self._lock.acquire(blocking=False):
            try:
                if self._key == key:
                    self._clear()
            finally:
                self._lock.release()

    def _clear(self) -> None:
        held, self._held, self._key = self._held, None, None
        if held is not None:
            held.close()


SEAT = Seat()
