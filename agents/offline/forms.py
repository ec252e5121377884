"""The forms of sentence that can be read, each by one example in a product's own words."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from string import Formatter

from ..draft import Request
from .lexicon import Lexicon, Named
from .reader import grammar_words
from .words import plain_words, to_the_grammar

FORMS = (
    # quantity
    "There are exactly two {as}.",
    "There is at least one {a}.",
    "There are between two and four {as}.",
    "There are two, three or five {as}.",
    "There are no {as}.",
    "There is the usual number of {as}.",
    "The left half of the picture holds exactly two {as} and one {b}.",
    "There is exactly one {a} in each compartment of a grid of 3 rows and 5 columns.",
    "The {b} contains exactly two {as}.",
    "Each {b} contains at most three {as}.",
    "There are as many {as} as {bs}.",
    "There are twice as many {as} as {bs}.",
    "There are more {as} than {bs}.",
    "The left {b} has as many {as} as the right {b}.",
    "Both {bs} have the same number of {as}.",
    "Exactly two {as} touch the {b}.",
    # size
    "The {a} has its usual length and width.",
    "The {a} is at least 300 px long.",
    "The longest {a} is at most 300 px long.",
    "All {as} have the same length.",
    "The length of the {a} is between 2 and 3 times the width of the {b}.",
    "Each {a} is longer than 3 {b} diameters.",
    "The {a} is shorter than the {b}.",
    "The {a} is as long as the {b}.",
    "The {a} covers between 50 % and 70 % of the right half of the picture.",
    "The {a} covers its usual share of the {b}.",
    "The ratio of the area of the {a} to the area of the {b} is between 0.8 and 1.2.",
    "The total area of the {as} is at least twice the area of the {b}.",
    "The fill level of the {a} in the {b} is between 90 % and 100 %.",
    # position
    "The {a} is in the left half of the picture.",
    "The {a} is in its usual place.",
    "The {a} has its usual angle.",
    "The angle of the {a} is between 80 and 100 degrees.",
    "The ends of the {a} are at the same height.",
    "The left {a} mirrors the right {a}.",
    "The {a} is inside the {b}.",
    "No {a} is outside the {b}.",
    "The {a} is above the {b}.",
    "The {a} does not touch the {b}.",
    "The {a} connects the left {b} and the right {b}.",
    "Both {bs} are connected by the {a}.",
    "The {a} is at the same height as the {b}.",
    "The {a} is vertically aligned with the {b}.",
    "The {a} is in the middle of the {b}.",
    "The distance between the {a} and the {b} is at least 20 px.",
    "The {a} joins the same {c} of both {bs}.",
    # matching
    "The {a} is red or yellow.",
    "The {a} is not blue.",
    "The {a} has its usual colour.",
    "The {a} has the same colour as the {b}.",
    "When there are two {bs}, the {a} is yellow.",
    "If the {a} is red, the {b} shows {a_c}.",
)
"""{a}, {b} and {c} are parts, {as}, {bs} and {cs} their plurals, {a_c} is {c} with its article."""


_FILLERS = frozenset({"the", "a", "is", "of", "there", "."})


def readable_sentences(labels: Sequence[str]) -> list[str]:
    """One example for each form of sentence that can be read, in the words of a product's labels.

    Forms that need more parts than the product has are left out; [] for a product without nameable parts.
    """
    lexicon = Lexicon(labels, {})
    return _filled(lexicon, _speakable(lexicon))


def nearest_sentence(request: Request, is_read: Callable[[str], bool]) -> str:
    """The example most like a sentence, about the parts that it names; "" when there is none."""
    said = list(plain_words(request.sentence))
    lexicon = Lexicon(request.labels, {})
    mention = {label: _first_mention(lexicon.named(label), said) for label in _speakable(lexicon)}
    labels = sorted(mention, key=lambda label: mention[label])
    named = [label for label in labels if mention[label] < len(said)]
    labels = _by_role(labels, named if len(named) > 1 else labels, request.containers)
    examples = _filled(lexicon, labels)
    heads = {word for label in labels for word in _heads(lexicon.named(label))}
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(_skeleton(said, heads))

    def likeness(example: str) -> float:
        matcher.set_seq1(_skeleton(plain_words(example), heads))
        return matcher.ratio()

    return next((example for example in sorted(examples, key=likeness, reverse=True) if is_read(example)), "")


def _filled(lexicon: Lexicon, labels: Sequence[str]) -> list[str]:
    """Every form that the labels are enough for, with the first label as {a}."""
    words: dict[str, str] = {}
    for letter, label in zip("abc", labels, strict=False):
        named = lexicon.named(label)
        words |= {letter: named.one, f"{letter}s": named.many}
    if "c" in words:
        words["a_c"] = f"{'an' if words['c'][0] in 'aeiou' else 'a'} {words['c']}"
    fields = {form: {name for _, name, _, _ in Formatter().parse(form) if name} for form in FORMS}
    return [form.format(**words) for form in FORMS if fields[form] <= set(words)]


def _speakable(lexicon: Lexicon) -> list[str]:
    """The labels whose name means that label alone and is no word of the grammar."""
    return [label for label in lexicon.labels if _means(lexicon, label)]


def _means(lexicon: Lexicon, label: str) -> bool:
    words = plain_words(lexicon.named(label).one)
    named = lexicon.name_of(words)
    if named is None or named.labels != (label,) or named.one == named.many:
        return False
    return len(words) > 1 or to_the_grammar(words[0]) not in grammar_words()


def _first_mention(named: Named, said: Sequence[str]) -> int:
    heads = _heads(named)
    return next((index for index, word in enumerate(said) if word in heads), len(said))


def _by_role(
    labels: Sequence[str], among: Sequence[str], containers: Mapping[str, Sequence[str]]
) -> list[str]:
    """The labels, but first one that lies in another, and then that other, if there are such `among` some."""
    for inner in among:
        for outer in among:
            if inner in containers.get(outer, ()):
                return [inner, outer, *(label for label in labels if label not in (inner, outer))]
    return list(labels)


def _heads(named: Named) -> set[str]:
    return {plain_words(name)[-1] for name in (named.one, named.many)}


def _skeleton(words: Sequence[str], heads: Collection[str]) -> list[str]:
    """What a sentence says, whichever parts it says it of, without the words that are in all of them."""
    grammar = [to_the_grammar(word) for word in words]
    return [
        "part" if word in heads else same
        for word, same in zip(words, grammar, strict=True)
        if same not in _FILLERS
    ]
