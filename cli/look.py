"""The verbs `logisight look` and `logisight detectors`: eyes without rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..schema import DetectorError

if TYPE_CHECKING:
    from ..agents.looking import Look
    from ..tools.detectors import Detector

# What a verb needs is imported inside it, so that `--help` answers at once.

NORMAL, NOT_NORMAL = 0, 1

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")]


def look(
    detector: Annotated[
        str,
        typer.Argument(
            help="A name, see `logisight detectors`, with options: grnr:backbone=filter-bank,size=256"
        ),
    ],
    pictures: Annotated[
        list[Path], typer.Argument(metavar="PICTURE_OR_DIR...", help="Pictures, and folders of pictures.")
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for anomaly maps (TIFF), heat maps and looks.jsonl.")
    ] = Path("logisight-looks"),
    normal: Annotated[
        list[Path] | None,
        typer.Option(
            help="Normal pictures, or a folder of them: they make a decision of the score, and detectors "
            "that learn take every second one to learn from. May be repeated."
        ),
    ] = None,
    false_alarms: Annotated[
        float,
        typer.Option(min=0.0001, max=0.5, help="Share of normal pictures that may be called anomalous."),
    ] = 0.05,
    product: Annotated[
        str, typer.Option(help="What the pictures show, in words; AdaCLIP reads them.")
    ] = "object",
    weights: Annotated[Path | None, typer.Option(help="The weights of the detector.")] = None,
    device: Annotated[
        str, typer.Option(help="cpu, cuda, cuda:1; auto is the GPU where there is one.")
    ] = "auto",
    fresh: Annotated[bool, typer.Option("--fresh", help="Look again at what was looked at before.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at pictures with a detector alone: heat maps, scores and anomaly maps, without rules.

    Where the pictures are in the layout of MVTec LOCO AD, so are the maps, as `logisight bench score` reads
    them. A run that was cut off goes on where it was. Exit code 1 when a picture is anomalous or unreadable.
    """
    from ..agents.looking import folder_name, look_at
    from ..tools.detectors.registry import detector_of
    from ..tools.pictures import list_pictures
    from .console_look import show_looks
    from .progress import progress_bar

    eye = detector_of(detector, device=device, weights=weights)
    paths = list_pictures(pictures)
    if normal:
        _prepare(eye, list_pictures(normal), false_alarms, product)
    elif eye.learns:
        raise DetectorError(f"{eye.name} learns from normal pictures; say where they are with --normal")
    with progress_bar("looking", len(paths)) as advance:
        looks = list(look_at(eye, paths, out, product=product, fresh=fresh, on_picture=advance))
    if as_json:
        for one in looks:
            typer.echo(one.model_dump_json())
    else:
        show_looks(looks, eye.calibration)
        typer.echo(f"maps and heat maps: {out / folder_name(eye.name)}", err=True)
    raise typer.Exit(NOT_NORMAL if any(_needs_a_person(one) for one in looks) else NORMAL)


def detectors(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One of them, with its options.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the detectors, what each needs, and whether it is ready here."""
    from ..tools.detectors import detector_kinds
    from ..tools.detectors.registry import detector_kind
    from .console_look import detector_facts, show_detectors, show_options

    kinds = {name: detector_kind(name)} if name else detector_kinds()
    if as_json:
        typer.echo(json.dumps([detector_facts(kind) for kind in kinds.values()], indent=2))
    elif name:
        show_options(kinds[name])
    else:
        show_detectors(list(kinds.values()))


def _prepare(detector: Detector, paths: list[Path], false_alarms: float, product: str) -> None:
    from ..tools.detectors.calibration import prepare
    from ..tools.samples import LazySamples
    from .progress import progress_bar

    with progress_bar("calibrating", len(paths)) as advance:
        prepare(detector, LazySamples(paths, product, advance), false_alarms)


def _needs_a_person(look: Look) -> bool:
    return look.status == "anomalous" or bool(look.error)
