"""Which part of Python's grammar a rule may use, and what to write instead of the rest."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Final

from .language import HANDLES, MAX_EXPONENT, METHODS

MAX_INT: Final = 10**15
"""Largest whole number written in a rule."""
MAX_STRING: Final = 2_000
"""Characters of one text written in a rule."""
RESERVED: Final = "logisight_"
"""Names that begin like this belong to the rewriting of the text."""

ALLOWED: Final = frozenset(
    {
        *(ast.Module, ast.FunctionDef, ast.Lambda, ast.arguments, ast.arg, ast.Return),
        *(ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Pass, ast.Break, ast.Continue),
        *(ast.If, ast.For, ast.While, ast.IfExp, ast.BoolOp, ast.And, ast.Or, ast.Compare),
        *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot, ast.In, ast.NotIn),
        *(ast.UnaryOp, ast.Not, ast.USub, ast.UAdd, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div),
        *(ast.FloorDiv, ast.Mod, ast.Pow, ast.BitOr, ast.BitAnd, ast.BitXor),
        *(ast.Call, ast.keyword, ast.Starred, ast.Attribute, ast.Subscript, ast.Slice),
        *(ast.Name, ast.Load, ast.Store, ast.Constant, ast.JoinedStr, ast.FormattedValue),
        *(ast.List, ast.Tuple, ast.Dict, ast.Set),
        *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension),
    }
)
"""Nodes of a rule, by exact class."""
ANNOTATION: Final = frozenset(
    {
        *(ast.Name, ast.Attribute, ast.Subscript, ast.Tuple, ast.List, ast.Constant),
        *(ast.BinOp, ast.BitOr, ast.Load),
    }
)
"""Nodes of an annotation."""
CONSTANT: Final = frozenset(
    {
        *(ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Name, ast.Load),
        *(ast.UnaryOp, ast.USub, ast.UAdd, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div),
    }
)
"""Nodes of a constant or default."""
NOT_ALLOWED: Final[dict[str, tuple[str, str]]] = {
    "Import": ("import is not allowed", "everything that a rule may use is there without it"),
    "ImportFrom": ("import is not allowed", "everything that a rule may use is there without it"),
    "ClassDef": ("class is not allowed", "use functions, tuples and dicts"),
    "Try": (
        "try is not allowed",
        "test the length of the list first; a missing part makes the rule undecided",
    ),
    "TryStar": ("try is not allowed", "test the length of the list first"),
    "With": ("with is not allowed", "assign to a variable"),
    "AsyncFunctionDef": ("async is not allowed", "write a plain def"),
    "Raise": ("raise is not allowed", "report with expect(False, ...) and return"),
    "Assert": ("assert is not allowed", "report with expect(...)"),
    "Delete": ("del is not allowed", "build a new list or dict without the item"),
    "Global": ("global is not allowed", "hand the value over as an argument and return the new one"),
    "Nonlocal": ("nonlocal is not allowed", "hand the value over as an argument and return the new one"),
    "NamedExpr": (":= is not allowed", "assign on a line of its own"),
    "Yield": ("yield is not allowed", "return a list"),
    "YieldFrom": ("yield is not allowed", "return a list"),
    "Match": ("match is not allowed", "use if and elif"),
    "LShift": ("<< is not allowed", "use * or //"),
    "RShift": (">> is not allowed", "use * or //"),
    "MatMult": ("@ is not allowed", "use sum(a * b for a, b in zip(...))"),
}
"""Class of a forbidden node -> what is wrong, what to write instead."""
GRAMMAR_NAMES: Final = frozenset({"print", "printed", "builtins", "breakpoint"})
"""Names that RestrictedPython gives a meaning of its own."""
ATTRIBUTES: Final = frozenset(name for table in (*HANDLES.values(), *METHODS.values()) for name in table)
"""Every attribute that anything in a rule can have."""
FORMAT: Final = re.compile(r"(?:[^{}]?[<>=^])?[-+ ]?[z]?#?0?(\d{0,4})[,_]?(?:\.(\d{1,4}))?[bdeEfFgGosxX%]?")
"""A format of an f-string without fields in it; the groups are its width and precision."""

INSTEAD: Final[Mapping[str, str]] = {
    "print": "report with expect(...)",
    "printed": "choose another name",
    "math": "use + - * / // % and x ** 2, x ** 0.5",
    "sqrt": "write x ** 0.5",
    "hypot": "write (dx ** 2 + dy ** 2) ** 0.5, or a.distance(b)",
    "np": "use sum, min, max, sorted, len and comprehensions",
    "numpy": "use sum, min, max, sorted, len and comprehensions",
    "map": "use a comprehension",
    "filter": "use a comprehension with if",
    "reversed": "write items[::-1]",
    "isinstance": "handles never mix: ask scene.parts(label) for what you need",
    "hasattr": "every part has every attribute of the list",
    "getattr": "write part.name",
    "pow": f"write x ** 2 (an exponent is a number up to {MAX_EXPONENT})",
    "divmod": "write x // y and x % y",
    "format": "use an f-string, such as f'{x:.1f}'",
    "format_map": "use an f-string, such as f'{x:.1f}'",
    "colour": "write color",
    "repr": "use str(x) or an f-string",
    "centroid": "write center",
    "bbox": "write box",
}
"""What to write instead of a name that authors reach for and that is not in the language."""
