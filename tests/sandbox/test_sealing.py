"""What crosses the wall inwards: scenes that arrive as they were, and that nobody can change."""

from __future__ import annotations

import gc
import mmap
import os
from pathlib import Path

import numpy as np
import pytest
from logisight.sandbox.sealing import MAX_SCENES, Sealed, SealedScenes, open_scene, seal_scene
from logisight.sandbox.wire import mapped
from logisight.scene import Part, Scene


@pytest.fixture
def sealed(scene: Scene) -> Sealed:
    return seal_scene(scene)


def descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def test_scene_arrives_as_it_was_sent(scene: Scene, sealed: Sealed) -> None:
    arrived = open_scene(mapped(sealed.descriptor))
    assert (arrived.size, arrived.labels) == (scene.size, scene.labels)
    assert sealed.parts == len(scene.all_parts)
    for sent, got in zip(scene.all_parts, arrived.all_parts, strict=True):
        for name in ("label", "origin", "lab", "confidence", "area", "center", "box", "width", "height"):
            assert getattr(got, name) == getattr(sent, name), name
        assert (got.length, got.angle, got.color) == (sent.length, sent.angle, sent.color)
        assert np.array_equal(got.mask, sent.mask)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 3), (5, 8), (9, 17)])
def test_masks_of_any_size_arrive(shape: tuple[int, int]) -> None:
    masks = [np.random.default_rng(seed).random(shape) < 0.5 for seed in range(3)]
    for mask in masks:
        mask[0, 0] = mask[-1, -1] = True
    parts = tuple(Part("pin", mask, (2 * at, at), (1.0, 2.0, 3.0)) for at, mask in enumerate(masks))
    sealed = seal_scene(Scene((99, 99), ("pin",), parts))
    for sent, got in zip(parts, open_scene(mapped(sealed.descriptor)).all_parts, strict=True):
        assert np.array_equal(got.mask, sent.mask)


def test_scene_without_parts_and_with_hostile_labels_arrives() -> None:
    labels = ("a\n\x00\x1b[1m", '"}', "ü\u202e", "x" * 10_000)
    odd = Scene((10, 10), labels, (Part(labels[0], np.eye(3, dtype=np.bool_), (1, 1), (1.0, 2.0, 3.0)),))
    for sent in (Scene((1, 1), (), ()), odd):
        sealed = seal_scene(sent)
        arrived = open_scene(mapped(sealed.descriptor))
        assert (arrived.labels, len(arrived.all_parts)) == (sent.labels, len(sent.all_parts))


def test_sealed_scene_cannot_be_changed(sealed: Sealed) -> None:
    descriptor, size = sealed.descriptor, sealed.size
    for change in (
        lambda: os.pwrite(descriptor, b"x", 0),
        lambda: os.ftruncate(descriptor, size + 1),
        lambda: os.ftruncate(descriptor, 0),
        lambda: mmap.mmap(descriptor, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE),
    ):
        with pytest.raises(PermissionError):
            change()
    assert os.pread(descriptor, 1, 8) == b"{"


def test_masks_of_an_opened_scene_cannot_be_written_to(sealed: Sealed) -> None:
    mask = open_scene(mapped(sealed.descriptor)).all_parts[0].mask
    with pytest.raises(ValueError, match="read-only"):
        mask[0, 0] = False


def test_a_scene_is_sealed_once_and_given_back_when_it_is_freed() -> None:
    before, kept = descriptors(), SealedScenes()
    scene = Scene((9, 9), (), ())
    assert kept.get(scene) is kept.get(scene)
    assert descriptors() == before + 1
    del scene
    assert descriptors() == before


def test_scenes_that_were_not_used_for_longest_are_given_back() -> None:
    before, kept = descriptors(), SealedScenes()
    scenes = [Scene((9, 9), (), ()) for _ in range(MAX_SCENES + 9)]
    first = kept.get(scenes[0])
    for scene in scenes:
        kept.get(scene)
    assert os.fstat(first.descriptor).st_size == first.size  # who holds it can still use it
    assert descriptors() == before + MAX_SCENES + 1
    kept.clear()
    del first
    assert descriptors() == before
