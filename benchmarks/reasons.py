"""Why a picture is not normal, in words that can be compared."""

from __future__ import annotations

from ..schema import Kind, Range, Record, Value


class Reason(Record):
    """Why a picture is not normal, in the four reason types of LOCO-Annotations."""

    type: Kind
    object: str
    """Label of the part that the reason is about."""
    expected: Value | Range
    actual: Value
    defect: str
    """Name of the defect in `defects_config.json`."""
    where: str = ""
    """A place, where the number of parts in the whole picture would not tell."""

    def __str__(self) -> str:
        """As in LOCO-Annotations: "Quantity: 2 pushpins instead of 1 in row 1 column 2"."""
        name = self.object.replace("_", " ")
        place = f" in {self.where}" if self.where else ""
        found = f"{self.actual:.4g}" if isinstance(self.actual, float) else self.actual
        return f"{self.type.capitalize()}: {name} {found} instead of {_wanted(self.expected)}{place}"


def _wanted(expected: Value | Range) -> str:
    if not isinstance(expected, tuple):
        return str(expected)
    low, high = expected
    if high is None:
        return f"at least {low:g}"
    return f"{low:g} to {high:g}" if low is not None else f"at most {high:g}"
