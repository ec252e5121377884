"""One door for every kind of sample: what it is, and what it looks like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from ...schema import PictureError
from ..pictures import SUFFIXES as PICTURES
from ..pictures import shown
from .cloud_views import READERS, draw_cloud, read_cloud
from .organised import is_organised
from .series_views import draw_series
from .sheets import tile_pictures
from .video import SUFFIXES as VIDEOS
from .video import draw_video
from .view import Kind, View, ViewSettings

_SERIES: Final = (".csv", ".npy")
_TIFF: Final = (".tif", ".tiff")


def kind_of(path: Path) -> Kind:
    """What kind of sample a file or a folder is, by its suffix; of a TIFF file also by its header.

    A folder is a set of pictures.

    Raises:
        PictureError: It is of no kind that is read, or does not exist.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        return Kind.pictures
    if suffix in _TIFF:
        return Kind.cloud if is_organised(path) else Kind.pictures
    kinds = {Kind.cloud: READERS, Kind.series: _SERIES, Kind.video: VIDEOS, Kind.pictures: PICTURES}
    for kind, suffixes in kinds.items():
        if suffix in suffixes:
            return kind
    known = sorted({*READERS, *_SERIES, *VIDEOS, *PICTURES})
    raise PictureError(f"{shown(path)}: is of no kind that is read; a folder, or {', '.join(known)}")


def read_views(path: Path, settings: ViewSettings | None = None, kind: Kind | None = None) -> list[View]:
    """Pictures of a sample for a person, or a model, that looks at pictures.

    `kind` says what the sample is; without it, `kind_of` does. A folder of frames is a video only when
    told so.

    Raises:
        PictureError: It cannot be read, in one line.
    """
    draw: dict[Kind, Callable[[Path, ViewSettings], list[View]]] = {
        Kind.cloud: lambda sample, how: list(draw_cloud(read_cloud(sample), how)),
        Kind.series: draw_series,
        Kind.video: draw_video,
        Kind.pictures: lambda sample, how: tile_pictures([sample], how),
    }
    return draw[kind or kind_of(path)](path, settings or ViewSettings())
