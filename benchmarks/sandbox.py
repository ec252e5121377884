"""Speed, memory and leaks of the sandbox: python -m logisight.benchmarks.sandbox [--runs N] [--leaks N].

Ten rules are judged on a scene of ten parts, each with a mask as large as the picture. All contenders take
turns in one run on one machine, so that what else the machine does meets all of them alike: compare the rows
of one table, not figures of two. Rules are compiled before the clock starts wherever that can be done.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from types import CodeType
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import Progress

from ..sandbox import Check, Jail, ProcessJail, make_jail
from ..sandbox.outcome import Limits, Outcome
from ..sandbox.runner import compile_rule, run_check
from ..sandbox.sealing import seal_scene
from ..scene import Part, Scene
from ..schema import SandboxError
from .sandbox_leaks import find_leaks, private_memory

SIZES: Final = ((425, 250), (850, 500), (1700, 1000), (3400, 2000))
USUAL: Final = (1700, 1000)
SCENES_AT_ONCE: Final = 64
LABELS: Final = ("box", *["pin"] * 4, *["cable"] * 3, *["tag"] * 2)

_COUNT: Final = """\
def check(scene):
    seen = {}
    for label in scene.labels:
        seen[label] = len(scene.parts(label))
    count = seen["LABEL"]
    expect(count == NUMBER, "quantity", f"{count} LABELs", expected=NUMBER, actual=count)
"""
_ORDER: Final = """\
def check(scene):
    parts = sorted(scene.parts("LABEL"), key=lambda part: (part.center[0], part.center[1]))
    for left, right in zip(parts, parts[1:]):
        x = left.center[0]
        expect(x <= right.center[0], "position", f"LABEL at {x:.0f}", parts=[left, right])
    expect(all(part.area > 100 for part in parts), "size", "large enough", actual=min(p.area for p in parts))
"""
_BOX: Final = """\
def check(scene):
    box = scene.part("box")
    for part in scene.parts("LABEL"):
        expect(part.width <= box.width, "size", "fits", (0, box.width), part.width)
        expect(part.color == box.color, "matching", f"LABEL is {part.color}", parts=[part])
"""
FACTS: Final = (
    *(
        _COUNT.replace("LABEL", label).replace("NUMBER", str(LABELS.count(label)))
        for label in ("box", "pin", "cable", "tag")
    ),
    *(_ORDER.replace("LABEL", label) for label in ("pin", "cable", "tag")),
    *(_BOX.replace("LABEL", label) for label in ("pin", "cable", "tag")),
)
"""Ten rules that ask how many parts there are, where, how large and of what colour."""
PIXELS: Final = (
    *FACTS[:-1],
    'def check(scene):\n    pin, box = scene.parts("pin")[0], scene.part("box")\n'
    '    expect(pin.overlap(box) > 0.1, "position", "overlaps", actual=pin.overlap(box), parts=[pin])\n',
)
"""The same, but the last compares the masks of two parts pixel by pixel."""

Run = Callable[[Scene], object]


class Timing(NamedTuple):
    """What came of timing one contender, in milliseconds."""

    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Timing:
        """The middle, and what 99 of 100 do not exceed."""
        cuts = statistics.quantiles(seconds, n=100, method="inclusive")
        return cls(1000 * statistics.median(seconds), 1000 * cuts[98])


def large_scene(size: tuple[int, int]) -> Scene:
    """Ten parts, each with a mask of the size of the picture, (width, height) in pixels."""
    width, height = size
    parts = []
    for place, label in enumerate(LABELS):
        mask = np.zeros((height, width), np.uint8)
        middle = (width // 2, height // 2)
        cv2.ellipse(mask, middle, middle, 0, 0, 360, 1, -1)
        cv2.circle(mask, (width // 3 + width * place // 30, height // 2), height // 8, 0, -1)
        mask[0, 0] = mask[-1, -1] = 1
        parts.append(Part(label, mask.astype(np.bool_), (0, 0), (50.0, 0.0, 0.0), 0.9))
    return Scene(size, tuple(dict.fromkeys(LABELS)), tuple(parts))


def main() -> None:
    """Measure what was asked for, and print it as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="times each contender runs (default: 200)")
    parser.add_argument("--leaks", type=int, metavar="N", help="look for leaks in N runs, and nothing else")
    parser.add_argument("--markdown", action="store_true", help="plain Markdown, for a file")
    asked = parser.parse_args()
    console = Console(stderr=True)
    with Progress(console=console, transient=True) as progress:
        text = find_leaks(asked.leaks, progress) if asked.leaks else measure(max(10, asked.runs), progress)
    out = Console(soft_wrap=True, highlight=False)
    out.print(text, markup=False) if asked.markdown else out.print(Markdown(text))


def measure(runs: int, progress: Progress) -> str:
    """All figures but leaks, as Markdown."""
    cores, python = os.cpu_count(), platform.python_version()
    machine = f"{cores} cores, {platform.machine()}, Python {python}, {runs} runs each."
    contenders, versus = _versus(runs, progress)
    growth = _growth(runs, progress)
    throughput = _throughput(runs, progress)
    isolated, memory = contenders[_OURS], private_memory(large_scene(USUAL), PIXELS)
    limits = [
        ("isolated, p50", f"{isolated.p50:.1f} ms", "10 ms at most", isolated.p50 <= 10),
        ("isolated, p99", f"{isolated.p99:.1f} ms", "25 ms at most", isolated.p99 <= 25),
        ("throughput, one core", f"{throughput:,.0f} checks/s", "2,000 at least", throughput >= 2000),
    ]
    if memory:
        limits.append(("private memory of a child", f"{memory:.1f} MB", "40 MB at most", memory <= 40))
    rows = [f"| {what} | {seen} | {limit} | {'yes' if met else 'no'} |" for what, seen, limit, met in limits]
    met = "\n".join(["| what | measured | limit | met |", "|---|---|---|---|", *rows])
    return "\n\n".join([machine, met, versus, growth])


_OURS: Final = "LogiSight, isolated: a process of its own for each scene"


def _versus(runs: int, progress: Progress) -> tuple[Mapping[str, Timing], str]:
    """Ours beside what others do."""
    lines = ["| ten rules on one scene | p50 ms | p99 ms |", "|---|---|---|"]
    with ProcessJail() as jail, ExitStack() as others:
        contenders: dict[str, Run] = {
            "bare `exec`, no protection": _bare(FACTS),
            "RestrictedPython and facade in this process, no jail": _restricted(FACTS),
            _OURS: _isolated(jail, FACTS),
        }
        try:
            contenders["smolagents `LocalPythonExecutor`, in this process"] = _smolagents(FACTS)
        except ImportError:
            lines.append("| smolagents is not installed: `pip install smolagents` | | |")
        try:
            monty = others.enter_context(closing(make_jail("monty")))
            _ = monty.isolation  # is refused where it cannot start
            contenders["LogiSight, in Monty"] = _isolated(monty, FACTS)
        except SandboxError as error:
            lines.append(f"| {error} | | |")
        timings = _time(contenders, large_scene(USUAL), runs, progress, "side by side")
    lines[2:2] = [f"| {what} | {timing.p50:.2f} | {timing.p99:.2f} |" for what, timing in timings.items()]
    return timings, "\n".join(lines)


def _growth(runs: int, progress: Progress) -> str:
    """Isolated mode on pictures of several sizes, and what a scene costs before its first run."""
    names = ("facts only", "one rule compares pixels", "sealing a new scene", "measuring its parts")
    lines = [f"| picture, p50 ms | {' | '.join(names)} |", "|---|---|---|---|---|"]
    for size in SIZES:
        scene, what = large_scene(size), f"{size[0]}x{size[1]}"
        with ProcessJail() as jail:
            runners = [_isolated(jail, FACTS), _isolated(jail, PIXELS), _seal_again, _measure_again]
            contenders = dict(zip(names, runners, strict=True))
            timings = _time(contenders, scene, max(10, runs // 4), progress, what)
        lines.append(f"| {what} | {' | '.join(f'{timings[name].p50:.2f}' for name in names)} |")
    return "\n".join(lines)


def _throughput(runs: int, progress: Progress) -> float:
    """Checks a second when parent, launcher and children share one core."""
    scenes = [large_scene((425, 250)) for _ in range(SCENES_AT_ONCE)]
    checks = [Check(number, code) for number, code in enumerate(FACTS)]
    rounds, task = max(3, runs // 20), progress.add_task("throughput", total=None)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        with ProcessJail() as jail:
            jail.run_many(checks, scenes)
            start = time.perf_counter()
            for _ in range(rounds):
                made = jail.run_many(checks, scenes)
            seconds = time.perf_counter() - start
    finally:
        os.sched_setaffinity(0, cores)
        progress.remove_task(task)
    _must_be_ok(made)
    return rounds * len(scenes) * len(checks) / seconds


def _time(
    contenders: Mapping[str, Run], scene: Scene, runs: int, progress: Progress, what: str
) -> dict[str, Timing]:
    """They take turns; the first turns, in which caches fill, do not count."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    task = progress.add_task(what, total=runs)
    for _ in range(runs + 3):
        for name, run in contenders.items():
            start = time.perf_counter()
            run(scene)
            seconds[name].append(time.perf_counter() - start)
        progress.advance(task)
    progress.remove_task(task)
    return {name: Timing.of(of_one[3:]) for name, of_one in seconds.items()}


def _bare(codes: Sequence[str]) -> Run:
    programs = [compile(code, "<rule>", "exec") for code in codes]

    def run(scene: Scene) -> None:
        for program in programs:
            names: dict[str, Any] = {"expect": _note}
            exec(program, names)  # noqa: S102  (what is compared with)
            names["check"](scene)

    return run


def _restricted(codes: Sequence[str]) -> Run:
    programs = [program for code in codes if isinstance(program := compile_rule(code), CodeType)]
    limits = Limits()
    return lambda scene: _must_be_ok([[run_check(program, scene, 0, limits) for program in programs]])


def _smolagents(codes: Sequence[str]) -> Run:
    from smolagents.local_python_executor import LocalPythonExecutor

    def run(scene: Scene) -> None:
        for code in codes:
            executor = LocalPythonExecutor([], additional_functions={"expect": _note})
            executor.send_tools({})
            executor.send_variables({"scene": scene})
            executor(f"{code}\ncheck(scene)")

    return run


def _isolated(jail: Jail, codes: Sequence[str]) -> Run:
    checks = [Check(number, code) for number, code in enumerate(codes)]
    return lambda scene: _must_be_ok([jail.run(checks, scene)])


def _seal_again(scene: Scene) -> None:
    """What is done once a scene, before its first run; its parts are measured."""
    seal_scene(scene)


def _measure_again(scene: Scene) -> None:
    """Area and center of new parts, which are measured once, whoever asks for them first."""
    for part in scene.all_parts:
        fresh = Part(part.label, part.mask, part.origin, part.lab)
        _note(fresh.area, fresh.center)


def _note(*_: Any, **__: Any) -> None:
    """What `expect` is where nothing is to be reported."""


def _must_be_ok(made: Sequence[Sequence[Outcome]]) -> None:
    for outcomes in made:
        for outcome in outcomes:
            if outcome.status != "ok":
                raise RuntimeError(f"a rule of the benchmark ended as {outcome.status}: {outcome.message}")


if __name__ == "__main__":
    main()
