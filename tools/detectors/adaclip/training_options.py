"""How AdaCLIP is trained. Nothing here needs torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ....schema import Record

Precision = Literal["auto", "float32", "float16", "bfloat16"]


class Training(Record):
    """How AdaCLIP is trained; what the public code does is the default."""

    epochs: int = Field(default=5, ge=1)
    batch: int = Field(default=1, ge=1)
    learning_rate: float = Field(default=0.01, gt=0, allow_inf_nan=False)
    betas: tuple[float, float] = (0.5, 0.999)
    """Of AdamW."""
    weight_decay: float = Field(default=0.01, ge=0, allow_inf_nan=False)
    seed: int = Field(default=111, ge=0)
    mosaics: float | None = Field(default=None, ge=0, le=1)
    """Share of pictures that become 2x2 mosaics; None is as published: 0.2 of MVTec AD's, no others."""
    row_wise: bool = False
    """Take the Dice loss by picture rows, as the public code does, and not by pictures."""
    starting_checkpoint: str = ""
    """SHA-256 of the checkpoint that the network had at the start; empty where it starts from chance."""
    precision: Precision = "auto"
    """What the network calculates in; `auto` is float16 on a GPU, as published, else float32."""
    device: Literal["auto", "cpu"] = "auto"
    save_every: int = Field(default=100, ge=1)
    """Batches after which the state is kept."""
    keep_epochs: bool = False
    """Keep the checkpoint of each epoch, to choose one by pictures of one's own."""
