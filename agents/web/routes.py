"""The HTTP API: everything that the page can do, for programs too."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from ...schema import PictureError, Record, SessionError, Verdict
from ..graph import Inspector
from ..session.desk import Desk
from ..session.graph import Decision
from ..session.session import Reply, Session
from .heat import heat_view
from .uploads import PICTURES, on_disk, read_upload
from .views import (
    AnswerView,
    HeatView,
    PictureView,
    ProductView,
    RuleView,
    SessionView,
    TalkView,
    answer_view,
    picture_view,
    product_view,
    rule_view,
    session_view,
    talk_view,
)
from .workroom import Workroom

api = APIRouter(prefix="/api")

SLOWEST: Final = 300.0
"""Seconds that are given to what is no turn."""
FOR_EVER: Final = "private, max-age=31536000, immutable"
_DISPLAYED: Final = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
"""How a file that browsers show begins -> what it is."""


def _room(request: Request) -> Workroom:
    room: Workroom = request.app.state.room
    return room


@contextmanager
def _or_not_found() -> Iterator[None]:
    """Whatever is not there is not found."""
    try:
        yield
    except SessionError as error:
        raise HTTPException(404, str(error)) from None


def _known(session: str, request: Request) -> str:
    with _or_not_found():
        _room(request).sessions.file(session)
    return session


Room = Annotated[Workroom, Depends(_room)]
Known = Annotated[str, Depends(_known)]


class NewSession(Record):
    """A session to begin, of its own or after a turn of another one."""

    title: str = Field(default="", max_length=120)
    branch_of: str = ""
    turn: int = 0


class Answered(Record):
    """What a person says to what he is asked."""

    yes: bool
    edit: str = Field(default="", max_length=4_000)
    """Other words, or another check, to be proposed instead."""


class Looked(Record):
    """A detector to look with."""

    detector: str = Field(default="grnr", max_length=200)


@api.get("/product")
def product(room: Room) -> ProductView:
    """The product that is open, and the detectors that there are."""
    return product_view(room)


@api.get("/rules")
def rules(room: Room) -> list[RuleView]:
    """The rulebook: checks and proofs."""
    return [rule_view(rule) for rule in room.product.rulebook().rules]


@api.post("/inspect", openapi_extra=PICTURES)
async def inspect(request: Request, room: Room) -> list[Verdict]:
    """Inspect pictures; nothing is kept."""
    async with read_upload(request) as uploaded:
        files = uploaded.files
    if not files:
        raise PictureError("no picture came; send files as `pictures`")
    pictures = await run_in_threadpool(room.decoder.decode, files)

    def look(desk: Desk, on_step: Callable[[str], None]) -> list[Verdict]:
        on_step("inspect_picture")
        inspector = Inspector(room.product, desk.jail)
        with on_disk(pictures) as paths:
            verdicts = desk.worker.call("inspect", SLOWEST, lambda: inspector.inspect(paths))
        return [
            verdict.model_copy(update={"sample": picture.name, "notes": [*picture.notes, *verdict.notes]})
            for verdict, picture in zip(verdicts, pictures, strict=True)
        ]

    return await room.at_desk("", look)


@api.get("/sessions")
def sessions(room: Room) -> list[SessionView]:
    """All sessions, the last started first."""
    return [session_view(file, room.sessions) for file in room.sessions.list()]


@api.post("/sessions", status_code=201)
def start(new: NewSession, room: Room) -> SessionView:
    """Begin a session, or a branch of one."""
    if not new.branch_of:
        return session_view(room.sessions.start(new.title), room.sessions)
    with _or_not_found():
        return session_view(room.sessions.branch(new.branch_of, new.turn), room.sessions)


@api.get("/sessions/{session}")
def talk(session: Known, room: Room) -> TalkView:
    """A session with all of its turns, and what it waits for."""
    return talk_view(session, room)


@api.delete("/sessions/{session}", status_code=204)
async def delete(session: Known, room: Room) -> Response:
    """Delete a session."""
    await room.at_desk(session, lambda *_: room.sessions.delete(session))
    return Response(status_code=204)


@api.post("/sessions/{session}/say", openapi_extra=PICTURES)
async def say(session: Known, request: Request, room: Room) -> AnswerView:
    """Say something, with pictures that it is about; answers when the turn is finished or asks something."""
    async with read_upload(request) as uploaded:
        text, files = uploaded
    if not text.strip() and not files:
        raise SessionError("nothing was said; send `text`, `pictures`, or both")
    pictures = await run_in_threadpool(room.decoder.decode, files) if files else []
    notes = [f"{picture.name}: {note}" for picture in pictures for note in picture.notes]

    def do(one: Session) -> Reply:
        with on_disk(pictures) as paths:
            return one.say(text, paths)

    return answer_view(await _at(room, session, do), room, notes)


@api.post("/sessions/{session}/decide")
async def decide(session: Known, said: Answered, room: Room) -> AnswerView:
    """Answer what the session asks: yes, no, or other words."""
    decision = Decision(yes=said.yes, edit=said.edit)
    return answer_view(await _at(room, session, lambda one: one.decide(decision)), room)


@api.post("/sessions/{session}/go-on")
async def go_on(session: Known, room: Room) -> AnswerView:
    """Go on with a turn that was cut off."""
    return answer_view(await _at(room, session, lambda one: one.go_on()), room)


@api.post("/sessions/{session}/drop")
async def drop(session: Known, room: Room) -> AnswerView:
    """Give up a turn that was cut off; it is kept as far as it came."""
    return answer_view(await _at(room, session, lambda one: one.drop()), room)


@api.get("/sessions/{session}/pictures/{number}")
def picture(session: Known, number: int, room: Room) -> PictureView:
    """A picture of a session with its last verdict."""
    with _or_not_found():
        return picture_view(session, number, room)


@api.post("/sessions/{session}/pictures/{number}/heat")
async def heat(session: Known, number: int, looked: Looked, room: Room) -> HeatView:
    """What a detector sees in a picture; it is calibrated first where it was not yet."""
    with _or_not_found():
        chosen = picture_view(session, number, room).picture

    def look(desk: Desk, on_step: Callable[[str], None]) -> HeatView:
        on_step("look_with_detector")
        seen = desk.worker.call("heat", SLOWEST, lambda: desk.suspicion(chosen, looked.detector))
        return heat_view(seen)

    return await room.at_desk("", look)


@api.get("/pictures/{sha256}", response_class=Response)
async def shown_picture(sha256: str, room: Room) -> Response:
    """A picture by its SHA-256, as PNG or JPEG."""
    with _or_not_found():
        data = await run_in_threadpool(room.sessions.store.get, sha256)
    kind = next((kind for start, kind in _DISPLAYED.items() if data.startswith(start)), "")
    if not kind:
        data, kind = await run_in_threadpool(room.displayed, sha256, data), "image/png"
    return Response(data, media_type=kind, headers={"Cache-Control": FOR_EVER})


@api.get("/events", response_class=StreamingResponse)
async def events(room: Room) -> StreamingResponse:
    """What happens, as server-sent events: what is in work, what a model says, when a session has news."""

    async def told() -> AsyncIterator[str]:
        yield _sent({"kind": "works", "works": [work.model_dump() for work in room.works]})
        async for event in room.news.listen():
            yield _sent(event) if event else ": still here\n\n"

    return StreamingResponse(told(), media_type="text/event-stream")


async def _at(room: Workroom, session: str, do: Callable[[Session], Reply]) -> Reply:
    return await room.at_desk(session, lambda desk, on_step: do(room.session_at(session, desk, on_step)))


def _sent(event: dict[str, object]) -> str:
    return f"data: {json.dumps(event)}\n\n"
