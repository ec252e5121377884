"""The verb `logisight discover`: sentences that all reference pictures bear out, for a person to accept."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..schema import Grade

if TYPE_CHECKING:
    from ..agents.discovery.search import Discovery
    from ..agents.product import Product
    from ..schema import Rule

# What the verb needs is imported inside it, so that `--help` answers at once.

NOTHING_FOUND = 1

_ANSWERS = {"y": "keep it", "n": "leave it", "a": "keep it and all the others", "q": "leave the others"}


def discover(
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="A folder, or a name below ./products.")],
    llm: Annotated[
        str, typer.Option("--llm", envvar="LOGISIGHT_LLM", help="Who looks for sentences.")
    ] = "offline",
    accept: Annotated[
        str | None,
        typer.Option(help="Make the last proposals rules: `all`, or their numbers, such as 1,3."),
    ] = None,
    left_out: Annotated[
        bool, typer.Option("--left-out", help="Say also what is not proposed, and why.")
    ] = False,
    isolation: Annotated[
        Grade | None,
        typer.Option("--isolation", help="What the sandbox must hold at least for rules to run."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")] = False,
) -> None:
    """Propose rules: what all reference pictures have in common, in sentences that are proven already.

    Nothing becomes a rule unless it is accepted: one by one in a terminal, or with --accept. Exit code 1
    when nothing is found.
    """
    from ..agents.discovery.kept import accept as accept_proposals
    from ..agents.discovery.kept import chosen_numbers, keep_proposals, last_proposals
    from ..agents.product import open_product

    opened = open_product(product)
    if accept is None:
        found = _discovered(opened, llm, isolation)
        keep_proposals(opened, llm, found)
    else:
        found = last_proposals(opened, llm)
    numbers = chosen_numbers(accept, len(found.proposals)) if accept is not None else []
    if accept is None and not as_json:
        _show(found, left_out)
        if found.proposals and sys.stdin.isatty():
            numbers = _asked(found)
        elif found.proposals:
            choice = "" if llm == "offline" else f" --llm {llm}"
            typer.echo(f"To keep some as rules: logisight discover {product}{choice} --accept 1,2 (or all)")
    rules = accept_proposals(opened, found, numbers)
    if as_json:
        typer.echo(json.dumps(_facts(found, numbers, rules, left_out), indent=2, ensure_ascii=False))
    for rule in rules if not as_json else []:
        typer.echo(f"Rule {rule.number} kept: {rule.text}")
    raise typer.Exit(0 if found.proposals else NOTHING_FOUND)


def _discovered(product: Product, llm: str, isolation: Grade | None) -> Discovery:
    from ..agents.discovery.model import discover_with
    from ..agents.discovery.search import discover as discover_offline
    from ..agents.reasoner import OFFLINE, make_reasoner
    from ..agents.workshop import Workshop

    model = None if llm == OFFLINE else make_reasoner(llm)
    with Workshop(product, isolation=isolation) as workshop, _progress() as on_step:
        return discover_with(model, workshop, on_step) if model else discover_offline(workshop, on_step)


def _show(found: Discovery, left_out: bool) -> None:
    if not found.proposals:
        typer.echo("Nothing was found that all reference pictures show and a rule could check.")
    for number, proposal in enumerate(found.proposals, start=1):
        typer.echo(f"{number:2}. {proposal.sentence}")
        typer.echo(f"    {proposal.evidence}")
    for note in found.notes if found.proposals else []:
        typer.echo(f"note: {note}", err=True)
    for left in found.left_out if left_out else []:
        typer.echo(f" -  {left.sentence}")
        typer.echo(f"    not proposed: {left.reason}")


def _asked(found: Discovery) -> list[int]:
    """What a person at a terminal keeps."""
    typer.echo(", ".join(f"{key}: {what}" for key, what in _ANSWERS.items()))
    kept: list[int] = []
    for number, proposal in enumerate(found.proposals, start=1):
        answer = _answer(f"{number:2}. {proposal.sentence} [y/n/a/q]")
        if answer == "q":
            break
        if answer == "a":
            return [*kept, *range(number, len(found.proposals) + 1)]
        if answer == "y":
            kept.append(number)
    return kept


def _answer(question: str) -> str:
    while True:
        said: str = typer.prompt(question, default="n", show_default=False)
        key = said.strip().lower()[:1]
        if key in _ANSWERS:
            return key


def _facts(found: Discovery, numbers: list[int], rules: list[Rule], left_out: bool) -> dict[str, Any]:
    kept = dict(zip(numbers, rules, strict=True))
    proposals = [
        {
            "number": number,
            **proposal.model_dump(mode="json", exclude={"rule"}),
            "code": proposal.rule.code,
            "kept_as": kept[number].number if number in kept else None,
        }
        for number, proposal in enumerate(found.proposals, start=1)
    ]
    unproposed = [left.model_dump() for left in found.left_out]
    return {"proposals": proposals, "notes": found.notes} | ({"left_out": unproposed} if left_out else {})


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """What is being looked at, on standard error; yields what to call with it."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    with console.status("looking at the reference pictures") as status:
        yield lambda what: status.update(f"looking: {escape(what)}")
