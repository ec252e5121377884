"""The verbs of `logisight prompt`: thin, one function a verb."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from ..schema import Grade, PictureError

if TYPE_CHECKING:
    # Typer's own TyperGroup is typed with it.
    from langchain_core.messages import BaseMessage
    from typer._click import Context

    from ..agents.prompting.composing import PromptSettings
    from ..prompts import SentPicture

# What a verb needs is imported inside it, so that `--help` answers at once.

SHOW = "show"


class _ShowsByDefault(TyperGroup):
    """Takes a product in the place of a verb, which is then `show`."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help"):
            args = [SHOW, *args]
        return super().parse_args(ctx, args)


prompt = typer.Typer(
    cls=_ShowsByDefault,
    help="Show what a model is sent: `logisight prompt PRODUCT PICTURE`. Nothing is sent.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Templates = Annotated[
    Path | None,
    typer.Option(
        "--templates",
        help="Folder of templates that replace the built-in ones of the same names; else $LOGISIGHT_PROMPTS.",
    ),
]


class Preset(StrEnum):
    """What goes into the question about a picture, each step with all of the one before."""

    naive = "naive"
    classed = "class"
    rules = "rules"
    references = "references"
    full = "full"


@prompt.command(
    SHOW,
    epilog="Examples: logisight prompt pushpins line/0001.png --preset references --out asked/; "
    'logisight prompt pushpins --rule "There are exactly 15 pushpins."',
)
def show(
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="A folder, or a name below ./products.")],
    picture: Annotated[
        Path | None, typer.Argument(metavar="[PICTURE]", help="The picture, or another sample, to judge.")
    ] = None,
    rule: Annotated[
        str | None, typer.Option(help="Show instead what is asked of the author of this sentence's check.")
    ] = None,
    preset: Annotated[Preset, typer.Option(help="What goes into the question.")] = Preset.full,
    references: Annotated[int, typer.Option(min=0, max=16, help="How many pictures of good ones.")] = 1,
    no_marks: Annotated[bool, typer.Option("--no-marks", help="Without the numbered picture.")] = False,
    no_crops: Annotated[bool, typer.Option("--no-crops", help="Without closer looks.")] = False,
    hint: Annotated[list[str] | None, typer.Option(help="What may go wrong; may be repeated.")] = None,
    longest_side: Annotated[
        int, typer.Option(min=64, max=8192, help="Pixels; larger pictures are made smaller.")
    ] = 1024,
    templates: Templates = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for messages.json, system.txt, user.txt, the pictures and index.html."),
    ] = None,
    isolation: Annotated[
        Grade | None, typer.Option(help="What the sandbox must hold at least for rules to run.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")] = False,
) -> None:
    """Show exactly what a vision-language model is asked about a picture, or an author about a sentence."""
    from ..agents.product import open_product
    from ..agents.prompting.samples import author_question, inspection_question
    from ..prompts import inspection_messages, using_templates

    opened = open_product(product)
    with using_templates(templates):
        if rule is not None:
            return _answer(author_question(opened, rule), [], out, as_json)
        if picture is None:
            raise PictureError("no picture given; name one, or a sentence with --rule")
        settings = _settings(preset, references, no_marks, no_crops, hint or [], longest_side)
        question = inspection_question(opened, picture, settings, isolation)
        return _answer(inspection_messages(question), question.pictures, out, as_json)


@prompt.command(epilog="Example: logisight prompt templates my-prompts/")
def templates(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; it may be there already.")],
) -> None:
    """Copy the built-in templates to a folder, to change them there; files that are there stay."""
    from ..prompts import copy_templates

    written = copy_templates(folder)
    for path in written:
        typer.echo(path)
    typer.echo(
        f"{len(written)} templates written; use them with --templates {folder} or LOGISIGHT_PROMPTS={folder}",
        err=True,
    )


def _settings(
    preset: Preset, references: int, no_marks: bool, no_crops: bool, hints: list[str], longest_side: int
) -> PromptSettings:
    from ..agents.prompting.composing import PromptSettings
    from ..prompts import Piece

    settings = PromptSettings.preset(
        preset, references=references, longest_side=longest_side, hints=tuple(hints)
    )
    left_out = [piece for piece, out in ((Piece.marks, no_marks), (Piece.crops, no_crops)) if out]
    return settings.without(*left_out)


def _answer(
    messages: list[BaseMessage], pictures: list[SentPicture], out: Path | None, as_json: bool
) -> None:
    from ..agents.prompting.page import prompt_facts, prompt_text, save_prompt

    facts = prompt_facts(messages, pictures)
    page = save_prompt(out, messages, pictures) if out else None
    typer.echo(json.dumps(facts, indent=2, ensure_ascii=False) if as_json else prompt_text(facts))
    if page:
        typer.echo(f"saved: {page}", err=True)
