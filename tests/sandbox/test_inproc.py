"""The jail that is none says so."""

from __future__ import annotations

import logisight.sandbox
from logisight.sandbox import Check, Limits
from logisight.sandbox.inproc import UnsafeInProcessJail
from logisight.scene import Scene
from logisight.schema import Grade


def test_it_is_unsafe_by_name_and_grade() -> None:
    jail = UnsafeInProcessJail()
    assert jail.isolation.grade is Grade.unsafe
    assert "unit tests only" in str(jail.isolation)
    assert not hasattr(logisight.sandbox, "UnsafeInProcessJail")


def test_size_of_an_answer_is_limited(scene: Scene) -> None:
    code = "def check(scene):\n    for i in range(99):\n        expect(True, 'size', 'x')\n"
    (outcome,) = UnsafeInProcessJail(Limits(output_bytes=1000)).run([Check(1, code)], scene)
    assert (outcome.status, outcome.expectations) == ("output_too_large", [])
