"""Hypothesis strategies for the texts of rules: in the language, out of it, and no Python at all."""

from __future__ import annotations

from typing import Final

from honest import honest_rules
from hypothesis import strategies as st
from logisight.sandbox.grammar import ATTRIBUTES
from logisight.sandbox.language import BUILTINS, KINDS

_INDENT: Final = "    "
_NAMES: Final = ("a", "b", "c", "scene", "part", "f", "_")
_NUMBERS: Final = (
    *("0", "1", "2", "-1", "7", "63", "100", "99999", "10**9", "2**10", "1000000000000000"),
    *("0.5", "1e308", "-0.0", "1e-9", "True", "None", "True - 2", "float('nan')", "float('inf')"),
)
_TEXTS: Final = (
    "'pin'",
    "'box'",
    "'washer'",
    "'left half'",
    "''",
    "'a' * 9",
    "'\\x1b[2J'",
    "'\\N{DEGREE SIGN}'",
)
_CALM: Final = (
    *(
        "a",
        "len(c)",
        "part.area",
        "scene.part('box').width",
        "len(scene.parts('pin'))",
        "scene.size[0]",
        "[1, 2.5]",
    ),
    *(
        "[p.area for p in scene.parts('pin')]",
        "sorted(scene.parts('pin'), key=lambda p: p.center[0])",
        "a + 1",
    ),
    *(
        "scene.grid(2, 3, 'box')",
        "{p.label: p.color for p in scene.parts('pin')}",
        "part.inside(part)",
        "range(9)",
    ),
    *(
        "max(scene.parts('pin'), key=lambda p: p.area)",
        "f'{part.area:.1f} px'",
        "scene.region('left half')",
        "str(c)",
    ),
    *(
        "any(p.touches(part) for p in scene.parts('pin'))",
        "list(zip(b, 'abc'))",
        "sum([1, 2, 3]) / 7",
        "part.box",
    ),
)
_OPERATORS: Final = (
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "|",
    "&",
    "^",
    "==",
    "!=",
    "<",
    "<=",
    "in",
    "not in",
    "is",
)
_JOINERS: Final = ("and", "or")
_FORMATS: Final = ("", ":.1f", ":>9", ":d", ":03", ":%", "!r", ":,.2e", ":*^12s")
_FOREIGN_FORMATS: Final = (":c", ":{a}", ":99999999", ":n", ":{a:{b}}")
_FOREIGN_NAMES: Final = (
    *(
        "open",
        "print",
        "type",
        "getattr",
        "eval",
        "exec",
        "vars",
        "object",
        "Exception",
        "__import__",
        "printed",
    ),
    *(
        "_getattr_",
        "_write_",
        "_inplacevar_",
        "__builtins__",
        "logisight_show",
        "logisight_target",
        "usual",
        "np",
    ),
)
_FOREIGN_ATTRIBUTES: Final = (
    *(
        "__class__",
        "__globals__",
        "__self__",
        "_real",
        "_key",
        "gi_frame",
        "format",
        "format_map",
        "mro",
        "obj",
    ),
    *("encode", "zfill", "tb_frame", "mask", "all_parts", "__init_subclass__", "__reduce__"),
)
_FOREIGN_STATEMENTS: Final = (
    *("import os", "from os import *", "global a", "nonlocal a", "del a", "raise a", "assert a", "yield a"),
    *("class A(a):\n    pass", "try:\n    a()\nexcept* Exception as e:\n    e.x", "with a as b:\n    pass"),
    *("match a:\n    case A(x=1):\n        pass", "async def g():\n    await a", "a: int", "type X = int"),
    *("def g(_getattr_, /):\n    return 1", "def g(*a, **b):\n    return g", "@a\ndef g():\n    pass"),
    *(
        "(a := 1)",
        "a @ b",
        "a << 9",
        "a ** b",
        "print(a)",
        "return a",
        "break",
        "scene.size = 1",
        "a[1:2] += b",
    ),
)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3, wild: bool = False) -> str:
    """An expression, at most so deep; a wild one uses what is not in the language."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        names = (*_NAMES, *BUILTINS, *(_FOREIGN_NAMES if wild else ()))
        return draw(st.sampled_from((*_NUMBERS, *_TEXTS, *names, "scene.parts('pin')", "scene.part('box')")))
    if not wild and draw(st.booleans()):
        return draw(st.sampled_from(_CALM))
    inner = expressions(depth - 1, wild)
    shape = draw(st.integers(0, 13))
    one, two = draw(inner), draw(inner)
    match shape:
        case 0 | 1:
            return f"({one} {draw(st.sampled_from(_OPERATORS))} {two})"
        case 2:
            return f"({one} {draw(st.sampled_from(_JOINERS))} not {two})"
        case 3:
            return f"({one} if {draw(inner)} else {two})"
        case 4 | 5:
            names = (*sorted(ATTRIBUTES), *(_FOREIGN_ATTRIBUTES if wild else ()))
            call = draw(st.sampled_from(("", "()", f"({two})", f"({two}, {one})", f"(other={two})")))
            return f"({one}).{draw(st.sampled_from(names))}{call}"
        case 6:
            key = draw(
                st.sampled_from(("", ", key=lambda p: p", f", key=lambda p: {two}", f", {two}", ", *a"))
            )
            return f"{draw(st.sampled_from(BUILTINS))}({one}{key})"
        case 7:
            return draw(
                st.sampled_from((f"[{one}, {two}]", f"({one}, {two})", f"{{{one}, {two}}}", f"[*{one}]"))
            )
        case 8:
            return f"{{{one}: {two}, 'k': {draw(inner)}}}"
        case 9:
            brackets = draw(st.sampled_from(("[]", "{}", "()")))
            return f"{brackets[0]}{one} for {draw(targets())} in {two} if {draw(inner)}{brackets[1]}"
        case 10:
            return f"{{a: {one} for a in {two}}}"
        case 11:
            shown = draw(st.sampled_from((*_FORMATS, *(_FOREIGN_FORMATS if wild else ()))))
            return f'f"{{({_unquoted(one)}){shown}}} {{({_unquoted(two)})}}"'
        case 12:
            return f"({one})[{draw(st.sampled_from(('0', '-1', '1:', '::-1', ':', two)))}]"
    return f"(lambda a, b={draw(st.sampled_from(('1', 'None', 'a')))}: {one})({two})"


def targets() -> st.SearchStrategy[str]:
    """What is assigned to."""
    return st.sampled_from(("a", "b", "c", "_", "a, b", "(a, (b, c))", "a, *b"))


@st.composite
def blocks(draw: st.DrawFn, depth: int = 2, wild: bool = False) -> list[str]:
    """Lines of a few statements, without indentation."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 4))):
        lines += draw(_statements(depth, wild))
    return lines


@st.composite
def _statements(draw: st.DrawFn, depth: int, wild: bool) -> list[str]:
    if wild and draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(_FOREIGN_STATEMENTS)).split("\n")
    some = expressions(2, wild)
    shape = draw(st.integers(0, 9 if depth else 5))
    match shape:
        case 0 | 1:
            return [f"{draw(targets())} = {draw(some)}"]
        case 2:
            target, sign = draw(st.sampled_from(("a", "b", "a[0]", "c[a]"))), draw(st.sampled_from("+-*/%|&"))
            return [f"{target} {sign}= {draw(some)}"]
        case 3:
            return [f"c[{draw(some)}] = {draw(some)}"]
        case 4:
            return [draw(_reports(some))]
        case 5:
            return [draw(st.one_of(some, st.sampled_from(("pass", "return", "b: list[int] = []"))))]
        case 6:
            head = f"if {draw(some)}:"
        case 7:
            head = f"for {draw(targets())} in {draw(some)}:"
        case 8:
            head = draw(
                st.sampled_from(("while a < 9:", "while True:", "while not b:", "for a in range(99999):"))
            )
        case _:
            head = draw(
                st.sampled_from(
                    ("def f(a):", "def f(a=1, b=None) -> int:", "def len(a):", "def f(part, *, c=1):")
                )
            )
    tail = ["return a"] if head.startswith("def") else []
    if head.startswith(("for", "while")):
        tail = draw(st.sampled_from(([], ["break"], ["if b:", f"{_INDENT}continue"], ["a = a + 1"])))
    return [head, *(_INDENT + line for line in [*draw(blocks(depth - 1, wild)), *tail])]


@st.composite
def _reports(draw: st.DrawFn, some: st.SearchStrategy[str]) -> str:
    """A call of expect, mostly as it should be."""
    condition = draw(st.one_of(st.sampled_from(("True", "False", "a == b", "bool(c)")), some))
    kind = draw(st.sampled_from((*map(repr, KINDS), "'smell'", "a")))
    reason = draw(st.one_of(st.sampled_from(("'fine'", "str(a)", "f'{c}'", "str(scene)", "f'{f}'")), some))
    actual = draw(some)
    parts = draw(st.sampled_from(("[]", "scene.parts('pin')", "scene.grid(2, 2)", "[a]", "c")))
    return f"expect({condition}, {kind}, {reason}, expected={draw(some)}, actual={actual}, parts={parts})"


@st.composite
def _programs(draw: st.DrawFn, wild: bool) -> str:
    """A module that defines check, with or without helpers and constants."""
    lines = []
    if draw(st.booleans()):
        constants = ("3", "(1, None)", "[1, 2]", "{1: 2}", "1 / 3", *(("usual()", "open") if wild else ()))
        lines += [f"LIMIT = {draw(st.sampled_from(constants))}"]
    start = f"{_INDENT}b, c, part = [], {{}}, scene.part('box')"
    lines += [
        "def f(a, scene):",
        start,
        *(_INDENT + line for line in draw(blocks(1, wild))),
        f"{_INDENT}return a",
    ]
    lines += ["def check(scene):", f"{_INDENT}a, b, c, part = 1, [], {{}}, scene.part('box')"]
    lines += [_INDENT + line for line in draw(blocks(3, wild))]
    return "\n".join([*lines, f"{_INDENT}expect(True, 'size', 'end')", ""])


@st.composite
def _damaged(draw: st.DrawFn) -> str:
    """An honest rule with a piece cut out, doubled, or replaced by anything."""
    text = draw(st.sampled_from([rule.text for rule in honest_rules()]))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 40)))
    put = draw(st.one_of(st.just(text[start:end] * 2), st.sampled_from(_FOREIGN_NAMES), st.text(max_size=12)))
    return text[:start] + put + text[end:]


def _unquoted(expression: str) -> str:
    """An expression that can stand in an f-string of double quotes before Python 3.12."""
    return expression.replace('"', "'") if "\\" not in expression and '"' not in expression else "a"


def programs() -> st.SearchStrategy[str]:
    """Texts of rules of every sort, most of them in the language."""
    sorts = {
        "tame": _programs(wild=False),
        "wild": _programs(wild=True),
        "damaged": _damaged(),
        "text": st.text(),
    }
    return st.sampled_from(("tame",) * 6 + ("wild",) * 2 + ("damaged", "text")).flatmap(sorts.__getitem__)
