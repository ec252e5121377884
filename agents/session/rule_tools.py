"""Tools for rules: say what there is, try, and propose changes, which a person must agree to."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from ...sandbox import Check
from ...schema import ModelError, Record, Rule, SessionError, Usage, Verdict
from ..author import Authored
from ..judge import findings_of, status_of
from ..reasoner import OFFLINE
from ..rulebook import is_proven
from .changes import rule_sha256
from .desk import Desk
from .looking_tools import PictureArguments, told
from .tool import Answer, Around, Tool, listed
from .turn import Change

MOST_EFFECTS: Final = 5
"""Pictures whose verdict would change that are named; the rest are counted."""


class Nothing(Record):
    """No arguments."""


class RuleArguments(Record):
    """A rule of the rulebook."""

    number: int = Field(description="Its number.")


class SentenceArguments(Record):
    """What is true of a good product."""

    sentence: str = Field(description="In words, such as: There are exactly 15 pushpins.")


class ChangeArguments(SentenceArguments):
    """A rule, and what it is to say instead."""

    number: int = Field(description="Of the rule.")


class CheckArguments(PictureArguments):
    """A check in Python that was not proven."""

    code: str = Field(description="`def check(scene): ...` in the rule language.")


class SearchArguments(Record):
    """Which verdicts."""

    status: Literal["", "normal", "anomalous", "undecided"] = ""
    words: str = Field(default="", description="Words that the reason or the file name holds.")


def list_rules(desk: Desk, _around: Around, _asked: Nothing) -> Answer:
    """The rules of the product."""
    rules = desk.product.rulebook().rules
    if not rules:
        return Answer(text=f"{desk.product.name} has no rule yet.")
    lines = [
        f"{rule.number}. {rule.text}{'' if is_proven(rule) else ' (not proven: it does not count)'}"
        for rule in rules
    ]
    return Answer(text=listed(lines))


def show_rule(desk: Desk, _around: Around, asked: RuleArguments) -> Answer:
    """A rule with its check and its proof."""
    rule = desk.product.rulebook().numbered(asked.number)
    return Answer(text=f"Rule {rule.number}: {rule.text}\n{rule.code.rstrip()}\n{proof_in_words(rule)}")


def propose_rule(desk: Desk, around: Around, asked: SentenceArguments) -> Answer:
    """Whether a sentence can become a proven rule, and what it would change; nothing is kept."""
    rule, usage = _authored(desk, asked.sentence)
    effect = effect_of(desk, around, rule)
    return Answer(
        text=f"It can be a rule: {rule.text}\n{rule.code.rstrip()}\n{proof_in_words(rule)}\n{effect} "
        "It is not kept yet.",
        usage=usage,
    )


def search_verdicts(desk: Desk, around: Around, asked: SearchArguments) -> Answer:
    """The verdicts that pictures got in this session."""
    if not around.past.verdicts:
        return Answer(text="No picture was inspected in this session yet.")
    verdicts = {n: desk.store.get_record(Verdict, sha) for n, sha in sorted(around.past.verdicts.items())}
    found = {
        number: verdict
        for number, verdict in verdicts.items()
        if (not asked.status or verdict.status == asked.status)
        and asked.words.lower() in f"{verdict.sample} {verdict.explanation}".lower()
    }
    lines = [told(around.picture(number), verdict) for number, verdict in found.items()]
    counted = f"{len(found)} of {len(verdicts)} inspected pictures"
    if asked.status:
        counted += f" {'is' if len(found) == 1 else 'are'} {asked.status}"
    return Answer(text=f"{counted}{':' if lines else '.'}\n{listed(lines)}".rstrip())


def run_check(desk: Desk, around: Around, asked: CheckArguments) -> Answer:
    """What an unproven check says of a picture."""
    picture = around.picture(asked.picture)
    scene = desk.view(picture).scene
    rule = Rule(
        number=0, text="a check that is not proven", kind="quantity", code=asked.code, reasoner="session"
    )
    (outcome,) = desk.jail.run([Check(0, asked.code)], scene)
    findings = findings_of(rule, outcome, scene)
    reasons = "; ".join(finding.reason for finding in findings)
    return Answer(text=f"On picture {picture.number}, the check says {status_of(findings)}: {reasons}.")


def proof_in_words(rule: Rule) -> str:
    """What a rule was proven on."""
    proof = rule.proof
    if proof is None or proof.evidence:
        return "It is not proven."
    tried = sum(c.tried for c in proof.counterfactuals)
    caught = sum(c.caught for c in proof.counterfactuals)
    good = proof.references - len(proof.false_alarms)
    noticed = f"; it noticed {caught} of {tried} deliberate faults" if tried else ""
    return f"It holds on {good} of {proof.references} reference pictures{noticed}."


def effect_of(desk: Desk, around: Around, rule: Rule | None, without: int = 0) -> str:
    """What a rule, or a rule less, changes on the pictures that were inspected in this session, in words."""
    verdicts = {n: desk.store.get_record(Verdict, sha) for n, sha in sorted(around.past.verdicts.items())}
    if not verdicts:
        return "No picture was inspected in this session yet, so no verdict would change."
    changes = []
    for number, verdict in verdicts.items():
        findings = [finding for finding in verdict.findings if finding.rule != without or finding.rule == 0]
        if rule is not None:
            scene = desk.view(around.picture(number)).scene
            (outcome,) = desk.jail.run([Check(rule.number, rule.code)], scene)
            findings += findings_of(rule, outcome, scene)
        status = status_of(findings)
        if status != verdict.status:
            changes.append(f"picture {number} from {verdict.status} to {status}")
    if not changes:
        return f"None of {len(verdicts)} verdicts of this session would change."
    more = f", and {len(changes) - MOST_EFFECTS} more" if len(changes) > MOST_EFFECTS else ""
    return (
        f"{len(changes)} of {len(verdicts)} verdicts of this session would change: "
        f"{', '.join(changes[:MOST_EFFECTS])}{more}."
    )


def propose_save(desk: Desk, around: Around, asked: SentenceArguments) -> Change:
    """A new rule."""
    _check_new(desk, asked.sentence)
    rule, usage = _authored(desk, asked.sentence)
    return Change(action="save", rule=rule, effect=effect_of(desk, around, rule), usage=usage)


def propose_change(desk: Desk, around: Around, asked: ChangeArguments) -> Change:
    """Another sentence for a rule."""
    was = desk.product.rulebook().numbered(asked.number)
    _check_new(desk, asked.sentence)
    rule, usage = _authored(desk, asked.sentence)
    rule = rule.model_copy(update={"number": asked.number})
    return Change(
        action="change",
        rule=rule,
        number=asked.number,
        was_sha256=rule_sha256(was),
        effect=effect_of(desk, around, rule, without=asked.number),
        usage=usage,
    )


def propose_retire(desk: Desk, around: Around, asked: RuleArguments) -> Change:
    """A rule less."""
    was = desk.product.rulebook().numbered(asked.number)
    effect = effect_of(desk, around, None, without=asked.number)
    return Change(action="retire", rule=was, number=asked.number, was_sha256=rule_sha256(was), effect=effect)


def propose_run(_desk: Desk, around: Around, asked: CheckArguments) -> Change:
    """An unproven check on a picture."""
    picture = around.picture(asked.picture)
    rule = Rule(
        number=0, text="a check that is not proven", kind="quantity", code=asked.code, reasoner="session"
    )
    return Change(
        action="run", rule=rule, effect=f"It only looks at picture {picture.number} and is not kept."
    )


def _check_new(desk: Desk, sentence: str) -> None:
    text = " ".join(sentence.split())
    twin = next((one for one in desk.product.rulebook().rules if one.text == text), None)
    if twin:
        raise SessionError(f"rule {twin.number} says that already: {twin.text}")


def _authored(desk: Desk, sentence: str) -> tuple[Rule, Usage]:
    """The proven rule of a sentence, and what it has cost; without a model where that cannot be asked.

    Raises:
        SessionError: It cannot be one; the message says why, and what could.
    """
    try:
        authored = desk.workshop.propose(sentence, desk.reasoner)
    except ModelError:
        authored = desk.workshop.propose(sentence, OFFLINE)
    if authored.rule is None:
        raise SessionError(_refused(authored))
    asked = [attempt for attempt in authored.attempts if attempt.input_tokens or attempt.output_tokens]
    usage = Usage(
        calls=len(asked),
        input_tokens=sum(attempt.input_tokens for attempt in asked),
        output_tokens=sum(attempt.output_tokens for attempt in asked),
        seconds=sum(attempt.seconds for attempt in asked),
    )
    return authored.rule, usage


def _refused(authored: Authored) -> str:
    refusal = authored.refusal
    if refusal:
        nearest = f" The nearest sentence that can be read: {refusal.nearest}" if refusal.nearest else ""
        return f"that is not a rule: {refusal.reason}.{nearest}"
    return f"that could not be proven: {'; '.join(authored.evidence[:3]) or 'it was not understood'}"


RULES: Final[tuple[Tool, ...]] = (  # type: ignore[type-arg]  # each has arguments of its own
    Tool("list_rules", "List the rules of the product.", Nothing, list_rules),
    Tool("show_rule", "Show the check of a rule and how it was proven.", RuleArguments, show_rule),
    Tool(
        "propose_rule",
        "Try whether a sentence about good products can become a proven rule. Keeps nothing.",
        SentenceArguments,
        propose_rule,
    ),
    Tool(
        "search_verdicts",
        "Find the verdicts that pictures got earlier in this session.",
        SearchArguments,
        search_verdicts,
    ),
    Tool(
        "save_rule",
        "Put a new rule into the rulebook, once the person agrees.",
        SentenceArguments,
        proposes=propose_save,
    ),
    Tool(
        "change_rule",
        "Replace a rule by another sentence, once the person agrees.",
        ChangeArguments,
        proposes=propose_change,
    ),
    Tool(
        "retire_rule",
        "Take a rule out of the rulebook, once the person agrees.",
        RuleArguments,
        proposes=propose_retire,
    ),
    Tool(
        "run_check",
        "Run a check in Python on a picture in the sandbox, once the person agrees. It is not proven.",
        CheckArguments,
        run_check,
        proposes=propose_run,
    ),
)
