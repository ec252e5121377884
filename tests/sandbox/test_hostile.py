"""Rules that attack. The oracle is the effect: a canary file, a leaked secret, the rules that run after."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from logisight.sandbox import Check, ProcessJail
from logisight.sandbox.outcome import OutcomeStatus
from logisight.scene import Scene

FINE = 'def check(scene):\n    expect(True, "size", "fine")\n'
SECRET = "sesame-4711"


def rule(body: str, before: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"{before}\ndef check(scene):\n{lines}    expect(True, 'size', 'fine')\n"


ESCAPES = {
    "subclasses of a tuple": "x = ().__class__.__base__.__subclasses__()\nx[100]('touch CANARY')",
    "mro without underscores": "x = int.mro()[1]\nexpect(False, 'size', str(x))",
    "dunder in an f-string": "expect(False, 'size', f'{scene.__class__.__init__.__globals__}')",
    "unicode dunder": "x = scene.__\uff43lass__",
    "getattr by name": "x = getattr(scene, '__cla' + 'ss__')",
    "guard called directly": "x = _getattr_(scene, '__class__')",
    "self of a bound method": "x = scene.parts.__self__",
    "globals of a facade function": "x = scene.parts.__globals__['__builtins__']",
    "real object behind the handle": "x = scene._real.all_parts[0].mask\nx[0, 0] = False",
    "type of a handle": "x = type(scene)",
    "three-argument type": "x = type('A', (), {})",
    "format on a literal": "x = '{0.__class__}'.format(scene)",
    "format unbound": "x = str.format('{0.__class__}', scene)",
    "format_map": "x = '{s.__class__}'.format_map({'s': scene})",
    "percent with a mapping": "m = '%(s)s'\nx = m % {'s': scene.parts}",
    "frame of a generator": "g = (g.gi_frame.f_back.f_globals for _ in [1])\nx = list(g)",
    "code of a generator": "g = (1 for _ in [1])\nx = g.gi_code",
    "frame of a coroutine": "async def f():\n    pass\nx = f().cr_frame",
    "traceback of an exception": "try:\n    1 / 0\nexcept Exception as e:\n    x = e.__traceback__.tb_frame",
    "object of an attribute error": "try:\n    scene.nothing\nexcept Exception as e:\n    x = e.obj",
    "except star": "try:\n    1 / 0\nexcept* Exception as e:\n    x = e",
    "decorator as a call": "@open\ndef f():\n    return 'CANARY'",
    "dunder in a default": "def f(x=().__class__):\n    return x\nf()",
    "dunder in an annotation": "def f(x: ().__class__.__base__):\n    return x\nf(1)",
    "positional-only guard": "def f(_getattr_, /):\n    return scene.size\nf(max)",
    "guard as a lambda's parameter": "f = lambda _getattr_, /: scene.size\nf(max)",
    "guard as a keyword": "dict(_getattr_=1)",
    "comprehension over a guard": "x = [scene.size for _getattr_ in [max]]",
    "walrus out of a comprehension": "x = [(_getattr_ := max) for _ in [1]]",
    "global builtins": "global __builtins__\n__builtins__ = {}",
    "class body": "class A:\n    def __getattribute__(self, n):\n        return open",
    "match on a class": "match scene:\n    case object(__class__=c):\n        x = c",
    "import": "import os\nos.system('touch CANARY')",
    "from import": "from os import system\nsystem('touch CANARY')",
    "import by name": "__import__('os').system('touch CANARY')",
    "open": "open('CANARY', 'w').write('x')",
    "exec": "exec('import os')",
    "eval": 'eval(\'open("CANARY", "w")\')',
    "breakpoint": "breakpoint()",
    "setting an attribute of a handle": "scene.parts = max",
    "deleting a builtin": "del len",
    "format with a type of its own": "x = f'{scene:CANARY}'",
    "answer in the name of another rule": "expect(True, 'size', 'x')\nreturn {'number': 2, 'status': 'ok'}",
}


@pytest.fixture
def canary() -> Iterator[Path]:
    """A path that anybody could create, and that nobody must."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder) / "canary"


@pytest.mark.parametrize("name", ESCAPES)
def test_escape_has_no_effect_and_the_next_rule_still_runs(
    name: str, jail: ProcessJail, scene: Scene, canary: Path
) -> None:
    code = rule(ESCAPES[name].replace("CANARY", str(canary)))
    masks = [part.mask.copy() for part in scene.all_parts]
    hostile, fine = jail.run([Check(1, code), Check(2, FINE)], scene)
    assert hostile.status not in ("ok", "undecided")
    assert fine.status == "ok"
    assert not canary.exists()
    assert all((part.mask == mask).all() for part, mask in zip(scene.all_parts, masks, strict=True))


def test_shadowing_builtins_stays_in_its_rule(jail: ProcessJail, scene: Scene) -> None:
    shadow = rule("items = scene.labels\nn = len(items)", before="def len(x):\n    return 42\n")
    after = 'def check(scene):\n    expect(len([1]) == 1, "size", "fine")\n'
    _, outcome = jail.run([Check(1, shadow), Check(2, after)], scene)
    assert outcome.expectations[0].passed


def test_lists_changed_by_a_rule_do_not_reach_the_next(jail: ProcessJail, scene: Scene) -> None:
    clear = rule("pins = scene.parts('pin')\nwhile pins:\n    pins.pop()\nscene.parts('pin').append(1)")
    count = "def check(scene):\n    expect(len(scene.parts('pin')) == 15, 'quantity', 'fine')\n"
    outcomes = jail.run([Check(1, clear), Check(2, count)], scene)
    assert [outcome.status for outcome in outcomes] == ["ok", "ok"]
    assert outcomes[1].expectations[0].passed


BOMBS: dict[str, tuple[str, set[OutcomeStatus]]] = {
    "endless loop": (rule("while True:\n    pass"), {"timeout"}),
    "endless loop of a generator": (
        rule("x = 0\nwhile True:\n    x = sum(i for i in range(1000))"),
        {"timeout"},
    ),
    "exponential comprehension": (
        rule("n = range(99999)\nx = sum(1 for a in n for b in n for c in n)"),
        {"timeout"},
    ),
    "sum in C": (rule("x = sum(range(10 ** 10))"), {"rule_error"}),
    "sorting a huge range": (rule("x = sorted(range(10 ** 9), key=lambda i: -i)"), {"rule_error"}),
    "ten gigabytes": (rule("x = [0] * 10 ** 10"), {"out_of_memory"}),
    "string of a gigabyte": (rule("x = 'a' * 10 ** 9"), {"out_of_memory"}),
    "string of 64 gigabytes": (
        rule("n = 2 ** 6\nx = 'a' * (n * 2 ** 10 * 2 ** 10 * 2 ** 10)"),
        {"out_of_memory"},
    ),
    "doubling string": (rule("x = 'ab'\nwhile True:\n    x += x"), {"out_of_memory"}),
    "joining string": (rule("x = 'ab'\nwhile True:\n    x = x.join([x, x, x])"), {"out_of_memory"}),
    "replacing string": (rule("x = 'aa'\nwhile True:\n    x = x.replace('a', x)"), {"out_of_memory"}),
    "wide percent field": (rule("w = '%2000000000d'\nx = w % 1"), {"rule_error"}),
    "growing list": (rule("x = []\nwhile True:\n    x += [0] * 10 ** 6"), {"out_of_memory", "timeout"}),
    "growing dict": (
        rule("x = {}\nwhile True:\n    x[len(x)] = [0] * 10 ** 5"),
        {"out_of_memory", "timeout"},
    ),
    "nested tuples": (rule("x = ()\nwhile True:\n    x = (x, x)"), {"timeout", "out_of_memory", "crash"}),
    "squared integer": (rule("x = 3\nwhile True:\n    x = x * x"), {"timeout", "out_of_memory"}),
    "power of powers": (
        rule("x = ((((((((9 ** 9) ** 9) ** 9) ** 9) ** 9) ** 9) ** 9) ** 9) ** 9"),
        {"timeout", "out_of_memory"},
    ),
    "integer too long to print": (
        rule("x = str((((9 ** 10) ** 10) ** 10) ** 5)"),
        {"rule_error"},
    ),
    "recursion": (rule("f()", before="def f():\n    return f()\n"), {"rule_error"}),
    "mutual recursion": (
        rule("f(1)", before="def f(x):\n    return g(x) + 1\ndef g(x):\n    return f(x) + 1\n"),
        {"rule_error"},
    ),
    "self-applying lambda": (rule("f = lambda g: g(g)\nf(f)"), {"rule_error"}),
    "recursion in a key": (
        rule("f()", before="def f():\n    return sorted([1, 2], key=lambda x: f())\n"),
        {"rule_error"},
    ),
    "list in itself": (rule("x = []\nx.append(x)\ny = str(x)"), {"rule_error"}),
    "comparing lists in themselves": (
        rule("x = []\nx.append(x)\ny = []\ny.append(y)\nz = x == y"),
        {"rule_error"},
    ),
    "flood of expectations": (
        rule("for i in range(99999):\n    expect(True, 'size', 'x' * 500)"),
        {"output_too_large"},
    ),
    "endless expectations": (
        rule("while True:\n    expect(True, 'size', 'x', parts=scene.parts('pin'))"),
        {"output_too_large"},
    ),
    "printing without end": (rule("while True:\n    print('x')"), {"refused"}),
    "returns a value": (rule("return 5"), {"bad_output"}),
    "returns a handle": (rule("return scene"), {"bad_output"}),
    "expects nothing": (
        "def check(scene):\n    if not scene.labels:\n        expect(True, 'size', 'x')\n",
        {"bad_output"},
    ),
    "raises": (rule("x = 1 / 0"), {"rule_error"}),
    "expects nonsense": (rule("expect(True, 'smell', float('nan'), max, scene, 'pin')"), {"rule_error"}),
    "still has usual()": (rule("x = LOW", before="LOW = usual()\n"), {"refused"}),
    "asks for an unknown label": (rule("scene.parts('pushpin')"), {"undecided"}),
    "no Python": ("def check(scene:\n", {"refused"}),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_ends_as_its_typed_outcome_and_the_next_rule_still_runs(
    name: str, jail: ProcessJail, scene: Scene
) -> None:
    code, wanted = BOMBS[name]
    before, bomb, after = jail.run([Check(7, FINE), Check(8, code), Check(9, FINE)], scene)
    assert bomb.status in wanted, bomb.message
    assert bomb.message
    assert bomb.message.isprintable()
    assert bomb.expectations == []
    assert [o.number for o in (before, bomb, after)] == [7, 8, 9]
    assert (before.status, after.status) == ("ok", "ok")


def test_environment_of_the_parent_stays_there(monkeypatch: pytest.MonkeyPatch, scene: Scene) -> None:
    monkeypatch.setenv("LOGISIGHT_TEST_SECRET", SECRET)
    with ProcessJail() as jail:
        assert jail.run([Check(1, FINE)], scene)[0].status == "ok"
        assert jail._launcher is not None
        kept = Path(f"/proc/{jail._launcher.pid}/environ").read_bytes()
    assert SECRET in os.environ["LOGISIGHT_TEST_SECRET"]
    assert SECRET.encode() not in kept
