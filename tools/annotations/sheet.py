"""What all annotation formats come down to: strokes on a picture, and the parts that they make."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...scene import Shape
from ...schema import AnnotationError
from ..pictures import shown
from . import raster
from .fields import Fact, Notes
from .raster import Patch, Points, Size

BACKGROUND = frozenset({"__background__", "_background_"})
"""Labels that take pixels away: what lies under such a stroke is the picture behind the parts."""

IGNORE = "__ignore__"
"""The label of pixels that nobody decided on."""

MAX_PARTS = 10_000
"""Strokes on one picture."""

MAX_WORK = 1_000_000_000
"""Pixels that all strokes on one picture may span together."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """The annotated parts of one picture."""

    picture: str
    """What the annotation calls the picture."""
    size: Size
    """Width and height of the picture."""
    parts: tuple[Shape, ...]
    ignored: tuple[str, ...]
    """One line for each thing that was not understood or not used, with file and field."""


@dataclass(frozen=True)
class Sheet:
    """One picture's annotation as it was found in a file, before it is drawn."""

    file: Path
    names: tuple[str, ...]
    """What the picture may be called, the likeliest first: names, stems or paths, of any system."""
    size: tuple[int | None, int | None]
    """Width and height that the file states."""
    draw: Callable[[Canvas], None] | None
    """None where the file names the picture, and annotates no part of it."""
    facts: tuple[Fact, ...] = ()
    """What else the file says of the picture and of its parts; nothing of it is checked."""


@dataclass(frozen=True)
class _Stroke:
    field: str
    label: str
    patch: Patch
    group: Hashable


class Canvas:
    """Takes the strokes on one picture, the lowest first, and makes parts of them."""

    def __init__(self, file: Path, size: Size) -> None:
        self.size = size
        self.notes = Notes(file)
        self._file = shown(file)
        self._strokes: list[_Stroke] = []
        self._count = 0
        self._work = 0.0

    def polygons(self, field: str, label: str, polygons: Sequence[Points], group: Hashable = None) -> None:
        """Draw one stroke that is the union of some polygons of at least three corners.

        Strokes of one label and one group, other than None, are one part.
        """
        self._spend(sum(raster.cost(points, self.size) for points in polygons))
        filled = [patch for points in polygons if (patch := raster.fill(points, self.size))]
        self._add(field, label, filled, group)

    def patch(self, field: str, label: str, patch: Patch, group: Hashable = None) -> None:
        """Draw one stroke that is a mask; it may reach out of the picture."""
        self._spend(patch.mask.size)
        inside = raster.clipped(patch, self.size)
        self._add(field, label, [inside] if inside else [], group)

    def parts(self) -> tuple[Shape, ...]:
        """What was drawn: one part for each stroke or group of strokes, in the order that they began."""
        groups: dict[Hashable, list[_Stroke]] = {}
        for index, stroke in enumerate(self._strokes):
            key = index if stroke.group is None else (stroke.label, stroke.group)
            groups.setdefault(key, []).append(stroke)
        return tuple(shape for strokes in groups.values() if (shape := self._shape(strokes)))

    def _shape(self, strokes: Sequence[_Stroke]) -> Shape | None:
        whole = self._union([stroke.patch for stroke in strokes])
        if not whole.mask.any():
            self.notes.add(strokes[0].field, "nothing of it is left under the background drawn over it")
            return None
        return Shape(strokes[0].label, whole.mask, (whole.x, whole.y))

    def _add(self, field: str, label: str, patches: Sequence[Patch], group: Hashable) -> None:
        self._count += 1
        if self._count > MAX_PARTS:
            raise AnnotationError(f"{self._file}: {field}: more than {MAX_PARTS} shapes on one picture")
        if not patches:
            self.notes.add(field, "holds no pixel of the picture ({}x{})".format(*self.size))
        elif label == IGNORE:
            self.notes.add(field, f"{IGNORE} is read as background")
        elif label in BACKGROUND:
            self._spend(raster.erase(self._union(patches), [stroke.patch for stroke in self._strokes]))
        else:
            self._strokes.append(_Stroke(field, label, self._union(patches), group))

    def _union(self, patches: Sequence[Patch]) -> Patch:
        if len(patches) == 1:
            return patches[0]
        _, _, width, height = raster.box_around(patches)
        self._spend(width * height)
        return raster.union(patches)

    def _spend(self, pixels: float) -> None:
        """Bound the time and the memory that a file can take."""
        self._work += pixels
        if self._work > MAX_WORK:
            raise AnnotationError(
                f"{self._file}: its shapes span more than {MAX_WORK} pixels together; split the file"
            )
