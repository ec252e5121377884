"""What a sentence means: a small typed model between the grammar and the code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal

Dimension = Literal["length", "width", "height", "area", "thickness", "diameter", "angle", "tilt"]
"""A measurement of one part. `tilt` is its angle from -45 to 135 degrees: upright parts do not jump."""

RelationName = Literal[
    "inside",
    "outside",
    "left_of",
    "right_of",
    "above",
    "below",
    "touches",
    "connected",
    "level",
    "aligned horizontally",
    "aligned vertically",
    "centred",
    "mirrors",
]


@dataclass(frozen=True)
class Noun:
    """A kind of part. Several labels are one kind when the word that was used covers them all ("screw")."""

    labels: tuple[str, ...]
    one: str
    many: str
    color: str = ""
    mass: bool = False
    """The label itself is a plural ("cereals"), so its parts are pieces of one whole."""


# ---- one part or each of several ----


@dataclass(frozen=True)
class The:
    """The only part of its kind."""

    noun: Noun
    place: Place | None = None


@dataclass(frozen=True)
class Pick:
    """One part of several: the one furthest to a side, or the longest, smallest, ..."""

    noun: Noun
    by: str
    place: Place | None = None


@dataclass(frozen=True)
class Each:
    """Every part of a kind, one by one; `number` when the sentence says how many there are."""

    noun: Noun
    number: int | None = None
    place: Place | None = None


@dataclass(frozen=True)
class Those:
    """Each of several parts or all of them together, as the rest of the sentence decides: "the nuts"."""

    noun: Noun
    place: Place | None = None


@dataclass(frozen=True)
class Some:
    """At least one part of a kind."""

    noun: Noun


Ref = The | Pick | Each | Those | Some

IT = The(Noun((), "it", "they"))
"""Until a sentence is read to its end: the part that a predicate is said of."""

OTHER = The(Noun((), "other", "others"))
"""Until then: the second part, where a predicate is said of two."""

LIKEWISE = Noun((), "one", "ones")
"""Until then: the kind of part that was spoken of before, as in "the right one"."""


# ---- places ----


@dataclass(frozen=True)
class Picture:
    """The whole picture."""


@dataclass(frozen=True)
class Unsaid:
    """The sentence does not say of what; settle.py finds out, so that no code is written from it."""


Frame = Ref | Picture | Unsaid


@dataclass(frozen=True)
class Area:
    """A named region, such as "left half", of a frame."""

    name: str
    frame: Frame


@dataclass(frozen=True)
class Inside:
    """Within the outline of a part."""

    holder: Ref


@dataclass(frozen=True)
class Cells:
    """Each cell of a grid over a frame."""

    rows: int
    columns: int
    frame: Frame


@dataclass(frozen=True)
class Beside:
    """Where a relation to other parts holds: "touching the cable"."""

    relation: RelationName
    others: tuple[Ref, ...]


Place = Picture | Area | Inside | Cells | Beside


# ---- numbers ----


@dataclass(frozen=True)
class Count:
    """How many parts of a kind are in a place."""

    noun: Noun
    place: Place


@dataclass(frozen=True)
class Measure:
    """A dimension of a part."""

    dimension: Dimension
    ref: Ref


@dataclass(frozen=True)
class Total:
    """The area of all parts of a kind together."""

    noun: Noun
    place: Place | None = None


@dataclass(frozen=True)
class Share:
    """The share of a place that a part, or all of a kind together, covers, 0 to 1."""

    what: Ref | Total
    place: Place | Unsaid


@dataclass(frozen=True)
class Lies:
    """The share of a part that lies in a region, 0 to 1."""

    ref: Ref
    area: Area


@dataclass(frozen=True)
class Spot:
    """Where the centre of a part is, as a share of the frame's width ("across") or height ("down")."""

    ref: Ref
    axis: Literal["across", "down"]
    frame: Frame


@dataclass(frozen=True)
class Tint:
    """One of the three CIE L*a*b* values of a part's colour."""

    ref: Ref
    channel: Literal["lightness", "redness", "yellowness"]


@dataclass(frozen=True)
class Gap:
    """The shortest distance between two parts."""

    first: Ref
    second: Ref


@dataclass(frozen=True)
class Ratio:
    """One number divided by another."""

    top: Number
    bottom: Number


Number = Count | Measure | Total | Share | Lies | Spot | Tint | Gap | Ratio


# ---- what is allowed ----


@dataclass(frozen=True)
class Limits:
    """From low to high, either of which may be open; `strict` leaves the ends out."""

    low: float | None
    high: float | None
    strict: bool = False
    said_a: bool = field(default=False, compare=False)
    """The number was the word "a", which says less in some places than "one" does."""

    @property
    def exact(self) -> bool:
        """Only one value is allowed."""
        return self.low is not None and self.low == self.high


@dataclass(frozen=True)
class OneOf:
    """One of a few whole numbers."""

    values: tuple[int, ...]


@dataclass(frozen=True)
class Usual:
    """What the reference pictures show."""


# ---- statements ----


@dataclass(frozen=True)
class Compare:
    """A number is within limits; with `unit` the limits are multiples of another number."""

    number: Number
    allowed: Limits | OneOf | Usual
    unit: Number | None = None


@dataclass(frozen=True)
class Relate:
    """A relation of a part to others holds, or does not."""

    relation: RelationName
    subject: Ref
    others: tuple[Ref, ...]
    holds: bool = True


@dataclass(frozen=True)
class Colored:
    """A part has one of these colours, or none of them."""

    subject: Ref
    colors: tuple[str, ...]
    holds: bool = True


@dataclass(frozen=True)
class SameColor:
    """Two parts have the same colour name."""

    first: Ref
    second: Ref


@dataclass(frozen=True)
class Alike:
    """All parts of a group agree in a dimension, colour, height of place, or how many of a kind they hold."""

    group: Each
    trait: Dimension | Literal["color", "level"] | Noun


@dataclass(frozen=True)
class SameSlot:
    """A part ends at the same of several parts in two holders, both counted from the top."""

    subject: Ref
    slot: Noun
    holders: tuple[Ref, Ref]


@dataclass(frozen=True)
class EndsLevel:
    """Both ends of a long part are at the same height."""

    subject: Ref


@dataclass(frozen=True)
class Located:
    """A part is in a place; settle.py says which relation or number that is."""

    subject: Ref
    place: Place
    holds: bool = True


@dataclass(frozen=True)
class Present:
    """There is, or is not, such a part."""

    subject: Ref
    holds: bool = True


Claim = Compare | Relate | Colored | SameColor | Alike | SameSlot | EndsLevel | Located | Present


Claims = tuple[Claim, ...]


@dataclass(frozen=True)
class Conditional:
    """The claims that must hold when the conditions do."""

    conditions: tuple[Claim, ...]
    claims: tuple[Claim, ...]


Statement = Claim | Conditional


@dataclass(frozen=True)
class Meaning:
    """All that a sentence says."""

    statements: tuple[Statement, ...]


def walk(meaning: Any) -> Iterator[Any]:
    """A meaning and all that it is made of, in the order it was said."""
    yield meaning
    for piece in _pieces(meaning).values():
        yield from walk(piece)


def put(meaning: Any, refs: Mapping[Ref, Ref]) -> Any:
    """The same meaning with some refs put in the place of others, wherever they stand in it."""
    if isinstance(meaning, Ref) and meaning in refs:
        return refs[meaning]
    return rebuilt(meaning, lambda piece: put(piece, refs))


def rebuilt(meaning: Any, change: Callable[[Any], Any]) -> Any:
    """A meaning with a change made to each of its pieces."""
    pieces = {name: change(piece) for name, piece in _pieces(meaning).items()}
    if isinstance(meaning, tuple):
        return tuple(pieces.values())
    return replace(meaning, **pieces) if pieces else meaning


def _pieces(meaning: Any) -> dict[str, Any]:
    if isinstance(meaning, tuple):
        return {str(number): piece for number, piece in enumerate(meaning)}
    if not is_dataclass(meaning) or isinstance(meaning, type | Noun):
        return {}
    return {field.name: getattr(meaning, field.name) for field in fields(meaning)}
