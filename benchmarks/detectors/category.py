"""One product of a test set: its pictures, what is wrong on them, and which role each plays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

MOST_TO_CALIBRATE: Final = 60
"""Normal pictures that a threshold rests on at most; more make it no better, but take their time."""
LEAST_TO_CALIBRATE: Final = 4
"""With fewer there is no threshold."""

Mask = NDArray[np.bool_]
Size = tuple[int, int]
"""(width, height)."""

T = TypeVar("T")


@dataclass(frozen=True)
class KnownPicture:
    """One picture that is looked at, and what is known of it."""

    name: str
    """Its path below the folder of the category, without suffix."""
    path: Path
    kind: str = ""
    """Of its defects; empty where it has none."""
    truth: tuple[Path, ...] = ()
    """Files that say where its defects are."""
    reference: Path | None = None
    """A normal picture that is aligned with it, where there is one."""


@dataclass(frozen=True)
class Category:
    """What the folder of one product holds, in whatever layout; pixels are read later, picture by picture."""

    name: str
    train: tuple[Path, ...]
    """Normal pictures to learn from."""
    validation: tuple[Path, ...]
    """Other normal ones, to calibrate with."""
    test: tuple[KnownPicture, ...]
    read_truth: Callable[[KnownPicture, Size], Mask]
    """Where the defects of a picture of this size are, (height, width). Raises DatasetError."""
    problems: tuple[str, ...] = field(default=())
    """One line for each file that cannot be used."""

    @property
    def product(self) -> str:
        """What it shows, in words."""
        return self.name.replace("_", " ")

    @property
    def kinds(self) -> list[str]:
        """Kinds of defects, in order of names."""
        return sorted({one.kind for one in self.test if one.kind})


class Roles(NamedTuple):
    """Which pictures a detector gets for what; no picture is in two lists."""

    learn: tuple[Path, ...]
    calibrate: tuple[Path, ...]
    test: tuple[KnownPicture, ...]
    pairs: bool = False
    """Whether it learns from the reference of each tested picture, just before it looks at that."""

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Pictures in each list."""
        return len(self.learn), len(self.calibrate), len(self.test)

    @property
    def reads(self) -> int:
        """Pictures that are read, one as often as it is."""
        return sum(self.sizes) + (len(self.test) if self.pairs else 0)


def roles_in(category: Category, seed: int, *, learns: bool) -> Roles:
    """What a detector gets that learns, or one that does not.

    Without pictures to learn from in the data set, a random half of the good test pictures is not tested.
    Where there are none to calibrate with, those that are not tested serve: all for a detector that does not
    learn, else half of them. A detector that learns, where each picture has a reference, gets that alone; no
    good picture is left to test it on.
    """
    defective = tuple(one for one in category.test if one.kind)
    good = [one for one in category.test if not one.kind]
    if learns and any(one.reference for one in defective):
        return Roles((), (), tuple(one for one in defective if one.reference), pairs=True)
    random = np.random.default_rng(seed)
    spare = list(category.train)
    if not spare:
        left, good = _divided(good, len(good) // 2, random)
        spare = [one.path for one in left]
    test = (*good, *defective)
    if category.validation:
        return Roles(tuple(spare) if learns else (), category.validation, test)
    wanted = min(MOST_TO_CALIBRATE, len(spare) // 2 if learns else len(spare))
    calibrate, learn = _divided(spare, wanted if wanted >= LEAST_TO_CALIBRATE else 0, random)
    return Roles(tuple(learn) if learns else (), tuple(calibrate), test)


def _divided(items: Sequence[T], count: int, random: np.random.Generator) -> tuple[list[T], list[T]]:
    """`count` of the items at random, and the others, each in their order."""
    chosen = set(random.permutation(len(items))[:count].tolist())
    return (
        [item for place, item in enumerate(items) if place in chosen],
        [item for place, item in enumerate(items) if place not in chosen],
    )
