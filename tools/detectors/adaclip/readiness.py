"""What AdaCLIP needs and does not find, without importing any of it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

from ...clip_files import CLIP_FILES
from ...pictures import shown
from .options import CHECKPOINTS, AdaClipOptions

_PACKAGES: Final = ("torch", "open_clip")


def missing(options: AdaClipOptions) -> str:
    """What is not here, in one line with the remedy; empty where AdaCLIP is ready."""
    lacking = [package for package in _PACKAGES if importlib.util.find_spec(package) is None]
    if lacking:
        return f"needs {' and '.join(lacking)}; pip install 'logisight[vision]'"
    return missing_weights(options)


def missing_weights(options: AdaClipOptions) -> str:
    """Which file of weights is not here, in one line with the remedy; empty where all are."""
    return missing_clip(options) or _missing_checkpoint(options)


def clip_path(options: AdaClipOptions) -> Path | None:
    """The file of CLIP's weights: as given, or where OpenAI's own code and AdaCLIP's keep it.

    None where there is neither and random weights will do.
    """
    if options.clip_weights is not None or options.random_weights:
        return options.clip_weights
    return _kept(options)


def _kept(options: AdaClipOptions) -> Path:
    name = CLIP_FILES[options.backbone].name if options.backbone in CLIP_FILES else f"{options.backbone}.pt"
    return Path.home() / ".cache" / "clip" / name


def missing_clip(options: AdaClipOptions) -> str:
    """Whether CLIP's weights are not here, in one line with the remedy; empty where they are."""
    path = clip_path(options)
    if path is None or path.is_file():
        return ""
    source = "a state dict of this CLIP"
    if options.backbone in CLIP_FILES:
        file = CLIP_FILES[options.backbone]
        source = f"{file.name}, {file.size}, from {file.url}"
    return f"CLIP's weights are missing: no file {shown(path)}; get {source} and name it by clip_weights=FILE"


def _missing_checkpoint(options: AdaClipOptions) -> str:
    if options.weights is None and options.random_weights:
        return ""
    if options.weights is not None and options.weights.is_file():
        return ""
    what = "none was named" if options.weights is None else f"no file {shown(options.weights)}"
    return (
        f"AdaCLIP's checkpoint is missing: {what}; get {CHECKPOINTS}, 41 MB, by the links on "
        "https://github.com/caoyunkang/AdaCLIP, or train one, and name it by weights=FILE"
    )
