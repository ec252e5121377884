"""What backbones of timm, torchvision and open_clip need and do not find, without importing any of it."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

from ..features import Request
from ..pictures import shown


def missing_packages(request: Request, packages: Sequence[str]) -> str:
    """Which packages are not installed, in one line with the remedy; empty where all are."""
    lacking = [package for package in packages if importlib.util.find_spec(package) is None]
    if lacking:
        return f"{shown(request.name)}: needs {' and '.join(lacking)}; pip install 'logisight[vision]'"
    return ""


def missing_file(request: Request, kept: Path | None, remedy: str) -> str:
    """Whether there are weights, in one line with the remedy.

    `kept` is where the library keeps its own; None where there are none.
    """
    if request.weights == "random" or (request.weights is None and kept is not None):
        return ""
    if request.weights is None:
        return f"{shown(request.name)}: weights are missing; {remedy} and name it by weights=FILE"
    if not request.weights.is_file():
        return f"{shown(request.weights)}: no such file; {remedy} and name it by weights=FILE"
    return ""


def torch_hub_file(pattern: str) -> Path | None:
    """A file that torch has downloaded before."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    hub = Path(os.environ.get("TORCH_HOME") or cache / "torch") / "hub" / "checkpoints"
    return next(iter(sorted(hub.glob(pattern))), None)


def hugging_face_file(repository: str, names: Sequence[str]) -> Path | None:
    """A file of a repository (a glob pattern) that the Hugging Face hub has downloaded before."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = Path(os.environ.get("HF_HOME") or cache / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    folder = "models--" + repository.replace("/", "--")
    found = (file for name in names for file in sorted(hub.glob(f"{folder}/snapshots/*/{name}")))
    return next(found, None)
