"""What `logisight bench` shows on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from ..benchmarks.detectors import DetectorBench
    from ..benchmarks.loco_run import LocoRun
    from ..benchmarks.logibench import Comparison, LogiBench
    from ..benchmarks.logibench.resampling import Interval
    from ..benchmarks.score_report import Row
    from ..benchmarks.scoring import Score

# Piped into a file there is no terminal to ask for its width.
_out = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


MOST_LINES = 20
"""Of the problems of one category; the report has them all."""


def show_score(score: Score) -> None:
    """A table of what maps are worth, in percent, and what was left out."""
    from ..benchmarks.score_report import COLUMNS, overview

    table = _table("percent, larger is better", ["Category"], COLUMNS)
    for row in overview(score):
        table.add_row(escape(row.name), *_percent(row), style="bold" if row.is_mean else None)
    if score.categories:
        _out.print(table)
    for one in score.categories:
        _show_left_out(one.category, one.problems)
    for line in score.skipped:
        _out.print(f"not scored: {escape(line)}", style="red", soft_wrap=True)


def show_loco(run: LocoRun) -> None:
    """A table of what a test set holds, one of what baselines are worth on it, and what was left out."""
    from ..benchmarks import loco_report, score_report

    held = _table("pictures", ["Category"], loco_report.COLUMNS)
    for data in loco_report.data_rows(run):
        held.add_row(escape(data.name), *data.cells, style="bold" if data.is_sum else None)
    worth = _table("percent, larger is better", ["Category", "Baseline"], score_report.COLUMNS)
    for name, row in loco_report.score_rows(run):
        worth.add_row(escape(row.name), name, *_percent(row), style="bold" if row.is_mean else None)
    for table in (held, worth):
        if table.row_count:
            _out.print(table)
    for one in run.categories:
        _show_left_out(one.category, run.left_out(one.category))
    for line in run.not_scored():
        _out.print(f"not read or not scored: {escape(line)}", style="red", soft_wrap=True)


def show_detectors(bench: DetectorBench) -> None:
    """Tables of what detectors are worth, in percent, of the kinds of defects, and what was left out."""
    from ..benchmarks.detectors import report

    columns = [*report.FIGURES, "false alarms", "seconds a picture"]
    worth = _table("means over the kinds of defects, percent", ["Category", "Detector"], columns)
    for row in report.overview(bench):
        cells = [*map(_share, row.cells), f"{row.seconds:.3f}"]
        worth.add_row(escape(row.category), escape(row.detector), *cells)
    if worth.row_count:
        _out.print(worth)
    for kind in report.kind_tables(bench):
        title = f"{escape(kind.category)}: {kind.figure}, percent"
        table = _table(title, ["Detector"], [*map(escape, kind.kinds), "mean"])
        for name, values in kind.rows:
            table.add_row(escape(name), *map(_share, values))
        _out.print(table)
    for category in bench.categories:
        _show_left_out(category, bench.left_out(category))
    for line in bench.skipped:
        _out.print(f"not scored: {escape(line)}", style="red", soft_wrap=True)


def show_logibench(result: LogiBench) -> None:
    """Tables of what verdicts, rules and reasons are worth, in percent, and what was left out."""
    from ..benchmarks.logibench import report

    for title, figures in (("verdicts", report.MAIN_VERDICTS), ("rules and reasons", report.WORDS)):
        table = _table(f"{title}, percent, larger is better", ["Product", "Judged with"], [*figures.values()])
        for row in report.overview(result, list(figures)):
            cells = [_interval(cell) for cell in row.cells]
            table.add_row(escape(row.category), row.way, *cells, style="bold" if row.is_mean else None)
        if table.row_count:
            _out.print(table)
    asked = _table("calls of chat models", ["Product", "Judged with"], ["writing", "judging", "per 1,000"])
    for spent in report.costs(result):
        writing, judging = spent.cost.writing.calls + spent.cost.examining.calls, spent.cost.judging.calls
        counts = [f"{count:,.0f}" for count in (writing, judging, spent.cost.calls_per_1000)]
        asked.add_row(escape(spent.category), spent.way, *counts)
    if asked.row_count:
        _out.print(asked)
    for one in result.categories:
        _show_left_out(one.category, one.problems)
    for line in result.skipped:
        _out.print(f"not tried: {escape(line)}", style="red", soft_wrap=True)


def show_comparison(comparison: Comparison) -> None:
    """What differs between two results: figures, those of the means first, and verdicts."""
    headings = [escape(comparison.first), escape(comparison.second), "change", "95 % interval"]
    table = _table("percent", ["Product", "Judged with", "Figure"], headings)
    for one in comparison.differences:
        if one.change.value:
            cells = [
                _share(one.first),
                _share(one.second),
                f"{100 * one.change.value:+.1f}",
                _span(one.change),
            ]
            table.add_row(escape(one.category), one.way, one.figure.replace("_", " "), *cells)
    if table.row_count:
        _out.print(table)
    else:
        _out.print("no figure differs")
    for turned in comparison.turned[:MOST_LINES]:
        what = f"{turned.first} -> {turned.second}: {', '.join(turned.defects) or 'a good picture'}"
        line = f"{turned.category}, {turned.way}, {turned.picture}: {what}"
        _out.print(escape(line), style="green" if turned.better else "red", soft_wrap=True)
    if (more := len(comparison.turned) - MOST_LINES) > 0:
        _out.print(f"{more} more verdicts differ; --json has them all")
    worse = len(comparison.turned) - comparison.better
    _out.print(f"verdicts that became right: {comparison.better}, wrong: {worse}")
    for line in comparison.notes:
        _out.print(escape(line), style="yellow", soft_wrap=True)


def _interval(figure: Interval | None) -> str:
    """A figure and, in whole percent, its interval."""
    if figure is None:
        return "-"
    if figure.low is None or figure.high is None or figure.low == figure.high:
        return _share(figure.value)
    return f"{_share(figure.value)} ({100 * figure.low:.0f}-{100 * figure.high:.0f})"


def _span(figure: Interval) -> str:
    if figure.low is None or figure.high is None:
        return "-"
    return f"{100 * figure.low:.1f} to {100 * figure.high:.1f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _table(title: str, names: Sequence[str], numbers: Sequence[str]) -> Table:
    """An empty table whose columns are never narrower than a word of their headings."""
    table = Table(
        title=title, title_justify="left", title_style="dim", box=SIMPLE_HEAD, collapse_padding=True
    )
    for name in names:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", min_width=max(map(len, name.split())))
    return table


def _percent(row: Row) -> list[str]:
    return [_share(value) for value in row.cells]


def _show_left_out(category: str, lines: list[str]) -> None:
    for line in lines[:MOST_LINES]:
        _out.print(f"{escape(category)}: {escape(line)}", style="yellow", soft_wrap=True)
    if (more := len(lines) - MOST_LINES) > 0:
        _out.print(f"{escape(category)}: {more} more lines in the report", style="yellow", soft_wrap=True)
