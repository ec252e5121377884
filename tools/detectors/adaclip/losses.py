"""What AdaCLIP is trained to make small: focal and Dice losses over maps and scores.

Source: AdaCLIP (arXiv 2407.15795) and its code; focal loss: arXiv 1708.02002; Dice loss: arXiv 1606.04797.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

FOCUS: Final = 2.0
"""The focal loss's gamma: how much less a pixel counts that is already decided right."""

_SMOOTH: Final = 1e-5
"""Softens the focal loss's targets, and keeps its logarithm finite."""

_DICE_SMOOTH: Final = 1.0
"""Keeps the Dice loss defined where neither map nor mask holds anything."""


def adaclip_loss(
    layers: Sequence[Tensor],
    score: Tensor,
    masks: Tensor,
    labels: Tensor,
    masked: Tensor | None = None,
    *,
    row_wise: bool = False,
) -> Tensor:
    """The loss of a batch: focal on the score; focal and Dice of both classes on the map of each layer.

    Args:
        layers: For each tapped layer (B, 2, H, W) logits, normal first.
        score: (B, 2) logits of the pictures.
        masks: (B, H, W), true where a pixel is anomalous.
        labels: (B,), true where a picture is anomalous.
        masked: (B,) bool, False where the mask of a picture is not known: its maps then do not count.
        row_wise: Take Dice by picture rows, as the public code does where its batch is one picture.

    Returns:
        A scalar in float32.
    """
    loss = focal_loss(score.float().softmax(1), labels)
    known = slice(None) if masked is None else masked
    if masked is not None and not masked.any():
        return loss
    defects = masks[known].float()
    for logits in layers:
        normal, anomalous = (probabilities := logits[known].float().softmax(1)).unbind(1)
        loss = loss + focal_loss(probabilities, defects)
        loss = loss + dice_loss(anomalous, defects, row_wise=row_wise)
        loss = loss + dice_loss(normal, 1 - defects, row_wise=row_wise)
    return loss


def focal_loss(probabilities: Tensor, targets: Tensor) -> Tensor:
    """Mean focal loss, with targets softened as the public code does.

    Args:
        probabilities: (N, 2, ...), adding up to 1 over the second axis.
        targets: (N, ...), 1 for the second class, else 0.
    """
    second = targets.to(probabilities.dtype)
    soft = torch.stack([1 - second, second], 1).clamp(_SMOOTH, 1 - _SMOOTH)
    right = (probabilities * soft).sum(1) + _SMOOTH
    return (-((1 - right) ** FOCUS) * right.log()).mean()


def dice_loss(probabilities: Tensor, masks: Tensor, *, row_wise: bool = False) -> Tensor:
    """Mean over pictures of one minus the Dice overlap, 0 to 1.

    Args:
        probabilities: (N, H, W), 0 to 1.
        masks: (N, H, W), 0 or 1.
        row_wise: Mean over the rows of all pictures instead.
    """
    kept = 2 if row_wise else 1
    found, true = (values.flatten(end_dim=kept - 1).flatten(1) for values in (probabilities, masks))
    both = (found * true).sum(1)
    overlap = (2 * both + _DICE_SMOOTH) / (found.sum(1) + true.sum(1) + _DICE_SMOOTH)
    return 1 - overlap.mean()
