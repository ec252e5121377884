"""What was seen in a picture: a Scene of labelled Parts, and the questions that a rule may ask of them.

Lengths are in pixels of the picture, angles in degrees, shares in 0..1. (x, y) has its origin at the top
left of the picture, y down; a pixel is a square, so a part that fills columns 2, 3 and 4 has x0 = 2, x1 = 5,
width 3 and center x 3.5. Shapes and Scenes never change: an edit makes a new one, answers are kept.
"""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from . import geometry
from .color import Lab, color_name
from .geometry import REGIONS, Mask, Pixels, Point, Polygon, Rectangle, Span
from .schema import Box, SceneError

GRID_MOST = 50
"""At most so many rows, and so many columns, in a grid."""

SHOWN_MOST, LISTED_MOST = 40, 20
"""A message shows at most so many characters of what a rule gave, and so many of the names it could give."""


@dataclass(frozen=True, eq=False)
class Shape:
    """A set of pixels somewhere in a picture.

    A mask is cropped to its True pixels on the way in, and read-only from then on.

    Raises:
        SceneError: The mask is not a two-dimensional boolean array, or holds no True pixel.
    """

    label: str
    """What a person calls it."""
    mask: Mask = field(repr=False)
    """(h, w); as high and wide as `box`."""
    origin: tuple[int, int]
    """(x, y) of `mask[0, 0]` in the picture."""

    def __post_init__(self) -> None:
        if self.mask.ndim != 2 or self.mask.dtype != np.bool_ or not self.mask.any():
            raise SceneError(
                f"the mask of a {self.label!r} must be a 2-D boolean array with a True pixel in it"
            )
        mask, (x, y) = geometry.cropped(self.mask)
        # A copy when smaller, so that a few pixels do not keep a whole picture alive.
        mask = mask.view() if mask.shape == self.mask.shape else mask.copy()
        mask.flags.writeable = False
        object.__setattr__(self, "mask", mask)
        object.__setattr__(self, "origin", (self.origin[0] + x, self.origin[1] + y))

    @cached_property
    def area(self) -> float:
        """Number of pixels."""
        return float(np.count_nonzero(self.mask))

    @cached_property
    def center(self) -> Point:
        """Centroid of the pixels."""
        return self._placed(geometry.centroid(self.mask))

    @cached_property
    def box(self) -> Box:
        """Axis-aligned box (x0, y0, x1, y1); x1 and y1 are the far edges of the last pixels."""
        (x, y), (h, w) = self.origin, self.mask.shape
        return float(x), float(y), float(x + w), float(y + h)

    @cached_property
    def width(self) -> float:
        """Of the axis-aligned box."""
        return float(self.mask.shape[1])

    @cached_property
    def height(self) -> float:
        """Of the axis-aligned box."""
        return float(self.mask.shape[0])

    @cached_property
    def length(self) -> float:
        """Longer side of the smallest rectangle, of any angle, that holds every pixel."""
        rectangle = geometry.smallest_rectangle(self.mask)
        return max(rectangle.width, rectangle.height)

    @cached_property
    def thickness(self) -> float:
        """Diameter of the largest circle that fits inside; the shorter side of a rectangle."""
        return geometry.thickness(self.mask)

    @cached_property
    def angle(self) -> float:
        """Of the long axis, in (-90, 90], counter-clockwise: 0 flat, 90 upright; 0 for round things."""
        return geometry.angle(self.mask)

    @cached_property
    def ends(self) -> tuple[Point, Point]:
        """Middle points of both ends of the long axis: left one first; top one first when steeper than 45."""
        one, other = geometry.ends(self.mask, self.angle)
        return self._placed(one), self._placed(other)

    @cached_property
    def outline(self) -> list[Polygon]:
        """Outer contours as closed polygons, for drawing."""
        return [[self._placed(point) for point in polygon] for polygon in geometry.outlines(self.mask)]

    def inside(self, other: Shape, share: float = 0.9) -> bool:
        """Whether at least `share` of my area lies within the outline of `other`, of which holes are part."""
        return self._common(other, other._filled) / self.area >= share

    def overlap(self, other: Shape) -> float:
        """Share of my area that lies on pixels of `other`, 0 to 1; holes of `other` do not count."""
        return self._common(other, other.mask) / self.area

    def distance(self, other: Shape) -> float:
        """Shortest gap between the two, in px; 0 when they touch, at an edge or a corner, or overlap."""
        if self._common(other, other.mask):
            return 0.0
        return geometry.gap(self._border, other._border)

    def left_of(self, other: Shape) -> bool:
        """Whether my center lies to the left of the box of `other`."""
        return self.center[0] < other.box[0]

    def right_of(self, other: Shape) -> bool:
        """Whether my center lies to the right of the box of `other`."""
        return self.center[0] > other.box[2]

    def above(self, other: Shape) -> bool:
        """Whether my center lies above the box of `other`."""
        return self.center[1] < other.box[1]

    def below(self, other: Shape) -> bool:
        """Whether my center lies below the box of `other`."""
        return self.center[1] > other.box[3]

    def touches(self, other: Shape, gap: float = 3.0) -> bool:
        """Whether at most `gap` px lie between the two."""
        return self.distance(other) <= gap

    def mirrors(self, other: Shape, share: float = 0.7) -> bool:
        """Whether I look like `other` in a mirror, left and right swapped.

        My mirrored mask is moved, by whole pixels, onto the center of `other`; their intersection must then
        be at least `share` of their union. Size counts, place does not.
        """
        mirrored = Shape(self.label, self.mask[:, ::-1], (0, 0))
        (x, y), (to_x, to_y) = mirrored.center, other.center
        moved = replace(mirrored, origin=(math.floor(to_x - x + 0.5), math.floor(to_y - y + 0.5)))
        common = moved._common(other, other.mask)
        return common / (self.area + other.area - common) >= share

    @cached_property
    def _filled(self) -> Mask:
        return geometry.filled(self.mask)

    @cached_property
    def _border(self) -> Pixels:
        pixels = geometry.border(self.mask)
        pixels += self.origin
        return pixels

    @cached_property
    def _frame(self) -> Rectangle:
        frame = geometry.frame(self.mask)
        return frame._replace(origin=self._placed(frame.origin))

    def _placed(self, point: Point) -> Point:
        return point[0] + self.origin[0], point[1] + self.origin[1]

    def _common(self, other: Shape, mask: Mask) -> int:
        """Number of my pixels that are True in `mask`, which lies where `other` lies."""
        return geometry.common(self.mask, self.origin, mask, other.origin)


@dataclass(frozen=True, eq=False)
class Part(Shape):
    """One labelled region of a picture.

    Raises:
        SceneError: As for any Shape, or the confidence is not in 0..1.
    """

    lab: Lab
    """Median CIE L*a*b* (D65) of its pixels, L* in 0..100."""
    confidence: float = 1.0
    """How sure it is that the part is what the label says, 0..1."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.confidence <= 1:
            raise SceneError(f"the confidence of a {self.label!r} must be from 0 to 1, not {self.confidence}")

    @cached_property
    def color(self) -> str:
        """Name of its colour, one of those in `COLOR_LAB`."""
        return color_name(self.lab)

    def moved(self, dx: int, dy: int) -> Part:
        """The same part, `dx` px further right and `dy` px further down."""
        return replace(self, origin=(self.origin[0] + dx, self.origin[1] + dy))

    def resized(self, factor: float) -> Part:
        """The same part `factor` times as wide and high about its center, to the nearest whole pixel.

        Raises:
            SceneError: `factor` is not above 0, or makes the part wider or higher than `geometry.LARGEST`.
        """
        mask = geometry.resized(self.mask, factor)
        (x, y), (cx, cy) = self.origin, self.center
        return replace(self, mask=mask, origin=(round(cx + factor * (x - cx)), round(cy + factor * (y - cy))))

    def turned(self, degrees: float) -> Part:
        """The same part turned counter-clockwise about its center, to the nearest whole pixel."""
        mask, (x, y) = geometry.turned(self.mask, degrees)
        return replace(self, mask=mask, origin=(self.origin[0] + x, self.origin[1] + y))

    def recoloured(self, lab: Lab) -> Part:
        """The same part in another colour."""
        return replace(self, lab=lab)


@dataclass(frozen=True, eq=False)
class Region(Shape):
    """A place in the picture, such as its left half or a cell of a grid, and the parts that belong to it."""

    row: int | None = None
    """From 1, top first, for the cells of a grid."""
    column: int | None = None
    """From 1, left first, for the cells of a grid."""
    _held: Callable[[Region, str], list[Part]] = field(kw_only=True, repr=False)
    _outer: Shape | None = field(kw_only=True, repr=False, default=None)

    def parts(self, label: str) -> list[Part]:
        """The parts of that label that belong to this region, in reading order.

        To a cell of a grid belong the parts of which it holds more pixels than any other cell does, the first
        cell on a tie. To any other region belong the parts of which it holds more than half. The part that
        the region was taken `within` does not belong to it.

        Raises:
            SceneError: The product does not know the label.
        """
        return [part for part in self._held(self, label) if part is not self._outer]


@dataclass(frozen=True, eq=False)
class Scene:
    """All Parts of one picture.

    Raises:
        SceneError: The size is not positive, or a part has a label that is not listed or leaves the picture.
    """

    size: tuple[int, int]
    """(width, height) of the picture."""
    labels: tuple[str, ...]
    """Every label the product knows, also those of which this picture shows none."""
    all_parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        width, height = self.size
        if width < 1 or height < 1:
            raise SceneError(f"a picture cannot have the size {width} x {height}")
        for part in self.all_parts:
            self._known(part.label)
            x0, y0, x1, y1 = part.box
            if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
                raise SceneError(f"a {part.label!r} at {part.box} leaves the picture of {width} x {height}")

    def parts(self, label: str) -> list[Part]:
        """The parts of that label in reading order: by center, from top to bottom, then from left to right.

        Raises:
            SceneError: The product does not know the label; the message lists those it knows, nearest first.
        """
        self._known(label)
        return list(self._by_label.get(label, ()))

    def part(self, label: str) -> Part:
        """The one part of that label.

        Raises:
            SceneError: There is none, or more than one, or the product does not know the label.
        """
        parts = self.parts(label)
        if len(parts) != 1:
            raise SceneError(f"expected exactly one {label!r}, saw {len(parts)}")
        return parts[0]

    def region(self, name: str, within: str | Shape | None = None) -> Region:
        """A region of the picture, or of `within`, by its name in `geometry.REGIONS`.

        `within` is a Part, a Region, or the label of the one part of it; it is cut along the same sides as in
        `grid`.

        Raises:
            SceneError: There is no region of that name, no such `within`, or no pixel in the region.
        """
        if name not in REGIONS:
            raise SceneError(
                f"no region is called {_shown(name)}; there are: {_nearest_first(name, REGIONS)}"
            )
        outer = None if within is None else self._shape(within)

        def held(region: Region, label: str) -> list[Part]:
            return [part for part in self.parts(label) if part.overlap(region) > 0.5]

        return self._cut(outer, *REGIONS[name], label=name, _held=held)

    def grid(self, rows: int, columns: int, within: str | Shape | None = None) -> list[Region]:
        """Equal cells of the picture, or of `within`, row by row from the top left.

        `within` is a Part, a Region, or the label of the one part of it. Where it is clearly a tilted
        rectangle (see `geometry.frame`) the cells are tilted with it, by at most 45 degrees, so that rows
        keep going down; else its axis-aligned box is cut. A pixel belongs to the cell its center lies in.

        Raises:
            SceneError: `rows` or `columns` is not a whole number from 1 to `GRID_MOST`, there is no such
                `within`, or a cell holds no pixel.
        """
        for name, count in (("rows", rows), ("columns", columns)):
            if not isinstance(count, int) or not 1 <= count <= GRID_MOST:
                raise SceneError(
                    f"{name} of a grid must be a whole number from 1 to {GRID_MOST}, not {_shown(count)}"
                )
        outer = None if within is None else self._shape(within)
        cells: list[Region] = []

        @cache
        def owner(part: Part) -> Region | None:
            shares = [part.overlap(cell) for cell in cells]
            return cells[shares.index(max(shares))] if any(shares) else None

        def held(region: Region, label: str) -> list[Part]:
            return [part for part in self.parts(label) if owner(part) is region]

        for row, column in itertools.product(range(rows), range(columns)):
            spans = (column, column + 1, columns), (row, row + 1, rows)
            label = f"row {row + 1} column {column + 1}"
            cells.append(self._cut(outer, *spans, label=label, _held=held, row=row + 1, column=column + 1))
        return cells

    def fill_level(self, part: str | Shape, within: str | Shape) -> float:
        """Share of the area of `within`, its holes filled, that the pixels of `part` cover, 0 to 1.

        Raises:
            SceneError: A label is given that does not have exactly one part.

        Example:
            >>> full = Part("juice", np.ones((3, 10), dtype=bool), (0, 7), lab=(60, 20, 60))
            >>> bottle = Part("bottle", np.ones((10, 10), dtype=bool), (0, 0), lab=(90, 0, 0))
            >>> Scene((10, 10), ("juice", "bottle"), (full, bottle)).fill_level("juice", within="bottle")
            0.3
        """
        liquid, vessel = self._shape(part), self._shape(within)
        return liquid._common(vessel, vessel._filled) / int(np.count_nonzero(vessel._filled))

    def connected(self, a: str | Shape, b: str | Shape, via: str | Shape, gap: float = 3.0) -> bool:
        """Whether `via` touches both `a` and `b`, with gaps of at most `gap` px.

        Raises:
            SceneError: A label is given that does not have exactly one part.
        """
        link = self._shape(via)
        return link.touches(self._shape(a), gap) and link.touches(self._shape(b), gap)

    def without(self, part: Part) -> Scene:
        """The same Scene, but for that part.

        Raises:
            SceneError: The part is not one of this Scene.
        """
        self._place(part)
        return replace(self, all_parts=tuple(one for one in self.all_parts if one is not part))

    def with_part(self, part: Part) -> Scene:
        """The same Scene and one part more, cut off at the border of the picture.

        Raises:
            SceneError: The part lies outside the picture, or the product does not know its label.
        """
        return replace(self, all_parts=(*self.all_parts, self._clipped(part)))

    def replaced(self, old: Part, new: Part) -> Scene:
        """The same Scene with `new`, cut off at the border of the picture, in the place of `old`.

        Raises:
            SceneError: `old` is not a part of this Scene; for `new` as in `with_part`.
        """
        place = self._place(old)
        parts = (*self.all_parts[:place], self._clipped(new), *self.all_parts[place + 1 :])
        return replace(self, all_parts=parts)

    @cached_property
    def _by_label(self) -> dict[str, list[Part]]:
        parts: dict[str, list[Part]] = {}
        for part in sorted(self.all_parts, key=lambda part: part.center[::-1]):
            parts.setdefault(part.label, []).append(part)
        return parts

    def _known(self, label: str) -> None:
        if label not in self.labels:
            known = _nearest_first(label, self.labels) or "none yet"
            raise SceneError(f"the product has no part label {_shown(label)}; its labels are: {known}")

    def _place(self, part: Part) -> int:
        for place, one in enumerate(self.all_parts):
            if one is part:
                return place
        raise SceneError(f"this {part.label!r} is not a part of the Scene")

    def _shape(self, shape: str | Shape) -> Shape:
        return self.part(shape) if isinstance(shape, str) else shape

    def _cut(self, outer: Shape | None, columns: Span, rows: Span, **fields: Any) -> Region:
        """A region with these fields: a slice of `outer`, or of the picture."""
        width, height = map(float, self.size)
        frame, bounds = Rectangle((0.0, 0.0), width, height, 0.0), (0.0, 0.0, width, height)
        if outer is not None:
            x0, y0, x1, y1 = outer.box
            frame, bounds = outer._frame, (max(0.0, x0), max(0.0, y0), min(width, x1), min(height, y1))
        mask, place = geometry.cell(frame, columns, rows, bounds)
        if not mask.size:
            where = repr(outer.label) if outer else "the picture"
            raise SceneError(f"{fields['label']} of {where} holds no pixel: it is too small, or out of view")
        own = outer._outer if isinstance(outer, Region) else outer
        return Region(mask=mask, origin=place, _outer=own, **fields)

    def _clipped(self, part: Part) -> Part:
        x, y = part.origin
        width, height = self.size
        seen = part.mask[max(0, -y) : max(0, height - y), max(0, -x) : max(0, width - x)]
        if seen.shape == part.mask.shape:
            return part
        if not seen.any():
            raise SceneError(
                f"this {part.label!r} at {part.box} lies outside the picture of {width} x {height}"
            )
        return replace(part, mask=seen, origin=(max(0, x), max(0, y)))


def _nearest_first(given: object, known: Iterable[str]) -> str:
    """The known names, those most like what was given first."""
    text = str(given)[:SHOWN_MOST]
    names = sorted(known, key=lambda name: -difflib.SequenceMatcher(None, text, name).ratio())
    return ", ".join([repr(name) for name in names[:LISTED_MOST]] + ["..."] * (len(names) > LISTED_MOST))


def _shown(given: object) -> str:
    """What a rule gave, short enough for a message."""
    text = repr(given)
    return text if len(text) <= SHOWN_MOST else text[:SHOWN_MOST] + "..."
