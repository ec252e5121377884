"""How far a training of AdaCLIP has come, in one file: what it learned, the optimizer's memory, its place.

The file is replaced as a whole now and then, so that a training that is killed goes on from the last time as
if nothing had happened. Tensors are safetensors, all else is JSON in the header: loading runs no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ....schema import DetectorError, Record
from ...pictures import shown

Learned = Mapping[str, nn.Parameter]

_HEADER: Final = "logisight"
_LEARNED: Final = "learned/"
_MEMORY: Final = "optimizer/"


class Place(Record):
    """Where a training stands, JSON-plain."""

    facts: dict[str, bool | int | float | str | None]
    """What decides what is learned; another run is one where any of it differs."""
    step: int = 0
    """Batches that were learned from, in all epochs."""
    losses: list[float] = []
    """The mean loss of each epoch that is over."""
    running: float = 0.0
    """The sum of the losses of the epoch that is not."""
    scaler: dict[str, float] = {}
    """How losses are scaled in float16."""


def state_path(checkpoint: Path) -> Path:
    """Where the state is kept of the training that writes this checkpoint."""
    return checkpoint.with_name(f"{checkpoint.stem}.training.safetensors")


def save_state(path: Path, place: Place, learned: Learned, optimizer: torch.optim.Optimizer) -> None:
    """Replace the file of a training.

    Raises:
        DetectorError: It cannot be written; the old one stays.
    """
    memory = optimizer.state_dict()["state"]
    tensors = {_LEARNED + name: tensor for name, tensor in learned.items()}
    for number, name in enumerate(learned):
        tensors |= {f"{_MEMORY}{name}/{key}": value for key, value in memory.get(number, {}).items()}
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    part = path.with_name(f".{path.name}.part")
    try:
        save_file(plain, part, {_HEADER: place.model_dump_json()})
        part.replace(path)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise DetectorError(f"{shown(path)}: cannot be written ({shown(error)}); make room for it") from None


def load_state(path: Path) -> tuple[Place, dict[str, Tensor]]:
    """What `save_state` wrote.

    Raises:
        DetectorError: It is damaged, or no such file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            place = Place.model_validate_json((file.metadata() or {}).get(_HEADER, ""))
            return place, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except (OSError, SafetensorError, ValidationError):
        raise DetectorError(
            f"{shown(path)}: is damaged, or no file of a training; --fresh starts over in its place"
        ) from None


def restore(
    path: Path, tensors: Mapping[str, Tensor], learned: Learned, optimizer: torch.optim.Optimizer
) -> None:
    """Put what was loaded from `path` back to where it came from.

    Raises:
        DetectorError: It is not of this network.
    """
    memory: dict[int, dict[str, Any]] = {}
    for number, (name, parameter) in enumerate(learned.items()):
        value = tensors.get(_LEARNED + name)
        if value is None or value.shape != parameter.shape:
            raise DetectorError(
                f"{shown(path)}: lacks {name} of this network; --fresh starts over in its place"
            )
        with torch.no_grad():
            parameter.copy_(value)
        start = f"{_MEMORY}{name}/"
        own = {key.removeprefix(start): kept for key, kept in tensors.items() if key.startswith(start)}
        if own:
            memory[number] = own
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": memory, "param_groups": groups})
