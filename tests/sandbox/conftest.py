"""One rich scene and one warm jail for all tests of the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from logisight.sandbox import Check, Limits, Outcome, ProcessJail
from logisight.sandbox.runner import compile_rule, run_check
from logisight.scene import Part, Scene

RED = (48.0, 66.0, 45.0)
YELLOW = (88.0, -3.0, 80.0)
GREY = (55.0, 0.0, 0.0)


def block(
    label: str, x: int, y: int, width: int, height: int, lab: tuple[float, float, float] = GREY
) -> Part:
    return Part(label, np.ones((height, width), np.bool_), (x, y), lab, 0.9)


@pytest.fixture(scope="session")
def scene() -> Scene:
    """A box with one pin in each of 3 x 5 compartments, two clamps joined by a cable, a half full bottle."""
    pins = [block("pin", 34 + 60 * c, 30 + 60 * r, 12, 20, YELLOW) for r in range(3) for c in range(5)]
    parts = [
        block("box", 10, 10, 300, 180),
        *pins,
        block("clamp", 330, 20, 40, 60, RED),
        block("clamp", 500, 20, 40, 60, RED),
        block("cable", 368, 46, 134, 8, RED),
        block("bottle", 340, 200, 60, 150),
        block("juice", 345, 270, 50, 75, RED),
        block("tag", 355, 215, 30, 20, YELLOW),
    ]
    return Scene(
        (600, 400), ("box", "pin", "clamp", "cable", "bottle", "juice", "tag", "washer"), tuple(parts)
    )


@pytest.fixture(scope="session")
def jail() -> Iterator[ProcessJail]:
    with ProcessJail() as jail:
        yield jail


@pytest.fixture
def judge(jail: ProcessJail, scene: Scene) -> Callable[[str], Outcome]:
    """Runs one text in the jail."""

    def run(code: str) -> Outcome:
        return jail.run([Check(1, code)], scene)[0]

    return run


@pytest.fixture
def run_here(scene: Scene) -> Callable[[str], Outcome]:
    """Runs one text that this test trusts in this process: grammar and facade, no jail."""

    def run(code: str) -> Outcome:
        program = compile_rule(code)
        assert not hasattr(program, "instead"), program
        return run_check(program, scene, 1, Limits())

    return run
