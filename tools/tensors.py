"""Tensors from files of others: none is run, unless it is one of the four that OpenAI published."""

from __future__ import annotations

import hashlib
import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..schema import DetectorError
from .clip_files import CLIP_FILES
from .pictures import shown

_SCRIPT_ENTRY = "/constants.pkl"
"""What an archive holds that is a program (TorchScript), and one that is mere tensors does not."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors`, `.pth` or `.pt` file by name, on the CPU.

    TorchScript, the form of OpenAI's files, is a program: only files that are known by their SHA-256 are
    read. Any other must hold tensors alone.

    Raises:
        DetectorError: There is no such file, it is damaged, or it holds anything but tensors by name.
    """
    if not path.is_file():
        raise DetectorError(f"{shown(path)}: there is no such file")
    with _reading(path), warnings.catch_warnings():
        # Of how old the form of the file is; what is wrong with it comes as an error.
        warnings.simplefilter("ignore")
        if path.suffix == ".safetensors":
            return load_file(path)
        if _is_script(path):
            return _published(path)
        return _named(torch.load(path, map_location="cpu", weights_only=True), path)


def float_tensors(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The same in float32, which all must fit.

    Raises:
        DetectorError: One of them holds whole numbers, or values that are not finite.
    """
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise DetectorError(f"{shown(path)}: {shown(name)} is of {tensor.dtype}; weights are floats")
        if not tensor.isfinite().all():
            raise DetectorError(
                f"{shown(path)}: {shown(name)} has values that are not finite; get the file again"
            )
    return {name: tensor.float().contiguous() for name, tensor in tensors.items()}


def _is_script(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(_SCRIPT_ENTRY) for name in archive.namelist())


def _published(path: Path) -> dict[str, Tensor]:
    """The tensors of one of OpenAI's files."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found not in {file.sha256 for file in CLIP_FILES.values()}:
        known = ", ".join(file.name for file in CLIP_FILES.values())
        raise DetectorError(
            f"{shown(path)}: is a program (TorchScript), and none of those that OpenAI published ({known}); "
            "it was not run. Give a state dict, or the published file"
        )
    return dict(cast(Any, torch.jit).load(path, map_location="cpu").state_dict())


def _named(found: object, path: Path) -> dict[str, Tensor]:
    """A flat state dict, also where a training kept it together with other things."""
    inner = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(inner, dict) or not inner:
        raise DetectorError(f"{shown(path)}: holds no tensors by name")
    for name, tensor in inner.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise DetectorError(
                f"{shown(path)}: {shown(name)[:60]} is no tensor; a state dict holds nothing else"
            )
    return inner


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What libraries say of a damaged or a dangerous file, as one line."""
    try:
        yield
    except DetectorError:
        raise
    except pickle.UnpicklingError as error:
        raise DetectorError(
            f"{shown(path)}: is no file of tensors, or holds something besides ({_reason(error)}); "
            "nothing in it was run. Get it again from where it was published"
        ) from None
    except (
        OSError,
        EOFError,
        RuntimeError,
        LookupError,
        ValueError,
        SafetensorError,
        zipfile.BadZipFile,
    ) as error:
        raise DetectorError(
            f"{shown(path)}: is damaged, cut short or no file of tensors ({_reason(error)}); get it again"
        ) from None


def _reason(error: Exception) -> str:
    """The first sentence that says something of the file itself."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if "WeightsUnpickler error" in line] or lines or [type(error).__name__]
    return shown(telling[0].removeprefix("WeightsUnpickler error: "))[:160]


def torch_device(name: str) -> torch.device:
    """The device of a name; `auto` is the first GPU, else the CPU.

    Raises:
        DetectorError: There is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise DetectorError(
            f"device={shown(name)}: not here ({_first_line(error)}); take auto or cpu"
        ) from None


def _first_line(error: BaseException) -> str:
    return shown((str(error).splitlines() or [type(error).__name__])[0])[:120]
