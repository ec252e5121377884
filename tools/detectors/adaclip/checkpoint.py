"""AdaCLIP's checkpoints, in the form that its authors publish: the learned tensors in one flat dict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from torch import Tensor

from ....schema import DetectorError
from ...pictures import shown
from ...tensors import float_tensors, read_tensors
from .network import AdaClipNetwork

PREFIX: Final = "clip_model."
"""Of the names in the file."""

_HEAD: Final = "patch_token_layer.head.0.weight"
_BACKBONES: Final[dict[tuple[int, ...], str]] = {
    (768, 1024): "ViT-L-14-336 or ViT-L-14",
    (512, 768): "ViT-B-16 or ViT-B-32",
}
"""Shape of the first projection -> which of the published backbones has it."""


def save_checkpoint(network: AdaClipNetwork, path: Path) -> None:
    """Write what was learned; with tensors alone in either form, `.pth` as published or `.safetensors`."""
    tensors = {
        PREFIX + name: tensor.detach().float().cpu().contiguous() for name, tensor in network.learned.items()
    }
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)


def load_checkpoint(network: AdaClipNetwork, path: Path) -> None:
    """Take what was learned from a file: all tensors of the network, and no others.

    Raises:
        DetectorError: It cannot be read, or was learned on another backbone or with other prompts.
    """
    tensors = read_tensors(path)
    names = {name: PREFIX + name for name in network.learned}
    _check_names(tensors, set(names.values()), network, path)
    _check_shapes(tensors, names, network, path)
    values = float_tensors(tensors, path)
    with torch.no_grad():
        for name, parameter in network.learned.items():
            parameter.copy_(values[names[name]])


def _check_names(
    tensors: Mapping[str, Tensor], expected: set[str], network: AdaClipNetwork, path: Path
) -> None:
    missing, more = sorted(expected - set(tensors)), sorted(set(tensors) - expected)
    if not (missing or more):
        return
    if not set(tensors) & expected:
        raise DetectorError(
            f"{shown(path)}: no AdaCLIP checkpoint: its tensors are called {shown(more[0])[:80]}, "
            f"expected {missing[0]}"
        )
    _check_prompts(tensors, network, path)
    what = f"{missing[0]} is missing" if missing else f"{shown(more[0])[:80]} is one too many"
    raise DetectorError(
        f"{shown(path)}: not the {len(expected)} tensors of an AdaCLIP checkpoint: {what}; get it again"
    )


def _check_prompts(tensors: Mapping[str, Tensor], network: AdaClipNetwork, path: Path) -> None:
    """Whether prompts go as deep and are as long as the options say."""
    depth = sum(name.startswith(f"{PREFIX}text_prompter.static_prompts.") for name in tensors)
    length = sum(
        name.startswith(f"{PREFIX}dynamic_text_prompt_generator.head.") and name.endswith(".weight")
        for name in tensors
    )
    if (depth, length) != network.shape and depth and length:
        raise DetectorError(
            f"{shown(path)}: learned with depth={depth} and length={length}, but the options say "
            f"depth={network.shape.depth} and length={network.shape.length}; give those of the checkpoint"
        )


def _check_shapes(
    tensors: Mapping[str, Tensor], names: Mapping[str, str], network: AdaClipNetwork, path: Path
) -> None:
    expected = {names[name]: tuple(tensor.shape) for name, tensor in network.learned.items()}
    found = {name: tuple(tensors[name].shape) for name in expected}
    wrong = [name for name in expected if found[name] != expected[name]]
    if not wrong:
        return
    name = names[_HEAD] if names[_HEAD] in wrong else wrong[0]
    backbone = _BACKBONES.get(found[names[_HEAD]]) if names[_HEAD] in wrong else None
    raise DetectorError(
        f"{shown(path)}: learned on another backbone: {name} is {found[name]}, expected {expected[name]}; "
        + (f"give backbone={backbone}" if backbone else "give the backbone that it was learned on")
    )
