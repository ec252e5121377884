"""Whether what rules say of a picture is what is true of it.

A reason counts when its type, its objects and its actual value are those of a reason that is true of the
picture. No language model is asked: the objects are the labels that its words name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from ...agents.offline.plurals import plurals_of
from ...schema import Box, Finding, Kind, Range, Record, Value
from .ontology import Expected, Form

TOLERANCE: Final = 0.1
"""How far a measured value may be off, as a share of what is expected there. Counts must be equal."""


class Told(Record):
    """One reason that rules gave, however many of them gave it."""

    rules: list[int]
    type: Kind
    objects: list[str]
    """Labels that its words name, else those of its evidence; sorted."""
    expected: Value | Range
    actual: Value
    reason: str
    where: list[Box]
    """Boxes of its evidence: the same reason at another place is another one."""
    true: bool = False


class Reasoned(NamedTuple):
    """What was told of one picture, and what of the truth was not."""

    told: list[Told]
    found: list[Expected]
    missed: list[Expected]
    """Of the required ones."""


class Vocabulary:
    """The names that the labels of a product have in words."""

    def __init__(self, labels: Iterable[str], names: Mapping[str, Sequence[str]]) -> None:
        self._label_of: dict[str, str] = {}
        for label in labels:
            for name in (label, *names.get(label, ())):
                words = name.replace("_", " ").replace("-", " ").lower()
                head, _, last = words.rpartition(" ")
                for form in (last, *plurals_of(last)):
                    self._label_of.setdefault(f"{head} {form}".strip(), label)
        longest_first = sorted(self._label_of, key=len, reverse=True)
        self._pattern = re.compile(rf"\b({'|'.join(map(re.escape, longest_first)) or '(?!)'})\b")

    def objects(self, text: str) -> list[str]:
        """The labels that a text names, sorted.

        Example:
            >>> Vocabulary(["cherry", "fruit_label"], {}).objects("The fruit label holds 0 cherries.")
            ['cherry', 'fruit_label']
        """
        words = re.sub(r"[_\-\s]+", " ", text.lower())
        return sorted({self._label_of[match] for match in self._pattern.findall(words)})


def told_of(findings: Sequence[Finding], vocabulary: Vocabulary) -> list[Told]:
    """The reasons of the findings that failed, each once."""
    told: dict[str, Told] = {}
    for finding in findings:
        # What a witness says names no object and no amount, so it cannot be held against the truth.
        if finding.status != "failed" or finding.witness or finding.kind == "structural":
            continue
        objects = vocabulary.objects(finding.reason) or sorted({part.label for part in finding.parts})
        where = sorted(part.box for part in finding.parts)
        key = repr((finding.kind, objects, finding.actual, where))
        rules = told[key].rules if key in told else []
        told[key] = Told(
            rules=sorted({*rules, finding.rule}),
            type=finding.kind,
            objects=objects,
            expected=finding.expected,
            actual=finding.actual,
            reason=told[key].reason if key in told else finding.reason,
            where=where,
        )
    return list(told.values())


def compared(
    told: Sequence[Told], truth: Sequence[Expected], containers: Mapping[str, Sequence[str]]
) -> Reasoned:
    """What of the truth was told, and whether what was told is true.

    `containers` is label -> labels of the parts that lie in it; a reason may always name the containers of
    its object. Of several equal reasons for one picture, as many are found as were told of different places.
    """
    judged = [
        reason.model_copy(update={"true": any(_tells(reason, one, containers) for one in truth)})
        for reason in told
    ]
    found, missed = [], []
    spent: set[int] = set()
    for one in (some for some in truth if some.required):
        fitting = [k for k, reason in enumerate(judged) if _tells(reason, one, containers)]
        first = [k for k in fitting if _says(judged[k], one.forms[0], containers)]
        fresh = [k for k in first if k not in spent]
        # Another way to say it, such as the total of the whole picture, stands for all of them at once.
        if fresh or len(fitting) > len(first):
            spent.update(fresh[:1])
            found.append(one)
        else:
            missed.append(one)
    return Reasoned(judged, found, missed)


def _tells(told: Told, truth: Expected, containers: Mapping[str, Sequence[str]]) -> bool:
    return any(_says(told, form, containers) for form in truth.forms)


def _says(told: Told, form: Form, containers: Mapping[str, Sequence[str]]) -> bool:
    holding = {label for label, held in containers.items() if form.object in held}
    objects = set(told.objects)
    named = form.object in objects and objects <= {form.object, *form.beside, *holding}
    return named and told.type == form.type and same_value(told, form)


def same_value(told: Told, form: Form) -> bool:
    """Whether the actual value of a reason is the true one.

    Counts are equal. Measured numbers are compared in units of what is expected of them, so that a length in
    pixels and a share of a good one agree, and are equal within `TOLERANCE`. Words are equal but for upper
    and lower case; beside a word or a truth value, a number cannot be compared, and is let pass. A true value
    that the annotation does not tell is not compared.
    """
    true, value = form.actual, told.actual
    if true is None:
        return True
    if isinstance(true, bool | str):
        if isinstance(value, str) and isinstance(true, str):
            return value.strip().lower() == true.strip().lower()
        return value == true if type(value) is type(true) else True
    if isinstance(value, bool | str) or value is None:
        return False
    if isinstance(true, int) or not true:
        return value == true
    unit, other = _middle(form.expected), _middle(told.expected)
    if unit is None or other is None:
        return abs(value - true) <= TOLERANCE * abs(true)
    return abs(value / other - true / unit) <= TOLERANCE * max(1.0, abs(true / unit))


def _middle(expected: Value | Range) -> float | None:
    """The middle of what is expected; None where there is none, or it is zero."""
    if isinstance(expected, tuple):
        ends = [float(end) for end in expected if end is not None]
        return math.fsum(ends) / len(ends) or None if ends else None
    if isinstance(expected, bool | str) or not expected:
        return None
    return float(expected)
