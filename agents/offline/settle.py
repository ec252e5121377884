"""Settling what a sentence leaves open: of what a region is taken, which part "the right one" is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .lexicon import Lexicon
from .meaning import (
    LIKEWISE,
    Area,
    Cells,
    Claim,
    Compare,
    Conditional,
    Count,
    Each,
    Frame,
    Inside,
    Lies,
    Limits,
    Located,
    Meaning,
    Measure,
    Noun,
    Pick,
    Picture,
    Present,
    Ref,
    Relate,
    Share,
    Some,
    Spot,
    Statement,
    The,
    Those,
    Total,
    Unsaid,
    put,
    rebuilt,
    walk,
)
from .refuse import Unreadable


class Settler:
    """Settles meanings for one product.

    A region, grid or place without a frame is taken of the container of the parts it is about, where exactly
    one label holds all of them on the reference pictures, or one holds the others that do; else of the whole
    picture.
    """

    def __init__(self, lexicon: Lexicon, containers: Mapping[str, Sequence[str]]) -> None:
        self._lexicon = lexicon
        self._containers = {box: set(held) for box, held in containers.items() if box in lexicon.labels}

    def meaning(self, meaning: Meaning) -> Meaning:
        """The same meaning with nothing left open.

        Raises:
            Unreadable: Something stays open.
        """
        return Meaning(tuple(self._statement(statement) for statement in meaning.statements))

    def _statement(self, statement: Statement) -> Statement:
        if isinstance(statement, Conditional):
            conditions = tuple(self._claim(claim) for claim in statement.conditions)
            return Conditional(conditions, tuple(self._claim(claim) for claim in statement.claims))
        return self._claim(statement)

    def _claim(self, claim: Claim) -> Claim:
        claim = _likewise(claim)
        if isinstance(claim, Located):
            claim = self._located(claim)
        if isinstance(claim, Present):
            claim = _present(claim)
        settled: Claim = self._settled(claim)
        return settled

    def _located(self, claim: Located) -> Claim:
        subject, place = claim.subject, claim.place
        match place:
            case Inside(holder):
                return Relate("inside", subject, (holder,), claim.holds)
            case Area(name="center", frame=frame):
                frame = self._frame(frame, subject.noun)
                if not isinstance(frame, Picture):
                    return Relate("centred", subject, (frame,), claim.holds)
            case Picture():
                return Present(subject, claim.holds)
        if not isinstance(place, Area):
            raise Unreadable('say how many are in each compartment, such as "exactly one"')
        most = Limits(0.5, None, strict=True) if claim.holds else Limits(None, 0.5)
        return Compare(Lies(subject, place), most)

    def _settled(self, meaning: Any) -> Any:
        """All the pieces of a meaning, settled from the outside in."""
        return rebuilt(self._step(meaning), self._settled)

    def _step(self, meaning: Any) -> Any:
        if isinstance(meaning, Share):
            if isinstance(meaning.place, Unsaid):
                meaning = self._fill_level(meaning.what)
            what = meaning.what
            if isinstance(what, Those):
                what = Total(what.noun, what.place)
            return Share(what, self._framed(meaning.place, what.noun))
        if isinstance(meaning, Measure):
            return _measure(meaning)
        if isinstance(meaning, Those):
            meaning = Each(meaning.noun, None, meaning.place)
        if isinstance(meaning, Lies):
            return replace(meaning, area=self._framed(meaning.area, meaning.ref.noun))
        if isinstance(meaning, Spot):
            return replace(meaning, frame=self._frame(meaning.frame, meaning.ref.noun))
        if isinstance(meaning, Count | Total | The | Each | Pick):
            return replace(meaning, place=self._framed(meaning.place, meaning.noun))
        return meaning

    def _framed(self, place: Any, noun: Noun) -> Any:
        if not isinstance(place, Area | Cells):
            return place
        return replace(place, frame=self._frame(place.frame, noun))

    def _frame(self, frame: Frame, noun: Noun) -> Ref | Picture:
        if not isinstance(frame, Unsaid):
            return frame
        holders = self._holders(noun)
        # Labels lie in the juice and the juice in the bottle: what holds the rest stays where it is.
        outermost = [box for box in holders if {*holders} - {box} <= self._containers[box]]
        return self._the(outermost[0]) if len(outermost) == 1 else Picture()

    def _holders(self, noun: Noun) -> list[str]:
        labels = set(noun.labels)
        return [box for box, held in self._containers.items() if labels <= held and box not in labels]

    def _the(self, label: str) -> The:
        named = self._lexicon.named(label)
        return The(Noun(named.labels, named.one, named.many, mass=named.mass))

    def _fill_level(self, ref: Ref | Total) -> Share:
        """Of a content in its only container, or of a container with its only content."""
        holders = self._holders(ref.noun)
        if len(holders) == 1:
            return Share(ref, Inside(self._the(holders[0])))
        held = sorted(set().union(*(self._containers.get(label, set()) for label in ref.noun.labels)))
        if not holders and len(held) == 1 and not isinstance(ref, Total):
            return Share(self._the(held[0]), Inside(ref))
        content = held[0] if held else ref.noun.labels[0]
        holder = ref.noun.labels[0] if held else (holders or ["..."])[0]
        names = [self._lexicon.named(label).one for label in (content, holder)]
        raise Unreadable(f'say what fills what, such as "the fill level of the {names[0]} in the {names[1]}"')


def _measure(measure: Measure) -> Measure | Total:
    match measure:
        case Measure("area", Those(noun, place)) if noun.mass:
            return Total(noun, place)
        case Measure(dimension, Some(noun)):
            # "Longer than a washer": whichever washer is taken.
            return Measure(dimension, Each(noun))
    return measure


def _present(claim: Present) -> Claim:
    if not isinstance(claim.subject, The | Those):
        raise Unreadable(f'say how many there are, such as "there is exactly one {claim.subject.noun.one}"')
    number = Count(claim.subject.noun, claim.subject.place or Picture())
    return Compare(number, Limits(1, None) if claim.holds else Limits(0, 0))


def _likewise(claim: Claim) -> Claim:
    """The claim with "the right one" put down as a part of the kind that was picked, or named, before."""
    refs = [piece for piece in walk(claim) if isinstance(piece, Ref)]
    unnamed = [ref for ref in refs if isinstance(ref, Pick) and ref.noun == LIKEWISE]
    if not unnamed:
        return claim
    picked = {ref.noun for ref in refs if isinstance(ref, Pick)} - {LIKEWISE}
    kinds = picked or {ref.noun for ref in refs} - {LIKEWISE}
    if len(kinds) != 1:
        raise Unreadable(f'I do not know what "the {unnamed[0].by} one" is; name the part')
    noun = kinds.pop()
    settled: Claim = put(claim, {ref: replace(ref, noun=noun) for ref in unnamed})
    return settled
