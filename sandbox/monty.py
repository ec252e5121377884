"""A second Jail: rules run in Monty, a small interpreter of Python written in Rust (the extra `monty`).

Monty's workers are processes with an empty environment, so a crash there costs one rule. But no layer of the
kernel holds them: what gets out of the interpreter has the rights of the inspecting process.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from ..scene import Scene
from ..schema import Grade, SandboxError
from .expectations import Expectations
from .facade import Facade, Handle, PartHandle, RegionHandle, SceneHandle
from .grammar import RESERVED
from .jail import CHUNK
from .layers import Isolation, Layer
from .monty_rule import PRELUDE, MontyRule, translate
from .outcome import Check, Limits, Outcome, OutcomeStatus, clipped
from .runner import ending, verdict
from .trial import unavailable

if TYPE_CHECKING:
    from pydantic_monty import Monty, MontyRuntimeError, MontySyntaxError

_MOST_QUESTIONS: Final = 1_000_000
"""A second; far more than can be answered, as the wall clock is what stops a rule."""
_GRACE_SECONDS: Final = 0.2
"""On top of a rule's wall clock, for a worker that does not stop by itself; then it is killed."""
_RULE_FEED: Final = "<python-input-1>"
"""How Monty calls the second text of a session; the first is the prelude."""
_NO_CLOCK: Final = datetime(2000, 1, 1, tzinfo=UTC)
_VERDICT: Final = "\nlogisight_type(check(logisight_scene)).__name__"
_WITHOUT: Final = (
    *(Layer.grammar, Layer.descriptors, Layer.rlimits, Layer.user),
    *(Layer.privileges, Layer.landlock, Layer.seccomp),
)
_KINDS: Final[dict[type, str]] = {SceneHandle: "scene", PartHandle: "part", RegionHandle: "region"}


class MontyJail:
    """A Jail whose rules run in the interpreter Monty, each in a session of its own; at best `degraded`.

    Threads may share it, a worker each, up to the cores of the machine. Only plain values and numbers of
    handles leave a worker; the scene is asked in this process, through the same facade as everywhere. A
    process that was forked from the one that used it must make a jail of its own.
    """

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008  (frozen)
        self._limits = limits
        self._lock = threading.Lock()
        self._pool: Monty | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def run(self, checks: Sequence[Check], scene: Scene) -> list[Outcome]:
        """One Outcome a check, in the order of the checks. Whatever rule code does, this does not raise."""
        try:
            pool = self._running_pool()
        except SandboxError as error:
            return [unavailable(check, str(error)) for check in checks]
        return [self._judge(pool, check, scene) for check in checks]

    def run_many(
        self,
        checks: Sequence[Check],
        scenes: Iterable[Scene],
        chunk: int = CHUNK,  # noqa: ARG002  (the protocol's; nothing is shared between scenes here)
    ) -> list[list[Outcome]]:
        """As `run` on each scene, in order; every rule has a session of its own here too."""
        checks = list(checks)
        return [self.run(checks, scene) for scene in scenes]

    @property
    def isolation(self) -> Isolation:
        """`degraded`, and which layers Monty does without; starts a worker.

        Raises:
            SandboxError: Monty is not installed, or does not start.
        """
        self._running_pool()
        return Isolation(
            Grade.degraded,
            dict.fromkeys(_WITHOUT, "Monty does without"),
            reason="the interpreter Monty alone holds rules; its worker has the rights of this process",
        )

    def close(self) -> None:
        """End the workers; the next run starts them again. Not while other threads run rules."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.__exit__(None, None, None)

    def _running_pool(self) -> Monty:
        with self._lock:
            if self._pool is None:
                self._pool = _started(self._limits)
            return self._pool

    def _judge(self, pool: Monty, check: Check, scene: Scene) -> Outcome:
        began = time.monotonic()
        rule = translate(check.code)
        if isinstance(rule, MontyRule):
            outcome = _run(pool, rule, scene, check.number, self._limits)
        else:
            outcome = Outcome(
                number=check.number, status="refused", message=clipped(str(rule)), line=rule.line or None
            )
        return outcome.model_copy(update={"seconds": time.monotonic() - began})


def _started(limits: Limits) -> Monty:
    """A pool of workers, one of them started.

    Raises:
        SandboxError: Monty is not installed, or does not start.
    """
    try:
        from pydantic_monty import Monty  # here, as it is an extra
    except ImportError:
        raise SandboxError("the sandbox 'monty' needs: pip install 'logisight[monty]'") from None
    try:
        return Monty(
            max_processes=os.cpu_count(),
            request_timeout=limits.seconds + _GRACE_SECONDS,
            feed_duration_limit_grace=_GRACE_SECONDS,
        ).__enter__()
    except (OSError, RuntimeError) as error:
        raise SandboxError(f"the sandbox 'monty' does not start: {clipped(str(error))}") from error


def _run(pool: Monty, rule: MontyRule, scene: Scene, number: int, limits: Limits) -> Outcome:
    """Run one translated rule in a session of its own; whatever it does becomes an Outcome."""
    from pydantic_monty import MontyCrashedError, MontyError, MontyRuntimeError, MontySyntaxError

    answers, line = _Answers(scene, limits), None
    try:
        status, message = verdict(_fed(pool, rule, answers, limits), answers.expectations)
    except MontyCrashedError as error:
        status, message = _crashed(error.timed_out, limits)
    except MontyRuntimeError as error:
        status, message = _failed(answers.failure or error.exception(), limits)
        line = None if status == "timeout" else _line(error, rule)
    except MontySyntaxError as error:
        status, message = "refused", f"{error}; write it another way"
        line = _line(error, rule)
    except (MontyError, OSError, RuntimeError) as error:
        status, message = "sandbox_unavailable", f"the sandbox 'monty' failed: {error}"
    is_placed = line and status in ("rule_error", "refused")
    return Outcome(
        number=number,
        status=status,
        message=clipped(f"line {line}: {message}" if is_placed else message),
        line=line,
        expectations=answers.expectations.made if status == "ok" else [],
    )


def _fed(pool: Monty, rule: MontyRule, answers: _Answers, limits: Limits) -> str:
    """Run the rule; the name of the type of what its check returned."""
    session = pool.checkout(
        limits={
            "max_feed_duration_secs": limits.seconds,
            "max_memory": limits.memory_mb * 2**20,
            "max_suspensions": int(limits.seconds * _MOST_QUESTIONS) + 1,
        },
        os_policy={"sleep": "zero", "datetime": _NO_CLOCK, "random_start": {"seed": 0}},
    )
    with session as worker:
        worker.feed_run(PRELUDE)
        text = rule.text + _VERDICT
        return str(worker.feed_run(text, external_lookup=answers.lookup, print_callback=_not_printed))


def _not_printed(_stream: str, _text: str) -> None:
    """No rule can print; what has broken out must not write to the terminal of this process."""


def _crashed(timed_out: bool, limits: Limits) -> tuple[OutcomeStatus, str]:
    """What it means that a worker is gone."""
    if timed_out:
        return "timeout", limits.too_long
    return "crash", "the worker of Monty that ran the rule died"


def _failed(error: BaseException, limits: Limits) -> tuple[OutcomeStatus, str]:
    """What an error that left the rule means."""
    return ("timeout", limits.too_long) if isinstance(error, TimeoutError) else ending(error, limits)


def _line(error: MontyRuntimeError | MontySyntaxError, rule: MontyRule) -> int | None:
    """The line of the rule's own text at which an error left it."""
    places = [(frame.line, frame.column) for frame in error.traceback() if frame.filename == _RULE_FEED]
    return next(filter(None, (rule.line(*place) for place in reversed(places))), None)


class _Answers:
    """What a worker may ask of this process for one rule. Whatever it sends is taken for hostile."""

    def __init__(self, scene: Scene, limits: Limits) -> None:
        self._facade = Facade(scene)
        self.expectations = Expectations(self._facade, limits.output_bytes)
        self.failure: Exception | None = None
        """The first thing that was asked wrongly; Monty knows no errors of ours, and a rule cannot go on."""
        self.lookup: dict[str, Any] = {
            f"{RESERVED}ask": self._guarded(self._ask),
            f"{RESERVED}expect": self._guarded(self._expect),
        }
        self._handles: list[Handle] = [self._facade.scene]
        self._numbers: dict[Handle, int] = {self._facade.scene: 0}
        self._left = limits.memory_mb * 2**20
        self._until = time.monotonic() + limits.seconds

    def _guarded(self, answer: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            try:
                if time.monotonic() > self._until:
                    raise TimeoutError
                return answer(*given)
            except Exception as error:  # noqa: BLE001  (whatever it is, it ends the rule)
                self.failure = self.failure or error
            raise RuntimeError("the rule has ended")

        return call

    def _ask(self, number: Any, name: Any, given: Any, named: Any) -> tuple[str, Any]:
        """Kind of handle and number, or "" and a plain value."""
        answer = self._facade.read(self._handle(number), name)
        if callable(answer):
            named = {key: self._inward(value) for key, value in named.items()}
            answer = answer(*map(self._inward, given), **named)
        if isinstance(answer, Handle):
            return _KINDS[type(answer)], self._outward(answer)
        if isinstance(answer, list) and answer:
            return _KINDS[type(answer[0])], [self._outward(handle) for handle in answer]
        return "", answer

    def _expect(self, condition: Any, kind: Any, reason: Any, expected: Any, actual: Any, parts: Any) -> None:
        evidence = [self._inward(part) for part in parts]
        self.expectations.expect(condition, kind, reason, expected, actual, evidence)

    def _handle(self, number: Any) -> Handle:
        if type(number) is not int or not 0 <= number < len(self._handles):
            raise TypeError("there is no such handle")
        return self._handles[number]

    def _inward(self, value: Any) -> Any:
        return self._handle(value.get("handle")) if type(value) is dict else value

    def _outward(self, handle: Handle) -> int:
        """The number of a handle; equal ones have the same. Masks of regions count as memory of the rule."""
        if handle not in self._numbers:
            if isinstance(handle, RegionHandle):
                self._left -= self._facade.shape(handle).mask.nbytes
            if self._left < 0:
                raise MemoryError
            self._numbers[handle] = len(self._handles)
            self._handles.append(handle)
        return self._numbers[handle]
