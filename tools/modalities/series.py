"""Time series: columns of numbers from CSV and NPY files, with their names and units."""

from __future__ import annotations

import csv
import datetime
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from ...schema import PictureError
from ..lettering import plain
from ..pictures import shown
from .cloud import Numbers
from .files import file_size, reading

MAX_BYTES: Final = 2**28
MAX_CHANNELS: Final = 16
MAX_VALUES: Final = 10_000_000
_MAX_CELL: Final = 200
_TIMES: Final = ("time", "t", "timestamp", "date", "datetime", "seconds", "sample", "index")
_UNIT: Final = re.compile(r"(.*\S)\s*[\[(]([^\[\]()]{1,20})[\])]\s*$")
_GAPS: Final = ("", "nan", "na", "n/a", "null", "none")


@dataclass(frozen=True)
class Channel:
    """What one column is."""

    name: str
    unit: str = ""
    """As the header has it in brackets."""

    def __str__(self) -> str:
        return f"{self.name} [{self.unit}]" if self.unit else self.name


@dataclass(frozen=True, eq=False)
class Series:
    """Numbers over time."""

    time: Numbers = field(repr=False)
    """(T,) never falling; the place in the file where it says no time."""
    values: Numbers = field(repr=False)
    """(T, C), NaN where there is a gap; at least one is a number."""
    channels: tuple[Channel, ...]
    axis: Channel = Channel("sample")


def read_series(path: Path) -> Series:
    """A time series from a CSV file, or an NPY file of (T,) or (T, C) numbers.

    CSV: separated by comma, semicolon or tab; one row may name the columns, with units in brackets. The
    first column is the time where its name says so, in numbers or ISO 8601. Empty cells are gaps. With
    semicolons, numbers may have a decimal comma.

    Raises:
        PictureError: It is damaged, too large, or holds something other than numbers.
    """
    file_size(path, MAX_BYTES)
    with reading(path):
        series = _from_npy(path) if path.suffix.lower() == ".npy" else _from_csv(path)
    name = shown(path)
    if len(series.channels) > MAX_CHANNELS:
        raise PictureError(f"{name}: has {len(series.channels):,} channels; at most {MAX_CHANNELS} are drawn")
    if np.abs(series.values[np.isfinite(series.values)]).max(initial=0) > 1e100:
        raise PictureError(f"{name}: has numbers beyond 1e100; check its unit")
    if len(series.channels) == 0 or not np.isfinite(series.values).any():
        raise PictureError(
            f"{name}: holds no number; give a row for each moment and a column for each channel"
        )
    if not (np.diff(series.time) >= 0).all():
        raise PictureError(f"{name}: its times do not rise from row to row; sort it")
    return series


def _from_npy(path: Path) -> Series:
    name = shown(path)
    with path.open("rb") as file:
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        version = np.lib.format.read_magic(file)
        if version not in read:
            raise PictureError(f"{name}: its NPY version is {version}; 1.0 and 2.0 are read")
        shape, _, dtype = read[version](file)
        left = file_size(path, MAX_BYTES) - file.tell()
    if dtype.kind not in "fiub" or dtype.hasobject:
        raise PictureError(f"{name}: holds {shown(dtype)[:40]}; real numbers are read")
    if len(shape) not in (1, 2) or min(shape) < 1:
        raise PictureError(f"{name}: its shape is {shape}; (T,) or (T, C) is read")
    count = math.prod(shape)
    if count > MAX_VALUES or count * dtype.itemsize > left:
        raise PictureError(f"{name}: announces {count:,} numbers but holds {left:,} bytes, or too many")
    if len(shape) == 2 and shape[1] > MAX_CHANNELS:
        raise PictureError(f"{name}: its shape {shape} has {shape[1]:,} channels; at most {MAX_CHANNELS}")
    values = np.load(path, allow_pickle=False).astype(np.float64).reshape(shape[0], -1)
    values[~np.isfinite(values)] = np.nan
    channels = tuple(Channel(f"channel {number}") for number in range(1, values.shape[1] + 1))
    return Series(np.arange(len(values), dtype=np.float64), values, channels)


def _from_csv(path: Path) -> Series:
    name = shown(path)
    with path.open(encoding="utf-8-sig", errors="strict", newline="") as file:
        start = file.readline(65536)
        separator = max(";\t,", key=start.count) if any(one in start for one in ";\t,") else ","
        file.seek(0)
        rows = _rows(csv.reader(_lines(file, name), delimiter=separator, strict=True), name)
        first = next(rows, None)
        if first is None:
            raise PictureError(f"{name}: holds no row; give a row for each moment")
        header = None if all(_number(cell, separator) is not None for cell in first[1]) else first[1]
        times = header is not None and _is_time(header[0]) and len(header) > 1
        values = np.array(list(_values(name, None if header else first, rows, separator, times)))
    values = values.reshape(-1, len(first[1]))
    names = header or [f"channel {number}" for number in range(1, len(first[1]) + 1)]
    channels = tuple(_channel(one, number) for number, one in enumerate(names, 1))
    if not times:
        return Series(np.arange(len(values), dtype=np.float64), values, channels)
    if np.isnan(values[:, 0]).any():
        raise PictureError(f"{name}: a row has no time; fill in its first column")
    return Series(values[:, 0], values[:, 1:], channels[1:], channels[0])


def _lines(file: Iterator[str], name: str) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        if len(line) > _MAX_CELL * (MAX_CHANNELS + 1):
            raise PictureError(
                f"{name}: line {number:,} has {len(line):,} characters; a row of numbers is shorter"
            )
        yield line


def _rows(reader: Iterator[list[str]], name: str) -> Iterator[tuple[int, list[str]]]:
    """Numbered rows that are not blank, all of the same length."""
    length = 0
    for number, cells in enumerate(reader, start=1):
        if not any(cell.strip() for cell in cells):
            continue
        length = length or len(cells)
        if len(cells) != length:
            raise PictureError(f"{name}: row {number:,} has {len(cells)} cells; the first has {length}")
        if length > MAX_CHANNELS + 1:
            raise PictureError(f"{name}: has {length:,} columns; at most {MAX_CHANNELS} channels are drawn")
        yield number, cells


def _values(
    name: str,
    first: tuple[int, list[str]] | None,
    rows: Iterator[tuple[int, list[str]]],
    separator: str,
    times: bool,
) -> Iterator[list[float]]:
    held = 0
    for number, cells in [first] if first else []:
        yield _row(name, number, cells, separator, times)
    for number, cells in rows:
        held += len(cells)
        if held > MAX_VALUES:
            raise PictureError(f"{name}: holds more than {MAX_VALUES:,} numbers; thin it out")
        yield _row(name, number, cells, separator, times)


def _row(name: str, number: int, cells: list[str], separator: str, times: bool) -> list[float]:
    values = []
    for column, cell in enumerate(cells, start=1):
        value = _number(cell, separator)
        if value is None and times and column == 1:
            value = _moment(cell)
        if value is None:
            raise PictureError(f"{name}: row {number:,}, column {column}: {shown(cell)[:40]!r} is no number")
        values.append(value)
    return values


def _number(cell: str, separator: str) -> float | None:
    """The number in a cell, NaN for a gap; nothing for any other text."""
    text = cell.strip()
    if text.lower() in _GAPS:
        return math.nan
    if separator == ";" and text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    if "_" in text or len(text) > _MAX_CELL:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else math.nan


def _moment(cell: str) -> float | None:
    """Seconds since 1970 of an ISO 8601 time; without a zone it is taken as UTC."""
    try:
        moment = datetime.datetime.fromisoformat(cell.strip())
    except ValueError:
        return None
    zone = moment.tzinfo or datetime.UTC
    return moment.replace(tzinfo=zone).timestamp()


def _is_time(header: str) -> bool:
    words = re.split(r"[^a-z]+", header.strip().lower())
    return words[0] in _TIMES


def _channel(header: str, number: int) -> Channel:
    text = plain(header, 60)
    with_unit = _UNIT.match(text)
    if with_unit:
        return Channel(with_unit[1], with_unit[2])
    return Channel(text or f"column {number}")
