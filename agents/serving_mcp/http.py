"""Serving over streamable HTTP: local only unless there is a token, and never for a page of somebody else."""

from __future__ import annotations

import hmac
import secrets
import socket
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import uvicorn
from mcp.server.lowlevel.server import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ...schema import SessionError
from ...tools.pictures import shown
from .service import MOST_PICTURE_BYTES

PATH: Final = "/mcp"
LOCAL: Final = ("127.0.0.1", "localhost", "::1")
MOST_BODY: Final = MOST_PICTURE_BYTES * 4 // 3 + 2**16
"""Bytes of a request: a picture in base64, and what is around it."""
MOST_HTTP_SESSIONS: Final = 100
"""Connections at once."""


class Address(NamedTuple):
    """Where to serve."""

    host: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in LOCAL

    def url(self, port: int = 0) -> str:
        """What a client is given; `port` where the system has chosen it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{port or self.port}{PATH}"


def read_address(text: str) -> Address:
    """`HOST:PORT`, `:PORT`, or `[IPV6]:PORT`.

    Raises:
        SessionError: It is none of these.

    >>> read_address("127.0.0.1:8765"), read_address(":8765")
    (Address(host='127.0.0.1', port=8765), Address(host='127.0.0.1', port=8765))
    """
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 2**16):
        raise SessionError(f"--http {shown(text)[:80]}: give HOST:PORT, such as 127.0.0.1:8765")
    return Address(host.strip("[]") or LOCAL[0], int(port))


def token_for(address: Address, token: str) -> str:
    """The token that clients must have: the given one; a new one where the network reaches the address.

    Raises:
        SessionError: It is too short to be a secret.
    """
    if token and len(token) < 16:
        raise SessionError("the token is too short; give at least 16 characters, or none to have one made")
    return token or ("" if address.is_local else secrets.token_urlsafe(24))


def http_app(server: Server[Any], address: Address, token: str) -> ASGIApp:
    """The server as an ASGI application, behind its guard."""
    local = [f"[{host}]:*" if ":" in host else f"{host}:*" for host in LOCAL]
    # On the network the name that a client calls this machine by is not known; there the token guards.
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=address.is_local,
        allowed_hosts=local,
        allowed_origins=[f"http://{host}" for host in local],
    )
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=MOST_BODY,
        max_sessions=MOST_HTTP_SESSIONS,
        transport_security=security,
    )
    return Guard(app, token, browsers=address.is_local)


class Guard:
    """Lets through who has the token, and no browser's page where the network reaches the server."""

    def __init__(self, app: ASGIApp, token: str, browsers: bool) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode() if token else b""
        self._browsers = browsers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        refusal = self._refusal(Headers(scope=scope)) if scope["type"] != "lifespan" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: Headers) -> PlainTextResponse | None:
        given = headers.get("authorization", "").encode()
        if self._expected and not hmac.compare_digest(given, self._expected):
            return PlainTextResponse(
                "a token is needed: send it as Authorization: Bearer TOKEN\n",
                status_code=401,
                headers={"WWW-Authenticate": "Bearer"},
            )
        if headers.get("origin") and not self._browsers:
            return PlainTextResponse("pages of other sites may not use this server\n", status_code=403)
        return None


async def serve_http(
    server: Server[Any], address: Address, token: str, ready: Callable[[str], None] = lambda _: None
) -> None:
    """Serve until interrupted; `ready` is told the URL once it can be called.

    Raises:
        SessionError: The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        bound = socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        raise SessionError(
            f"{address.host}:{address.port}: cannot be served at ({error.strerror or error}); choose another"
        ) from None
    with bound:
        ready(address.url(bound.getsockname()[1]))
        config = uvicorn.Config(
            http_app(server, address, token), log_config=None, access_log=False, timeout_graceful_shutdown=3
        )
        await uvicorn.Server(config).serve(sockets=[bound])
