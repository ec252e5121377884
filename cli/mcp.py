"""`logisight mcp`: the tools of inspection sessions for other agents."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from ..schema import Grade, SessionError

if TYPE_CHECKING:
    from ..agents.serving_mcp.service import Service


def mcp(
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="A folder, or a name below ./products.")],
    http: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Serve over streamable HTTP at http://HOST:PORT/mcp, for as many clients as come; without "
            "it over standard input and output, for the one that starts this.",
        ),
    ] = None,
    token: Annotated[
        str,
        typer.Option(
            envvar="LOGISIGHT_TOKEN",
            show_default=False,
            help="What clients must send as a Bearer token. One is made and shown where HOST is not this "
            "machine alone. Other people of this machine see the option, but not the variable.",
        ),
    ] = "",
    session: Annotated[
        str, typer.Option(metavar="ID", show_default=False, help="Go on with this session, without --http.")
    ] = "",
    llm: Annotated[
        str, typer.Option("--llm", envvar="LOGISIGHT_LLM", help="Who writes the checks of new rules.")
    ] = "offline",
    isolation: Annotated[
        Grade | None,
        typer.Option("--isolation", help="What the sandbox must hold at least for rules to run."),
    ] = None,
) -> None:
    """Serve the tools of inspection sessions to other agents over the Model Context Protocol.

    A connection is a session: pictures are given to it and asked about by number. What changes the rulebook
    is asked of the person through the client; where the client cannot ask, it is refused.
    """
    try:
        from ..agents.serving_mcp.http import read_address, token_for
        from ..agents.serving_mcp.service import Service
    except ModuleNotFoundError as error:
        if error.name not in ("mcp", "uvicorn", "starlette", "langgraph.checkpoint.sqlite"):
            raise
        raise SessionError(f"{error.name} is missing; pip install 'logisight[mcp]'") from None
    from ..agents.product import open_product
    from ..agents.reasoner import OFFLINE, make_reasoner
    from ..agents.session.desk import Desk
    from ..agents.session.session import Sessions

    address = read_address(http) if http else None
    with ExitStack() as stack:
        sessions = stack.enter_context(Sessions(open_product(product)))
        if session:
            sessions.file(session)
        reasoner = llm if llm == OFFLINE else make_reasoner(llm)
        desk = stack.enter_context(Desk(sessions.product, sessions.store, reasoner, isolation))
        service = stack.enter_context(Service(sessions, desk))
        if address is None:
            _serve_stdio(service, session)
        else:
            _serve_http(service, http or "", token_for(address, token), made=not token)


def _serve_stdio(service: Service, session: str) -> None:
    import anyio
    from mcp.server.stdio import stdio_server

    from ..agents.serving_mcp.server import mcp_server

    server = mcp_server(service, files=True, session=session)

    async def serve() -> None:
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())

    anyio.run(serve)


def _serve_http(service: Service, address: str, token: str, made: bool) -> None:
    import anyio

    from ..agents.serving_mcp.http import read_address, serve_http
    from ..agents.serving_mcp.server import mcp_server

    def ready(url: str) -> None:
        _say(f"serving {service.sessions.product.name} at {url}; Ctrl-C ends it")
        if token and made:
            _say(f"token: {token}")

    anyio.run(serve_http, mcp_server(service, files=False), read_address(address), token, ready)


def _say(text: str) -> None:
    typer.echo(text, err=True)
    sys.stderr.flush()
