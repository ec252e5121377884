"""PCD files (Point Cloud Library, version 0.7): points in text or binary, with packed colours if any."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ...schema import PictureError
from ..pictures import shown
from .cloud import MAX_POINTS, Cloud, cloud_of
from .files import file_size, reading

MAX_BYTES: Final = 2**30
_LINES: Final = 64
_LINE: Final = 4096
_TYPES: Final = {
    f"{kind}{size}": f"<{code}{size}"
    for kind, code, sizes in (("I", "i", "1248"), ("U", "u", "1248"), ("F", "f", "48"))
    for size in sizes
}
_COLOURS: Final = ("rgb", "rgba")


@dataclass(frozen=True)
class _Header:
    fields: list[str]
    kinds: list[str]
    counts: list[int]
    points: int
    data: str

    @property
    def record(self) -> np.dtype[Any]:
        # Fields may share a name, such as the padding "_".
        parts = zip(self.kinds, self.counts, strict=True)
        return np.dtype([(f"f{place}", kind, (count,)) for place, (kind, count) in enumerate(parts)])

    def column(self, name: str) -> int:
        """At which value of a record a field starts."""
        return sum(self.counts[: self.fields.index(name)])


def read_pcd(path: Path) -> Cloud:
    """The points of a PCD file.

    Raises:
        PictureError: It is damaged, too large, or of a kind that is not read.
    """
    size = file_size(path, MAX_BYTES)
    name = shown(path)
    with reading(path), path.open("rb") as file:
        header = _header(file, name)
        left = size - file.tell()
        needed = header.points * (
            header.record.itemsize if header.data == "binary" else 2 * len(header.fields)
        )
        if needed > left + 1:
            raise PictureError(f"{name}: announces {needed:,} bytes but holds {left:,}; copy it again")
        table = (_binary if header.data == "binary" else _text)(file, name, header)
    points = np.stack([table[axis].astype(np.float64) for axis in "xyz"], axis=1)
    packed = next((table[one] for one in _COLOURS if one in table), None)
    return cloud_of(name, points, None if packed is None else _unpacked(packed))


def _header(file: BinaryIO, name: str) -> _Header:
    said: dict[str, list[str]] = {}
    for _ in range(_LINES):
        line = file.readline(_LINE).decode("latin-1")
        words = line.split()
        if words and not words[0].startswith("#"):
            said[words[0]] = words[1:]
        if not line or "DATA" in said:
            break
    try:
        fields = said["FIELDS"]
        kinds = [_TYPES[kind + size] for kind, size in zip(said["TYPE"], said["SIZE"], strict=True)]
        counts = [int(one) for one in said.get("COUNT", ["1"] * len(fields))]
        header = _Header(fields, kinds, counts, int(said["POINTS"][0]), said["DATA"][0])
        whole = len(fields) == len(kinds) == len(counts) and all(0 < one <= 4096 for one in counts)
    except (KeyError, IndexError, ValueError):
        whole = False
    if not whole or not {"x", "y", "z"} <= set(header.fields):
        raise PictureError(
            f"{name}: is no PCD file with x, y and z, or its header is damaged; export it again"
        )
    if not 0 < header.points <= MAX_POINTS:
        raise PictureError(f"{name}: announces {header.points:,} points; 1 to {MAX_POINTS:,} are read")
    if header.data not in ("ascii", "binary"):
        data = shown(header.data)[:30]
        raise PictureError(f"{name}: its DATA is {data!r}; save it as DATA binary or DATA ascii")
    return header


def _binary(file: BinaryIO, name: str, header: _Header) -> dict[str, NDArray[Any]]:
    records = np.fromfile(file, header.record, header.points)
    if len(records) < header.points:
        raise PictureError(f"{name}: announces {header.points:,} points but holds {len(records):,}")
    wanted = [one for one in ("x", "y", "z", *_COLOURS) if one in header.fields]
    return {one: records[f"f{header.fields.index(one)}"][:, 0] for one in wanted}


def _text(file: BinaryIO, name: str, header: _Header) -> dict[str, NDArray[Any]]:
    wanted = [one for one in ("x", "y", "z", *_COLOURS) if one in header.fields]
    lines = itertools.islice(file, header.points)
    places = [header.column(one) for one in wanted]
    values = np.loadtxt(lines, usecols=places, comments=None, ndmin=2, encoding="latin-1")
    if len(values) < header.points:
        raise PictureError(f"{name}: announces {header.points:,} points but holds {len(values):,}")
    table: dict[str, NDArray[Any]] = {}
    for place, one in enumerate(wanted):
        table[one] = values[:, place]
        if one in _COLOURS:
            is_float = header.kinds[header.fields.index(one)] == "<f4"
            # Packed colours are whole numbers, or their bits read as a float.
            table[one] = values[:, place].astype(np.float32 if is_float else np.uint32)
    return table


def _unpacked(packed: NDArray[Any]) -> NDArray[np.uint8] | None:
    """RGB, (N, 3), of 0x00RRGGBB; nothing where the numbers are of another size."""
    if packed.dtype.itemsize != 4:
        return None
    bits = np.ascontiguousarray(packed).view(np.uint32)
    return np.stack([bits >> 16 & 255, bits >> 8 & 255, bits & 255], axis=1).astype(np.uint8)
