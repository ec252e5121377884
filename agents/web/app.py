"""The web application: routes, errors as one line each, and the pages."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Template
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from ...schema import (
    DetectorError,
    LogiSightError,
    ModelError,
    PictureError,
    ProductError,
    SandboxError,
    SessionError,
)
from ..pages import page_templates
from .guard import COOKIE, Guard, TooMuch
from .routes import api
from .workroom import Workroom

STATIC: Final = Path(__file__).parent / "static"
_KEPT_SIGNED_IN: Final = 30 * 24 * 3600
"""Seconds."""
_STATUS: Final[dict[type[LogiSightError], int]] = {
    PictureError: 422,
    SessionError: 409,
    ProductError: 409,
    DetectorError: 409,
    ModelError: 502,
    SandboxError: 503,
}
"""What went wrong -> how HTTP calls it; anything else is 400."""
_FULL: Final = "the disk is full; make room, say it again"


def make_app(room: Workroom, token: str = "", names: Collection[str] = ()) -> Guard:
    """The application for a workroom, which it closes in the end.

    With a `token`, only who brings it is answered; `names` are what the server is called, beside its
    addresses.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        room.close()

    app = FastAPI(
        title="LogiSight",
        summary=f"Inspection of {room.product.name}: pictures, rules and sessions.",
        version=version("logisight"),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    guard = Guard(app, token, names)
    app.state.room, app.state.guard = room, guard
    app.include_router(api)
    app.add_api_route("/static/page.css", _style, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_api_route("/", _page, include_in_schema=False, response_class=HTMLResponse)
    app.add_api_route("/sign-in", _sign_in, methods=["POST"], include_in_schema=False)
    app.add_api_route("/api/docs", _docs, include_in_schema=False, response_class=HTMLResponse)
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    return guard


def _page(request: Request, token: str = "") -> Response:
    """The page; with a token in its address, it is taken out of there and kept in a cookie."""
    guard: Guard = request.app.state.guard
    if token:
        return _signed_in(token) if guard.is_token(token) else _asked_for_token("That is not the token.")
    if not guard.is_known(request.headers):
        return _asked_for_token("")
    room: Workroom = request.app.state.room
    page = _template("page.html.j2")
    return HTMLResponse(page.render(product=room.product.name, version=version("logisight")))


async def _sign_in(request: Request) -> Response:
    """The token, typed into the page that asks for it."""
    async with request.form(max_files=0, max_fields=1) as form:
        token = str(form.get("token", "")).strip()
    guard: Guard = request.app.state.guard
    return _signed_in(token) if guard.is_token(token) else _asked_for_token("That is not the token.")


def _signed_in(token: str) -> Response:
    # A redirect would be part of the visit from where the link was; a page that moves on is not, and so
    # gets the strict cookie.
    page = _template("signed_in.html.j2")
    answer = HTMLResponse(page.render())
    answer.set_cookie(COOKIE, token, max_age=_KEPT_SIGNED_IN, httponly=True, samesite="strict", path="/")
    return answer


def _asked_for_token(problem: str) -> Response:
    page = _template("sign_in.html.j2")
    return HTMLResponse(page.render(problem=problem), status_code=401)


def _style() -> Response:
    """The style sheet, with the palette of this house."""
    return Response(_template("page.css.j2").render(), media_type="text/css")


@cache
def _template(name: str) -> Template:
    """A template of this folder; it may include those of the one above."""
    return page_templates(__package__.rpartition(".")[0]).get_template(f"web/{name}")


def _docs(request: Request) -> Response:
    """What the API can do, from its description."""
    page = _template("api.html.j2")
    return HTMLResponse(page.render(api=request.app.openapi()))


async def _for_people(_: Request, error: Exception) -> Response:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 400)
    return _problem(status, str(error))


async def _no_room(_: Request, error: Exception) -> Response:
    if isinstance(error, OSError) and error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return _problem(500, f"{error.filename or 'file system'}: {error.strerror or error}")
    return _problem(507, _FULL)


async def _not_http(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return _problem(error.status_code, str(error.detail))
    return _problem(413, "that is more at once than is taken; send less")


async def _not_asked_well(_: Request, error: Exception) -> Response:
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": ""}
    return _problem(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


async def _unforeseen(_: Request, __: Exception) -> Response:
    return _problem(500, "something went wrong in the server; its log says what")


def _problem(status: int, line: str) -> Response:
    return JSONResponse({"error": line}, status)


_HANDLERS: Final[dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]]] = {
    LogiSightError: _for_people,
    OSError: _no_room,
    HTTPException: _not_http,
    TooMuch: _not_http,
    RequestValidationError: _not_asked_well,
    Exception: _unforeseen,
}
