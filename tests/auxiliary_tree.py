"""Auxiliary data drawn in the test, in each layout that is read."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import cv2
import numpy as np

SIZE = 48


def picture(seed, scratched):
    """A grey plate, (48, 48, 3), with or without a bright scratch, and the mask of that."""
    random = np.random.default_rng(seed)
    pixels = np.clip(random.normal(110, 8, (SIZE, SIZE, 3)), 0, 255).astype(np.uint8)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    if scratched:
        start = [int(value) for value in random.integers(6, 20, 2)]
        cv2.line(mask, start, [value + 20 for value in start], 255, 5)
        pixels[mask > 0] = (235, 230, 200)
    return pixels, mask


def write(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), values if values.ndim == 2 else values[..., ::-1])


def write_product(folder: Path, good=3, scratched=3, *, good_name="good", ending="_mask"):
    """One product in the layout of MVTec AD, without defects in `train`."""
    for number in range(2):
        write(folder / "train" / good_name / f"{number:03}.png", picture(100 + number, False)[0])
    for number in range(good):
        write(folder / "test" / good_name / f"{number:03}.png", picture(number, False)[0])
    for number in range(scratched):
        pixels, mask = picture(50 + number, True)
        write(folder / "test" / "scratch" / f"{number:03}.png", pixels)
        write(folder / "ground_truth" / "scratch" / f"{number:03}{ending}.png", mask)
    return folder


def write_visa(root: Path):
    """One product as VisA is handed out; its masks hold the number of the defect's kind."""
    rows = [("object", "split", "label", "image", "mask")]
    for split, label, number in [("train", "normal", 0), ("test", "normal", 1), ("test", "anomaly", 0)]:
        folder = "Normal" if label == "normal" else "Anomaly"
        image = f"candle/Data/Images/{folder}/{number:03}.JPG"
        mask = f"candle/Data/Masks/Anomaly/{number:03}.png" if label == "anomaly" else ""
        pixels, defect = picture(number, label == "anomaly")
        write(root / image, pixels)
        if mask:
            write(root / mask, np.minimum(defect, 3))
        rows.append(("candle", split, label, image, mask))
    table = io.StringIO()
    csv.writer(table).writerows(rows)
    (root / "split_csv").mkdir(parents=True)
    (root / "split_csv" / "1cls.csv").write_text(table.getvalue(), encoding="utf-8")
    return root


def write_meta(root: Path):
    """A product with the list that the public code writes; one anomalous picture has no mask."""
    write_product(root / "plate", good=1, scratched=2)
    entries = [
        ("plate/test/good/000.png", "", 0),
        ("plate/test/scratch/000.png", "plate/ground_truth/scratch/000_mask.png", 1),
        ("plate/test/scratch/001.png", "", 1),
    ]
    test = [
        {"img_path": image, "mask_path": mask, "cls_name": "plate", "specie_name": "", "anomaly": anomaly}
        for image, mask, anomaly in entries
    ]
    (root / "meta.json").write_text(json.dumps({"train": {"plate": []}, "test": {"plate": test}}))
    return root
