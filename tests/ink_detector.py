"""A detector that sees ink of one colour, and keeps what it was shown."""

from __future__ import annotations

import numpy as np
from logisight.tools.detectors import Detector, DetectorOptions

INK = (255, 0, 255)


class Ink(Detector):
    """Scores 1 where there is ink, else 0."""

    kind = "ink"
    called = "ink"

    def __init__(self, options=None):
        super().__init__(options or DetectorOptions(batch=2))
        self.batches = []

    @property
    def name(self):
        return self.called

    def look(self, samples):
        self.batches.append([(sample.name, sample.product) for sample in samples])
        maps = [np.all(sample.pixels == INK, axis=2).astype(np.float32) for sample in samples]
        return [(scores, float(scores.max())) for scores in maps]
