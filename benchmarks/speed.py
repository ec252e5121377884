"""Speed and memory of the main job as a Markdown table: python -m logisight.benchmarks.speed [--install].

Each figure is the median of several runs, beside the limit that LogiSight sets itself and their ratio.
Machines are shared and noisy: compare ratios of one run, not figures of two.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from ..agents.graph import Inspector
from ..agents.product import Product, open_product, teach
from ..agents.workshop import Workshop
from ..sandbox import Check, ProcessJail
from ..tools.pictures import read_picture
from .demo import DEMO_SENTENCES, write_product_line

REPOSITORY = Path(__file__).resolve().parents[1]
SMALL, LARGE = (586, 346), (1700, 1000)


class Figure(NamedTuple):
    """One row of the table."""

    what: str
    measured: float
    limit: float
    unit: str


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--install", action="store_true", help="also install into a fresh virtual environment"
    )
    figures = measure(parser.parse_args().install)
    console = Console(soft_wrap=True, highlight=False)
    console.print(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}\n", markup=False
    )
    console.print("| what | measured | limit | ratio |\n|---|---|---|---|")
    for figure in figures:
        measured, limit = f"{figure.measured:.3g} {figure.unit}", f"{figure.limit:g} {figure.unit}"
        console.print(
            f"| {figure.what} | {measured} | {limit} | {figure.measured / figure.limit:.2f} |", markup=False
        )


def measure(install: bool = False) -> list[Figure]:
    """All figures, those of an installation only when asked for."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = _line(folder / "small", SMALL)
        large = _line(folder / "large", LARGE)
        with Workshop(open_product(large)) as workshop:
            for sentence in DEMO_SENTENCES:
                workshop.author(sentence)
        picture = str(next((folder / "large" / "inspect").glob("*.png")))
        seconds, megabytes = _in_fresh_process(str(large), picture)
        figures = [
            Figure("teach from one 586x346 picture", _teach_seconds(small), 5, "s"),
            Figure(f"inspect one 1700x1000 picture, {len(DEMO_SENTENCES)} rules", seconds, 1, "s"),
            Figure("peak memory of that, sandbox included", megabytes, 1000, "MB"),
            Figure(
                "10 rules on one scene, in the sandbox",
                1000 * _rules_seconds(open_product(large), picture),
                50,
                "ms",
            ),
            Figure("logisight --help", _median(lambda: _run("-m", "logisight.cli", "--help")), 0.5, "s"),
        ]
    if install:
        figures.append(Figure("install into a fresh environment", _install_seconds(), 90, "s"))
    return figures


def _line(folder: Path, size: tuple[int, int]) -> Path:
    """A rendered and taught product line; the product's folder."""
    write_product_line(folder, normals=1, tests=1, size=size)
    return teach(folder / "product", folder / "references", folder / "annotations").product.folder


def _teach_seconds(product: Path) -> float:
    folder = product.parent
    return _median(lambda: teach(product, folder / "references", folder / "annotations"))


def _rules_seconds(product: Product, picture: str) -> float:
    scene = product.see(read_picture(Path(picture)))[1].scene
    proven = product.rulebook().proven
    checks = [Check(number, proven[number % len(proven)].code) for number in range(10)]
    with ProcessJail() as jail:
        jail.run(checks, scene)
        return _median(lambda: jail.run(checks, scene), runs=50)


def _in_fresh_process(product: str, picture: str) -> tuple[float, float]:
    """Seconds a picture and peak megabytes, in a process that does nothing else."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_inspect_often, product, picture).result()


def _inspect_often(product: str, picture: str) -> tuple[float, float]:
    with Inspector(product) as inspector:
        inspector.look(picture)
        seconds = _median(lambda: inspector.look(picture))
    usage = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    )
    return seconds, usage / 1024


def _install_seconds() -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # A copy, since pip leaves its build folder in the tree that it installs.
        hidden = shutil.ignore_patterns(".*", "build", "logisight-demo", "products")
        shutil.copytree(REPOSITORY, folder / "source", ignore=hidden)
        start = time.perf_counter()
        venv.create(folder / "venv", with_pip=True)
        subprocess.run([folder / "venv" / "bin" / "pip", "install", "--quiet", folder / "source"], check=True)
        return time.perf_counter() - start


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def _median(work: Callable[[], object], runs: int = 5) -> float:
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
