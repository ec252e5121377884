"""What stands in for a vision-language model at an endpoint: it looks at pictures, and knows the good ones.

It is no model: it names the colour of a plain square, and calls a picture normal whose bytes it knows.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
from dataclasses import dataclass, field
from typing import Any

from chat_endpoint import Reply, as_json, probed
from PIL import Image

COLOURS = {(255, 0, 0): "red", (0, 128, 0): "green", (0, 0, 255): "blue", (255, 255, 0): "yellow"}


@dataclass
class StandIn:
    """A model that suspects every picture whose SHA-256 is not among the good ones."""

    good: set[str] = field(default_factory=set)
    suspicion: tuple[float, float] = (0.1, 0.9)
    """Of a good picture, and of any other."""
    odds: bool = True
    """Whether it tells the odds of its words."""
    reason: str = "there is a scratch on it"
    asked: list[tuple[str, list[str]]] = field(default_factory=list)
    """SHA-256 of every picture that it was asked about, and of all pictures of the question."""

    @property
    def judged(self) -> list[str]:
        """SHA-256 of every picture that it was asked about."""
        return [judged for judged, _ in self.asked]

    def __call__(self, body: dict[str, Any]) -> Reply | None:
        """What it answers to a request."""
        schema = probed(body)
        if schema:
            return schema
        asked = [one["content"] for one in body["messages"] if isinstance(one["content"], list)]
        if not asked:
            return self._completion(body, "yes", {"yes": 0.9, "no": 0.1}, "yes")
        parts = asked[-1]
        pictures = [one["image_url"]["url"] for one in parts if one["type"] == "image_url"]
        if len(pictures) == 1 and "colour" in str(parts[0]):
            return self._completion(body, colour_of(pictures[0]), {}, "")
        return self._opinion(body, parts, pictures)

    def _opinion(self, body: dict[str, Any], parts: list[dict[str, Any]], pictures: list[str]) -> Reply:
        place = next(n for n, part in enumerate(parts) if "the one to judge" in part.get("text", ""))
        sha256 = hashlib.sha256(bytes_of(parts[place + 1]["image_url"]["url"])).hexdigest()
        self.asked.append((sha256, [hashlib.sha256(bytes_of(one)).hexdigest() for one in pictures]))
        suspicion = self.suspicion[sha256 not in self.good]
        verdict = "anomalous" if suspicion > 0.5 else "normal"
        opinion = {
            "verdict": verdict,
            "reason": self.reason if verdict == "anomalous" else "it looks like the good one",
            "kind": "structural" if verdict == "anomalous" else "none",
            "boxes": [[10, 10, 60, 40]] if verdict == "anomalous" else [],
            "marks": [],
            "confidence": round(abs(2 * suspicion - 1), 6),
        }
        odds = {"anomalous": suspicion, "normal": 1 - suspicion}
        return self._completion(body, json.dumps(opinion), odds, verdict)

    def _completion(self, body: dict[str, Any], text: str, odds: dict[str, float], word: str) -> Reply:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        if body.get("logprobs") and self.odds and odds:
            before, _, after = text.partition(word)
            others = [{"token": one, "logprob": math.log(share)} for one, share in odds.items()]
            content = [token(before, []), token(word, others), token(after, [])]
            choice["logprobs"] = {"content": [one for one in content if one["token"]], "refusal": None}
        usage = {"prompt_tokens": 700, "completion_tokens": 40, "total_tokens": 740}
        kind = {"id": "1", "object": "chat.completion", "created": 1, "model": "tiny"}
        return as_json({**kind, "usage": usage, "choices": [choice]})


def token(text: str, others: list[dict[str, Any]]) -> dict[str, Any]:
    logprob = next((one["logprob"] for one in others if one["token"] == text), 0.0)
    return {"token": text, "logprob": logprob, "bytes": None, "top_logprobs": others}


def bytes_of(uri: str) -> bytes:
    return base64.b64decode(uri.partition("base64,")[2])


def colour_of(uri: str) -> str:
    rgb = Image.open(io.BytesIO(bytes_of(uri))).convert("RGB").getpixel((0, 0))
    return COLOURS[rgb]
