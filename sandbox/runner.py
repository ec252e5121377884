"""Compiles the text of one rule, and runs it on one scene. Both happen in a jailed process only."""

from __future__ import annotations

import re
from types import CodeType
from typing import Final

from RestrictedPython.compile import compile_restricted_exec

from ..scene import Scene
from ..schema import SceneError
from .expectations import Expectations, OutputTooLargeError
from .facade import Facade
from .gate import read_code, unlearned
from .namespace import namespace
from .outcome import MAX_NUMBER, MAX_TEXT, Diagnostic, Limits, Outcome, OutcomeStatus, clipped
from .rewrite import rewrite

_FILE: Final = "<rule>"
_OBJECT: Final = re.compile(r"<.*? at 0x[0-9a-fA-F]+>")
"""How Python shows what has no text of its own, with its address."""
_QUALIFIED: Final = re.compile(r"(?:[\w<>]+\.)+(?=[\w<>]+\(\))")
"""What Python puts before the name of a function of ours."""


def compile_rule(code: str) -> CodeType | Diagnostic:
    """The compiled rule, or why it is refused: text gate, rewriting, RestrictedPython, Python's compiler."""
    tree, found = read_code(code)
    if found:
        return found[0]
    if missing := unlearned(tree):
        return missing
    try:
        result = compile_restricted_exec(rewrite(tree), filename=_FILE)
    except SyntaxError as error:
        return _refused(error.lineno or 0, error.msg)
    except Exception as error:  # noqa: BLE001  (whatever a text makes the compiler raise refuses the text)
        return _refused(0, f"it cannot be compiled: {error}")
    if result.code is None:
        place = re.match(r"Line (\d+): (.*)", result.errors[0], re.DOTALL)
        return _refused(int(place[1]), place[2]) if place else _refused(0, result.errors[0])
    return result.code


def run_check(code: CodeType, scene: Scene, number: int, limits: Limits) -> Outcome:
    """Run one compiled rule; whatever it does short of ending the process becomes an Outcome."""
    facade = Facade(scene)
    expectations = Expectations(facade, limits.output_bytes)
    try:
        names = namespace(facade, expectations)
        exec(code, names)  # noqa: S102  (this is the place the whole jail is built around)
        answer = names["check"](facade.scene)
    except BaseException as error:  # noqa: BLE001  (a rule may end in any way; only a signal goes past this)
        status, message = ending(error, limits)
        line = _line(error)
    else:
        status, message = verdict(type(answer).__name__, expectations)
        line = None
    return Outcome(
        number=number,
        status=status,
        message=clipped(f"line {line}: {message}" if line and status == "rule_error" else message),
        line=line,
        expectations=expectations.made if status == "ok" else [],
    )


def _refused(line: int, what: str | None) -> Diagnostic:
    return Diagnostic(
        line=line, column=0, what=clipped(what or "not valid Python"), instead="write it another way"
    )


def verdict(returned: str, expectations: Expectations) -> tuple[OutcomeStatus, str]:
    """What a rule comes to that ended by itself, and returned an object of that type."""
    if returned != "NoneType":
        return "bad_output", f"check returned a {returned}; it must report with expect(...) only"
    if not expectations.made:
        return "bad_output", "check ended without calling expect(...) once"
    return "ok", ""


def ending(error: BaseException, limits: Limits) -> tuple[OutcomeStatus, str]:
    """What an error that left the rule means."""
    if isinstance(error, SceneError):
        return "undecided", str(error)
    if isinstance(error, OutputTooLargeError):
        return "output_too_large", limits.too_much
    if isinstance(error, MemoryError):
        return "out_of_memory", limits.too_large
    if isinstance(error, RecursionError):
        return "rule_error", "a function calls itself without end"
    return "rule_error", f"{_told(error)} ({type(error).__name__})"


def _told(error: BaseException) -> str:
    """What an error says, taken from short plain arguments only and without addresses of this process.

    An argument can be anything that the rule has made, and its text as long as memory, or no text at all.
    """
    if isinstance(error, SyntaxError | UnicodeError) or len(error.args) != 1:
        return "an error without a text of its own"
    (said,) = error.args
    if type(said) is str:
        text = _OBJECT.sub("an object", said[:MAX_TEXT])
        text = _QUALIFIED.sub("", text) if isinstance(error, TypeError) else text
        return repr(text) if isinstance(error, KeyError) else text
    is_short = type(said) in (int, float, bool) and abs(said) < MAX_NUMBER
    return repr(said) if is_short else "something not there"


def _line(error: BaseException) -> int | None:
    """The line of the rule's own text at which an error left it."""
    line = None
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == _FILE:
            line = step.tb_lineno
        step = step.tb_next
    return line
