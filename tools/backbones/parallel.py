"""The pictures of a batch side by side, each on a core of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController

_Given = TypeVar("_Given")
_Found = TypeVar("_Found")


def side_by_side(function: Callable[[_Given], _Found], given: Sequence[_Given]) -> list[_Found]:
    """What a function makes of each, in order; the first error is raised.

    Cores that share one matrix product wait for the slowest at every step, so each works at its own instead.
    """
    workers = min(len(given), os.cpu_count() or 1)
    limits = 1 if workers > 1 else None
    with _controller().limit(limits=limits, user_api="blas"), ThreadPoolExecutor(max(1, workers)) as pool:
        return list(pool.map(function, given))


@cache
def _controller() -> ThreadpoolController:
    """The one of the libraries that are loaded; to find them takes long."""
    return ThreadpoolController()
