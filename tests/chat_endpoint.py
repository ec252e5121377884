"""An HTTP server on loopback that answers as chat endpoints do, well and badly. It is no model: it says what
it is told to say, so that what goes over the wire is real and what comes back is known.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "tiny"

SETTINGS = ("LOGISIGHT_LLM_KEY", "LOGISIGHT_LLM_TIMEOUT", "LOGISIGHT_LLM_MAX_TOKENS", "OPENAI_API_KEY")
"""Variables of the environment that would change what is sent."""

Reply = tuple[int, dict[str, str], bytes | Iterable[bytes]]
"""Status, headers, body, or what it is sent in."""

SOON = {"Retry-After-Ms": "1"}
"""What a server says that wants to be asked again at once."""


def completion(text: str | None, ended: str = "stop", **message: Any) -> Reply:
    """An answer of a model."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **message},
        "finish_reason": ended,
    }
    return whole([choice])


def whole(choices: Any) -> Reply:
    """A chat completion with these choices."""
    usage = {"prompt_tokens": 70, "completion_tokens": 30, "total_tokens": 100}
    content = {"id": "1", "object": "chat.completion", "created": 1, "model": MODEL, "usage": usage}
    return as_json({**content, "choices": choices})


def streamed(*words: str) -> tuple[int, dict[str, str], list[bytes]]:
    """An answer that comes in pieces."""
    frame = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    deltas: list[dict[str, Any]] = [{"delta": {"role": "assistant", "content": word}} for word in words]
    deltas[-1]["finish_reason"] = "stop"
    pieces = [json.dumps({**frame, "choices": [{"index": 0, **delta}]}) for delta in deltas]
    body = [f"data: {piece}\n\n".encode() for piece in (*pieces, "[DONE]")]
    return 200, {"Content-Type": "text/event-stream"}, body


def failure(status: int, message: str, **headers: str) -> Reply:
    """An error as vLLM and OpenAI word it."""
    error = {"error": {"message": message, "type": "an error", "param": None, "code": status}}
    return as_json(error, status, **headers)


def as_json(content: Any, status: int = 200, **headers: str) -> Reply:
    """Anything as JSON."""
    return status, {"Content-Type": "application/json", **headers}, json.dumps(content).encode()


def probed(body: dict[str, Any]) -> Reply | None:
    """What an endpoint that holds answers to a schema says when that is tried; None to any other question."""
    if "choice" in body.get("structured_outputs", {}):
        return completion(body["structured_outputs"]["choice"][0])
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    words = schema.get("properties", {}).get("answer", {}).get("enum")
    return completion(json.dumps({"answer": words[0]})) if words else None


@dataclass
class Endpoint:
    """What is answered, and what was asked."""

    answer: Callable[[dict[str, Any]], Reply | None] = lambda _: completion("hello")
    """Body of a question -> reply; None hangs up in mid-answer."""
    models: Reply = field(default_factory=lambda: as_json({"object": "list", "data": [{"id": MODEL}]}))
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    url: str = ""
    released: threading.Event = field(default_factory=threading.Event)
    """Set when the server is stopped; an answer that waits for it never comes."""

    def in_turn(self, *replies: Reply | None) -> None:
        """Answer with these one after the other, and the last one from then on."""
        left = list(replies)
        self.answer = lambda _: left.pop(0) if len(left) > 1 else left[0]

    def in_turn_held(self, *replies: Reply | None) -> None:
        """The same, and hold answers to a schema when that is tried."""
        self.in_turn(*replies)
        answer = self.answer
        self.answer = lambda body: probed(body) or answer(body)

    def never(self, _: dict[str, Any]) -> None:
        """An answer that does not come."""
        self.released.wait()


@contextmanager
def serving() -> Iterator[Endpoint]:
    """A server on loopback, while the `with` lasts."""
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(endpoint.models)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            endpoint.asked.append(body)
            endpoint.keys.append(self.headers["Authorization"])
            reply = endpoint.answer(body)
            if reply:
                self.reply(reply)
            else:
                self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n{")

        def reply(self, reply: Reply) -> None:
            status, headers, body = reply
            self.send_response(status)
            if isinstance(body, bytes):
                headers = {**headers, "Content-Length": str(len(body))}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            for piece in [body] if isinstance(body, bytes) else body:
                self.wfile.write(piece)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that has gone is no news."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
        try:
            yield endpoint
        finally:
            endpoint.released.set()
            server.shutdown()
            thread.join()
