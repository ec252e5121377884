"""The frames of a video that tell most: spread over its time, and closer where much changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .view import Pixels

_HELD: Final = 256
"""Frames kept while a video is read; where there are more, of each two the one with more change."""
_THUMB: Final = 48
_BY_TIME: Final = 0.5
"""How much of the choice follows time; the rest follows change."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame, reduced."""

    number: int
    """Its place in the video, from 0."""
    seconds: float | None
    pixels: Pixels = field(repr=False)
    change: float = 0.0
    """How unlike it is to the frame before, mean difference of grey values, 0 to 255."""


class FrameStore:
    """Takes in frames one by one and keeps so few that a video of any length fits into memory."""

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._every = 1
        self._since = 0
        self._last: NDArray[np.float32] | None = None

    def add(self, frame: Frame) -> None:
        """Take in the next frame."""
        frame = replace(frame, change=self._change(frame.pixels))
        if self._since and self._frames:
            self._frames[-1] = _livelier(self._frames[-1], frame)
        else:
            self._frames.append(frame)
        self._since = (self._since + 1) % self._every
        if len(self._frames) >= 2 * _HELD and self._since == 0:
            halves = zip(self._frames[::2], self._frames[1::2], strict=True)
            self._frames = [_livelier(first, second) for first, second in halves]
            self._every *= 2

    def chosen(self, count: int) -> list[Frame]:
        """The `count` frames that tell most, or all where there are fewer, in the order of time."""
        frames = self._frames
        if len(frames) <= count:
            return list(frames)
        even = np.arange(len(frames)) / (len(frames) - 1)
        change = np.cumsum([0.0] + [frame.change for frame in frames[1:]])
        told = even if change[-1] == 0 else _BY_TIME * even + (1 - _BY_TIME) * change / change[-1]
        return [frames[place] for place in _spread(told, count)]

    def _change(self, pixels: Pixels) -> float:
        thumb = cv2.resize(pixels, (_THUMB, _THUMB), interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(thumb, cv2.COLOR_RGB2GRAY), np.float32)
        last, self._last = self._last, grey
        return 0.0 if last is None else float(np.abs(grey - last).mean())


def _livelier(first: Frame, second: Frame) -> Frame:
    return second if second.change > first.change else first


def _spread(told: NDArray[np.float64], count: int) -> Sequence[int]:
    """Places, rising and each once, at which a rising quantity from 0 to 1 has grown by equal steps."""
    if count == 1:
        return [int(np.searchsorted(told, 0.5))]
    places: list[int] = []
    for number, goal in enumerate(np.linspace(0, 1, count)):
        wanted = int(np.searchsorted(told, goal - 1e-12))
        first = places[-1] + 1 if places else 0
        places.append(min(max(wanted, first), len(told) - (count - number)))
    return places
