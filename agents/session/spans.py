"""Spans of a turn from LangGraph's callbacks; imported only where traces are configured, see `tracing`."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langgraph.errors import GraphBubbleUp
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import ProxyTracerProvider, Span, StatusCode, set_span_in_context

SCOPE: Final = "logisight.session"
PATIENCE: Final = 3
"""Seconds that a receiver has to take spans; inspection does not wait for it."""
NODE: Final = "langgraph_node"
OPERATION: Final = "gen_ai.operation.name"
ERROR: Final = "error.type"
REASONER: Final = "logisight.reasoner"


def send_to(endpoint: str) -> None:
    """Send spans to an endpoint, or to that of the standard variables where it is empty.

    A program that has set up OpenTelemetry itself gets the spans in its own way.
    """
    if not isinstance(trace.get_tracer_provider(), ProxyTracerProvider):
        return
    url = f"{endpoint.rstrip('/')}/v1/traces" if endpoint else None
    provider = TracerProvider(resource=Resource.create({"service.name": "logisight"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=PATIENCE)))
    trace.set_tracer_provider(provider)


class Open(NamedTuple):
    """A span that is not closed yet."""

    span: Span
    node: str
    """Empty of a whole turn."""
    steps: int
    """Of the turn, when this began."""


class TurnSpans(BaseCallbackHandler):
    """Opens and closes spans as a turn goes from node to node."""

    run_inline = True

    def __init__(self, session: str) -> None:
        self._session = session
        self._tracer = trace.get_tracer(SCOPE)
        self._open: dict[UUID, Open] = {}

    def on_chain_start(
        self,
        serialized: dict[str, Any] | None,
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """A turn begins, or a node of it."""
        node = str((metadata or {}).get(NODE, ""))
        if parent_run_id is None:
            self._begin(run_id, None, "", 0)
        elif parent_run_id in self._open and kwargs.get("name") == node:
            self._begin(run_id, self._open[parent_run_id].span, node, len(_steps(inputs)))

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """A node or a turn is done."""
        opened = self._open.pop(run_id, None)
        if opened is None:
            return
        if not opened.node and isinstance(outputs, dict):
            opened.span.set_attributes(
                {"logisight.turn": int(outputs.get("number", 0)), REASONER: str(outputs.get("reasoner", ""))}
            )
        elif len(_steps(outputs)) > opened.steps:
            _describe(opened.span, opened.node, _steps(outputs)[-1])
        opened.span.end()

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """A node or a turn failed, or waits for a person."""
        opened = self._open.pop(run_id, None)
        if opened is None:
            return
        if isinstance(error, GraphBubbleUp):
            opened.span.add_event("a person is asked")
        else:
            opened.span.set_attribute(ERROR, type(error).__name__)
            opened.span.set_status(StatusCode.ERROR)
        opened.span.end()

    def _begin(self, run: UUID, parent: Span | None, node: str, steps: int) -> None:
        attributes = {"gen_ai.conversation.id": self._session}
        if not node:
            attributes[OPERATION] = "invoke_agent"
        span = self._tracer.start_span(
            node or "invoke_agent logisight",
            set_span_in_context(parent) if parent else None,
            attributes=attributes,
        )
        self._open[run] = Open(span, node, steps)


def _steps(state: Any) -> list[dict[str, Any]]:
    found = state.get("steps") if isinstance(state, dict) else None
    return found if isinstance(found, list) else []


def _describe(span: Span, node: str, step: dict[str, Any]) -> None:
    """What a node did: it asked a model, or called a tool."""
    usage, name = step.get("usage") or {}, str(step["name"])
    if node == "think":
        span.set_attribute(OPERATION, "chat")
    elif node == "act":
        span.update_name(f"execute_tool {name}")
        span.set_attributes({OPERATION: "execute_tool", "gen_ai.tool.name": name})
    else:
        span.update_name(name)
    span.set_attributes(
        {
            "gen_ai.usage.input_tokens": int(usage.get("input_tokens", 0)),
            "gen_ai.usage.output_tokens": int(usage.get("output_tokens", 0)),
            "logisight.seconds": float(step["seconds"]),
        }
    )
    if step.get("error"):
        span.set_attribute(ERROR, "tool_error" if node == "act" else f"{node}_error")
        span.set_status(StatusCode.ERROR)
