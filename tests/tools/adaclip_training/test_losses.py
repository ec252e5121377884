"""Focal and Dice losses, against numbers calculated another way."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs logisight[vision]")
from logisight.tools.detectors.adaclip.losses import adaclip_loss, dice_loss, focal_loss  # noqa: E402

SMOOTH = 1e-5


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def focal(probabilities, targets):
    """Pixel by pixel, from the definition."""
    losses = []
    pixels = np.moveaxis(probabilities, 1, -1).reshape(-1, 2)
    for classes, target in zip(pixels, targets.ravel(), strict=True):
        onehot = [min(max(float(target == c), SMOOTH), 1 - SMOOTH) for c in (0, 1)]
        right = sum(o * p for o, p in zip(onehot, classes, strict=True)) + SMOOTH
        losses.append(-((1 - right) ** 2) * math.log(right))
    return sum(losses) / len(losses)


def dice(found, true):
    """Mean over the first axis."""
    pairs = zip(found, true, strict=True)
    return 1 - np.mean([(2 * (f * t).sum() + 1) / (f.sum() + t.sum() + 1) for f, t in pairs])


@pytest.fixture
def drawn():
    """Logits of four layers and of scores, masks and labels of three pictures of 9x7."""
    random = np.random.default_rng(5)
    layers = random.normal(0, 2, (4, 3, 2, 9, 7))
    score = random.normal(0, 2, (3, 2))
    masks = random.random((3, 9, 7)) > 0.7
    masks[1] = False
    return layers, score, masks, np.array([1, 0, 1])


def tensors(layers, score, masks, labels):
    return [torch.tensor(layer) for layer in layers], *map(torch.tensor, (score, masks, labels))


@pytest.mark.parametrize("row_wise", [False, True])
def test_loss_is_that_of_the_definition(drawn, row_wise):
    layers, score, masks, labels = drawn
    expected = focal(softmax(score), labels)
    for logits in layers:
        maps = softmax(logits)
        expected += focal(maps, masks)
        for found, true in [(maps[:, 1], masks), (maps[:, 0], ~masks)]:
            shape = (-1, 7) if row_wise else found.shape
            expected += dice(found.reshape(shape), true.reshape(shape))
    loss = adaclip_loss(*tensors(*drawn), row_wise=row_wise)
    assert float(loss) == pytest.approx(expected, abs=1e-5)


def test_dice_by_rows_is_not_dice_by_pictures():
    # Two of four rows are found in full, and each of the others is missed by a whole row's worth.
    found, true = torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)
    true[0, :2] = 1
    found[0, 0] = 1
    assert float(dice_loss(found, true)) == pytest.approx(1 - (2 * 4 + 1) / (4 + 8 + 1))
    assert float(dice_loss(found, true, row_wise=True)) == pytest.approx(1 - (1 + 1 / 5 + 1 + 1) / 4)


@pytest.mark.parametrize(
    ("anomalous", "loss"),
    [(1.0, 0.0), (0.5, 0.25 * math.log(2)), (0.0, -math.log(2 * SMOOTH))],
)
def test_focal_loss_of_one_pixel(anomalous, loss):
    probabilities = torch.tensor([[1 - anomalous, anomalous]], dtype=torch.float64)
    assert float(focal_loss(probabilities, torch.ones(1))) == pytest.approx(loss, abs=2e-3)


def test_maps_without_a_known_mask_do_not_count(drawn):
    layers, score, masks, labels = tensors(*drawn)
    known = torch.tensor([True, True, False])
    masks[2] = True
    loss = adaclip_loss(layers, score, masks, labels, known)
    alone = adaclip_loss([layer[:2] for layer in layers], score[:2], masks[:2], labels[:2])
    in_all, in_two = (focal_loss(score[:count].float().softmax(1), labels[:count]) for count in (3, 2))
    assert float(loss) == pytest.approx(float(alone + in_all - in_two), abs=1e-6)
    none = adaclip_loss(layers, score, masks, labels, torch.zeros(3, dtype=torch.bool))
    assert float(none) == pytest.approx(float(in_all), abs=1e-6)


def test_right_maps_cost_nothing_and_wrong_ones_do(drawn):
    _, _, masks, labels = tensors(*drawn)
    right = torch.stack([~masks, masks], 1).float() * 40 - 20
    score = torch.stack([1 - labels, labels], 1).float() * 40 - 20
    assert float(adaclip_loss([right], score, masks, labels)) == pytest.approx(0, abs=1e-3)
    assert float(adaclip_loss([-right], score, masks, labels)) > 10
