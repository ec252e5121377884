"""The fields of annotation files: what is accepted, and one line for what is not.

Models are strict (a string is never a number) and lenient about fields they do not know, since every tool
adds its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    PlainValidator,
    StringConstraints,
    ValidationError,
)

from ...schema import AnnotationError
from ..pictures import MAX_PIXELS, shown

MAX_MIB = 200
"""Larger annotation files are refused before they are read."""

MAX_VALUES = 20_000_000
"""Files with more commas and brackets are refused before they are parsed; each may cost a hundred bytes."""

MAX_POINTS = 100_000
"""Of one polygon."""

MAX_ITEMS = 1_000_000
"""Shapes, objects, images or annotations in one file."""

MAX_NOTES = 50
"""A person reads no more lines about one file."""

MAX_COORDINATE = 1e7

MAX_LABEL = 100
"""Characters of a label."""


class Fields(BaseModel):
    """Some fields of an object in an annotation file; others may be there too."""

    model_config = ConfigDict(strict=True, frozen=True)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("expected printable characters on one line")
    return text


def _side(value: Any) -> int:
    number = _number(value)
    if number is None or number != int(number) or not 1 <= number <= MAX_PIXELS:
        raise ValueError("expected a whole number of pixels, at least 1")
    return int(number)


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("expected a list")
    if len(value) > MAX_ITEMS:
        raise ValueError(f"expected at most {MAX_ITEMS} items")
    return value


def _pairs(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("expected a list of [x, y] pairs")
    if len(value) > MAX_POINTS:
        raise ValueError(f"expected at most {MAX_POINTS} points")
    return value


def _pair(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("expected a pair [x, y]")
    return value


def _coordinate(value: Any) -> float:
    if not is_coordinate(value):
        raise ValueError("expected a number of pixels")
    return float(value)


def _key(value: Any) -> int | str | None:
    number = _number(value)
    if number is not None and number == int(number):
        return int(number)
    if value is not None and not isinstance(value, str):
        raise ValueError("expected a whole number or a string")
    return value


def is_coordinate(value: Any) -> bool:
    """Whether a JSON value is a number that may be a coordinate in pixels."""
    number = _number(value)
    return number is not None and abs(number) <= MAX_COORDINATE


def _number(value: Any) -> float | None:
    """A finite number; None for anything else, such as true, "3", NaN, or an integer beyond all floats."""
    if type(value) not in (int, float) or not -1e300 < value < 1e300:
        return None
    return float(value)


Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_LABEL),
    AfterValidator(_printable),
]
Side = Annotated[int, PlainValidator(_side)]
"""Width or height of a picture."""
_Pair = Annotated[list[Annotated[float, PlainValidator(_coordinate)]], BeforeValidator(_pair)]
Corners = Annotated[list[_Pair], FailFast(), BeforeValidator(_pairs)]
"""A list of [x, y] pairs in pixels."""
Items = Annotated[list[Any], PlainValidator(_items)]
"""A list of anything; its items are looked at one by one, so that a bad one does not spoil the others."""
Key = Annotated[int | str | None, PlainValidator(_key)]
"""What tells instances, images or categories apart."""

Fact = tuple[str, Any]
"""Something in a file that is no part: its field, and what is in it."""

F = TypeVar("F", bound=Fields)


def require(model: type[F], content: Any, file: Path) -> F:
    """The fields of a whole file.

    Raises:
        AnnotationError: One is wrong.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        field, why = complaint("", error)
        raise AnnotationError(f"{shown(file)}: {field}: {why}") from None


def load_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        AnnotationError: It cannot be read, is too large, or is not JSON.
    """
    name, data = shown(path), read_bytes(path)
    if sum(data.count(mark) for mark in (b",", b"[", b"{")) > MAX_VALUES:
        raise AnnotationError(f"{name}: holds more than {MAX_VALUES} values; split it")
    try:
        return json.loads(data)
    except RecursionError:
        raise AnnotationError(f"{name}: not an annotation: lists or objects nested too deep") from None
    except ValueError as error:
        raise AnnotationError(f"{name}: damaged, or not JSON ({shown(error)}); save it again") from None


def read_bytes(path: Path) -> bytes:
    """The bytes of a file of limited size.

    Raises:
        AnnotationError: It cannot be read, or is too large.
    """
    try:
        size = path.stat().st_size / 2**20
        if size > MAX_MIB:
            raise AnnotationError(f"{shown(path)}: {size:.0f} MiB are more than {MAX_MIB}; split it")
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror
        raise AnnotationError(f"{shown(path)}: cannot be read ({reason}); check its permissions") from None


def beside(model: type[Fields], field: str, content: Any) -> list[Fact]:
    """What an object says in fields other than those of its model, each with its name."""
    if not isinstance(content, dict):
        return []
    read = {info.alias or name for name, info in model.model_fields.items()}
    return [
        (f"{field}.{name}".removeprefix("."), value) for name, value in content.items() if name not in read
    ]


class Notes:
    """Collects one line for each thing in a file that was not understood or not used."""

    def __init__(self, file: Path) -> None:
        self._file = shown(file)
        self._lines: list[str] = []
        self._more = 0

    @property
    def lines(self) -> list[str]:
        """The first lines, and how many there are beyond them."""
        return [*self._lines, *([f"{self._file}: {self._more} more lines like these"] if self._more else [])]

    def add(self, field: str, why: str) -> None:
        """Note a field and what is wrong with it."""
        if len(self._lines) < MAX_NOTES:
            self._lines.append(f"{self._file}: {field}: {why}")
        else:
            self._more += 1

    def understood(self, model: type[F], field: str, content: Any) -> F | None:
        """The fields of one object in the file; None, and noted, when one is wrong."""
        try:
            return model.model_validate(content)
        except ValidationError as error:
            self.add(*complaint(field, error))
            return None


def complaint(field: str, error: ValidationError) -> tuple[str, str]:
    """The field of an object that is wrong, and why: `shapes[3].points`, `expected ..., got a string`."""
    first = error.errors(include_url=False)[0]
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"])
    place = (field + place).removeprefix(".")
    if first["type"] == "missing":
        return place, "is missing"
    if first["type"] == "model_type":
        why = "expected an object"
    elif first["type"] == "value_error":
        why = str(first["ctx"]["error"])
    else:
        why = first["msg"].replace("Input should be", "expected").replace("String should", "expected to")
    return place, f"{why}, got {kind_of(first['input'])}"


def kind_of(value: Any) -> str:
    """What a JSON value is, in a few words.

    Example:
        >>> kind_of("3"), kind_of([1, 2]), kind_of(None), kind_of(1e999)
        ("'3'", 'a list of 2', 'null', 'inf')
    """
    if isinstance(value, str):
        return ascii(value) if len(value) <= 20 else f"a string of {len(value)} characters"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**20:
        return "a huge number"
    return json.dumps(value) if not isinstance(value, float) else f"{value:g}"
