"""CLIP models of open_clip, as AdaCLIP needs them: plain, with plain GELU, for pictures of any size."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import open_clip
import torch
from torch import Tensor, nn
from torch.nn import functional

from ....schema import DetectorError
from ...pictures import shown
from ...tensors import float_tensors, read_tensors

_POSITIONS: Final = "visual.positional_embedding"
_NO_WEIGHTS: Final = ("input_resolution", "context_length", "vocab_size")
"""Whole numbers that OpenAI's files hold besides the weights."""
_PLAIN: Final = {
    "": {"embed_dim", "vision_cfg", "text_cfg", "quick_gelu"},
    "vision_cfg": {"image_size", "layers", "width", "head_width", "mlp_ratio", "patch_size"},
    "text_cfg": {"context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio"},
}
"""What a configuration of open_clip may say of a model that AdaCLIP's prompts fit."""


def load_clip(backbone: str, image_size: int, path: Path) -> nn.Module:
    """A CLIP with weights from a file, its grid of positions resized to that of the pictures.

    The published AdaCLIP was trained with OpenAI's weights in a model with plain GELU, though they were made
    with QuickGELU. open_clip's names say which one it is: those that end in `-quickgelu` have the other.

    Raises:
        DetectorError: There is no such plain backbone, or the file does not hold its weights.
    """
    config = _config(backbone, image_size)
    tensors = read_tensors(path)
    tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    tensors = float_tensors({name: t for name, t in tensors.items() if name not in _NO_WEIGHTS}, path)
    with torch.device("meta"):
        clip: nn.Module = open_clip.CLIP(**config)
    # AdaCLIP has masks of its own; this one is no weight, and would stay empty.
    clip.register_buffer("attn_mask", None)
    expected = clip.state_dict()
    if _POSITIONS in tensors:
        tensors[_POSITIONS] = resized_positions(tensors[_POSITIONS], _grid(config))
    _check_fit(tensors, expected, backbone, path)
    clip.load_state_dict(tensors, assign=True)
    return clip.eval()


def random_clip(backbone: str, image_size: int, seed: int) -> nn.Module:
    """A CLIP that knows nothing, its weights drawn as before training; torch's own generator is left alone.

    Raises:
        DetectorError: There is no such plain backbone.
    """
    config = _config(backbone, image_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        clip: nn.Module = open_clip.CLIP(**config)
    return clip.eval()


def resized_positions(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    """(1 + h * w, width) positions of a square grid and its class token, for a grid of (h, w) patches."""
    side = round((len(positions) - 1) ** 0.5)
    if (side, side) == grid or side * side != len(positions) - 1:
        return positions
    first, cells = positions[:1], positions[1:].T.reshape(1, -1, side, side)
    resized = functional.interpolate(cells, size=grid, mode="bicubic", align_corners=False)
    return torch.cat([first, resized.flatten(2)[0].T])


def _config(backbone: str, image_size: int) -> dict[str, Any]:
    """What open_clip makes the model from."""
    # Names of open_clip may also stand for a download; those that it lists do not.
    if backbone not in open_clip.list_models():
        raise DetectorError(
            f"open_clip has no model called {shown(backbone)!r}; take ViT-L-14-336, or another that "
            "`open_clip.list_models()` names"
        )
    config: dict[str, Any] = open_clip.get_model_config(backbone)
    parts = {part: set(config.get(part, {}) if part else config) for part in _PLAIN}
    beyond = sorted(key for part, keys in parts.items() for key in keys - _PLAIN[part])
    if not isinstance(config.get("vision_cfg", {}).get("layers"), int):
        beyond.append("no transformer for pictures")
    if beyond:
        raise DetectorError(
            f"{backbone}: no plain CLIP transformer (its configuration: {', '.join(beyond)}), so "
            "AdaCLIP's prompts do not fit it; take ViT-L-14-336"
        )
    if image_size < config["vision_cfg"]["patch_size"]:
        raise DetectorError(
            f"{backbone}: pictures of {image_size} pixels are smaller than one of its patches"
        )
    config["vision_cfg"]["image_size"] = image_size
    return config


def _grid(config: dict[str, Any]) -> tuple[int, int]:
    side = config["vision_cfg"]["image_size"] // config["vision_cfg"]["patch_size"]
    return side, side


def _check_fit(found: dict[str, Tensor], expected: dict[str, Tensor], backbone: str, path: Path) -> None:
    """Whether a file holds all weights of a backbone, of the right shapes, and no others."""
    for name, tensor in expected.items():
        if name not in found:
            raise DetectorError(
                f"{shown(path)}: not the weights of {backbone}: {name} is missing; it holds "
                f"{len(found)} tensors such as {shown(next(iter(found), 'none'))[:80]}"
            )
        if found[name].shape != tensor.shape:
            raise DetectorError(
                f"{shown(path)}: the weights of another backbone than {backbone}: {name} is "
                f"{tuple(found[name].shape)}, expected {tuple(tensor.shape)}; choose `backbone` to match"
            )
    if more := [name for name in found if name not in expected]:
        raise DetectorError(
            f"{shown(path)}: the weights of another model than {backbone}: it has no {shown(more[0])[:80]}"
        )
