"""LogiSight: reasoning-based visual inspection.

Names are imported when they are first used, so that `import logisight` and `logisight --help` stay quick.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agents.detecting.eyes import call_detector
    from .agents.draft import Draft, Refusal, Request
    from .agents.graph import Inspector
    from .agents.product import Product, open_product, teach
    from .agents.rulebook import Rulebook
    from .agents.workshop import Workshop
    from .scene import Part, Region, Scene
    from .schema import Evidence, Finding, LogiSightError, Proof, Rule, Verdict
    from .tools.detectors import AnomalyMap, Detector, calibrate, load_detector
    from .tools.samples import Sample, read_sample

__all__ = [
    "AnomalyMap",
    "Detector",
    "Draft",
    "Evidence",
    "Finding",
    "Inspector",
    "LogiSightError",
    "Part",
    "Product",
    "Proof",
    "Refusal",
    "Region",
    "Request",
    "Rule",
    "Rulebook",
    "Sample",
    "Scene",
    "Verdict",
    "Workshop",
    "calibrate",
    "call_detector",
    "load_detector",
    "open_product",
    "read_sample",
    "teach",
]

_HOMES = {
    "agents.detecting.eyes": ("call_detector",),
    "agents.draft": ("Draft", "Refusal", "Request"),
    "agents.graph": ("Inspector",),
    "agents.product": ("Product", "open_product", "teach"),
    "agents.rulebook": ("Rulebook",),
    "agents.workshop": ("Workshop",),
    "scene": ("Part", "Region", "Scene"),
    "schema": ("Evidence", "Finding", "LogiSightError", "Proof", "Rule", "Verdict"),
    "tools.detectors": ("AnomalyMap", "Detector", "calibrate", "load_detector"),
    "tools.samples": ("Sample", "read_sample"),
}

try:
    __version__ = version("logisight")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
