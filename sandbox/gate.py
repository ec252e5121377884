"""The text gate: what the text of a rule may hold, with an answer that an author can act on."""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from .grammar import (
    ALLOWED,
    ANNOTATION,
    ATTRIBUTES,
    CONSTANT,
    FORMAT,
    GRAMMAR_NAMES,
    INSTEAD,
    MAX_INT,
    MAX_STRING,
    NOT_ALLOWED,
    RESERVED,
)
from .language import BUILTINS, MAX_CODE, MAX_DEPTH, MAX_EXPONENT, MAX_NODES, MAX_WIDTH
from .outcome import Diagnostic, clipped

MAX_COMPARED: Final = 24
"""Letters of a name up to which a similar one is looked for."""
MAX_DIAGNOSTICS: Final = 20
"""Diagnostics of one text, the first ones by line."""


class _Place(NamedTuple):
    line: int
    column: int
    """Offset in bytes, as the syntax tree counts."""


def inspect_code(code: str) -> list[Diagnostic]:
    r"""Why the text of a rule is refused, in the order of its lines; empty when it may go on.

    A text that passes can still be refused when it is compiled (`break` outside a loop) or run (it holds
    `usual()`, a range that is not learned yet).

    Example:
        >>> [str(found) for found in inspect_code("def check(scene):\n    expect(open('x'))")]
        ["line 2: the name 'open' is not part of the rule language; use only what the rule language lists"]
    """
    return read_code(code)[1]


def read_code(code: str) -> tuple[ast.Module, list[Diagnostic]]:
    """The syntax tree of a rule and why it is refused; the tree is empty when the text is no Python."""
    empty = ast.Module(body=[], type_ignores=[])
    if len(code) > MAX_CODE:
        what = f"the rule has {len(code):,} characters, more than {MAX_CODE:,}"
        return empty, [Diagnostic(line=0, column=0, what=what, instead="split it into several rules")]
    try:
        tree = ast.parse(code, "<rule>")
    except SyntaxError as error:
        line, column = error.lineno or 0, error.offset or 0
        what = clipped(f"this is not valid Python: {error.msg}")
        instead = "correct the syntax"
        return empty, [Diagnostic(line=line, column=column, what=what, instead=instead, is_syntax=True)]
    except (RecursionError, MemoryError):
        what = "the rule is nested too deeply"
        return empty, [Diagnostic(line=0, column=0, what=what, instead="write short statements")]
    except (ValueError, OverflowError):
        what = "the rule holds characters that Python cannot read"
        return empty, [Diagnostic(line=0, column=0, what=what, instead="write plain text", is_syntax=True)]
    return tree, _Gate(code, tree).diagnostics()


def unlearned(tree: ast.Module) -> Diagnostic | None:
    """Why a rule that passed the gate cannot be run yet: it holds a range that is still `usual()`."""
    for value in _usuals(tree):
        what = "a usual() range has not been learned yet"
        instead = "learn it from reference pictures, or write (low, high)"
        return Diagnostic(line=value.lineno, column=0, what=what, instead=instead)
    return None


def _usuals(tree: ast.Module) -> list[ast.expr]:
    """The right sides of every `NAME = usual()` outside functions."""
    values = [node.value for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    return [value for value in values if value is not None and _is_usual(value)]


def _is_usual(value: ast.expr) -> bool:
    match value:
        case ast.Call(func=ast.Name(id="usual"), args=[], keywords=[]):
            return True
    return False


class _Gate:
    """One pass over the tree of one rule."""

    def __init__(self, code: str, tree: ast.Module) -> None:
        self._lines = code.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._tree = tree
        self._found: list[Diagnostic] = []
        self._loaded: list[tuple[str, _Place]] = []
        self._bound: set[str] = set()
        self._compared = 0

    def diagnostics(self) -> list[Diagnostic]:
        for count, (node, depth, place) in enumerate(self._nodes(), start=1):
            if count > MAX_NODES or depth > MAX_DEPTH:
                self._found.clear()
                what = "the rule is too long or nested too deeply"
                self._refuse(place, what, "split it into several rules or helper functions")
                return self._found
            self._check_node(node, place)
        self._check_module()
        self._check_names()
        self._found.sort(key=lambda found: (found.line, found.column))
        return self._found[:MAX_DIAGNOSTICS]

    def _nodes(self) -> Iterator[tuple[ast.AST, int, _Place]]:
        """Every node but those inside annotations and forbidden nodes, with its depth and nearest position.

        Walked without recursion, so that no text can exhaust the stack.
        """
        waiting: list[tuple[ast.AST, int, _Place]] = [(self._tree, 0, _Place(1, 0))]
        while waiting:
            node, depth, place = waiting.pop()
            place = _Place(getattr(node, "lineno", place.line), getattr(node, "col_offset", place.column))
            yield node, depth, place
            if type(node) not in ALLOWED:
                continue
            for name, value in ast.iter_fields(node):
                children = value if isinstance(value, list) else [value]
                if name not in ("annotation", "returns"):
                    nodes = (child for child in children if isinstance(child, ast.AST))
                    waiting.extend((child, depth + 1, place) for child in nodes)

    def _refuse(self, place: _Place, what: str, instead: str) -> None:
        source = self._lines[place.line - 1] if 0 < place.line <= len(self._lines) else ""
        before = source.encode(errors="replace")[: place.column].decode(errors="ignore")
        self._found.append(
            Diagnostic(line=place.line, column=len(before) + 1, what=clipped(what), instead=clipped(instead))
        )

    def _advice(self, name: str, known: set[str] | frozenset[str]) -> str:
        """What to write instead of a name; a similar one is looked for as long as that is quick."""
        if name in INSTEAD:
            return INSTEAD[name]
        self._compared += len(name) <= MAX_COMPARED
        nearest: list[str] = []
        if len(name) <= MAX_COMPARED and self._compared <= MAX_DIAGNOSTICS:
            candidates = sorted(word for word in known if len(word) <= MAX_COMPARED)
            nearest = difflib.get_close_matches(name, candidates, n=1, cutoff=0.75)
        return f"did you mean {nearest[0]!r}?" if nearest else "use only what the rule language lists"

    def _check_node(self, node: ast.AST, place: _Place) -> None:
        if type(node) not in ALLOWED:
            kind = type(node).__name__
            what, instead = NOT_ALLOWED.get(kind, (f"{kind} is not allowed", "use plain statements"))
            return self._refuse(place, what, instead)
        match node:
            case ast.FunctionDef() | ast.Lambda():
                self._check_function(node, place)
            case ast.arg():
                self._bind(node.arg, place)
                self._check_annotation(node.annotation)
            case ast.AnnAssign():
                self._check_annotation(node.annotation)
            case ast.Name(ctx=ast.Store()):
                self._bind(node.id, place)
            case ast.Name():
                self._check_identifier(node.id, place)
                self._loaded.append((node.id, place))
            case ast.Attribute():
                self._check_attribute(node, place)
            case ast.Constant():
                self._check_constant(node.value, place)
            case ast.FormattedValue():
                self._check_format(node.format_spec, place)
            case ast.BinOp(op=ast.Pow()):
                self._check_exponent(node.right, place)
            case ast.AugAssign():
                self._check_augmented(node, place)
            case ast.BinOp(op=ast.Mod(), left=ast.Constant(value=str()) | ast.JoinedStr()):
                self._refuse(place, "text % values is not allowed", INSTEAD["format"])
            case ast.keyword(arg=None):
                self._refuse(place, "** is not allowed in a call", "name each argument")
            case ast.Dict(keys=keys) if None in keys:
                self._refuse(place, "** is not allowed in a dict", "name each item, or use update()")
            case ast.keyword(arg=str(name)):
                self._check_identifier(name, place)
            case ast.comprehension(is_async=1):
                self._refuse(place, "async is not allowed", "write a plain comprehension")
        return None

    def _check_function(self, node: ast.FunctionDef | ast.Lambda, place: _Place) -> None:
        if isinstance(node, ast.FunctionDef):
            self._bind(node.name, place, function=True)
            self._check_annotation(node.returns)
            if node.decorator_list:
                self._refuse(place, "decorators are not allowed", "call the helper inside the function")
            if getattr(node, "type_params", []):
                self._refuse(place, "type parameters are not allowed", "leave them out")
        arguments = node.args
        if arguments.vararg or arguments.kwarg:
            self._refuse(place, "*args and **kwargs are not allowed", "name each parameter, or take one list")
        if arguments.posonlyargs:
            self._refuse(place, "positional-only parameters are not allowed", "leave out the /")
        for default in [*arguments.defaults, *filter(None, arguments.kw_defaults)]:
            if not _is_constant(default):
                self._refuse(
                    place, "a default must be a constant or a name", "use None and test for it inside"
                )

    def _check_annotation(self, annotation: ast.expr | None) -> None:
        """Annotations are dropped before the rule is compiled; this only keeps surprises out of the text."""
        if annotation is None:
            return
        nodes = list(ast.walk(annotation))
        names = [getattr(node, "id", getattr(node, "attr", "")) for node in nodes]
        if any(type(node) not in ANNOTATION for node in nodes) or any(name.startswith("_") for name in names):
            place = _Place(annotation.lineno, annotation.col_offset)
            self._refuse(place, "an annotation may only name a type", "leave it out")

    def _bind(self, name: str, place: _Place, *, function: bool = False) -> None:
        self._check_identifier(name, place)
        self._bound.add(name)
        taken = {"expect", "usual"} if function else {"expect", "usual", "check"}
        if name in taken | GRAMMAR_NAMES:
            self._refuse(place, f"the name {name!r} is taken", "choose another name")

    def _check_identifier(self, name: str, place: _Place) -> None:
        if name.startswith("_") and name != "_":
            self._refuse(place, f"the name {name!r} starts with _", "choose a name that starts with a letter")
        elif name.startswith(RESERVED) or name.endswith("__roles__"):
            self._refuse(place, f"the name {name!r} is taken", "choose another name")

    def _check_attribute(self, node: ast.Attribute, place: _Place) -> None:
        if not isinstance(node.ctx, ast.Load):
            return self._refuse(
                place, f"the attribute {node.attr!r} cannot be set", "keep the value in a variable"
            )
        if node.attr.startswith("_"):
            return self._refuse(
                place, f"the attribute {node.attr!r} starts with _", "use the listed attributes"
            )
        if node.attr not in ATTRIBUTES:
            what = f"the attribute {node.attr!r} is not part of the rule language"
            return self._refuse(place, what, self._advice(node.attr, ATTRIBUTES))
        return None

    def _check_constant(self, value: object, place: _Place) -> None:
        match value:
            case None | bool():
                return
            case int() if value <= MAX_INT:
                return
            case float() if math.isfinite(value):
                return
            case str() if len(value) <= MAX_STRING and not _holds_surrogate(value):
                return
            case int() | float():
                self._refuse(place, "the number is too large", f"use numbers up to {MAX_INT:,}")
            case str():
                self._refuse(place, "the text is too long or not valid Unicode", "use a shorter, plain text")
            case _:
                self._refuse(
                    place, f"{type(value).__name__} constants are not allowed", "use numbers and texts"
                )

    def _check_format(self, spec: ast.expr | None, place: _Place) -> None:
        if spec is None:
            return
        match spec:
            case ast.JoinedStr(values=[ast.Constant(value=str(text))]) if found := FORMAT.fullmatch(text):
                if all(int(digits or 0) <= MAX_WIDTH for digits in found.groups()):
                    return
        self._refuse(
            place, "this format is not allowed", f"use a plain one up to {MAX_WIDTH} wide, such as {{x:.1f}}"
        )

    def _check_exponent(self, exponent: ast.expr, place: _Place) -> None:
        match exponent:
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as size)):
                pass
            case ast.Constant(value=int() | float() as size):
                pass
            case _:
                size = MAX_EXPONENT + 1
        if size > MAX_EXPONENT:
            instead = f"write a number up to {MAX_EXPONENT} as the exponent, such as x ** 2"
            self._refuse(place, "this exponent is not allowed", instead)

    def _check_augmented(self, node: ast.AugAssign, place: _Place) -> None:
        if isinstance(node.op, ast.Pow):
            self._check_exponent(node.value, place)
        sliced = isinstance(node.target, ast.Subscript) and any(
            isinstance(part, ast.Slice) for part in ast.walk(node.target.slice)
        )
        if sliced:
            self._refuse(place, "a slice cannot be changed in place", "build a new list")

    def _check_module(self) -> None:
        checks: list[_Place] = []
        for statement in self._tree.body:
            place = _Place(statement.lineno, statement.col_offset)
            match statement:
                case ast.FunctionDef(name="check"):
                    checks.append(place)
                    if len(statement.args.args) != 1 or statement.args.kwonlyargs or statement.args.defaults:
                        self._refuse(place, "check must take exactly the scene", "write def check(scene):")
                case ast.FunctionDef() | ast.Expr(value=ast.Constant(value=str())):
                    pass
                case (
                    ast.Assign(targets=[ast.Name()], value=value)
                    | ast.AnnAssign(target=ast.Name(), value=value)
                ):
                    if value is not None and not _is_usual(value) and not _is_constant(value):
                        instead = "move it into check, or write a number, a text, or a tuple of them"
                        self._refuse(place, "only constants may stand outside functions", instead)
                case _ if type(statement) in ALLOWED:
                    what = "only constants and functions may stand outside functions"
                    self._refuse(place, what, "move it into check")
        if len(checks) != 1:
            what = f"check is defined {len(checks)} times"
            self._refuse(_Place(1, 0), what, "define def check(scene): exactly once")
        elif not any(name == "expect" for name, _ in self._loaded):
            self._refuse(checks[0], "check never calls expect", "report each finding with expect(...)")

    def _check_names(self) -> None:
        waiting = {(value.lineno, value.col_offset) for value in _usuals(self._tree)}
        known = self._bound | set(BUILTINS) | {"expect", "usual"}
        for name, place in self._loaded:
            if name == "usual" and place not in waiting:
                self._refuse(place, "usual() may not stand here", "write NAME = usual() outside functions")
            elif name not in known and not name.startswith("_"):
                what = f"the name {name!r} is not part of the rule language"
                self._refuse(place, what, self._advice(name, known))


def _is_constant(value: ast.expr) -> bool:
    return all(type(node) in CONSTANT for node in ast.walk(value))


def _holds_surrogate(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)
