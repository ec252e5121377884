"""The verbs about chat models, `logisight models` and `logisight serve`: thin, one function a verb."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from ..agents.llm.serving import Serving

# What a verb needs is imported inside it, so that `--help` answers at once.

llm = typer.Typer(rich_markup_mode=None)
"""Both verbs, to be added to the command line as they are."""

models = typer.Typer(
    help="List the chat models that this machine is set up for; check what one can do.",
    rich_markup_mode=None,
)
llm.add_typer(models, name="models")

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")]


@models.callback(
    invoke_without_command=True,
    epilog="Examples: logisight models; logisight models check vllm:Qwen3-VL-8B-Instruct",
)
def list_models(context: typer.Context, as_json: AsJson = False) -> None:
    """List the chat models that this machine is set up for: packages, endpoints, what they serve, GPUs.

    Endpoints are asked what they serve, for at most 3 seconds each. A key is told to its endpoint only.
    """
    if context.invoked_subcommand:
        return
    from ..agents.llm.configured import configured
    from .console_llm import show_configured, waiting

    with waiting("looking"):
        found = configured()
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        show_configured(found)


@models.command(epilog="Examples: logisight models check vllm:Qwen3-VL-8B-Instruct; ... check offline --json")
def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model, named as --llm names it.")],
    as_json: AsJson = False,
) -> None:
    """Try what a chat model can do: answer, keep to a schema, call tools, see pictures, and more.

    Costs about ten short questions. Exit codes: 0 it can write checks, 1 it lacks what that needs (it
    answers, and keeps to a schema), 2 it cannot be asked.
    """
    from ..agents.llm.abilities import Ability, Report, try_ability
    from ..agents.reasoner import make_reasoner
    from .console_llm import show_abilities, waiting

    model = make_reasoner(name)
    tried = []
    for ability in Ability:
        with waiting(f"trying: {ability}"):
            tried.append(try_ability(model, ability))
    report = Report(model=name, abilities=tried)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        show_abilities(report)
    raise typer.Exit(0 if report.can_author else 1)


@llm.command(
    epilog="Examples: logisight serve Qwen/Qwen3-VL-8B-Instruct --max-model-len 32k; "
    "logisight serve ./my-model --gpus 2 -- --gpu-memory-utilization 0.8"
)
def serve(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A folder, or a model on the Hugging Face hub.")
    ],
    extra: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- FLAG...]", help="More flags for vLLM; they win over ours."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What to call it in vllm:NAME; else the last part of MODEL.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8000,
    gpus: Annotated[int, typer.Option(min=1, max=64, help="Spread the weights over so many GPUs.")] = 1,
    images: Annotated[
        int, typer.Option(min=0, max=999, help="Pictures that one question may have; 0 for text only.")
    ] = 4,
    max_model_len: Annotated[
        str | None,
        typer.Option(help="Tokens of a question with its answer, such as 32k; less takes less memory."),
    ] = None,
    quantization: Annotated[
        str | None,
        typer.Option(help="As vLLM names it, such as fp8 or bitsandbytes; else as the model says."),
    ] = None,
    tool_parser: Annotated[
        str | None, typer.Option(help="As vLLM names it, such as hermes; else by the name of the model.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds until it must answer, with loading the weights.")
    ] = 1800.0,
    log: Annotated[
        Path | None, typer.Option(help="File for the log of vLLM; else one in ~/.local/state/logisight.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the log as it is written.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the command and do not run it.")] = False,
) -> None:
    """Start a vLLM server with what LogiSight needs, say how to use it, and stop it with Ctrl-C.

    It listens on this machine only unless --host says otherwise, fetches no pictures from the network, and
    wants the key in $LOGISIGHT_LLM_KEY where one is set. The program is `vllm` on PATH, or $LOGISIGHT_VLLM.
    """
    from ..agents.llm.serving import Serving

    serving = Serving(
        model=model,
        name=name,
        host=host,
        port=port,
        gpus=gpus,
        images=images,
        max_model_len=max_model_len,
        quantization=quantization,
        tool_parser=tool_parser,
        extra=tuple(extra or ()),
    )
    if dry_run:
        from ..agents.llm.serving import shown_command

        typer.echo(shown_command(serving))
    else:
        _serve(serving, log, timeout, verbose)


def _serve(serving: Serving, log: Path | None, timeout: float, verbose: bool) -> None:
    """Serve until the person or the system says stop, or the server ends by itself."""
    from ..agents.llm.server import started
    from ..agents.llm.serving import find_vllm, log_file, shown_command
    from .console_llm import show_ready, waiting

    program = find_vllm()
    log = log or log_file(serving)
    _say(shown_command(serving, str(program)))
    _say(f"log: {log}")
    if not serving.is_private and not serving.has_key:
        _say(
            f"warning: whoever reaches {serving.host} may use the model; set LOGISIGHT_LLM_KEY to want a key"
        )
    if not serving.parser:
        _say("tools: how this model writes them down is not known; give --tool-parser NAME if it calls tools")
    with _stoppable(), started(serving, program, log) as server:
        with waiting("starting vLLM") as tell:
            server.wait_until_healthy(timeout, _say if verbose else tell)
        try:
            show_ready(serving)
            server.wait_until_ended(_say if verbose else lambda _: None)
        except KeyboardInterrupt:
            _say("stopping")


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let a closed terminal, or the system, stop us as Ctrl-C does, so that the server never stays behind."""

    def stop(_: int, __: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    # What is ignored, such as by nohup, stays ignored.
    heard = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(line: str) -> None:
    typer.echo(line, err=True)
