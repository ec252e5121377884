"""What a chat model thinks of the reasons told: an opinion, beside the comparison and never instead of it.

For each logical anomaly it is asked which of the reasons told say the same as an annotated one. Its answer is
never trusted: one that is not the list that was asked for is counted, and nothing is read into it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.utils.json import parse_json_markdown
from pydantic import StrictBool, StrictInt, TypeAdapter
from sklearn.metrics import cohen_kappa_score

from ...agents.journal import Journal
from ...agents.llm.answers import LONGEST_ANSWER
from ...agents.reasoner import OFFLINE, make_reasoner
from ...prompts import judge_messages
from ...schema import AuthorError, Record
from ..loco_annotations import AnnotatedPicture
from ..reasons import Reason
from .marks import Case
from .ontology import Form
from .resampling import Figures, Interval, interval, ratio, resampled, stream
from .result import Opinion, PictureRow


class OpinionFact(Record):
    """What was answered for one picture."""

    name: str
    same: list[bool] = []
    """For each reason told, whether an annotated one says the same; empty where the answer cannot be used."""
    error: str = ""
    """Why it cannot."""


class Question(NamedTuple):
    """The reasons told of one picture, to be held against the annotated ones."""

    name: str
    told: list[str]
    true: list[bool]
    """For each of them, what the comparison says."""
    annotated: list[str]

    @property
    def messages(self) -> list[BaseMessage]:
        """What is asked."""
        return judge_messages(self.told, self.annotated)


class _Vote(Record):
    reason: StrictInt
    same: StrictBool


_ANSWER: Final[TypeAdapter[list[_Vote]]] = TypeAdapter(list[_Vote])


def make_judge(name: str) -> BaseChatModel:
    """The chat model that is asked for its opinion.

    Raises:
        AuthorError: No such model, or one that compiles sentences and has no opinion.
    """
    if name == OFFLINE:
        raise AuthorError(
            f"{OFFLINE!r} compiles sentences and cannot judge reasons; name a chat model with --judge"
        )
    return make_reasoner(name)


def question_of(row: PictureRow, case: Case, annotation: AnnotatedPicture | None) -> Question | None:
    """What to ask about a picture; None where it is no logical anomaly, or there is nothing to compare."""
    annotated = _annotated(case, annotation)
    if row.group != "logical" or not row.told or not annotated:
        return None
    told = [f"{one.type.capitalize()}: {one.reason}" for one in row.told]
    return Question(row.name, told, [one.true for one in row.told], annotated)


def ask_judge(
    judge: BaseChatModel,
    questions: Sequence[Question],
    journal: Journal[OpinionFact],
    on_step: Callable[[], None] = lambda: None,
) -> list[OpinionFact]:
    """The answers to questions, in order; those in the journal are taken from there."""
    done = len(journal.facts)
    for place, question in enumerate(questions):
        if place >= done:
            answer = str(judge.invoke(question.messages).text)
            journal.add(_read(question, answer))
        on_step()
    return journal.facts


def opinion_of(
    questions: Sequence[Question], facts: Sequence[OpinionFact], seed: int
) -> tuple[Opinion, dict[str, Figures]]:
    """What a judge thinks, how far it agrees with the comparison, and the figures with their resamples."""
    usable = [
        list(zip(question.true, fact.same, strict=True))
        for question, fact in zip(questions, facts, strict=True)
        if fact.same
    ]
    counts = [
        (sum(same for _, same in votes), sum(true == same for true, same in votes), len(votes))
        for votes in usable
    ]
    weights = resampled(len(usable), stream(seed, "opinion"))
    same, alike, judged = (weights @ np.array(counts, np.float64).reshape(-1, 3)).T
    figures = {"opinion precision": ratio(same, judged), "opinion agreement": ratio(alike, judged)}
    opinion = Opinion(
        pictures=len(questions),
        unusable=len(questions) - len(usable),
        reasons=int(judged[0]),
        precision=interval(figures["opinion precision"]),
        agreement=interval(figures["opinion agreement"]),
        kappa=_kappa([vote for votes in usable for vote in votes]),
    )
    return opinion, figures


def _kappa(votes: Sequence[tuple[bool, bool]]) -> Interval:
    """Cohen's kappa of the comparison and the judge, not defined where both say the same of everything."""
    if len({one for vote in votes for one in vote}) < 2:
        return Interval(value=None)
    return Interval(value=round(float(cohen_kappa_score(*zip(*votes, strict=True))), 6))


def _read(question: Question, answer: str) -> OpinionFact:
    try:
        content = parse_json_markdown(answer[:LONGEST_ANSWER], parser=json.loads)
        votes = {vote.reason: vote.same for vote in _ANSWER.validate_python(content)}
    except (ValueError, RecursionError):
        return OpinionFact(name=question.name, error="the answer is not the JSON that was asked for")
    numbers = range(1, len(question.told) + 1)
    if len(content) != len(numbers) or set(votes) != set(numbers):
        return OpinionFact(name=question.name, error="the answer does not say one thing of each reason told")
    return OpinionFact(name=question.name, same=[votes[number] for number in numbers])


def _annotated(case: Case, annotation: AnnotatedPicture | None) -> list[str]:
    """What is true of a picture, in words: as it is annotated, and what is known of its defects besides."""
    reasons, records = (annotation.reasons, annotation.records) if annotation else ((), ())
    recorded = {record.defect for record in records}
    stated = [f"{reason.type.capitalize()}: {reason.text}" for reason in reasons]
    known = [_in_words(one.forms[0]) for one in case.truth if not (one.required and one.defect in recorded)]
    return list(dict.fromkeys([*stated, *map(str, records), *known]))


def _in_words(form: Form) -> str:
    expected = "what is usual" if form.expected is None else form.expected
    actual = "something else" if form.actual is None else form.actual
    return str(Reason(type=form.type, object=form.object, expected=expected, actual=actual, defect=""))
