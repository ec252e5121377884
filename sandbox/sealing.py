"""Scenes in sealed memory: written once by the inspecting process, mapped read-only by all that judge them.

Masks travel as bits, an eighth of their bytes, and are unpacked one by one when a rule first asks for pixels.
What is asked for most, boxes, areas and centers, is measured once and travels beside them. So what a run
costs does not hang on the size of the picture, but on the pixels that its rules look at.
"""

from __future__ import annotations

import json
import mmap
import os
import threading
import weakref
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..geometry import Mask
from ..scene import Part, Scene
from .wire import sealed

MAX_SCENES: Final = 64
"""Scenes that stay sealed; the one that was not used for longest is given back first."""
MAX_BYTES: Final = 256 * 1024 * 1024
"""Sealed memory that is kept at most, the scene in use apart."""
_LENGTH: Final = 8
"""Bytes that hold the length of the header, little-endian, at the start of a sealed scene."""


class Sealed:
    """A scene in memory that nobody can change any more; given back with the last reference to this."""

    def __init__(self, descriptor: int, parts: int) -> None:
        self.descriptor = descriptor
        self.parts = parts
        """How many parts the scene has."""
        self.size = os.fstat(descriptor).st_size
        weakref.finalize(self, os.close, descriptor).atexit = False


def seal_scene(scene: Scene, *, seal: bool = True) -> Sealed:
    """The scene, sealed: length of the header, the header as JSON, then the bits of all masks.

    Raises:
        OSError: There is no memory or no descriptor for it.
    """
    parts = [
        {
            "label": part.label,
            "origin": [int(n) for n in part.origin],
            "shape": part.mask.shape,
            "lab": [float(n) for n in part.lab],
            "confidence": float(part.confidence),
            "area": part.area,
            "center": part.center,
        }
        for part in scene.all_parts
    ]
    header = json.dumps({"size": scene.size, "labels": scene.labels, "parts": parts}).encode()
    bits = [np.packbits(part.mask).data for part in scene.all_parts]
    pieces: list[bytes | memoryview] = [len(header).to_bytes(_LENGTH, "little"), header, *bits]
    return Sealed(sealed(pieces, "logisight-scene", seal=seal), len(bits))


def open_scene(memory: mmap.mmap) -> Scene:
    """The Scene in sealed memory, for a process that runs rules."""
    start = _LENGTH + int.from_bytes(memory[:_LENGTH], "little")
    header = json.loads(memory[_LENGTH:start])
    parts = []
    for part in header["parts"]:
        height, width = part.pop("shape")
        size = -(-height * width // 8)
        parts.append(_PackedPart.of(part, np.frombuffer(memory, np.uint8, size, start), height, width))
        start += size
    return Scene(tuple(header["size"]), tuple(header["labels"]), tuple(parts))


class SealedScenes:
    """The scenes that were judged last, each sealed once, and freed when it is. Threads may share it."""

    def __init__(self, *, seal: bool = True) -> None:
        self._seal = seal
        self._lock = threading.Lock()
        self._kept: weakref.WeakKeyDictionary[Scene, Sealed] = weakref.WeakKeyDictionary()
        """In the order of their last use."""

    def get(self, scene: Scene) -> Sealed:
        """The scene in sealed memory; it stays there at least for as long as the answer is held.

        Raises:
            OSError: There is no memory or no descriptor for it.
        """
        with self._lock:
            kept = self._kept.pop(scene, None) or self._sealed(scene)
            self._kept[scene] = kept
            held = [(old, other.size) for old, other in self._kept.items()]
            total = sum(size for _, size in held)
            for old, size in held[:-1]:
                if len(self._kept) <= MAX_SCENES and total <= MAX_BYTES:
                    break
                self._kept.pop(old, None)
                total -= size
            return kept

    def clear(self) -> None:
        """Give back all that nobody holds."""
        with self._lock:
            self._kept.clear()

    def _sealed(self, scene: Scene) -> Sealed:
        try:
            return seal_scene(scene, seal=self._seal)
        except OSError:  # what is kept may be what is in the way
            self._kept.clear()
            return seal_scene(scene, seal=self._seal)


class _PackedPart(Part):
    """A Part in sealed memory. It was checked and cropped before it was sealed."""

    @classmethod
    def of(cls, facts: dict[str, Any], bits: NDArray[np.uint8], height: int, width: int) -> Part:
        part = object.__new__(cls)
        (x, y), (h, w) = facts["origin"], (float(height), float(width))
        known = {
            "origin": (x, y),
            "lab": tuple(facts["lab"]),
            "center": tuple(facts["center"]),
            "box": (float(x), float(y), x + w, y + h),
            "width": w,
            "height": h,
        }
        part.__dict__.update(facts, _bits=bits, _size=(height, width), **known)
        return part

    @cached_property
    def mask(self) -> Mask:
        height, width = self.__dict__["_size"]
        bits = np.unpackbits(self.__dict__["_bits"], count=height * width)
        mask = bits.view(np.bool_).reshape(height, width)
        mask.flags.writeable = False
        return mask
