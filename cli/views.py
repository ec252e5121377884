"""The verb `logisight views`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..schema import PictureError

if TYPE_CHECKING:
    from ..tools.modalities import Angles

# What the verb needs is imported inside it, so that `--help` answers at once.


class SampleKind(StrEnum):
    """What a sample can be."""

    cloud = "cloud"
    series = "series"
    video = "video"
    pictures = "pictures"


def views(
    sample: Annotated[
        Path,
        typer.Argument(
            help="Point cloud (PLY, PCD, xyz TIFF), time series (CSV, NPY), video, or folder of pictures."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the pictures, as PNG.")],
    kind: Annotated[
        SampleKind | None,
        typer.Option("--as", help="What the sample is, such as a folder of frames; else its suffix says so."),
    ] = None,
    size: Annotated[int, typer.Option(min=128, max=4096, help="Width of a view in pixels.")] = 512,
    angle: Annotated[
        list[str] | None,
        typer.Option(
            help="Turn of a point cloud, in degrees about x,y,z; may be repeated. [default: 5 turns]"
        ),
    ] = None,
    clean: Annotated[
        bool, typer.Option("--clean", help="Point cloud: without the plane it lies on, and loose pieces.")
    ] = False,
    frames: Annotated[int, typer.Option(min=1, max=64, help="Video: how many key frames.")] = 9,
    tiles: Annotated[int, typer.Option(min=1, max=64, help="Pictures: how many on one sheet.")] = 9,
    reference: Annotated[
        list[Path] | None,
        typer.Option(help="Time series: a good one, for the band of what is normal; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")] = False,
) -> None:
    """Show any sample as pictures: turned views and depth, line plots, key frames, or tiles."""
    from PIL import Image

    from ..tools.modalities import FEW_ANGLES, Kind, ViewSettings, read_views

    settings = ViewSettings(
        size=size,
        angles=tuple(_angles(text) for text in angle) if angle else FEW_ANGLES,
        clean=clean,
        frames=frames,
        tiles=tiles,
        references=tuple(reference or ()),
    )
    drawn = read_views(sample, settings, Kind(kind) if kind else None)
    out.mkdir(parents=True, exist_ok=True)
    facts = []
    for number, view in enumerate(drawn, start=1):
        file = out / f"{number:02d}_{view.name}.png"
        Image.fromarray(view.pixels).save(file)
        height, width = view.pixels.shape[:2]
        facts.append({"file": str(file), "caption": view.caption, "width": width, "height": height})
    if as_json:
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    for fact in facts:
        typer.echo(f"{fact['file']}  {fact['caption']}")


def _angles(text: str) -> Angles:
    """Three numbers of degrees.

    Raises:
        PictureError: The text is something else.
    """
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        raise PictureError(f"the angle {text[:40]!r} is not three numbers; give for example 0,30,0") from None
    return x, y, z
