"""How fast pictures are drawn and written: python -m logisight.benchmarks.synthetic.speed [--pictures N].

For each product the processor time of one picture, all its files written, in this process; then how many
pictures a second a whole line gets with all cores, its processes started included. Processor time is the
figure to compare: a machine that does other things as well makes the other one smaller.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

from rich.console import Console

from .levels import Level
from .line import Counts, recipes_of, synthesize
from .rendering import PRODUCTS
from .writing import write_picture


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=30, help="of each product, a third of each group")
    parser.add_argument("--level", type=Level, default=Level.line, choices=list(Level))
    options = parser.parse_args()
    each = max(1, options.pictures // 3)
    counts = Counts(train=0, validation=0, good=each, logical=each, structural=each)
    console = Console(soft_wrap=True, highlight=False)
    console.print(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"{counts.total} pictures of each product, level {options.level}\n",
        markup=False,
    )
    console.print("| product | size | processor time a picture |\n|---|---|---|")
    for name, product in PRODUCTS.items():
        width, height = product.size
        spent = 1000 * processor_seconds(name, options.level, counts)
        console.print(f"| {name} | {width}x{height} | {spent:.1f} ms |")
    console.print(f"\nThe whole line: {pictures_a_second(options.level, counts):.1f} pictures a second.")


def processor_seconds(category: str, level: Level, counts: Counts) -> float:
    """Of one picture of a product, on average, once the process is warm."""
    recipes = recipes_of([category], level, counts)
    with tempfile.TemporaryDirectory() as cold, tempfile.TemporaryDirectory() as warm:
        write_picture(Path(cold), recipes[0])
        start = time.process_time()
        for recipe in recipes:
            write_picture(Path(warm), recipe)
        return (time.process_time() - start) / len(recipes)


def pictures_a_second(level: Level, counts: Counts) -> float:
    """Of a line of all products, by the clock on the wall, with as many processes as there are cores."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        synthesize(Path(folder), level=level, counts=counts)
        return len(PRODUCTS) * counts.total / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
