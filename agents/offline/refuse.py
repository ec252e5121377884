"""Saying what could not be read: why, at which words, and which words may have been meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lark import Token
from lark.exceptions import UnexpectedEOF, UnexpectedToken

from .plurals import plurals_of, singular_of


class Unreadable(Exception):  # noqa: N818 - it is an outcome, handed on as a Refusal, and no error to a user
    """A sentence, or one reading of it, that does not become a check.

    `start` and `end` are the words it is about, in characters; None until the reader knows. `child` is the
    piece of the phrase that it is about. `doubtful` says that the words have two meanings, so that no other
    reading of the sentence may be taken for the right one. `instead` are words that may have been meant.
    """

    def __init__(
        self,
        reason: str,
        start: int | None = None,
        end: int | None = None,
        *,
        doubtful: bool = False,
        instead: Sequence[str] = (),
        child: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.start = start
        self.end = end
        self.doubtful = doubtful
        self.instead = tuple(instead)
        self.child = child


VAGUE: dict[str, str] = {
    **dict.fromkeys(
        ["about", "approximately", "around", "roughly", "nearly", "almost", "circa"],
        'has no limits; say "between ... and ..."',
    ),
    **dict.fromkeys(["some", "several", "few", "enough", "couple"], "has no number; say how many"),
    **dict.fromkeys(["near", "close", "next", "beside", "nearby"], 'has no limit; say "at most 20 px from"'),
    **dict.fromkeys(["it", "they", "them", "he", "she"], "could mean several parts; name the part"),
    **dict.fromkeys(["may", "might", "can", "could", "usually", "often"], 'asks for nothing; say "must"'),
    **dict.fromkeys(["correct", "good", "proper", "fine", "okay"], "says nothing that can be measured"),
    **dict.fromkeys(
        ["unless", "except", "otherwise", "else"], 'cannot be read; say it with "if" in two sentences'
    ),
}
"""Words that have a meaning, but not one that can be checked."""


class Known(NamedTuple):
    """What a person could have meant."""

    words: list[str]
    """Words of the grammar and their synonyms."""
    parts: list[str]
    """The product's parts."""


_SHOWN = 12
"""Part labels that a refusal lists."""


def where_stuck(
    error: UnexpectedToken | UnexpectedEOF, tokens: Sequence[Token], sentence: str, known: Known
) -> Unreadable:
    """Why the grammar could not go on, at the words where it stopped."""
    if isinstance(error, UnexpectedEOF):
        start, end = tokens[-1].start_pos or 0, tokens[-1].end_pos or 0
        return Unreadable(f'the sentence stops too early, after "{sentence[start:end]}"', start, end)
    index = next(index for index, token in enumerate(tokens) if token.start_pos == error.token.start_pos)
    start, end = tokens[index].start_pos or 0, tokens[index].end_pos or 0
    if tokens[index].type == "UNKNOWN":
        return _unknown(str(tokens[index].value), sentence[start:end], (start, end), known, error.expected)
    before, there = " ".join(sentence[:start].split()), sentence[start:end]
    if not before:
        return Unreadable(f'I cannot begin with "{there}"', start, end)
    return Unreadable(f'I can read "{before}" but not "{there}" after it', start, end)


def _unknown(
    word: str, said: str, span: tuple[int, int], known: Known, expected: Iterable[str]
) -> Unreadable:
    if word in VAGUE:
        return Unreadable(f'"{said}" {VAGUE[word]}', *span, instead=[""])
    similar = difflib.get_close_matches(word, known.words, 3, 0.75)
    if similar or not {"PART", "PARTS"} & set(expected):
        hint = f'. Did you mean "{similar[0]}"?' if similar else ""
        return Unreadable(f'I do not know the word "{said}"{hint}', *span, instead=similar)
    listed = ", ".join(known.parts[:_SHOWN]) + (", ..." if len(known.parts) > _SHOWN else "")
    parts = difflib.get_close_matches(singular_of(word), known.parts, len(known.parts) or 1, 0.5)
    hint = f' Did you mean "{parts[0]}"?' if parts else ""
    plural = singular_of(word) != word
    others = [part for part in known.parts if part not in parts]
    instead = [_plural(part) if plural else part for part in (*parts, *others)]
    reason = f'I do not know a part called "{said}"; this product has: {listed}.{hint}'
    return Unreadable(reason, *span, instead=instead)


def _plural(name: str) -> str:
    *first, last = name.split()
    return " ".join([*first, plurals_of(last)[0]])
