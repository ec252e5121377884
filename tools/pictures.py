"""Pictures from files: every kind that cameras and scanners write becomes 8-bit RGB, or one clear error.

Nothing of a file is trusted: its size is read from the header before anything is decoded, and whatever a
decoder raises on damaged bytes becomes a PictureError.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ..schema import PictureError

MAX_PIXELS = 100_000_000
"""Larger pictures are refused before they are decoded."""

MAX_BYTES = 2**30
"""Larger files are refused before they are read."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
"""What `list_pictures` takes out of a folder."""

_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
_READABLE = "PNG, JPEG, BMP, TIFF and WebP are read"

_ORIENTATION_TAG = 0x0112
_BITS_TAG = 258
_PNG_TELLS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
"""Chunks of a PNG that may hold its orientation."""
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what turns the picture upright."""
_LYING = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture, upright, and what was done to it on the way."""

    path: Path
    sha256: str
    """Of the file's bytes."""
    pixels: NDArray[np.uint8] = field(repr=False)
    """(H, W, 3) RGB."""
    notes: tuple[str, ...] = ()
    """One line for each change that a person should know of, such as 16 bits reduced to 8."""


def read_picture(path: Path) -> Picture:
    """Read one picture file.

    EXIF orientation is applied. Of a file with several frames the first is taken. 16-bit values are scaled
    so that 65535 is white, or 4095 where no value is larger (12-bit cameras). Float values must lie in 0..1
    or in 0..255. Transparent pixels are shown on black. CMYK is converted without its colour profile.

    Raises:
        PictureError: There is no such file, or it is empty, too large, damaged, or no picture.
    """
    return decode_picture(_read_bytes(path), path)


def decode_picture(data: bytes, path: Path) -> Picture:
    """The same from the bytes of a picture file, which came from `path`; nothing is opened.

    Raises:
        PictureError: They are too many pixels, damaged, or no picture.
    """
    name = shown(path)
    with _decoding(name):
        image = _open(io.BytesIO(data), name)
        orientation = image.getexif().get(_ORIENTATION_TAG)
        image.load()
        rgb, notes = _as_rgb(image, data, name)
        if orientation in _UPRIGHT:
            rgb = rgb.transpose(_UPRIGHT[orientation])
            notes.append(f"turned upright by its EXIF orientation {orientation}")
        if _has_more_frames(image):
            notes.append("holds several frames; the first one was taken")
        return Picture(path, hashlib.sha256(data).hexdigest(), np.array(rgb), tuple(notes))


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) of the upright picture, without decoding it where its format allows.

    Raises:
        PictureError: As `read_picture`, but for damage that only decoding shows.
    """
    with _reading(path) as file, _decoding(shown(path)):
        image = _open(file, shown(path))
        lying = _may_lie(image, file) and image.getexif().get(_ORIENTATION_TAG) in _LYING
        return (image.height, image.width) if lying else (image.width, image.height)


def read_indices(data: bytes, name: str) -> tuple[NDArray[np.int32], str]:
    """The bare values, (H, W), of an encoded palette, grey or black-and-white picture, and its Pillow mode.

    `name` stands for the picture in errors.

    Raises:
        PictureError: It is damaged, too large, or has several channels.
    """
    with _decoding(name):
        image = _open(io.BytesIO(data), name)
        if image.mode not in ("1", "L", "P", "I", "I;16", "I;16B"):
            raise PictureError(f"{name}: expected one channel (palette or grey), got {image.mode}")
        values = np.array(image, dtype=np.int32)
        if values.min() < 0 or values.max() > 65535:
            raise PictureError(f"{name}: expected values in 0..65535, got {values.min()} to {values.max()}")
        return values, image.mode


def list_pictures(paths: Sequence[Path]) -> list[Path]:
    """The pictures that files and folders name, each once: files as given, folders with all folders below.

    Files in a folder come in natural order (pin-2 before pin-10); hidden ones are left out, and those
    without a suffix of `SUFFIXES`. A file that is given by name may have any suffix.

    Raises:
        PictureError: A path does not exist, or a folder holds no picture or cannot be read.
    """
    found: dict[str, Path] = {}
    for path in paths:
        is_folder = stat.S_ISDIR(_status(path).st_mode)
        for picture in _pictures_in(path) if is_folder else [path]:
            found.setdefault(os.path.realpath(picture), picture)
    return list(found.values())


def files_below(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Files in a folder and below it that have one of these suffixes, in natural order, without hidden ones.

    Raises:
        OSError: The folder, or one below, cannot be read.
    """
    found: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files = [Path(parent, name) for name in names if not name.startswith(".")]
        found += [path for path in files if path.suffix.lower() in suffixes and path.is_file()]
    return sorted(found, key=_natural)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal; empty when the file cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def shown(text: object) -> str:
    """A path, or what a library says of a file, as one printable line, whatever its characters."""
    return "".join(character if character.isprintable() else "?" for character in str(text))


def _pictures_in(folder: Path) -> list[Path]:
    try:
        found = files_below(folder, SUFFIXES)
    except OSError as error:
        raise _unreadable(folder, error) from None
    if not found:
        raise PictureError(f"{shown(folder)}: no picture in this folder; looked for {', '.join(SUFFIXES)}")
    return found


def _raise(error: OSError) -> None:
    raise error


def _natural(path: Path) -> tuple[list[list[str | int]], str]:
    # Splitting at digits gives text at even and numbers at odd places, so that like meets like.
    pieces = [re.split(r"(\d+)", part.lower()) for part in path.parts]
    return [[int(s) if i % 2 else s for i, s in enumerate(part)] for part in pieces], str(path)


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except FileNotFoundError:
        raise PictureError(f"{shown(path)}: no such file or folder; check the path") from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    status, name = _status(path), shown(path)
    if stat.S_ISDIR(status.st_mode):
        raise PictureError(f"{name}: is a folder; give a picture file")
    if not stat.S_ISREG(status.st_mode):  # a pipe or a device would block, or never end
        raise PictureError(f"{name}: is no regular file; give a picture file")
    if status.st_size == 0:
        raise PictureError(f"{name}: the file is empty; copy it again")
    if status.st_size > MAX_BYTES:
        size, limit = status.st_size / 2**20, MAX_BYTES / 2**20
        raise PictureError(f"{name}: {size:.0f} MiB are more than {limit:.0f}; scale it down or crop it")
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> PictureError:
    reason = error.strerror if isinstance(error, OSError) else error
    return PictureError(f"{shown(path)}: cannot be read ({reason}); check its path and permissions")


def _read_bytes(path: Path) -> bytes:
    with _reading(path) as file:
        return file.read()


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Whatever goes wrong in a decoder is a PictureError; its warnings are nothing a person can act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except PictureError:
            raise
        except Image.DecompressionBombError as error:
            # Pillow refuses the largest pictures itself, and says how many pixels they have.
            pixels = re.search(r"\d+", str(error))
            raise _too_large(name, int(pixels.group()) if pixels else 2 * MAX_PIXELS) from None
        except UnidentifiedImageError:
            raise PictureError(f"{name}: not a picture, or damaged; {_READABLE}") from None
        except Exception as error:  # decoders raise nearly anything on damaged bytes
            reason = shown(error) or type(error).__name__
            raise PictureError(f"{name}: damaged or cut off ({reason:.100}); copy it again") from error


def _open(file: BinaryIO, name: str) -> Image.Image:
    """The picture with its header read and nothing decoded."""
    image = Image.open(file, formats=_FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(name, image.width * image.height)
    return image


def _may_lie(image: Image.Image, file: BinaryIO) -> bool:
    """Whether to ask how it lies; of a PNG, Pillow decodes all pixels to see what stands behind them."""
    if image.format != "PNG":
        return True
    place = file.tell()
    file.seek(8)
    tells = False
    while not tells and len(head := file.read(8)) == 8:
        tells = head[4:] in _PNG_TELLS
        file.seek(int.from_bytes(head[:4]) + 4, os.SEEK_CUR)
    file.seek(place)
    return tells


def _too_large(name: str, pixels: int) -> PictureError:
    size, limit = pixels / 1e6, MAX_PIXELS / 1e6
    return PictureError(f"{name}: {size:g} megapixels are more than {limit:g}; scale it down or crop it")


def _has_more_frames(image: Image.Image) -> bool:
    if image.format == "MPO":  # phones keep a preview beside the picture
        return False
    if image.format != "TIFF":
        return bool(getattr(image, "n_frames", 1) > 1)
    try:
        image.seek(1)  # counting the frames would walk through all of them
    except EOFError:
        return False
    return True


def _as_rgb(image: Image.Image, data: bytes, name: str) -> tuple[Image.Image, list[str]]:
    """A loaded picture in 8-bit RGB, and notes on what that cost."""
    notes: list[str] = []
    if image.mode in ("F", "I") or image.mode.startswith("I;16"):
        values, note = _scaled(np.asarray(image), name)
        image = Image.fromarray(values)
        notes.append(note)
    elif _bits(image, data) > 8:
        values, note = _deep_colour(image, data, name)
        image = Image.fromarray(values)
        notes.append(note)
    elif image.mode == "CMYK":
        notes.append("converted from CMYK without its colour profile")
    if not image.has_transparency_data:
        return image.convert("RGB"), notes
    image = image.convert("RGBA")
    alpha = image.getchannel("A")
    if alpha.getextrema() != (255, 255):
        notes.append("transparent pixels shown on black")
    on_black = Image.new("RGB", image.size)
    on_black.paste(image, mask=alpha)
    return on_black, notes


def _bits(image: Image.Image, data: bytes) -> int:
    """Bits of a channel in the file; Pillow opens 16-bit colour as 8-bit."""
    if image.format == "PNG":
        return data[24]
    if image.format == "TIFF":
        return int(np.max(image.getexif().get(_BITS_TAG, 8)))
    return 8


def _deep_colour(image: Image.Image, data: bytes, name: str) -> tuple[NDArray[np.uint8], str]:
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.shape[:2] != (image.height, image.width):
        raise PictureError(f"{name}: 16-bit colour of a kind that is not read; save it with 8 bits a channel")
    if values.ndim == 2:
        return _scaled(values, name)
    colour, note = _scaled(values[..., 2::-1], name)
    if values.shape[2] == 4:
        # Alpha keeps its full range also where the colours are 12-bit.
        return np.dstack([colour, (values[..., 3] // 257).astype(np.uint8)]), note
    return colour, note


def _scaled(values: NDArray[Any], name: str) -> tuple[NDArray[np.uint8], str]:
    """Grey or colour values of more than 8 bits as 8-bit ones, and a note that says how."""
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f":
        if not 0 <= low <= high <= 255:
            raise PictureError(f"{name}: float values from {low:g} to {high:g}; scale them to 0..1 or 0..255")
        top = 1 if high <= 1 else 255
        note = f"float values scaled so that {top} is white"
        return np.rint(values * np.float32(255 / top)).astype(np.uint8), note
    if low < 0 or high > 65535:
        raise PictureError(f"{name}: values from {low:.0f} to {high:.0f}; scale them to 0..65535")
    top = 4095 if high < 4096 else 65535
    table = np.rint(np.minimum(np.arange(65536) / top, 1) * 255).astype(np.uint8)
    return table[values.astype(np.uint16)], f"16 bits reduced to 8 so that {top} is white"
