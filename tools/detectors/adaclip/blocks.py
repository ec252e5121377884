"""A transformer block of CLIP, run for the tokens that are needed, with attention in one fused kernel."""

from __future__ import annotations

from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

Rows: TypeAlias = Tensor | slice
"""Which tokens of a sequence."""
ALL = slice(None)


def block(layer: Any, tokens: Tensor, mask: Tensor | None = None, rows: Rows = ALL) -> Tensor:
    """What one block makes of (B, N, width) tokens: (B, R, width), for the R tokens in `rows`.

    Args:
        layer: A residual attention block of open_clip, pre-norm.
        tokens: All that may be attended to.
        mask: (N, N) bool: whether the token of the row attends to that of the column; by default all do.
        rows: Tokens whose output is wanted.
    """
    attended = _attention(layer.attn, layer.ln_1(tokens), None if mask is None else mask[rows], rows)
    out = tokens[:, rows] + attended
    return out + _mlp(layer.mlp, layer.ln_2(out))


def _mlp(mlp: Any, tokens: Tensor) -> Tensor:
    hidden = mlp.c_fc(tokens)
    if torch.is_grad_enabled() or not isinstance(mlp.gelu, nn.GELU):
        hidden = mlp.gelu(hidden)
    else:
        # The largest tensor of all: another one would cost as much time as what is computed here.
        torch.ops.aten.gelu_(hidden)
    return cast(Tensor, mlp.c_proj(hidden))


def _attention(attention: nn.MultiheadAttention, tokens: Tensor, mask: Tensor | None, rows: Rows) -> Tensor:
    """Multi-head attention of the tokens in `rows` to all tokens, without its weights."""
    width, heads = attention.embed_dim, attention.num_heads
    weight, bias = attention.in_proj_weight, attention.in_proj_bias
    query = functional.linear(tokens[:, rows], weight[:width], bias[:width])
    key, value = functional.linear(tokens, weight[width:], bias[width:]).chunk(2, dim=-1)
    query, key, value = (
        part.reshape(*part.shape[:2], heads, -1).transpose(1, 2) for part in (query, key, value)
    )
    out = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return cast(Tensor, attention.out_proj(out.transpose(1, 2).flatten(2)))


def causal(length: int, device: torch.device) -> Tensor:
    """(N, N) mask by which each token attends to itself and to those before it."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()
