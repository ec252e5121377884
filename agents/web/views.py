"""What the API answers: sessions, turns, pictures and rules as a page shows them."""

from __future__ import annotations

from typing import Any

from ...schema import Counterfactual, Record, Rule, Usage, Verdict
from ...tools.detectors.registry import detector_kinds
from ..product import Product
from ..rulebook import is_proven
from ..session.graph import Consent
from ..session.rule_tools import proof_in_words
from ..session.session import Reply, SessionFile, Sessions
from ..session.turn import SessionPicture, Shown, Step, Turn
from .workroom import OpenTurn, Workroom


class DetectorView(Record):
    """A detector that can be asked for a heat map."""

    name: str
    summary: str
    missing: str
    """What is not here that it needs; empty where it is ready."""


class ProductView(Record):
    """The product that is open."""

    name: str
    labels: list[str]
    width: int
    """Pixels of its pictures as they were taught; places in verdicts are in these pixels."""
    height: int
    references: int
    reasoner: str
    detectors: list[DetectorView]


class RuleView(Record):
    """A rule with its check and its proof."""

    number: int
    text: str
    kind: str
    code: str
    reasoner: str
    proven: bool
    proof: str
    """In words."""
    counterfactuals: list[Counterfactual]
    false_alarms: list[str]


class ConsentView(Record):
    """What a person is asked before something is changed or run."""

    question: str
    action: str
    number: int
    """Of the rule that is changed or retired; 0 for a new one."""
    rule: RuleView | None
    replaces: str
    """The words of the rule as it is now, where it is changed."""
    effect: str


class Said(Record):
    """What a picture was found to be, in short."""

    status: str
    score: float
    explanation: str


class TurnView(Record):
    """A finished turn."""

    number: int
    started: str
    reasoner: str
    asked: str
    pictures: list[SessionPicture]
    answer: str
    shown: list[Shown]
    verdicts: dict[int, Said]
    decisions: list[str]
    steps: list[Step]
    usage: Usage
    """Of all steps."""
    stopped: str


class OpenView(Record):
    """A turn that is not finished: it is in work, waits for a person, or was cut off."""

    asked: str
    pictures: list[SessionPicture]
    steps: list[Step]
    consent: ConsentView | None
    in_work: bool


class SessionView(Record):
    """A session in the list."""

    id: str
    title: str
    started: str
    branch_of: str
    turns: int
    last: str
    """What was said last."""


class TalkView(SessionView):
    """A session with all of its turns."""

    talk: list[TurnView]
    pictures: list[SessionPicture]
    verdicts: dict[int, str]
    """Number of a picture -> its last status."""
    open: OpenView | None


class PictureView(Record):
    """A picture of a session with its last verdict."""

    picture: SessionPicture
    verdict: Verdict | None


class AnswerView(Record):
    """What came of what was said: a finished turn, or a question that comes first."""

    turn: TurnView | None
    consent: ConsentView | None
    notes: list[str] = []
    """What was done to the pictures that came with it."""


class HeatView(Record):
    """What a detector sees in a picture."""

    detector: str
    score: float
    threshold: float
    decision: float
    """0 to 1; 0.5 is the decision line."""
    normal: int
    """Normal pictures that the threshold rests on."""
    png: str
    """The map in colour, base64 of a PNG; cold places are transparent."""


def product_view(room: Workroom) -> ProductView:
    """The product of a workroom."""
    product = room.product
    width, height = product.model.size
    kinds = detector_kinds()
    detectors = [
        DetectorView(name=name, summary=kind.summary, missing=kind.missing(kind.Options()))
        for name, kind in sorted(kinds.items())
    ]
    return ProductView(
        name=product.name,
        labels=list(product.model.labels),
        width=width,
        height=height,
        references=len(product.file.references),
        reasoner=room.reasoner,
        detectors=detectors,
    )


def rule_view(rule: Rule) -> RuleView:
    """A rule."""
    return RuleView(
        **rule.model_dump(include={"number", "text", "kind", "code", "reasoner"}),
        proven=is_proven(rule),
        proof=proof_in_words(rule),
        counterfactuals=rule.proof.counterfactuals if rule.proof else [],
        false_alarms=rule.proof.false_alarms if rule.proof else [],
    )


def consent_view(consent: Consent, product: Product) -> ConsentView:
    """What a person is asked."""
    change = consent.change
    now = next((rule for rule in product.rulebook().rules if rule.number == change.number), None)
    return ConsentView(
        question=consent.question,
        action=change.action,
        number=change.number,
        rule=rule_view(change.rule) if change.rule else None,
        replaces=now.text if now and change.action == "change" else "",
        effect=change.effect,
    )


def turn_view(turn: Turn, sessions: Sessions) -> TurnView:
    """A finished turn."""
    verdicts = {n: sessions.store.get_record(Verdict, sha256) for n, sha256 in turn.verdicts.items()}
    return TurnView(
        **turn.model_dump(include=set(TurnView.model_fields) - {"verdicts", "usage"}),
        verdicts={
            n: Said(status=one.status, score=one.score, explanation=one.explanation)
            for n, one in verdicts.items()
        },
        usage=sum((step.usage for step in turn.steps), Usage()),
    )


def answer_view(reply: Reply, room: Workroom, notes: list[str] | None = None) -> AnswerView:
    """What came of what was said."""
    return AnswerView(
        turn=turn_view(reply.turn, room.sessions) if reply.turn else None,
        consent=consent_view(reply.consent, room.product) if reply.consent else None,
        notes=notes or [],
    )


def session_view(file: SessionFile, sessions: Sessions) -> SessionView:
    """A session in the list."""
    return SessionView(**_in_list(file, sessions))


def talk_view(session: str, room: Workroom) -> TalkView:
    """A session with all of its turns."""
    sessions = room.sessions
    turns = sessions.turns(session)
    past = sessions.history.past(sessions.head(session))
    open_turn = room.open_turn(session)
    opened = _open_view(session, open_turn, room) if open_turn else None
    statuses: dict[int, str] = {
        n: sessions.store.get_record(Verdict, sha).status for n, sha in past.verdicts.items()
    }
    return TalkView(
        **_in_list(sessions.file(session), sessions),
        talk=[turn_view(turn, sessions) for turn in turns],
        pictures=[*past.pictures, *(opened.pictures if opened else [])],
        verdicts=statuses,
        open=opened,
    )


def picture_view(session: str, number: int, room: Workroom) -> PictureView:
    """A picture of a session.

    Raises:
        SessionError: There is none of this number.
    """
    past = room.sessions.history.past(room.sessions.head(session))
    open_turn = room.open_turn(session)
    new = tuple(SessionPicture.model_validate(one) for one in _values(open_turn, "pictures"))
    verdicts = {**past.verdicts, **_fresh_verdicts(open_turn)}
    picture = past._replace(pictures=(*past.pictures, *new)).picture(number)
    sha256 = verdicts.get(number)
    verdict = room.sessions.store.get_record(Verdict, sha256) if sha256 else None
    return PictureView(picture=picture, verdict=verdict)


def _open_view(session: str, turn: OpenTurn, room: Workroom) -> OpenView:
    return OpenView(
        asked=str(turn.values.get("asked", "")),
        pictures=[SessionPicture.model_validate(one) for one in _values(turn, "pictures")],
        steps=[Step.model_validate(one) for one in _values(turn, "steps")],
        consent=consent_view(turn.consent, room.product) if turn.consent else None,
        in_work=any(work.session == session for work in room.works),
    )


def _values(turn: OpenTurn | None, name: str) -> list[Any]:
    return list(turn.values.get(name) or []) if turn else []


def _fresh_verdicts(turn: OpenTurn | None) -> dict[int, str]:
    found = turn.values.get("verdicts") if turn else None
    return {int(number): str(sha256) for number, sha256 in (found or {}).items()}


def _in_list(file: SessionFile, sessions: Sessions) -> dict[str, Any]:
    head = sessions.head(file.id)
    last = sessions.history.turn(head) if head else None
    told = last.asked or ", ".join(one.name for one in last.pictures) if last else ""
    return {
        **file.model_dump(include={"id", "title", "started", "branch_of"}),
        "turns": last.number if last else 0,
        "last": told[:120],
    }
