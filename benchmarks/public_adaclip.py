"""The public code of AdaCLIP, run from a folder beside LogiSight's, with the same weights.

The folder is a copy of the authors' repository, whose code is run as it is: name only one that you trust.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..schema import DetectorError

if TYPE_CHECKING:
    from torch import Tensor

    from ..tools.detectors.adaclip.network import AdaClipNetwork

_PACKAGE: Final = "method"
"""What the folder of its network is called."""


def public_forward(
    folder: Path, network: AdaClipNetwork, seed: int
) -> Callable[[Tensor, str], tuple[Tensor, Tensor]]:
    """What runs the public network on one picture, (1, 3, S, S): its map, (S, S), and its score.

    It takes over the weights of `network`. Its clustering draws from NumPy's global generator, which is set
    back before each picture, as LogiSight does.

    Raises:
        DetectorError: The folder does not hold the public code.
    """
    import torch

    model = public_model(folder, network)

    def forward(image: Tensor, name: str) -> tuple[Tensor, Tensor]:
        np.random.seed(seed)
        with torch.no_grad(), torch.autocast(image.device.type, torch.float16, enabled=image.is_cuda):
            maps, scores = model(image, [name], aggregation=True)
        return maps[0], scores[0]

    return forward


def public_model(folder: Path, network: AdaClipNetwork) -> Any:
    """The public network, with the weights of `network`.

    Raises:
        DetectorError: The folder does not hold the public code.
    """
    import torch

    adaclip, towers = _modules(folder)
    clip, device = network.clip, next(network.parameters()).device
    text, shared = clip.text_projection.shape
    visual, words = clip.visual.transformer.resblocks, clip.transformer.resblocks
    with torch.device("meta"):
        frozen = towers.CLIP(
            shared,
            towers.CLIPVisionCfg(
                layers=len(visual),
                width=clip.visual.proj.shape[0],
                head_width=visual[0].attn.head_dim,
                patch_size=clip.visual.patch_size[0],
                image_size=network.image_size,
            ),
            towers.CLIPTextCfg(
                context_length=clip.positional_embedding.shape[0],
                vocab_size=clip.token_embedding.num_embeddings,
                width=text,
                heads=words[0].attn.num_heads,
                layers=len(words),
            ),
        )
    frozen.load_state_dict(clip.state_dict(), assign=True)
    context = clip.positional_embedding.shape[0]
    frozen.attn_mask = torch.full((context, context), float("-inf"), device=device).triu(1)
    model = adaclip.AdaCLIP(
        freeze_clip=frozen,
        text_channel=text,
        visual_channel=clip.visual.proj.shape[0],
        prompting_length=network.shape.length,
        prompting_depth=network.shape.depth,
        prompting_branch="VL",
        prompting_type="SD",
        use_hsf=network.fusion != "none",
        k_clusters=network.clusters,
        output_layers=list(network.taps),
        device=str(device),
        image_size=network.image_size,
    )
    model.to(device).load_state_dict(
        {name: tensor.data for name, tensor in network.learned.items()}, strict=False
    )
    return model.eval()


def _modules(folder: Path) -> tuple[ModuleType, ModuleType]:
    """Its network and its towers, without what they need only to train and to draw."""
    if not (folder / _PACKAGE / "adaclip.py").is_file():
        raise DetectorError(f"{folder}: no public code of AdaCLIP: {_PACKAGE}/adaclip.py is missing")
    with _stand_ins(folder):
        adaclip, towers = (
            importlib.import_module(f"{_PACKAGE}.{name}") for name in ("adaclip", "clip_model")
        )
    # In a clone without LFS its vocabulary is a pointer; open_clip brings the same file.
    from open_clip.tokenizer import default_bpe

    adaclip._Tokenizer.__init__.__defaults__ = (default_bpe(),)
    return adaclip, towers


@contextmanager
def _stand_ins(folder: Path) -> Iterator[None]:
    """Its package without what importing it as a whole would import, and a module that setuptools dropped."""
    import packaging.version

    package, resources = ModuleType(_PACKAGE), ModuleType("pkg_resources")
    package.__path__ = [str(folder / _PACKAGE)]
    resources.packaging = packaging  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in (_PACKAGE, "pkg_resources")}
    sys.modules.update({_PACKAGE: package, "pkg_resources": resources})
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
