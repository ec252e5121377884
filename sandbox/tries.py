"""Tries of the layers that are no matter of the kernel: each with texts and bytes that it is there to refuse.

No text is run by these, but by the whole jail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from RestrictedPython.compile import compile_restricted_exec

from .expectations import Expectations
from .facade import Facade
from .gate import inspect_code
from .jail import ProcessJail
from .launcher import rehearsal_scene
from .layers import ALL_LAYERS, Layer
from .namespace import namespace
from .outcome import Check, Limits
from .wire import BadOutputError, read_outcome

_REPORT: Final = "\n    expect(True, 'size', 'through')\n"


def _rule(body: str) -> str:
    return f"def check(scene):\n    {body}{_REPORT}"


HOSTILE: Final[Mapping[str, str]] = {
    "import": _rule("import os"),
    "open a file by name": _rule("open('/etc/passwd')"),
    "walk to object": _rule("().__class__.__base__.__subclasses__()"),
    "walk in an f-string": _rule("f'{().__class__}'"),
    "format walk": _rule("'{0.__class__}'.format(scene)"),
    "generator frame": _rule("(i for i in [1]).gi_frame"),
    "catch everything": _rule("try:\n        x = 1\n    except BaseException:\n        x = 2"),
    "class": _rule("class X:\n        pass"),
    "decorator": f"@len\n{_rule('x = 1')}",
    "hook as a parameter": f"def f(_getattr_, /):\n    return 1\n{_rule('f(1)')}",
    "huge power": _rule("x = 9 ** 9 ** 9"),
}
"""What -> a rule that would end well, did nothing hold it."""
_UNGRAMMATICAL: Final[Mapping[str, str]] = {
    "hidden attribute": "().__class__",
    "hidden name": "__import__('os')",
    "guard by name": "_getattr_(1, 'real')",
    "guard as a parameter": "lambda _getattr_, /: 1",
    "generator frame": "(i for i in [1]).gi_frame",
    "exec": "exec('')",
    "async": "async def f(): pass",
    "except*": "try:\n    pass\nexcept* ValueError:\n    pass",
}
_FORGED: Final[Mapping[str, bytes]] = {
    "no JSON": b"ok",
    "pickle": b"\x80\x04K\x01.",
    "deep nesting": b"[" * 100_000,
    "not a number": b'{"number": 0, "status": "ok", "expectations": [NaN]}',
    "a key twice": b'{"number": 0, "number": 0, "status": "rule_error", "message": ""}',
    "another rule's number": b'{"number": 1, "status": "rule_error", "message": ""}',
    "ok without a word": b'{"number": 0, "status": "ok", "message": ""}',
    "a parent's ending": b'{"number": 0, "status": "timeout", "message": ""}',
    "an unknown field": b'{"number": 0, "status": "rule_error", "message": "", "more": 1}',
}
_ENDLESS: Final = _rule("while True:\n        pass")


def hostile_rules_through() -> list[str]:
    """Hostile rules that the whole jail runs to a good end."""
    checks = [Check(place, code) for place, code in enumerate(HOSTILE.values())]
    with ProcessJail() as jail:
        outcomes = jail.run(checks, rehearsal_scene())
    return [what for what, outcome in zip(HOSTILE, outcomes, strict=True) if outcome.status == "ok"]


def _gate() -> dict[str, bool]:
    return {what: bool(inspect_code(code)) for what, code in HOSTILE.items()}


def _grammar() -> dict[str, bool]:
    return {what: bool(compile_restricted_exec(code).errors) for what, code in _UNGRAMMATICAL.items()}


def _facade() -> dict[str, bool]:
    facade = Facade(rehearsal_scene())
    scene = facade.scene
    part = facade.read(scene, "part")("pin")
    walks: dict[str, tuple[object, str]] = {
        "the real scene": (scene, "_real"),
        "the pixels of a mask": (part, "mask"),
        "class of a handle": (part, "__class__"),
        "class of a number": (1, "__class__"),
        "format of a text": ("", "format"),
        "code of a function": (facade.read, "__func__"),
        "frame of a generator": ((letter for letter in ""), "gi_frame"),
    }
    refused = {what: _is_refused(AttributeError, facade.read, *place) for what, place in walks.items()}
    builtins = namespace(facade, Expectations(facade, 0))["__builtins__"]
    names = ("open", "getattr", "type", "__import__", "__build_class__")
    return refused | {f"the name {name}": name not in builtins for name in names}


def _clock() -> dict[str, bool]:
    with ProcessJail(Limits(seconds=0.2), ALL_LAYERS - {Layer.rlimits}) as jail:
        (outcome,) = jail.run([Check(1, _ENDLESS)], rehearsal_scene())
    return {"loop for ever": outcome.status == "timeout"}


def _results() -> dict[str, bool]:
    return {what: _is_refused(BadOutputError, read_outcome, line, 0, 2) for what, line in _FORGED.items()}


def _is_refused(error: type[Exception], attempt: Callable[..., object], *given: object) -> bool:
    try:
        attempt(*given)
    except error:
        return True
    return False


HELD_BY: Final[Mapping[Layer, Callable[[], dict[str, bool]]]] = {
    Layer.gate: _gate,
    Layer.grammar: _grammar,
    Layer.facade: _facade,
    Layer.clock: _clock,
    Layer.results: _results,
}
"""Layer -> tries it alone: what was tried -> whether it was held."""
