"""Calls a detector: it learns from a product's reference pictures, is calibrated on them, and is kept."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, overload

from pydantic import ValidationError

from ...schema import DetectorError, Record
from ...tools.detectors import Detector, save_detector
from ...tools.detectors.calibration import prepare
from ...tools.detectors.registry import detector_of
from ...tools.detectors.state import effective_options, restore_detector
from ...tools.samples import Sample, sample_of
from ..looking import folder_name
from ..product import Product, Reference, at_taught_size

FOLDER: Final = "detectors"
"""Below the product's folder."""
BASIS: Final = "basis.json"


class Basis(Record):
    """What a detector that was kept rests on; another one needs another calibration."""

    logisight: str
    """Its version."""
    kind: str
    options: dict[str, Any]
    """Files by the SHA-256 of their bytes."""
    product: str
    """What a detector that reads words is told that it looks at."""
    size: tuple[int, int]
    references: list[str]
    """SHA-256 of the pictures."""

    @property
    def sha256(self) -> str:
        """Of all of it."""
        return hashlib.sha256(self.model_dump_json().encode("utf-8", "surrogatepass")).hexdigest()


def call_detector(
    product: Product,
    text: str,
    *,
    fresh: bool = False,
    on_step: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Detector:
    """A detector, named as in `detector_of`, that knows what normal pictures of a product look like to it.

    That is read from the product's folder where it was found out before with the same reference pictures,
    options and weights. Otherwise, or when `fresh`, the detector is calibrated on the reference pictures at
    the size that was taught, see `prepare`; `on_step` gets the name of each.

    Raises:
        DetectorError: There is no such detector or option, something that it needs is missing, or it learns
            and there is only one reference picture.
        ProductError: A reference picture is missing or was changed.
    """
    detector = detector_of(text, **options)
    basis = _basis_of(product, detector)
    folder = product.folder / FOLDER / f"{folder_name(detector.name)}-{basis.sha256[:8]}"
    if not fresh and _restored(detector, folder, basis):
        return detector
    references = product.file.references
    if detector.learns and len(references) < 2:
        raise DetectorError(
            f"{detector.name} learns from half of the reference pictures and is calibrated on the others, "
            f"but {product.name} has only one; teach it with more, see --references"
        )
    prepare(detector, _References(product, references, on_step))
    _keep(detector, folder, basis)
    return detector


def identity_of(detector: Detector) -> str:
    """The name of a calibrated detector, and a hash of all that its word depends on."""
    options = json.dumps(effective_options(detector.options))
    calibration = detector.calibration.model_dump_json() if detector.calibration else ""
    told = "\0".join((detector.kind, options, calibration))
    return f"{detector.name}, {hashlib.sha256(told.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _basis_of(product: Product, detector: Detector) -> Basis:
    return Basis(
        logisight=version("logisight"),
        kind=detector.kind,
        options=effective_options(detector.options),
        product=product.in_words,
        size=product.model.size,
        references=[reference.sha256 for reference in product.file.references],
    )


class _References(Sequence[Sample]):
    """The reference pictures of a product as an inspection shows pictures, each read when it is asked for."""

    def __init__(
        self, product: Product, references: Sequence[Reference], on_step: Callable[[str], None]
    ) -> None:
        self._product, self._references, self._on_step = product, references, on_step

    def __len__(self) -> int:
        return len(self._references)

    @overload
    def __getitem__(self, place: int) -> Sample: ...

    @overload
    def __getitem__(self, place: slice) -> _References: ...

    def __getitem__(self, place: int | slice) -> Sample | _References:
        chosen = self._references[place]
        if not isinstance(chosen, Reference):
            return _References(self._product, chosen, self._on_step)
        pixels, _ = at_taught_size(self._product.reference_picture(chosen), self._product.model.size)
        self._on_step(chosen.name)
        return sample_of(pixels, chosen.name, self._product.in_words)


def _restored(detector: Detector, folder: Path, basis: Basis) -> bool:
    """Whether a detector was given what was kept on the same basis."""
    try:
        if Basis.model_validate_json((folder / BASIS).read_bytes()) != basis:
            return False
        restore_detector(detector, folder)
    except (OSError, ValidationError, DetectorError):
        return False
    return detector.calibration is not None


def _keep(detector: Detector, folder: Path, basis: Basis) -> None:
    """Write a detector beside its place first, so that what lies there is always whole."""
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as name:
        new = Path(name) / "new"
        save_detector(detector, new)
        (new / BASIS).write_text(basis.model_dump_json(indent=2) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
