"""Proves each layer of the sandbox on this machine: alone, with the others off, and all of them together."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from ..schema import Grade, Record, SandboxError
from . import landlock
from .attempts import MARK
from .layers import Isolation, Layer
from .probes import ENVIRONMENT, PROBES, Probe, Role, Round, Tried
from .processes import Launcher
from .tries import HELD_BY, hostile_rules_through

KERNEL: Final = (
    *(Layer.descriptors, Layer.rlimits, Layer.user, Layer.privileges, Layer.landlock, Layer.seccomp),
    Layer.sealed_memory,
)
"""Layers that are tried by probes, in processes."""
STEPS: Final = len(Layer) + 2
"""How often `examine` says that it goes on."""
_ON_BOOKS_TOO: Final = frozenset({Layer.user, Layer.privileges, Layer.landlock, Layer.seccomp})
"""Layers that hold a process that compiles rules as they hold one that runs them."""


class State(StrEnum):
    """What came of trying one layer."""

    held = "held"
    """It stopped, alone, everything that it is there to stop."""
    leaks = "leaks"
    """Something got through that it is there to stop."""
    missing = "missing"
    """This machine does not have it, or not all of it."""
    needless = "needless"
    """There is nothing here for it to stop."""


class LayerReport(Record):
    """What came of trying one layer with all others off."""

    layer: Layer
    state: State
    stopped: list[str] = []
    through: list[str] = []
    """What it is there to stop, and did not."""
    why: str = ""


class Report(Record):
    """What holds rules on this machine, as far as trying can tell."""

    grade: Grade
    why: str
    """What is missing, and what got through; empty where nothing is."""
    layers: list[LayerReport]
    through: list[str]
    """What got through all layers together."""
    untried: dict[str, str]
    """What could not be tried -> why."""
    machine: dict[str, str]


def examine(on_step: Callable[[str], None] = lambda _: None) -> Report:
    """Try everything, which takes some seconds; `on_step` is told what is tried next.

    Where this machine cannot have a sandbox, the report says why, and of no layer.
    """
    try:
        if sys.platform != "linux":
            raise SandboxError(f"the sandbox needs Linux, this is {sys.platform}")
        with _marked():
            launcher = Launcher()
        try:
            return _Examination(launcher, on_step).report()
        finally:
            launcher.close()
    except SandboxError as error:
        return Report(
            grade=Grade.unsafe, why=str(error), layers=[], through=[], untried={}, machine=_machine()
        )


class _Examination:
    """One pass over all layers."""

    def __init__(self, launcher: Launcher, on_step: Callable[[str], None]) -> None:
        self._launcher = launcher
        self._on_step = on_step

    def report(self) -> Report:
        self._on_step("nothing")
        bare = self._try((), PROBES)
        works = frozenset(bare.through["child"])
        layers = [self._layer(layer, works) for layer in Layer]
        self._on_step("all together")
        usable = sorted(self._launcher.layers)
        together = self._try(usable, [probe for probe in PROBES if probe.name in works], books=True)
        rules = hostile_rules_through()
        through = [*together.names, *rules]
        missing = dict(self._launcher.missing)
        for tried in layers:
            if tried.state is State.leaks or (tried.state is State.missing and tried.layer not in missing):
                missing[tried.layer] = tried.why or f"{', '.join(tried.through)} got through it alone"
        isolation = Isolation.of(missing, through, grave=together.grave or bool(rules))
        inert = "it does not work here, whatever holds it"
        untried = {probe.name: inert for probe in PROBES if probe.name not in works} | dict(bare.untried)
        return Report(
            grade=isolation.grade,
            why=isolation.why,
            layers=layers,
            through=through,
            untried=untried,
            machine=_machine(),
        )

    def _layer(self, layer: Layer, works: frozenset[str]) -> LayerReport:
        """What one layer does alone; `works` is what works with no layer at all."""
        self._on_step(layer)
        if layer in KERNEL:
            return self._kernel_layer(layer, works)
        if layer is Layer.environment:
            seen = self._try((), [ENVIRONMENT]).through["child"]
            return _told(layer, {ENVIRONMENT.name: ENVIRONMENT.name not in seen})
        return _told(layer, HELD_BY[layer]())

    def _kernel_layer(self, layer: Layer, works: frozenset[str]) -> LayerReport:
        missing = self._launcher.missing.get(layer, "")
        if layer not in self._launcher.layers:
            return LayerReport(layer=layer, state=State.missing, why=missing)
        abi = landlock.abi()
        stops = [p for p in PROBES if layer in p.stoppers(root=_is_root(), landlock_abi=abi)]
        live = [probe for probe in stops if probe.name in works]
        if not live:
            why = "this process is not root" if layer is Layer.user else "none of what it stops works here"
            return LayerReport(layer=layer, state=State.needless, why=why)
        try:
            tried = self._try([layer], live, books=layer in _ON_BOOKS_TOO)
        except SandboxError as error:
            return LayerReport(layer=layer, state=State.missing, why=str(error))
        return _told(layer, {probe.name: not _came_through(probe.name, tried) for probe in live}, missing)

    def _try(self, layers: Sequence[Layer], probes: Sequence[Probe], *, books: bool = False) -> Tried:
        """What came of the probes; `books`: also in place of a process that compiles rules."""
        names: dict[Role, list[str]] = {"child": [probe.name for probe in probes]}
        names["book"] = [probe.name for probe in probes if books and probe.book_too]
        tried = self._launcher.prove(Round(layers, names))
        if tried.error:
            raise SandboxError(tried.error)
        return tried


def _came_through(name: str, tried: Tried) -> bool:
    return any(name in names for names in tried.through.values())


def _told(layer: Layer, held: Mapping[str, bool], missing: str = "") -> LayerReport:
    """The report on a layer: what was tried -> whether it was held."""
    through = [what for what, was_held in held.items() if not was_held]
    state = State.leaks if through else State.missing if missing else State.held
    return LayerReport(
        layer=layer,
        state=state,
        stopped=[what for what, was_held in held.items() if was_held],
        through=through,
        why=missing,
    )


@contextmanager
def _marked() -> Iterator[None]:
    """A secret in the environment of this process, for a launcher that starts meanwhile not to see."""
    os.environ[MARK] = "1"
    try:
        yield
    finally:
        del os.environ[MARK]


def _machine() -> dict[str, str]:
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": platform.python_version(),
        "Landlock": f"ABI {landlock.abi()}" if landlock.abi() else "none",
        "user": "root" if _is_root() else "not root",
    }


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0
