"""The built-in author: controlled English to checks, with no model and no network.

    sentence -> words -> lexicon -> grammar -> reader -> settle -> writer -> code

Every derivation of a sentence is read. Where two mean different things, or nothing can be read, the answer is
a Refusal that points at the words; nothing is guessed.
"""

from __future__ import annotations

from .compile import compile_sentence
from .forms import readable_sentences

__all__ = ["compile_sentence", "readable_sentences"]
