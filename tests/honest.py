"""Honest rules of the corpus, and the scenes that they are for."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from logisight.scene import Part, Scene

_FILES: Final = Path(__file__).parent / "sandbox" / "corpus" / "honest"


class Honest(NamedTuple):
    """One rule that must be accepted and run."""

    product: str
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.product}: {self.name}"


@cache
def honest_rules() -> list[Honest]:
    """All of them, in the order of their files."""
    return [
        Honest(product, rule["name"], rule["text"])
        for product in products()
        for rule in _read(product)["rule"]
    ]


def products() -> list[str]:
    """What the rules are for."""
    return sorted(path.stem for path in _FILES.glob("*.toml"))


@cache
def scene_of(product: str) -> Scene:
    """A scene of that product on which its rules run; its parts are upright rectangles."""
    file = _read(product)
    parts = [
        Part(label, np.ones((height, width), np.bool_), (x, y), (lightness, a, b), 0.9)
        for label, x, y, width, height, lightness, a, b in file["parts"]
    ]
    return Scene(tuple(file["size"]), tuple(file["labels"]), tuple(parts))


def _read(product: str) -> dict:
    return tomllib.loads((_FILES / f"{product}.toml").read_text(encoding="utf-8"))
