"""The verbs of `logisight bench`: thin, one function a verb."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn, Protocol, TypeVar

import typer

from ..schema import Grade, When

# What a verb needs is imported inside it, so that `--help` answers at once.

bench = typer.Typer(
    help="Keep score: anomaly maps, data sets, rule writing.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Data = Annotated[
    Path,
    typer.Option(help="A copy of MVTec LOCO AD, or any test set in its layout, or one category of it."),
]
Categories = Annotated[
    list[str] | None, typer.Option("--category", help="Only this category; may be repeated.")
]
Annotations = Annotated[
    Path | None,
    typer.Option(help="Folder of LOCO-Annotations, or of files like them; else DATA/CATEGORY/annotations."),
]
Baselines = Annotated[
    list[str] | None,
    typer.Option(help="A detector, or none; may be repeated. [default: always-normal, patch-distance]"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Throw away what is in --out instead of going on.")]


class Parts(StrEnum):
    """What rules are shown of a picture."""

    true = "true"
    seen = "seen"
    both = "both"


@bench.command(
    epilog="Example: logisight bench score maps/ --data mvtec_loco_anomaly_detection --out results/"
)
def score(
    maps: Annotated[Path, typer.Argument(help="MAPS/CATEGORY/test/GROUP/000.tiff, one number a pixel.")],
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for the results and report.html.")] = Path(
        "logisight-score"
    ),
    category: Categories = None,
    official: Annotated[
        bool,
        typer.Option("--official", help="Choose thresholds exactly as the official evaluation does."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the official evaluation's random sample.")] = 0,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Score anomaly maps of any detector: image AUROC, AU-sPRO, AUPRO and more, with a report.

    A run that was cut off goes on with the category where it was. Exit code 1 when something was left out.
    """
    from ..benchmarks.anomaly_maps import MapFolder
    from ..benchmarks.score_report import write_score_report
    from ..benchmarks.scoring import score_maps
    from .console_bench import show_score

    with _progress() as (start, advance):
        result = score_maps(
            partial(MapFolder, maps),
            data,
            out,
            categories=category or (),
            official=official,
            seed=seed,
            fresh=fresh,
            on_start=start,
            on_picture=advance,
        )
    report = write_score_report(out, result, maps.resolve().name, data.resolve().name)
    _answer(result, show_score, as_json, report)


@bench.command(epilog="Example: logisight bench loco --data mvtec_loco_anomaly_detection --out results/")
def loco(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for the results and report.html.")] = Path(
        "logisight-loco"
    ),
    category: Categories = None,
    annotations: Annotations = None,
    baseline: Baselines = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Check a copy of MVTec LOCO AD, or any data in its layout, and score baselines on it, with a report.

    Every file that breaks the layout is a line, and the rest is used. A run that was cut off goes on where it
    was. Exit code 1 when something was left out.
    """
    from ..benchmarks.baselines import BASELINES
    from ..benchmarks.loco_report import write_loco_report
    from ..benchmarks.loco_run import run_loco
    from .console_bench import show_loco

    with _progress() as (start, advance):
        run = run_loco(
            data,
            out,
            categories=category or (),
            annotations=annotations,
            baselines=[] if baseline == ["none"] else baseline or list(BASELINES),
            fresh=fresh,
            on_start=start,
            on_picture=advance,
        )
    report = write_loco_report(out, run)
    _answer(run, show_loco, as_json, report)


@bench.command(
    epilog="Example: logisight bench detectors --data magnetic_tile --detector grnr --out results/"
)
def detectors(
    data: Annotated[
        Path,
        typer.Option(
            help="A folder of MVTec AD, MVTec LOCO AD, Magnetic Tile, DeepPCB, or one that holds any."
        ),
    ],
    detector: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME, or NAME:OPTION=VALUE,...; may be repeated. [default: all that need nothing more]"
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results and report.html.")] = Path(
        "logisight-detectors"
    ),
    category: Categories = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Of which good pictures are tested, and of detectors.")
    ] = 0,
    crop: Annotated[
        float,
        typer.Option(
            min=0,
            max=0.4,
            help="Share of each side, at both ends, whose pixels are not scored; GRNR's is 0.1.",
        ),
    ] = 0.0,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Score detectors on pictures whose defects are known, with a report and contact sheets of their maps.

    A run that was cut off goes on with the detector and category where it was. Exit code 1 when something was
    left out.
    """
    from ..benchmarks.detectors import bench_detectors, ready_detectors, write_detector_report
    from .console_bench import show_detectors

    with _progress() as (start, advance):
        result = bench_detectors(
            data,
            out,
            detector or ready_detectors(),
            categories=category or (),
            seed=seed,
            crop=crop,
            fresh=fresh,
            on_start=start,
            on_picture=advance,
        )
    report = write_detector_report(out, result)
    _answer(result, show_detectors, as_json, report)


@bench.command(epilog="Example: logisight bench logibench --data synthetic --llm offline --out results/")
def logibench(
    data: Data,
    llm: Annotated[str, typer.Option(envvar="LOGISIGHT_LLM", help="Who writes the rules.")] = "offline",
    out: Annotated[Path, typer.Option(help="Folder for the results and report.html.")] = Path(
        "logisight-logibench"
    ),
    category: Categories = None,
    rules: Annotated[
        Path | None,
        typer.Option(help="Folder of sentences, CATEGORY.txt or .toml; else DATA/CATEGORY/rules.txt."),
    ] = None,
    annotations: Annotations = None,
    references: Annotated[
        int, typer.Option(min=1, max=100, help="Annotated good pictures to teach eyes and prove rules with.")
    ] = 5,
    parts: Annotated[
        Parts, typer.Option(help="Judge with true parts, as annotated, with seen ones, or both.")
    ] = Parts.both,
    baseline: Baselines = None,
    witness: Annotated[
        str | None,
        typer.Option(help="A vision-language model that looks at pictures beside the rules with seen parts."),
    ] = None,
    when: Annotated[
        When, typer.Option("--ask", help="When the witness is asked; see `logisight inspect --help`.")
    ] = When.doubt,
    judge: Annotated[
        str | None,
        typer.Option(help="A chat model to ask for its opinion of the reasons told; it decides nothing."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the resampling for confidence intervals.")] = 0,
    isolation: Annotated[Grade | None, typer.Option(help="Hold rules at least as well as this.")] = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Score who writes rules: does the code run, does it decide right, and does it say why, with a report.

    Rules are written from the sentences of each product and proven on a few good pictures; then they judge
    all test pictures, with the parts as annotated and with the parts as seen. A run that was cut off goes on
    where it was. Exit code 1 when something was left out.
    """
    from ..benchmarks.baselines import BASELINES
    from ..benchmarks.logibench import WAYS, Settings, run_logibench, write_logibench_report
    from .console_bench import show_logibench

    settings = Settings(
        reasoner=llm,
        witness=witness,
        when=when,
        judge=judge,
        ways=WAYS if parts is Parts.both else [f"{parts} parts"],
        baselines=[] if baseline == ["none"] else baseline or list(BASELINES),
        references=references,
        seed=seed,
        rules=rules,
        annotations=annotations,
        isolation=isolation,
        fresh=fresh,
    )
    with _progress() as (start, advance):
        result = run_logibench(
            data, out, settings, categories=category or (), on_start=start, on_step=advance
        )
    report = write_logibench_report(out, result, data)
    _answer(result, show_logibench, as_json, report)


@bench.command(epilog="Example: logisight bench compare results/offline results/other")
def compare(
    first: Annotated[Path, typer.Argument(help="Results of `bench logibench`: their folder or file.")],
    second: Annotated[Path, typer.Argument(help="The results to compare them with.")],
    as_json: AsJson = False,
) -> None:
    """Hold two results of `bench logibench` against each other, picture by picture."""
    from ..benchmarks.logibench import compare_results
    from .console_bench import show_comparison

    comparison = compare_results(first, second)
    if as_json:
        typer.echo(comparison.model_dump_json(indent=2))
    else:
        show_comparison(comparison)


@bench.command(
    epilog="Example: logisight bench synth --out synthetic --category pushpins --level hard --disturb blur"
)
def synth(
    out: Annotated[Path, typer.Option(help="Folder to write the line to, in the layout of MVTec LOCO AD.")],
    category: Categories = None,
    level: Annotated[str, typer.Option(help="How hard: easy, line or hard.")] = "line",
    disturb: Annotated[
        list[str] | None, typer.Option(help="viewpoint, uneven_light or blur; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    train: Annotated[int, typer.Option(min=0, max=999, help="Good pictures to learn from.")] = 40,
    validation: Annotated[int, typer.Option(min=0, max=999, help="More good pictures.")] = 10,
    good: Annotated[int, typer.Option(min=0, max=999, help="Good pictures to test on.")] = 30,
    logical: Annotated[int, typer.Option(min=0, max=999, help="Logical anomalies to test on.")] = 60,
    structural: Annotated[int, typer.Option(min=0, max=999, help="Structural anomalies to test on.")] = 30,
) -> None:
    """Draw a synthetic line of five products, with all part masks, ground truth and reasons.

    A line that was cut off goes on where it stopped.
    """
    from ..benchmarks.synthetic import PRODUCTS, Counts, synthesize

    counts = Counts(train=train, validation=validation, good=good, logical=logical, structural=structural)
    names = tuple(category or PRODUCTS)
    with _progress() as (start, advance):
        start("drawing", counts.total * len(names))
        synthesize(
            out,
            categories=names,
            level=level,
            seed=seed,
            counts=counts,
            disturbances=disturb or (),
            on_picture=lambda _: advance(),
        )
    typer.echo(f"{counts.total * len(names)} pictures in {out}", err=True)


class _Result(Protocol):
    """What a verb found out."""

    @property
    def whole(self) -> bool:
        """Whether nothing was left out."""

    def model_dump_json(self, *, indent: int) -> str:
        """It as JSON."""


_R = TypeVar("_R", bound=_Result)


def _answer(result: _R, show: Callable[[_R], None], as_json: bool, report: Path) -> NoReturn:
    """Tell a result and where its report is; the exit code is 1 where something was left out."""
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
    else:
        show(result)
    typer.echo(f"report: {report}", err=True)
    raise typer.Exit(0 if result.whole else 1)


@contextmanager
def _progress() -> Iterator[tuple[Callable[[str, int], None], Callable[[], None]]]:
    """A progress bar on standard error for each category; yields what starts one, and what advances it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:

        def start(name: str, total: int) -> None:
            progress.add_task(name, total=total)

        yield start, lambda: progress.advance(progress.task_ids[-1])
