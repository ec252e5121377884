"""Ranges that the words leave open, learned from the reference pictures and written into the rule."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..sandbox import Expectation
from ..scene import Scene

WOBBLES = 12
"""Wobbled copies of each reference Scene that a range is measured on, besides the Scene itself."""

SHIFT, SCALE, TURN, TINT = 0.005, 0.02, 1.5, 3.0
"""How far a part may wobble without being another part: share of the picture's diagonal, share of its size,
degrees, units of CIE L*a*b*. It stands for what drawing, lighting and the eyes add to every measurement."""

EDGE = 0.003
"""How much longer or shorter it may be seen besides, as a share of the picture's diagonal: eyes err by pixels
at the ends, which is more of a pin than of a bottle."""

MOST = 0.1
"""Share of its size that a part may wobble at most, however small it is."""

_PROBE = 1e12
"""No measurement comes near it, so a check that is run with it as its range reports what it measured."""


class Unknown(NamedTuple):
    """A constant of a rule that is still `usual()`, and where its value stands in the code (in bytes)."""

    name: str
    line: int
    start: int
    end: int


def unknown_ranges(code: str) -> list[Unknown]:
    """The constants of a rule that are to be learned. The code has passed the text gate."""
    unknown = []
    for node in ast.parse(code).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            (target,) = node.targets
            if isinstance(target, ast.Name) and node.value.end_col_offset is not None:
                unknown.append(
                    Unknown(target.id, node.value.lineno, node.value.col_offset, node.value.end_col_offset)
                )
    return unknown


def with_values(code: str, values: Mapping[str, str]) -> str:
    """The code with the text of a value in place of each named `usual()`."""
    lines = code.encode().split(b"\n")
    for unknown in unknown_ranges(code):
        if unknown.name in values:
            line = lines[unknown.line - 1]
            lines[unknown.line - 1] = (
                line[: unknown.start] + values[unknown.name].encode() + line[unknown.end :]
            )
    return b"\n".join(lines).decode()


def probe(code: str) -> str:
    """The code with a range in place of each `usual()` that every measurement fails."""
    names = [unknown.name for unknown in unknown_ranges(code)]
    return with_values(
        code, {name: f"({_PROBE + 2 * k!r}, {_PROBE + 2 * k + 1!r})" for k, name in enumerate(names)}
    )


def measured(names: Sequence[str], expectations: Sequence[Expectation]) -> dict[str, list[float]]:
    """What a probing run measured for each name."""
    found: dict[str, list[float]] = {name: [] for name in names}
    for expectation in expectations:
        low = expectation.expected[0] if isinstance(expectation.expected, tuple) else None
        if low is not None and low >= _PROBE and isinstance(expectation.actual, int | float):
            found[names[round((low - _PROBE) / 2)]].append(float(expectation.actual))
    return found


def learn_ranges(
    code: str, scenes: Sequence[Scene], run: Callable[[str, Scene], Sequence[Expectation]]
) -> dict[str, tuple[float, float]]:
    """For each `usual()` the range that the reference Scenes show; a name that none shows is left out.

    A range is the smallest and largest value seen over all references and their wobbled copies, widened
    about its middle by 1 + 2 / references: few pictures prove little.
    """
    names = [unknown.name for unknown in unknown_ranges(code)]
    probing = probe(code)
    values: dict[str, list[float]] = {name: [] for name in names}
    for copy in _copies(tuple(scenes)):
        for name, seen in measured(names, run(probing, copy)).items():
            values[name] += seen
    return {name: _widened(seen, len(scenes)) for name, seen in values.items() if seen}


def written(code: str, ranges: Mapping[str, tuple[float, float]], references: int) -> str:
    """The code with the learned ranges in it, each with a word on where it comes from."""
    where = f"  # learned from {references} reference picture{'s' if references != 1 else ''}"
    return with_values(code, {name: f"({low:g}, {high:g}){where}" for name, (low, high) in ranges.items()})


def wobbled(scene: Scene, random: np.random.Generator) -> Scene:
    """The Scene with every part a little elsewhere, larger or smaller, turned and tinted, independently."""
    diagonal = float(np.hypot(*scene.size))
    shift, edge = SHIFT * diagonal, EDGE * diagonal
    for part in scene.all_parts:
        dx, dy, scale, turn, *tint = random.uniform(-1, 1, 7)
        lightness, a, b = (float(value) for value in np.array(part.lab) + TINT * np.array(tint))
        scale *= min(SCALE + edge / part.length, MOST)
        other = part.turned(TURN * turn).resized(1 + scale).recoloured((lightness, a, b))
        scene = scene.replaced(part, other.moved(round(shift * dx), round(shift * dy)))
    return scene


# The rules of a product are learned one after the other from the same Scenes.
@lru_cache(maxsize=1)
def _copies(scenes: tuple[Scene, ...]) -> list[Scene]:
    """The Scenes, each followed by its wobbled copies."""
    random = np.random.default_rng(0)
    return [copy for scene in scenes for copy in (scene, *(wobbled(scene, random) for _ in range(WOBBLES)))]


def _widened(values: Sequence[float], references: int) -> tuple[float, float]:
    low, high = min(values), max(values)
    extra = (high - low) / references
    return _rounded(low - extra), _rounded(high + extra)


def _rounded(value: float) -> float:
    """Four significant digits: more would claim what was not measured."""
    return float(f"{value:.4g}")
