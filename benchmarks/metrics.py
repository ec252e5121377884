"""The numbers by which anomaly detectors are compared: of pictures, of pixels, and of regions.

Those of pictures are scikit-learn's. A test set has a billion pixels: those of pixels and regions are taken
from curves through thresholds that are made dense until what they leave out is bounded.

AU-sPRO is that of MVTec LOCO AD: Bergmann et al., "Beyond Dents and Scratches: Logical Constraints in
Unsupervised Anomaly Detection and Localization", IJCV 130, 2022, doi 10.1007/s11263-022-01578-9, with its
evaluation code, version 2.0. With `official` it goes the way of that code, to the bit. Without, it differs
where that code is an approximation or stops:

- it integrates over at most 1,050 thresholds, here over enough to bound what is left out;
- repeated scores at its first thresholds (constant, binary or rectified maps) stop it; here they do not;
- a relative saturation that rounds down to 0 pixels divides by zero there; here it is 1 pixel;
- float32 maps of large values stop it with NumPy 2, as 1e-6 is lost beside them; thresholds here are scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from ..schema import DatasetError, Record
from .curves import Curve
from .maps import ALL, Defect, MapScores, ScoredPicture
from .official import OfficialThresholds
from .thresholds import Thresholds

LIMITS: Final = (0.01, 0.05, 0.1, 0.3, 1.0)
"""False positive rates up to which the official evaluation integrates; 0.05 is the one that is quoted."""
PRO_LIMIT: Final = 0.3
"""The false positive rate up to which AUPRO is usually given."""
TOLERANCE: Final = 1e-4
"""What an area, between 0 and 1, may be off by in the worst case; on smooth maps it was off by 2e-6."""


class ImageMetrics(Record):
    """How well scores of pictures tell good from anomalous ones."""

    auroc: float
    """Area under the ROC curve; ties count by half."""
    ap: float
    """Average precision."""
    f1_max: float
    """The best F1 of any threshold."""
    threshold: float
    """At which it is reached: scores of at least this are anomalous."""
    good: int
    anomalous: int


class PixelMetrics(Record):
    """How well scores of pixels tell defects from what is around them, over all pixels of a subset."""

    auroc: float
    ap: float
    f1_max: float
    aupro: float
    """Mean overlap of connected regions, up to a false positive rate of 0.3."""
    bound: float
    """What any of these can be off by at most."""


class Localization(Record):
    """AU-sPRO, from 0 to 1: limit of the false positive rate, as text -> area divided by the limit."""

    groups: dict[str, dict[str, float]]
    """Of `logical_anomalies` and `structural_anomalies`, each beside the good pictures; `mean` of the two."""
    defects: dict[str, dict[str, float]]
    """Of the channels of one defect type alone, named `group/type`, beside the good pictures."""
    thresholds: int
    """How many the curves were made from."""
    bound: float | None
    """What any of these can be off by, beside the curve through every score; not known of `official`."""


def image_metrics(good: ArrayLike, anomalous: ArrayLike) -> ImageMetrics:
    """Of the scores of good and of anomalous pictures, at least one each, larger is more anomalous.

    Raises:
        DatasetError: One of them is empty, or a score is not finite.
    """
    scores = np.concatenate([np.ravel(good), np.ravel(anomalous)]).astype(np.float64)
    labels = np.arange(len(scores)) >= np.size(good)
    if labels.all() or not labels.any():
        raise DatasetError("there must be good and anomalous pictures")
    if not np.isfinite(scores).all():
        raise DatasetError("a score of a picture is not finite")
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    both = precision[:-1] + recall[:-1]
    f1 = np.divide(2 * precision[:-1] * recall[:-1], both, out=np.zeros(len(both)), where=both > 0)
    best = int(np.argmax(f1))
    return ImageMetrics(
        auroc=float(roc_auc_score(labels, scores)),
        ap=float(average_precision_score(labels, scores)),
        f1_max=float(f1[best]),
        threshold=float(thresholds[best]),
        good=int((~labels).sum()),
        anomalous=int(labels.sum()),
    )


def pixel_metrics(
    pictures: Iterable[ScoredPicture] | MapScores, tolerance: float = TOLERANCE
) -> dict[str, PixelMetrics]:
    """Of `all` pictures, and of each group of anomalies beside the good ones.

    Raises:
        DatasetError: A picture cannot be scored, see `MapScores.add`, or there is no defect.
    """
    scores = pictures if isinstance(pictures, MapScores) else MapScores.of(pictures)

    def gaps(thresholds: Thresholds) -> NDArray[np.float64]:
        pro = [curve.gaps(np.array([PRO_LIMIT])) for curve in scores.pro(thresholds).values()]
        worst = np.max([*pro, *(rates.gaps() for rates in scores.rates(thresholds).values())], axis=0)
        return np.asarray(worst, np.float64)

    thresholds, bound = scores.dense(gaps, tolerance)
    pro = scores.pro(thresholds)
    return {
        name: PixelMetrics(
            auroc=rates.auroc,
            ap=rates.average_precision,
            f1_max=float(rates.f1.max()),
            aupro=pro[name].area(PRO_LIMIT),
            bound=bound,
        )
        for name, rates in scores.rates(thresholds).items()
    }


def au_spro(
    pictures: Iterable[ScoredPicture] | MapScores,
    limits: Sequence[float] = LIMITS,
    *,
    official: OfficialThresholds | None = None,
    tolerance: float = TOLERANCE,
) -> Localization:
    """Area under the curve of the saturated per-region overlap, per group and per defect type.

    `official` makes it the number of the official evaluation. It sees the maps while they are taken in; those
    that `MapScores` holds, it must have seen.

    Raises:
        DatasetError: A picture cannot be scored, see `MapScores.add`; there is no defect; or the official
            evaluation would stop, and `official` is asked for.
    """
    scores = pictures if isinstance(pictures, MapScores) else _taken_in(pictures, official)
    ends = np.sort(limits)
    bound: float | None = None
    if official:
        thresholds = official.refined(lambda some: scores.spro(some)[ALL])
    else:
        thresholds, bound = scores.dense(
            lambda some: np.max([curve.gaps(ends) for curve in scores.spro(some).values()], axis=0), tolerance
        )
    curves = scores.spro(thresholds)
    areas = {name: _areas(curve, limits) for name, curve in curves.items() if name != ALL}
    groups = {name: area for name, area in areas.items() if "/" not in name}
    if len(groups) == 2:
        logical, structural = groups["logical_anomalies"], groups["structural_anomalies"]
        groups["mean"] = {limit: 0.5 * (structural[limit] + logical[limit]) for limit in logical}
    defects = {name: area for name, area in sorted(areas.items()) if "/" in name}
    return Localization(groups=groups, defects=defects, thresholds=len(thresholds), bound=bound)


def spro(scores: NDArray[np.floating], defect: Defect, threshold: float) -> float:
    """Saturated overlap of one region at one threshold: found pixels over those needed, at most 1."""
    return min(1.0, int(np.count_nonzero(scores[defect.mask] > threshold)) / defect.saturation)


def _taken_in(pictures: Iterable[ScoredPicture], official: OfficialThresholds | None) -> MapScores:
    scores = MapScores(connected=False)
    for picture in pictures:
        scores.add(picture)
        if official:
            official.see(picture.scores)
    return scores


def _areas(curve: Curve, limits: Sequence[float]) -> dict[str, float]:
    return {str(limit): curve.area(limit) for limit in limits}
