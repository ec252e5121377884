"""Rules in this very process, for unit tests of what uses a Jail. Nothing holds them but the language."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from ..scene import Scene
from ..schema import Grade
from .jail import CHUNK
from .layers import Isolation
from .outcome import Check, Diagnostic, Limits, Outcome
from .runner import compile_rule, run_check


class UnsafeInProcessJail:
    """A Jail that is none: for unit tests only, of rules that the test itself has written.

    It has no wall clock and no limit on memory: a rule without an end hangs the test, and what gets past the
    language owns this process. No setting leads here; a test imports it by this name.
    """

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008  (frozen)
        """Of the limits only `output_bytes` is kept."""
        self._limits = limits

    def run(self, checks: Sequence[Check], scene: Scene) -> list[Outcome]:
        """One Outcome a check, in the order of the checks."""
        return [self._judge(check, scene) for check in checks]

    def run_many(
        self,
        checks: Sequence[Check],
        scenes: Iterable[Scene],
        chunk: int = CHUNK,  # noqa: ARG002  (the protocol's)
    ) -> list[list[Outcome]]:
        """As `run` on each scene, in order."""
        return [self.run(checks, scene) for scene in scenes]

    @property
    def isolation(self) -> Isolation:
        """Always `unsafe`."""
        return Isolation(Grade.unsafe, reason="rules run in the inspecting process, for unit tests only")

    def close(self) -> None:
        """There is nothing to give back."""

    def _judge(self, check: Check, scene: Scene) -> Outcome:
        code = compile_rule(check.code)
        if isinstance(code, Diagnostic):
            return Outcome(number=check.number, status="refused", message=str(code), line=code.line or None)
        began = time.monotonic()
        outcome = run_check(code, scene, check.number, self._limits)
        return outcome.model_copy(update={"seconds": time.monotonic() - began})
