"""Colour and texture features of every pixel at several scales, in OpenCV.

The set follows trainable segmentation (Arganda-Carreras et al., Bioinformatics 2017; scikit-image's
`multiscale_basic_features`): Gaussian-smoothed colour, gradient magnitude and the eigenvalues of the
Hessian at each scale, plus the local standard deviation. All are invariant to rotation. The wide scales
are computed on a reduced picture, where a wide Gaussian costs little.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SIGMAS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Scales in pixels of the picture that features are computed on."""

PER_SIGMA = 7
COUNT = 3 + PER_SIGMA * len(SIGMAS)
"""Number of features of a pixel."""

_WIDEST_AT_FULL_SIZE = 2.0


def pixel_features(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Features of every pixel, (H, W, COUNT), of a (H, W, 3) RGB picture.

    Colours are CIE L*a*b* with L in 0..100; the others are in the same unit, scale-normalised
    (multiplied by sigma for first and sigma squared for second derivatives).
    """
    lab = np.asarray(cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), np.float32)
    height, width = lab.shape[:2]
    features = np.empty((height, width, COUNT), np.float32)
    features[..., :3] = lab
    for position, sigma in enumerate(SIGMAS):
        factor = max(1, int(sigma / _WIDEST_AT_FULL_SIZE))
        small = _reduced(lab, factor)
        block = _at_scale(small, sigma / factor)
        if factor > 1:
            block = _resized(block, (width, height))
        start = 3 + position * PER_SIGMA
        features[..., start : start + PER_SIGMA] = block
    return features


def _reduced(lab: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    if factor == 1:
        return lab
    height, width = lab.shape[:2]
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    return np.asarray(cv2.resize(lab, size, interpolation=cv2.INTER_AREA), np.float32)


def _resized(block: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    # OpenCV resizes at most four channels at a time.
    planes = [cv2.resize(block[..., i], size, interpolation=cv2.INTER_LINEAR) for i in range(block.shape[2])]
    return np.stack(planes, axis=-1)


def _at_scale(lab: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    smooth = cv2.GaussianBlur(lab, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    # Sobel kernels of size 3 are 8 times (first) and 4 times (second) the derivative.
    dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=sigma / 8)
    dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=sigma / 8)
    gradient = np.sqrt((dx**2 + dy**2).sum(axis=2))
    light = np.ascontiguousarray(smooth[..., 0])
    scale = sigma**2 / 4
    xx = cv2.Sobel(light, cv2.CV_32F, 2, 0, scale=scale)
    yy = cv2.Sobel(light, cv2.CV_32F, 0, 2, scale=scale)
    xy = cv2.Sobel(light, cv2.CV_32F, 1, 1, scale=scale)
    mean = (xx + yy) / 2
    spread = np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    squared = cv2.GaussianBlur(lab[..., 0] ** 2, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    deviation = np.sqrt(np.maximum(squared - light**2, 0))
    return np.dstack([smooth, gradient, mean + spread, mean - spread, deviation])
