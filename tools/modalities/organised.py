"""Organised point clouds: TIFF files whose pixels are x, y and z, as MVTec 3D-AD has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile

from ...schema import PictureError
from ..pictures import shown
from .cloud import MAX_POINTS, Cloud, cloud_of
from .files import file_size, reading

MAX_BYTES: Final = 2**30


def is_organised(path: Path) -> bool:
    """Whether a TIFF file has three floating-point numbers a pixel; nothing is decoded."""
    file_size(path, MAX_BYTES)
    with reading(path), tifffile.TiffFile(path) as file:
        page: Any = file.pages[0]
        return page.samplesperpixel == 3 and page.dtype is not None and page.dtype.kind == "f"


def read_organised(path: Path) -> Cloud:
    """The points of a TIFF file of (H, W, 3) floats; pixels of three zeros, or of no number, have none.

    Raises:
        PictureError: It is damaged, too large, or of another shape.
    """
    file_size(path, MAX_BYTES)
    name = shown(path)
    with reading(path), tifffile.TiffFile(path) as file:
        page: Any = file.pages[0]
        height, width = int(page.imagelength), int(page.imagewidth)
        if page.samplesperpixel != 3 or page.dtype is None or page.dtype.kind != "f" or page.imagedepth != 1:
            raise PictureError(
                f"{name}: its shape is {page.shape} of {page.dtype}; (H, W, 3) floats are read"
            )
        if height * width > MAX_POINTS:
            raise PictureError(f"{name}: has {height * width:,} points; at most {MAX_POINTS:,}")
        stored = sum(page.databytecounts)
        if page.compression == 1 and stored < page.nbytes:
            raise PictureError(f"{name}: announces {page.nbytes:,} bytes but holds {stored:,}; copy it again")
        values = page.asarray()
    if values.shape == (3, height, width):  # one plane after the other
        values = np.moveaxis(values, 0, 2)
    if values.shape != (height, width, 3):
        raise PictureError(f"{name}: its shape is {values.shape}; (H, W, 3) is read")
    points = values.reshape(-1, 3).astype(np.float64)
    return cloud_of(name, points, grid=(height, width))
