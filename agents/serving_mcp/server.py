"""The tools of inspection sessions as a server of the Model Context Protocol.

A connection is a session. From protocol 2026-07-28 on, HTTP has no connections: there a client calls
`start_session` and names the session in every call. What changes something is asked of a person through the
client, in the same request or, from 2026-07-28 on, between two; the state between them is sealed.
"""

from __future__ import annotations

import base64
import io
import itertools
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import anyio
from anyio import from_thread, to_thread
from anyio.lowlevel import current_token
from mcp import MCPError
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.types import (
    INVALID_PARAMS,
    BlobResourceContents,
    CallToolRequestParams,
    CallToolResult,
    ElicitResult,
    InputRequiredResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
)
from PIL import Image
from pydantic import ValidationError

from ...schema import LogiSightError, SessionError
from ..session.graph import TOOLS
from ..session.session import Reply
from .asking import CANNOT_ASK, QUESTION, Asked, can_ask, decision_of, digest, form_of, request_of
from .listing import ADD, SESSION, START, adding, has_connections, instructions, listed_tools
from .service import OnStep, Sent, Service, question_of
from .told import Told, picture_uri, read_uri, refused, result, told

MOST_CONNECTIONS: Final = 1_000
"""That are remembered; a client of an older one begins a new session."""
MOST_EDITS: Final = 8
"""Times that a person may put a proposal in other words in one call."""
PAGE: Final = 100
"""Resources of one page of a list."""
MOST_BLOB: Final = 16 * 2**20
"""Bytes of a picture that is read as a resource."""

Context = ServerRequestContext[Any, Any]
Answered = CallToolResult | InputRequiredResult
T = TypeVar("T")


def mcp_server(service: Service, files: bool, session: str = "") -> Server[Any]:
    """The server. With `files`, pictures may be given by path; `session` is that of a single connection."""
    front = _Front(service, files, session)
    product = service.sessions.product
    server: Server[Any] = Server(
        "logisight",
        title=f"LogiSight: {product.name}",
        instructions=instructions(product),
        on_list_tools=front.list_tools,
        on_call_tool=front.call_tool,
        on_list_resources=front.list_resources,
        on_list_resource_templates=front.list_templates,
        on_read_resource=front.read_resource,
    )
    server.middleware.append(
        RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience="logisight")
    )
    return server


class _Front:
    """Answers requests; work is done in a thread, one call at a time."""

    def __init__(self, service: Service, files: bool, session: str) -> None:
        self._service = service
        self._files = files
        self._sessions: OrderedDict[str, str] = OrderedDict({"": session} if session else {})
        """Connection -> its session."""
        self._hands = anyio.CapacityLimiter(1)
        self._starting = anyio.Lock()
        self._turns: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)
        """Session -> held for a whole call, so that nothing comes between a question and its answer."""

    async def list_tools(self, context: Context, _: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=listed_tools(has_connections(context), self._files))

    async def call_tool(self, context: Context, params: CallToolRequestParams) -> Answered:
        try:
            return await self._called(context, params)
        except LogiSightError as error:
            return refused(error)
        except OSError as error:
            return refused(f"the server's file system: {error.strerror or error}")

    async def list_resources(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        session = self._sessions.get(_connection(context)) if has_connections(context) else None
        if session is None:
            return ListResourcesResult(resources=[])
        start = _offset(params)
        pictures = list((await self._work(self._service.pictures, session)).items())
        page = [
            Resource(uri=picture_uri(session, sha256), name=sha256[:12], title=title)
            for sha256, title in pictures[start : start + PAGE]
        ]
        more = start + PAGE < len(pictures)
        return ListResourcesResult(resources=page, next_cursor=str(start + PAGE) if more else None)

    async def list_templates(
        self, _context: Context, _: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        template = ResourceTemplate(
            uri_template=picture_uri("{session}", "{sha256}"),
            name="picture",
            title="A picture of a session, or one that was shown in it",
        )
        return ListResourceTemplatesResult(resource_templates=[template])

    async def read_resource(self, _context: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        try:
            session, sha256 = read_uri(params.uri)
            content = await self._work(self._service.picture, session, sha256)
        except LogiSightError as error:
            raise MCPError(code=INVALID_PARAMS, message=str(error)) from None
        if len(content) > MOST_BLOB:
            raise MCPError(code=INVALID_PARAMS, message="this picture is too large to be sent")
        blob = BlobResourceContents(
            uri=params.uri, mime_type=_mime_of(content), blob=base64.b64encode(content).decode()
        )
        return ReadResourceResult(contents=[blob])

    async def _called(self, context: Context, params: CallToolRequestParams) -> Answered:
        given, name = dict(params.arguments or {}), params.name
        if name == START.name:
            return await self._started(context, START.arguments(given).title)
        if name != ADD and name not in TOOLS:
            raise SessionError(
                f"there is no tool of this name; there are: {', '.join([START.name, ADD, *TOOLS])}"
            )
        session = await self._session(context, given.pop(SESSION, None))
        tool = TOOLS.get(name)
        if tool and tool.proposes and not can_ask(context):
            raise SessionError(CANNOT_ASK)
        on_step = _reporter(context)
        async with self._turns[session]:
            if params.request_state is not None:
                reply = await self._resumed(session, params, on_step)
            elif tool:
                reply = await self._work(self._service.call, session, name, given, on_step)
            else:
                reply = await self._added(session, given, on_step)
            if reply.consent and _is_between_requests(context):
                return _to_be_asked(session, reply)
            reply = await self._asked(context, session, reply, on_step)
        if reply.turn is None:
            raise SessionError("the turn has no end")
        return await self._work(told, session, reply.turn, self._service.sessions.store)

    async def _started(self, context: Context, title: str) -> CallToolResult:
        session = await self._work(self._service.start, title)
        if has_connections(context):
            self._remember(_connection(context), session)
        return result(Told(session=session, answer=f"Session {session} is open."))

    async def _added(self, session: str, given: dict[str, Any], on_step: OnStep) -> Reply:
        asked = adding(self._files).arguments(given)
        path = getattr(asked, "path", "")
        if bool(path) == bool(asked.data):
            raise SessionError("give a picture as `data` in base64" + (", or by its `path`" * self._files))
        picture = Path(path) if path else Sent(asked.name, asked.data)
        return await self._work(self._service.add, session, picture, on_step)

    async def _asked(self, context: Context, session: str, reply: Reply, on_step: OnStep) -> Reply:
        """Ask a person within the request, until there is nothing more to ask."""
        for _ in range(MOST_EDITS):
            if reply.consent is None:
                return reply
            form = form_of(reply.consent)
            try:
                answered = await context.session.elicit_form(
                    form.message, form.requested_schema, related_request_id=context.request_id
                )
            except (MCPError, ValidationError):
                answered = ElicitResult(action="cancel")
            except anyio.get_cancelled_exc_class():
                self._service.forget(session)
                raise
            reply = await self._decided(session, digest(question_of(reply)), answered, on_step)
        while reply.consent:
            no = ElicitResult(action="decline")
            reply = await self._decided(session, digest(reply.consent), no, on_step)
        return reply

    async def _resumed(self, session: str, params: CallToolRequestParams, on_step: OnStep) -> Reply:
        """Go on with the answer that a client brings to a question of its last request."""
        open_question = Asked.model_validate_json(params.request_state or "")
        if open_question.session != session:
            raise SessionError("that question was asked in another session; nothing was changed")
        answered = (params.input_responses or {}).get(QUESTION)
        if not isinstance(answered, ElicitResult):
            answered = ElicitResult(action="cancel")
        return await self._decided(session, open_question.consent, answered, on_step)

    async def _decided(self, session: str, consent: str, answered: ElicitResult, on_step: OnStep) -> Reply:
        return await self._work(self._service.decide, session, consent, decision_of(answered), on_step)

    async def _session(self, context: Context, named: object) -> str:
        """The session that a call is for: the named one, or that of the connection."""
        if named is not None:
            return self._service.sessions.file(str(named)).id
        if not has_connections(context):
            raise SessionError(f"say which session: call {START.name}, then give its id as `{SESSION}`")
        connection = _connection(context)
        async with self._starting:
            if connection not in self._sessions:
                self._remember(connection, await self._work(self._service.start))
        return self._sessions[connection]

    def _remember(self, connection: str, session: str) -> None:
        self._sessions[connection] = session
        while len(self._sessions) > MOST_CONNECTIONS:
            self._sessions.popitem(last=False)

    async def _work(self, work: Callable[..., T], *arguments: Any) -> T:
        return await to_thread.run_sync(partial(work, *arguments), limiter=self._hands)


def _to_be_asked(session: str, reply: Reply) -> InputRequiredResult:
    consent = question_of(reply)
    state = Asked(session=session, consent=digest(consent)).model_dump_json()
    return InputRequiredResult(input_requests={QUESTION: request_of(consent)}, request_state=state)


def _is_between_requests(context: Context) -> bool:
    """Whether a server may not ask within a request, as from protocol 2026-07-28 on."""
    return not context.session.can_send_request


def _connection(context: Context) -> str:
    """What tells the connection of a request from others; empty where there is one only."""
    return str(context.request.headers.get("mcp-session-id", "")) if context.request else ""


def _reporter(context: Context) -> OnStep:
    """Tells a client that asked for it what step a call is at."""
    if not (context.meta or {}).get("progress_token"):
        return lambda _: None
    count, token = itertools.count(1), current_token()

    def on_step(name: str) -> None:
        # A client that is gone must not stop the turn.
        with suppress(MCPError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            from_thread.run(context.session.report_progress, float(next(count)), None, name, token=token)

    return on_step


def _offset(params: PaginatedRequestParams | None) -> int:
    cursor = (params.cursor if params else None) or "0"
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise MCPError(code=INVALID_PARAMS, message="there is no such page")
    return int(cursor)


def _mime_of(content: bytes) -> str:
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.get_format_mimetype() or "application/octet-stream"
    except (OSError, Image.DecompressionBombError):
        return "application/octet-stream"
