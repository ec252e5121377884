"""What AdaCLIP can be told. Nothing here needs torch."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, NamedTuple

from pydantic import Field

from ..detector import DetectorOptions

Fusion = Literal["published", "paper", "none"]
"""How the most anomalous places take part in the score of the picture.

`published`: as the authors' code, a cluster-balanced mean of the most anomalous patches. `paper`: as their
paper says, the centre of the most anomalous cluster of each layer. `none`: they do not.
"""

Precision = Literal["float32", "autocast"]
"""`autocast`: float16 where the device is a GPU, as the authors' code runs; a CPU computes in float32."""


CHECKPOINTS: Final = "pretrained_mvtec_colondb.pth, pretrained_visa_clinicdb.pth or pretrained_all.pth"


class PromptShape(NamedTuple):
    """How many prompt tokens are learned, and into how many blocks of each tower they go."""

    depth: int = 4
    length: int = 5


PUBLISHED_SHAPE: Final = PromptShape()


class AdaClipOptions(DetectorOptions):
    """What AdaCLIP can be told; by default what the published checkpoints need."""

    weights: Path | None = None
    """AdaCLIP's checkpoint: `.pth` as published, or `.safetensors` with the same tensors."""
    clip_weights: Path | None = None
    """CLIP's weights: OpenAI's `.pt`, or a state dict as `.pt`, `.pth` or `.safetensors`."""
    random_weights: bool = False
    """Whether weights for which no file is given are drawn by `seed`. Such maps mean nothing; for tests."""
    backbone: str = "ViT-L-14-336"
    """A plain CLIP vision transformer, by its open_clip name."""
    image_size: int = Field(default=518, ge=32, le=2048)
    """Pixels, of the square that pictures are resized to."""
    depth: int = Field(default=4, ge=1, le=64)
    """Blocks of each tower that get prompts."""
    length: int = Field(default=5, ge=1, le=64)
    """Prompt tokens in each of them."""
    fusion: Fusion = "published"
    k_clusters: int = Field(default=20, ge=1, le=1000)
    """Clusters of `fusion`."""
    sigma: float = Field(default=4.0, ge=0, le=100)
    """Of the Gaussian that smooths the map, in pixels of the resized picture; 0 leaves it as it is."""
    precision: Precision = "float32"

    @property
    def shape(self) -> PromptShape:
        """Depth and length of the prompts."""
        return PromptShape(self.depth, self.length)
