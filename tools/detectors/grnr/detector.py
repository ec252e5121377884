"""GRNR and the mean distance as detectors: one picture in, its map out, without any normal picture."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ....schema import DetectorError
from ...backbones.parallel import side_by_side
from ...features import Backbone, load_backbone, missing_backbone
from ...samples import Sample
from ..detector import Detector, DetectorOptions, Scores
from .distances import mean_distance
from .geometry import (
    at_picture,
    seen,
    smooth,
    with_flat_border,
    with_unseen_ring,
    without_margin,
)
from .grain import grain_scores
from .regression import pooled, residuals

Variant = Literal["recipe", "local", "grain"]

_COARSEST = 64
"""Largest stride of a level: a map of few cells has no usual ones."""


class SurfaceOptions(DetectorOptions):
    """What detectors can be told that compare the cells of one picture."""

    backbone: str = "filter-bank"
    """See `logisight.tools.features`."""
    weights: Path | Literal["random"] | None = None
    """Of the backbone."""
    layers: tuple[str, ...] = ()
    """Of the backbone; empty for the two that it gives by itself."""
    size: int = Field(default=320, ge=64, le=2048)
    """Side of the square that pictures are resized to; a multiple of the strides of the layers."""
    margin: int = Field(default=32, ge=0)
    """Mirrored pixels round the square; a multiple of the strides. 0 as published."""
    crop: int = Field(default=0, ge=0)
    """Pixels at every side of the square of which nothing is claimed. 32 as published."""
    border: bool = False
    """Overwrite the outer cells of each level with its minimum. True as published."""
    sigma: float = Field(default=3.0, ge=0, le=100)
    """Of the Gaussian that maps are smoothed with, in pixels of the square."""
    fuse: Literal["product", "sum"] = "product"
    """How the maps of the levels become one; before a sum, each is divided by its median."""

    @model_validator(mode="after")
    def _fits(self) -> SurfaceOptions:
        if self.margin >= self.size:
            raise ValueError("the margin must be smaller than the size")
        if 2 * self.crop >= self.size:
            raise ValueError("the crop must leave something of the size")
        return self


class GrnrOptions(SurfaceOptions):
    """What `grnr` can be told."""

    variant: Variant = "grain"
    """`recipe`: global and local normality, as published but for its bugs. `local`: whether its neighbours
    explain a cell, nothing else. `grain`: cells along lines of the surface, see `grnr/grain.py`; of the
    options of the others it takes none, nor `border` and `fuse`."""
    support: int = Field(default=40, ge=1)
    """K: the most usual cells that make up global normality."""
    regularisation: float | None = Field(default=None, ge=0)
    """Lambda: weight of global normality. None for that of the variant: 5, or 0 for `local`."""
    neighbours: Literal["pooled", "raw"] | None = None
    """From the averaged map or from the map itself. None for that of the variant."""
    ridge: float = Field(default=1e-4, gt=0)
    """Share of the neighbours' mean square that is added so that every system has one solution."""


class _Surface(Detector):
    """What the detectors of one picture share: the way to the cells, and back."""

    Options: ClassVar[type[DetectorOptions]] = SurfaceOptions

    def __init__(self, options: SurfaceOptions) -> None:
        super().__init__(options)
        self._told = options

    @property
    def name(self) -> str:
        """With the backbone, and with the variant where it is not the recipe."""
        return f"{self.kind}[{self._told.backbone}]"

    @classmethod
    def missing(cls, options: DetectorOptions) -> str:
        """What the backbone lacks."""
        told = SurfaceOptions.model_validate(options)
        return missing_backbone(told.backbone, told.weights)

    def look(self, samples: Sequence[Sample]) -> list[tuple[Scores, float]]:
        """The map of each picture, and its largest value as the score of the picture.

        The paper defines no score; calibration on normal pictures tells what this one means.

        Raises:
            DetectorError: A Sample has several pictures, or options and strides do not fit.
        """
        told, backbone = self._told, self._backbone
        squares = np.stack([seen(sample.pixels, told.size, told.margin) for sample in samples])
        levels = {
            layer: without_margin(maps, told.margin, backbone.strides[layer])
            for layer, maps in backbone(squares).items()
        }

        def look_at(place: int) -> tuple[Scores, float]:
            cells = {
                layer: np.ascontiguousarray(maps[place].transpose(1, 2, 0)) for layer, maps in levels.items()
            }
            scores = with_unseen_ring(self._scores(cells), told.crop)
            return at_picture(scores, samples[place].pixels.shape), float(scores.max())

        return side_by_side(look_at, range(len(samples)))

    @abstractmethod
    def _scores(self, levels: Mapping[str, NDArray[np.float32]]) -> Scores:
        """The map at the size of the square, from levels (h, w, C)."""

    @cached_property
    def _backbone(self) -> Backbone:
        told = self._told
        backbone = load_backbone(told.backbone, told.layers, told.weights, told.device, told.seed)
        coarsest = max(backbone.strides.values())
        if coarsest > _COARSEST or told.size % coarsest or told.margin % coarsest:
            raise DetectorError(
                f"{self.name}: size {told.size} and margin {told.margin} must be multiples of the stride "
                f"{coarsest} of its layers, at most {_COARSEST}; choose others, or other layers"
            )
        return backbone

    def _fused(self, grids: Mapping[str, NDArray[np.float32]]) -> Scores:
        told, strides = self._told, self._backbone.strides
        large = []
        for layer, grid in grids.items():
            kept = with_flat_border(grid, strides[layer]) if told.border else grid
            large.append(smooth(kept, told.size, told.sigma))
        if told.fuse == "product":
            return np.asarray(np.prod(large, axis=0), np.float32)
        return np.asarray(sum(one / (np.median(one) + 1e-6) for one in large), np.float32)


class MeanDistance(_Surface):
    """Mean distance of each cell to all cells of the same picture: the global part of GRNR, without more."""

    kind = "mean-distance"
    summary = "mean distance of each cell to all others of the same picture; the baseline of grnr"

    def _scores(self, levels: Mapping[str, NDArray[np.float32]]) -> Scores:
        return self._fused(
            {
                layer: mean_distance(pooled(cells).reshape(-1, cells.shape[2])).reshape(cells.shape[:2])
                for layer, cells in levels.items()
            }
        )


class Grnr(_Surface):
    """Global-regularised neighbourhood regression (arXiv 2406.07333), and variants of it."""

    kind = "grnr"
    summary = (
        "what neighbours and the rest of one picture of a texture do not explain; needs no other picture"
    )
    Options = GrnrOptions

    def __init__(self, options: GrnrOptions) -> None:
        super().__init__(options)
        self._of = options

    @property
    def name(self) -> str:
        """With the variant where it is not the recipe, and with the backbone."""
        variant = "" if self._of.variant == "recipe" else f"-{self._of.variant}"
        return f"{self.kind}{variant}[{self._told.backbone}]"

    def _scores(self, levels: Mapping[str, NDArray[np.float32]]) -> Scores:
        of = self._of
        if of.variant == "grain":
            return smooth(grain_scores(list(levels.values()), of.seed), of.size, of.sigma)
        local = of.variant == "local"
        weight = of.regularisation if of.regularisation is not None else 0.0 if local else 5.0
        return self._fused(
            {
                layer: residuals(
                    cells,
                    support=of.support,
                    regularisation=weight,
                    pooled_neighbours=(of.neighbours or ("raw" if local else "pooled")) == "pooled",
                    ridge=of.ridge,
                )
                for layer, cells in levels.items()
            }
        )
