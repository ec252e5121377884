"""What another agent is told of a turn: text, pictures of a bounded size, and the same as data."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from typing import Any, Final

from mcp.types import CallToolResult, ContentBlock, ImageContent, TextContent
from PIL import Image

from ...schema import Finding, LogiSightError, Range, Record, SessionError, Value, Verdict
from ..session.store import Store
from ..session.turn import SessionPicture, Turn
from .caller import ERROR

MOST_IMAGES: Final = 3
"""Pictures of one answer; the others are named by URI."""
MOST_PIXELS: Final = 1024
"""Of the longer side of a picture of an answer."""
MOST_BYTES: Final = 400_000
"""Of a picture of an answer as PNG; a larger one is sent as JPEG."""
MOST_FINDINGS: Final = 20
"""Of one verdict, the failed ones first."""
SCHEME: Final = "logisight"


class ToldFinding(Record):
    """What one rule says of a picture."""

    rule: int
    text: str
    status: str
    reason: str
    expected: Value | Range = None
    actual: Value = None


class ToldVerdict(Record):
    """The verdict on a picture."""

    picture: int
    name: str
    status: str
    score: float
    """0.5 is the decision line."""
    explanation: str
    findings: list[ToldFinding]


class ToldPicture(Record):
    """A picture by its address."""

    uri: str
    caption: str
    picture: int


class Told(Record):
    """What came of a call, as data."""

    session: str
    """Its id."""
    turn: int = 0
    answer: str
    pictures: list[SessionPicture] = []
    """That were new."""
    verdicts: list[ToldVerdict] = []
    shown: list[ToldPicture] = []
    decisions: list[str] = []
    """What a person was asked and said."""


def picture_uri(session: str, sha256: str) -> str:
    """The address of a picture of a session.

    >>> picture_uri("20260101-120000-abcd", "00ff")
    'logisight://sessions/20260101-120000-abcd/pictures/00ff'
    """
    return f"{SCHEME}://sessions/{session}/pictures/{sha256}"


def read_uri(uri: str) -> tuple[str, str]:
    """The session and the SHA-256 of a picture's address.

    Raises:
        SessionError: It is no such address.
    """
    parts = uri.split("/")
    if len(parts) != 6 or parts[:3] != [f"{SCHEME}:", "", "sessions"] or parts[4] != "pictures":
        raise SessionError(
            f"there is no resource at this address; pictures are at {picture_uri('ID', 'SHA256')}"
        )
    return parts[3], parts[5]


def told(session: str, turn: Turn, store: Store) -> CallToolResult:
    """A finished turn as the answer to a call.

    Raises:
        SessionError: Something that the turn names is missing from the store.
    """
    data = Told(
        session=session,
        turn=turn.number,
        answer=turn.answer,
        pictures=turn.pictures,
        verdicts=[
            _told_verdict(number, store.get_record(Verdict, sha256))
            for number, sha256 in sorted(turn.verdicts.items())
        ],
        shown=[
            ToldPicture(uri=picture_uri(session, one.sha256), caption=one.caption, picture=one.picture)
            for one in turn.shown
        ],
        decisions=turn.decisions,
    )
    images = [image_of(store.get(one.sha256)) for one in turn.shown[:MOST_IMAGES]]
    more = [f"{one.caption}: {one.uri}" for one in data.shown[MOST_IMAGES:]]
    return result(data, images, "\n".join([turn.answer, *more]), failed=_failed(turn))


def result(
    data: Told, images: Iterable[ImageContent] = (), text: str = "", failed: bool = False
) -> CallToolResult:
    """An answer with its data and pictures; `text` where it says more than the data's answer."""
    content: list[ContentBlock] = [TextContent(text=text or data.answer), *images]
    return CallToolResult(content=content, structured_content=data.model_dump(mode="json"), is_error=failed)


def refused(error: LogiSightError | str) -> CallToolResult:
    """A call that came to nothing, in one line."""
    return CallToolResult(content=[TextContent(text=str(error))], is_error=True)


def image_of(content: bytes) -> ImageContent:
    """A picture of the store, small enough for an answer.

    Raises:
        SessionError: It is no picture.
    """
    try:
        image = Image.open(io.BytesIO(content)).convert("RGB")
        image.thumbnail((MOST_PIXELS, MOST_PIXELS))
        encoded, kind = _encoded(image, "PNG"), "image/png"
        if len(encoded) > MOST_BYTES:
            encoded, kind = _encoded(image, "JPEG"), "image/jpeg"
    except (OSError, ValueError, Image.DecompressionBombError):
        raise SessionError("this is kept in the store, but is no picture") from None
    return ImageContent(data=base64.b64encode(encoded).decode(), mime_type=kind)


def _encoded(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def _told_verdict(number: int, verdict: Verdict) -> ToldVerdict:
    findings = sorted(verdict.findings, key=lambda finding: finding.status == "passed")
    return ToldVerdict(
        picture=number,
        name=verdict.sample,
        status=verdict.status,
        score=round(verdict.score, 3),
        explanation=verdict.explanation,
        findings=[_told_finding(finding) for finding in findings[:MOST_FINDINGS]],
    )


def _told_finding(finding: Finding) -> ToldFinding:
    return ToldFinding(
        rule=finding.rule,
        text=finding.text,
        status=finding.status,
        reason=finding.reason,
        expected=finding.expected,
        actual=finding.actual,
    )


def _failed(turn: Turn) -> bool:
    """Whether a tool of the turn answered with an error."""
    return any(_content(message).startswith(ERROR) for message in turn.messages)


def _content(message: dict[str, Any]) -> str:
    return str(message.get("data", {}).get("content", "")) if message.get("type") == "tool" else ""
