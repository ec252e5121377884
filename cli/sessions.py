"""The verb `logisight sessions`: what was said about a product, to look up, keep elsewhere or throw away."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..schema import SessionError

if TYPE_CHECKING:
    from ..agents.session.session import SessionFile, Sessions

# What the verb needs is imported inside it, so that `--help` answers at once.


class SessionsAction(StrEnum):
    """What `sessions` can do."""

    list = "list"
    show = "show"
    export = "export"
    branch = "branch"
    delete = "delete"
    tidy = "tidy"


class ExportFormat(StrEnum):
    """How a session is written."""

    md = "md"
    json = "json"


def sessions(
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="A folder, or a name below ./products.")],
    action: Annotated[
        SessionsAction, typer.Argument(help="What to do; `list` when left out.")
    ] = SessionsAction.list,
    session: Annotated[
        str, typer.Argument(metavar="[ID]", help="Which session; not for list and tidy.")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Folder to export to.")] = None,
    form: Annotated[
        ExportFormat, typer.Option("--format", help="Markdown to read, or JSON with all there is.")
    ] = ExportFormat.md,
    after: Annotated[int | None, typer.Option(min=1, help="The turn that a branch begins after.")] = None,
    keep_days: Annotated[
        float, typer.Option(min=0, help="tidy: delete sessions that were not used for longer.")
    ] = 90,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before something is deleted.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")] = False,
) -> None:
    """List the sessions of a product; show, export, branch or delete one; tidy up.

    `tidy` deletes old sessions, and the pictures and turns that no session refers to. It may run beside a
    session in work: what was put into the store within the last hour stays.
    """
    from ..agents.product import open_product
    from ..agents.session.session import Sessions

    with Sessions(open_product(product)) as opened:
        if action is SessionsAction.list:
            _list(opened, as_json)
        elif action is SessionsAction.tidy:
            _tidy(opened, keep_days, yes, as_json)
        elif not session:
            raise SessionError(f"which session? logisight sessions {product} {action} ID")
        elif action is SessionsAction.show:
            _show(opened, session, as_json)
        elif action is SessionsAction.export:
            _export(opened, session, out, form)
        elif action is SessionsAction.branch:
            _branch(opened, product, session, after)
        else:
            _delete(opened, session, yes)


def _list(opened: Sessions, as_json: bool) -> None:
    from .console_chat import Screen
    from .conversation import session_row

    rows = [session_row(opened, file) for file in opened.list()]
    if as_json:
        _print_json(
            [file.model_dump(mode="json") | {"turns": turns, "about": about} for file, turns, about in rows]
        )
    elif rows:
        Screen().sessions(rows)
    else:
        typer.echo(f"{opened.product.name} has no session yet; begin one with `logisight chat`")


def _show(opened: Sessions, session: str, as_json: bool) -> None:
    from .console_chat import Screen

    file, turns = opened.file(session), opened.turns(session)
    if as_json:
        told = [turn.model_dump(mode="json", exclude={"messages"}) for turn in turns]
        _print_json({"session": file.model_dump(mode="json"), "turns": told})
        return
    screen = Screen()
    for turn in turns:
        screen.asked(turn)
        screen.turn(turn, [opened.store.path(one.sha256) for one in turn.shown])
        screen.steps(turn.steps)


def _export(opened: Sessions, session: str, out: Path | None, form: ExportFormat) -> None:
    from ..agents.session.export import export_session

    if out is None:
        raise SessionError("where to? give a folder with --out")
    typer.echo(export_session(opened, session, out, form.value))


def _branch(opened: Sessions, product: str, session: str, after: int | None) -> None:
    if after is None:
        raise SessionError("after which turn? give its number with --after")
    file = opened.branch(session, after)
    typer.echo(f"{file.id}: go on with it by `logisight chat {product} --session {file.id}`")


def _delete(opened: Sessions, session: str, yes: bool) -> None:
    file = opened.file(session)
    if yes or _agreed(f"Delete session {file.id}, {len(opened.turns(session))} turns?"):
        opened.delete(session)
        typer.echo(f"deleted session {file.id}; its pictures go with the next `tidy`")


def _tidy(opened: Sessions, keep_days: float, yes: bool, as_json: bool) -> None:
    from ..agents.session.keeping import tidy, too_old

    old = too_old(opened, keep_days)
    if old and not yes and not _agreed(f"Delete {_named(old)}, not used for {keep_days:g} days?"):
        return
    done = tidy(opened, keep_days)
    if as_json:
        _print_json(done.model_dump(mode="json"))
    else:
        typer.echo(
            f"deleted {len(done.sessions)} sessions and {done.contents} contents that no session refers to; "
            f"freed {done.bytes / 1e6:.1f} MB"
        )


def _named(old: Sequence[SessionFile]) -> str:
    more = f" and {len(old) - 5} more" if len(old) > 5 else ""
    return f"session{'s' * (len(old) != 1)} {', '.join(file.id for file in old[:5])}{more}"


def _agreed(question: str) -> bool:
    """Whether a person says yes; without one to ask, an option must say it."""
    if not sys.stdin.isatty():
        raise SessionError(f"{question} Say so with --yes")
    return typer.confirm(question)


def _print_json(facts: Any) -> None:
    typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
