"""Small test sets in every layout that `bench detectors` reads: grey surfaces, the defects brighter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from logisight.tools.detectors import Detector
from PIL import Image

SIZE = (24, 32)
"""Height and width of every picture."""


class Brightness(Detector):
    """How bright each pixel is, 0 to 255; the picture is as anomalous as its brightest one."""

    kind = "brightness"

    def look(self, samples):
        maps = [sample.pixels.mean(axis=2).astype(np.float32) for sample in samples]
        return [(one, float(one.max())) for one in maps]


def surface(seed: int, mask: np.ndarray | None = None) -> np.ndarray:
    """Grey noise, and where the mask is, some of it brighter."""
    random = np.random.default_rng(seed)
    grey = random.integers(60, 140, SIZE)
    if mask is not None:
        grey[mask] += random.integers(0, 110, int(mask.sum()))
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def square(place: int, side: int = 6) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[place : place + side, 2 * place : 2 * place + side] = True
    return mask


def save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # At full quality and without subsampling, so that a JPEG says nearly what was drawn.
    kind = {"quality": 100, "subsampling": 0} if path.suffix == ".jpg" else {}
    Image.fromarray(values.astype(np.uint8)).save(path, **kind)


def write_mvtec(folder: Path, train: int = 9, good: int = 3) -> Path:
    """Two kinds of defects: three of a cut, and two of a hole with masks named like their pictures."""
    for number in range(train):
        save(folder / f"train/good/{number:03d}.png", surface(number))
    for number in range(good):
        save(folder / f"test/good/{number:03d}.png", surface(100 + number))
    for number in range(3):
        save(folder / f"test/cut/{number:03d}.png", surface(200 + number, square(3 + number)))
        save(folder / f"ground_truth/cut/{number:03d}_mask.png", 255 * square(3 + number))
    for number in range(2):
        save(folder / f"test/hole/{number:03d}.png", surface(300 + number, square(7 + number, 3)))
        save(folder / f"ground_truth/hole/{number:03d}.png", 255 * square(7 + number, 3))
    return folder


def write_tile(folder: Path, inner: str = "", good: int = 12) -> Path:
    """A photograph and a mask each; those of MT_Free may have a black one."""
    for number in range(good):
        save(folder / "MT_Free" / inner / f"{number}.jpg", surface(number))
    save(folder / "MT_Free" / inner / "0.png", np.zeros(SIZE))
    for kind in ("Crack", "Fray"):
        for number in range(2):
            save(folder / f"MT_{kind}" / inner / f"{number}.jpg", surface(50 + number, square(number + 5)))
            save(folder / f"MT_{kind}" / inner / f"{number}.png", 255 * square(number + 5))
    return folder


def write_named(folder: Path, normal: int = 4) -> Path:
    """normal-1.jpg ..., anomaly-1.jpg with anomaly-1.png, in which 0 of the palette is no defect."""
    for number in range(1, normal + 1):
        save(folder / f"normal-{number}.jpg", surface(number))
    for number in range(1, 3):
        save(folder / f"anomaly-{number}.jpg", surface(70 + number, square(number)))
        mask = Image.fromarray(square(number).astype(np.uint8), "P")
        mask.putpalette([0, 0, 0, 35, 164, 54])
        mask.save(folder / f"anomaly-{number}.png")
    return folder


def write_board(folder: Path, boxes: Path | None = None, pairs: int = 4) -> Path:
    """A reference, the same with a defect, and the box of that."""
    for number in range(pairs):
        name, mask = f"{number:03d}", square(number + 1)
        pixels = surface(number)
        save(folder / f"{name}_temp.jpg", pixels)
        save(folder / f"{name}_test.jpg", np.where(mask[..., None], 250, pixels))
        place = (boxes or folder) / f"{name}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        left, top = 2 * (number + 1), number + 1
        place.write_text(f"{left} {top} {left + 6} {top + 6} 3\n")
    return folder
