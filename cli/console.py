"""What the command line shows: tables and lines for people, plain facts for scripts."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax
from rich.table import Column, Table

if TYPE_CHECKING:
    from ..agents.author import Authored
    from ..agents.product import Taught
    from ..agents.witness.calibration import Calibration
    from ..sandbox.doctor import Report
    from ..schema import Proof, Rule, Verdict

GRADE_STYLES = {
    "held": "green",
    "needless": "green",
    "missing": "yellow",
    "leaks": "red",
    "full": "bold green",
    "degraded": "bold yellow",
    "unsafe": "bold red",
}
STYLES = {"normal": "bold green", "anomalous": "bold red", "undecided": "bold yellow"}

# Piped into a file there is no terminal to ask for its width.
_out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 120)


def taught_facts(taught: Taught) -> dict[str, Any]:
    """What `teach` did, JSON-plain."""
    product = taught.product
    return {
        "product": product.name,
        "folder": str(product.folder),
        "annotated_parts": taught.parts,
        "containers": product.model.containers,
        "references": len(product.file.references),
        "picture_size": list(product.model.size),
        "ignored": taught.ignored,
    }


def show_taught(taught: Taught) -> None:
    """Say what `teach` did."""
    product = taught.product
    annotated = sum(reference.annotated for reference in product.file.references)
    parts = ", ".join(f"{count} {label}" for label, count in sorted(taught.parts.items()))
    _out.print(
        f"Taught [bold]{escape(product.name)}[/] from {annotated} annotated picture{'s' * (annotated != 1)} "
        f"({escape(parts)}); {len(product.file.references)} reference picture"
        f"{'s' * (len(product.file.references) != 1)}; kept in {escape(str(product.folder))}"
    )
    for line in taught.ignored:
        _out.print(f"  left out: {escape(line)}", style="yellow")


def rule_facts(rule: Rule) -> dict[str, Any]:
    """A rule, JSON-plain, and whether it counts."""
    from ..agents.rulebook import is_proven

    rate = rule.proof.false_alarm_rate if rule.proof else None
    return rule.model_dump(mode="json") | {"proven": is_proven(rule), "false_alarm_rate": rate}


def authored_facts(sentence: str, authored: Authored) -> dict[str, Any]:
    """How a sentence fared, JSON-plain."""
    return {
        "sentence": sentence,
        "rule": rule_facts(authored.rule) if authored.rule else None,
        "refusal": authored.refusal.model_dump() if authored.refusal else None,
        "confidence": authored.confidence,
        "evidence": authored.evidence,
    }


def show_authored(sentence: str, authored: Authored) -> None:
    """Show a new rule and its proof, or what stood in the way, pointing at the words."""
    if authored.rule and authored.rule.proof:
        _out.print(f"[bold green]Rule {authored.rule.number} proven[/]: {escape(authored.rule.text)}")
        show_code_of(authored.rule)
        _out.print(f"  {escape(proof_line(authored.rule.proof))}")
        if authored.confidence is not None:
            _out.print(f"  {authored.confidence:.0%} of the answers say the same of every scene")
        return
    _out.print(f"[bold red]Not a rule[/]: {escape(sentence)}")
    refusal = authored.refusal
    if refusal:
        if refusal.end > refusal.start:
            _out.print(f"{' ' * (12 + refusal.start)}{'^' * (refusal.end - refusal.start)}", style="red")
        _out.print(f"  {escape(refusal.reason)}")
        if refusal.nearest:
            _out.print(f"  The nearest sentence that can be read: {escape(refusal.nearest)}")
    for line in authored.evidence:
        _out.print(f"  {escape(line)}")


def show_code_of(rule: Rule) -> None:
    """Print the check of a rule."""
    _out.print(Syntax(rule.code.rstrip(), "python", background_color="default"))


def proof_line(proof: Proof) -> str:
    """A proof in one line."""
    good = proof.references - len(proof.false_alarms)
    tried = {
        edit: [c for c in proof.counterfactuals if c.edit == edit]
        for edit in {c.edit for c in proof.counterfactuals}
    }
    caught = [
        f"{edit} {sum(c.caught for c in cs)}/{sum(c.tried for c in cs)}" for edit, cs in sorted(tried.items())
    ]
    line = f"holds on {good} of {proof.references} references"
    return f"{line}; noticed {', '.join(caught)}" if caught else line


def show_rules(rules: Sequence[Rule]) -> None:
    """A table of the rules: text, kind, whether proven and on how many pictures."""
    from ..agents.rulebook import is_proven

    table = Table("No", "Rule", "Kind", "Proven", "On references", "Noticed")
    for rule in rules:
        proof = rule.proof
        proven = "yes" if is_proven(rule) else "no"
        good = f"{proof.references - len(proof.false_alarms)} of {proof.references}" if proof else "-"
        caught = "-"
        if proof and proof.counterfactuals:
            tried = proof.counterfactuals
            caught = f"{sum(c.caught for c in tried)} of {sum(c.tried for c in tried)}"
        table.add_row(str(rule.number), escape(rule.text), rule.kind, proven, good, caught)
    _out.print(table)
    for rule in rules:
        if not is_proven(rule):
            _out.print(f"Rule {rule.number} does not count: {escape(why_unproven(rule))}", style="yellow")


def why_unproven(rule: Rule) -> str:
    """Why a rule does not count."""
    if rule.proof and rule.proof.evidence:
        return "; ".join(rule.proof.evidence)
    return "its code was changed since it was proven; prove it again with `rules PRODUCT prove`"


def show_verdicts(verdicts: Sequence[Verdict], truth: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """A table of verdicts with their reasons; with the truth beside them where it is known."""
    from ..agents.judge import reasons

    table = Table(
        Column("Picture", overflow="fold"), "Verdict", "Score", "Why", *(["Truth"] if truth else [])
    )
    for verdict in verdicts:
        name = verdict.sample.replace("\\", "/").rsplit("/", 1)[-1]
        why = [*reasons(verdict.findings, "failed"), *reasons(verdict.findings, "undecided")]
        row = [
            escape(name),
            f"[{STYLES[verdict.status]}]{verdict.status}[/]",
            f"{verdict.score:.2f}",
            escape("\n".join(why) or verdict.explanation),
        ]
        if truth:
            row.append(escape(truth[name]["reason"] or truth[name]["status"]) if name in truth else "-")
        table.add_row(*row)
    _out.print(table)
    _out.print(summary(verdicts))


def calibration_facts(calibration: Calibration) -> dict[str, Any]:
    """How a witness did, JSON-plain."""
    return calibration.model_dump(mode="json") | calibration.worth._asdict()


def show_calibration(calibration: Calibration) -> None:
    """How often a witness called pictures of each known state anomalous, and what its word is worth."""
    from ..agents.witness.calibration import SUFFICIENT

    table = Table("Pictures", "Called anomalous", "Of", "No usable answer")
    for state, (anomalous, count) in calibration.suspected.items():
        unusable = count - len(calibration.suspicions(state))
        table.add_row(state, str(anomalous), str(count), str(unusable) if unusable else "-")
    _out.print(table)
    threshold, weight = calibration.worth
    read = "the odds of its words" if calibration.odds else "the confidence that it states"
    if weight == 0:
        words = "[bold red]its word counts for nothing[/]: it does not tell good pictures from spoiled ones"
    elif weight < SUFFICIENT:
        words = f"[bold yellow]weight {weight:.2f}[/]: its word alone makes pictures undecided at most"
    else:
        words = f"[bold green]weight {weight:.2f}[/]: its word counts, from a suspicion of {threshold:.2f} on"
    _out.print(f"{escape(calibration.witness)}: {words} (read from {read})")
    used = calibration.usage
    tokens = f"{used.input_tokens:,} tokens read, {used.output_tokens:,} written"
    _out.print(f"{used.calls} calls, {tokens}, {used.seconds:.1f} s")


def show_report(report: Report) -> None:
    """What the sandbox holds on this machine: a table of its layers, and the grade."""
    from ..sandbox.layers import NAMES

    table = Table("Layer", "Alone", "Stopped", "Not stopped", "Why")
    for tried in report.layers:
        table.add_row(
            NAMES[tried.layer],
            f"[{GRADE_STYLES[tried.state]}]{tried.state}[/]",
            escape(", ".join(tried.stopped)) or "-",
            escape(", ".join(tried.through)) or "-",
            escape(tried.why) or "-",
        )
    if report.layers:
        _out.print(table)
    for what, why in report.untried.items():
        _out.print(f"not tried: {what} ({escape(why)})")
    _out.print(escape(", ".join(f"{name} {value}" for name, value in report.machine.items())))
    if report.layers:
        through = f"{', '.join(report.through)} got" if report.through else "nothing got"
        _out.print(f"All layers together: {through} through")
    _out.print(
        f"[{GRADE_STYLES[report.grade]}]{report.grade}[/]{': ' * bool(report.why)}{escape(report.why)}"
    )


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many of each status, in words."""
    counts = {status: sum(v.status == status for v in verdicts) for status in STYLES}
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    calls = sum(verdict.usage.calls for verdict in verdicts)
    asked = f"; the witness was asked {calls} times" if calls else ""
    return f"{len(verdicts)} picture{'s' * (len(verdicts) != 1)}: {told}{asked}"
