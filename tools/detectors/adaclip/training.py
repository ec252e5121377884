"""AdaCLIP is trained: its prompts and projections learn from auxiliary data, and CLIP stays as it is.

Source: AdaCLIP (arXiv 2407.15795) and its code, whose settings are the defaults here.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, is_initialized

from ....schema import DetectorError
from ...pictures import shown
from .auxiliary import AuxiliaryPicture
from .network import AdaClipNetwork
from .training_options import Training
from .training_run import TrainingRun

_MIXED: Final = {"float32": "no", "float16": "fp16", "bfloat16": "bf16"}
"""Precision -> what accelerate calls it."""


@dataclass(frozen=True)
class Trained:
    """What came out of a training."""

    checkpoint: Path
    losses: tuple[float, ...]
    """The mean of each epoch."""
    resumed_at: int
    """Batches that were learned from before; 0 for a training that starts."""
    batches: int
    """All that were learned from."""


def train_adaclip(
    network: AdaClipNetwork,
    pictures: Sequence[AuxiliaryPicture],
    checkpoint: Path,
    training: Training | None = None,
    *,
    fresh: bool = False,
    on_start: Callable[[int, int], None] | None = None,
    on_batch: Callable[[float], None] | None = None,
) -> Trained:
    """Train the prompts and projections of a network, and write a checkpoint after each epoch.

    Beside the checkpoint stands the state of the training. Where it is there, the training goes on from it,
    and comes out as if it had never stopped; with more epochs than before it goes on after the last one. On
    Ctrl-C the batch in work is finished and the state kept; a second one is not waited for.

    Args:
        network: What learns; it ends on the device that it was trained on.
        pictures: What it learns from.
        checkpoint: The file to write, in the published format.
        training: How; as published where it is not given.
        fresh: Start over in place of a training that is there.
        on_start: Gets the number of batches in all, and of those that are done.
        on_batch: Gets the loss of each batch.

    Raises:
        DetectorError: The state is damaged or that of another training, the checkpoint is a folder, memory or
            disk space does not suffice, or the loss is no number any more.
        PictureError: A picture or a mask is damaged; the state is kept.
        KeyboardInterrupt: Ctrl-C; the state is kept.
    """
    training = training or Training()
    if checkpoint.is_dir():
        raise DetectorError(f"{shown(checkpoint)}: is a folder; name the file to write, such as adaclip.pth")
    with _accelerator(training) as accelerator, _held_interrupts() as interrupted:
        run = TrainingRun(network, pictures, checkpoint, training, accelerator)
        resumed_at = run.open(fresh)
        if on_start:
            on_start(run.total, resumed_at)
        try:
            for loss in run.batches():
                if on_batch:
                    on_batch(loss)
                if interrupted():
                    raise KeyboardInterrupt
        finally:
            run.keep()
        return Trained(checkpoint, tuple(run.place.losses), resumed_at, run.place.step)


@contextmanager
def _accelerator(training: Training) -> Iterator[Accelerator]:
    """What knows the device and the precision."""
    ours = not is_initialized()
    try:
        yield _made_accelerator(training)
    finally:
        if ours:  # it would hold the next training of this process to the settings of this one
            AcceleratorState._reset_state(reset_partial_state=True)


def _made_accelerator(training: Training) -> Accelerator:
    on_gpu = training.device == "auto" and torch.cuda.is_available()
    by_device = "float16" if on_gpu else "float32"
    precision = by_device if training.precision == "auto" else training.precision
    if precision == "float16" and not on_gpu:
        raise DetectorError("float16 needs a GPU; train with --precision float32 or bfloat16")
    try:
        accelerator = Accelerator(mixed_precision=_MIXED[precision], cpu=training.device == "cpu")
    except ValueError as error:
        raise DetectorError(f"cannot train in {precision} on this device ({shown(error)})") from None
    if accelerator.num_processes > 1:
        raise DetectorError("this training runs in one process; start it without a launcher")
    return accelerator


@contextmanager
def _held_interrupts() -> Iterator[Callable[[], bool]]:
    """Hold Ctrl-C back until a batch is done; yields whether it came. A second one is not held back."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    came = threading.Event()

    def hold(_number: int, _frame: FrameType | None) -> None:
        if came.is_set():
            raise KeyboardInterrupt
        came.set()

    before = signal.signal(signal.SIGINT, hold)
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)
