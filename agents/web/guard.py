"""Who may ask the server, from where, and how much; and what browsers are told to hold back."""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE: Final = "logisight"
MOST_UPLOADED: Final = 100 * 2**20
"""Bytes of one request with files."""
MOST_SAID: Final = 2**20
"""Bytes of any other request."""
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
OPEN_PATHS: Final = ("/", "/sign-in")
"""Which take a token themselves; so does all of `/static`, which tells nothing."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_SAFE: Final = ("GET", "HEAD", "OPTIONS")


class Guard:
    """Lets through what a person of this page, or a program with the token, asks for; refuses all else.

    A page of another site cannot ask: its requests tell where they come from, and a name that was bound to
    this address (DNS rebinding) is not one of ours.
    """

    def __init__(self, app: ASGIApp, token: str, names: Collection[str] = ()) -> None:
        """Without a `token` only names of loopback are answered; with one also addresses and `names`."""
        self._app, self._token = app, token
        ours = {socket.gethostname().lower(), socket.getfqdn().lower()} if token else set()
        self._names = {*LOOPBACK, *ours, *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope, Headers(scope=scope))
        budget = _Budget(scope, receive)
        app = refusal or (_refused(413, budget.message) if budget.exceeded else self._app)

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await app(scope, budget, answered)
        except TooMuch:
            await _refused(413, budget.message)(scope, receive, answered)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        host, path = headers.get("host", ""), scope["path"]
        if not self._is_ours(host):
            return _refused(421, f"this server is not called {host[:80]!r}; open it by its address")
        if not _is_same_origin(scope, headers, host):
            return _refused(403, "this request comes from another site")
        open_to_all = path in OPEN_PATHS or path.startswith("/static/")
        if not open_to_all and not self.is_known(headers):
            return _refused(401, "give the token: open the page by /?token=..., or send `Bearer ...`")
        return None

    def is_known(self, headers: Headers) -> bool:
        """Whether a request brings the token, where one is asked for."""
        kind, _, given = headers.get("authorization", "").partition(" ")
        given = given.strip() if kind.lower() == "bearer" else _cookie(headers)
        return self.is_token(given)

    def is_token(self, given: str) -> bool:
        """Whether this is the token; anything is where none is asked for."""
        return not self._token or hmac.compare_digest(given.encode(), self._token.encode())

    def _is_ours(self, host: str) -> bool:
        name = _hostname(host)
        if name in self._names:
            return True
        return bool(self._token) and _is_address(name)


class TooMuch(Exception):  # noqa: N818  (a signal to the guard, which nobody else sees)
    """More bytes came than are taken."""


class _Budget:
    """The bytes of a request, up to the most that are taken."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        headers = Headers(scope=scope)
        is_upload = headers.get("content-type", "").startswith("multipart/form-data")
        self._receive = receive
        self._most = MOST_UPLOADED if is_upload else MOST_SAID
        self._left = self._most
        length = headers.get("content-length", "0")
        self.exceeded = not length.isdigit() or int(length) > self._most

    @property
    def message(self) -> str:
        return f"more than {self._most / 2**20:.0f} MiB at once; send less"

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise TooMuch
        return message


def _is_same_origin(scope: Scope, headers: Headers, host: str) -> bool:
    """Whether a request comes from a page of this server, or from no page at all.

    A link on another site may open the page itself, as it shows nothing to that site.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    if origin is not None and urlsplit(origin).netloc != host:
        return False
    if site in ("none", "same-origin"):
        return True
    opens_page = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return scope["method"] in _SAFE and scope["path"] == "/" and opens_page


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _refused(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)
