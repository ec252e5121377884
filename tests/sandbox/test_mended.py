"""Holes of this jail that were found and mended: each by the rule that went through it."""

from __future__ import annotations

import pytest
from attack.corpus import attacks
from attack.whole import Whole
from attack.world import ADDRESS
from logisight.sandbox import Check, Limits, ProcessJail, inspect_code
from logisight.sandbox.layers import ALWAYS_ON, Layer
from logisight.scene import Scene

FINE = "def check(scene):\n    expect(True, 'size', 'fine')\n"


def body(*lines: str) -> str:
    return (
        "def check(scene):\n"
        + "".join(f"    {line}\n" for line in lines)
        + "    expect(True, 'size', 'fine')\n"
    )


def test_garbage_of_a_rule_does_not_starve_the_next(scene: Scene) -> None:
    hog = body("x = []", "x.append(x)", "for i in range(24):", "    x.append('a' * (10 ** 7 + i))")
    honest = body("y = [0] * 10 ** 6 * 3")
    with ProcessJail(Limits(memory_mb=256)) as jail:
        outcomes = jail.run([Check(1, hog), Check(2, honest)], scene)
    assert [outcome.status for outcome in outcomes] == ["ok", "ok"]


@pytest.mark.parametrize(
    "line",
    [
        "{}[scene.parts]",
        "[1].index(scene.parts)",
        "{}[(i for i in [1])]",
        "{1}.remove(lambda: 1)",
        "{}[expect]",
        "{}[(scene.parts, 1)]",
        "int(scene.parts)",
        "scene.parts + 1",
    ],
)
def test_message_tells_no_address_and_no_internals(line: str, jail: ProcessJail, scene: Scene) -> None:
    (outcome,) = jail.run([Check(1, body(line))], scene)
    assert outcome.status == "rule_error"
    assert not ADDRESS.search(outcome.message)
    assert "Facade" not in outcome.message
    assert "locals" not in outcome.message


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (["{}['a' * 10 ** 8]"], {"rule_error", "out_of_memory"}),
        (["x = ()", "for i in range(99999):", "    x = (x,)", "y = {}", "y[x]"], {"rule_error"}),
    ],
    ids=["long", "deep"],
)
def test_error_without_a_short_text_is_an_outcome_and_no_crash(
    lines: list[str], wanted: set[str], jail: ProcessJail, scene: Scene
) -> None:
    outcome, after = jail.run([Check(1, body(*lines)), Check(2, FINE)], scene)
    assert outcome.status in wanted
    assert after.status == "ok"


def test_advice_for_many_long_names_compares_few_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr(
        "logisight.sandbox.gate.difflib.get_close_matches",
        lambda name, words, **_: compared.append(len(words)) or [],
    )
    bound = [f"{'ab' * 28}{n:03d} = 1" for n in range(55)]
    assert inspect_code(body(*bound, *(f"{'ba' * 28}{n:03d}" for n in range(55))))
    assert sum(compared) == 0
    short = [f"n{n} = 1" for n in range(150)]
    assert inspect_code(body(*short, *(f"m{n}" for n in range(150))))
    assert len(compared) <= 20


def test_advice_is_clipped_as_what_is_wrong_is() -> None:
    name = "a" * 3500
    (found,) = inspect_code(body(f"{name} = 1", f"{name}b"))
    assert max(len(found.what), len(found.instead)) <= 500


@pytest.mark.parametrize("spec", [":c", ":n", "::c", ":>c", ":08n"])
def test_format_makes_no_control_characters_out_of_numbers(spec: str) -> None:
    assert inspect_code(body(f"x = f'{{27{spec}}}[2J{{55296{spec}}}'"))


def test_memory_bomb_ends_without_the_limit_of_the_kernel() -> None:
    bomb = next(attack for attack in attacks() if attack.name == "list that grows in place")
    with Whole(layers=ALWAYS_ON | {Layer.clock}) as whole:
        effects, outcomes = whole.effects(bomb)
    assert effects == set()
    assert outcomes[0].status == "out_of_memory"
