"""AdaCLIP as a detector: pictures and the names of what they show in, anomaly maps out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from ....schema import DetectorError
from ...samples import Pixels, Sample
from ..detector import Detector, DetectorOptions, Scores
from .options import AdaClipOptions
from .readiness import missing

if TYPE_CHECKING:
    from .network import AdaClipNetwork

# What needs torch is imported where it is used, so that this module can be without it.


class AdaClip(Detector):
    """Zero-shot maps from CLIP with learned prompts; see the module `network`.

    Looks at a Sample's picture and at its `product`. On a CPU pictures go one by one, which is as fast, and
    gives the same maps bit by bit whatever the batch.

    Source: Cao et al., AdaCLIP, ECCV 2024, arXiv 2407.15795.
    """

    kind: ClassVar[str] = "adaclip"
    summary: ClassVar[str] = (
        "zero-shot, any object: prompts learned on CLIP; needs torch and two files of weights"
    )
    Options: ClassVar[type[DetectorOptions]] = AdaClipOptions

    def __init__(self, options: DetectorOptions) -> None:
        super().__init__(options)
        self._network: AdaClipNetwork | None = None

    @property
    def name(self) -> str:
        """With the backbone."""
        return f"{self.kind}[{self._told.backbone}]"

    @classmethod
    def missing(cls, options: DetectorOptions) -> str:
        """Packages or weights that are not here."""
        return missing(cast(AdaClipOptions, options))

    @property
    def network(self) -> AdaClipNetwork:
        """The network, made when it is first needed.

        Raises:
            DetectorError: A package or a file is missing, a file does not fit, or there is no such device.
        """
        if self._network is None:
            if lacking := missing(self._told):
                raise DetectorError(f"{self.kind}: {lacking}")
            from ...tensors import torch_device
            from .building import build_network

            self._network = build_network(self._told).to(torch_device(self.options.device))
        return self._network

    def look(self, samples: Sequence[Sample]) -> list[tuple[Scores, float]]:
        """The map of each, at the size of its picture, and the score of the picture, from 0 to 1."""
        network = self.network
        size = network.image_size
        squares = [squared(sample.pixels, size) for sample in samples]
        on_cpu = next(network.parameters()).device.type == "cpu"
        step = 1 if on_cpu else len(samples)
        found: list[tuple[Scores, float]] = []
        for start in range(0, len(samples), step):
            some = slice(start, start + step)
            maps, scores = self._run(squares[some], [sample.product for sample in samples[some]])
            found += zip(maps, scores.tolist(), strict=True)
        return [
            (self._finished(scores, sample), score)
            for (scores, score), sample in zip(found, samples, strict=True)
        ]

    def _run(self, squares: Sequence[Pixels], products: Sequence[str]) -> tuple[Scores, Scores]:
        import torch

        from .network import prepared

        network = self.network
        device = next(network.parameters()).device
        half = self._told.precision == "autocast" and device.type == "cuda"
        with torch.inference_mode(), torch.autocast(device.type, torch.float16, enabled=half):
            maps, scores = network.maps(prepared(squares).to(device), products)
        return maps.float().cpu().numpy(), scores.float().cpu().numpy()

    def _finished(self, scores: Scores, sample: Sample) -> Scores:
        """A map smoothed, and at the size of its picture."""
        smooth = gaussian_filter(scores, self._told.sigma) if self._told.sigma else scores
        height, width = sample.pixels.shape[:2]
        return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)

    @property
    def _told(self) -> AdaClipOptions:
        return cast(AdaClipOptions, self.options)


def squared(pixels: Pixels, size: int) -> Pixels:
    """A picture as the published code resizes it, (size, size, 3): its sides to the same length."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))
