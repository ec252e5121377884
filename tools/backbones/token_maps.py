"""Tokens of a ViT of open_clip as maps, for pictures of any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module, Parameter
from torch.nn import functional as F  # noqa: N812  (its name everywhere)


class TokenMaps(Module):
    """The image tower, at some of its blocks.

    For pictures of another size than it was trained on, the embeddings of positions are interpolated, as
    in Dosovitskiy et al. (arXiv 2010.11929).
    """

    def __init__(self, tower: Any, blocks: Sequence[int]) -> None:
        """`blocks` count from 1."""
        super().__init__()
        self._tower = tower
        self._blocks = tuple(blocks)
        self._positions = Parameter(tower.positional_embedding.detach().clone())
        self._grid = tuple(tower.grid_size)

    def forward(self, batch: Tensor) -> dict[str, Tensor]:
        """Maps (N, C, h, w) by `blockN` of a batch (N, 3, H, W) of whole patches."""
        side = self._tower.patch_size
        self._tower.positional_embedding.data = self._resized(
            batch.shape[2] // side[0], batch.shape[3] // side[1]
        )
        found = self._tower.forward_intermediates(
            batch, indices=[block - 1 for block in self._blocks], stop_early=True, intermediates_only=True
        )["image_intermediates"]
        return {f"block{block}": cells for block, cells in zip(self._blocks, found, strict=True)}

    def _resized(self, rows: int, columns: int) -> Tensor:
        if (rows, columns) == self._grid:
            return self._positions.data
        extra = len(self._positions) - self._grid[0] * self._grid[1]
        grid = self._positions[extra:].reshape(1, *self._grid, -1).permute(0, 3, 1, 2)
        grid = F.interpolate(grid, (rows, columns), mode="bicubic", antialias=True, align_corners=False)
        return torch.cat([self._positions[:extra], grid[0].flatten(1).T])
