"""What LogiSight costs over bare vLLM in a batch: python -m logisight.benchmarks.engine_batch MODEL.

MODEL is a folder, with options as `engine:MODEL` takes them. A batch of pictures is asked through `engine`
and through vLLM's own `LLM.chat`, on the same engine with the same prompts, in turns and with cold caches.
The queue is how many questions are with the engine at once. Machines are shared and noisy: compare the ratio
of one run, not figures of two.
"""

from __future__ import annotations

import argparse
import base64
import io
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from langchain_core.messages import HumanMessage
from PIL import Image
from rich.console import Console

from ..agents.reasoner import make_reasoner
from ..schema import LogiSightError

if TYPE_CHECKING:
    from ..agents.llm.engine import EngineModel

QUESTION: Final = "What is wrong in this picture?"
TARGET: Final = 0.95
"""Of the bare speed, that is to be reached."""
_SAMPLING: Final = 0.01
"""Seconds between two looks at the queue."""


class Run(NamedTuple):
    """One batch."""

    seconds: float
    tokens: int
    """That were written."""
    queue: list[int]
    """Questions with the engine, as often as they were counted."""

    @property
    def speed(self) -> float:
        """Tokens written in a second."""
        return self.tokens / self.seconds


class Way(NamedTuple):
    """One way to ask a batch, and its runs."""

    name: str
    ask: Callable[[], int]
    """Asks all of them, and tells how many tokens were written."""
    runs: list[Run]

    @property
    def speed(self) -> float:
        """Tokens written in a second, the median of the runs."""
        return statistics.median(run.speed for run in self.runs)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--side", type=int, default=224, help="of each picture, in pixels")
    parser.add_argument("--tokens", type=int, default=32, help="of each answer at most")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    console = Console(soft_wrap=True, highlight=False)
    try:
        model: Any = make_reasoner(f"engine:{given.model}")
        ways = measure(model, pictures(given.pictures, given.side), given.tokens, given.rounds)
    except LogiSightError as error:
        parser.exit(2, f"error: {error}\n")
    for line in table(ways):
        console.print(line, markup=False)


def pictures(count: int, side: int) -> list[str]:
    """Square pictures that differ, as data URIs; the same ones each time."""
    random = np.random.default_rng(0)
    made = []
    for _ in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        file = io.BytesIO()
        coarse.resize((side, side)).save(file, "PNG")
        made.append("data:image/png;base64," + base64.b64encode(file.getvalue()).decode())
    return made


def measure(model: EngineModel, urls: Sequence[str], tokens: int, rounds: int) -> list[Way]:
    """Ask about all pictures in each way, in turns; a first round of each warms up and does not count.

    Raises:
        ModelError: A question is not answered.
    """
    contents: list[Any] = [
        [{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": url}}] for url in urls
    ]
    with model.engine() as engine:
        llm = engine.llm
    ours = Way("LogiSight's batch", lambda: _ours(model, contents, tokens), [])
    bare = Way("bare LLM.chat", lambda: _bare(llm, contents, tokens), [])
    for number in range(rounds + 1):
        for way in (ours, bare):
            llm.reset_mm_cache()
            llm.reset_prefix_cache()
            with _watched(llm.llm_engine.get_num_unfinished_requests) as queue:
                start = time.perf_counter()
                written = way.ask()
                seconds = time.perf_counter() - start
            if number:
                way.runs.append(Run(seconds, written, list(queue)))
    return [ours, bare]


def table(ways: Sequence[Way]) -> Iterator[str]:
    """The runs as a Markdown table, and how the first way compares with the second."""
    yield "| way | tokens/s, median | lowest | highest | queue, mean | queue, most |"
    yield "|---|---|---|---|---|---|"
    for way in ways:
        speeds = [run.speed for run in way.runs]
        queue = [depth for run in way.runs for depth in run.queue] or [0]
        yield (
            f"| {way.name} | {way.speed:.0f} | {min(speeds):.0f} | {max(speeds):.0f} "
            f"| {statistics.fmean(queue):.0f} | {max(queue)} |"
        )
    first, second = ways
    # Each run is held against the one beside it, since a shared machine is now faster and now slower.
    ratio = statistics.median(a.speed / b.speed for a, b in zip(first.runs, second.runs, strict=True))
    yield f"\nratio {ratio:.3f}, the median of {len(first.runs)} rounds; the target is {TARGET:g}"


def _ours(model: EngineModel, contents: Sequence[Any], tokens: int) -> int:
    answers = model.batch([[HumanMessage(content)] for content in contents], max_tokens=tokens)
    return sum(answer.usage_metadata["output_tokens"] for answer in answers if answer.usage_metadata)


def _bare(llm: Any, contents: Sequence[Any], tokens: int) -> int:
    from vllm import SamplingParams

    conversations = [[{"role": "user", "content": content}] for content in contents]
    outputs = llm.chat(conversations, SamplingParams(max_tokens=tokens, temperature=0.0), use_tqdm=False)
    return sum(len(output.outputs[0].token_ids) for output in outputs)


@contextmanager
def _watched(count: Callable[[], int]) -> Iterator[list[int]]:
    """What is counted again and again, from a thread beside, while something runs."""
    seen: list[int] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_SAMPLING):
            seen.append(count())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


if __name__ == "__main__":
    main()
