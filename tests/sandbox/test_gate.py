"""The text gate: each refused text has a twin that differs in one thing and is allowed."""

from __future__ import annotations

import pytest
from logisight.sandbox import Diagnostic, inspect_code
from logisight.sandbox.gate import MAX_DIAGNOSTICS
from logisight.sandbox.grammar import MAX_INT
from logisight.sandbox.language import MAX_CODE, MAX_DEPTH
from logisight.sandbox.runner import compile_rule

EXPECT = 'expect(True, "size", "fine")'


def check(body: str, before: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"{before}\ndef check(scene):\n{lines}    {EXPECT}\n"


REFUSED_AND_ALLOWED = {
    "import": (check("import os"), check("pass")),
    "from import": (check("", "from os import path"), check("", "PATH = 'os'")),
    "star import": (check("", "from os import *"), check("", "ALL = (1, 2)")),
    "class": (check("class A:\n    pass"), check("def a():\n    pass")),
    "decorator": (check("@max\ndef f(x):\n    return x"), check("def f(x):\n    return x")),
    "try": (check("try:\n    x = 1\nfinally:\n    x = 2"), check("x = 1\nx = 2")),
    "except star": (check("try:\n    x = 1\nexcept* max:\n    x = 2"), check("x = 1")),
    "with": (check("with scene as s:\n    pass"), check("s = scene")),
    "raise": (check("raise scene"), check("return")),
    "assert": (check("assert scene"), check("expect(scene.size[0] > 0, 'size', 'is a picture')")),
    "del": (check("x = [1]\ndel x[0]"), check("x = [1]\nx.pop(0)")),
    "global": (check("global x\nx = 1"), check("x = 1")),
    "nonlocal": (check("x = 1\ndef f():\n    nonlocal x\n    x = 2"), check("x = 1\ndef f():\n    return x")),
    "yield": (check("def f():\n    yield 1"), check("def f():\n    return 1")),
    "yield from": (check("def f():\n    yield from [1]"), check("def f():\n    return [1]")),
    "async def": ("async " + check("").lstrip(), check("")),
    "async comprehension": (
        check("x = [p async for p in scene.parts('pin')]"),
        check("x = [p for p in scene.parts('pin')]"),
    ),
    "await": (check("x = await scene"), check("x = scene")),
    "match": (check("match scene:\n    case _:\n        pass"), check("if scene.size:\n    pass")),
    "walrus": (
        check("if (n := len(scene.labels)):\n    pass"),
        check("n = len(scene.labels)\nif n:\n    pass"),
    ),
    "shift": (check("x = 1 << 2"), check("x = 1 * 2 ** 2")),
    "matmul": (check("x = 1 @ 2"), check("x = 1 * 2")),
    "large exponent": (check("x = 9 ** 11"), check("x = 9 ** 10")),
    "computed exponent": (check("n = 2\nx = 9 ** n"), check("n = 2\nx = n ** 2")),
    "tower of exponents": (check("x = 9 ** 9 ** 9"), check("x = (9 ** 9) ** 9")),
    "negative exponent": (check("x = 9 ** -11"), check("x = 9 ** -0.5")),
    "exponent in place": (check("x = 9\nx **= 99"), check("x = 9\nx **= 2")),
    "underscore name": (check("_x = 1"), check("_ = 1")),
    "dunder name": (check("x = __builtins__"), check("x = 'builtins'")),
    "guard hook": (check("x = _getattr_(scene, 'size')"), check("x = scene.size")),
    "rebinding a guard hook": (check("_write_ = 1"), check("write = 1")),
    "reserved name": (check("logisight_key = 1"), check("key = 1")),
    "roles name": (check("x__roles__ = 1"), check("x_roles = 1")),
    "print": (check("print(1)"), check("text = str(1)")),
    "binding print": (check("print = 1"), check("printing = 1")),
    "binding printed": (check("printed = 1"), check("prints = 1")),
    "binding expect": (check("expect = 1"), check("expected = 1")),
    "helper called expect": (
        check("", "def expect(a, b, c):\n    return 1"),
        check("", "def expects(a, b, c):\n    return 1"),
    ),
    "underscore attribute": (check("x = scene._real"), check("x = scene.size")),
    "dunder attribute": (check("x = scene.__class__"), check("x = scene.labels")),
    "full-width dunder": (check("x = scene.__\uff43lass__"), check("x = scene.\uff53ize")),
    "full-width dunder name": (check("x = __\uff42uiltins__"), check("\uff42uiltin = 1")),
    "attribute not in the language": (check("x = scene.all_parts"), check("x = scene.parts('pin')")),
    "frame of a generator": (
        check("g = (x for x in [1])\ny = g.gi_frame"),
        check("g = (x for x in [1])\ny = list(g)"),
    ),
    "throw into a generator": (check("g = (x for x in [1])\ng.throw(1)"), check("g = [1]\ng.pop(0)")),
    "setting an attribute": (check("scene.size = 1"), check("size = 1")),
    "attribute in place": (check("scene.size += 1"), check("size = 0\nsize += 1")),
    "str.format": (check("x = '{}'.format(1)"), check("x = f'{1}'")),
    "format_map": (check("x = '{a}'.format_map({'a': 1})"), check("a = 1\nx = f'{a}'")),
    "text modulo": (check("x = '%d' % 1"), check("x = 7 % 2")),
    "unknown name": (check("x = maths"), check("maths = 1\nx = maths")),
    "open": (check("x = open('f')"), check("x = list('f')")),
    "eval": (check("x = eval('1')"), check("x = int('1')")),
    "exec": (check("exec('x = 1')"), check("x = 1")),
    "getattr": (check("x = getattr(scene, 'size')"), check("x = scene.size")),
    "type": (check("x = type(scene)"), check("x = len(scene.labels)")),
    "bytes": (check("x = b'a'"), check("x = 'a'")),
    "complex": (check("x = 1j"), check("x = 1.0")),
    "ellipsis": (check("x = ..."), check("x = None")),
    "infinite float": (check("x = 1e999"), check("x = 1e99")),
    "huge integer": (check(f"x = {MAX_INT + 1}"), check(f"x = {MAX_INT}")),
    "surrogate": (check(r"x = '\ud800'"), check(r"x = '\u2713'")),
    "wide format": (check("x = f'{1:9999}'"), check("x = f'{1:99}'")),
    "fine format": (check("x = f'{1:.999f}'"), check("x = f'{1:.2f}'")),
    "nested format": (check("w = 3\nx = f'{1:{w}}'"), check("x = f'{1:3}'")),
    "star parameters": (
        check("", "def f(*values):\n    return values"),
        check("", "def f(values):\n    return values"),
    ),
    "double star parameters": (
        check("", "def f(**values):\n    return values"),
        check("", "def f(values=1):\n    return values"),
    ),
    "positional-only": (
        check("", "def f(a, /):\n    return a"),
        check("", "def f(a, *, b=1):\n    return a"),
    ),
    "positional-only guard in a lambda": (check("f = lambda _getattr_, /: 1"), check("f = lambda getter: 1")),
    "call in a default": (
        check("", "def f(a=usual()):\n    return a"),
        check("", "def f(a=(1, 2)):\n    return a"),
    ),
    "dunder in a default": (
        check("", "def f(a=__import__):\n    return a"),
        check("", "A = 1\ndef f(a=A):\n    return a"),
    ),
    "call in an annotation": (
        check("", "def f(a: open('x')):\n    return a"),
        check("", "def f(a: list[int] | None):\n    return a"),
    ),
    "dunder in an annotation": (
        check("", "def f(a) -> __name__:\n    return a"),
        check("", "def f(a) -> 'name':\n    return a"),
    ),
    "dunder in a local annotation": (check("x: __name__ = 1"), check("x: int = 1")),
    "double star call": (check("x = dict(**{'a': 1})"), check("x = dict(a=1)")),
    "double star dict": (check("x = {**{'a': 1}}"), check("x = {'a': 1}")),
    "guard hook as keyword": (check("x = dict(_getattr_=1)"), check("x = dict(getattr=1)")),
    "slice in place": (check("x = [1]\nx[0:1] += [2]"), check("x = [1]\nx[0] += 2")),
    "statement outside functions": (
        check("", "for i in range(3):\n    pass"),
        check("for i in range(3):\n    pass"),
    ),
    "call outside functions": (check("", "X = max(1, 2)"), check("X = max(1, 2)")),
    "tuple target outside functions": (check("", "A, B = 1, 2"), check("", "A = 1\nB = 2")),
    "usual inside check": (check("x = usual()"), check("", "X = usual()")),
    "usual with arguments": (check("", "X = usual(1)"), check("", "X: tuple = usual()")),
    "no check": (f"def test(scene):\n    {EXPECT}\n", check("")),
    "two checks": (check("") + check(""), check("")),
    "check without scene": (f"def check():\n    {EXPECT}\n", f"def check(image):\n    {EXPECT}\n"),
    "check with two parameters": (
        f"def check(scene, x):\n    {EXPECT}\n",
        f"def check(scene: 'Scene') -> None:\n    {EXPECT}\n",
    ),
    "check that never expects": ("def check(scene):\n    return None\n", check("return None")),
    "syntax error": (check("x = = 1"), check("x = 1")),
}


@pytest.mark.parametrize("name", REFUSED_AND_ALLOWED)
def test_refused_text_gets_a_diagnostic_and_its_twin_none(name: str) -> None:
    refused, allowed = REFUSED_AND_ALLOWED[name]
    found = inspect_code(refused)
    assert found
    assert all(diagnostic.what and diagnostic.instead and diagnostic.line >= 1 for diagnostic in found)
    assert inspect_code(allowed) == []


@pytest.mark.parametrize("name", REFUSED_AND_ALLOWED)
def test_grammar_accepts_what_the_gate_lets_through(name: str) -> None:
    _, allowed = REFUSED_AND_ALLOWED[name]
    program = compile_rule(allowed)
    assert not isinstance(program, Diagnostic) or "usual()" in program.what


UNREADABLE = {
    "too long": check("x = 1") + "#" * MAX_CODE,
    "minus signs": "x = " + "-" * (MAX_CODE - 10) + "1",
    "attributes": "x" + ".a" * 3900,
    "calls": "x" + "()" * 3900,
    "sum": "x = 1" + "+1" * 3900,
    "parentheses": "x = " + "(" * 3900 + ")" * 3900,
    "brackets": "x = " + "[" * 150 + "]" * 150,
    "nots": "x = " + "not " * 1900 + "1",
    "lambdas": "x = " + "lambda: " * 900 + "1",
    "comparisons": "x = 1" + "<1" * 3900,
    "blocks": "".join(" " * depth + "if 1:\n" for depth in range(99)),
    "elifs": check("if 1:\n    pass\n" + "elif 1:\n    pass\n" * 300),
    "surrogate": check("x = '\ud800'"),
    "nul": check("x = '\0'"),
    "huge literal": "x = " + "9" * 7000,
    "unclosed text": "x = '''" + "a" * 7000,
    "nothing": "",
    "control characters": "\x01\x02\x03",
    "form feed": "\x0c",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_text_that_breaks_parsers_is_refused_in_words(name: str) -> None:
    found = inspect_code(UNREADABLE[name])
    assert found
    assert all(str(diagnostic).isprintable() for diagnostic in found)
    assert isinstance(compile_rule(UNREADABLE[name]), Diagnostic)


def test_nesting_up_to_the_limit_is_allowed() -> None:
    assert inspect_code(check("x = 1" + "+1" * (MAX_DEPTH - 10))) == []
    assert inspect_code(check("x = 1" + "+1" * (MAX_DEPTH + 10))) != []


def test_length_limit_counts_characters_and_is_inclusive() -> None:
    text = check("x = 1")
    assert inspect_code(text + "#" * (MAX_CODE - len(text))) == []


def test_diagnostic_names_line_and_column_in_characters() -> None:
    found = inspect_code('def check(scene):\n    x = "äöü" + foo\n    expect(True, "size", x)\n')
    assert [(d.line, d.column) for d in found] == [(2, 17)]
    assert found[0].what == "the name 'foo' is not part of the rule language"


def test_diagnostics_come_in_order_of_lines_and_are_bounded() -> None:
    found = inspect_code(check("\n".join(f"x = unknown{i}" for i in range(50))))
    assert len(found) == MAX_DIAGNOSTICS
    assert [d.line for d in found] == sorted(d.line for d in found)


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ("x = scene.parts('pin')[0].colour", "color"),
        ("x = scene.parts('pin')[0].widht", "width"),
        ("x = math.sqrt(2)", "** 0.5"),
        ("print(scene)", "expect("),
        ("x = list(map(str, [1]))", "comprehension"),
        ("x = '{}'.format(1)", "f-string"),
        ("x = list(reversed([1]))", "[::-1]"),
    ],
)
def test_advice_says_what_to_write(wrong: str, advice: str) -> None:
    assert any(advice in diagnostic.instead for diagnostic in inspect_code(check(wrong)))


@pytest.mark.parametrize("body", ["break", "return\nx = 1\ncontinue"])
def test_what_only_the_compiler_sees_is_refused_when_compiled(body: str) -> None:
    program = compile_rule(check(body))
    assert isinstance(program, Diagnostic)
    assert program.line > 1
    assert not isinstance(compile_rule(check(f"for i in [1]:\n    {body.splitlines()[-1]}")), Diagnostic)
