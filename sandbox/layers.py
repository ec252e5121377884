"""The layers between a rule and the machine, by name, and the grade of isolation that they add up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from ..schema import Grade


class Layer(StrEnum):
    """One thing that holds rule code back; the doctor tries each on its own."""

    gate = "gate"
    grammar = "grammar"
    facade = "facade"
    environment = "environment"
    descriptors = "descriptors"
    rlimits = "rlimits"
    user = "user"
    privileges = "privileges"
    landlock = "landlock"
    seccomp = "seccomp"
    sealed_memory = "sealed_memory"
    clock = "clock"
    results = "results"


NAMES: Final[Mapping[Layer, str]] = {
    Layer.gate: "text gate",
    Layer.grammar: "grammar",
    Layer.facade: "facade",
    Layer.environment: "empty environment",
    Layer.descriptors: "no descriptors",
    Layer.rlimits: "resource limits",
    Layer.user: "user nobody",
    Layer.privileges: "no privileges",
    Layer.landlock: "Landlock",
    Layer.seccomp: "seccomp",
    Layer.sealed_memory: "sealed memory",
    Layer.clock: "wall clock",
    Layer.results: "strict results",
}
"""What people read."""

ALL_LAYERS: Final = frozenset(Layer)

ALWAYS_ON: Final = frozenset({Layer.gate, Layer.grammar, Layer.facade, Layer.environment, Layer.results})
"""Layers that no jail can be made without: nothing in this package runs the text of a rule without them."""


@dataclass(frozen=True)
class Isolation:
    """What holds rules on this machine, and what does not."""

    grade: Grade
    missing: Mapping[Layer, str] = field(default_factory=dict)
    """Layer -> why it is not there, or what it does not hold."""
    through: tuple[str, ...] = ()
    """What got through all layers together when it was tried."""
    reason: str = ""
    """What else there is to say of the grade."""

    @classmethod
    def of(cls, missing: Mapping[Layer, str], through: Sequence[str], *, grave: bool) -> Self:
        """The isolation of a jail that was tried; `grave`: whether what came through leaves its process."""
        grade = Grade.unsafe if grave else Grade.degraded if missing or through else Grade.full
        return cls(grade, dict(missing), tuple(through))

    @property
    def why(self) -> str:
        """For a person: what is missing and why; empty where nothing is."""
        missing = [f"{NAMES[layer]}: {why}" for layer, why in sorted(self.missing.items())]
        through = [f"{what!r} gets through" for what in self.through]
        return "; ".join([*([self.reason] if self.reason else []), *missing, *through])

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.grade}: {self.why}" if self.why else str(self.grade)


def checked(layers: frozenset[Layer]) -> frozenset[Layer]:
    """The same layers, when a jail can be made of them.

    Raises:
        ValueError: One is left out that no jail can do without.
    """
    if lacking := ALWAYS_ON - layers:
        raise ValueError(f"no jail without {', '.join(sorted(lacking))}")
    return layers
