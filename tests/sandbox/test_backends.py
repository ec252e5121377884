"""One protocol, several backends: which one a name means, and that a rule ends alike in each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from logisight.sandbox import Check, Jail, Limits, MontyJail, ProcessJail, make_jail
from logisight.sandbox.backends import BACKENDS, VARIABLE
from logisight.sandbox.inproc import UnsafeInProcessJail
from logisight.scene import Scene
from logisight.schema import SandboxError

LIMITS = Limits(seconds=0.5, memory_mb=64)
ENDLESS = {"loop", "memory"}
"""Texts that only a jail stops."""


def rule(body: str, before: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"{before}def check(scene):\n{lines}    expect(True, 'size', 'fine')\n"


ENDINGS = {
    "ok": (rule("n = 7 % 2"), "ok", None),
    "part that is not the only one": (rule("scene.part('pin')"), "undecided", 2),
    "label that is unknown": (rule("scene.parts('wheel')"), "undecided", 2),
    "import": (rule("", "import os\n"), "refused", 1),
    "no Python": ("def check(", "refused", 1),
    "range not learned": (rule("a = A", "A = usual()\n"), "refused", 1),
    "break outside a loop": (rule("break"), "refused", 2),
    "same parameter twice": (rule("f = lambda a, a: a"), "refused", 2),
    "division by zero": (rule("n = 0\nn = 1 / n"), "rule_error", 3),
    "error on a line of many": (rule("n = [\n1][\n3]"), "rule_error", 2),
    "missing key": (rule("x = {}['a']"), "rule_error", 2),
    "attribute of another type": (rule("x = [1].area"), "rule_error", 2),
    "percent": (rule("a = '%s'\nx = a % 1"), "rule_error", 3),
    "range too long": (rule("x = range(10 ** 9)"), "rule_error", 2),
    "name not bound yet": (rule("y = x\nx = 1"), "rule_error", 2),
    "endless recursion": (rule("f(1)", "def f(x):\n    return f(x)\n"), "rule_error", 2),
    "condition that is no bool": (rule("expect(1, 'size', 'x')"), "rule_error", 2),
    "kind that is none": (rule("expect(True, 'sizes', 'x')"), "rule_error", 2),
    "not a number": (rule("expect(True, 'size', 'x', actual=float('nan'))"), "rule_error", 2),
    "argument twice": (rule("expect(True, 'size', 'x', reason='y')"), "rule_error", 2),
    "scene as evidence": (rule("expect(True, 'size', 'x', parts=[scene])"), "rule_error", 2),
    "answer": (f"{rule('')}    return 5\n", "bad_output", None),
    "nothing expected": ("def check(scene):\n    2 > 1 or expect(True, 'size', 'x')\n", "bad_output", None),
    "flood": (rule("for i in range(9999):\n    expect(True, 'size', 'x' * 400)"), "output_too_large", 3),
    "loop": (rule("while True:\n    pass"), "timeout", None),
    "memory": (rule("x = 'a' * 10 ** 9"), "out_of_memory", 2),
}  # fmt: skip


@pytest.fixture(scope="module", params=["process", "monty", "in process"])
def backend(request: pytest.FixtureRequest) -> Iterator[Jail]:
    """Each in turn."""
    if request.param == "monty":
        pytest.importorskip("pydantic_monty", reason="the extra `monty` is not installed")
    jail = UnsafeInProcessJail(LIMITS) if request.param == "in process" else make_jail(request.param, LIMITS)
    yield jail
    jail.close()


@pytest.mark.parametrize("what", ENDINGS)
def test_a_rule_ends_alike_everywhere(what: str, backend: Jail, scene: Scene) -> None:
    if what in ENDLESS and isinstance(backend, UnsafeInProcessJail):
        pytest.skip("nothing would stop it")
    code, status, line = ENDINGS[what]
    (outcome,) = backend.run([Check(7, code)], scene)
    assert (outcome.number, outcome.status, outcome.line) == (7, status, line), outcome.message
    assert bool(outcome.expectations) == (status == "ok")


def test_rules_and_scenes_keep_their_order(backend: Jail, scene: Scene) -> None:
    checks = [Check(5, ENDINGS["ok"][0]), Check(3, "import os"), Check(5, ENDINGS["ok"][0])]
    empty = Scene((9, 9), ("pin",), ())
    made = backend.run_many(checks, iter([scene, empty]))
    assert [[outcome.number for outcome in outcomes] for outcomes in made] == [[5, 3, 5]] * 2
    assert [outcome.status for outcome in made[1]] == ["ok", "refused", "ok"]
    assert backend.run([], scene) == []


def test_one_rule_sees_nothing_of_the_one_before(backend: Jail, scene: Scene) -> None:
    mutating = Check(1, rule("x = sorted([2, 1])", "def sorted(x):\n    return []\nKEPT = [1]\n"))
    reading = Check(2, rule("expect(sorted([2, 1]) == [1, 2], 'size', 'its own')"))
    outcomes = backend.run([mutating, reading, Check(3, rule("x = KEPT"))], scene)
    assert [outcome.status for outcome in outcomes] == ["ok", "ok", "refused"]
    assert outcomes[1].expectations[0].passed


@pytest.mark.parametrize(
    ("name", "variable", "kind"),
    [
        (None, None, ProcessJail),
        (None, "", ProcessJail),
        (None, "process", ProcessJail),
        (None, "monty", MontyJail),
        ("process", "monty", ProcessJail),
        ("monty", None, MontyJail),
    ],
)
def test_name_wins_over_variable(name, variable, kind, monkeypatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if variable is not None:
        monkeypatch.setenv(VARIABLE, variable)
    assert type(make_jail(name)) is kind


@pytest.mark.parametrize("name", ["docker", "Process", "inproc", "UnsafeInProcessJail", "unsafe"])
def test_other_names_are_refused_in_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(SandboxError) as caught:
        make_jail()
    assert str(caught.value) == f"there is no sandbox {name!r} ({VARIABLE}); there are: process, monty"


def test_no_setting_leads_to_the_unsafe_one() -> None:
    assert not any(isinstance(make_jail(name), UnsafeInProcessJail) for name in BACKENDS)
