"""What the verbs `look` and `detectors` show."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from .console import STYLES

if TYPE_CHECKING:
    from ..agents.looking import Look
    from ..tools.detectors import Calibration, Detector

_out = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def show_looks(looks: Sequence[Look], calibration: Calibration | None) -> None:
    """A table of pictures and scores; with decisions where the detector was calibrated."""
    table = Table(Column("Picture", overflow="fold"), "Score", "Suspicion", "Decision", "Where")
    for look in looks:
        suspicion = "-" if look.suspicion is None else f"{look.suspicion:.2f}"
        status = f"[{STYLES[look.status]}]{look.status}[/]" if calibration or look.error else "-"
        where = "; ".join(
            f"x {box[0]:.0f} to {box[2]:.0f}, y {box[1]:.0f} to {box[3]:.0f}"
            for box in (region.box for region in look.regions[:2])
        )
        more = f"; and {len(look.regions) - 2} more" if len(look.regions) > 2 else ""
        score = "-" if look.score is None else f"{look.score:.4g}"
        told = escape(look.error or where + more)
        table.add_row(escape(look.picture.rsplit("/", 1)[-1]), score, suspicion, status, told)
    _out.print(table)
    for note in dict.fromkeys(note for look in looks for note in look.notes):
        _out.print(f"Note: {escape(note)}", style="yellow")
    _out.print(_line_of(calibration))


def detector_facts(kind: type[Detector]) -> dict[str, Any]:
    """A detector, JSON-plain: what it does, what it can be told, and what is missing."""
    return {
        "name": kind.kind,
        "summary": kind.summary,
        "learns": kind.learns,
        "missing": kind.missing(kind.Options()),
        "options": kind.Options.model_json_schema()["properties"],
    }


def show_detectors(kinds: Sequence[type[Detector]]) -> None:
    """A table of detectors."""
    table = Table("Name", Column("What it does", ratio=3), "Learns", Column("Ready here", ratio=2))
    for kind in kinds:
        missing = kind.missing(kind.Options())
        ready = f"[yellow]no: {escape(missing)}[/]" if missing else "[green]yes[/]"
        table.add_row(kind.kind, escape(kind.summary), "yes" if kind.learns else "no", ready)
    _out.print(table)


def show_options(kind: type[Detector]) -> None:
    """What one detector can be told."""
    missing = kind.missing(kind.Options())
    _out.print(f"[bold]{kind.kind}[/]: {escape(kind.summary)}")
    _out.print(f"ready here: {f'[yellow]no: {escape(missing)}[/]' if missing else '[green]yes[/]'}")
    table = Table("Option", "Default", Column("What it is", ratio=1))
    for name, field in kind.Options.model_fields.items():
        default = "-" if field.default is None else str(field.default)
        table.add_row(name, escape(default), escape(field.description or ""))
    _out.print(table)


def _line_of(calibration: Calibration | None) -> str:
    if calibration is None:
        return "Scores rank pictures; give normal pictures with --normal for decisions."
    return (
        f"Calibrated on {calibration.normal} normal picture{'s' * (calibration.normal != 1)}: a score above "
        f"{calibration.picture.threshold:.4g} is anomalous; false alarms on at most {calibration.bound:.0%} "
        "of pictures like those."
    )
