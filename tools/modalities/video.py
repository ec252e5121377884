"""Videos as a grid of key frames with their times."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image

from ...schema import PictureError
from ..pictures import list_pictures, read_picture, shown
from .files import file_size, reading
from .key_frames import Frame, FrameStore
from .sheets import reduced, sheet_of, tile_width
from .view import Pixels, View, ViewSettings

MAX_BYTES: Final = 2**34
MAX_SIDE: Final = 8192
MAX_FRAMES: Final = 100_000
"""About an hour; longer videos are refused once that many were read."""

_WHOLE: Final = 0.8
"""Some containers only estimate how many frames they hold; with fewer than this share, frames are missing."""
_MEDIA: Final = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mp4",
    ".avi": "avi",
    ".mkv": "mkv",
    ".webm": "mkv",
    ".gif": "gif",
}
SUFFIXES: Final = tuple(_MEDIA)


def draw_video(path: Path, settings: ViewSettings) -> list[View]:
    """One sheet with `settings.frames` key frames of a video file, a GIF, or a folder of frames.

    Raises:
        PictureError: It cannot be read, has frames larger than 8192 pixels or more than 100 000 of them.
    """
    width = tile_width(settings.frames, settings.size)
    store = FrameStore()
    with reading(path):
        number = -1
        for number, (seconds, pixels) in enumerate(_frames(path)):
            if number >= MAX_FRAMES:
                raise PictureError(f"{shown(path)}: has more than {MAX_FRAMES:,} frames; cut it")
            store.add(Frame(number, seconds, reduced(pixels, width)))
    if number < 0:
        raise PictureError(f"{shown(path)}: no frame of it can be decoded; copy it again, or convert it")
    chosen = store.chosen(settings.frames)
    width = tile_width(len(chosen), settings.size)
    # Fewer frames than asked for stand on larger tiles.
    pictures = [reduced(frame.pixels, width) for frame in chosen]
    stamps = [_stamp(frame) for frame in chosen]
    caption = f"{len(chosen)} of {number + 1} frames, at {', '.join(stamps)}"
    return [View("frames", sheet_of(pictures, stamps, settings.size, len(chosen)), caption)]


def _frames(path: Path) -> Iterator[tuple[float | None, Pixels]]:
    """Seconds from the start, where they are known, and pixels of each frame."""
    if path.is_dir():
        for picture in list_pictures([path]):
            yield None, read_picture(picture).pixels
        return
    file_size(path, MAX_BYTES)
    kind = _content(path)
    if kind is None or path.suffix.lower() not in _MEDIA:
        raise PictureError(f"{shown(path)}: is no video, or damaged; {', '.join(SUFFIXES)} are read")
    yield from _gif_frames(path) if kind == "gif" else _decoded_frames(path)


def _content(path: Path) -> str | None:
    """What the first bytes say a file is.

    The decoder goes by content, too, and knows play lists, which would have it open other files.
    """
    with path.open("rb") as file:
        start = file.read(16)
    if start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mp4"
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return "avi"
    if start[:4] == b"\x1a\x45\xdf\xa3":
        return "mkv"
    return "gif" if start[:4] == b"GIF8" else None


def _gif_frames(path: Path) -> Iterator[tuple[float | None, Pixels]]:
    with Image.open(path, formats=["GIF"]) as image:
        _check_size(path, image.width, image.height)
        seconds, place = 0.0, 0
        while True:
            yield seconds, np.asarray(image.convert("RGB"), np.uint8)
            seconds += float(image.info.get("duration", 0)) / 1000
            place += 1
            try:
                image.seek(place)
            except EOFError:
                return


def _decoded_frames(path: Path) -> Iterator[tuple[float | None, Pixels]]:
    # A whole path is no address, and naming the decoder keeps a "%d" in it from meaning a list of files.
    with _quiet():
        capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise PictureError(
                f"{shown(path)}: cannot be decoded, or is cut off; copy it again, or convert it"
            )
        wide, high = (capture.get(one) for one in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        _check_size(path, wide, high)
        announced, count, last = capture.get(cv2.CAP_PROP_FRAME_COUNT), 0, -1.0
        while capture.grab():
            seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            good, pixels = capture.retrieve()
            if not good or pixels is None or pixels.ndim != 3:
                continue
            count += 1
            _check_size(path, pixels.shape[1], pixels.shape[0])
            known = math.isfinite(seconds) and seconds >= last
            last = seconds if known else last
            yield seconds if known else None, np.asarray(pixels[..., ::-1], np.uint8)
        if 0 < count < _WHOLE * announced:
            raise PictureError(
                f"{shown(path)}: only {count:,} of {announced:,.0f} frames can be decoded; copy it again"
            )
    finally:
        capture.release()


def _check_size(path: Path, width: float, height: float) -> None:
    if not (0 <= width <= MAX_SIDE and 0 <= height <= MAX_SIDE):
        raise PictureError(
            f"{shown(path)}: its frames have {width:g} x {height:g} pixels; at most {MAX_SIDE}"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the decoder from writing to the terminal; what it cannot do is told in one line."""
    before = cv2.utils.logging.getLogLevel(), os.environ.get("OPENCV_FFMPEG_LOGLEVEL")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before[0])
        if before[1] is None:
            del os.environ["OPENCV_FFMPEG_LOGLEVEL"]
        else:
            os.environ["OPENCV_FFMPEG_LOGLEVEL"] = before[1]


def _stamp(frame: Frame) -> str:
    if frame.seconds is None:
        return f"frame {frame.number + 1}"
    minutes, seconds = divmod(frame.seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{seconds:04.1f}" if hours else f"{minutes}:{seconds:05.2f}"
