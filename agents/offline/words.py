"""From the letters of a sentence to words: spelling, numbers, and words that mean the same to the grammar."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from .refuse import Unreadable

LONGEST_SENTENCE = 500
"""Characters of a sentence that are read."""

_SPELLINGS = {
    "aluminum": "aluminium",
    "center": "centre",
    "centers": "centres",
    "central": "centre",
    "color": "colour",
    "colored": "coloured",
    "colors": "colours",
    "fiber": "fibre",
    "gray": "grey",
    "mold": "mould",
}
"""American spelling -> British, for labels and sentences alike."""

_SAME_TO_THE_GRAMMAR = {
    "%": "percent pct",
    "a": "an",
    "above": "over",
    "and": "& but while whereas",
    "apart": "away",
    "area": "areas",
    "below": "under beneath underneath",
    "bottom": "lower lowermost bottommost",
    "by": "via",
    "cell": "cells compartment compartments slot slots pocket pockets cavity cavities",
    "centre": "centres",
    "colour": "colours",
    "column": "columns",
    "connected": "joined linked",
    "connects": "connect join joins link links",
    "contains": "contain hold holds include includes comprise comprises",
    "covers": "cover fill fills occupy occupies",
    "degrees": "degree deg °",
    "diameter": "diameters",
    "does": "do",
    "each": "every",
    "ensure": "check verify",
    "equals": "equal",
    "exactly": "precisely just only",
    "expect": "want require",
    "fewer": "less",
    "grid": "raster",
    "has": "have",
    "height": "heights",
    "if": "when whenever",
    "in": "inside within on into",
    "is": "are be",
    "its": "their",
    "large": "big",
    "larger": "bigger greater",
    "largest": "biggest",
    "left": "leftmost",
    "length": "lengths",
    "level": "levels",
    "lies": "lie located placed rest rests sit sits stand stands",
    "mirrors": "mirror",
    "missing": "absent",
    "must": "should shall",
    "needs": "need",
    "picture": "image images photo photograph pictures",
    "place": "position location places positions",
    "px": "pixel pixels px² pixels²",
    "quarter": "quarters corner",
    "right": "rightmost",
    "row": "rows",
    "share": "portion fraction proportion",
    "shows": "show display displays bear bears carry carries",
    "side": "sides part section region zone",
    "size": "sizes",
    "tall": "high",
    "the": "this these those",
    "third": "thirds",
    "top": "upper uppermost topmost",
    "touches": "touch touching",
    "usual": "normal typical standard ordinary regular",
    "we": "i",
    "width": "widths",
    "x": "\u00d7",
    "<=": "≤",
    ">=": "≥",
    "+/-": "±",
}

_CONTRACTIONS = {
    "aren't": "are not",
    "can't": "can not",
    "cannot": "can not",
    "doesn't": "does not",
    "don't": "do not",
    "hasn't": "has not",
    "isn't": "is not",
    "mustn't": "must not",
    "shouldn't": "should not",
    "there're": "there are",
    "there's": "there is",
    "we'd": "we would",
}

_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"]
_TEENS = ["twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
NUMBER_WORDS = {
    **{word: number for number, word in enumerate([*_SMALL, *_TEENS])},
    **{word: 10 * number for number, word in enumerate(_TENS, start=2)},
}

_PIECE = re.compile(
    r"(?P<number>(?:(?<![\w.,)])[-\u2212])?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+(?:\.\d+)?|\.\d+))"
    r"|(?P<word>[^\W\d_]+(?:['\u2019][^\W\d_]+)?)"
    r"|(?P<sign>\+/-|<=|>=|[%°±≤≥<>\u00d7&,.;:()'\u2019\-\u2212\u2013\u2014])"
    r"|(?P<ignored>[\s_\"“”„]+)"
)


@dataclass(frozen=True)
class Word:
    """One word or sign, in lower case and one spelling, and where it stands in the sentence."""

    text: str
    start: int
    end: int


def split_words(sentence: str) -> list[Word]:
    """The words and signs of a sentence.

    Raises:
        Unreadable: The sentence is empty or too long, or holds a sign that has no meaning here.

    Example:
        >>> [word.text for word in split_words("The Long-Screw isn't 3.5px.")]
        ['the', 'long', 'screw', 'is', 'not', '3.5', 'px', '.']
    """
    if len(sentence) > LONGEST_SENTENCE:
        raise Unreadable(
            f"the sentence is longer than {LONGEST_SENTENCE} characters; say it in several", 0, 0
        )
    words: list[Word] = []
    position = 0
    while position < len(sentence):
        piece = _PIECE.match(sentence, position)
        if piece is None:
            sign = sentence[position]
            shown = sign if sign.isprintable() else f"U+{ord(sign):04X}"
            raise Unreadable(f'I cannot read the sign "{shown}"', position, position + 1)
        words += _words_of(piece, sentence)
        position = piece.end()
    if not words:
        raise Unreadable("there is nothing to read", 0, 0)
    return words


def plain_words(text: str) -> tuple[str, ...]:
    """The words of a label or a synonym, as a sentence would spell them; () when it holds none.

    Example:
        >>> plain_words("Center_Label"), plain_words("longScrew2"), plain_words("?")
        (('centre', 'label'), ('long', 'screw', '2'), ())
    """
    spaced = re.sub(r"(?<=[^\W\d_A-Z])(?=[A-Z])", " ", unicodedata.normalize("NFC", text))
    return tuple(_spelled(piece) for piece in re.findall(r"[^\W\d_]+|\d+", spaced))


def to_the_grammar(word: str) -> str:
    """The word by which the grammar knows a word."""
    return _GRAMMAR_WORD.get(word, word)


def synonyms_of_the_grammar() -> list[str]:
    """Every word that is read as a word of the grammar."""
    return [*_GRAMMAR_WORD, *NUMBER_WORDS]


def number_at(words: Sequence[Word], index: int) -> tuple[float, int] | None:
    """A number that starts at a word, and how many words it takes.

    Example:
        >>> number_at(split_words("twenty-five pins"), 0), number_at(split_words("0.5 px"), 0)
        ((25.0, 2), (0.5, 1))
    """
    text = words[index].text
    if text not in NUMBER_WORDS:
        digits = text.replace(",", "")
        return (float(digits), 1) if re.fullmatch(r"-?\d*\.?\d+", digits, re.ASCII) else None
    value = NUMBER_WORDS[text]
    following = NUMBER_WORDS.get(words[index + 1].text, 0) if index + 1 < len(words) else 0
    if text in _TENS and 1 <= following <= 9:
        return float(value + following), 2
    return float(value), 1


def _words_of(piece: re.Match[str], sentence: str) -> list[Word]:
    start, end = piece.span()
    if piece["ignored"]:
        return []
    if piece["number"]:
        return [Word(piece["number"].replace("\u2212", "-"), start, end)]
    text = piece[0].replace("\u2019", "'")
    if piece["sign"]:
        if text in "-\u2212\u2013\u2014":
            return _dash(sentence, start, end)
        return [Word("'s" if text == "'" else text, start, end)]
    text = _spelled(text)
    if text in _CONTRACTIONS:
        return [Word(word, start, end) for word in _CONTRACTIONS[text].split()]
    if text.endswith("'s"):
        return [Word(text[:-2], start, end - 2), Word("'s", end - 2, end)]
    return [Word(text, start, end)]


def _dash(sentence: str, start: int, end: int) -> list[Word]:
    """A dash between two numbers says "to"; one between letters joins the words of a name."""
    before, after = sentence[:start].rstrip(" %"), sentence[end:].lstrip()
    if before[-1:].isdigit() and after[:1].isdigit():
        return [Word("to", start, end)]
    if sentence[start - 1 : start].isalnum() and sentence[end : end + 1].isalnum():
        return []
    raise Unreadable(f'I cannot read the sign "{sentence[start:end]}" here', start, end)


def _spelled(word: str) -> str:
    word = unicodedata.normalize("NFC", word.lower())
    return _SPELLINGS.get(word, word)


_GRAMMAR_WORD = {word: known for known, words in _SAME_TO_THE_GRAMMAR.items() for word in words.split()}
