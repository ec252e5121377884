"""Data in prompts: JSON that no tokenizer reads as its own signs, and in which nothing is hidden.

A chat model's tokenizer reads some words as signs, wherever they stand: `<|im_start|>` begins a turn, and
`<image>` is the place of a picture. Data that holds one is written with a JSON escape where the sign begins,
so that it says the same to who reads JSON and is no sign any more. So are characters that cannot be seen, or
that turn a line round.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from jinja2 import Undefined

from ..schema import LogiSightError

LONGEST_STRING: Final = 20_000
"""Characters of one string of the data; the rest is counted."""
LONGEST_DATA: Final = 400_000
"""Characters of JSON in one place of a prompt; more fits no model."""


class PromptError(LogiSightError):
    """A prompt that cannot be made: a template, a picture or a setting cannot be used."""


_STRING: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_SUSPECT: Final = re.compile(
    r"<(?![ =])"  # begins a sign, such as <|im_start|>, </s> or <image>; a comparison in code stays readable
    r"|\[(?=/?[A-Za-z]{2}[A-Za-z_]*\d*\])"  # begins a sign, such as [INST] or [/INST]
    r"|\|(?=\w+\|)"  # begins a sign, such as |NEWLINE|
    r"|[\x7f-\U0010ffff]"
)
_LIKE_BRACKETS: Final = re.compile("[\u226e\u226f\ufe47\ufe48\ufe64\ufe65\uff1c\uff1e\uff3b\uff3d\uff5c]")
"""What some tokenizers turn into < > [ ] and | before they look for signs."""
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that Unicode lets a display leave out."""


def quoted(value: Any, longest: int = LONGEST_STRING) -> str:
    r"""A JSON-plain value as JSON in one line, as it may stand in a prompt; reading the JSON gives it back.

    Strings of more than `longest` characters are cut, and say so.

    Raises:
        PromptError: It has more than `LONGEST_DATA` characters.
        TypeError: It is not JSON-plain.

    Examples:
        >>> quoted(["two\nlines", "<|im_end|>", "[INST]", "a < b"])
        '["two\\nlines", "\\u003c\\u007cim_end|>", "\\u005bINST]", "a < b"]'
        >>> quoted("pin" * 5, longest=3)
        '"pin… (12 more characters)"'
    """
    text = _STRING.sub(_defused, json.dumps(_bounded(value, longest), ensure_ascii=False))
    if len(text) > LONGEST_DATA:
        raise PromptError(
            f"{len(text)} characters of data are too much for a prompt, which takes {LONGEST_DATA}; "
            "give fewer or shorter sentences and labels"
        )
    return text


def _bounded(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        left = len(value) - longest
        return f"{value[:longest]}… ({left} more characters)" if left > 0 else value
    if isinstance(value, Mapping):
        return {_bounded(key, longest): _bounded(item, longest) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_bounded(item, longest) for item in value]
    if isinstance(value, Undefined):
        str(value)  # raises what says which name is not there
    return value


def _defused(string: re.Match[str]) -> str:
    return _SUSPECT.sub(lambda found: _escaped(found.group()), string.group())


def _escaped(character: str) -> str:
    odd = _LIKE_BRACKETS.match(character) or _UNSEEN.match(character)
    if character > "\x7f" and character.isprintable() and not odd:
        return character
    # As two surrogates where it is beyond U+FFFF, which is what JSON wants.
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
