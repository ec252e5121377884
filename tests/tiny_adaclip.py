"""A tiny AdaCLIP whose weights and pictures anyone can draw again, and what the public code makes of them.

Weights: each tensor is drawn by NumPy's default generator, seeded with the CRC of its name. Pictures
likewise. So `data/adaclip/public.npz` holds outputs alone. It was made by running the public code,
caoyunkang/AdaCLIP at e27ee32, in float32 on a CPU:

    python tests/tiny_adaclip.py FOLDER_OF_THE_PUBLIC_CODE
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parent / "data" / "adaclip" / "public.npz"

EMBED = 64
VISION = {"layers": 4, "width": 128, "patch_size": 14, "image_size": 56}
TEXT = {"layers": 4, "width": EMBED, "heads": 2}
DEPTH, LENGTH, CLUSTERS = 3, 2, 3
NAMES = ("metal_nut", "cable-gland")
PATCH_ROWS = 3


def drawn(name, shape, scale):
    return np.random.default_rng(zlib.crc32(name.encode())).normal(scale=scale, size=shape).astype(np.float32)


def fill(module):
    """Draw all parameters: those of norms round 1, weights by what goes in, all others small."""
    import torch

    with torch.no_grad():
        for name, tensor in module.named_parameters():
            shape = tuple(tensor.shape)
            scale = 0.05 if len(shape) < 2 or "embedding" in name else float(np.prod(shape[1:])) ** -0.5
            is_norm = "ln_" in name and name.endswith("weight")
            tensor.copy_(torch.from_numpy(drawn(name, shape, scale)) + float(is_norm))


def tiny_network(fusion="published", *, size=VISION["image_size"], fill_it=True):
    import open_clip
    from logisight.tools.detectors.adaclip import PromptShape
    from logisight.tools.detectors.adaclip.network import AdaClipNetwork

    clip = open_clip.CLIP(EMBED, vision_cfg=VISION | {"image_size": size}, text_cfg=TEXT)
    network = AdaClipNetwork(clip, PromptShape(DEPTH, LENGTH), fusion=fusion, clusters=CLUSTERS)
    if fill_it:
        fill(network)
    return network.eval()


def tiny_images(count=2, size=VISION["image_size"]):
    import torch

    return torch.from_numpy(np.stack([drawn(f"image {n}", (3, size, size), 1.0) for n in range(count)]))


def write_tiny_model(folder):
    """The configuration of a tiny CLIP, as open_clip reads it; gives its name there."""
    import open_clip

    config = {
        "embed_dim": EMBED,
        "vision_cfg": VISION,
        "text_cfg": TEXT | {"context_length": 77, "vocab_size": 49408},
    }
    (folder / "tiny-for-adaclip.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)
    return "tiny-for-adaclip"


def make_golden(folder):
    import torch
    from logisight.benchmarks.public_adaclip import public_model

    kept = {}
    with torch.no_grad():
        for fusion in ("published", "none"):
            model = public_model(folder, tiny_network(fusion))
            for number, name in enumerate(NAMES):
                image = tiny_images()[number : number + 1]
                np.random.seed(0)
                maps, scores = model(image, [name], aggregation=True)
                kept[f"{number} {fusion} map"], kept[f"{number} {fusion} score"] = maps[0], scores[0]
                if fusion == "published":
                    kept |= {f"{number} {key}": value for key, value in _stages(model, image, name).items()}
        towers = sys.modules["method.clip_model"]
        positions = {"visual.positional_embedding": torch.from_numpy(drawn("grid", (577, 3), 1.0))}
        like = torch.nn.Module()
        like.visual = torch.nn.Module()
        like.visual.grid_size = (37, 37)
        towers.resize_pos_embed(positions, like)
        kept["positions 37"] = positions["visual.positional_embedding"]
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(GOLDEN, **{key: np.asarray(value) for key, value in kept.items()})


def _stages(model, image, name):
    vectors, _ = model.visual.forward(image, model.output_layers)
    model.generate_and_set_dynamic_promtps(image)
    pooled, taps, embedded = model.encode_image(image)
    words = model.text_embedding_layer(model, [name], "cpu")
    picture, patches = model.proj_visual_tokens(pooled, [tap.clone() for tap in taps])
    return {
        "embedded": embedded[0],
        "vector": vectors[0],
        "visual prompts": model.visual_prompter.dynamic_prompts[0],
        "text prompts": model.text_prompter.dynamic_prompts[0],
        "last tap": taps[-1][0, 1:],
        "words": words[0],
        "picture": picture[0],
        "patches": np.stack([layer[0, ::PATCH_ROWS] for layer in patches]),
    }


if __name__ == "__main__":
    make_golden(Path(sys.argv[1]))
