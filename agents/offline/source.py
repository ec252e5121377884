"""Python text, line by line: indentation, names, constants and the text of f-strings."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...sandbox.language import BUILTINS

_TAKEN = {*BUILTINS, "scene", "check", "expect", "usual", "part", "print", "printed"}
"""Names that mean something in a rule already."""

_HELPERS = {
    "counted": """\
def counted(number, one, many):
    return f"{number} {one if number == 1 else many}"
""",
    "off_centre": '''\
def off_centre(part, other):
    """How far the centre of a part is from the middle of another, as a share of the other's size."""
    x0, y0, x1, y1 = other.box
    across = abs(part.center[0] - (x0 + x1) / 2) / other.width
    down = abs(part.center[1] - (y0 + y1) / 2) / other.height
    return max(across, down)
''',
    "nearest": '''\
def nearest(parts, target):
    """The number, from the top, of the part nearest to the target; 0 when there are no parts."""
    from_top = sorted(parts, key=lambda part: part.center[1])
    gaps = [part.distance(target) for part in from_top]
    return gaps.index(min(gaps)) + 1 if gaps else 0
''',
}
"""Functions that a rule may need beside `check`."""

_CONSTANTS = {
    "TOLERANCE": "0.1  # share by which two sizes may differ and still count as the same",
    "LEVEL": "0.25  # share of their larger size by which two parts may be out of line",
    "CENTRED": "0.1  # share of the width and of the height by which a part may be off the middle",
}
"""Constants that a person may want to change."""


@dataclass(frozen=True)
class Test:
    """What one `expect` says, as Python expressions; `reason` is the inside of an f-string."""

    condition: str
    kind: str
    reason: str
    expected: str
    actual: str
    parts: str


class Code:
    """A rule that is being written."""

    def __init__(self) -> None:
        self.depth = 1
        self._lines: list[str] = []
        self._constants: dict[str, str] = {}
        self._helpers: dict[str, str] = {}
        self._names = set(_TAKEN)

    def line(self, text: str) -> None:
        """Add one line at the present depth."""
        self._lines.append("    " * self.depth + text)

    def block(self, header: str) -> None:
        """Add the header of a block and go into it."""
        self.line(header)
        self.depth += 1

    def expect(self, test: Test) -> None:
        """Add one expectation."""
        self.line("expect(")
        for argument in (
            test.condition,
            f"kind={text(test.kind)}",
            f"reason={formatted(test.reason)}",
            f"expected={test.expected}",
            f"actual={test.actual}",
            f"parts={test.parts}",
        ):
            self.line(f"    {argument},")
        self.line(")")

    def assign(self, hint: str, value: str) -> str:
        """Give a value a name like the hint; the name."""
        name = self.name(hint)
        self.line(f"{name} = {value}")
        return name

    def name(self, hint: str) -> str:
        """A name that is not taken, as near to the hint as can be."""
        base = identifier(hint)
        name, number = base, 1
        while name in self._names:
            number += 1
            name = f"{base}_{number}"
        self._names.add(name)
        return name

    def is_taken(self, hint: str) -> bool:
        """Whether a name like the hint means something already."""
        return identifier(hint) in self._names

    def constant(self, name: str) -> str:
        """A constant that a person may want to change; its name."""
        self._constants[name] = _CONSTANTS[name]
        return name

    def usual(self, hint: str) -> str:
        """A range that is to be learned; its name."""
        name = self.name(f"usual {hint}").upper()
        self._constants[name] = "usual()"
        return name

    def helper(self, name: str) -> str:
        """A function that stands beside `check`; its name."""
        self._helpers[name] = _HELPERS[name]
        return name

    def source(self, sentence: str) -> str:
        """The whole rule."""
        blocks = [docstring(sentence) + "\n"]
        if self._constants:
            blocks[0] += "\n" + "".join(f"{name} = {value}\n" for name, value in self._constants.items())
        blocks += [self._helpers[name] for name in sorted(self._helpers)]
        blocks.append("def check(scene):\n" + "".join(line + "\n" for line in self._lines))
        return "\n\n".join(blocks)


def text(value: str) -> str:
    """A value as a Python string literal.

    Example:
        >>> print(text("long_screw"))
        "long_screw"
    """
    return json.dumps(value, ensure_ascii=False) if value.isprintable() else ascii(value)


def formatted(fragment: str) -> str:
    """The inside of an f-string as a literal, without the f where nothing is filled in."""
    plain = fragment.replace("{{", "").replace("}}", "")
    if "{" in plain:
        return f'f"{fragment}"'
    return '"' + fragment.replace("{{", "{").replace("}}", "}") + '"'


def identifier(words: str) -> str:
    """A Python name made of words.

    Example:
        >>> identifier("Long Screw-2"), identifier("2 x"), identifier("for")
        ('long_screw_2', 'part_2_x', 'for_')
    """
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    if not name[:1].isalpha():
        name = f"part_{name}".rstrip("_")
    return f"{name}_" if keyword.iskeyword(name) else name[:60]


def docstring(sentence: str) -> str:
    """A sentence as a docstring of one line."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in sentence).split())
    return '"""' + line.replace("\\", "\\\\").replace('"', '\\"') + '"""'


def a_list(items: Sequence[str], joined: str = "and") -> str:
    """Things in words: "a, b and c"."""
    *first, last = items
    return f"{', '.join(first)} {joined} {last}" if first else last
