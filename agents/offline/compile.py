"""One sentence to the draft of a check, or to the reason why not."""

from __future__ import annotations

from ...schema import Edit
from ..draft import Draft, Refusal, Request
from .demands import demands_of, kind_of
from .forms import nearest_sentence
from .meaning import Meaning
from .reader import read
from .refuse import Unreadable
from .writer import write

MOST_REPAIRS = 6
"""Words that are tried in the place of one that could not be read."""


def compile_sentence(request: Request) -> Draft | Refusal:
    """The check that a sentence asks for; a Refusal where it cannot be read in one way only.

    Example:
        >>> draft = compile_sentence(Request(sentence="There are two nuts.", labels=["nut", "washer"]))
        >>> draft.kind, [str(edit) for edit in draft.breaks], draft.labels
        ('quantity', ['removed', 'doubled'], ['nut'])
        >>> compile_sentence(Request(sentence="There are two nats.", labels=["nut", "washer"])).reason
        'I do not know a part called "nats"; this product has: nut, washer. Did you mean "nut"?'
    """
    try:
        return _draft(request)
    except Unreadable as failure:
        return Refusal(
            reason=failure.reason,
            start=failure.start or 0,
            end=failure.end or 0,
            nearest=_nearest(request, failure),
        )


def _draft(request: Request) -> Draft:
    codes: dict[str, Meaning] = {}
    for meaning in read(request):
        codes.setdefault(write(meaning, request.sentence), meaning)
    code, *others = codes
    if others:
        raise Unreadable(_two_readings(code, others[0]))
    statements = codes[code].statements
    demands = [demand for statement in statements for demand in demands_of(statement)]
    return Draft(
        code=code,
        kind=kind_of(statements[0]),
        breaks=[edit for edit in Edit if any(edit in demand.edits for demand in demands)],
        labels=list(dict.fromkeys(label for demand in demands for label in demand.noun.labels)),
    )


def _two_readings(one: str, other: str) -> str:
    """Where two checks differ."""
    lines, other_lines = (code.partition("def check(scene):")[2].splitlines() for code in (one, other))
    first = next((line for line in lines if line not in other_lines), lines[-1])
    second = next((line for line in other_lines if line not in lines), other_lines[-1])
    return (
        f"this can be read in two ways, as `{first.strip()}` or as `{second.strip()}`; say it in other words"
    )


def _nearest(request: Request, failure: Unreadable) -> str:
    """The sentence with other words for those that could not be read, else the nearest example."""
    sentence, start, end = request.sentence, failure.start or 0, failure.end or 0
    for word in failure.instead[:MOST_REPAIRS]:
        repaired = " ".join((sentence[:start] + word + sentence[end:]).split())
        if sentence[:1].isupper():
            repaired = repaired[:1].upper() + repaired[1:]
        if _is_read(request, repaired):
            return repaired
    return nearest_sentence(request, lambda example: _is_read(request, example))


def _is_read(request: Request, sentence: str) -> bool:
    try:
        _draft(request.model_copy(update={"sentence": sentence}))
    except Unreadable:
        return False
    return True
