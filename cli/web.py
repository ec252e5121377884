"""The verb `logisight web`: inspection sessions in a browser."""

from __future__ import annotations

import secrets
import socket
from importlib.util import find_spec
from typing import Annotated

import typer

from ..schema import Grade, LogiSightError

# What a verb needs is imported inside it, so that `--help` answers at once.

SHORTEST_TOKEN = 16


def web(
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="A folder, or a name below ./products.")],
    host: Annotated[
        str,
        typer.Option(help="Address to serve at. Any but this machine's own, such as 0.0.0.0, needs a token."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8765,
    token: Annotated[
        str,
        typer.Option(
            envvar="LOGISIGHT_TOKEN",
            show_default=False,
            help="What a visitor must know. One is made and shown where --host is not this machine alone. "
            "Other people of this machine see the option, but not the variable.",
        ),
    ] = "",
    llm: Annotated[
        str, typer.Option("--llm", envvar="LOGISIGHT_LLM", help="Who talks, and writes the checks.")
    ] = "offline",
    name: Annotated[
        list[str] | None,
        typer.Option(help="A host name that the page is opened by, beside addresses. May be repeated."),
    ] = None,
    isolation: Annotated[
        Grade | None,
        typer.Option("--isolation", help="What the sandbox must hold at least."),
    ] = None,
) -> None:
    """Serve a page to inspect pictures, talk about them, and teach rules, in any browser.

    On this machine alone nothing is asked for, unless there is a token. Opened to the network, the page asks
    for it; the address that is printed holds it.
    """
    if token and len(token) < SHORTEST_TOKEN:
        raise LogiSightError(
            f"the token is too short; give at least {SHORTEST_TOKEN} characters, or none to have one made"
        )
    if find_spec("fastapi") is None or find_spec("uvicorn") is None:
        raise LogiSightError("the web page needs more packages: pip install 'logisight[web]'")
    from ..agents.product import open_product
    from ..agents.reasoner import OFFLINE, make_reasoner
    from ..agents.web.guard import LOOPBACK
    from ..agents.web.serving import serve
    from ..agents.web.workroom import Workroom

    token = token or ("" if host in LOOPBACK else secrets.token_urlsafe(24))
    opened = open_product(product)
    if llm != OFFLINE:
        make_reasoner(llm)
    with _bound(host, port) as listening:
        room = Workroom(opened, llm, isolation)
        typer.echo(f"{room.product.name}: {_address(host, listening.getsockname()[1], token)}")
        typer.echo("Ctrl-C ends it; what is said and changed is kept.", err=True)
        serve(room, listening, token, name or ())


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()  # who comes before the server is ready waits
    except OSError as error:
        listening.close()
        raise LogiSightError(
            f"{host}:{port}: cannot be served at ({error.strerror or error}); choose another --port or --host"
        ) from None
    return listening


def _address(host: str, port: int, token: str) -> str:
    reached = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)  # noqa: S104
    named = f"[{reached}]" if ":" in reached else reached
    return f"http://{named}:{port}/" + (f"?token={token}" if token else "")
