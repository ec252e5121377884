"""What honest authors write and RestrictedPython rejects, rewritten to what it accepts.

- `counts[k] += 1` becomes steps over reserved names that keep Python's own order and single evaluation;
- annotations are dropped: `x: int = 1` becomes `x = 1`;
- `{value}` in an f-string and `a % b` go through guards, as Python formats and divides past every hook.
"""

from __future__ import annotations

import ast
from typing import Final

from .grammar import RESERVED

SHOW: Final = f"{RESERVED}show"
"""Guard: turns a value that is written into an f-string into a number or a text."""
MODULO: Final = f"{RESERVED}modulo"
"""Guard: the remainder of two numbers."""
_TARGET: Final = f"{RESERVED}target"
_KEY: Final = f"{RESERVED}key"
_VALUE: Final = f"{RESERVED}value"


def rewrite(tree: ast.Module) -> ast.Module:
    r"""The same rule in the subset that RestrictedPython accepts; the given tree is changed.

    The tree must have passed the text gate. Every new node keeps the line of the node it stands for.

    Example:
        >>> print(ast.unparse(rewrite(ast.parse("def check(scene) -> None:\n    n: int = 7 % 2"))))
        def check(scene):
            n = logisight_modulo(7, 2)
    """
    rewritten: ast.Module = _Rewriter().visit(tree)
    return ast.fix_missing_locations(rewritten)


def _load(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(_load(name), list(arguments), [])


class _Rewriter(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        plain = ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)
        return self.generic_visit(plain)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Mod):
            return node
        return ast.copy_location(_call(MODULO, node.left, node.right), node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        self.generic_visit(node)
        node.value = ast.copy_location(_call(SHOW, node.value), node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        if not isinstance(node.target, ast.Subscript):
            return node
        item = ast.Subscript(_load(_TARGET), _load(_KEY), ast.Load())
        stored = ast.Subscript(_load(_TARGET), _load(_KEY), ast.Store())
        steps: list[ast.stmt] = [
            ast.Assign([ast.Name(_TARGET, ast.Store())], node.target.value),
            ast.Assign([ast.Name(_KEY, ast.Store())], node.target.slice),
            ast.Assign([ast.Name(_VALUE, ast.Store())], item),
            ast.AugAssign(ast.Name(_VALUE, ast.Store()), node.op, node.value),
            ast.Assign([stored], _load(_VALUE)),
        ]
        return [ast.copy_location(step, node) for step in steps]
