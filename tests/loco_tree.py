"""A small test set in the layout of MVTec LOCO AD, for tests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from logisight.tools.detectors.map_files import write_map
from PIL import Image

SIZE = (20, 30)
TYPES = [
    {"defect_name": "missing", "pixel_value": 255, "saturation_threshold": 12, "relative_saturation": False},
    {"defect_name": "extra", "pixel_value": 254, "saturation_threshold": 0.5, "relative_saturation": True},
    {"defect_name": "scratch", "pixel_value": 250, "saturation_threshold": 1.0, "relative_saturation": True},
]


def write_category(folder: Path, *, types=TYPES) -> Path:
    """Two pictures of each group; the second logical one has two channels that overlap."""
    random = np.random.default_rng(0)
    for place in (
        "train/good",
        "validation/good",
        "test/good",
        "test/logical_anomalies",
        "test/structural_anomalies",
    ):
        for number in range(2):
            pixels = random.integers(0, 255, (*SIZE, 3), np.uint8)
            save(folder / place / f"{number:03d}.png", pixels)
    for number, channels in enumerate([[(255, 2)], [(255, 4), (254, 6)]]):
        for place, (value, corner) in enumerate(channels):
            save(
                folder / f"ground_truth/logical_anomalies/{number:03d}/{place:03d}.png",
                channel(value, corner),
            )
    for number in range(2):
        save(folder / f"ground_truth/structural_anomalies/{number:03d}/000.png", channel(250, number))
    (folder / "defects_config.json").write_text(json.dumps(types))
    return folder


def channel(value: int, corner: int) -> np.ndarray:
    """A square of 6 x 6 pixels."""
    mask = np.zeros(SIZE, np.uint8)
    mask[corner : corner + 6, corner : corner + 6] = value
    return mask


def save(path: Path, pixels: np.ndarray) -> None:
    """As PNG, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_maps(folder: Path, category: Path) -> Path:
    """Noise, and a bump where the first channel of each picture is."""
    random = np.random.default_rng(1)
    for path in sorted((category / "test").glob("*/*.png")):
        scores = random.normal(size=SIZE)
        truth = category / "ground_truth" / path.parent.name / path.stem / "000.png"
        if truth.is_file():
            scores[np.asarray(Image.open(truth)) > 0] += 5
        write_map(folder / category.name / "test" / path.parent.name / f"{path.stem}.tiff", scores)
    return folder
