"""Numbers of a sentence as Python: what is counted or measured, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .bind import Binder, counted, described, loops
from .meaning import (
    Beside,
    Count,
    Each,
    Gap,
    Lies,
    Measure,
    Noun,
    Number,
    Picture,
    Place,
    Ratio,
    Share,
    Spot,
    Tint,
    Total,
    Unsaid,
)
from .relations import RELATIONS
from .source import a_list

PHRASES = {
    "length": ("length", "is {} px long"),
    "width": ("width", "is {} px wide"),
    "height": ("height", "is {} px high"),
    "thickness": ("thickness", "is {} px thick"),
    "diameter": ("length", "is {} px in diameter"),
    "area": ("area", "covers {} px"),
    "angle": ("angle", "lies at {} degrees"),
    "tilt": ("angle", "lies at {} degrees"),
}
"""Dimension -> attribute of a part, and how its value is told."""

_CHANNELS = {"lightness": 0, "redness": 1, "yellowness": 2}
"""The three numbers of CIE L*a*b*."""


@dataclass(frozen=True)
class Unit:
    """How a kind of number is told."""

    text: str
    scale: int = 1
    """What the number is multiplied with."""
    digits: int = 0

    def show(self, value: str) -> str:
        """A value as the inside of an f-string, rounded, without the unit."""
        scaled = f"{self.scale} * {value}" if self.scale != 1 else value
        return f"{{round({scaled}, {self.digits})}}" if self.digits else f"{{round({scaled})}}"


COUNT = Unit("", digits=1)
PIXELS = Unit(" px")
PERCENT = Unit(" %", scale=100, digits=1)
DEGREES = Unit(" degrees")
RATIO = Unit("", digits=2)
LAB = Unit("")


@dataclass(frozen=True)
class Operand:
    """A number in a rule. `value` and `parts` are Python, the rest are insides of f-strings."""

    value: str
    tells: str
    """A clause that says what the number is: "the cable is 251 px long"."""
    name: str
    """What it is called: "the length of the cable"."""
    parts: str
    """The list of parts to show."""
    unit: Unit
    holds: str = ""
    """Of a count, how its clause begins: "the box holds "."""


class Ends(NamedTuple):
    """Python of the smallest and the largest of the numbers that must be kept to, and what they are."""

    least: str
    most: str
    name: str


class Measurer:
    """Writes the lines that count and measure."""

    def __init__(self, binder: Binder) -> None:
        self._binder = binder
        self._code = binder.code

    def operand(self, number: Number, never_one: bool = False) -> Operand:
        """A number as Python, after the lines that it needs; `never_one`: a count of 1 is never told."""
        match number:
            case Count():
                return self._count(number, never_one)
            case Measure():
                return self._measure(number)
            case Total():
                return self._total(number)
            case Share():
                return self._share(number)
            case Lies():
                return self._lies(number)
            case Spot():
                return self._spot(number)
            case Tint(ref, channel):
                part = self._binder.ref(ref)
                value = self._code.assign(channel, f"{part.name}.lab[{_CHANNELS[channel]}]")
                return _named(value, f"the {channel} of {part.words}", f"[{part.name}]", LAB)
            case Gap(first, second):
                one, other = self._binder.ref(first), self._binder.ref(second)
                value = self._code.assign("distance", f"{one.name}.distance({other.name})")
                name = f"the distance between {one.words} and {other.words}"
                return _named(value, name, f"[{one.name}, {other.name}]", PIXELS)
            case Ratio(top, bottom):
                over, under = self.operand(top), self.operand(bottom)
                # Nothing to divide by is too little of it.
                value = self._code.assign("ratio", f"{over.value} / max({under.value}, 1)")
                name = f"the ratio of {over.name} to {under.name}"
                return _named(value, name, f"({over.parts}) + ({under.parts})", RATIO)

    def ends(self, number: Number) -> Ends:
        """What limits are multiples of: one number, or a dimension of each of several parts."""
        if isinstance(number, Measure) and isinstance(number.ref, Each) and not loops(number.ref.place):
            parts, (attribute, _) = self._binder.several(number.ref), PHRASES[number.dimension]
            values = self._code.assign(f"{number.dimension}s", f"[part.{attribute} for part in {parts}]")
            name = f"the {number.dimension} of each {described(number.ref.noun)}"
            return Ends(f"min({values})", f"max({values})", name)
        operand = self.operand(number)
        return Ends(operand.value, operand.value, operand.name)

    def _count(self, number: Count, never_one: bool) -> Operand:
        noun, place = number.noun, number.place
        bound = self._binder.place(place)
        parts, evidence = self._all(noun, place)
        value, many = f"len({parts})", described(noun, many=True)
        told = f"{{{value}}} {many}" if never_one else counted(self._code, value, noun)
        holds = f"{bound.words} {'holds' if bound.name else 'shows'} "
        where = f" in {bound.words}" if bound.name else ""
        if isinstance(place, Beside):
            others = a_list([self._binder.words(other) for other in place.others])
            where = f" {RELATIONS[place.relation].phrase} {others}"
            told += where
        return Operand(value, holds + told, f"the number of {many}{where}", evidence, COUNT, holds)

    def _measure(self, number: Measure) -> Operand:
        part = self._binder.ref(number.ref)
        attribute, phrase = PHRASES[number.dimension]
        value, unit = f"{part.name}.{attribute}", DEGREES if attribute == "angle" else PIXELS
        if number.dimension == "tilt":
            value = self._code.assign("angle", f"({value} + 45) % 180 - 45")
        name = f"the {attribute if unit is DEGREES else number.dimension} of {part.words}"
        return Operand(value, f"{part.words} {phrase.format(unit.show(value))}", name, f"[{part.name}]", unit)

    def _total(self, number: Total) -> Operand:
        parts, evidence = self._all(number.noun, number.place)
        value = self._code.assign("total area", f"sum([part.area for part in {parts}])")
        return _named(value, f"the total area of the {described(number.noun, many=True)}", evidence, PIXELS)

    def _share(self, number: Share) -> Operand:
        place = self._binder.place(number.place)
        within = place.evidence
        if isinstance(number.what, Total):
            parts, evidence = self._all(number.what.noun, number.what.place)
            covers = f"the {described(number.what.noun, many=True)} cover"
            value = f"sum([scene.fill_level(part, within={within}) for part in {parts}])"
        else:
            part = self._binder.ref(number.what)
            covers, evidence = f"{part.words} covers", f"[{part.name}]"
            value = f"scene.fill_level({part.name}, within={within})"
        share = self._code.assign("share", value)
        tells = f"{covers} {PERCENT.show(share)} % of {place.words}"
        return Operand(share, tells, f"the share of {place.words} that {covers}", evidence, PERCENT)

    def _lies(self, number: Lies) -> Operand:
        part, region = self._binder.ref(number.ref), self._binder.place(number.area)
        share = self._code.assign("share", f"{part.name}.overlap({region.name})")
        tells = f"{PERCENT.show(share)} % of {part.words} lies in {region.words}"
        return Operand(
            share, tells, f"the share of {part.words} in {region.words}", f"[{part.name}]", PERCENT
        )

    def _spot(self, number: Spot) -> Operand:
        part = self._binder.ref(number.ref)
        axis, size = (0, "width") if number.axis == "across" else (1, "height")
        if isinstance(number.frame, Picture | Unsaid):
            words, value = "the picture", f"{part.name}.center[{axis}] / scene.size[{axis}]"
        else:
            frame = self._binder.ref(number.frame)
            words = frame.words
            value = f"({part.name}.center[{axis}] - {frame.name}.box[{axis}]) / {frame.name}.{size}"
        spot = self._code.assign(number.axis, value)
        tells = f"the centre of {part.words} lies at {PERCENT.show(spot)} % of the {size} of {words}"
        return Operand(spot, tells, f"the place of {part.words}", f"[{part.name}]", PERCENT)

    def _all(self, noun: Noun, place: Place | None) -> tuple[str, str]:
        """The list of all parts of a kind in a place, and what to show of them, or where they should be."""
        bound, many = self._binder.place(place), described(noun, many=True)
        hint = f"{many} in {bound.name or 'picture'}" if self._code.is_taken(many) else many
        parts = self._code.assign(hint, self._binder.group(noun, place))
        return parts, f"{parts} or [{bound.evidence}]"


def _named(value: str, name: str, parts: str, unit: Unit) -> Operand:
    """A number that has a name to be told by, and no clause of its own."""
    return Operand(value, f"{name} is {unit.show(value)}{unit.text}", name, parts, unit)
