"""Detectors by name: those of LogiSight, and those that other packages bring.

Another package brings one by an entry point of the group `logisight.detectors`: a subclass of `Detector`,
under the name that it has as its `kind`.
"""

from __future__ import annotations

import logging
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from pydantic import ValidationError

from ...schema import DetectorError
from ..pictures import shown
from .detector import Detector, DetectorOptions

GROUP: Final = "logisight.detectors"

_HERE: Final = {
    "adaclip": "adaclip:AdaClip",
    "grnr": "grnr:Grnr",
    "mean-distance": "grnr:MeanDistance",
    "patch-distance": "patch_distance:PatchDistance",
    "always-normal": "always_normal:AlwaysNormal",
}
"""Name -> where it is, below this package."""

_log = logging.getLogger(__name__)


def detector_kinds() -> dict[str, type[Detector]]:
    """All detectors by name, those of LogiSight first. One that cannot be imported is left out and logged."""
    kinds: dict[str, type[Detector]] = {}
    here = [EntryPoint(name, f"{__package__}.{place}", GROUP) for name, place in _HERE.items()]
    for entry in [*here, *entry_points(group=GROUP)]:
        try:
            kinds.setdefault(entry.name, _loaded(entry))
        except DetectorError as error:
            _log.warning("%s", error)
    return kinds


def load_detector(name: str, **options: Any) -> Detector:
    """A detector by name; `options` are those of its `Options`.

    Raises:
        DetectorError: There is no such detector or option, or something that it needs is missing.

    Example:
        >>> load_detector("always-normal").name
        'always-normal'
    """
    kind = detector_kind(name)
    checked = options_of(kind, options)
    if missing := kind.missing(checked):
        raise DetectorError(f"{name}: {missing}")
    return kind(checked)


def detector_of(text: str, **options: Any) -> Detector:
    """A detector as a command line names it: `grnr`, `grnr:backbone=squeezenet,weights=squeezenet.npz`.

    `options` count where the text says nothing of them, and where the detector has them.

    Raises:
        DetectorError: See `load_detector`; or the text is not of this form.
    """
    name, _, told = text.partition(":")
    known = detector_kind(name).Options.model_fields
    chosen = {option: value for option, value in options.items() if option in known and value is not None}
    return load_detector(name, **chosen | options_in(told))


def options_in(text: str) -> dict[str, str]:
    """Options in one text.

    Raises:
        DetectorError: It is not of this form.

    Example:
        >>> options_in("size=256,weights=a=b.npz")
        {'size': '256', 'weights': 'a=b.npz'}
    """
    pairs = [part.partition("=") for part in text.split(",") if part]
    for option, equals, value in pairs:
        if not (option and equals and value):
            raise DetectorError(
                f"{shown(option + equals)!r} is no option; write OPTION=VALUE, such as backbone=filter-bank, "
                "with commas between several"
            )
    return {option: value for option, _, value in pairs}


def detector_kind(name: str) -> type[Detector]:
    """The class of a detector.

    Raises:
        DetectorError: There is none of this name, or it cannot be imported.
    """
    if name in _HERE:
        return _loaded(EntryPoint(name, f"{__package__}.{_HERE[name]}", GROUP))
    for entry in entry_points(group=GROUP, name=name):
        return _loaded(entry)
    known = ", ".join(dict.fromkeys([*_HERE, *entry_points(group=GROUP).names]))
    raise DetectorError(f"no detector is called {shown(name)!r}; there are {known}")


def options_of(kind: type[Detector], options: dict[str, Any]) -> DetectorOptions:
    """Options of a detector, checked; text is read as what an option wants.

    Raises:
        DetectorError: There is no such option, or it does not take this value.
    """
    try:
        return kind.Options.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        option = ".".join(map(str, first["loc"])) or "options"
        if first["type"] == "extra_forbidden":
            known = ", ".join(kind.Options.model_fields)
            raise DetectorError(f"{kind.kind} has no option {shown(option)!r}; it has {known}") from None
        raise DetectorError(
            f"{kind.kind}: option {option}: {first['msg']}, got {shown(first['input'])!r}"
        ) from None


def _loaded(entry: EntryPoint) -> type[Detector]:
    try:
        kind = entry.load()
    except Exception as error:  # another package's code may raise anything
        raise DetectorError(f"the detector {entry.name} cannot be imported: {shown(error)}") from error
    if not (isinstance(kind, type) and issubclass(kind, Detector)):
        raise DetectorError(f"the detector {entry.name} is no subclass of Detector: {entry.value}")
    return kind
