"""Tries attacks against one layer at a time, and tells which hold."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Final, Self

from attack.corpus import TELLS, Attack
from attack.world import SECRET_NAME, World, is_wild, numbers_of, texts_of
from logisight.sandbox import inspect_code
from logisight.sandbox.layers import Layer
from logisight.sandbox.outcome import Outcome
from logisight.sandbox.wire import BadOutputError, read_outcome

LANGUAGE: Final = (Layer.gate, Layer.grammar, Layer.facade)
KERNEL: Final = (
    *(Layer.environment, Layer.descriptors, Layer.rlimits, Layer.user, Layer.privileges, Layer.landlock),
    *(Layer.seccomp, Layer.sealed_memory),
)
"""Layers that hold a process, tried here; the wall clock and the parsing of results are the parent's."""
SECONDS: Final = 0.5
"""After which a text that goes on counts as one that would go on for ever."""
ROOM_SECONDS: Final = 10.0
"""The same, for one that wants room or a flood: it ends by itself when it has got it."""
CPU_SECONDS: Final = 8.0
"""The same, where the layer that is tried counts whole seconds of processor time."""
_ENDED_BY_THE_LAYERS: Final = {signal.SIGSYS, signal.SIGXCPU, signal.SIGKILL}


class Stand:
    """A throwaway process that runs attacks, and the world that they are aimed at."""

    def __init__(self, *, clean: bool = False) -> None:
        """`clean` starts it with an empty environment, as the jail's launcher is."""
        self.world = World(SECRET)
        place = Path(__file__)
        environment = {"PYTHONPATH": str(place.parent), "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        if not clean:
            environment[SECRET_NAME] = SECRET
        self._process = subprocess.Popen(
            [sys.executable, str(place.with_name("stand.py")), self.world.canary, self.world.secret_file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self.world.close()

    def effects(self, attack: Attack, layers: Iterable[Layer] = ()) -> set[str]:
        """What an attack brings about where only these layers stand."""
        held = set(layers)
        if Layer.gate in held and inspect_code(attack.text):
            return set()
        if Layer.results in held:
            held.discard(Layer.results)
            return self._answers(attack, held)
        reply = self._run(attack, held)
        return self._seen(attack, held, reply) | self.world.seen()

    def _run(self, attack: Attack, held: set[Layer]) -> dict[str, Any]:
        kernel = held - {Layer.gate, Layer.grammar, Layer.facade, Layer.environment, Layer.results}
        language = next((layer for layer in (Layer.grammar, Layer.facade) if layer in held), "none")
        slow = Layer.rlimits in held and attack.wants == "time"
        request = {
            "text": self.world.filled(attack.text),
            "probe": attack.probe,
            "layers": sorted(kernel),
            "language": language,
            "seconds": CPU_SECONDS
            if slow
            else ROOM_SECONDS
            if attack.wants in ("room", "flood")
            else SECONDS,
        }
        assert self._process.stdin
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        reply: dict[str, Any] = json.loads(self._read())
        reply["output"] = base64.b64decode(reply["output"])
        if "broken" in reply or reply["output"].startswith(b"B"):
            raise RuntimeError(f"the stand cannot run {attack.name}: {reply}")
        return reply

    def _seen(self, attack: Attack, held: set[Layer], reply: dict[str, Any]) -> set[str]:
        effects = {"mask"} if reply["mask"] else set()
        if reply["over"]:
            effects.add("room")
        if reply.get("flood"):
            return effects | {"flood"}
        if reply["programs"]:
            effects.add("process")
        if reply.get("late"):
            return effects | {"time"}
        if reply.get("book died"):
            return effects | {"signal"}
        if reply["left"]:
            effects.add("process")
        raw, record = _split(reply["output"])
        end = reply["end"]
        if os.WIFSIGNALED(end):
            ended = os.WTERMSIG(end)
            effects |= set() if ended in _ENDED_BY_THE_LAYERS else {"end"}
        elif not record:
            effects |= {"outcomes"}
        if raw:
            effects |= self._naive(raw)
        if not record:
            return effects
        return effects | self._told(attack, held, json.loads(record))

    def _told(self, attack: Attack, held: set[Layer], record: dict[str, Any]) -> set[str]:
        effects = set() if record["as_ever"] else {"outcomes"}
        result, ended = record["result"] or {}, record["raised"]
        texts = result.get("texts", [])
        if "outcome" in result:
            outcome = Outcome.model_validate_json(result["outcome"])
            texts = texts_of(outcome)
            if any(map(is_wild, numbers_of(outcome))):
                effects.add("number")
            if outcome.status == "out_of_memory":
                ended = "MemoryError"
        if "MemoryError" in (ended, result.get("ended")) and Layer.rlimits not in held:
            effects.add("room")
        if result.get("wild"):
            effects.add("number")
        if result.get("flood"):
            effects.add("flood")
        if attack.wants in TELLS and TELLS[attack.wants] in texts:
            effects.add(attack.wants)
        return effects | self.world.told(texts)

    def _naive(self, raw: bytes) -> set[str]:
        """What bytes do to a parent that believes them."""
        if len(raw) > 250_000:
            return {"flood"}
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"naive": base64.b64encode(raw).decode()}).encode() + b"\n")
        self._process.stdin.flush()
        return {"parent"} if json.loads(self._read())["hurt"] else set()

    def _answers(self, attack: Attack, held: set[Layer]) -> set[str]:
        """What an attack's bytes bring about in a parent that reads results strictly."""
        reply = self._run(attack, held)
        raw = _split(reply["output"])[0]
        line = raw.split(b"\n")[0]
        effects = self.world.seen()
        if len(line) > 208_000:
            return effects
        try:
            outcome = read_outcome(line, 0, 4)
        except BadOutputError:
            return effects
        if any(map(is_wild, numbers_of(outcome))) or outcome.number != 0 or not outcome.message.isprintable():
            effects.add("parent")
        return effects | ({"parent"} if self.world.told(texts_of(outcome)) else set())

    def _read(self) -> bytes:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the stand is gone")
        return line


def _split(output: bytes) -> tuple[bytes, bytes]:
    """The bytes that the attack sent, and the record that the stand wrote after them."""
    place = output.rfind(b"\nR")
    return (output, b"") if place < 0 else (output[:place], output[place + 2 :])


SECRET: Final = f"sesame-{os.getpid()}"


@dataclass
class Trial:
    """One attack against some layers, and what it brought about."""

    attack: Attack
    layers: tuple[Layer, ...]
    effects: set[str] = field(default_factory=set)

    @property
    def holds(self) -> bool:
        """Whether the layers kept the attack from what it wants."""
        return self.attack.wants not in self.effects


def try_all(trials: list[Trial], stands: int = 2) -> list[Trial]:
    """Run all trials, on as many stands side by side."""
    clean = [trial for trial in trials if Layer.environment in trial.layers]
    rest = [trial for trial in trials if Layer.environment not in trial.layers]
    waiting: SimpleQueue[tuple[bool, list[Trial]]] = SimpleQueue()
    for wanted, some in ((True, clean), (False, rest)):
        for start in range(stands):
            if share := some[start::stands]:
                waiting.put((wanted, share))

    def work(job: tuple[bool, list[Trial]]) -> None:
        with Stand(clean=job[0]) as stand:
            for trial in job[1]:
                trial.effects = stand.effects(trial.attack, trial.layers)

    jobs = [waiting.get() for _ in range(waiting.qsize())]
    with ThreadPoolExecutor(stands) as pool:
        list(pool.map(work, jobs))
    return trials
