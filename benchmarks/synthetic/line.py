"""A whole production line on disk, in the layout of MVTec LOCO AD, drawn in parallel."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from ...schema import DatasetError, Record
from ..loco import CONFIG
from .kinds import apportioned
from .levels import Disturbance, Level
from .rendering import PRODUCTS, SMALLEST
from .writing import VERSION, Recipe, write_picture

SUMMARY = "synthetic.json"
"""What a line was made of, in its folder."""
RULES = "rules.txt"
"""The sentences of a product, in its folder."""
_CHUNK = 4
"""Pictures that a process takes at a time."""
_LARGEST_PIECE = 31 << 20
"""Bytes; just below the most that the C library adapts to."""


class Counts(Record):
    """How many pictures of each product."""

    train: int = Field(default=40, ge=0, le=999)
    validation: int = Field(default=10, ge=0, le=999)
    good: int = Field(default=30, ge=0, le=999)
    """In the test set."""
    logical: int = Field(default=60, ge=0, le=999)
    structural: int = Field(default=30, ge=0, le=999)

    @property
    def total(self) -> int:
        """Pictures of one product."""
        return self.train + self.validation + self.good + self.logical + self.structural


class Category(Record):
    """What was written of one product."""

    size: tuple[int, int]
    defects: dict[str, int]
    """Name -> how many pictures show it."""
    sha256: str
    """Of all files of its pictures; empty while they are not all there."""


class Summary(Record):
    """What a line was made of."""

    kind: Literal["logisight synthetic line"] = "logisight synthetic line"
    version: int
    seed: int
    level: Level
    disturbances: tuple[Disturbance, ...]
    counts: Counts
    categories: dict[str, Category]

    @property
    def complete(self) -> bool:
        """Whether every picture was written."""
        return all(category.sha256 for category in self.categories.values())


def synthesize(
    out: Path,
    *,
    categories: Sequence[str] = tuple(PRODUCTS),
    level: Level | str = Level.line,
    seed: int = 0,
    counts: Counts | None = None,
    disturbances: Sequence[Disturbance | str] = (),
    size: tuple[int, int] | None = None,
    workers: int | None = None,
    on_picture: Callable[[Path], object] = lambda _: None,
) -> Summary:
    """Write a line into `out`; the same arguments write the same bytes, whatever the number of workers.

    Pictures that stand already are not drawn again, so a line that was cut off goes on where it stopped.
    `on_picture` is called with the path of each picture, in order, once it stands: `Counts.total` times for
    each category. `size` is (width, height) of all pictures instead of that of each product.

    Raises:
        DatasetError: An argument is wrong; or `out` holds something else, such as a line of another seed; or
            a file cannot be written.
    """
    plan = _plan(categories, level, seed, counts or Counts(), disturbances, size)
    summary = _begin(out, plan)
    recipes = list(_recipes(summary))
    digests: dict[str, list[str]] = {name: [] for name in categories}
    try:
        _write_categories(out, summary, categories)
        wanted = [recipe for recipe in recipes if recipe.category in digests]
        for recipe, digest in zip(wanted, _written(out, wanted, workers), strict=True):
            digests[recipe.category].append(f"{recipe.picture.as_posix()} {digest}\n")
            on_picture(out / recipe.picture)
        done = {
            name: category.model_copy(update={"sha256": _sha256("".join(digests[name]))})
            if name in digests
            else category
            for name, category in summary.categories.items()
        }
        summary = summary.model_copy(update={"categories": done})
        _save(out, summary)
    except OSError as error:
        raise DatasetError(f"{error.filename or out}: cannot be written ({error.strerror})") from None
    except BrokenProcessPool:
        raise DatasetError(
            f"{out}: a drawing process ended; run it again, it goes on where it stopped"
        ) from None
    return summary


def recipes_of(categories: Sequence[str], level: Level, counts: Counts, seed: int = 0) -> list[Recipe]:
    """What decides the pictures of a line, in order, without writing any.

    Raises:
        DatasetError: An argument is wrong.
    """
    return list(_recipes(_plan(categories, level, seed, counts, (), None)))


def _plan(
    categories: Sequence[str],
    level: Level | str,
    seed: int,
    counts: Counts,
    disturbances: Sequence[Disturbance | str],
    size: tuple[int, int] | None,
) -> Summary:
    """What is asked for, checked."""
    if unknown := [name for name in categories if name not in PRODUCTS]:
        raise DatasetError(f"no product is called {', '.join(unknown)}; there are {', '.join(PRODUCTS)}")
    if not categories:
        raise DatasetError(f"name at least one product of {', '.join(PRODUCTS)}")
    if seed < 0:
        raise DatasetError(f"a seed is 0 or more, not {seed}")
    if size and (min(size) < SMALLEST or max(size) > 4096):
        raise DatasetError(f"a picture is {SMALLEST} to 4096 px wide and high, not {size[0]}x{size[1]}")
    if level not in list(Level):
        raise DatasetError(f"there is no level {level!r}; there are {', '.join(Level)}")
    if strange := sorted(set(disturbances) - set(Disturbance)):
        raise DatasetError(
            f"no disturbance is called {', '.join(strange)}; there are {', '.join(Disturbance)}"
        )
    return Summary(
        version=VERSION,
        seed=seed,
        level=Level(level),
        disturbances=tuple(sorted({Disturbance(name) for name in disturbances})),
        counts=counts,
        categories={name: _category(name, counts, size) for name in sorted(set(categories))},
    )


def _category(name: str, counts: Counts, size: tuple[int, int] | None) -> Category:
    kinds = PRODUCTS[name].kinds
    mixes = apportioned(kinds.logical, counts.logical) + apportioned(kinds.structural, counts.structural)
    shown = Counter(defect for mix in mixes for defect in mix.names)
    return Category(size=size or PRODUCTS[name].size, defects=dict(sorted(shown.items())), sha256="")


def _begin(out: Path, plan: Summary) -> Summary:
    """The plan, with the categories that `out` holds already."""
    path = out / SUMMARY
    if not path.exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise DatasetError(f"{out}: holds something else; give an empty folder, or a new one")
        _save(out, plan)
        return plan
    try:
        there = Summary.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise DatasetError(f"{path}: cannot be read; delete {out}, or give another folder") from None
    for what in ("version", "seed", "level", "disturbances", "counts"):
        old, new = getattr(there, what), getattr(plan, what)
        if old != new:
            raise DatasetError(
                f"{out}: holds a line of {what} {_shown(old)}, not {_shown(new)}; give another folder"
            )
    for name, category in plan.categories.items():
        if name in there.categories and there.categories[name].size != category.size:
            width, height = there.categories[name].size
            raise DatasetError(f"{out}: holds a line of size {width}x{height}; give another folder")
    begun = plan.model_copy(update={"categories": there.categories | plan.categories})
    _save(out, begun)
    return begun


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return "+".join(map(str, value)) or "none"
    return str(value)


def _save(out: Path, summary: Summary) -> None:
    content = summary.model_copy(update={"categories": dict(sorted(summary.categories.items()))})
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / SUMMARY).write_text(content.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"{out / SUMMARY}: cannot be written ({error.strerror})") from None


def _write_categories(out: Path, summary: Summary, categories: Sequence[str]) -> None:
    """What a category's folder holds beside its pictures."""
    for name in categories:
        folder, product = out / name, PRODUCTS[name]
        folder.mkdir(exist_ok=True)
        for place in ("train/good", "validation/good", "test/good"):
            (folder / place).mkdir(parents=True, exist_ok=True)
        entries: list[dict[str, Any]] = [
            entry.model_dump() for entry in product.kinds.config(summary.categories[name].size)
        ]
        (folder / CONFIG).write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
        text = f"# What a good product of {name} looks like.\n\n" + "\n".join(product.sentences) + "\n"
        (folder / RULES).write_text(text, encoding="utf-8")


def _recipes(summary: Summary) -> Iterator[Recipe]:
    """Every picture of a line, in order."""
    counts = summary.counts
    for name, category in summary.categories.items():
        kinds = PRODUCTS[name].kinds
        pictures = [
            *itertools.product([("train", "good")], [()] * counts.train),
            *itertools.product([("validation", "good")], [()] * counts.validation),
            *itertools.product([("test", "good")], [()] * counts.good),
            *((("test", "logical_anomalies"), m.names) for m in apportioned(kinds.logical, counts.logical)),
            *(
                (("test", "structural_anomalies"), m.names)
                for m in apportioned(kinds.structural, counts.structural)
            ),
        ]
        numbers: Counter[tuple[str, str]] = Counter()
        for place, defects in pictures:
            yield Recipe(
                name,
                *place,
                number=numbers[place],
                defects=defects,
                seed=summary.seed,
                level=summary.level,
                disturbances=summary.disturbances,
                size=category.size,
            )
            numbers[place] += 1


def _written(out: Path, recipes: Sequence[Recipe], workers: int | None) -> Iterator[str]:
    """The digest of each picture, in order, once it is written."""
    write = partial(write_picture, out)
    if (workers := workers or os.cpu_count() or 1) == 1 or len(recipes) <= _CHUNK:
        yield from map(write, recipes)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_keep_memory) as pool:
        try:
            yield from pool.map(write, recipes, chunksize=_CHUNK)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _keep_memory() -> None:
    """Keep the memory of arrays that come and go, a sixth of the time of a picture.

    The C library of GNU returns it to the system, which must clear it again, unless as large a piece was
    freed once (mallopt(3), M_MMAP_THRESHOLD); others do not mind.
    """
    np.empty(_LARGEST_PIECE, np.uint8)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
