"""Writes the report of an inspection: one HTML file that needs no network and nothing beside it."""

from __future__ import annotations

import base64
import hashlib
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path, PurePath

import cv2
import numpy as np
from jinja2 import Environment
from numpy.typing import NDArray

from ..schema import Range, Rule, Value, Verdict
from ..tools.overlay import open_findings
from .pages import page_templates, write_whole

WIDEST = 1200
"""Pixels; wider overlays are made smaller."""
FULL_SIZE = 200
"""Up to so many overlays are kept at full width; more share the same space, down to `NARROWEST`."""
NARROWEST = 480
HEAT = 800
"""Pixels; wider heat maps are made smaller, as they hold little detail."""
THUMBNAIL = 176
QUALITY = 80
"""Of JPEG, for overlays and thumbnails."""

STATUSES = ["normal", "anomalous", "undecided"]
_MARKS = {"normal": "✓", "anomalous": "✕", "undecided": "?"}


@dataclass(frozen=True)
class Embedded:
    """A picture as a report holds it."""

    uri: str
    """A data URI."""
    width: int
    height: int


@dataclass(frozen=True)
class Pictures:
    """What a report shows of one verdict; a picture that cannot be read is left out."""

    overlay: Embedded | None
    thumbnail: Embedded | None
    heats: dict[str, Embedded]
    """Detector -> where it looks."""


def write_report(
    path: Path,
    product: str,
    verdicts: Sequence[Verdict],
    overlays: Mapping[str, Path | bytes],
    rules: Sequence[Rule],
    heats: Mapping[str, Mapping[str, Path | bytes]] | None = None,
) -> None:
    """Write the report of an inspection to `path`, which holds the old one until the new one is complete.

    `overlays` maps the `sample` of a verdict to its picture: a path, or the bytes of a picture file, read
    one at a time. A verdict without a readable overlay is reported without picture. `heats` maps the `sample`
    to the heat maps of it that are shown, by the names of the detectors.

    Raises:
        LogiSightError: The file cannot be written.
    """
    heats = heats or {}
    count = len(overlays) + sum(map(len, heats.values()))
    widest = max(NARROWEST, min(WIDEST, round(WIDEST * (FULL_SIZE / max(count, 1)) ** 0.5)))

    def pictures_of(verdict: Verdict) -> Pictures:
        return _embed(overlays.get(verdict.sample), heats.get(verdict.sample, {}), widest)

    pieces = (
        _environment()
        .get_template("report.html.j2")
        .generate(_context(product, verdicts, rules, pictures_of))
    )
    write_whole(path, pieces, "the report")


def _environment() -> Environment:
    """The templates of reports."""
    environment = page_templates(__package__)
    environment.filters.update(name=_name, duration=_duration, value=_value)
    return environment


def _context(
    product: str,
    verdicts: Sequence[Verdict],
    rules: Sequence[Rule],
    pictures_of: Callable[[Verdict], Pictures],
) -> dict[str, object]:
    """What the template is told."""
    script = _environment().get_template("report.js.j2").render()
    times = [sum(verdict.seconds.values()) for verdict in verdicts if verdict.seconds]
    return {
        "product": product,
        "verdicts": verdicts,
        "rules": rules,
        "pictures": pictures_of,
        "detectors": _detectors(verdicts),
        "open_findings": open_findings,
        "unreadable": [verdict for verdict in verdicts if verdict.error],
        "statuses": STATUSES,
        "counts": Counter(verdict.status for verdict in verdicts),
        "tallies": {rule.number: _tally(rule, verdicts) for rule in rules},
        "median_seconds": statistics.median(times) if times else None,
        "mark": _MARKS.__getitem__,
        "written": datetime.now().astimezone(),
        "version": version("logisight"),
        "script_sha256": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    }


def _tally(rule: Rule, verdicts: Sequence[Verdict]) -> Counter[str]:
    """On how many pictures a rule failed, else was undecided, else passed."""
    tally: Counter[str] = Counter()
    for verdict in verdicts:
        said = {finding.status for finding in verdict.findings if finding.rule == rule.number}
        for status in ("failed", "undecided", "passed"):
            if status in said:
                tally[status] += 1
                break
    return tally


def _detectors(verdicts: Sequence[Verdict]) -> list[str]:
    """The detectors that looked, each once."""
    told = (finding.detector for verdict in verdicts for finding in verdict.findings)
    return [name for name in dict.fromkeys(told) if name]


def _embed(overlay: Path | bytes | None, heats: Mapping[str, Path | bytes], widest: int) -> Pictures:
    pixels = None if overlay is None else _decoded(overlay)
    warm = {name: _decoded(source) for name, source in heats.items()}
    return Pictures(
        None if pixels is None else _embedded(pixels, widest),
        None if pixels is None else _embedded(pixels, THUMBNAIL),
        {name: _embedded(one, min(widest, HEAT)) for name, one in warm.items() if one is not None},
    )


def _decoded(source: Path | bytes) -> NDArray[np.uint8] | None:
    """The BGR pixels of a picture file, or None where it cannot be read."""
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
    except OSError:
        return None
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    return None if pixels is None else np.asarray(pixels, np.uint8)


def _embedded(pixels: NDArray[np.uint8], widest: int) -> Embedded:
    fitted = _fitted(pixels, widest)
    return Embedded(_data_uri(fitted), fitted.shape[1], fitted.shape[0])


def _fitted(pixels: NDArray[np.uint8], widest: int) -> NDArray[np.uint8]:
    """The picture, made smaller where it is wider than `widest` pixels."""
    height, width = pixels.shape[:2]
    if width <= widest:
        return pixels
    size = (widest, max(1, round(height * widest / width)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _data_uri(pixels: NDArray[np.uint8]) -> str:
    _, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()


def _name(sample: str) -> str:
    return PurePath(sample).name


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _value(value: Value | Range) -> str:
    """What a rule expected or saw, for people.

    >>> _value((61.5, 70.25)), _value((2, None)), _value(True), _value(None)
    ('61.5 to 70.25', 'at least 2', 'yes', 'nothing')
    """
    if isinstance(value, tuple):
        low, high = value
        if low is None:
            return f"at most {_value(high)}"
        return f"at least {_value(low)}" if high is None else f"{_value(low)} to {_value(high)}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "nothing"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
