"""What detectors look at: pictures of one thing, decoded and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, overload

import numpy as np
from numpy.typing import NDArray

from ..schema import DetectorError, PictureError
from .pictures import read_picture, shown

Pixels = NDArray[np.uint8]

PICTURE: Final = "picture"
"""What the one picture is called of a Sample that has one."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One thing to look at: its pictures by the name of the light or view; mostly one, named `picture`."""

    pictures: Mapping[str, Pixels] = field(repr=False)
    """Each (height, width, 3) RGB."""
    name: str = ""
    """A path or a file name, for messages."""
    product: str = "object"
    """What it shows, in words."""

    @property
    def pixels(self) -> Pixels:
        """The one picture, (height, width, 3) RGB.

        Raises:
            DetectorError: There are several.
        """
        if len(self.pictures) != 1:
            raise DetectorError(
                f"{shown(self.name)}: holds {len(self.pictures)} pictures ({', '.join(self.pictures)}), but "
                "this detector looks at one; choose one of them, or a detector that reads several"
            )
        return next(iter(self.pictures.values()))


def sample_of(pixels: NDArray[Any], name: str = "", product: str = "object") -> Sample:
    """A Sample of one picture, (height, width, 3) uint8 RGB.

    Raises:
        PictureError: It is not of this kind.
    """
    called = shown(name or "picture")
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        wrong = np.count_nonzero(~np.isfinite(pixels))
        raise PictureError(f"{called}: {wrong} values are not finite; give whole numbers in 0..255")
    if pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size or pixels.dtype != np.uint8:
        raise PictureError(
            f"{called}: expected (height, width, 3) of uint8, got {pixels.shape} of {pixels.dtype}; "
            "read it with `read_sample`, or convert it to 8-bit RGB"
        )
    return Sample({PICTURE: pixels}, name, product)


def read_sample(path: Path, product: str = "object") -> Sample:
    """A Sample of one picture file.

    Raises:
        PictureError: The file cannot be read, see `read_picture`.
    """
    return sample_of(read_picture(path).pixels, str(path), product)


class LazySamples(Sequence[Sample]):
    """Samples of picture files, each read when it is asked for."""

    def __init__(
        self, paths: Sequence[Path], product: str = "object", on_read: Callable[[Path], None] = lambda _: None
    ) -> None:
        """`on_read` is told of each picture that was read."""
        self._paths = paths
        self._product = product
        self._on_read = on_read

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, place: int) -> Sample: ...

    @overload
    def __getitem__(self, place: slice) -> LazySamples: ...

    def __getitem__(self, place: int | slice) -> Sample | LazySamples:
        """Raises PictureError where a file cannot be read."""
        if isinstance(place, slice):
            return LazySamples(self._paths[place], self._product, self._on_read)
        sample = read_sample(self._paths[place], self._product)
        self._on_read(self._paths[place])
        return sample
