"""Speed and memory of AdaCLIP, alone or beside its public code: python -m logisight.benchmarks.adaclip_speed.

Weights and pictures are drawn at random, the same ones for the same seed: they mean nothing, and cost what
trained ones do. With --public DIR, a copy of the authors' repository looks at the same pictures with the
same weights, one at a time, which is all that it can; the two take turns. Its code is run as it is: name
only a folder that you trust. How far maps and scores differ is told as well.

Each of the two is a process of its own, so that its peak memory is its own; weights are part of it. Machines
are shared and noisy: compare ratios of one run, not figures of two.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from ..schema import LogiSightError
from ..tools.detectors.adaclip import AdaClip, AdaClipOptions
from ..tools.samples import Sample, sample_of

if TYPE_CHECKING:
    from ..tools.detectors.adaclip.network import AdaClipNetwork

STAGES: Final = {
    "embedded": "patches",
    "unprompted": "image tower without prompts",
    "prompted": "image tower with prompts",
    "described": "text tower",
    "_projected": "projections",
}
"""Method of the network -> what the table calls it."""

PRODUCT: Final = "metal_nut"


class Looks(NamedTuple):
    """What one turn gave."""

    seconds: float
    cpu_seconds: float
    """Of all threads."""
    maps: list[NDArray[np.float32]]
    scores: list[float]
    stages: dict[str, float]
    """Seconds of each stage, as far as they were measured."""
    megabytes: float
    """Peak so far, of the GPU where one is used, else of the process."""


class Task(NamedTuple):
    """Who looks, and at what."""

    options: AdaClipOptions
    public: Path | None
    """Where the public code is, for it to look."""

    def turn(self, number: int) -> Looks:
        """Look at the pictures of one turn; what is made the first time is kept for the next ones."""
        eye = _EYES.get(self) or _EYES.setdefault(self, _public(self) if self.public else _own(self))
        return eye(_pictures(self.options, number))


_EYES: Final[dict[Task, Callable[[Sequence[Sample]], Looks]]] = {}


def _own(task: Task) -> Callable[[Sequence[Sample]], Looks]:
    detector = AdaClip(task.options)
    stages: dict[str, float] = {}
    _timed(detector.network, stages)

    def look(samples: Sequence[Sample]) -> Looks:
        stages.clear()
        start, cpu_start = time.perf_counter(), time.process_time()
        found = detector.look(samples)
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        maps, scores = [scored for scored, _ in found], [score for _, score in found]
        return Looks(seconds, cpu_seconds, maps, scores, dict(stages), _peak(detector.network))

    return look


def _public(task: Task) -> Callable[[Sequence[Sample]], Looks]:
    from scipy.ndimage import gaussian_filter

    from ..tools.detectors.adaclip.detector import squared
    from ..tools.detectors.adaclip.network import prepared
    from .public_adaclip import public_forward

    if task.public is None:
        raise ValueError("no public code was named")
    network = AdaClip(task.options).network
    device = next(network.parameters()).device
    forward = public_forward(task.public, network, task.options.seed)

    def look(samples: Sequence[Sample]) -> Looks:
        maps, scores = [], []
        start, cpu_start = time.perf_counter(), time.process_time()
        for sample in samples:
            image = prepared([squared(sample.pixels, task.options.image_size)]).to(device)
            scored, score = forward(image, sample.product)
            maps.append(gaussian_filter(scored.float().cpu().numpy(), task.options.sigma))
            scores.append(float(score))
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        return Looks(seconds, cpu_seconds, maps, scores, {}, _peak(network))

    return look


def _timed(network: AdaClipNetwork, seconds: dict[str, float]) -> None:
    """From now on the network's stages add up how long they take."""
    import torch

    gpu = next(network.parameters()).is_cuda

    def clocked(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def run(*values: Any) -> Any:
            start = _now(gpu, torch)
            result = method(*values)
            seconds[name] = seconds.get(name, 0.0) + _now(gpu, torch) - start
            return result

        return run

    for name in STAGES:
        setattr(network, name, clocked(name, getattr(network, name)))


def _now(gpu: bool, torch: Any) -> float:
    if gpu:
        torch.cuda.synchronize()
    return time.perf_counter()


def _peak(network: AdaClipNetwork) -> float:
    device = next(network.parameters()).device
    if device.type == "cuda":
        import torch

        return float(torch.cuda.max_memory_allocated(device) / 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _pictures(options: AdaClipOptions, turn: int) -> list[Sample]:
    """The pictures of one turn: coloured clouds with fine grain."""
    size, samples = options.image_size, []
    for number in range(options.batch):
        random = np.random.default_rng((options.seed, turn, number))
        coarse = random.integers(0, 256, (8, 8, 3)).astype(np.uint8)
        clouds = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        grained = np.clip(clouds + random.normal(scale=12, size=clouds.shape), 0, 255).astype(np.uint8)
        samples.append(sample_of(grained, f"{turn}-{number}", PRODUCT))
    return samples


def compared(own: Task, public: Task | None, turns: int) -> tuple[list[Looks], list[Looks]]:
    """What the two gave in each turn, after one to warm up; they take turns, each in a process of its own.

    Raises:
        LogiSightError: Weights, packages or the public code are missing.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as one, ProcessPoolExecutor(1, spawn) as other:
        found: tuple[list[Looks], list[Looks]] = [], []
        for number in range(turns + 1):
            found[0].append(one.submit(own.turn, number).result())
            if public:
                found[1].append(other.submit(public.turn, number).result())
    return found[0][1:], found[1][1:]


def report(console: Console, own: list[Looks], public: list[Looks]) -> None:
    """Print the tables."""
    pictures = len(own[0].scores)
    console.print("| who | ms a picture, median | CPU ms | peak MB |\n|---|---|---|---|")
    for who, looks in (("LogiSight", own), ("public code", public)):
        if looks:
            each = 1000 * median(look.seconds for look in looks) / pictures
            cpu = 1000 * median(look.cpu_seconds for look in looks) / pictures
            peak = max(look.megabytes for look in looks)
            console.print(f"| {who} | {each:.0f} | {cpu:.0f} | {peak:.0f} |", markup=False)
    console.print("\n| stage of LogiSight | ms a picture, median |\n|---|---|")
    for name, words in STAGES.items():
        each = 1000 * median(look.stages[name] for look in own) / pictures
        console.print(f"| {words} | {each:.0f} |", markup=False)
    if public:
        _differences(console, own, public)


def _differences(console: Console, own: list[Looks], public: list[Looks]) -> None:
    pairs = list(zip(own, public, strict=True))
    faster = median(theirs.seconds / ours.seconds for ours, theirs in pairs)
    cheaper = median(theirs.cpu_seconds / ours.cpu_seconds for ours, theirs in pairs)
    maps = max(
        float(np.abs(one - other).max())
        for ours, theirs in pairs
        for one, other in zip(ours.maps, theirs.maps, strict=True)
    )
    scores = max(
        abs(one - other)
        for ours, theirs in pairs
        for one, other in zip(ours.scores, theirs.scores, strict=True)
    )
    console.print(
        f"\nLogiSight is {faster:.2f} times as fast as the public code, {cheaper:.2f} times by CPU time "
        f"(medians of {len(own)} turns); maps differ by at most {maps:.1e}, scores by {scores:.1e}",
        markup=False,
    )


def main() -> None:
    """Measure, and print the tables."""
    asked = _asked()
    told = AdaClipOptions(
        random_weights=True,
        backbone=asked.backbone,
        image_size=asked.size,
        batch=asked.batch,
        device=asked.device,
        precision=asked.precision,
        seed=asked.seed,
        fusion=asked.fusion,
    )
    console = Console(soft_wrap=True, highlight=False)
    console.print(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; "
        f"{asked.backbone}, {asked.size} px, {asked.precision}, batches of {asked.batch}\n",
        markup=False,
    )
    try:
        own, public = compared(
            Task(told, None), Task(told, asked.public) if asked.public else None, asked.turns
        )
    except LogiSightError as error:
        raise SystemExit(str(error)) from None
    report(console, own, public)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m logisight.benchmarks.adaclip_speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--public", type=Path, metavar="DIR", help="a copy of the authors' repository")
    parser.add_argument("--turns", type=int, default=5, help="after one to warm up (default: 5)")
    parser.add_argument("--batch", type=int, default=1, help="pictures in each turn (default: 1)")
    parser.add_argument("--size", type=int, default=518, help="of a picture (default: 518)")
    parser.add_argument(
        "--backbone", default="ViT-L-14-336", help="by its open_clip name (default: ViT-L-14-336)"
    )
    parser.add_argument("--fusion", choices=("published", "none"), default="published")
    parser.add_argument("--precision", choices=("float32", "autocast"), default="float32")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and pictures")
    asked = parser.parse_args()
    if min(asked.turns, asked.batch) < 1:
        parser.error("there must be at least one turn and one picture")
    return asked


if __name__ == "__main__":
    main()
