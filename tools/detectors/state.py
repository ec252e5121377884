"""Detectors in folders: what they are in `detector.json`, what they learned in `detector.safetensors`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save_file

from ...schema import DetectorError, Record
from ..pictures import file_sha256, shown
from .calibration import Calibration
from .detector import Detector, DetectorOptions
from .registry import load_detector

FORMAT: Final = "logisight-detector-1"
FACTS, TENSORS = "detector.json", "detector.safetensors"
_WITHOUT_EFFECT: Final = {"batch", "device"}
"""Options that change how fast a detector looks, not what it sees."""


class DetectorFile(Record):
    """What `detector.json` holds."""

    format: str
    kind: str
    options: dict[str, Any]
    calibration: Calibration | None = None


def save_detector(detector: Detector, folder: Path) -> None:
    """Keep a detector, with what it learned and its calibration, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = dict(detector.tensors())
    if tensors:
        save_file(tensors, folder / TENSORS)
    else:
        (folder / TENSORS).unlink(missing_ok=True)
    facts = DetectorFile(
        format=FORMAT,
        kind=detector.kind,
        options=detector.options.model_dump(mode="json"),
        calibration=detector.calibration,
    )
    # Last, since this file is what makes the folder a detector.
    (folder / FACTS).write_text(facts.model_dump_json(indent=2) + "\n", encoding="utf-8")


def open_detector(folder: Path) -> Detector:
    """A detector as it was kept.

    Raises:
        DetectorError: There is none, its files are damaged, or something that it needs is missing.
    """
    facts = read_facts(folder)
    detector = load_detector(facts.kind, **facts.options)
    restore_detector(detector, folder)
    return detector


def restore_detector(detector: Detector, folder: Path) -> None:
    """Give a detector what was kept of one with the same options: what it learned, and its calibration.

    Raises:
        DetectorError: Nothing is kept there, or its files are damaged.
    """
    detector.calibration = read_facts(folder).calibration
    path = folder / TENSORS
    if path.is_file():
        try:
            detector.restore(load(path.read_bytes()))
        except (OSError, SafetensorError, ValueError) as error:
            raise DetectorError(f"{shown(path)}: {shown(error)}; make the detector again") from None


def effective_options(options: DetectorOptions) -> dict[str, Any]:
    """The options that change what a detector sees, JSON-plain; a file is what it holds, wherever it lies."""
    told = options.model_dump(mode="json", exclude=_WITHOUT_EFFECT)
    for name in told:
        value = getattr(options, name)
        if isinstance(value, Path) and value.is_file():
            told[name] = file_sha256(value)
    return told


def read_facts(folder: Path) -> DetectorFile:
    """What a folder says that it holds.

    Raises:
        DetectorError: It holds no detector, or one of another version.
    """
    path = folder / FACTS
    try:
        facts = DetectorFile.model_validate_json(path.read_bytes())
    except OSError:
        raise DetectorError(f"{shown(folder)}: no detector is kept here, {FACTS} is missing") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DetectorError(f"{shown(path)}: {where}: {first['msg']}; make the detector again") from None
    if facts.format != FORMAT:
        raise DetectorError(f"{shown(path)}: made by another version of LogiSight; make the detector again")
    return facts
