"""A detector that never alarms: what a metric gives for nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..samples import Sample
from .detector import Detector, Scores


class AlwaysNormal(Detector):
    """Says that everything is normal."""

    kind = "always-normal"
    summary = "never alarms: what a metric gives for nothing"

    def look(self, samples: Sequence[Sample]) -> list[tuple[Scores, float]]:
        """Zero everywhere."""
        return [(np.zeros(sample.pixels.shape[:2], np.float32), 0.0) for sample in samples]
