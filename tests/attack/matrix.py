"""Every attack against every layer alone: what is tried, what came of it, and the table that shows it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from attack.alone import KERNEL, LANGUAGE, Trial, try_all
from attack.corpus import CORPUS, Attack, attacks, classes, sections
from attack.watched import PARENT, try_watched
from logisight.sandbox.layers import NAMES, Layer

STORED: Final = CORPUS / "layers.json"
"""What the last run of the whole matrix saw: attack -> the layers that hold it alone."""
LAYERS: Final = (*LANGUAGE, *KERNEL, *PARENT, Layer.results)
"""Columns of the table."""
_SAFE_FOR_DANGER: Final = {Layer.gate, Layer.facade, Layer.landlock, Layer.seccomp}
"""Layers that hold even what must never run unconfined."""


def tried(attack: Attack) -> tuple[Layer, ...]:
    """The layers that are tried on an attack alone; none where it has no effect although nothing holds it."""
    if not attack.has_effect:
        return ()
    layers: set[Layer] = {*LANGUAGE, *KERNEL} - set(attack.control_layers)
    if attack.wants in ("time", "room"):
        layers |= set(PARENT)
    if attack.probe and attack.wants in ("parent", "flood"):
        layers.add(Layer.results)
    if attack.danger:
        layers &= _SAFE_FOR_DANGER
    return tuple(layer for layer in LAYERS if layer in layers)


def holding(some: Iterable[tuple[Attack, Layer]]) -> dict[str, list[str]]:
    """Try pairs of an attack and the one layer that stands; attack -> the layers that held, in order."""
    some = list(some)
    trials = [Trial(attack, (*attack.control_layers, layer)) for attack, layer in some if layer not in PARENT]
    watched = [Trial(attack, (layer,)) for attack, layer in some if layer in PARENT]
    held: dict[str, list[str]] = {attack.name: [] for attack, _ in some}
    for trial in [*try_all(trials), *try_watched(watched)]:
        if trial.holds:
            held[trial.attack.name].append(str(trial.layers[-1]))
    order = [str(layer) for layer in LAYERS]
    return {name: sorted(layers, key=order.index) for name, layers in held.items()}


def stored(path: Path = STORED) -> dict[str, list[str]]:
    """What the last run of the whole matrix saw."""
    found: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def table(held: Mapping[str, Iterable[str]], *, each_class: bool = False) -> str:
    """Markdown: a row for each group of classes, or for each class, and a column for each layer.

    A cell holds how many of the attacks the layer stopped alone; nothing for none.
    """
    head = ["attacks", "want", "number", *(NAMES[layer] for layer in LAYERS)]
    lines = [_line(head), _line(["---", "---", *["---:"] * (len(head) - 2)])]
    for title, wants, group in groups(each_class=each_class):
        counts = [sum(str(layer) in held[attack.name] for attack in group) for layer in LAYERS]
        cells = ["all" if count == len(group) else str(count or "") for count in counts]
        lines.append(_line([title, wants, str(len(group)), *cells]))
    return "\n".join(lines) + "\n"


def groups(*, each_class: bool = False) -> Iterator[tuple[str, str, list[Attack]]]:
    """Rows of the table: title, what is wanted, the attacks that have an effect where nothing holds them."""
    whole = {title: set(numbers) for title, numbers in sections().items()}
    single = {f"{number}. {what}": {number} for number, what in classes().items()}
    for title, numbers in (single if each_class else whole).items():
        for wants, reaches in (("the machine", True), ("the verdict", False)):
            group = [
                a for a in attacks() if a.has_effect and a.reaches == reaches and a.classes[0] in numbers
            ]
            if group:
                yield title, wants, group


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
