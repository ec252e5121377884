"""A training of AdaCLIP on a tiny CLIP; run as a program, it is one that can be killed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

BACKBONE = "tiny-vit"
"""Known to open_clip once `register` was called."""
SIZE = 32
CONFIG = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": SIZE, "layers": 4, "width": 64, "head_width": 32, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 4},
}


def register(folder: Path) -> None:
    """Let open_clip know the tiny model."""
    import open_clip

    path = folder / f"{BACKBONE}.json"
    path.write_text(json.dumps(CONFIG), encoding="utf-8")
    open_clip.add_model_config(path)


def tiny_network(folder: Path, seed=0):
    """A network with random weights that follow from the seed."""
    import torch
    from logisight.tools.detectors.adaclip import AdaClipOptions
    from logisight.tools.detectors.adaclip.building import untrained_network

    torch.set_num_threads(1)
    register(folder)
    options = AdaClipOptions(
        backbone=BACKBONE, random_weights=True, image_size=SIZE, depth=3, length=2, k_clusters=2, seed=seed
    )
    return untrained_network(options)


def main(data: Path, out: Path, settings: dict, stop_after: int) -> None:
    """Train; after some batches say so, and wait to be killed."""
    from logisight.tools.detectors.adaclip.auxiliary import read_auxiliary
    from logisight.tools.detectors.adaclip.training import train_adaclip
    from logisight.tools.detectors.adaclip.training_options import Training

    done = 0

    def on_batch(_loss: float) -> None:
        nonlocal done
        done += 1
        if done == stop_after:
            sys.stdout.write("waiting\n")
            sys.stdout.flush()
            sys.stdin.read()

    train_adaclip(
        tiny_network(out.parent), read_auxiliary([data]), out, Training(**settings), on_batch=on_batch
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]), int(sys.argv[4]))
