"""The corpus of attacks, read from its files."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

CORPUS: Final = Path(__file__).parents[1] / "sandbox" / "corpus"

TELLS: Final = {
    "thread": "a thread ran",
    "ring": "a ring was made",
    "listen": "listens",
    "trace": "traces",
    "steal": "stolen",
    "processes seen": "sees the victim",
    "folder seen": "sees the folder",
    "machine code": "ran machine code",
    "limit": "changed a limit",
    "root": "is root",
    "namespace": "made a namespace",
    "kernel surface": "reached the kernel",
    "priority": "changed a priority",
}
"""What a probe wants, where nothing but its own words would show it -> the words."""
REACHES_FOR_THE_MACHINE: Final = frozenset(
    {*("write", "read", "secret", "connect", "process", "signal", "memory", "mask", "time", "room"), *TELLS}
)
"""What an attack can want that does harm outside its own process."""

_ESCAPED: Final = {
    "DEEP_PARENTHESES": "(" * 3000 + "1" + ")" * 3000,
    "DEEP_CALLS": ".size()[0]" * 700,
    "MINUS_SIGNS": "-" * 7000,
    "NOTS": "not " * 1800,
    "NESTED_TARGET": "(" * 70 + "a, b" + ", c)" * 70,
    "NAMED_CHARACTERS": "\\N{DEGREE SIGN}" * 120,
    "DEEP_BLOCKS": "\n".join(" " * depth + "if 1:" for depth in range(4, 80)) + "\n" + " " * 80 + "pass",
    "NEARLY_KNOWN_NAMES": "\n".join(
        [f"    {'ab' * 28}{n:03d} = 1" for n in range(55)] + [f"    {'ba' * 28}{n:03d}" for n in range(55)]
    ),
    "CR": "\r",
    "NUL": "\0",
    "ESCAPE": "\x1b",
    "SURROGATE": "\ud800",
}
"""Texts that are long, or that no file of the corpus should hold as they are."""


@dataclass(frozen=True)
class Attack:
    """One hostile rule, or one probe: plain Python that stands for a rule that has broken out."""

    name: str
    classes: tuple[int, ...]
    wants: str
    text: str
    probe: bool
    control: bool
    """Whether it must have its effect where nothing holds it; else `why` says why it cannot."""
    control_layers: tuple[str, ...]
    """Layers that must stand for it to have its effect."""
    control_before: tuple[int, ...]
    """The first version of Python in which it has no effect."""
    why: str
    danger: str
    """Why it must never run unconfined; empty for most."""

    @property
    def has_effect(self) -> bool:
        """Whether it does what it wants on this Python where nothing holds it."""
        return self.control and sys.version_info < self.control_before

    @property
    def reaches(self) -> bool:
        """Whether it does harm outside its own process."""
        return self.wants in REACHES_FOR_THE_MACHINE

    def __str__(self) -> str:
        return self.name


@cache
def sections() -> dict[str, dict[int, str]]:
    """Title of a group of classes -> number of a class -> what it tries."""
    read = tomllib.loads((CORPUS / "classes.toml").read_text(encoding="utf-8"))
    return {
        title.replace("_", " "): {int(number): what for number, what in section.items()}
        for title, section in read.items()
    }


def classes() -> dict[int, str]:
    """Number of a class -> what it tries."""
    return {number: what for section in sections().values() for number, what in section.items()}


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of their files."""
    found: list[Attack] = []
    for file in sorted((CORPUS / "hostile").glob("*.toml")):
        found += map(_attack, tomllib.loads(file.read_text(encoding="utf-8"))["rule"])
    return tuple(found)


def rules() -> list[Attack]:
    """The attacks that are texts of rules."""
    return [attack for attack in attacks() if not attack.probe]


def probes() -> list[Attack]:
    """The attacks that are plain Python in the process of the rules."""
    return [attack for attack in attacks() if attack.probe]


def _attack(entry: dict) -> Attack:
    text = entry["text"]
    for word, meaning in _ESCAPED.items():
        text = text.replace(f"@{word}@", meaning)
    control = entry.get("control", ())
    return Attack(
        name=entry["name"],
        classes=tuple(entry["class"]),
        wants=entry["wants"],
        text=text,
        probe=entry.get("probe", False),
        control=not isinstance(control, str),
        control_layers=() if isinstance(control, str) else tuple(control),
        control_before=tuple(map(int, entry.get("control_before", "99").split("."))),
        why=control if isinstance(control, str) else "",
        danger=entry.get("danger", ""),
    )
