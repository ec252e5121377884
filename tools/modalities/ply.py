"""PLY files (Turk, Stanford 1994): points in text or binary, with faces and colours where they have any."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ...schema import PictureError
from ..pictures import shown
from .cloud import MAX_POINTS, Cloud, Numbers, as_bytes, cloud_of
from .files import file_size, reading
from .mesh import points_on

MAX_BYTES: Final = 2**30
MAX_FACES: Final = 5_000_000
_HEADER: Final = 65536
_CORNERS: Final = 64
"""Faces with more corners are refused."""

_TYPES: Final = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS: Final = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_COLOURS: Final = ("red", "green", "blue")
_FACES: Final = ("vertex_indices", "vertex_index")


@dataclass(frozen=True)
class _Property:
    name: str
    kind: str
    """As numpy writes it."""
    length: str = ""
    """Of a list: what kind of number its length is."""


@dataclass(frozen=True)
class _Element:
    name: str
    count: int
    properties: list[_Property] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.properties]

    @property
    def is_fixed(self) -> bool:
        """Whether every record has the same size."""
        return not any(one.length for one in self.properties)

    def record(self, order: str, lengths: dict[str, int] | None = None) -> np.dtype[Any]:
        """One record in binary, where lists have the given lengths."""
        fields: list[tuple[Any, ...]] = []
        for one in self.properties:
            if one.length:
                fields.append((f"length of {one.name}", order + one.length))
                fields.append((one.name, order + one.kind, ((lengths or {}).get(one.name, 0),)))
            else:
                fields.append((one.name, order + one.kind))
        return np.dtype(fields)


def read_ply(path: Path) -> Cloud:
    """The points of a PLY file; where it has faces, points spread evenly over them.

    Raises:
        PictureError: It is damaged, too large, or of a kind that is not read.
    """
    size = file_size(path, MAX_BYTES)
    name = shown(path)
    with reading(path), path.open("rb") as file:
        order, elements = _header(file, name)
        vertices = next((one for one in elements if one.name == "vertex"), None)
        if vertices is None or not {"x", "y", "z"} <= set(vertices.names) or not vertices.is_fixed:
            raise PictureError(f"{name}: has no vertices with x, y and z; export it as a point cloud")
        _check_counts(name, elements, order, size - file.tell())
        columns = [one for one in vertices.names if one in ("x", "y", "z", *_COLOURS)]
        table, faces = _body(file, name, order, elements, columns)
    points = np.stack([table[axis].astype(np.float64) for axis in "xyz"], axis=1)
    colours = None
    if set(_COLOURS) <= set(columns):
        kind = next(one.kind for one in vertices.properties if one.name == "red")
        values = np.stack([table[one] for one in _COLOURS], axis=1)
        # 16-bit colours are rare; their high byte is what 8 bits can show.
        colours = as_bytes(
            values // 257 if kind == "u2" else values if kind[0] == "f" else values.astype(int)
        )
    if len(faces) == 0:
        return cloud_of(name, points, colours)
    spread, spread_colours, corner = points_on(name, points, faces, colours)
    return cloud_of(name, spread, spread_colours, index=corner)


def _header(file: BinaryIO, name: str) -> tuple[str, list[_Element]]:
    """Byte order ("" for text) and elements; leaves the file where its body starts."""
    start = file.read(_HEADER)
    end = start.find(b"end_header")
    if not start.startswith(b"ply") or end < 0:
        raise PictureError(f"{name}: is no PLY file, or its header is damaged; export it again")
    line_end = start.find(b"\n", end)
    file.seek(line_end + 1 if line_end >= 0 else end + len(b"end_header"))
    form, elements = "", list[_Element]()
    for line in start[:end].decode("latin-1").splitlines():
        words = line.split()
        match words:
            case ["format", form, _]:
                pass
            case ["element", what, count] if count.isdecimal() and len(count) < 16:
                elements.append(_Element(what, int(count)))
            case ["property", "list", length, kind, what] if elements and {length, kind} <= _TYPES.keys():
                elements[-1].properties.append(_Property(what, _TYPES[kind], _TYPES[length]))
            case ["property", kind, what] if elements and kind in _TYPES:
                elements[-1].properties.append(_Property(what, _TYPES[kind]))
            case ["ply"] | ["comment", *_] | ["obj_info", *_] | []:
                pass
            case _:
                raise PictureError(f"{name}: its header says {shown(line)[:60]!r}, which is no PLY")
    if form not in _ORDERS:
        raise PictureError(f"{name}: its format is {shown(form)[:30]!r}; {', '.join(_ORDERS)} are read")
    return _ORDERS[form], elements


def _check_counts(name: str, elements: list[_Element], order: str, left: int) -> None:
    """Refuse what cannot be in the bytes that are left, before any memory is asked for."""
    needed = 0
    for one in elements:
        limit = MAX_FACES if one.name == "face" else MAX_POINTS
        if one.count > limit:
            raise PictureError(
                f"{name}: announces {one.count:,} of {shown(one.name)[:30]}; at most {limit:,}"
            )
        # In text, a value is at least one character and what parts it from the next.
        needed += one.count * (one.record(order).itemsize if order else 2 * len(one.properties))
    if needed > left + 1:
        raise PictureError(f"{name}: announces {needed:,} bytes but holds {left:,}; copy it again")


def _body(
    file: BinaryIO, name: str, order: str, elements: list[_Element], columns: list[str]
) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """Columns of the vertices, and faces as (F, 3) triangles of vertex numbers."""
    table: dict[str, NDArray[Any]] = {}
    faces = np.empty((0, 3), np.int64)
    for one in elements:
        if one.name == "vertex":
            table = _binary(file, name, one, order, columns) if order else _text(file, name, one, columns)
        elif (
            table and one.name == "face" and (list_name := next((n for n in one.names if n in _FACES), None))
        ):
            faces = (
                _binary_faces(file, name, one, order, list_name) if order else _text_faces(file, name, one)
            )
            break
        elif table:
            break
        elif not order:
            for _ in range(one.count):
                file.readline()
        elif one.is_fixed:
            file.seek(one.count * one.record(order).itemsize, os.SEEK_CUR)
        else:
            raise PictureError(f"{name}: has lists before its vertices; export it as a point cloud")
    return table, faces


def _binary(
    file: BinaryIO, name: str, element: _Element, order: str, columns: list[str]
) -> dict[str, NDArray[Any]]:
    records = np.fromfile(file, element.record(order), element.count)
    if len(records) < element.count:
        raise PictureError(f"{name}: announces {element.count:,} points but holds {len(records):,}")
    return {one: records[one].astype(records[one].dtype.newbyteorder("=")) for one in columns}


def _text(file: BinaryIO, name: str, element: _Element, columns: list[str]) -> dict[str, NDArray[Any]]:
    places = [element.names.index(one) for one in columns]
    lines = itertools.islice(file, element.count)
    if element.count == 0:
        return {one: np.empty(0) for one in columns}
    values: Numbers = np.loadtxt(lines, usecols=places, comments=None, ndmin=2, encoding="latin-1")
    if len(values) < element.count:
        raise PictureError(f"{name}: announces {element.count:,} points but holds {len(values):,}")
    return {one: values[:, place] for place, one in enumerate(columns)}


def _binary_faces(
    file: BinaryIO, name: str, element: _Element, order: str, list_name: str
) -> NDArray[np.int64]:
    start = file.tell()
    lengths = _lengths(file, name, element, order)
    file.seek(start)
    record = element.record(order, lengths)
    left = os.fstat(file.fileno()).st_size - start
    if element.count * record.itemsize <= left:
        records = np.fromfile(file, record, element.count)
        if all((records[f"length of {one}"] == length).all() for one, length in lengths.items()):
            return _fans([records[list_name].astype(np.int64)])
    file.seek(start)
    polygons: dict[int, list[Any]] = {}
    for _ in range(element.count):  # faces of several sizes can only be walked one by one
        corners = _one_record(file, name, element, order)[list_name]
        polygons.setdefault(len(corners), []).append(corners)
    return _fans([np.asarray(one, np.int64) for one in polygons.values()])


def _lengths(file: BinaryIO, name: str, element: _Element, order: str) -> dict[str, int]:
    """How long the lists of the next record are."""
    if element.count == 0:
        return {}
    first = _one_record(file, name, element, order)
    return {one.name: len(first[one.name]) for one in element.properties if one.length}


def _one_record(file: BinaryIO, name: str, element: _Element, order: str) -> dict[str, NDArray[Any]]:
    values: dict[str, NDArray[Any]] = {}
    for one in element.properties:
        length = int(_take(file, name, order + one.length, 1)[0]) if one.length else 1
        if not 0 <= length <= _CORNERS:
            raise PictureError(f"{name}: a face has {length:,} corners; at most {_CORNERS}")
        values[one.name] = _take(file, name, order + one.kind, length)
    return values


def _take(file: BinaryIO, name: str, kind: str, count: int) -> NDArray[Any]:
    dtype = np.dtype(kind)
    data = file.read(count * dtype.itemsize)
    if len(data) < count * dtype.itemsize:
        raise PictureError(f"{name}: ends within its faces; copy it again")
    return np.frombuffer(data, dtype)


def _text_faces(file: BinaryIO, name: str, element: _Element) -> NDArray[np.int64]:
    if not element.properties[0].length:
        raise PictureError(f"{name}: its faces do not start with their corners; export it as a point cloud")
    polygons: dict[int, list[list[int]]] = {}
    for line in itertools.islice(file, element.count):
        words = line.split(maxsplit=_CORNERS + 1)
        length = int(words[0]) if words else -1
        if not 0 <= length <= _CORNERS or len(words) <= length:
            raise PictureError(f"{name}: a face reads {shown(line.decode('latin-1').strip())[:40]!r}")
        polygons.setdefault(length, []).append([int(word) for word in words[1 : length + 1]])
    if sum(map(len, polygons.values())) < element.count:
        raise PictureError(f"{name}: ends within its faces; copy it again")
    return _fans([np.asarray(one, np.int64) for one in polygons.values()])


def _fans(polygons: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Triangles, (F, 3), of polygons, each (n, corners); those of fewer than three corners have none."""
    triangles = [np.empty((0, 3), np.int64)]
    for corners in polygons:
        count = corners.shape[1] if corners.ndim == 2 else 0
        triangles += [corners[:, [0, last - 1, last]] for last in range(2, count)]
    return np.concatenate(triangles)
