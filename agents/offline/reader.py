"""From a sentence to what it means: the grammar's derivations, read bottom up, apart where they differ."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedEOF, UnexpectedToken
from lark.lexer import Lexer

from ...color import COLOR_LAB
from ..draft import Request
from .clauses import Clauses
from .lexicon import Lexicon, lexings
from .meaning import Meaning
from .refuse import Known, Unreadable, where_stuck
from .settle import Settler
from .words import split_words, synonyms_of_the_grammar

MOST_READINGS = 32
"""A phrase that can be read in more ways than this is refused."""


class TokenLexer(Lexer):
    """Hands the parser the tokens that it is given."""

    def __init__(self, _: Any) -> None: ...

    def lex(self, data: Any) -> Iterator[Token]:  # type: ignore[override]
        """The tokens."""
        yield from data


@cache
def grammar() -> Lark:
    """The parser of the controlled English."""
    text = files(__package__).joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        text,
        parser="earley",
        lexer=TokenLexer,
        ambiguity="explicit",
        maybe_placeholders=False,
        propagate_positions=True,
    )


@cache
def grammar_words() -> dict[str, str]:
    """Every word that stands in the grammar, and its terminal."""
    return {terminal.pattern.value: terminal.name for terminal in grammar().terminals}


def read(request: Request) -> list[Meaning]:
    """Every different meaning of a sentence.

    Raises:
        Unreadable: It has none, or words in it are in doubt.
    """
    lexicon = Lexicon(request.labels, request.synonyms)
    settler = Settler(lexicon, request.containers)
    words = split_words(request.sentence)
    known = Known([*grammar_words(), *synonyms_of_the_grammar(), *COLOR_LAB], lexicon.parts)
    meanings: list[Meaning] = []
    failed: list[Unreadable] = []
    stuck: list[Unreadable] = []
    for tokens in lexings(words, lexicon, grammar_words()):
        try:
            tree = grammar().parse(tokens)
        except (UnexpectedToken, UnexpectedEOF) as error:
            stuck.append(where_stuck(error, tokens, request.sentence, known))
            continue
        reading = _Reading(settler)
        meanings += reading.meanings(tree)
        failed += reading.failed
    if not meanings:
        # Words that were understood say more than words that were not, and the furthest failure the most.
        raise failed[0] if failed else max(stuck, key=lambda one: one.start or 0)
    return list(dict.fromkeys(meanings))


class _Reading:
    """One derivation forest, read bottom up."""

    def __init__(self, settler: Settler) -> None:
        self.failed: list[Unreadable] = []
        self._handlers = Clauses()
        self._settler = settler
        self._known: dict[int, tuple[Any, ...]] = {}

    def meanings(self, node: Tree[Token] | Token) -> tuple[Any, ...]:
        """The different meanings of a node; none when every way to read it failed."""
        if isinstance(node, Token):
            return (node,)
        if id(node) not in self._known:
            self._known[id(node)] = tuple(dict.fromkeys(self._read(node)))
        return self._known[id(node)]

    def _read(self, node: Tree[Token]) -> Iterator[Any]:
        if node.data == "_ambig":
            for child in node.children:
                yield from self.meanings(child)
            return
        ways = list(product(*(self.meanings(child) for child in node.children)))
        if len(ways) > MOST_READINGS:
            raise Unreadable("this can be read in too many ways; say it in several sentences", *_span(node))
        for way in ways:
            try:
                meaning = self._handlers.read(node.data, way)
                yield self._settler.meaning(meaning) if node.data == "start" else meaning
            except Unreadable as error:
                if error.start is None:
                    error.start, error.end = _span(
                        node if error.child is None else node.children[error.child]
                    )
                if error.doubtful:
                    raise
                self.failed.append(error)


def _span(node: Tree[Token] | Token) -> tuple[int, int]:
    """Where the words of a phrase stand in the sentence."""
    place = node if isinstance(node, Token) else node.meta
    return place.start_pos or 0, place.end_pos or 0
