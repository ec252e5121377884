"""The sentences that AdaCLIP says of a thing, and how they are laid out for the text tower.

Attention there looks back only, and all sentences have the same first tokens once prompts have replaced
them. So these are computed once for all sentences, and what follows a sentence not at all.
"""

from __future__ import annotations

import functools
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....schema import DetectorError
from ...pictures import shown

NORMAL: Final = (
    "{}",
    "flawless {}",
    "perfect {}",
    "unblemished {}",
    "{} without flaw",
    "{} without defect",
    "{} without damage",
)
ABNORMAL: Final = ("damaged {}", "broken {}", "{} with flaw", "{} with defect", "{} with damage")
TEMPLATES: Final = (
    "a bad photo of a {}.",
    "a low resolution photo of the {}.",
    "a bad photo of the {}.",
    "a cropped photo of the {}.",
)

NORMAL_SENTENCES: Final = len(NORMAL) * len(TEMPLATES)
"""How many of the sentences say that nothing is wrong; they come first."""


def sentences(product: str) -> list[str]:
    """All that is said of a product: first what holds of a normal one, then of an anomalous one."""
    name = product.replace("-", " ")
    return [
        template.replace("{}", state.replace("{}", name))
        for state in (*NORMAL, *ABNORMAL)
        for template in TEMPLATES
    ]


class Layout(NamedTuple):
    """Sentences as one sequence: the tokens that all share, then the rest of each sentence in turn."""

    tokens: NDArray[np.int64]
    """(S, L) of the S sentences, padded to the longest with 0."""
    rows: NDArray[np.int64]
    """(T,) for each place of the sequence, which of the S * L tokens it takes."""
    mask: NDArray[np.bool_]
    """(T, T), whether the place of the row attends to that of the column."""
    ends: NDArray[np.int64]
    """(S,) where in the sequence each sentence ends."""


@functools.lru_cache(maxsize=256)
def layout(product: str, shared: int, context: int = 77) -> Layout:
    """The sentences about a product; their first `shared` tokens are taken to be the same.

    Raises:
        DetectorError: A sentence has more tokens than the text tower has places.
    """
    encoded = [_encoded(sentence) for sentence in sentences(product)]
    longest = max(map(len, encoded))
    if max(longest, shared) > context:
        raise DetectorError(
            f"{shown(product)[:60]!r}: too long a name; its sentences take {longest} tokens of {context}"
        )
    tokens = np.zeros((len(encoded), max(longest, shared)), np.int64)
    for row, codes in zip(tokens, encoded, strict=True):
        row[: len(codes)] = codes
    lengths = np.array([len(codes) for codes in encoded])
    return _laid_out(tokens, lengths, shared)


def _laid_out(tokens: NDArray[np.int64], lengths: NDArray[np.int64], shared: int) -> Layout:
    rest = np.maximum(lengths - shared, 0)
    sentence = np.concatenate([np.zeros(shared, np.int64), np.repeat(np.arange(len(rest)), rest)])
    starts = np.cumsum(rest) - rest
    place = np.concatenate([np.arange(shared), shared + np.arange(rest.sum()) - np.repeat(starts, rest)])
    in_common = place < shared
    same = in_common[None, :] | (~in_common[:, None] & (sentence[:, None] == sentence[None, :]))
    ends = np.where(rest > 0, shared + starts + rest, lengths) - 1
    return Layout(tokens, sentence * tokens.shape[1] + place, same & (place[None, :] <= place[:, None]), ends)


def _encoded(sentence: str) -> list[int]:
    tokenizer = _tokenizer()
    return [tokenizer.sot_token_id, *tokenizer.encode(sentence), tokenizer.eot_token_id]


@functools.cache
def _tokenizer() -> Any:
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer()
