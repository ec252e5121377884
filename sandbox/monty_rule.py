"""The text of a rule as the interpreter Monty runs it, and the text that gives a rule its names there.

Monty is no CPython: a question to the scene can only be asked where a statement or a call of the rule's own
runs, not from inside `sorted(key=...)` or a generator, and a few built-ins answer otherwise. So, after the
gate and the same rewriting that the other backends use:

- `part.area` becomes `logisight_read(part, 'area')`, `xs.append` first asks whether a list has it;
- a generator becomes an iterator over a list, a method that is not called at once becomes a function;
- an f-string becomes one call, so that no Python version has to write it back as text;
- the prelude defines `sorted`, `min`, `max`, `zip`, `enumerate`, `range`, `round` and `str` anew.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from .gate import read_code, unlearned
from .grammar import RESERVED
from .language import BUILTINS, HANDLES, MAX_RANGE, METHODS
from .namespace import MAX_SHOWN
from .outcome import Diagnostic, clipped
from .rewrite import MODULO, rewrite

_WORDS: Final = frozenset(name for table in HANDLES.values() for name in table)
_KEPT_TEXTS: Final = 256
"""Rules that stay translated."""


@dataclass(frozen=True)
class MontyRule:
    """A rule that Monty can run."""

    text: str
    places: Mapping[tuple[int, int], int]
    """Line and column in `text`, from 1 -> line of the rule's own text."""

    def line(self, line: int, column: int) -> int | None:
        """The line of the rule's own text that stands at a place of `text`."""
        return self.places.get((line, column)) or self.places.get((line, 0))


@lru_cache(_KEPT_TEXTS)
def translate(code: str) -> MontyRule | Diagnostic:
    """The rule for Monty, or why it is refused: the text gate, `usual()`, or it cannot be written back."""
    tree, found = read_code(code)
    if found:
        return found[0]
    if missing := unlearned(tree):
        return missing
    module = ast.fix_missing_locations(_ForMonty().visit(rewrite(tree)))
    try:
        text = ast.unparse(module)
        return MontyRule(text, dict(_places(module, text)))
    except (RecursionError, ValueError, SyntaxError) as error:
        what = clipped(f"it cannot be written for the interpreter: {error}")
        return Diagnostic(line=0, column=0, what=what, instead="write it another way")


def _places(module: ast.Module, text: str) -> Iterator[tuple[tuple[int, int], int]]:
    """Place in the written text -> line of the rule, by walking both trees side by side."""
    lines = text.split("\n")
    for ours, written in zip(ast.walk(module), ast.walk(ast.parse(text)), strict=True):
        if isinstance(ours, ast.stmt) and isinstance(written, ast.stmt):
            yield (written.lineno, 0), ours.lineno
        elif isinstance(ours, ast.expr) and isinstance(written, ast.expr):
            before = lines[written.lineno - 1].encode()[: written.col_offset].decode()
            yield (written.lineno, len(before) + 1), ours.lineno


def _own(name: str) -> str:
    return RESERVED + name


def _load(name: str) -> ast.expr:
    return ast.Name(_own(name), ast.Load())


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(_load(name), list(arguments), [])


class _ForMonty(ast.NodeTransformer):
    """Turns a rewritten rule into one that Monty runs with the same meaning."""

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        self.generic_visit(node)
        made = ast.copy_location(ast.ListComp(node.elt, node.generators), node)
        return ast.copy_location(_call("iter", made), node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        match node.func:
            case ast.Attribute(value=value, attr=name) if name not in _WORDS:
                value = self.visit(value)
                node.args = [self.visit(argument) for argument in node.args]
                node.keywords = [self.visit(keyword) for keyword in node.keywords]
                return ast.copy_location(self._method(value, name, node.args, node.keywords), node)
        return self.generic_visit(node)

    def _method(
        self, value: ast.expr, name: str, arguments: list[ast.expr], keywords: list[ast.keyword]
    ) -> ast.expr:
        """`value.name(...)` for a plain value."""
        if name in ("sort", "is_integer"):
            return ast.Call(_load(name), [value, *arguments], keywords)
        checked = ast.copy_location(_call("of", value, ast.Constant(name)), value)
        return ast.Call(ast.Attribute(checked, name, ast.Load()), arguments, keywords)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if node.attr in _WORDS:
            return ast.copy_location(_call("read", node.value, ast.Constant(node.attr)), node)
        given, named = ast.Starred(_load("given"), ast.Load()), ast.keyword(None, _load("named"))
        called = self._method(_load("it"), node.attr, [given], [named])
        anything = ast.arguments([], [], ast.arg(_own("given")), [], [], ast.arg(_own("named")), [])
        later = ast.Lambda(anything, called)
        once = ast.Lambda(ast.arguments([], [ast.arg(_own("it"))], None, [], [], None, []), later)
        return ast.copy_location(ast.Call(once, [node.value], []), node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Mod) or not isinstance(node.target, ast.Name):
            return node
        old = ast.Name(node.target.id, ast.Load())
        rest = ast.Call(ast.Name(MODULO, ast.Load()), [old, node.value], [])
        return ast.copy_location(ast.Assign([node.target], rest), node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        pieces = [self._piece(piece) for piece in node.values]
        return ast.copy_location(_call("joined", *pieces), node)

    def _piece(self, piece: ast.expr) -> ast.expr:
        if not isinstance(piece, ast.FormattedValue):
            return piece
        value = self.visit(piece.value)
        if piece.conversion >= 0:
            conversion = {"s": "text", "r": "repr", "a": "ascii"}[chr(piece.conversion)]
            value = ast.copy_location(_call(conversion, value), value)
        match piece.format_spec:
            case ast.JoinedStr(values=[ast.Constant(value=str(form))]):
                return ast.copy_location(_call("formatted", value, ast.Constant(form)), value)
        return ast.copy_location(_call("formatted", value), value)


_ALIASES: Final = {"text": "str", **{name: name for name in (*BUILTINS, "iter", "repr", "type", "format")}}
"""Reserved name -> built-in: a rule may give the built-in names another meaning."""
_KINDS: Final = {handle: {name: word.arguments is not None for name, word in words.items()}
                 for handle, words in HANDLES.items()}  # fmt: skip

PRELUDE: Final = f"""\
{"; ".join(f"{RESERVED}{own} = {name}" for own, name in _ALIASES.items())}
logisight_words = {_KINDS!r}
logisight_methods = {{{", ".join(f"{kind.__name__}: {names!r}" for kind, names in METHODS.items())}}}
logisight_brackets = {{list: ("[", "]"), tuple: ("(", ")"), set: ("{{", "}}")}}
logisight_simple = (int, float, bool, type(None), str)
logisight_answers = {{}}


def logisight_handle(name):
    def start(self, number):
        self.number = number

    def same(self, other):
        return logisight_type(other) is kind and other.number == self.number

    def code(self):
        return self.number

    def shown(self):
        return "<" + name + ">"

    members = {{"__init__": start, "__eq__": same, "__hash__": code, "__repr__": shown}}
    kind = logisight_type(name, (), members)
    return kind


logisight_kinds = {{name: logisight_handle(name) for name in logisight_words}}
logisight_handles = {{logisight_kinds[name]: name for name in logisight_kinds}}


def logisight_packed(value):
    kind = logisight_type(value)
    if kind in logisight_handles:
        return {{"handle": value.number}}
    if kind in logisight_simple:
        return value
    raise TypeError("a " + kind.__name__ + " cannot be used here")


def logisight_lacking(value, name):
    raise AttributeError("a " + logisight_type(value).__name__ + " has no attribute " + logisight_repr(name))


def logisight_asked(value, name, given, named):
    given = [logisight_packed(item) for item in given]
    named = {{key: logisight_packed(item) for key, item in named.items()}}
    kind, answer = logisight_ask(value.number, name, given, named)
    if kind == "":
        return answer
    kind = logisight_kinds[kind]
    return [kind(number) for number in answer] if logisight_type(answer) is logisight_list else kind(answer)


def logisight_read(value, name):
    kind = logisight_handles.get(logisight_type(value))
    if kind is None or name not in logisight_words[kind]:
        logisight_lacking(value, name)
    if logisight_words[kind][name]:
        return lambda *given, **named: logisight_asked(value, name, given, named)
    place = (value.number, name)
    if place not in logisight_answers:
        logisight_answers[place] = logisight_asked(value, name, (), {{}})
    return logisight_answers[place]


def logisight_of(value, name):
    if name not in logisight_methods.get(logisight_type(value), ()):
        logisight_lacking(value, name)
    return value


def logisight_is_integer(value):
    logisight_of(value, "is_integer")
    return value % 1 == 0


def logisight_sort(value, *, key=None, reverse=False):
    logisight_of(value, "sort")
    value[:] = logisight_in_order(value, key=key, reverse=reverse)


def logisight_modulo(left, right):
    if logisight_type(left) is logisight_str:
        raise TypeError("text % values is not allowed; use an f-string")
    return left % right


def logisight_show(value):
    kind = logisight_type(value)
    if kind in logisight_simple and kind is not logisight_str:
        return value
    text = value if kind is logisight_str else logisight_contents(value)
    if logisight_len(text) > {MAX_SHOWN}:
        raise ValueError("a text may take in at most {MAX_SHOWN:,} characters at a time")
    return text


def logisight_contents(value):
    kind = logisight_type(value)
    if kind in logisight_simple or kind in logisight_handles:
        return logisight_repr(value)
    if kind is logisight_dict:
        items = [logisight_contents(key) + ": " + logisight_contents(item) for key, item in value.items()]
        return "{{" + ", ".join(items) + "}}"
    if kind in logisight_brackets:
        start, end = logisight_brackets[kind]
        return start + ", ".join([logisight_contents(item) for item in value]) + end
    raise TypeError("a " + kind.__name__ + " cannot be written into a text")


def logisight_ascii(value):
    return f"{{value!a}}"


def logisight_formatted(value, form=""):
    if value is None and form:
        raise TypeError("None cannot be written in the form " + logisight_repr(form))
    return logisight_format(value, form)


def logisight_joined(*pieces):
    return "".join(pieces)


def logisight_in_order(items, /, *, key=None, reverse=False):
    items = logisight_list(items)
    if key is None:
        return logisight_sorted(items, reverse=reverse)
    keys = [key(item) for item in items]
    places = logisight_sorted(
        logisight_range(logisight_len(items)), key=lambda place: keys[place], reverse=reverse
    )
    return [items[place] for place in places]


def logisight_best(name, better, items, key, named):
    if logisight_len(items) == 1:
        items = logisight_list(items[0])
        if not items and "default" in named:
            return named["default"]
    if not items:
        raise ValueError(name + "() arg is an empty sequence")
    keys = [key(item) for item in items]
    best = 0
    for place in logisight_range(1, logisight_len(items)):
        if better(keys[place], keys[best]):
            best = place
    return items[best]


def min(*items, key=None, **named):
    if key is None:
        return logisight_min(*items, **named)
    return logisight_best("min", lambda a, b: a < b, items, key, named)


def max(*items, key=None, **named):
    if key is None:
        return logisight_max(*items, **named)
    return logisight_best("max", lambda a, b: a > b, items, key, named)


def zip(*items, **named):
    return logisight_iter(logisight_zip(*items, **named))


def enumerate(items, start=0):
    return logisight_iter(logisight_enumerate(items, start))


def range(*numbers):
    made = logisight_range(*numbers)
    if logisight_len(made) > {MAX_RANGE}:
        raise ValueError("a range may hold at most {MAX_RANGE:,} numbers")
    return made


def round(number, ndigits=None):
    kinds = (logisight_type(number), logisight_type(ndigits))
    if kinds == (logisight_float, logisight_int) and ndigits >= 0:
        return logisight_float(logisight_format(number, "." + logisight_text(ndigits) + "f"))
    return logisight_round(number, ndigits)


def str(value=""):
    return logisight_text(logisight_show(value))


def expect(condition, kind, reason, expected=None, actual=None, parts=()):
    if logisight_type(parts) not in logisight_brackets:
        raise TypeError("parts must be a list of parts or regions, got a " + logisight_type(parts).__name__)
    if logisight_type(expected) is logisight_tuple:
        expected = logisight_tuple([logisight_packed(end) for end in expected])
    else:
        expected = logisight_packed(expected)
    told = [logisight_packed(value) for value in (condition, kind, reason)]
    logisight_expect(*told, expected, logisight_packed(actual), [logisight_packed(part) for part in parts])


sorted = logisight_in_order
logisight_scene = logisight_kinds["scene"](0)
"""
"""Run before a rule: the handles, the guards, and the built-ins that differ, all as Monty's own objects."""
