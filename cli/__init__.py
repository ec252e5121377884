"""The command line: thin, one function a verb."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from ..schema import AuthorError, Grade, IsolationError, LogiSightError, ProductError, When
from .bench import bench
from .chat import chat
from .discover import discover
from .llm import llm as chat_models
from .look import detectors, look
from .mcp import mcp
from .progress import progress_bar
from .prompt import prompt
from .sessions import sessions
from .train import train
from .views import views
from .web import web

if TYPE_CHECKING:
    from ..agents.author import Authored
    from ..agents.product import Product, Taught
    from ..agents.witness.witness import Witness
    from ..schema import Rule, Verdict
    from ..tools.detectors import Detector

# What a verb needs is imported inside it, so that `--help` answers at once.

NORMAL, NOT_NORMAL, WRONG_USE, NOT_ISOLATED, INTERRUPTED = 0, 1, 2, 3, 130

app = typer.Typer(
    name="logisight",
    help="Reasoning-based visual inspection: rules in plain words, proven on reference pictures.",
    epilog=(
        "Exit codes: 0 all normal (or the work is done), 1 something anomalous or undecided (or a rule "
        "refused, or the sandbox degraded), 2 wrong use, 3 the sandbox holds less than is asked for (or is "
        "unsafe), 130 interrupted."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(bench, name="bench")
app.add_typer(chat_models)
app.add_typer(prompt, name="prompt")
app.add_typer(train, name="train")

ProductName = Annotated[str, typer.Argument(metavar="PRODUCT", help="A folder, or a name below ./products.")]
Least = Annotated[
    Grade | None,
    typer.Option(
        "--isolation",
        help="What the sandbox must hold at least for rules to run; else $LOGISIGHT_ISOLATION; else the best "
        "that this machine gives, but not unsafe.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")]


class RulesAction(StrEnum):
    """What `rules` can do."""

    list = "list"
    show = "show"
    prove = "prove"
    remove = "remove"


def main() -> None:
    """Run the command line; errors for people end in one line and an exit code."""
    try:
        code = app(standalone_mode=False) or NORMAL
    except typer.TyperException as error:
        _fail(f"{error.format_message()} (see --help)")
    except IsolationError as error:
        _fail(str(error), NOT_ISOLATED)
    except LogiSightError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or 'file system'}: {error.strerror or error}")
    if code == INTERRUPTED:
        _say("interrupted; what is done is kept, run the same command again to go on")
    sys.exit(code)


@app.command(epilog="Example: logisight demo --out /tmp/demo")
def demo(
    out: Annotated[Path, typer.Option(help="Folder to write everything to.")] = Path("logisight-demo"),
    pictures: Annotated[int, typer.Option(min=1, max=10_000, help="How many pictures to inspect.")] = 8,
    seed: Annotated[int, typer.Option(help="The same seed renders the same pictures.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Render a small product line, learn its parts, author rules, inspect, and write a report.

    Needs no data, no network and no GPU.
    """
    from ..benchmarks.demo import DEMO_SENTENCES, write_product_line
    from .console import show_rules, show_taught, show_verdicts

    _say(f"rendering a product line into {out}")
    shutil.rmtree(out / "pushpin-box", ignore_errors=True)
    write_product_line(out, tests=pictures, seed=seed)
    taught = _teach(str(out / "pushpin-box"), out / "references", out / "annotations", None)
    _author(taught.product, DEMO_SENTENCES, "offline", 0.0)
    verdicts = _inspect(taught.product, [out / "inspect"], out / "results", fresh=True)
    truth = json.loads((out / "truth.json").read_text(encoding="utf-8"))
    if as_json:
        _print_json({"verdicts": [verdict.model_dump(mode="json") for verdict in verdicts], "truth": truth})
    else:
        show_taught(taught)
        show_rules(taught.product.rulebook().rules)
        show_verdicts(verdicts, truth)
        _say(f"report: {out / 'results' / 'report.html'}")


@app.command(
    epilog="Example: logisight teach pushpins --pictures good/ --annotations labels/ --references more/"
)
def teach(
    product: ProductName,
    pictures: Annotated[Path, typer.Option(help="Folder with the annotated pictures.")],
    annotations: Annotated[
        Path,
        typer.Option(
            help="Of 1 to 5 pictures of good products: LabelMe, ISAT or COCO JSON, or index-mask PNGs."
        ),
    ],
    references: Annotated[
        Path | None, typer.Option(help="Folder of more good pictures, not annotated, to prove rules on.")
    ] = None,
    isolation: Least = None,
    as_json: AsJson = False,
) -> None:
    """Learn to see the parts of a product from a few annotated pictures."""
    from .console import rule_facts, show_taught, taught_facts, why_unproven

    taught = _teach(product, pictures, annotations, references)
    again = _prove(taught.product, taught.product.rulebook().rules, isolation)
    if as_json:
        _print_json(taught_facts(taught) | {"rules_proven_again": [rule_facts(rule) for rule in again]})
        return
    show_taught(taught)
    for rule in again:
        if rule.proof and rule.proof.evidence:
            _say(f"rule {rule.number} does not count with the new eyes: {why_unproven(rule)}")


@app.command(
    epilog="Example: logisight author pushpins "
    '"There is exactly one pushpin in each compartment of a grid of 3 rows and 5 columns."'
)
def author(
    product: ProductName,
    sentences: Annotated[
        list[str] | None, typer.Argument(metavar="[SENTENCE...]", help="What is true of a good product.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A file of sentences, one a line, or TOML.")] = None,
    example: Annotated[
        str | None, typer.Option(help="An example rulebook: one of the categories of MVTec LOCO AD.")
    ] = None,
    llm: Annotated[
        str, typer.Option("--llm", envvar="LOGISIGHT_LLM", help="Who writes the checks.")
    ] = "offline",
    samples: Annotated[
        int,
        typer.Option(
            min=1, max=16, help="Answers to ask a chat model for at once; the one that proves best counts."
        ),
    ] = 1,
    most_false_alarms: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of the references that a rule may fail on and still count."),
    ] = 0.0,
    isolation: Least = None,
    as_json: AsJson = False,
) -> None:
    """Turn sentences into proven checks and keep them in the rulebook."""
    from ..agents.product import open_product
    from .console import authored_facts, show_authored

    stated = [*(sentences or []), *_sentences_of(file, example)]
    if not stated:
        raise AuthorError(
            "no sentence given; say what is true of a good product, or give --file or --example"
        )
    results = _author(open_product(product), stated, llm, most_false_alarms, isolation, samples)
    if as_json:
        _print_json([authored_facts(sentence, authored) for sentence, authored in results])
    else:
        for sentence, authored in results:
            show_authored(sentence, authored)
    raise typer.Exit(NORMAL if all(authored.rule for _, authored in results) else NOT_NORMAL)


@app.command(epilog="Examples: logisight rules pushpins; logisight rules pushpins show 1")
def rules(
    product: ProductName,
    action: Annotated[
        RulesAction, typer.Argument(help="What to do; `list` when left out.")
    ] = RulesAction.list,
    number: Annotated[
        int | None, typer.Argument(metavar="[N]", help="Which rule; `prove` without it: all.")
    ] = None,
    isolation: Least = None,
    as_json: AsJson = False,
) -> None:
    """List the rules of a product; show, prove again or remove one."""
    from ..agents.product import open_product
    from ..agents.rulebook import Rulebook
    from .console import rule_facts, show_code_of, show_rules

    opened = open_product(product)
    book = opened.rulebook()
    chosen = book.rules if number is None else [book.numbered(number)]
    if number is None and action in (RulesAction.show, RulesAction.remove):
        raise ProductError(f"which rule? logisight rules {product} {action} N")
    if action is RulesAction.prove:
        chosen = _prove(opened, chosen, isolation)
    if action is RulesAction.remove:
        for rule in chosen:
            Rulebook.remove(rule.number, opened.rules_folder)
            _say(f"removed rule {rule.number}: {rule.text}")
    elif as_json:
        _print_json([rule_facts(rule) for rule in chosen])
    elif action is RulesAction.show:
        for rule in chosen:
            show_code_of(rule)
    else:
        show_rules(chosen)


@app.command(epilog="Example: logisight inspect pushpins line/ --out results/")
def inspect(
    product: ProductName,
    pictures: Annotated[
        list[Path], typer.Argument(metavar="PICTURE_OR_DIR...", help="Pictures, and folders of pictures.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for overlays, results.jsonl and report.html.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Throw away what is in --out instead of going on.")
    ] = False,
    detector: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:OPTION=VALUE,...]",
            help="A detector that looks at the picture beside the rules, see `logisight detectors`. May be "
            "repeated.",
        ),
    ] = None,
    witness: Annotated[
        str | None,
        typer.Option(
            envvar="LOGISIGHT_WITNESS",
            help="A vision-language model that looks at the picture beside the rules, such as vllm:MODEL.",
        ),
    ] = None,
    when: Annotated[
        When,
        typer.Option(
            "--ask",
            help="When the witness is asked: in doubt (a rule is undecided, a detector sees what no rule "
            "explains, or parts are seen less surely than on any good picture), or always, except where a "
            "rule has failed already.",
        ),
    ] = When.doubt,
    isolation: Least = None,
    as_json: AsJson = False,
) -> None:
    """Inspect pictures: verdicts with reasons. With --out, a run that was cut off goes on where it was.

    A detector is calibrated first on the reference pictures. With fewer than ten of them its word alone
    leaves a picture undecided.

    A witness is tried first on good pictures and on spoiled copies of them: its word counts for what it was
    worth there, and where it says another thing than the rules, the verdict says so.
    """
    from ..agents.product import open_product
    from .console import show_verdicts

    opened = open_product(product)
    eyes = [_call_detector(opened, one) for one in detector or ()]
    called = _call_witness(opened, witness, when) if witness else None
    verdicts = _inspect(opened, pictures, out, fresh, isolation, called, eyes)
    if as_json:
        for verdict in verdicts:
            typer.echo(verdict.model_dump_json())
    else:
        show_verdicts(verdicts)
        if out:
            _say(f"report: {out / 'report.html'}")
    raise typer.Exit(NORMAL if all(verdict.status == "normal" for verdict in verdicts) else NOT_NORMAL)


@app.command(epilog="Example: logisight witness pushpins vllm:qwen3-vl")
def witness(
    product: ProductName,
    name: Annotated[str, typer.Argument(metavar="MODEL", help="A vision-language model, such as vllm:NAME.")],
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Try it again, even if nothing has changed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Try a vision-language model on good pictures and on spoiled copies of them: what is its word worth?

    What came of it is kept with the product, and `inspect --witness` takes it from there. Exit code 1 where
    it does not tell good pictures from spoiled ones well enough to be believed on its own.
    """
    from ..agents.product import open_product
    from ..agents.witness.calibration import SUFFICIENT
    from .console import calibration_facts, show_calibration

    calibration = _call_witness(open_product(product), name, When.doubt, fresh).calibration
    if as_json:
        _print_json(calibration_facts(calibration))
    else:
        show_calibration(calibration)
    raise typer.Exit(NORMAL if calibration.worth.weight >= SUFFICIENT else NOT_NORMAL)


@app.command(epilog="Examples: logisight doctor; logisight doctor --json")
def doctor(as_json: AsJson = False) -> None:
    """Prove the sandbox on this machine: try each layer alone, with the others off, and all of them together.

    Takes some seconds and changes nothing. Exit codes: 0 full, 1 degraded, 3 unsafe or no sandbox at all.
    """
    from ..sandbox.doctor import STEPS, examine
    from .console import show_report

    with progress_bar("trying", STEPS) as advance:
        report = examine(advance)
    if as_json:
        _print_json(report.model_dump(mode="json"))
    else:
        show_report(report)
    codes = {Grade.full: NORMAL, Grade.degraded: NOT_NORMAL, Grade.unsafe: NOT_ISOLATED}
    raise typer.Exit(codes[report.grade])


app.command(epilog="Example: logisight discover pushpins --accept 1,3")(discover)
app.command(epilog="Example: logisight look grnr line/ --out looks/ --normal good/")(look)
app.command(epilog="Examples: logisight detectors; logisight detectors grnr")(detectors)
app.command(epilog="Example: logisight views sphere.ply --out views/")(views)
app.command(epilog="Examples: logisight chat pushpins; logisight chat pushpins --llm vllm:MODEL")(chat)
app.command(
    epilog="Examples: logisight sessions pushpins; logisight sessions pushpins export ID --out session"
)(sessions)
app.command(epilog="Example: logisight web pushpins")(web)
app.command(epilog="Examples: logisight mcp pushpins; logisight mcp pushpins --http 127.0.0.1:8765")(mcp)


def _teach(name: str, pictures: Path, annotations: Path, references: Path | None) -> Taught:
    from ..agents.product import teach as teach_product

    with progress_bar("reading pictures") as advance:
        return teach_product(name, pictures, annotations, references, lambda path: advance(path.name))


def _sentences_of(file: Path | None, example: str | None) -> list[str]:
    from ..agents.workshop import EXAMPLES, read_sentences

    if example is not None and example not in EXAMPLES:
        raise AuthorError(f"there is no example {example!r}; there are: {', '.join(EXAMPLES)}")
    paths = [path for path in (file, EXAMPLES.get(example or "")) if path]
    return [sentence for path in paths for sentence in read_sentences(path)]


def _author(
    product: Product,
    sentences: Sequence[str],
    llm: str,
    most_false_alarms: float,
    isolation: Grade | None = None,
    samples: int = 1,
) -> list[tuple[str, Authored]]:
    from ..agents.workshop import Workshop

    with (
        Workshop(product, isolation=isolation) as workshop,
        progress_bar("authoring", len(sentences)) as advance,
    ):
        results = []
        for sentence in sentences:
            results.append((sentence, workshop.author(sentence, llm, most_false_alarms, samples=samples)))
            advance(sentence)
        return results


def _prove(product: Product, chosen: Sequence[Rule], isolation: Grade | None) -> list[Rule]:
    from ..agents.workshop import Workshop

    if not chosen:
        return []
    with Workshop(product, isolation=isolation) as workshop, progress_bar("proving", len(chosen)) as advance:
        proven = []
        for rule in chosen:
            proven.append(workshop.prove(rule))
            advance(rule.text)
        return proven


def _inspect(
    product: Product,
    paths: Sequence[Path],
    out: Path | None,
    fresh: bool,
    isolation: Grade | None = None,
    witness: Witness | None = None,
    detectors: Sequence[Detector] = (),
) -> list[Verdict]:
    from ..agents.batch import Results, inspect_all, run_of
    from ..agents.graph import Inspector
    from ..tools.pictures import list_pictures

    samples = list_pictures(paths)
    with Inspector(product, isolation=isolation, witness=witness, detectors=detectors) as inspector:
        results = Results(out, run_of(inspector), fresh) if out else None
        verdicts: list[Verdict] = []
        try:
            with progress_bar("inspecting", len(samples)) as advance:
                for verdict in inspect_all(inspector, samples, results):
                    verdicts.append(verdict)
                    advance(verdict.sample)
        finally:
            if results:
                results.write_report(product.name, inspector.rules, samples)
                results.close()
        return verdicts


def _call_detector(product: Product, text: str) -> Detector:
    """The detector of a name; calibrating it may take a while."""
    from ..agents.detecting.eyes import call_detector

    with progress_bar(f"calibrating {text}", len(product.file.references)) as advance:
        return call_detector(product, text, on_step=advance)


def _call_witness(product: Product, name: str, when: When, fresh: bool = False) -> Witness:
    """The witness of a name; trying it on pictures of known state may take a while."""
    from rich.console import Console
    from rich.progress import Progress

    from ..agents.witness.examination import call_witness

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("trying the witness", total=None)
        return call_witness(
            product,
            name,
            when,
            fresh=fresh,
            on_start=lambda total: progress.update(task, total=total),
            on_step=lambda _: progress.advance(task),
        )


def _print_json(facts: Any) -> None:
    typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _fail(line: str, code: int = WRONG_USE) -> NoReturn:
    _say(f"error: {line}")
    sys.exit(code)
