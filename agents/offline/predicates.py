"""Reading what a sentence says of a part: places, relations and colours, all about `IT`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from lark import Token

from .amounts import Amount, Mark
from .meaning import (
    IT,
    OTHER,
    Beside,
    Claims,
    Colored,
    Compare,
    Each,
    EndsLevel,
    Gap,
    Inside,
    Located,
    Measure,
    Pick,
    Place,
    Present,
    Ratio,
    Ref,
    Relate,
    RelationName,
    SameColor,
    SameSlot,
    Those,
    Usual,
)
from .measuring import Sizes
from .quantities import Bound, compared
from .refuse import Unreadable


@dataclass(frozen=True)
class Pair:
    """Two parts."""

    first: Ref
    second: Ref


class Predicates(Sizes):
    """Handlers of the rules of the grammar that say something of a part, or of two."""

    # ---- place and relation ----

    def _read_located(self, *words: Any) -> Claims:
        return (Located(IT, words[-1], Mark.NOT not in words),)

    def _read_outside(self, *words: Any) -> Claims:
        place, holds = words[-1], Mark.NOT not in words
        if isinstance(place, Inside):
            return (Relate("outside", IT, (place.holder,), holds),)
        return (Located(IT, place, not holds),)

    def _read_left_of(self) -> str:
        return "left_of"

    def _read_right_of(self) -> str:
        return "right_of"

    def _read_above(self) -> str:
        return "above"

    def _read_below(self) -> str:
        return "below"

    def _read_touching(self) -> str:
        return "touches"

    def _read_beside_place(self, relation: RelationName, other: Ref) -> Place:
        return Beside(relation, (other,))

    def _read_beside(self, *words: Any) -> Claims:
        *_, direction, other = words
        return _related(direction, words, other)

    def _read_touches(self, *words: Any) -> Claims:
        return _related("touches", words, words[-1])

    def _read_connected(self, *words: Any) -> Claims:
        *_, other, via = words
        return (Relate("connected", via, (IT, other), Mark.NOT not in words),)

    def _read_connects(self, *words: Any) -> Claims:
        others = [word for word in words if word is not Mark.NOT]
        pair = pair_of(others[0]) if len(others) == 1 else (others[0], others[1])
        return (Relate("connected", IT, pair, Mark.NOT not in words),)

    def _read_level(self, *words: Any) -> Claims:
        return _related("level", words, words[-1])

    def _read_axis(self, word: Token) -> str:
        return str(word.value)

    def _read_aligned(self, *words: Any) -> Claims:
        return _related(_alignment(words), words, words[-1])

    def _read_mirrors(self, *words: Any) -> Claims:
        return _related("mirrors", words, words[-1])

    def _read_present(self) -> Claims:
        return (Present(IT),)

    def _read_missing(self) -> Claims:
        return (Present(IT, holds=False),)

    def _read_same_slot(self, *words: Any) -> Claims:
        if Mark.NOT in words:
            raise Unreadable('I can only read that it is "the same", not that it is not')
        slot, pair = words
        return (SameSlot(IT, slot, pair_of(pair)),)

    # ---- two parts ----

    def _read_pair(self, first: Ref, second: Ref) -> Pair:
        return Pair(first, second)

    def _read_pair_connected(self, *words: Any) -> Claims:
        return (Relate("connected", words[-1], (IT, OTHER), Mark.NOT not in words),)

    def _read_pair_touch(self, *words: Any) -> Claims:
        return _related("touches", words, OTHER)

    def _read_pair_level(self, *words: Any) -> Claims:
        return _related("level", words, OTHER)

    def _read_pair_aligned(self, *words: Any) -> Claims:
        return _related(_alignment(words), words, OTHER)

    def _read_pair_mirror(self, *words: Any) -> Claims:
        return _related("mirrors", words, OTHER)

    def _read_pair_apart(self, amount: Amount) -> Claims:
        return (compared(Gap(IT, OTHER), Bound(amount)),)

    def _read_pair_trait(self, word: Token) -> str:
        return str(word.value)

    def _read_pair_usual(self, trait: str) -> Claims:
        if trait == "distance":
            return (Compare(Gap(IT, OTHER), Usual()),)
        return (Compare(Ratio(Measure("area", IT), Measure("area", OTHER)), Usual()),)

    def _read_ends_level(self, *words: Any) -> Claims:
        if len(words) > 1 and words[0].value != 2:
            raise Unreadable("a part has two ends")
        return (EndsLevel(words[-1]),)

    # ---- colour ----

    def _read_coloured(self, *words: Any) -> Claims:
        return (Colored(IT, _colors(words), Mark.NOT not in words),)

    def _read_neither(self, *words: Any) -> Claims:
        return (Colored(IT, _colors(words), holds=False),)

    def _read_two_colors(self, *words: Any) -> Claims:
        colors = _colors(words)
        said = f"is {' or '.join(colors)}"
        raise Unreadable(f'a part has only one colour name; say "{said}"', instead=[said])

    def _read_same_color(self, other: Ref) -> Claims:
        return (SameColor(IT, other),)

    def _read_color_is(self, *words: Any) -> Claims:
        return (Colored(words[0], _colors(words), Mark.NOT not in words),)


def pair_of(words: Pair | Each) -> tuple[Ref, Ref]:
    """The two parts of "X and Y" or of "both X".

    Raises:
        Unreadable: There are more than two.
    """
    if isinstance(words, Pair):
        for ref in (words.first, words.second):
            if isinstance(ref, Each | Those):
                raise Unreadable(f"I can read this of two parts only, not of several {ref.noun.many}")
        return words.first, words.second
    if words.number != 2:
        raise Unreadable(f'I can read this of two parts only; say "both {words.noun.many}"')
    return Pick(words.noun, "one", words.place), Pick(words.noun, "other", words.place)


def _related(relation: str, words: Sequence[Any], other: Ref) -> Claims:
    return (Relate(cast(RelationName, relation), IT, (other,), Mark.NOT not in words),)


def _alignment(words: Sequence[Any]) -> str:
    axis = next((word for word in words if isinstance(word, str)), None)
    if axis is None:
        raise Unreadable(
            '"aligned" could mean at the same height or one above the other; say "horizontally aligned" or '
            '"vertically aligned"',
            doubtful=True,
        )
    return f"aligned {axis}"


def _colors(words: Sequence[Any]) -> tuple[str, ...]:
    """The colour words, each once."""
    colors = (str(word.value) for word in words if isinstance(word, Token) and word.type == "COLOR")
    return tuple(dict.fromkeys(colors))
