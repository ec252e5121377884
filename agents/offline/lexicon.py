"""Which words name which parts of a product: labels, their plurals, heads and everyday synonyms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from lark import Token

from ...color import COLOR_LAB
from .plurals import plurals_of, singular_of
from .refuse import Unreadable
from .words import NUMBER_WORDS, Word, number_at, plain_words, to_the_grammar

Phrase = tuple[str, ...]

_EVERYDAY = (
    ("almond", "nut kernel"),
    ("bag", "pouch", "sachet"),
    ("bottle", "flask"),
    ("cable", "wire"),
    ("cap", "lid"),
    ("cereal", "granola", "muesli"),
    ("clamp", "lever"),
    ("connector", "terminal block"),
    ("icon", "pictogram", "symbol"),
    ("juice", "liquid"),
    ("label", "sticker"),
    ("nectarine", "peach"),
    ("pushpin", "push pin", "pin", "thumbtack", "drawing pin"),
    ("tangerine", "mandarin", "mandarin orange", "clementine", "satsuma", "orange"),
)
"""Words that people use for one another; read only where a single label of the product is meant."""

_COLOR_SYNONYMS = {"violet": "purple"}

_LONGEST_SHOWN = 40
"""Characters of a name in a reason."""

LARGEST_NUMBER = 1_000_000_000

_MOST_LEXINGS = 64
"""A sentence whose words can be taken in more ways than this is refused."""


@dataclass(frozen=True)
class Named:
    """What a phrase names."""

    labels: tuple[str, ...]
    one: str
    many: str
    plural: bool
    mass: bool = False
    rivals: bool = False
    """It means one of the labels, and which is open; else it covers them all, as "screw" does."""


class Lexicon:
    """The names of a product's parts.

    A phrase means, the first that applies: the product's own synonym; a label; an everyday synonym of a
    label; the last words of labels ("screw" for long_screw and short_screw).

    Raises:
        Unreadable: A synonym names a label that the product does not have.
    """

    def __init__(self, labels: Sequence[str], synonyms: Mapping[str, str]) -> None:
        self.labels = tuple(dict.fromkeys(labels))
        for label in synonyms.values():
            if label not in self.labels:
                strange, known = " ".join(plain_words(label)), ", ".join(self.parts)
                told = f'a synonym stands for "{strange}", which this product does not have; it has: {known}'
                raise Unreadable(told, 0, 0)
        self._names: dict[Phrase, Named] = {}
        spoken = {label: plain_words(label) for label in self.labels}
        for word, label in synonyms.items():
            self._add({label: {plain_words(word)}}, spoken, heads=False)
        exact = {label: {phrase} for label, phrase in spoken.items()}
        everyday = {label: set(_everyday_names(phrase)) for label, phrase in spoken.items()}
        for names in (exact, everyday):
            self._add(names, spoken, heads=False)
        for names in (exact, everyday):
            self._add(
                {label: _tails(names[label]) for label in names if len(spoken[label]) > 1}, spoken, heads=True
            )
        self._longest = max((len(phrase) for phrase in self._names), default=0)

    @property
    def parts(self) -> list[str]:
        """What a person calls the parts, in the order of the labels."""
        named = [self.named(label) for label in self.labels if plain_words(label)]
        return [one.many if one.mass else one.one for one in named]

    def name_at(self, words: Sequence[Word], index: int) -> tuple[Named, int] | None:
        """The longest name that starts at a word, and how many words it takes."""
        for count in range(min(self._longest, len(words) - index), 0, -1):
            named = self.name_of(tuple(word.text for word in words[index : index + count]))
            if named:
                return named, count
        return None

    def name_of(self, phrase: Phrase) -> Named | None:
        """What a phrase names."""
        return self._names.get(phrase)

    def named(self, label: str) -> Named:
        """How a person calls a label, with its plural."""
        phrase = plain_words(label)
        return _named(phrase, False, [label], {label: phrase}, heads=False)

    def _add(self, names: Mapping[str, set[Phrase]], spoken: Mapping[str, Phrase], heads: bool) -> None:
        """Add names of labels to those phrases that mean nothing yet."""
        found: dict[tuple[Phrase, bool], list[str]] = {}
        for label, phrases in names.items():
            for phrase in sorted(phrases):
                # A label such as "2" would swallow the numbers of a sentence.
                if all(word.isdigit() or word in NUMBER_WORDS for word in phrase):
                    continue
                one, many = _forms(phrase)
                for form, plural in [(one, False), *((form, True) for form in many)]:
                    found.setdefault((form, plural), []).append(label)
        before = set(self._names)
        for (phrase, plural), labels in found.items():
            if phrase not in before:
                self._names[phrase] = _named(phrase, plural, labels, spoken, heads)


def lexings(words: Sequence[Word], lexicon: Lexicon, grammar: Mapping[str, str]) -> Iterator[list[Token]]:
    """Every way to take the words as terminals of the grammar (word -> terminal).

    A word can be a label and a word of the grammar or a colour at once ("orange"); a name of several words
    is only a name. A word that is nothing becomes the terminal UNKNOWN, which no rule of the grammar takes.

    Raises:
        Unreadable: There are too many ways, or a number is too large.
    """
    choices: list[list[Token]] = []
    ways, index = 1, 0
    while index < len(words):
        tokens, count = _tokens_at(words, index, lexicon, grammar)
        choices.append(tokens)
        ways *= len(tokens)
        index += count
    if ways > _MOST_LEXINGS:
        raise Unreadable(
            "too many of these words are part labels and ordinary words at once; give synonyms", 0, 0
        )
    yield from (list(way) for way in product(*choices))


def _tokens_at(
    words: Sequence[Word], index: int, lexicon: Lexicon, grammar: Mapping[str, str]
) -> tuple[list[Token], int]:
    word = words[index]
    name = lexicon.name_at(words, index)
    tokens = []
    if name:
        named, count = name
        forms = ["PART", "PARTS"] if named.one == named.many else ["PARTS" if named.plural else "PART"]
        tokens = [_token(form, named, word, words[index + count - 1]) for form in forms]
        if count > 1:
            return tokens, count
    number = number_at(words, index)
    if number:
        value, count = number
        if abs(value) > LARGEST_NUMBER:
            raise Unreadable(f"numbers go up to {LARGEST_NUMBER:,}", word.start, word.end)
        return [_token("NUMBER", value, word, words[index + count - 1])], count
    color = _COLOR_SYNONYMS.get(word.text, word.text)
    if color in COLOR_LAB:
        tokens.append(_token("COLOR", color, word, word))
    known = to_the_grammar(word.text)
    if known in grammar:
        tokens.append(_token(grammar[known], known, word, word))
    return tokens or [_token("UNKNOWN", word.text, word, word)], 1


def _token(kind: str, value: object, first: Word, last: Word) -> Token:
    return Token(kind, value, start_pos=first.start, end_pos=last.end)


def _forms(phrase: Phrase) -> tuple[Phrase, list[Phrase]]:
    """A name in the singular, and in the plurals that are read; a label without words is a "part".

    Example:
        >>> _forms(("fuse", "box")), _forms(("clip", "2"))
        ((('fuse', 'box'), [('fuse', 'boxes')]), (('clip', '2'), [('clips', '2')]))
    """
    words = phrase or ("part",)
    # Numbers stay behind the noun that they number.
    at = next((place for place in reversed(range(len(words))) if words[place].isalpha()), len(words) - 1)
    before, noun, after = words[:at], words[at], words[at + 1 :]
    one = singular_of(noun)
    plurals = plurals_of(one)
    if one != noun and noun not in plurals:
        plurals = (noun, *plurals)
    return (*before, one, *after), [(*before, form, *after) for form in plurals]


def _everyday_names(phrase: Phrase) -> Iterator[Phrase]:
    """The names that people use for this one, by its last words."""
    one, _ = _forms(phrase)
    for group in _EVERYDAY:
        names = [tuple(name.split()) for name in group]
        for name in names:
            if one[-len(name) :] == name:
                yield from ((*one[: -len(name)], *other) for other in names if other != name)


def _tails(phrases: Iterable[Phrase]) -> set[Phrase]:
    return {phrase[start:] for phrase in phrases for start in range(1, len(phrase))}


def _named(
    phrase: Phrase, plural: bool, labels: Sequence[str], spoken: Mapping[str, Phrase], heads: bool
) -> Named:
    """One label is called by its own words, whatever word was used; several by the word that was used."""
    first = spoken[labels[0]]
    one, many = _forms(first if len(labels) == 1 else phrase)
    mass = len(labels) == 1 and bool(first) and one != first
    rivals = len(labels) > 1 and not heads
    shown_one, shown_many = (" ".join(form)[:_LONGEST_SHOWN].strip() for form in (one, many[0]))
    return Named(tuple(labels), shown_one, shown_many, plural, mass, rivals)
