"""Many pictures, one results folder: append-only, and started again it goes on where it was.

run.json        which product and rules the results are of
results.jsonl   one verdict a line, flushed as it comes
overlays/       one picture a verdict
heat/           where detectors look, one more for each of them
report.html     all of it for people
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image
from pydantic import ValidationError

from ..schema import ProductError, Record, Rule, Verdict
from ..tools.detectors.heat import overlay_heat, scale_of
from ..tools.overlay import draw_overlay
from ..tools.pictures import file_sha256
from .detecting.eyes import identity_of
from .graph import Inspector
from .looking import folder_name
from .nodes import View
from .report import write_report

RUN, RESULTS, REPORT = "run.json", "results.jsonl", "report.html"
OVERLAYS, HEAT = "overlays", "heat"


class Run(Record):
    """What a results folder holds the results of."""

    product: str
    rulebook_sha256: str
    model_sha256: str
    witness: str = ""
    """The model that looks beside the rules, when it is asked, and how it was tried; empty without one."""
    detectors: list[str] = []
    """Those that look beside the rules, see `identity_of`."""


class Results:
    """A results folder. The verdicts that are in it already are not made again."""

    def __init__(self, folder: Path, run: Run, fresh: bool = False) -> None:
        """Open or make a results folder; `fresh` throws away the results that are in it.

        Raises:
            ProductError: It holds results of another product, other rules or other eyes.
        """
        self.folder = folder
        if fresh:
            for name in (OVERLAYS, HEAT):
                shutil.rmtree(folder / name, ignore_errors=True)
            for name in (RUN, RESULTS, REPORT):
                (folder / name).unlink(missing_ok=True)
        (folder / OVERLAYS).mkdir(parents=True, exist_ok=True)
        if run.detectors:
            (folder / HEAT).mkdir(exist_ok=True)
        _claim(folder / RUN, run)
        self.verdicts = {verdict.sample: verdict for verdict in _finished(folder / RESULTS)}
        self._file = (folder / RESULTS).open("a", encoding="utf-8")

    def verdict_of(self, sample: Path) -> Verdict | None:
        """The verdict on a picture, if there is one and the file is still the same."""
        verdict = self.verdicts.get(str(sample))
        return verdict if verdict and verdict.sha256 == file_sha256(sample) else None

    def add(self, verdict: Verdict, view: View | None) -> None:
        """Write the pictures, then the verdict: a verdict on disk always has its overlay."""
        if view is not None:
            overlay = draw_overlay(view.pixels, view.scene, verdict)
            Image.fromarray(overlay).save(self._overlay_path(verdict), compress_level=1)
            for anomaly, calibration in view.sights:
                heat = overlay_heat(view.pixels, anomaly.scores, scale_of(anomaly.scores, calibration))
                Image.fromarray(heat).save(self._heat_path(verdict, anomaly.detector), compress_level=1)
        self._file.write(verdict.model_dump_json() + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.verdicts[verdict.sample] = verdict

    def write_report(self, product: str, rules: Sequence[Rule], samples: Sequence[Path]) -> Path:
        """Write `report.html` on these pictures and say where it is."""
        verdicts = [self.verdicts[str(sample)] for sample in samples if str(sample) in self.verdicts]
        overlays = {verdict.sample: self._overlay_path(verdict) for verdict in verdicts}
        heats = {verdict.sample: self._heats(verdict) for verdict in verdicts}
        path = self.folder / REPORT
        write_report(
            path, product, verdicts, {s: p for s, p in overlays.items() if p.is_file()}, rules, heats
        )
        return path

    def close(self) -> None:
        """Close the file of verdicts."""
        self._file.close()

    def _heats(self, verdict: Verdict) -> dict[str, Path]:
        """Of the detectors that see something, the heat maps."""
        alarmed = [finding.detector for finding in verdict.findings if not finding.passed]
        return {name: self._heat_path(verdict, name) for name in alarmed if name}

    def _overlay_path(self, verdict: Verdict) -> Path:
        return self.folder / OVERLAYS / f"{_stem(verdict)}.png"

    def _heat_path(self, verdict: Verdict, detector: str) -> Path:
        return self.folder / HEAT / f"{_stem(verdict)}-{folder_name(detector)}.png"


def inspect_all(inspector: Inspector, samples: Sequence[Path], results: Results | None) -> Iterator[Verdict]:
    """Verdicts on all pictures, in order; those that `results` has already are taken from there."""
    for start in range(0, len(samples), inspector.at_once):
        some = samples[start : start + inspector.at_once]
        known = [results.verdict_of(sample) if results else None for sample in some]
        new = inspector.look_at([one for one, verdict in zip(some, known, strict=True) if verdict is None])
        for verdict in known:
            if verdict is None:
                verdict, view = next(new)
                if results:
                    results.add(verdict, view)
            yield verdict


def run_of(inspector: Inspector) -> Run:
    """What results of this inspector are the results of."""
    product = inspector.product
    return Run(
        product=product.name,
        rulebook_sha256=product.rulebook().sha256,
        model_sha256=file_sha256(product.folder / "parts.safetensors"),
        witness=str(inspector.witness or ""),
        detectors=[identity_of(detector) for detector in inspector.detectors],
    )


def _stem(verdict: Verdict) -> str:
    # The hash keeps apart two pictures of the same name from different folders.
    return f"{Path(verdict.sample).stem}-{verdict.sha256[:8]}"


def _claim(path: Path, run: Run) -> None:
    """Mark a folder as holding the results of a run, or see that it is the same run."""
    if not path.is_file():
        path.write_text(run.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return
    try:
        same = Run.model_validate_json(path.read_bytes()) == run
    except ValidationError:
        same = False
    if not same:
        raise ProductError(
            f"{path.parent} holds results of another product, or of rules or eyes that have changed since; "
            "give another --out folder, or --fresh to throw those results away"
        )


def _finished(path: Path) -> list[Verdict]:
    """The verdicts in a file of results; a last line that was cut off by a kill is cut away."""
    if not path.is_file():
        return []
    lines = path.read_bytes().split(b"\n")
    whole = lines[:-1]
    if lines[-1]:
        path.write_bytes(b"".join(line + b"\n" for line in whole))
    verdicts = []
    for number, line in enumerate(whole, start=1):
        try:
            verdicts.append(Verdict.model_validate_json(line))
        except ValidationError as error:
            raise ProductError(f"{path}: line {number} is no verdict; give another --out folder") from error
    return verdicts
