"""From what a sentence means to the code of its check."""

from __future__ import annotations

from .bind import Binder, counted, described
from .compare import Comparer
from .demands import kind_of
from .meaning import (
    Alike,
    Claim,
    Colored,
    Compare,
    Conditional,
    Each,
    EndsLevel,
    Inside,
    Meaning,
    Noun,
    Ref,
    Relate,
    SameColor,
    SameSlot,
    Some,
)
from .operands import PHRASES, Measurer
from .refuse import Unreadable
from .relations import RELATIONS, Form
from .source import Code, Test, a_list, text


def write(meaning: Meaning, sentence: str) -> str:
    """The code of a check.

    Raises:
        Unreadable: There is no check for a part of the meaning.
    """
    writer = _Writer()
    for statement in meaning.statements:
        if isinstance(statement, Conditional):
            writer.conditional(statement)
        else:
            writer.claim(statement, kind_of(statement))
    return writer.code.source(sentence)


class _Writer:
    def __init__(self) -> None:
        self.code = Code()
        self._binder = Binder(self.code)
        self._comparer = Comparer(self.code, Measurer(self._binder))

    def claim(self, claim: Claim, kind: str) -> None:
        """Write what a claim needs, and one expectation, and go back to where it began."""
        depth = self.code.depth
        self.code.expect(self._test(claim, kind))
        self._binder.leave(depth)

    def conditional(self, statement: Conditional) -> None:
        """Write claims that are asked only where the conditions hold; elsewhere the check passes."""
        depth = self.code.depth
        tests = [self._test(claim, "matching") for claim in statement.conditions]
        inner = self.code.depth
        self.code.block(f"if {' and '.join(test.condition for test in tests)}:")
        for claim in statement.claims:
            self.claim(claim, "matching")
        self._binder.leave(inner)
        self.code.block("else:")
        first = tests[0]
        reason = first.reason if len(tests) == 1 else "not all of the conditions hold"
        reason = f"{reason}, so nothing more is asked"
        self.code.expect(Test("True", "matching", reason, first.expected, first.actual, first.parts))
        self._binder.leave(depth)

    def _test(self, claim: Claim, kind: str) -> Test:
        if not isinstance(claim, Alike):
            self._binder.prepare(claim)
        match claim:
            case Compare():
                return self._comparer.test(claim, kind)
            case Relate():
                return self._relate(claim, kind)
            case Colored():
                return self._colored(claim, kind)
            case SameColor(first, second):
                one, other = self._binder.ref(first), self._binder.ref(second)
                own, wanted = f"{one.name}.color", f"{other.name}.color"
                reason = f"{one.words} is {{{own}}} but {other.words} is {{{wanted}}}"
                return Test(f"{own} == {wanted}", kind, reason, wanted, own, f"[{one.name}, {other.name}]")
            case Alike(group, Noun() as noun):
                return self._alike_in_number(group, noun, kind)
            case Alike():
                return self._alike(claim, kind)
            case SameSlot():
                return self._same_slot(claim, kind)
            case EndsLevel(subject):
                return self._ends_level(subject, kind)
        raise Unreadable("I can read this, but there is no check for it")

    def _relate(self, claim: Relate, kind: str) -> Test:
        form, subject = RELATIONS[claim.relation], claim.subject
        parts = [self._binder.ref(ref).name for ref in (subject, *claim.others) if not isinstance(ref, Some)]
        others = a_list([self._binder.words(other) for other in claim.others])
        if isinstance(subject, Some):
            reason = f"{'no' if claim.holds else 'a'} {described(subject.noun)} is {form.phrase} {others}"
        else:
            reason = f"{self._binder.words(subject)} is {'not ' if claim.holds else ''}{form.phrase} {others}"
        if form.offset and claim.holds and len(parts) == 2:
            return self._offset(form, parts, reason, kind)
        value = self._binder.holds(claim.relation, subject, claim.others)
        value = self.code.assign(claim.relation, value)
        condition, expected = (value, "True") if claim.holds else (f"not {value}", "False")
        return Test(condition, kind, reason, expected, value, f"[{', '.join(parts)}]")

    def _offset(self, form: Form, parts: list[str], reason: str, kind: str) -> Test:
        """A relation that is a matter of how much."""
        offset = self.code.assign("offset", self._binder.filled(form, form.offset, parts))
        limit = self.code.assign("limit", self._binder.filled(form, form.limit, parts))
        show = "{{round(100 * {})}} %" if form.helper else "{{round({})}} px"
        reason += f": off by {show.format(offset)}, allowed are {show.format(limit)}"
        return Test(f"{offset} <= {limit}", kind, reason, f"(0, {limit})", offset, f"[{', '.join(parts)}]")

    def _colored(self, claim: Colored, kind: str) -> Test:
        part, colors = self._binder.ref(claim.subject), claim.colors
        own, said = f"{part.name}.color", a_list(colors, "or")
        one = text(colors[0]) if len(colors) == 1 else "(" + ", ".join(text(color) for color in colors) + ")"
        sign = {(True, True): "==", (True, False): "!=", (False, True): "in", (False, False): "not in"}
        condition = f"{own} {sign[len(colors) == 1, claim.holds]} {one}"
        if claim.holds:
            reason, expected = f"{part.words} is {{{own}}} instead of {said}", said
        else:
            reason, expected = f"{part.words} is {{{own}}} and must not be {said}", f"not {said}"
        return Test(condition, kind, reason, text(expected), own, f"[{part.name}]")

    def _alike(self, claim: Alike, kind: str) -> Test:
        group, many = claim.group, described(claim.group.noun, many=True)
        parts = self._binder.several(group)
        if claim.trait == "color":
            colors = self.code.assign("colors", f"sorted({{part.color for part in {parts}}})")
            reason = f"the {many} are {{' and '.join({colors})}} instead of one colour"
            return Test(f"len({colors}) == 1", kind, reason, "1", f"len({colors})", parts)
        if claim.trait == "level":
            heights = self.code.assign("heights", f"[part.center[1] for part in {parts}]")
            level = self.code.constant("LEVEL")
            limit = self.code.assign("limit", f"{level} * max([part.height for part in {parts}])")
            offset = self.code.assign("offset", f"max({heights}) - min({heights})")
            reason = f"the {many} are {{round({offset})}} px out of level, allowed are {{round({limit})}} px"
            return Test(f"{offset} <= {limit}", kind, reason, f"(0, {limit})", offset, parts)
        attribute, _ = PHRASES[str(claim.trait)]
        sizes = self.code.assign(f"{claim.trait}s", f"[part.{attribute} for part in {parts}]")
        limit = f"(1 + {self.code.constant('TOLERANCE')}) * min({sizes})"
        reason = f"the {claim.trait} of the {many} goes "
        reason += f"from {{round(min({sizes}))}} to {{round(max({sizes}))}} px"
        expected = f"(min({sizes}), {limit})"
        return Test(f"max({sizes}) <= {limit}", kind, reason, expected, f"max({sizes})", parts)

    def _alike_in_number(self, group: Each, noun: Noun, kind: str) -> Test:
        holders = self._binder.several(group)
        holder = self.code.name(group.noun.one)
        held = self._binder.group(noun, None)
        count = f"len([part for part in {held} if part.inside({holder})])"
        numbers = self.code.assign("numbers", f"[{count} for {holder} in {holders}]")
        low, high = f"min({numbers})", f"max({numbers})"
        reason = f"one {group.noun.one} holds {counted(self.code, low, noun)}, another {{{high}}}"
        return Test(f"{low} == {high}", kind, reason, low, high, holders)

    def _same_slot(self, claim: SameSlot, kind: str) -> Test:
        part = self._binder.ref(claim.subject)
        nearest = self.code.helper("nearest")
        numbers, places = [], []
        for holder in claim.holders:
            bound = self._binder.ref(holder)
            slots = self._binder.group(claim.slot, Inside(holder))
            number = f"{nearest}({slots}, {part.name})"
            numbers.append(self.code.assign(f"{claim.slot.one} of {bound.name}", number))
            places.append(f"{claim.slot.one} {{{numbers[-1]}}} of {bound.words}")
        first, second = numbers
        reason = f"{part.words} is at {places[0]} but at {places[1]}, counted from the top"
        return Test(f"{first} == {second} and {first} > 0", kind, reason, first, second, f"[{part.name}]")

    def _ends_level(self, subject: Ref, kind: str) -> Test:
        part = self._binder.ref(subject)
        offset = self.code.assign("offset", f"abs({part.name}.ends[0][1] - {part.name}.ends[1][1])")
        limit = f"{part.name}.thickness"
        reason = f"the ends of {part.words} are {{round({offset})}} px out of level, "
        reason += f"allowed are {{round({limit})}} px"
        return Test(f"{offset} <= {limit}", kind, reason, f"(0, {limit})", offset, f"[{part.name}]")
