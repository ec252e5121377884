"""Eyes for parts: taught from drawn pictures whose truth is known."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from logisight.scene import Shape
from logisight.schema import ProductError
from logisight.tools.parts import PartModel, learn_parts
from safetensors.numpy import load_file, save_file

SIZE = (180, 240)


def shape(label, mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    cropped = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Shape(label, cropped, (int(columns[0]), int(rows[0])))


def tray(seed, coins=3, scale=1):
    """A wooden tray on a dark table with copper coins and one blue chip, and its true parts."""
    random = np.random.default_rng(seed)
    height, width = SIZE[0] * scale, SIZE[1] * scale
    pixels = np.full((height, width, 3), (40, 42, 45), np.uint8)
    whole = np.zeros((height, width), np.uint8)
    cv2.rectangle(whole, (20 * scale, 20 * scale), (220 * scale, 160 * scale), 1, -1)
    pixels[whole > 0] = (170, 140, 100)
    shapes = [shape("tray", whole > 0)]
    places = random.permutation([(x, y) for x in (55, 105, 155, 195) for y in (55, 120)])[: coins + 1]
    for number, (x, y) in enumerate(places):
        mask = np.zeros((height, width), np.uint8)
        cv2.circle(mask, (int(x * scale), int(y * scale)), 14 * scale, 1, -1)
        pixels[mask > 0] = (200, 90, 50) if number < coins else (40, 70, 190)
        shapes.append(shape("coin" if number < coins else "chip", mask > 0))
    noise = random.normal(0, 6, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8), shapes


@pytest.fixture(scope="module")
def model():
    return learn_parts([tray(1)])


def overlap(a, b):
    full = np.zeros((2, *SIZE), bool)
    for layer, part in zip(full, (a, b), strict=True):
        x, y = part.origin
        layer[y : y + part.mask.shape[0], x : x + part.mask.shape[1]] = part.mask
    return (full[0] & full[1]).sum() / (full[0] | full[1]).sum()


@pytest.mark.parametrize(("seed", "coins"), [(1, 3), (2, 3), (3, 0), (4, 1), (5, 5)])
def test_sees_what_is_there(model, seed, coins):
    pixels, truth = tray(seed, coins)
    scene = model.see(pixels).scene
    for label in ("tray", "coin", "chip"):
        true = [s for s in truth if s.label == label]
        seen = scene.parts(label)
        assert len(seen) == len(true)
        assert all(max(overlap(part, t) for t in true) > 0.9 for part in seen)


def test_learns_what_holds_what_and_fills_the_holder(model):
    assert model.containers == {"tray": ["chip", "coin"]}
    pixels, truth = tray(2)
    (seen,) = model.see(pixels).scene.parts("tray")
    assert overlap(seen, truth[0]) > 0.95


def test_parts_have_their_colours_and_confidence(model):
    scene = model.see(tray(2)[0]).scene
    assert {part.color for part in scene.parts("chip")} == {"blue"}
    assert all(0.5 < part.confidence <= 1 for part in scene.all_parts)


def test_what_lies_outside_of_the_holder_does_not_stretch_it(model):
    pixels, truth = tray(2)
    cv2.circle(pixels, (232, 90), 6, (200, 90, 50), -1)
    (seen,) = model.see(pixels).scene.parts("tray")
    assert overlap(seen, truth[0]) > 0.95


def test_a_speck_is_left_out_and_said(model):
    pixels, _ = tray(2)
    cv2.circle(pixels, (130, 90), 4, (200, 90, 50), -1)
    seen = model.see(pixels)
    assert len(seen.scene.parts("coin")) == 3
    assert any("coin-like speck" in note for note in seen.dropped)


def test_large_pictures_are_seen_alike():
    model = learn_parts([tray(1, scale=6)])
    small, large = tray(2), tray(2, scale=6)
    seen = model.see(large[0]).scene
    assert [part.label for part in seen.all_parts] == [
        p.label for p in learn_parts([tray(1)]).see(small[0]).scene.all_parts
    ]
    for part in seen.parts("coin"):
        assert part.area == pytest.approx(np.pi * (14 * 6) ** 2, rel=0.1)


def test_teaching_is_repeatable(model):
    again = learn_parts([tray(1)])
    a, b = model.see(tray(2)[0]).scene, again.see(tray(2)[0]).scene
    assert all(np.array_equal(p.mask, q.mask) for p, q in zip(a.all_parts, b.all_parts, strict=True))


def test_no_annotated_part_is_refused():
    with pytest.raises(ProductError, match="at least one part"):
        learn_parts([(tray(1)[0], [])])


def test_another_process_sees_the_same(model, tmp_path):
    pixels, _ = tray(2)
    model.save(tmp_path / "parts.safetensors")
    np.save(tmp_path / "pixels.npy", pixels)
    code = (
        "import sys, hashlib, numpy as np; from pathlib import Path;"
        "from logisight.tools.parts import PartModel;"
        "folder = Path(sys.argv[1]); scene = PartModel.load(folder / 'parts.safetensors')"
        ".see(np.load(folder / 'pixels.npy')).scene;"
        "print(hashlib.sha256(b''.join(p.mask.tobytes() for p in scene.all_parts)).hexdigest())"
    )
    run = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    masks = b"".join(part.mask.tobytes() for part in model.see(pixels).scene.all_parts)
    assert run.stdout.strip() == hashlib.sha256(masks).hexdigest()


def test_a_missing_model_says_what_to_do(tmp_path):
    with pytest.raises(ProductError, match="logisight teach"):
        PartModel.load(tmp_path / "parts.safetensors")


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x80\x04pickle", b"\xff" * 64])
def test_a_file_that_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "parts.safetensors"
    path.write_bytes(content)
    with pytest.raises(ProductError, match="teach the product again"):
        PartModel.load(path)


def test_a_model_with_another_header_is_refused(model, tmp_path):
    path = tmp_path / "parts.safetensors"
    model.save(path)
    save_file(load_file(path), path, metadata={"logisight": '{"format": "logisight-parts-0"}'})
    with pytest.raises(ProductError, match="teach the product again"):
        PartModel.load(path)


@pytest.fixture(scope="module")
def model_of_four():
    """Taught from enough pictures that no tree knows them all; the second alone shows no coin."""
    return learn_parts([tray(seed, coins) for seed, coins in ((1, 3), (3, 0), (4, 1), (5, 5))])


@pytest.mark.parametrize(("seed", "coins"), [(6, 3), (7, 0), (8, 4)])
def test_several_pictures_teach_as_well(model_of_four, seed, coins):
    pixels, truth = tray(seed, coins)
    seen = model_of_four.see(pixels).scene
    assert {label: len(seen.parts(label)) for label in seen.labels} == {"chip": 1, "coin": coins, "tray": 1}
    assert all(max(overlap(part, true) for true in truth) > 0.9 for part in seen.all_parts)


def test_what_one_picture_alone_shows_is_known_to_every_tree():
    model = learn_parts([tray(1, 0), tray(2, 0), tray(3, 3)])
    coins = model.see(tray(4, 3)[0]).scene.parts("coin")
    assert len(coins) == 3
    assert min(coin.confidence for coin in coins) > 0.8


def test_a_loaded_model_sees_the_same(model_of_four, tmp_path):
    model_of_four.save(tmp_path / "parts.safetensors")
    again = PartModel.load(tmp_path / "parts.safetensors")
    pixels, _ = tray(2)
    one, other = model_of_four.see(pixels).scene.all_parts, again.see(pixels).scene.all_parts
    assert [(p.label, p.confidence) for p in one] == [(p.label, p.confidence) for p in other]
    assert all(np.array_equal(p.mask, q.mask) for p, q in zip(one, other, strict=True))


@pytest.mark.parametrize(
    "known", ["[]", '[{"area": 0, "length": 1, "solidity": 1}]', '[{"area": 9, "length": 0, "solidity": 1}]']
)
def test_a_model_that_knows_no_part_of_a_label_is_refused(model, tmp_path, known):
    path = tmp_path / "parts.safetensors"
    model.save(path)
    header = json.loads(model.header.model_dump_json())
    header["labels"][0]["known"] = json.loads(known)
    save_file(load_file(path), path, metadata={"logisight": json.dumps(header)})
    with pytest.raises(ProductError, match="teach the product again"):
        PartModel.load(path)


def test_a_model_without_its_silhouettes_is_refused(model, tmp_path):
    path = tmp_path / "parts.safetensors"
    model.save(path)
    arrays = {name: array for name, array in load_file(path).items() if not name.startswith("silhouette")}
    save_file(arrays, path, metadata={"logisight": model.header.model_dump_json()})
    with pytest.raises(ProductError, match="silhouettes"):
        PartModel.load(path)
