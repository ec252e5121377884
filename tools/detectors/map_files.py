"""Anomaly maps as files, as the official evaluation of MVTec LOCO AD reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from .detector import Scores


def write_map(path: Path, scores: Scores) -> None:
    """Write one anomaly map, (height, width), as a TIFF of float32, losslessly compressed.

    The file is whole or not there, and its folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    tifffile.imwrite(unfinished, np.asarray(scores, np.float32), compression="zlib")
    unfinished.replace(path)
