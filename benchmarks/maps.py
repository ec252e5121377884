"""What anomaly maps say of a whole test set, against its ground truth, taken in picture by picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..schema import DatasetError
from .curves import Curve, Rates
from .scores import MEMORY_BYTES, Scores, SortedScores
from .tallies import Kind, Subset, Tallies, Tally
from .thresholds import Thresholds, dense

Group = Literal["good", "logical_anomalies", "structural_anomalies"]
"""A folder of test pictures in the layout of MVTec LOCO AD."""
ALL: Final = "all"
"""All groups together."""


@dataclass(frozen=True, eq=False)
class Defect:
    """One ground-truth channel: a region in which a defect shows, or anywhere in which it could be seen."""

    name: str
    mask: NDArray[np.bool_]
    """(height, width) of the picture."""
    saturation: int
    """Pixels of the region that have to be found for all of it to count, see `saturation_pixels`."""


@dataclass(frozen=True, eq=False)
class ScoredPicture:
    """An anomaly map beside its ground truth."""

    scores: Scores
    """(height, width), larger is more anomalous, all finite."""
    defects: Sequence[Defect] = ()
    """None for a good picture."""
    group: Group = "good"
    name: str = ""
    """What it is called in results."""


class _Region(NamedTuple):
    name: str
    run: int
    """Of its scores, sorted."""
    saturation: int


class _Picture(NamedTuple):
    group: Group
    name: str
    highest: float
    outside: int
    """Run of the scores outside of all defects."""
    area: int
    """Pixels outside."""
    inside: tuple[int, int] | None
    """Run of the scores inside of any defect, and how many."""
    channels: tuple[_Region, ...]
    blobs: tuple[_Region, ...]
    """The 8-connected regions of what is inside."""


class MapScores:
    """The scores of a test set; of the maps, no more than a limit is kept in memory."""

    def __init__(self, memory_bytes: int = MEMORY_BYTES, *, connected: bool = True) -> None:
        """`memory_bytes` is what is kept in memory at most; the rest goes to a temporary file.

        Where `connected` is False, `pro` cannot be asked, and connected regions are not looked for.
        """
        self._connected = connected
        self._store = SortedScores(memory_bytes)
        self._pictures: list[_Picture] = []
        self._tallies = Tallies()

    @classmethod
    def of(cls, pictures: Iterable[ScoredPicture], *, connected: bool = True) -> MapScores:
        """Those of all pictures."""
        scores = cls(connected=connected)
        for picture in pictures:
            scores.add(picture)
        return scores

    def add(self, picture: ScoredPicture) -> None:
        """Take in one picture; for the bits of the official evaluation, in the order of groups and names.

        Raises:
            DatasetError: The map is not two-dimensional, has a score that is not finite, or another size than
                its ground truth; a region is empty, or its saturation not within it; or a picture with
                defects is said to be good, or one without not to be.
        """
        _check(picture)
        scores, defects = picture.scores, picture.defects
        anywhere = np.zeros(scores.shape, np.bool_)
        for defect in defects:
            anywhere |= defect.mask
        channels = tuple(
            _Region(defect.name, self._store.add(scores[defect.mask]), defect.saturation)
            for defect in defects
        )
        outside = scores[~anywhere]
        self._tallies = Tallies()
        self._pictures.append(
            _Picture(
                group=picture.group,
                name=picture.name,
                highest=float(scores.max()),
                outside=self._store.add(outside),
                area=outside.size,
                inside=self._inside(scores, anywhere, channels),
                channels=channels,
                blobs=self._blobs(scores, anywhere) if defects and self._connected else (),
            )
        )

    def highest(self, group: Group) -> NDArray[np.float64]:
        """The highest score of each picture of a group, which is the score of the picture."""
        return np.array([picture.highest for picture in self._pictures if picture.group == group])

    def ranked(self) -> list[tuple[Group, str, float]]:
        """Group, name and highest score of each picture, the highest first."""
        found = [(picture.group, picture.name, picture.highest) for picture in self._pictures]
        return sorted(found, key=lambda one: -one[2])

    def spro(self, thresholds: Thresholds) -> dict[str, Curve]:
        """Curves of the saturated overlap of channels: of `all`, of each group, and of each defect type.

        Each beside the good pictures; a type, at `group/name`, beside them and those that have it.

        Raises:
            DatasetError: There is no defect, or no pixel without one.
        """
        return self._curves("channels", thresholds)

    def pro(self, thresholds: Thresholds) -> dict[str, Curve]:
        """Curves of the overlap of connected regions: of `all` and of each group, as `spro`."""
        return self._curves("blobs", thresholds)

    def rates(self, thresholds: Thresholds) -> dict[str, Rates]:
        """Pixels that are found, rightly or not: of `all`, and of each group beside the good pictures."""
        return {name: one.rates for name, one in self._tallies.of("pixels", thresholds, self._count).items()}

    def dense(
        self, gaps: Callable[[Thresholds], NDArray[np.float64]], tolerance: float
    ) -> tuple[Thresholds, float]:
        """Thresholds that leave gaps of no more than the tolerance, see `thresholds.dense`.

        Raises:
            DatasetError: There is no defect.
        """
        outside = [picture.outside for picture in self._pictures]
        inside = [picture.inside[0] for picture in self._pictures if picture.inside]
        if not inside:
            raise DatasetError("no picture has a defect: there is nothing to localize")
        return dense(self._store, (outside, inside), gaps, tolerance)

    def _curves(self, kind: Kind, thresholds: Thresholds) -> dict[str, Curve]:
        return {name: one.curve for name, one in self._tallies.of(kind, thresholds, self._count).items()}

    def _count(self, thresholds: Thresholds) -> dict[Subset, Tally]:
        """Of all subsets, which are those of anomalies beside the good pictures."""
        tallies = defaultdict[Subset, Tally](lambda: Tally.nothing(len(thresholds)))
        for picture in self._pictures:
            wrong = self._store.above(picture.outside, thresholds)
            for subset, found, there in self._found(picture, thresholds):
                tallies[subset].add(wrong, picture.area, found, there)
        good = {key.kind: tallies.pop(key) for key in list(tallies) if key.name == "good"}
        return {
            key: one.plus(good[key.kind]) if key.name != ALL and good else one for key, one in tallies.items()
        }

    def _found(
        self, picture: _Picture, thresholds: Thresholds
    ) -> Iterator[tuple[Subset, Sequence[NDArray[Any]], int]]:
        """What is found in a picture at each threshold, and how much there is, for each of its subsets."""
        channels = [self._overlap(region, thresholds) for region in picture.channels]
        blobs = [self._overlap(region, thresholds) for region in picture.blobs]
        pixels, inside = [], 0
        if picture.inside:
            pixels, inside = [self._store.above(picture.inside[0], thresholds)], picture.inside[1]
        for name in (ALL, picture.group):
            yield Subset("channels", name), channels, len(channels)
            yield Subset("blobs", name), blobs, len(blobs)
            yield Subset("pixels", name), pixels, inside
        types = [region.name for region in picture.channels]
        for name in sorted(set(types)):
            mine = [one for one, its in zip(channels, types, strict=True) if its == name]
            yield Subset("channels", f"{picture.group}/{name}"), mine, len(mine)

    def _overlap(self, region: _Region, thresholds: Thresholds) -> NDArray[np.float64]:
        return np.minimum(self._store.above(region.run, thresholds) / region.saturation, 1.0)

    def _inside(
        self, scores: Scores, anywhere: NDArray[np.bool_], channels: Sequence[_Region]
    ) -> tuple[int, int] | None:
        if not channels:
            return None
        size = int(anywhere.sum())
        return (channels[0].run if len(channels) == 1 else self._store.add(scores[anywhere])), size

    def _blobs(self, scores: Scores, anywhere: NDArray[np.bool_]) -> tuple[_Region, ...]:
        _, picture = cv2.connectedComponents(anywhere.astype(np.uint8), connectivity=8)
        numbers = picture[anywhere]
        ordered = scores[anywhere][np.argsort(numbers, kind="stable")]
        ends = np.cumsum(np.bincount(numbers)[1:])
        return tuple(_Region("", self._store.add(blob), blob.size) for blob in np.split(ordered, ends[:-1]))


def saturation_pixels(threshold: float, area: int, *, relative: bool) -> int:
    """Pixels of a region of `area` pixels that must be found, from the threshold of its defect type.

    A relative threshold is a share of the area, rounded down as the official evaluation does; an absolute one
    is a number of pixels, and never more than the region has.
    """
    return max(1, int(threshold * area) if relative else min(int(threshold), area))


def _check(picture: ScoredPicture) -> None:
    scores = picture.scores
    if scores.ndim != 2 or scores.size == 0:
        raise DatasetError(f"an anomaly map has two dimensions, not the shape {scores.shape}")
    if not np.isfinite(scores).all():
        raise DatasetError("the anomaly map has scores that are not finite")
    for defect in picture.defects:
        if defect.mask.shape != scores.shape:
            raise DatasetError(f"the map is {_size(scores)}, its ground truth {_size(defect.mask)}")
        area = int(np.count_nonzero(defect.mask))
        if area == 0:
            raise DatasetError(f"the ground truth of {defect.name} is empty")
        if not 1 <= defect.saturation <= area:
            raise DatasetError(f"{defect.name} of {area} pixels cannot be saturated by {defect.saturation}")
    if (picture.group == "good") != (not picture.defects):
        raise DatasetError(f"a picture of {picture.group} has {len(picture.defects)} defects")


def _size(array: NDArray[Any]) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"
