"""What a rule sees of a Scene: opaque handles that answer exactly what the table of the language lists."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral
from typing import Any, Final

from ..scene import Part, Region, Scene, Shape
from ..schema import Box
from .language import HANDLES, METHODS, REQUIRED, Argument, Takes, Word
from .outcome import MAX_TEXT


class Handle:
    """Stands for one object of the scene. Rule code can compare and show it, and ask what the table lists."""

    __slots__ = ("_key", "_real")
    _called = "handle"

    def __init__(self, real: Any, key: object) -> None:
        self._real = real
        self._key = key

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._key == self._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"<{self._called}>"


class SceneHandle(Handle):
    """Stands for the Scene."""

    __slots__ = ()
    _called = "scene"


class PartHandle(Handle):
    """Stands for one Part; two handles of the same part are equal."""

    __slots__ = ()
    _called = "part"


class RegionHandle(Handle):
    """Stands for one Region; two handles of the same place are equal."""

    __slots__ = ()
    _called = "region"


_TABLES: Final = {
    SceneHandle: HANDLES["scene"],
    PartHandle: HANDLES["part"],
    RegionHandle: HANDLES["region"],
}
_WANTED: Final[dict[Takes, str]] = {
    "text": f"a text of at most {MAX_TEXT} characters",
    "whole number": "a whole number",
    "number": "a finite number",
    "shape": "a part or a region",
    "place": "a label, a part or a region",
}
for _handle in _TABLES:  # so that Python's own messages speak of a 'part', not of a 'PartHandle'
    _handle.__name__ = _handle.__qualname__ = _handle._called


class Facade:
    """The handles of one Scene, and the only way to read from them."""

    def __init__(self, scene: Scene) -> None:
        self.scene = SceneHandle(scene, "scene")
        self._places = {id(part): place for place, part in enumerate(scene.all_parts)}

    def read(self, value: object, name: str) -> Any:
        """`value.name`, for exactly the types and names of the language: RestrictedPython's `_getattr_`.

        Raises:
            AttributeError: The language does not list that name for that type.
        """
        table = _TABLES.get(type(value))  # type: ignore[arg-type]
        if table is None:
            if name in METHODS.get(type(value), ()):
                return getattr(value, name)
            raise AttributeError(f"a {type(value).__name__} has no attribute {name!r}")
        word = table.get(name)
        if word is None or not isinstance(value, Handle):
            raise AttributeError(f"a {type(value).__name__} has no attribute {name!r}")
        if word.arguments is None:
            return self._outward(getattr(value._real, name), word)
        return self._method(value._real, word, word.arguments)

    def place(self, handle: PartHandle) -> int:
        """Where the part of a handle stands in `Scene.all_parts`."""
        return self._places[id(handle._real)]

    def shape(self, handle: Handle) -> Shape:
        """The Part or Region of a handle."""
        shape: Shape = handle._real
        return shape

    def _method(self, real: object, word: Word, arguments: tuple[Argument, ...]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            values = _bind(word, arguments, given, named)
            return self._outward(getattr(real, word.name)(**values), word)

        return call

    def _outward(self, answer: Any, word: Word) -> Any:
        """The answer of a real object as plain Python values and handles, nothing else."""
        match word.answer:
            case "number":
                return float(answer)
            case "whole number or None":
                return None if answer is None else int(answer)
            case "text":
                return str(answer)
            case "texts":
                return tuple(str(text) for text in answer)
            case "True or False":
                return bool(answer)
            case "numbers":
                return tuple(_number(number) for number in answer)
            case "points":
                return tuple(tuple(float(number) for number in point) for point in answer)
            case "part" | "region":
                return self._handle(answer)
            case "list of parts" | "list of regions":
                return [self._handle(shape) for shape in answer]

    def _handle(self, shape: Part | Region) -> Handle:
        if isinstance(shape, Part):
            return PartHandle(shape, self._places[id(shape)])
        box: Box = shape.box
        return RegionHandle(shape, (shape.label, *map(float, box)))


def _number(value: Any) -> int | float:
    return int(value) if isinstance(value, Integral) else float(value)


def _bind(
    word: Word, arguments: tuple[Argument, ...], given: tuple[Any, ...], named: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of a call by name, each checked against the table; those left out are not in it."""
    if len(given) > len(arguments):
        raise TypeError(f"{word.signature} takes at most {len(arguments)} arguments, got {len(given)}")
    by_name = {argument.name: argument for argument in arguments}
    values = {argument.name: value for argument, value in zip(arguments, given, strict=False)}
    for name, value in named.items():
        if name not in by_name or name in values:
            raise TypeError(f"{word.signature} cannot take the argument {name!r} here")
        values[name] = value
    for argument in arguments:
        if argument.default is REQUIRED and argument.name not in values:
            raise TypeError(f"{word.signature} needs {argument.name!r}")
    return {name: _inward(word, by_name[name], value) for name, value in values.items()}


def _inward(word: Word, argument: Argument, value: Any) -> Any:
    """A value of the rule as the real object wants it, when it is what the table says."""
    kind = type(value)
    match argument.takes:
        case "text" if kind is str and len(value) <= MAX_TEXT:
            return value
        case "whole number" if kind is int:
            return value
        case "number" if kind in (int, float) and math.isfinite(value):
            return value
        case "shape" | "place" if kind in (PartHandle, RegionHandle):
            return value._real
        case "place" if (kind is str and len(value) <= MAX_TEXT) or (
            value is None and argument.default is None
        ):
            return value
    raise TypeError(
        f"{argument.name!r} of {word.signature} must be {_WANTED[argument.takes]}, got a {kind.__name__}"
    )
