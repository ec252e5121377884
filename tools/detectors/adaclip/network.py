"""AdaCLIP's network: a frozen CLIP whose two towers take prompts, some learned, some made from the picture.

Source: AdaCLIP, arXiv 2407.15795, and its code, which is followed where the two differ. The names of the
learned tensors are those of the published checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ....schema import DetectorError
from ...samples import Pixels
from .blocks import block, causal
from .fusion import fused
from .options import PUBLISHED_SHAPE, Fusion, PromptShape
from .sentences import NORMAL_SENTENCES, layout

TAPS: Final = 4
"""Layers of the image tower, at equal distances and the last of them, whose patches are looked at."""

SCALE: Final = 100.0
"""From cosines to logits; CLIP's own scale is not used."""

_STATIC_DEVIATION: Final = 0.02


MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
DEVIATION: Final = (0.26862954, 0.26130258, 0.27577711)
"""Of the colours of the pictures that CLIP was trained on, in 0..1."""


def prepared(pictures: Sequence[Pixels]) -> Tensor:
    """(B, 3, S, S) as CLIP wants it, of pictures (S, S, 3) that have the network's size."""
    images = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div(255)
    mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, DEVIATION))
    return ((images - mean) / deviation).contiguous()


class Looked(NamedTuple):
    """What training needs; normal first, anomalous second, before softmax."""

    layers: list[Tensor]
    """For each tapped layer (B, 2, S, S)."""
    score: Tensor
    """(B, 2)."""


class Grids(NamedTuple):
    """Logits before they are enlarged; normal first, anomalous second."""

    patches: Tensor
    """(B, layers, 2, h, w), one value a patch."""
    score: Tensor
    """(B, 2)."""


class Prompts(NamedTuple):
    """Prompts of a batch, for each prompted block (B, length, width of the tower)."""

    visual: list[Tensor]
    text: list[Tensor]


class AdaClipNetwork(nn.Module):
    """Pictures and the names of what they show in, logits of normal and anomalous out.

    CLIP is frozen; only the tensors in `learned` have gradients.

    Args:
        clip: A CLIP of open_clip with two plain transformers, for pictures of the size to be looked at.
        shape: How many prompts there are.
        fusion: How the most anomalous places take part in the score.
        clusters: Of `fusion`.
        seed: Of `fusion`; the learned tensors start from torch's own generator.

    Raises:
        DetectorError: CLIP's towers do not fit AdaCLIP.
    """

    def __init__(
        self,
        clip: nn.Module,
        shape: PromptShape = PUBLISHED_SHAPE,
        *,
        fusion: Fusion = "published",
        clusters: int = 20,
        seed: int = 0,
    ) -> None:
        super().__init__()
        # Any: open_clip builds its modules without types.
        self.clip = cast(Any, clip.requires_grad_(False))
        self.shape, self.fusion, self.clusters, self.seed = shape, fusion, clusters, seed
        blocks = len(self.clip.visual.transformer.resblocks)
        text, shared = self.clip.text_projection.shape
        visual = self.clip.visual.proj.shape[0]
        _check_towers(blocks, len(self.clip.transformer.resblocks), text, shared, shape)
        self.taps = tuple(blocks // TAPS * (tap + 1) for tap in range(TAPS))
        self.text_prompter = _StaticPrompts(shape, text)
        self.visual_prompter = _StaticPrompts(shape, visual)
        self.patch_token_layer = _Heads(visual, shared, TAPS)
        self.cls_token_layer = _Heads(shared, shared, 1)
        self.dynamic_visual_prompt_generator = _Heads(shared, visual, shape.length)
        self.dynamic_text_prompt_generator = _Heads(shared, text, shape.length)

    @property
    def learned(self) -> dict[str, nn.Parameter]:
        """The tensors that are trained, by name: what checkpoints hold."""
        return {name: tensor for name, tensor in self.named_parameters() if not name.startswith("clip.")}

    @property
    def image_size(self) -> int:
        """Pixels, of the square pictures that it looks at."""
        return int(self.clip.visual.image_size[0])

    def forward(self, images: Tensor, names: Sequence[str]) -> Looked:
        """Logits of each tapped layer at the size of the pictures, and of the pictures.

        Args:
            images: (B, 3, S, S), normalised as CLIP wants it.
            names: For each, what it shows.
        """
        grids = self.grids(images, names)
        return Looked([self._enlarged(layer) for layer in grids.patches.unbind(dim=1)], grids.score)

    def maps(self, images: Tensor, names: Sequence[str]) -> tuple[Tensor, Tensor]:
        """How anomalous pixels are, (B, S, S), and pictures, (B,), from 0 to 1; arguments as `forward`."""
        grids = self.grids(images, names)
        # Enlarging is linear: the mean of the layers is enlarged once.
        logits = self._enlarged(grids.patches.mean(dim=1))
        return logits.softmax(dim=1)[:, 1], grids.score.softmax(dim=1)[:, 1]

    def grids(self, images: Tensor, names: Sequence[str]) -> Grids:
        """Logits of each patch in each tapped layer, and of the pictures; arguments as `forward`."""
        tokens = self.embedded(images)
        prompts = self.prompts(self.unprompted(tokens))
        taps, pooled = self.prompted(tokens, prompts.visual)
        words = self.described(names, prompts.text)
        patches = self._projected(taps)
        logits = SCALE * (patches @ words.unsqueeze(1))
        picture = functional.normalize(self.cls_token_layer.head[0](pooled), dim=-1)
        picture = fused(picture, patches, logits, self.fusion, self.clusters, self.seed)
        score = SCALE * (picture.unsqueeze(1) @ words).squeeze(1)
        height, width = self.clip.visual.grid_size
        grid = logits.float().transpose(2, 3).reshape(*logits.shape[:2], 2, height, width)
        return Grids(grid, score.float())

    def embedded(self, images: Tensor) -> Tensor:
        """(B, 1 + L, width): the class token and the patches as they enter the first block."""
        visual = self.clip.visual
        patches = visual.conv1(images).flatten(2).transpose(1, 2)
        first = visual.class_embedding.to(patches.dtype).expand(len(patches), 1, -1)
        tokens = torch.cat([first, patches], dim=1) + visual.positional_embedding.to(patches.dtype)
        return cast(Tensor, visual.ln_pre(tokens))

    def unprompted(self, tokens: Tensor) -> Tensor:
        """(B, E): CLIP's own vector of each picture, not normalised, from which prompts are made."""
        *blocks, last = self.clip.visual.transformer.resblocks
        with torch.no_grad():
            for layer in blocks:
                tokens = block(layer, tokens)
            return self._pooled(block(last, tokens, rows=slice(0, 1)))

    def prompts(self, vectors: Tensor) -> Prompts:
        """Prompts for pictures, of which CLIP's own vectors are given."""
        visual = self.dynamic_visual_prompt_generator(vectors)
        text = self.dynamic_text_prompt_generator(vectors)
        return Prompts(self.visual_prompter(visual), self.text_prompter(text))

    def prompted(self, tokens: Tensor, prompts: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """The patches of each tapped layer, (B, L, width), and the vectors of the pictures, (B, E)."""
        count, taps = tokens.shape[1], []
        for number, layer in enumerate(self.clip.visual.transformer.resblocks):
            if number < len(prompts):
                tokens = torch.cat([tokens[:, :count], prompts[number].to(tokens.dtype)], dim=1)
            tokens = block(layer, tokens)
            if number + 1 in self.taps:
                taps.append(tokens[:, 1:count])
        return taps, self._pooled(tokens)

    def described(self, names: Sequence[str], prompts: Sequence[Tensor]) -> Tensor:
        """(B, E, 2): what is said of a normal and of an anomalous one, each a vector of length 1."""
        words: list[Tensor] = list(prompts[0][:, 0])
        for name in dict.fromkeys(names):
            chosen = [row for row, other in enumerate(names) if other == name]
            described = self._described(name, [prompt[chosen] for prompt in prompts])
            for row, vectors in zip(chosen, described, strict=True):
                words[row] = vectors
        return torch.stack(words)

    def _described(self, name: str, prompts: Sequence[Tensor]) -> Tensor:
        """(B, E, 2) for pictures of one kind of thing."""
        clip, device = self.clip, prompts[0].device
        shared = 1 + self.shape.length if len(prompts) > 1 else 1
        laid = layout(name, shared, clip.positional_embedding.shape[0])
        tokens, rows, mask, ends = (torch.from_numpy(part).to(device) for part in laid)
        first, *blocks, last = clip.transformer.resblocks
        length = tokens.shape[1]
        places = clip.token_embedding(tokens) + clip.positional_embedding[:length]
        # The first block comes before any prompt: there, the sentences have not yet tokens in common.
        sequence = block(first, places, causal(length, device)).flatten(0, 1)[rows]
        sequence = sequence.expand(len(prompts[0]), -1, -1)
        for number, layer in enumerate(blocks, start=1):
            sequence = block(layer, self._told(sequence, prompts, number), mask)
        sequence = block(last, self._told(sequence, prompts, len(blocks) + 1), mask, ends)
        vectors = functional.normalize(clip.ln_final(sequence) @ clip.text_projection, dim=-1)
        means = vectors[:, :NORMAL_SENTENCES].mean(dim=1), vectors[:, NORMAL_SENTENCES:].mean(dim=1)
        return functional.normalize(torch.stack(means, dim=2), dim=1)

    def _told(self, sequence: Tensor, prompts: Sequence[Tensor], number: int) -> Tensor:
        """The sequence as it enters a block: with that block's prompts in place of the first words."""
        if number >= len(prompts):
            return sequence
        after = sequence[:, 1 + self.shape.length :]
        return torch.cat([sequence[:, :1], prompts[number].to(sequence.dtype), after], dim=1)

    def _pooled(self, tokens: Tensor) -> Tensor:
        visual = self.clip.visual
        return cast(Tensor, visual.ln_post(tokens[:, 0]) @ visual.proj)

    def _projected(self, taps: Sequence[Tensor]) -> Tensor:
        """(B, layers, L, E), each patch a vector of length 1."""
        heads = self.patch_token_layer.head
        projected = [head(tap) for head, tap in zip(heads, taps, strict=True)]
        return functional.normalize(torch.stack(projected, dim=1), dim=-1)

    def _enlarged(self, grid: Tensor) -> Tensor:
        """(B, 2, S, S) of (B, 2, h, w); the centres of the outer patches come to lie on the border."""
        return functional.interpolate(grid, size=self.image_size, mode="bilinear", align_corners=True)


class _StaticPrompts(nn.Module):
    """Prompts that are the same for all pictures, a set for each prompted block."""

    def __init__(self, shape: PromptShape, width: int) -> None:
        super().__init__()
        prompts = [nn.Parameter(torch.empty(shape.length, width)) for _ in range(shape.depth)]
        for prompt in prompts:
            nn.init.normal_(prompt, std=_STATIC_DEVIATION)
        self.static_prompts = nn.ParameterList(prompts)

    def forward(self, dynamic: Tensor) -> list[Tensor]:
        """For each prompted block, (B, length, width), given what was made from the pictures."""
        return [_rounded(dynamic + prompt) for prompt in self.static_prompts]


class _Heads(nn.Module):
    """Linear layers side by side."""

    def __init__(self, inputs: int, outputs: int, count: int) -> None:
        super().__init__()
        self.head = nn.ModuleList([nn.Linear(inputs, outputs) for _ in range(count)])

    def forward(self, vectors: Tensor) -> Tensor:
        """(B, count, outputs) of (B, inputs)."""
        return torch.stack([head(vectors) for head in self.head], dim=1)


def _rounded(prompts: Tensor) -> Tensor:
    """Prompts as float16 holds them, as the published code rounds them on any device.

    The gradient passes as if they were not: in float16, small ones would vanish.
    """
    rounded = prompts.detach().half().to(prompts.dtype)
    return rounded if not prompts.requires_grad else prompts + (rounded - prompts.detach())


def _check_towers(visual: int, text_blocks: int, text: int, shared: int, shape: PromptShape) -> None:
    if text != shared:
        raise DetectorError(
            f"AdaCLIP needs a CLIP whose text is as wide as its vectors, got {text} and {shared}"
        )
    if visual < TAPS or min(visual, text_blocks) < max(shape.depth, 2):
        raise DetectorError(
            f"prompts for {shape.depth} blocks do not fit a CLIP of {visual} blocks for pictures and "
            f"{text_blocks} for text"
        )
