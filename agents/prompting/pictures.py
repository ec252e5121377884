"""Pictures as a model is sent them: small enough, PNG or JPEG, and made once."""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final, Literal

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from ...prompts import SentPicture
from ...tools.parts import Pixels
from ...tools.pictures import Picture

QUALITY: Final = 92
"""Of JPEG."""
SMALL_FILE: Final = 2**20
"""Bytes; a file of at most so many is sent as it is where that can be."""
_SLIGHT: Final = 0.7
"""A picture that keeps more of its width than this is made only slightly smaller."""
KEPT: Final = 64
"""Pictures that are kept to be sent again, such as the reference pictures."""

_ENDS: Final = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9"}
_MEDIA: Final[dict[str, Literal["image/png", "image/jpeg"]]] = {"PNG": "image/png", "JPEG": "image/jpeg"}
_HARMLESS: Final = frozenset(
    {
        "dpi",
        "gamma",
        "interlace",
        "jfif",
        "jfif_density",
        "jfif_unit",
        "jfif_version",
        "progression",
        "progressive",
        "srgb",
    }
)
"""What a file may say besides its pixels: nothing that changes them, and nothing of its maker's."""

Key = tuple[str, str, int]
"""SHA-256, name, and the longest side asked for."""


class _Kept:
    """The pictures that were asked for last, for every thread."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[Key, SentPicture] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key, make: Callable[[], SentPicture]) -> SentPicture:
        with self._lock:
            found = self._pictures.pop(key, None)
        found = found or make()
        with self._lock:
            self._pictures[key] = found
            while len(self._pictures) > KEPT:
                self._pictures.popitem(last=False)
        return found


_KEPT: Final = _Kept()


def sent_picture(picture: Picture, name: str, longest: int) -> SentPicture:
    """A picture from a file: its own bytes where it is a small plain PNG or JPEG, else made anew.

    `longest` is of the longer side, in pixels; a smaller picture keeps its size.
    """
    return sent_once(picture.sha256, name, longest, lambda: _of_file(picture, name, longest))


def sent_pixels(pixels: Pixels, name: str, longest: int) -> SentPicture:
    """A picture of RGB pixels (H, W, 3), made smaller where it is larger."""
    sha256 = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
    return sent_once(sha256, name, longest, lambda: encoded(fitted(pixels, longest), name))


def sent_once(sha256: str, name: str, longest: int, make: Callable[[], SentPicture]) -> SentPicture:
    """What was made of a picture for this longest side before, or what `make` makes of it now."""
    return _KEPT.get((sha256, name, longest), make)


def fitted(pixels: Pixels, longest: int) -> Pixels:
    """The pixels, made smaller so that the longer side has at most `longest`."""
    size = (pixels.shape[1], pixels.shape[0])
    smaller = fitted_size(size, longest)
    if smaller == size:
        return pixels
    # Averaging over areas takes ten times as long, and shows only where several pixels become one.
    way = cv2.INTER_LINEAR if smaller[0] > _SLIGHT * size[0] else cv2.INTER_AREA
    return cv2.resize(pixels, smaller, interpolation=way).astype(np.uint8, copy=False)


def fitted_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """(width, height) after `fitted`.

    >>> fitted_size((4000, 3000), 1024), fitted_size((300, 200), 1024)
    ((1024, 768), (300, 200))
    """
    factor = min(1.0, longest / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def encoded(pixels: Pixels, name: str) -> SentPicture:
    """RGB pixels (H, W, 3) as a JPEG."""
    # Colours at full resolution, since thin things such as cables are told apart by them.
    options = [
        *(cv2.IMWRITE_JPEG_QUALITY, QUALITY),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    ]
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    return SentPicture(name, jpeg.tobytes(), "image/jpeg", pixels.shape[1], pixels.shape[0])


def _of_file(picture: Picture, name: str, longest: int) -> SentPicture:
    height, width = picture.pixels.shape[:2]
    if max(width, height) <= longest:
        data = _own_bytes(picture.path, picture.sha256)
        kind = _plain_kind(data, (width, height))
        if kind:
            return SentPicture(name, data, _MEDIA[kind], width, height)
    return encoded(fitted(picture.pixels, longest), name)


def _own_bytes(path: Path, sha256: str) -> bytes:
    """The bytes of a small file, while it is the one that was read; else nothing."""
    try:
        data = path.read_bytes() if path.stat().st_size <= SMALL_FILE else b""
    except OSError:
        return b""
    return data if hashlib.sha256(data).hexdigest() == sha256 else b""


def _plain_kind(data: bytes, size: tuple[int, int]) -> str:
    """PNG or JPEG where the bytes hold 8-bit grey or RGB pixels of that size and no more; else nothing."""
    try:
        image = Image.open(io.BytesIO(data), formats=tuple(_ENDS))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return ""
    kind = str(image.format)
    if kind not in _ENDS or not data.endswith(_ENDS[kind]):
        return ""
    # Pillow opens 16-bit colour as 8-bit.
    deep = kind == "PNG" and data[24] != 8
    plain = image.mode in ("L", "RGB") and image.size == size and set(image.info) <= _HARMLESS
    return kind if plain and not deep else ""
