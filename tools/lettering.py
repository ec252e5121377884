"""Text on pictures: measuring, wrapping and drawing it with the fonts that come with OpenCV."""

from __future__ import annotations

import unicodedata
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

REGULAR, BOLD = 400, 700
"""Font weights."""

Colour = tuple[int, int, int]
"""In the channel order of the picture that is drawn on."""


@cache
def _font() -> cv2.FontFace:
    """Latin, Greek, Cyrillic, Chinese, Japanese, Korean and more; what it lacks is drawn as "?"."""
    return cv2.FontFace("sans")


def plain(text: str, limit: int = 500) -> str:
    r"""One line of at most `limit` printable characters.

    White space becomes single spaces, control and unassigned characters become "?", and a text that was
    cut ends in an ellipsis.

    >>> plain("two\nlines\x00")
    'two lines?'
    """
    # Lone surrogates stop the text engine of OpenCV; they are not printable.
    line = " ".join(unicodedata.normalize("NFC", text[: 2 * limit]).split())
    line = "".join(character if character.isprintable() else "?" for character in line)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def text_width(text: str, size: int, weight: int = REGULAR) -> int:
    """Pixels from the start of a text of that size to where the next one may start."""
    if not text:
        return 0
    x, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), _font(), size, weight)
    return int(x + width)


def wrap(text: str, width: int, size: int, weight: int = REGULAR) -> list[str]:
    """Lines of at most `width` pixels, broken at spaces, or inside a word that is too long for a line."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        while text_width(f"{line} {word}".strip(), size, weight) > width:
            if line:
                lines.append(line)
                line = ""
                continue
            fit = _fitting(word, width, size, weight)
            if fit == len(word):
                break
            lines.append(word[:fit])
            word = word[fit:]
        line = f"{line} {word}".strip()
    return [*lines, line] if line else lines


def draw_text(
    picture: NDArray[np.uint8],
    text: str,
    place: tuple[int, int],
    size: int,
    colour: Colour,
    weight: int = REGULAR,
) -> None:
    """Draw one line in place; `place` is the left end of its base line, x and y in pixels."""
    cv2.putText(picture, text, place, colour, _font(), size, weight)


def _fitting(word: str, width: int, size: int, weight: int) -> int:
    """How many leading characters fit into `width` pixels, at least one."""
    low, high = 1, len(word)
    while low < high:
        middle = (low + high + 1) // 2
        if text_width(word[:middle], size, weight) <= width:
            low = middle
        else:
            high = middle - 1
    return low
