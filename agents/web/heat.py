"""Heat maps to lay over a picture."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from ...schema import DetectorError
from ...tools.detectors.heat import heat, scale_of
from ..session.desk import Looked
from .views import HeatView


def heat_view(looked: Looked) -> HeatView:
    """What a detector saw, in colour; the colder a place, the more transparent.

    Raises:
        DetectorError: The detector is not calibrated.
    """
    calibration, anomaly = looked.detector.calibration, looked.anomaly
    if calibration is None:
        raise DetectorError(f"{looked.detector.name} is not calibrated")
    scale = scale_of(anomaly.scores, calibration)
    width = max(scale.high - scale.low, 1e-12)
    share = np.clip((anomaly.scores - scale.low) / width, 0, 1)
    pixels = np.dstack([heat(anomaly.scores, scale), np.rint(255 * share).astype(np.uint8)])
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG", compress_level=3)
    return HeatView(
        detector=looked.detector.name,
        score=anomaly.score,
        threshold=calibration.picture.threshold,
        decision=calibration.decide(anomaly),
        normal=calibration.normal,
        png=base64.b64encode(png.getvalue()).decode(),
    )
