"""Rules as different authors write them. All must run in the jail: a jail that is too tight is not used."""

from __future__ import annotations

import pytest
from honest import Honest, honest_rules, products, scene_of
from logisight.sandbox import Check, Outcome, ProcessJail, inspect_code


@pytest.fixture(scope="module")
def outcomes(jail: ProcessJail) -> dict[Honest, Outcome]:
    """Each rule with the others of its product, as a rulebook runs."""
    found = {}
    for product in products():
        rules = [rule for rule in honest_rules() if rule.product == product]
        checks = [Check(number, rule.text) for number, rule in enumerate(rules)]
        found |= dict(zip(rules, jail.run(checks, scene_of(product)), strict=True))
    return found


def test_corpus_is_large() -> None:
    assert len(honest_rules()) >= 100
    assert len(set(map(str, honest_rules()))) == len(honest_rules())


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("rule", honest_rules(), ids=str)
def test_honest_rule_is_accepted_and_runs(rule: Honest, outcomes: dict[Honest, Outcome]) -> None:
    assert inspect_code(rule.text) == []
    assert outcomes[rule].status == "ok", outcomes[rule].message
    assert outcomes[rule].expectations


@pytest.mark.parametrize("rule", [rule for rule in honest_rules() if rule.product == "bench"], ids=str)
def test_honest_rule_of_the_bench_holds(rule: Honest, outcomes: dict[Honest, Outcome]) -> None:
    made = outcomes[rule].expectations
    assert all(one.passed for one in made), made
