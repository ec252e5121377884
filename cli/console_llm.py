"""What `logisight models` and `logisight serve` show on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from ..agents.llm.abilities import Report
    from ..agents.llm.configured import Configured, Endpoint, Kind
    from ..agents.llm.serving import Serving

# Piped into a file there is no terminal to ask for its width.
_out = Console(highlight=False, width=None if sys.stdout.isatty() else 120)

_MARKS = {"yes": "[green]✓ yes[/]", "wrong": "[yellow]! wrong[/]", "no": "[red]✗ no[/]"}
_SHOWN_MODELS = 8
_LONGEST_NEWS = 90
"""Characters of a log line beside a spinner."""


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """A spinner with the time it has run, on standard error; yields what tells the latest news beside it."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    console = Console(stderr=True)
    # Piped into a file it would leave an empty line there.
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda news: progress.update(task, description=f"{what}: {news[:_LONGEST_NEWS]}")


def show_configured(found: Configured) -> None:
    """What models can be named, where endpoints are and what they serve, and the graphics cards."""
    _out.print(f"asked without --llm: {escape(found.chosen)} ({found.chosen_from})", soft_wrap=True)
    table = _table("Name", "What it is", "Here")
    for kind in found.kinds:
        table.add_row(kind.name, kind.what, _here(kind))
    _out.print(table)
    for endpoint in found.endpoints:
        _show_endpoint(endpoint)
    served_by = found.server or f"nothing: {found.server_problem}"
    _out.print(f"logisight serve runs {escape(served_by)}", soft_wrap=True)
    for gpu in found.gpus:
        memory = f"{gpu.memory / 1024:.0f} GiB, {gpu.free / 1024:.0f} GiB free"
        _out.print(f"GPU: {escape(gpu.name)}, {memory}", soft_wrap=True)
    if not found.gpus:
        _out.print("GPU: none (nvidia-smi tells of none)")


def _here(kind: Kind) -> str:
    if not kind.missing:
        return "[green]✓[/]"
    return f"[red]✗[/] {escape(', '.join(kind.missing))} not installed: {escape(kind.install)}"


def _show_endpoint(endpoint: Endpoint) -> None:
    key = f"key: {endpoint.key_from}" if endpoint.key_from else "no key"
    _out.print(f"{endpoint.kind}: {escape(endpoint.url)} ({endpoint.url_from}; {key})", soft_wrap=True)
    if endpoint.serves is None:
        _out.print(f"  [yellow]![/] {escape(endpoint.problem or '')}", soft_wrap=True)
        return
    more = len(endpoint.serves) - _SHOWN_MODELS
    names = ", ".join(endpoint.serves[:_SHOWN_MODELS]) or "nothing"
    _out.print(f"  serves {escape(names)}{f' and {more} more' if more > 0 else ''}", soft_wrap=True)


def show_abilities(report: Report) -> None:
    """A table of what one model can do, and whether that is enough to write checks."""
    table = _table("Ability", "", "Seconds", "What was seen")
    table.columns[1].no_wrap = True
    table.columns[2].justify = "right"
    for tried in report.abilities:
        table.add_row(tried.ability, _MARKS[tried.state], f"{tried.seconds:.2f}", escape(tried.detail))
    _out.print(table)
    if report.can_author:
        _out.print(f"{escape(report.model)} can write checks", soft_wrap=True)
    else:
        lacks = " and ".join(report.lacks_for_authoring)
        _out.print(
            f"{escape(report.model)} lacks what a model needs to write checks: {lacks}", soft_wrap=True
        )


def show_ready(serving: Serving) -> None:
    """Where a server answers, and how LogiSight is told to use it."""
    _out.print(f"ready: {serving.url} serves {escape(serving.served_name)}; Ctrl-C stops it", soft_wrap=True)
    for line in serving.how_to_use:
        _out.print(f"  {escape(line)}", soft_wrap=True)


def _table(*headings: str) -> Table:
    table = Table(box=SIMPLE_HEAD, collapse_padding=True)
    for heading in headings:
        table.add_column(heading)
    return table
