"""The names that rule code finds: built-in functions, and the guards that RestrictedPython calls."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable
from types import GeneratorType
from typing import Any, Final

from RestrictedPython.Guards import guarded_iter_unpack_sequence, guarded_unpack_sequence

from .expectations import Expectations
from .facade import Facade, Handle
from .language import BUILTINS, MAX_RANGE
from .rewrite import MODULO, SHOW

MAX_SHOWN: Final = 10_000
"""Characters that one value may put into a text."""

_LOOPED: Final = frozenset(
    {list, tuple, dict, set, str, range, enumerate, zip, GeneratorType}
    | {type({}.keys()), type({}.values()), type({}.items())}
)
_INDEXED: Final = (list, tuple, dict, str)
_BRACKETS: Final[dict[type, tuple[str, str]]] = {list: ("[", "]"), tuple: ("(", ")"), set: ("{", "}")}


def namespace(facade: Facade, expectations: Expectations) -> dict[str, Any]:
    """Fresh globals for one run of one rule."""
    return {
        "__builtins__": dict(_BUILTINS),
        "expect": expectations.expect,
        SHOW: _shown,
        MODULO: _modulo,
        "_getattr_": facade.read,
        "_getitem_": _item,
        "_getiter_": _loop,
        "_iter_unpack_sequence_": guarded_iter_unpack_sequence,
        "_unpack_sequence_": guarded_unpack_sequence,
        "_inplacevar_": _in_place,
        "_write_": _writable,
        "_apply_": _apply,
    }


def _item(value: Any, key: Any) -> Any:
    if type(value) not in _INDEXED:
        raise TypeError(f"a {type(value).__name__} has no items")
    return value[key]


def _loop(value: Any) -> Any:
    if type(value) not in _LOOPED:
        raise TypeError(f"a {type(value).__name__} cannot be looped over")
    return value


def _writable(value: Any) -> Any:
    if type(value) not in (list, dict):
        raise TypeError(f"the items of a {type(value).__name__} cannot be set")
    return value


def _apply(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    return function(*given, **named)


def _modulo(left: Any, right: Any) -> Any:
    if isinstance(left, str):
        raise TypeError("text % values is not allowed; use an f-string")
    return left % right


_IN_PLACE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "/=": operator.itruediv,
    "//=": operator.ifloordiv,
    "%=": _modulo,
    "**=": operator.ipow,
    "|=": operator.ior,
    "&=": operator.iand,
    "^=": operator.ixor,
}


def _in_place(sign: str, left: Any, right: Any) -> Any:
    return _IN_PLACE[sign](left, right)


def _shown(value: Any) -> Any:
    """The value as a number or a text, for an f-string; nothing that would show an address.

    Raises:
        TypeError: It is a function, a generator or another thing without a text of its own.
        ValueError: The text would be too long.
    """
    kind = type(value)
    if kind in (int, float, bool, type(None)):
        return value
    text = value if kind is str else _container(value)
    if len(text) > MAX_SHOWN:
        raise ValueError(f"a text may take in at most {MAX_SHOWN:,} characters at a time")
    return text


def _container(value: Any) -> str:
    kind = type(value)
    if isinstance(value, Handle) or kind in (int, float, bool, type(None), str):
        return repr(value)
    if kind is dict:
        return "{" + ", ".join(f"{_container(key)}: {_container(item)}" for key, item in value.items()) + "}"
    if kind in _BRACKETS:
        opening, closing = _BRACKETS[kind]
        return opening + ", ".join(_container(item) for item in value) + closing
    raise TypeError(f"a {kind.__name__} cannot be written into a text")


def _str(value: Any = "") -> str:
    return str(_shown(value))


def _range(*numbers: int) -> range:
    made = range(*numbers)
    if len(made[: MAX_RANGE + 1]) > MAX_RANGE:
        raise ValueError(f"a range may hold at most {MAX_RANGE:,} numbers")
    return made


_OWN: Final[dict[str, Callable[..., Any]]] = {"str": _str, "range": _range}
_BUILTINS: Final[dict[str, Any]] = {name: _OWN.get(name) or getattr(builtins, name) for name in BUILTINS}
