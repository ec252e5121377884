"""OpenTelemetry spans of turns: names, seconds, tokens and errors, and nothing that was said or shown.

A turn, each of its nodes and each call of a tool or a model is a span, named as OpenTelemetry's conventions
for generative AI say. Nothing is sent, and nothing of OpenTelemetry is imported, unless an endpoint is
configured: `OTEL_EXPORTER_OTLP_ENDPOINT` for all programs, or `LOGISIGHT_OTEL` for LogiSight alone.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from ...schema import SessionError

if TYPE_CHECKING:
    from .spans import TurnSpans

ENDPOINT: Final = "LOGISIGHT_OTEL"
"""Base URL of an OTLP receiver over HTTP, such as http://127.0.0.1:4318."""
STANDARD: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
OFF: Final = "OTEL_SDK_DISABLED"

_log = logging.getLogger(__name__)


def is_configured() -> bool:
    """Whether spans are asked for."""
    if os.environ.get(OFF, "").lower() == "true":
        return False
    return any(os.environ.get(name) for name in (ENDPOINT, *STANDARD))


def traced(session: str) -> dict[str, Any]:
    """What a graph's config needs so that a turn of this session is traced; empty where none is asked for."""
    if not is_configured():
        return {}
    spans = _spans_of()
    return {"callbacks": [spans(session)]} if spans else {}


@cache
def _spans_of() -> type[TurnSpans] | None:
    """The maker of spans, with where they go; None where OpenTelemetry is not installed."""
    if not importlib.util.find_spec("opentelemetry.sdk") or not importlib.util.find_spec(
        "opentelemetry.exporter.otlp.proto.http"
    ):
        _log.warning("no traces are sent: OpenTelemetry is missing; pip install 'logisight[otel]'")
        return None
    from .spans import TurnSpans, send_to

    endpoint = os.environ.get(ENDPOINT, "")
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise SessionError(f"{ENDPOINT}: give the URL of an OTLP receiver, such as http://127.0.0.1:4318")
    send_to(endpoint)
    return TurnSpans
