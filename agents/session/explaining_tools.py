"""Tools that explain a verdict: in numbers, on the picture, beside another one, or by the word of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import Field, TypeAdapter

from ...prompts import Opinion, inspection_messages, pointed_at
from ...scene import Scene
from ...schema import Evidence, Finding, ModelError, Range, SessionError, Value, Verdict
from ...tools.overlay import open_findings
from ..llm.abilities import Ability, name_of, require
from ..llm.answers import in_one_line
from ..llm.asking import ask
from ..nodes import View
from ..prompting.composing import PromptSettings, compose
from .desk import Desk
from .finding_parts import place_of, rounded
from .looking_tools import PictureArguments, inspect_picture, marked, told
from .tool import Answer, Around, Tool, listed
from .turn import SessionPicture

MOST_PLACES: Final = 3
"""Places of one finding that are named; the others are counted."""
_OPINION: Final = TypeAdapter(Opinion)


class VerdictsArguments(PictureArguments):
    """Two verdicts."""

    other: int | None = Field(
        default=None,
        description="Number of the other picture; left out: the earlier verdict on the same one.",
    )


class AskArguments(PictureArguments):
    """What a model is asked about a picture."""

    question: str = Field(
        default="",
        max_length=400,
        description="What may be wrong, in words, such as: a scratch on the clamp.",
    )


def explain_verdict(desk: Desk, around: Around, asked: PictureArguments) -> Answer:
    """Why a picture has its verdict, in numbers."""
    picture = around.picture(asked.picture)
    verdict, view = desk.inspected(picture)
    lines = [_in_numbers(finding, view) for finding in open_findings(verdict)]
    held = len({finding.rule for finding in verdict.findings if finding.ruled and finding.passed})
    lines.append(f"{held} rule{'' if held == 1 else 's'} hold{'s' if held == 1 else ''}.")
    text = f"{told(picture, verdict)}\n{listed(lines)}"
    return Answer(text=text, shown=marked(desk, picture), verdicts={picture.number: verdict})


def show_overlay(desk: Desk, around: Around, asked: PictureArguments) -> Answer:
    """A picture with its parts and findings marked."""
    answer = inspect_picture(desk, around, asked)
    if not answer.shown:
        return answer
    (shown,) = answer.shown
    return answer.model_copy(update={"text": f"This is {shown.caption}."})


def compare_verdicts(desk: Desk, around: Around, asked: VerdictsArguments) -> Answer:
    """What differs between the verdict on a picture now and an earlier one."""
    picture = around.picture(asked.picture)
    if asked.other:
        other = around.picture(asked.other)
        name, before = f"picture {other.number} is", _earlier(desk, around, other)
    else:
        name, before = "its earlier verdict was", _earlier(desk, around, picture)
    now, _ = desk.inspected(picture)
    gone = [line for line in _reasons(before) if line not in _reasons(now)]
    new = [line for line in _reasons(now) if line not in _reasons(before)]
    lines = [*(f"only now: {line}" for line in new), *(f"only there: {line}" for line in gone)]
    state = f"Picture {picture.number} is {now.status}, {name} {before.status}"
    text = f"{state}.\n{listed(lines)}" if lines else f"{state}, for the same reasons."
    return Answer(text=text, verdicts={picture.number: now})


def ask_model(desk: Desk, around: Around, asked: AskArguments) -> Answer:
    """What a model that sees pictures says of one; its word decides nothing."""
    picture = around.picture(asked.picture)
    model = desk.model
    try:
        require(model, Ability.images)
    except ModelError as error:
        raise SessionError(f"no model of this session sees pictures: {error}") from None
    view = desk.view(picture)
    findings = desk.inspected(picture).verdict.findings if desk.product.rulebook().proven else []
    settings = PromptSettings(hints=(in_one_line(asked.question, 400),) if asked.question else ())
    prompt = compose(
        desk.product,
        view.pixels,
        view.scene,
        rules=desk.product.rulebook().proven,
        findings=findings,
        leave_out=picture.sha256,
        settings=settings,
    )
    reply = ask(model, inspection_messages(prompt), _OPINION, words_of=lambda opinion: opinion.reason)
    if reply.value is None:
        raise SessionError(f"the answer of {name_of(model)} could not be used: {reply.problem}")
    return _heard(
        desk, picture, view, name_of(model), reply.value, pointed_at(reply.value, prompt)
    ).model_copy(update={"usage": reply.usage})


def _heard(
    desk: Desk, picture: SessionPicture, view: View, name: str, opinion: Opinion, places: list[Evidence]
) -> Answer:
    """What a model said, with the places that it points at marked."""
    reason = in_one_line(opinion.reason, 400).rstrip(".")
    where = f" It points at {_places(places, view.scene)}." if places else ""
    text = (
        f"{name} says of picture {picture.number}: {opinion.verdict}, since {reason} (it is "
        f"{100 * opinion.confidence:.0f} % sure).{where} This is its word, not a verdict."
    )
    if not places:
        return Answer(text=text)
    finding = Finding(
        rule=0,
        text="What does the model see?",
        witness=name,
        kind="structural" if opinion.kind == "none" else opinion.kind,
        status="passed" if opinion.verdict == "normal" else "undecided",
        reason=f"{name} says: {reason}",
        parts=places,
        score=0.5,
    )
    drawn = desk.drawn(picture, view, [finding], f"what {name} points at")
    return Answer(text=text, shown=[drawn])


def _in_numbers(finding: Finding, view: View | None) -> str:
    """One finding that did not pass: whose word, what was expected and what is there, and where."""
    who = f"Rule {finding.rule}" if finding.ruled else finding.witness or finding.detector
    facts = [f"{who} ({finding.kind}): {finding.reason}"]
    if finding.expected is not None or finding.actual is not None:
        facts.append(f"expected {_value(finding.expected)}, measured {_value(finding.actual)}")
    if finding.parts and view:
        facts.append(f"at {_places(finding.parts, view.scene)}")
    return "; ".join(facts) + "."


def _value(value: Value | Range) -> str:
    if isinstance(value, tuple | list):
        low, high = value
        return f"{_value(low)} to {_value(high)}"
    if isinstance(value, float):
        return rounded(value)
    return "nothing" if value is None else str(value)


def _places(places: Sequence[Evidence], scene: Scene) -> str:
    named = [f"{one.label} in the {place_of(scene, _center(one))}" for one in places[:MOST_PLACES]]
    more = len(places) - len(named)
    return ", ".join(dict.fromkeys(named)) + (f" and {more} more" if more else "")


def _center(evidence: Evidence) -> tuple[float, float]:
    x0, y0, x1, y1 = evidence.box
    return (x0 + x1) / 2, (y0 + y1) / 2


def _earlier(desk: Desk, around: Around, picture: SessionPicture) -> Verdict:
    sha256 = around.past.verdicts.get(picture.number)
    if sha256 is None:
        raise SessionError(f"picture {picture.number} was not inspected in this session before")
    return desk.store.get_record(Verdict, sha256)


def _reasons(verdict: Verdict) -> list[str]:
    return list(dict.fromkeys(finding.reason for finding in open_findings(verdict)))


EXPLAINING: Final[tuple[Tool, ...]] = (  # type: ignore[type-arg]  # each has arguments of its own
    Tool(
        "explain_verdict",
        "Explain why a picture is normal, anomalous or undecided: what was expected and measured, and where.",
        PictureArguments,
        explain_verdict,
    ),
    Tool(
        "show_overlay",
        "Show a picture with its parts and with what is wrong marked.",
        PictureArguments,
        show_overlay,
    ),
    Tool(
        "compare_verdicts",
        "Compare the verdict on a picture now with its earlier verdict, or with that on another picture.",
        VerdictsArguments,
        compare_verdicts,
    ),
    Tool(
        "ask_model",
        "Ask a vision-language model what it sees in a picture. Its word is an opinion and decides nothing.",
        AskArguments,
        ask_model,
    ),
)
