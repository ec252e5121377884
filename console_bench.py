"""What `logisight bench` shows on the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from .benchmarks.scoring import Score

# Piped into a file there is no terminal to ask for its width.
_out = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def show_score(score: Score) -> None:
    """A table of what maps are worth, in percent, and what was left out."""
    from .benchmarks.score_report import COLUMNS, overview

    table = Table(title="percent, larger is better", title_justify="left", title_style="dim")
    table.add_column("Category")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for row in overview(score):
        cells = ["-" if value is None else f"{100 * value:.1f}" for value in row.cells]
        table.add_row(escape(row.name), *cells, style="bold" if row.is_mean else None)
    if score.categories:
        _out.print(table)
    for one in score.categories:
        for line in one.problems:
            _out.print(f"{escape(one.category)}: left out: {escape(line)}", style="yellow", soft_wrap=True)
    for line in score.skipped:
        _out.print(f"not scored: {escape(line)}", style="red", soft_wrap=True)
