"""What is found of a subset of pictures at each threshold, summed up, and the curves that follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..schema import DatasetError
from .curves import Curve, Rates
from .thresholds import Thresholds

Kind = Literal["pixels", "channels", "blobs"]
"""What is to be found: pixels inside of any defect, ground-truth channels, or connected regions."""


class Subset(NamedTuple):
    """Some pictures, and what is to be found in them."""

    kind: Kind
    name: str
    """Of the pictures: a group, `group/type`, or all."""


@dataclass(frozen=True, eq=False)
class Tally:
    """What is found in the pictures of a subset at each threshold, and what there is to find."""

    found: NDArray[np.float64]
    """(2, thresholds): pixels outside of all defects, and the pixels or the overlaps that are to be found."""
    there: NDArray[np.int64]
    """(2,): how many there are of each."""

    @classmethod
    def nothing(cls, thresholds: int) -> Tally:
        """That of no picture."""
        return cls(np.zeros((2, thresholds)), np.zeros(2, np.int64))

    def add(self, wrong: NDArray[np.int64], outside: int, found: Sequence[NDArray[Any]], there: int) -> None:
        """Add one picture: what is found of its pixels outside, and of each thing that is to be found.

        The last bits of the sums depend on the order of the pictures and of what is found in each.
        """
        self.found[0] += wrong
        for one in found:
            self.found[1] += one
        self.there[:] += (outside, there)

    def plus(self, other: Tally) -> Tally:
        """Of both."""
        return Tally(self.found + other.found, self.there + other.there)

    def at(self, places: NDArray[np.intp]) -> Tally:
        """At some of the thresholds."""
        return Tally(self.found[:, places], self.there)

    def beside(self, other: Tally) -> Tally:
        """Of the same pictures, with the thresholds of the other behind these."""
        return Tally(np.concatenate([self.found, other.found], axis=1), self.there)

    @property
    def curve(self) -> Curve:
        """Mean overlap over the false positive rate.

        Raises:
            DatasetError: There is no defect, or no pixel without one.
        """
        if self.there[0] == 0:
            raise DatasetError("no picture has a pixel without a defect: there is no false positive rate")
        if self.there[1] == 0:
            raise DatasetError("no picture has a defect: there is nothing to localize")
        return Curve(self.found[0] / self.there[0], self.found[1] / self.there[1])

    @property
    def rates(self) -> Rates:
        """Pixels that are found, rightly or not."""
        wrong, right = self.found.astype(np.int64)
        return Rates(right, int(self.there[1]), wrong, int(self.there[0]))


class Tallies:
    """Those of the subsets of a test set; what is found at a threshold is counted once."""

    def __init__(self) -> None:
        self._known: Thresholds = np.empty(0)
        self._tallies: dict[Subset, Tally] = {}

    def of(
        self, kind: Kind, thresholds: Thresholds, count: Callable[[Thresholds], Mapping[Subset, Tally]]
    ) -> dict[str, Tally]:
        """Name of the pictures -> tally, at descending thresholds.

        `count` gives the tallies of all subsets, which are always the same, at descending thresholds.
        """
        new = np.setdiff1d(thresholds, self._known)[::-1]
        if new.size:
            self._learn(new, count(new))
        mine = {name: one for (its, name), one in self._tallies.items() if its == kind}
        if np.array_equal(self._known, thresholds):
            return mine
        places = len(self._known) - 1 - np.searchsorted(self._known[::-1], thresholds)
        return {name: one.at(places) for name, one in mine.items()}

    def _learn(self, new: Thresholds, counted: Mapping[Subset, Tally]) -> None:
        if self._known.size:
            together = np.concatenate([self._known, new])
            order = np.argsort(-together)
            self._known = together[order]
            self._tallies = {key: self._tallies[key].beside(one).at(order) for key, one in counted.items()}
        else:
            self._known, self._tallies = new, dict(counted)
