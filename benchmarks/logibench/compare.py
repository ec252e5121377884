"""Two results side by side, picture by picture where they are of the same pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import ValidationError

from ...schema import DatasetError, Record
from ...tools.pictures import shown
from .marks import classified, reasoned
from .resampling import Figures, Interval, interval
from .result import CategoryResult, LogiBench, PictureRow
from .run import RESULT

MEAN: Final = "mean"
_MOST_BYTES: Final = 500_000_000


class Difference(Record):
    """One figure in two results."""

    way: str
    """Of judging: true parts, seen parts, or a baseline."""
    category: str
    """Or mean."""
    figure: str
    first: float | None
    second: float | None
    change: Interval
    """Second less first; with an interval where both are of the same pictures, from paired resamples."""


class Turned(Record):
    """A picture on which the verdicts differ."""

    way: str
    category: str
    picture: str
    defects: list[str]
    first: str
    second: str
    better: bool
    """Whether the second is right."""


class Comparison(Record):
    """Two results side by side."""

    first: str
    second: str
    differences: list[Difference]
    turned: list[Turned]
    notes: list[str]
    """What makes the two hard to compare."""

    @property
    def better(self) -> int:
        """How many verdicts are right in the second alone."""
        return sum(one.better for one in self.turned)


def read_result(path: Path) -> LogiBench:
    """A result, from its file or the folder that it was written to.

    Raises:
        DatasetError: There is none, or the file is no such result.
    """
    file = path / RESULT if path.is_dir() else path
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise DatasetError(f"{shown(file)}: too large for a result")
        return LogiBench.model_validate_json(file.read_bytes())
    except OSError as error:
        raise DatasetError(f"{shown(file)}: no result here ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise DatasetError(f"{shown(file)}: no result of LogiBench ({where}: {first['msg']})") from None


def compare_results(first: Path, second: Path) -> Comparison:
    """Hold two results against each other; what only one of them has is left out.

    Raises:
        DatasetError: One of them cannot be read, or they have nothing in common.
    """
    one, other = read_result(first), read_result(second)
    theirs = {result.category: result for result in other.categories}
    pairs = [(result, theirs[result.category]) for result in one.categories if result.category in theirs]
    differences: list[Difference] = []
    changes: dict[tuple[str, str], list[tuple[Figures, Figures]]] = {}
    turned: list[Turned] = []
    for mine, its in pairs:
        for way, rows in mine.judged.items():
            if way in its.judged:
                matched = _matched(rows, its.judged[way])
                both = _both(matched, one.seed)
                differences += [
                    _difference(way, mine.category, figure, *values) for figure, values in both.items()
                ]
                for figure, values in both.items():
                    changes.setdefault((way, figure), []).append(values)
                turned += _turned(way, mine.category, matched)
    if not differences:
        raise DatasetError(f"{shown(first)} and {shown(second)} have no picture in common that both judged")
    means = [
        _difference(way, MEAN, figure, *(np.mean(some, axis=0) for some in zip(*values, strict=True)))
        for (way, figure), values in changes.items()
        if len(values) > 1
    ]
    return Comparison(
        first=shown(first),
        second=shown(second),
        differences=[*means, *differences],
        turned=turned,
        notes=list(_notes(one, other, pairs)),
    )


def _matched(mine: Sequence[PictureRow], its: Sequence[PictureRow]) -> list[tuple[PictureRow, PictureRow]]:
    theirs = {row.name: row for row in its}
    return [(row, theirs[row.name]) for row in mine if row.name in theirs]


def _both(matched: Sequence[tuple[PictureRow, PictureRow]], seed: int) -> dict[str, tuple[Figures, Figures]]:
    """Each figure in both results, over the pictures that both have, with the same resamples."""
    sides = []
    for rows in zip(*matched, strict=True):
        figures = classified(rows, seed)[1]
        if any(row.annotated or row.told for row in rows):
            figures |= reasoned(rows, seed)[1]
        sides.append(figures)
    return {name: (sides[0][name], sides[1][name]) for name in sides[0] if name in sides[1]} if sides else {}


def _difference(way: str, category: str, figure: str, first: Figures, second: Figures) -> Difference:
    return Difference(
        way=way,
        category=category,
        figure=figure,
        first=interval(first).value,
        second=interval(second).value,
        change=interval(second - first),
    )


def _turned(way: str, category: str, matched: Sequence[tuple[PictureRow, PictureRow]]) -> Iterator[Turned]:
    for mine, its in matched:
        if mine.status != its.status:
            yield Turned(
                way=way,
                category=category,
                picture=mine.name,
                defects=mine.defects,
                first=mine.status,
                second=its.status,
                better=its.right,
            )


def _notes(
    one: LogiBench, other: LogiBench, pairs: Sequence[tuple[CategoryResult, CategoryResult]]
) -> Iterator[str]:
    for mine, its in pairs:
        if mine.data_sha256 != its.data_sha256:
            yield f"{mine.category}: the two are of different pictures, annotations or sentences"
    for result, name in ((one, "first"), (other, "second")):
        alone = {c.category for c in result.categories} - {mine.category for mine, _ in pairs}
        if alone:
            yield f"only the {name} has {', '.join(sorted(alone))}"
    if one.versions.ontology_sha256 != other.versions.ontology_sha256:
        yield "the two were held against different ontologies of reasons"
