"""One training of AdaCLIP under way: batches are learned from, and where it stands is kept.

What is shown, and in which order, follows from the settings alone, and so does what is learned.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from ....schema import DetectorError
from ...pictures import shown
from .auxiliary import AuxiliaryPicture
from .checkpoint import save_checkpoint
from .examples import Example, Examples
from .losses import adaclip_loss
from .network import AdaClipNetwork, prepared
from .training_options import Training
from .training_state import Place, load_state, restore, save_state, state_path

_AHEAD: Final = 2
"""Batches that are read while one is learned from."""

_NOT_FACTS: Final = {"epochs", "device", "save_every", "keep_epochs"}
"""Settings that another run of the same training may have."""


class TrainingRun:
    """One training under way."""

    def __init__(
        self,
        network: AdaClipNetwork,
        pictures: Sequence[AuxiliaryPicture],
        checkpoint: Path,
        training: Training,
        accelerator: Accelerator,
    ) -> None:
        self._checkpoint, self._state = checkpoint, state_path(checkpoint)
        self._training, self._accelerator = training, accelerator
        self._examples = Examples(pictures, network.image_size, training.seed, training.mosaics)
        self.place = Place(facts=_facts(network, pictures, training))
        self._network = network.to(accelerator.device).eval()
        self._learned = network.learned
        self._optimizer = accelerator.prepare(
            torch.optim.AdamW(
                self._learned.values(),
                lr=training.learning_rate,
                betas=training.betas,
                weight_decay=training.weight_decay,
            )
        )
        self._each = math.ceil(len(pictures) / training.batch)
        self.total = self._each * training.epochs
        self._kept_at = -1
        self._whole = True
        """Whether weights, optimizer and place belong together; not so in the middle of a step."""

    def open(self, fresh: bool) -> int:
        """Go on where the training was, or start it; returns how many batches are done."""
        if self._state.exists() and not fresh:
            place, tensors = load_state(self._state)
            self._check(place)
            restore(self._state, tensors, self._learned, self._optimizer.optimizer)
            if self._accelerator.scaler and place.scaler:
                self._accelerator.scaler.load_state_dict(place.scaler)
            self.place, self._kept_at = place, place.step
            if place.step == self.total:  # what stands there may be of an earlier epoch, or nothing
                self._write_checkpoint(self._checkpoint)
        else:
            self._checkpoint.parent.mkdir(parents=True, exist_ok=True)
            self.keep()
        return self.place.step

    def batches(self) -> Iterator[float]:
        """Learn from batch after batch; yields the loss of each, after which the state can be kept."""
        plan = [
            (epoch, order[start : start + self._training.batch])
            for epoch in range(self.place.step // self._each, self._training.epochs)
            for order in [self._examples.order(epoch)]
            for start in range(0, len(order), self._training.batch)
        ]
        for examples in _ahead(self._examples, plan[self.place.step % self._each :]):
            loss = self._learn(examples)
            self._advance(loss)
            yield loss

    def keep(self) -> None:
        """Write the state, unless it stands on disk already or there is none that could be gone on from."""
        if not self._whole or self.place.step == self._kept_at:
            return
        scaler = self._accelerator.scaler
        place = self.place.model_copy(update={"scaler": scaler.state_dict()}) if scaler else self.place
        save_state(self._state, place, self._learned, self._optimizer.optimizer)
        self._kept_at = self.place.step

    def _learn(self, examples: Sequence[Example]) -> float:
        """Take one step, and give the loss before it."""
        try:
            loss = self._loss(examples)
            self._optimizer.zero_grad()
            self._accelerator.backward(loss)
        except (MemoryError, torch.OutOfMemoryError):
            raise DetectorError(
                f"not enough memory on {self._accelerator.device} for {len(examples)} pictures at once; "
                "train with a smaller --batch, a smaller --image-size, or --device cpu"
            ) from None
        except ValueError as error:  # clustering refuses what is no number
            raise self._diverged() from error
        self._whole = False
        self._optimizer.step()
        size = torch.nn.utils.get_total_norm(self._learned.values())
        if not torch.isfinite(size):
            raise self._diverged()
        return float(loss.detach())

    def _loss(self, examples: Sequence[Example]) -> Tensor:
        device = self._accelerator.device
        images = prepared([example.pixels for example in examples]).to(device)
        masks = torch.from_numpy(np.stack([example.mask for example in examples])).to(device)
        labels = torch.tensor([example.anomalous for example in examples], device=device)
        masked = torch.tensor([example.masked for example in examples], device=device)
        with self._accelerator.autocast():
            looked = self._network(images, [example.product for example in examples])
        loss = adaclip_loss(
            looked.layers, looked.score, masks, labels, masked, row_wise=self._training.row_wise
        )
        if not torch.isfinite(loss):
            raise self._diverged()
        return loss

    def _advance(self, loss: float) -> None:
        """Count a batch; at the end of an epoch write its checkpoint."""
        step, running = self.place.step + 1, self.place.running + loss
        losses = self.place.losses
        over = step % self._each == 0
        if over:
            losses, running = [*losses, running / self._each], 0.0
        self.place = self.place.model_copy(update={"step": step, "running": running, "losses": losses})
        self._whole = True
        if over:
            self._write_checkpoint(self._checkpoint)
            if self._training.keep_epochs:
                kept = f"{self._checkpoint.stem}.epoch-{len(losses)}{self._checkpoint.suffix}"
                self._write_checkpoint(self._checkpoint.with_name(kept))
        if over or step % self._training.save_every == 0:
            self.keep()

    def _write_checkpoint(self, path: Path) -> None:
        part = path.with_name(f".{path.stem}.part{path.suffix}")
        try:
            save_checkpoint(self._network, part)
            part.replace(path)
        except (OSError, RuntimeError) as error:  # torch raises the latter where the disk is full
            part.unlink(missing_ok=True)
            reason = shown(error).splitlines()[0]
            raise DetectorError(
                f"{shown(path)}: cannot be written ({reason:.100}); make room for it"
            ) from None

    def _diverged(self) -> DetectorError:
        return DetectorError(
            f"batch {self.place.step + 1}: the loss is no number any more; lower --learning-rate, or train "
            "with --precision float32"
        )

    def _check(self, place: Place) -> None:
        """Refuse the state of another training."""
        now = self.place.facts
        if other := [name for name in now | place.facts if now.get(name) != place.facts.get(name)]:
            what = ", ".join(name.replace("_", " ") for name in other)
            raise DetectorError(
                f"{shown(self._state)}: belongs to a training with another {what}; choose another --out, or "
                "--fresh to start over in its place"
            )
        if place.step > self.total:
            raise DetectorError(
                f"{shown(self._state)}: this training is in epoch {place.step // self._each + 1} already; "
                "ask for more --epochs, choose another --out, or --fresh to start over in its place"
            )


def _facts(
    network: AdaClipNetwork, pictures: Sequence[AuxiliaryPicture], training: Training
) -> dict[str, Any]:
    """What decides what is learned, JSON-plain."""
    settings = training.model_dump(exclude=_NOT_FACTS) | {"betas": " ".join(map(str, training.betas))}
    seen = [
        (*p.path.parts[-4:], p.product, p.anomalous, p.mask.name if p.mask else "", p.size) for p in pictures
    ]
    learned = network.learned
    frozen = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        if name not in learned:
            frozen.update(name.encode())
            frozen.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return settings | {
        "set of pictures": hashlib.sha256(repr(seen).encode(errors="surrogateescape")).hexdigest(),
        "CLIP": frozen.hexdigest(),
        "image size": network.image_size,
        "shape of prompts": " ".join(map(str, network.shape)),
        "fusion": f"{network.fusion} {network.clusters} {network.seed}",
    }


def _ahead(examples: Examples, plan: Sequence[tuple[int, list[int]]]) -> Iterator[list[Example]]:
    """The examples of each batch, of which some are read while one is in work."""
    with ThreadPoolExecutor(_AHEAD) as pool:
        waiting: deque[Future[list[Example]]] = deque()
        try:
            for epoch, places in plan:
                waiting.append(pool.submit(_read, examples, epoch, places))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _read(examples: Examples, epoch: int, places: Sequence[int]) -> list[Example]:
    return [examples(epoch, place) for place in places]
