"""What LogiSight adds round a model call, as a Markdown table: python -m logisight.benchmarks.llm_overhead.

A server on loopback that answers at once stands in for the model. Each question is asked in turn by
LogiSight, from what is known of product and picture to an answer that was validated, and by a bare client
that sends the same bytes. The difference is what LogiSight adds; medians of one run, side by side.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import httpx
import numpy as np
from pydantic import TypeAdapter
from rich.console import Console

from ..agents.draft import Draft, Refusal, Request, answer_schema
from ..agents.llm.answers import held_to, read_answer, whole_text
from ..agents.llm.endpoint import open_endpoint
from ..agents.llm.settings import URL_VARIABLE
from ..agents.product import Product, teach
from ..agents.prompting.composing import PromptSettings, compose
from ..agents.witness.witness import ask_witness
from ..prompts import author_messages
from ..sandbox import language_text
from ..tools.pictures import Picture
from .demo import write_product_line

MEGAPIXEL: Final = (1250, 800)
"""Width and height of the picture."""
LIMITS: Final = {"text": 10.0, "picture": 30.0}
"""Milliseconds that LogiSight allows itself."""

_CHECK: Final = (
    "def check(scene):\n    expect(True, kind='quantity', reason='', expected=1, actual=1, parts=[])\n"
)
_DRAFT: Final = {"code": _CHECK, "kind": "quantity", "breaks": ["removed"], "labels": ["pushpin"]}
_OPINION: Final = {
    "verdict": "normal",
    "reason": "All pins are there.",
    "kind": "none",
    "boxes": [],
    "marks": [],
    "confidence": 0.9,
}
_ANSWER: Final[TypeAdapter[Draft | Refusal]] = TypeAdapter(Draft | Refusal)


class Times(NamedTuple):
    """Milliseconds of each repeat."""

    bare: list[float]
    whole: list[float]

    @property
    def added(self) -> float:
        """Median of what LogiSight adds."""
        return statistics.median(whole - bare for whole, bare in zip(self.whole, self.bare, strict=True))


@dataclass
class _Server:
    url: str
    sent: bytes = b""
    """The last question."""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=50, help="questions of each kind (default: 50)")
    repeats = parser.parse_args().repeats
    console = Console(soft_wrap=True, highlight=False)
    console.print(
        "| question | bare client | LogiSight | added, p50 | limit | ratio |\n|---|---|---|---|---|---|"
    )
    for name, kind, times in measure(repeats):
        bare, whole = statistics.median(times.bare), statistics.median(times.whole)
        limit = LIMITS[kind]
        console.print(
            f"| {name} | {bare:.1f} ms | {whole:.1f} ms | {times.added:.1f} ms | {limit:g} ms "
            f"| {times.added / limit:.2f} |",
            markup=False,
        )


def measure(repeats: int) -> Iterator[tuple[str, str, Times]]:
    """Name, kind and times of each question."""
    with tempfile.TemporaryDirectory() as name, _answering() as server:
        os.environ[URL_VARIABLE] = server.url
        yield "to write a check (text)", "text", _compared(server, _author(), repeats)
        product = _product(Path(name))
        for what, preset in (
            ("a new 1-megapixel picture", "references"),
            ("the same, and with marks", "full"),
        ):
            yield what, "picture", _compared(server, _witness(product, preset), repeats)


Question = tuple[Callable[[Any], None], Callable[[], Any]]
"""Asks about something, and makes what to ask about, which is not measured."""


def _author() -> Question:
    model = open_endpoint("vllm", "stand-in")
    request = Request(sentence="There are exactly 15 pushpins.", labels=["box", "pushpin"])

    def ask(_: None) -> None:
        messages = author_messages(language_text(), request.model_dump())
        answer = model.invoke(messages, **held_to(answer_schema(request.labels)))
        read_answer(whole_text(answer), _ANSWER)

    return ask, lambda: None


def _product(folder: Path) -> Product:
    write_product_line(folder, normals=1, tests=1, size=MEGAPIXEL)
    return teach(folder / "box", folder / "references", folder / "annotations").product


def _witness(product: Product, preset: str) -> Question:
    """Asks about a picture that was not seen before, beside one reference picture that was."""
    _, picture = next(product.reference_pictures())
    scene = product.see(picture)[1].scene
    settings = PromptSettings.preset(preset)
    random = np.random.default_rng(0)
    model = open_endpoint("vllm", "stand-in")

    def ask(new: Picture) -> None:
        ask_witness(model, [compose(product, new, scene, settings=settings)], {})

    def other() -> Picture:
        noise = random.integers(0, 3, picture.pixels.shape, np.uint8)
        pixels = np.asarray(cv2.add(picture.pixels, noise), np.uint8)
        return Picture(picture.path, random.bytes(32).hex(), pixels)

    return ask, other


def _compared(server: _Server, question: Question, repeats: int) -> Times:
    """Ask in turn with LogiSight and with a bare client."""
    bare, whole = [], []
    ask, about = question
    with httpx.Client(trust_env=False) as client:
        for number in range(repeats + 2):
            what = about()
            start = time.perf_counter()
            ask(what)
            asked = time.perf_counter()
            client.post(f"{server.url}/chat/completions", content=server.sent).json()
            ended = time.perf_counter()
            if number >= 2:  # the first questions open connections and fill caches
                whole.append(1000 * (asked - start))
                bare.append(1000 * (ended - asked))
    return Times(bare, whole)


@contextmanager
def _answering() -> Iterator[_Server]:
    """A server on loopback that answers every question at once."""
    server = _Server("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Or headers and body go in two packets, of which the second waits 40 ms for the first one's receipt.
        wbufsize = 2**16

        def do_POST(self) -> None:
            server.sent = self.rfile.read(int(self.headers["Content-Length"]))
            reply = _reply(json.loads(server.sent))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: Any) -> None:
            """It has nothing to say."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        server.url = f"http://127.0.0.1:{http.server_port}/v1"
        yield server
        http.shutdown()


def _reply(body: dict[str, Any]) -> bytes:
    held = body.get("structured_outputs", {})
    opinion = "verdict" in json.dumps(held)
    text = held["choice"][0] if "choice" in held else json.dumps(_OPINION if opinion else _DRAFT)
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    kind = {"id": "1", "object": "chat.completion", "created": 1, "model": body["model"]}
    return json.dumps({**kind, "choices": [choice], "usage": usage}).encode()


if __name__ == "__main__":
    main()
