"""The rule language: one table that authors are shown, the docs hold and the facade enforces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from ..color import COLOR_LAB
from ..geometry import REGIONS
from ..scene import GRID_MOST
from ..schema import Kind
from .outcome import MAX_PARTS, MAX_TEXT

MAX_CODE = 8_000
"""Characters of one rule."""
MAX_NODES = 2_000
"""Nodes of one rule's syntax tree."""
MAX_DEPTH = 80
"""Levels of one rule's syntax tree."""
MAX_RANGE = 100_000
"""Numbers in one `range`."""
MAX_WIDTH = 100
"""Largest width and precision in a format such as `{x:8.2f}`."""
MAX_EXPONENT = 10
"""Largest exponent of `**`, which must be a number written in the rule."""

KINDS: Final = get_args(Kind)
REQUIRED: Final = "required"
"""The default of an argument that must be given."""

Takes = Literal["text", "whole number", "number", "shape", "place"]
"""What an argument may be. A shape is a part or a region; a place is a shape, or the label of a part."""

Answer = Literal[
    "number",
    "whole number or None",
    "text",
    "texts",
    "True or False",
    "numbers",
    "points",
    "part",
    "list of parts",
    "region",
    "list of regions",
]
"""What an attribute or method answers. `numbers` is a tuple of numbers, `points` a tuple of (x, y)."""


@dataclass(frozen=True)
class Argument:
    """One argument of a method."""

    name: str
    takes: Takes
    default: Any = REQUIRED

    def __str__(self) -> str:
        """As written in a signature."""
        return self.name if self.default is REQUIRED else f"{self.name}={self.default!r}"


@dataclass(frozen=True)
class Word:
    """One attribute or method of a handle."""

    name: str
    answer: Answer
    meaning: str
    arguments: tuple[Argument, ...] | None = None
    """None for an attribute."""

    @property
    def signature(self) -> str:
        """As a rule writes it, without the handle.

        Example:
            >>> HANDLES["part"]["inside"].signature
            'inside(other, share=0.9)'
        """
        if self.arguments is None:
            return self.name
        return f"{self.name}({', '.join(map(str, self.arguments))})"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)


_OTHER = Argument("other", "shape")
_LABEL = Argument("label", "text")
_WITHIN = Argument("within", "place", None)
_GAP = Argument("gap", "number", 3.0)

_SHAPE = (
    Word(
        "label", "text", "what it is called; of a region its place, such as 'left half' or 'row 1 column 2'"
    ),
    Word("area", "number", "number of its pixels, px²"),
    Word("center", "numbers", "(x, y) of its centroid, px"),
    Word("box", "numbers", "(x0, y0, x1, y1) of its upright box, px; width is x1 - x0"),
    Word("width", "number", "of the upright box, px"),
    Word("height", "number", "of the upright box, px"),
    Word("length", "number", "longer side of the smallest rectangle, at any angle, that holds it, px"),
    Word("thickness", "number", "diameter of the largest circle that fits into it, px"),
    Word(
        "angle",
        "number",
        "of its long axis, degrees in (-90, 90]; 0 flat, 90 upright, positive counter-clockwise",
    ),
    Word(
        "ends",
        "points",
        "((x, y), (x, y)): the two ends of its long axis, the left one (of an upright one the top) first, px",
    ),
    Word(
        "inside",
        "True or False",
        "at least `share` of its area lies within the outline of other",
        (_OTHER, Argument("share", "number", 0.9)),
    ),
    Word("overlap", "number", "share of its area that lies on pixels of other, 0 to 1", (_OTHER,)),
    Word("distance", "number", "shortest gap to other, px; 0 when they touch or overlap", (_OTHER,)),
    Word("left_of", "True or False", "its center lies left of the whole box of other", (_OTHER,)),
    Word("right_of", "True or False", "its center lies right of the whole box of other", (_OTHER,)),
    Word("above", "True or False", "its center lies above the whole box of other", (_OTHER,)),
    Word("below", "True or False", "its center lies below the whole box of other", (_OTHER,)),
    Word("touches", "True or False", "the gap to other is at most `gap` px", (_OTHER, _GAP)),
    Word(
        "mirrors",
        "True or False",
        "mirrored left to right and moved onto other, it covers other: intersection over union >= share",
        (_OTHER, Argument("share", "number", 0.7)),
    ),
)

_PART = (
    *_SHAPE,
    Word("color", "text", f"one of {_listed(COLOR_LAB)}"),
    Word("lab", "numbers", "(L, a, b): median CIE L*a*b* colour (D65), L from 0 to 100"),
    Word("confidence", "number", "how sure the part was seen, 0 to 1"),
)

_REGION = (
    *_SHAPE,
    Word("row", "whole number or None", "of a cell of a grid, from 1 at the top; else None"),
    Word("column", "whole number or None", "of a cell of a grid, from 1 at the left; else None"),
    Word(
        "parts", "list of parts", "the parts with that label that belong to it, in reading order", (_LABEL,)
    ),
)

_SCENE = (
    Word("size", "numbers", "(width, height) of the picture, px"),
    Word("labels", "texts", "every label of the product, also those not seen in this picture"),
    Word(
        "parts",
        "list of parts",
        "all parts with that label, in reading order; [] when there is none",
        (_LABEL,),
    ),
    Word("part", "part", "the only part with that label; not exactly one: the rule is undecided", (_LABEL,)),
    Word(
        "region",
        "region",
        f"one of {_listed(REGIONS)}, of the picture or of `within`",
        (Argument("name", "text"), _WITHIN),
    ),
    Word(
        "grid",
        "list of regions",
        f"rows x columns equal cells (at most {GRID_MOST} each) of the picture or of `within`, row by row",
        (Argument("rows", "whole number"), Argument("columns", "whole number"), _WITHIN),
    ),
    Word(
        "fill_level",
        "number",
        "share of the area of `within` that part covers, 0 to 1",
        (Argument("part", "place"), Argument("within", "place")),
    ),
    Word(
        "connected",
        "True or False",
        "via touches both a and b, with gaps of at most `gap` px",
        (Argument("a", "place"), Argument("b", "place"), Argument("via", "place"), _GAP),
    ),
)


def _by_name(words: tuple[Word, ...]) -> dict[str, Word]:
    return {word.name: word for word in words}


HANDLES: Final[Mapping[str, Mapping[str, Word]]] = {
    "scene": _by_name(_SCENE),
    "part": _by_name(_PART),
    "region": _by_name(_REGION),
}
"""Handle -> name -> word: everything that a rule can ask of what was seen."""

METHODS: Final[Mapping[type, tuple[str, ...]]] = {
    str: (
        "count",
        "endswith",
        "find",
        "join",
        "lower",
        "replace",
        "split",
        "startswith",
        "strip",
        "title",
        "upper",
    ),
    list: ("append", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"),
    tuple: ("count", "index"),
    dict: ("copy", "get", "items", "keys", "pop", "setdefault", "update", "values"),
    set: (
        "add",
        "difference",
        "discard",
        "intersection",
        "issubset",
        "issuperset",
        "remove",
        "union",
        "update",
    ),
    float: ("is_integer",),
}
"""Methods of plain values."""

BUILTINS: Final = (
    "abs",
    "all",
    "any",
    "bool",
    "dict",
    "enumerate",
    "float",
    "int",
    "len",
    "list",
    "max",
    "min",
    "range",
    "round",
    "set",
    "sorted",
    "str",
    "sum",
    "tuple",
    "zip",
)
"""Built-in functions of a rule; `sorted`, `min` and `max` take `key`."""

FORBIDDEN: Final = (
    "import, class, decorators, try, with, raise, assert, del, global, nonlocal, yield, async, match, :=",
    "print, open, eval, exec, type, isinstance, getattr and every name that is not listed here",
    "names and attributes that start with _ (the name _ alone is fine)",
    "setting an attribute; parts, regions and the scene cannot be changed",
    "str.format and text % values: use f-strings",
    f"an exponent that is not a number from -{MAX_EXPONENT} to {MAX_EXPONENT} written in place; << and >>",
    "*args and **kwargs as parameters, and ** in a call",
    "return with a value from check",
)

_FORM = f"""\
A rule is Python text of at most {MAX_CODE:,} characters that defines `def check(scene)`. Beside it the text
may hold a docstring, constants (numbers, texts, and tuples, lists and dicts of them), helper functions, and
ranges that are not known yet: `NAME = usual()`. A usual range is learned from the reference pictures and
written in its place as `NAME = (low, high)`; a rule that still holds usual() is refused when it is run.

Coordinates are pixels, (x, y), origin at the top left, y grows downwards. Angles are degrees, shares 0 to 1.
"""

_EXPECT = f"""\
expect(condition, kind, reason, expected=None, actual=None, parts=())
    The rule passes when every condition is True; check must call it at least once and must return nothing.
    condition: True or False, nothing else
    kind: {_listed(KINDS)}
    reason: what was found, for a person, at most {MAX_TEXT} characters
    expected: a number, text, bool or None, or a (low, high) range that actual must lie in, None where open
    actual: a number, text, bool or None
    parts: list of the parts or regions to show as evidence; the first {MAX_PARTS} are kept
"""


def language_text() -> str:
    """The whole rule language as plain text: what an author is shown, what the docs hold."""
    blocks = ["RULE LANGUAGE", _FORM]
    shared = [name for name in HANDLES["part"] if name in HANDLES["region"]]
    blocks.append(_block("SCENE", "scene", HANDLES["scene"].values()))
    blocks.append(_block("PART AND REGION", "part", map(HANDLES["part"].__getitem__, shared)))
    for handle in ("part", "region"):
        own = (word for word in HANDLES[handle].values() if word.name not in shared)
        blocks.append(_block(f"{handle.upper()} ONLY", handle, own))
    blocks.append(f"EXPECT\n{_EXPECT}")
    methods = "\n".join(f"    {kind.__name__}: {', '.join(names)}" for kind, names in METHODS.items())
    blocks.append(
        f"BUILT IN\n    {', '.join(BUILTINS)}\n"
        f"    sorted, min and max take key; a range holds at most {MAX_RANGE:,} numbers\n"
    )
    blocks.append(f"METHODS OF PLAIN VALUES\n{methods}\n")
    blocks.append("NOT ALLOWED\n" + "\n".join(f"    {line}" for line in FORBIDDEN))
    return "\n".join(blocks) + "\n"


def _block(title: str, handle: str, words: Iterable[Word]) -> str:
    lines = [f"    {handle}.{word.signature} -> {word.answer}\n        {word.meaning}" for word in words]
    return f"{title}\n" + "\n".join(lines) + "\n"
