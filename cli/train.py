"""The verbs of `logisight train`: thin, one function a verb."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from ..schema import DetectorError

if TYPE_CHECKING:
    from ..tools.detectors.adaclip.training import Trained

# What a verb needs is imported inside it, so that `--help` answers at once.

train = typer.Typer(
    help="Train a detector on pictures with and without defects.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_PACKAGES: Final = ("torch", "open_clip", "accelerate")


@train.command(
    epilog="Example: logisight train adaclip --data mvtec_anomaly_detection --data CVC-ColonDB "
    "--clip-weights ViT-L-14-336px.pt --out adaclip.pth"
)
def adaclip(
    data: Annotated[
        list[Path],
        typer.Option(help="Pictures and masks in the layout of MVTec AD or VisA; may be repeated."),
    ],
    out: Annotated[Path, typer.Option(help="The checkpoint to write, such as adaclip.pth.")],
    clip_weights: Annotated[
        Path | None, typer.Option(help="CLIP's weights. [default: where OpenAI's code keeps them]")
    ] = None,
    backbone: Annotated[str, typer.Option(help="The CLIP, by its open_clip name.")] = "ViT-L-14-336",
    start: Annotated[
        Path | None, typer.Option("--from", help="A checkpoint to start from. [default: chance]")
    ] = None,
    product: Annotated[list[str] | None, typer.Option(help="Only this product; may be repeated.")] = None,
    all_splits: Annotated[
        bool, typer.Option("--all-splits", help="Learn from the split `train` too, not from `test` alone.")
    ] = False,
    epochs: Annotated[int, typer.Option(min=1)] = 5,
    batch: Annotated[int, typer.Option(min=1, help="Pictures that are learned from at once.")] = 1,
    learning_rate: Annotated[float, typer.Option(min=1e-12, max=1e3)] = 0.01,
    image_size: Annotated[int, typer.Option(min=32, max=2048, help="Pixels of a side.")] = 518,
    mosaics: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Share of 2x2 mosaics. [default: as published, 0.2 of MVTec AD's pictures]"
        ),
    ] = None,
    row_wise: Annotated[
        bool, typer.Option("--row-wise", help="Take the Dice loss by rows, as the public code does.")
    ] = False,
    precision: Annotated[
        Literal["auto", "float32", "float16", "bfloat16"],
        typer.Option(help="Of the network; auto is float16 on a GPU, as published."),
    ] = "auto",
    device: Annotated[
        Literal["auto", "cpu"], typer.Option(help="auto takes the GPU if there is one.")
    ] = "auto",
    seed: Annotated[int, typer.Option(min=0, help="The same seed learns the same.")] = 111,
    save_every: Annotated[int, typer.Option(min=1, help="Batches after which the state is kept.")] = 100,
    keep_epochs: Annotated[
        bool, typer.Option("--keep-epochs", help="Keep the checkpoint of each epoch.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over instead of going on.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")] = False,
) -> None:
    """Train AdaCLIP's prompts and projections on auxiliary data; CLIP stays as it is.

    The state is kept beside the checkpoint. A training that was cut off goes on where it was when the same
    command is run again, and one that is over goes on when it is asked for more epochs.
    """
    _check_packages(_PACKAGES)
    from ..tools.detectors.adaclip import AdaClipOptions
    from ..tools.detectors.adaclip.auxiliary import read_auxiliary
    from ..tools.detectors.adaclip.building import untrained_network
    from ..tools.detectors.adaclip.checkpoint import load_checkpoint
    from ..tools.detectors.adaclip.training import train_adaclip
    from ..tools.detectors.adaclip.training_options import Training
    from ..tools.pictures import file_sha256

    pictures = read_auxiliary(data, ["train", "test"] if all_splits else ["test"], product or ())
    network = untrained_network(
        AdaClipOptions(clip_weights=clip_weights, backbone=backbone, image_size=image_size, seed=seed)
    )
    if start:
        load_checkpoint(network, start)
    training = Training(
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        seed=seed,
        mosaics=mosaics,
        row_wise=row_wise,
        starting_checkpoint=file_sha256(start) if start else "",
        precision=precision,
        device=device,
        save_every=save_every,
        keep_epochs=keep_epochs,
    )
    with _progress() as (on_start, on_batch):
        trained = train_adaclip(
            network, pictures, out, training, fresh=fresh, on_start=on_start, on_batch=on_batch
        )
    _answer(trained, as_json)


def _check_packages(names: Sequence[str]) -> None:
    if lacking := [name for name in names if importlib.util.find_spec(name) is None]:
        raise DetectorError(f"training needs {' and '.join(lacking)}; pip install 'logisight[vision]'")


def _answer(trained: Trained, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(trained) | {"checkpoint": str(trained.checkpoint)}, indent=2))
        return
    for number, loss in enumerate(trained.losses, start=1):
        typer.echo(f"epoch {number}: mean loss {loss:.4f}")
    typer.echo(f"checkpoint: {trained.checkpoint}", err=True)


@contextmanager
def _progress() -> Iterator[tuple[Callable[[int, int], None], Callable[[float], None]]]:
    """A progress bar on standard error with the last loss; yields what starts it, and what advances it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("training", total=None)

        def on_start(total: int, done: int) -> None:
            progress.update(task, total=total, completed=done)

        def on_batch(loss: float) -> None:
            progress.update(task, advance=1, description=f"training, loss {loss:.3f}")

        yield on_start, on_batch
