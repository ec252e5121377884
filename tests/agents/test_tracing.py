"""OpenTelemetry: spans of each turn where they are asked for, and nothing of it where they are not."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("langgraph.checkpoint.sqlite", reason="needs logisight[chat]")

from logisight.agents.session.tracing import ENDPOINT, OFF, STANDARD, is_configured, traced

SECRET = "scratched-by-Ms-Jones"
TURN = f"""
import sys
from pathlib import Path
from logisight.agents.product import open_product
from logisight.agents.session.session import open_session
from logisight.agents.session.graph import Decision

with open_session(open_product(sys.argv[1])) as session:
    session.say("", [Path(sys.argv[2])])
    session.say("{SECRET}")
    session.say("count pushpins in picture 9")
    session.say("retire rule 1")
    session.decide(Decision(yes=False))
print("logisight.agents.session.spans" in sys.modules)
"""


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (ENDPOINT, OFF, *STANDARD):
        monkeypatch.delenv(name, raising=False)


def test_what_asks_for_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_configured() and traced("a-session") == {}
    for name in (ENDPOINT, *STANDARD):
        with monkeypatch.context() as change:
            change.setenv(name, "http://127.0.0.1:4318")
            assert is_configured()
            change.setenv(OFF, "true")
            assert not is_configured() and traced("a-session") == {}


@pytest.fixture
def received() -> Iterator[tuple[str, list[bytes]]]:
    """An OTLP receiver: its URL, and what it was sent."""
    bodies: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            zipped = self.headers.get("Content-Encoding") == "gzip"
            assert self.path == "/v1/traces"
            bodies.append(gzip.decompress(body) if zipped else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", bodies
        server.shutdown()


def take_turns(demo_line: Path, folder: Path, **environment: str) -> str:
    """Four turns in a process of their own; returns whether spans were made."""
    shutil.copytree(demo_line / "box", folder / "box")
    picture = folder / f"{SECRET}.png"
    shutil.copy(sorted((demo_line / "inspect").glob("*.png"))[0], picture)
    done = subprocess.run(
        [sys.executable, "-c", TURN, str(folder / "box"), str(picture)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.whole
def test_nothing_is_imported_where_nothing_is_asked_for(demo_line: Path, tmp_path: Path) -> None:
    assert take_turns(demo_line, tmp_path) == "False"


@pytest.mark.whole
def test_spans_reach_a_receiver(demo_line: Path, tmp_path: Path, received: tuple[str, list[bytes]]) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="needs logisight[otel]")
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    url, bodies = received
    assert take_turns(demo_line, tmp_path, **{ENDPOINT: url}) == "True"
    spans = [
        span
        for body in bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    turns = [span for span in spans if span.name == "invoke_agent logisight"]
    assert len(turns) == 5 and not any(turn.parent_span_id for turn in turns)
    assert all(span.parent_span_id in {turn.span_id for turn in turns} for span in spans if span not in turns)
    names = {span.name for span in spans}
    assert {"begin", "think", "ask", "keep", "execute_tool inspect_picture"} <= names
    (failed,) = [span for span in spans if span.name == "execute_tool count_parts"]
    assert failed.status.code == 2
    facts = {one.key: one.value for one in failed.attributes}
    assert facts["gen_ai.tool.name"].string_value == "count_parts"
    assert facts["error.type"].string_value == "tool_error"
    assert facts["logisight.seconds"].double_value > 0
    waits = [event.name for span in spans for event in span.events]
    assert waits == ["a person is asked"]
    # What was said, and what pictures are called, stays here.
    assert SECRET.encode() not in b"".join(bodies)


@pytest.mark.whole
def test_a_receiver_that_is_gone_disturbs_nothing(demo_line: Path, tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="needs logisight[otel]")
    assert take_turns(demo_line, tmp_path, **{ENDPOINT: "http://127.0.0.1:9"}) == "True"
