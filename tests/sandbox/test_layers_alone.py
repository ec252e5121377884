"""Every layer on its own, the others off: which attacks it stops, measured by their effect.

`python tests/layer_table.py --run` tries everything against everything and keeps what it saw; here a part of
that is tried again, and what was kept is held against the corpus, the README and what is promised.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attack.alone import LANGUAGE, Trial, try_all
from attack.corpus import Attack, attacks, classes
from attack.matrix import LAYERS, groups, holding, stored, table, tried
from logisight.sandbox import landlock, seccomp
from logisight.sandbox.layers import Layer

README = Path(__file__).parents[2] / "sandbox" / "README.md"


def why_not() -> str:
    """Why layers cannot be tried alone here; empty when they can."""
    if sys.platform != "linux":
        return "the layers are Linux's"
    if os.geteuid() != 0:
        return "only root can be made nobody; run the tests as root to try each layer alone"
    return landlock.why_missing() or seccomp.why_missing() or ""


can_be_tried = pytest.mark.skipif(bool(why_not()), reason=why_not())


def one_of_each_class() -> list[Attack]:
    chosen = {}
    for attack in attacks():
        if attack.has_effect and not attack.danger:
            for number in attack.classes:
                chosen.setdefault(number, attack)
    return sorted(set(chosen.values()), key=str)


def one_of_each_cell() -> Iterator[tuple[Attack, Layer]]:
    """An attack for each cell of the table that is not empty."""
    kept = stored()
    for _, _, group in groups():
        for layer in LAYERS:
            held = [attack for attack in group if layer in kept[attack.name] and layer in tried(attack)]
            if held:
                yield held[len(held) // 2], layer


@pytest.mark.whole
@can_be_tried
def test_attacks_have_their_effect_where_nothing_holds_them() -> None:
    trials = [Trial(attack, attack.control_layers) for attack in one_of_each_class()]
    harmless = [trial.attack.name for trial in try_all(trials) if trial.holds]
    assert harmless == []


@pytest.mark.whole
def test_attack_of_nearly_every_class_has_an_effect_where_nothing_holds_it() -> None:
    with_effect = {number for attack in attacks() if attack.has_effect for number in attack.classes}
    assert len(with_effect) >= 0.9 * len(classes())


@pytest.mark.whole
@can_be_tried
def test_layers_hold_alone_what_the_table_says() -> None:
    pairs = list(one_of_each_cell())
    held = holding(pairs)
    broken = [f"{attack}: {layer}" for attack, layer in pairs if layer not in held[attack.name]]
    assert broken == []


def test_two_independent_layers_stop_every_attack_that_reaches_for_the_machine() -> None:
    kept = stored()
    thin = {attack.name: kept[attack.name] for attack in attacks() if attack.has_effect and attack.reaches}
    assert {name: layers for name, layers in thin.items() if len(layers) < 2} == {}


def test_layer_of_the_process_stops_every_attack_that_stands_for_a_broken_language() -> None:
    kept = stored()
    probes = [attack.name for attack in attacks() if attack.has_effect and attack.reaches and attack.probe]
    assert [name for name in probes if not set(kept[name]) - set(LANGUAGE)] == []


def test_every_layer_stops_something_alone() -> None:
    assert {layer for layers in stored().values() for layer in layers} == set(LAYERS)


def test_table_is_of_this_corpus() -> None:
    kept = stored()
    tried_here = {attack.name: tried(attack) for attack in attacks() if attack.has_effect}
    assert set(tried_here) <= set(kept) <= {attack.name for attack in attacks()}
    assert all(set(kept[name]) <= set(layers) for name, layers in tried_here.items())


@pytest.mark.skipif(
    any(not a.has_effect for a in attacks() if a.control), reason="the table is of an older Python"
)
def test_readme_shows_the_table() -> None:
    _, _, rest = README.read_text(encoding="utf-8").partition("<!-- layer table -->\n")
    shown, _, _ = rest.partition("<!-- end of layer table -->")
    assert shown.strip() == table(stored()).strip()
