"""Parts of a picture by what people call them: a label, a place, a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from ...geometry import REGIONS
from ...scene import Part, Scene
from ...schema import SessionError
from ..offline.plurals import plurals_of

Which = Literal[
    "",
    "left",
    "right",
    "top",
    "bottom",
    "top left",
    "top right",
    "bottom left",
    "bottom right",
    "largest",
    "smallest",
    "longest",
    "shortest",
]
"""Which of several: the one furthest out on a side or in a corner, or with most or least of something."""

_CHOICES: Final[dict[str, tuple[Callable[[Part], float], bool]]] = {
    "left": (lambda part: part.center[0], False),
    "right": (lambda part: part.center[0], True),
    "top": (lambda part: part.center[1], False),
    "bottom": (lambda part: part.center[1], True),
    "top left": (lambda part: part.center[0] + part.center[1], False),
    "top right": (lambda part: part.center[0] - part.center[1], True),
    "bottom left": (lambda part: part.center[0] - part.center[1], False),
    "bottom right": (lambda part: part.center[0] + part.center[1], True),
    "largest": (lambda part: part.area, True),
    "smallest": (lambda part: part.area, False),
    "longest": (lambda part: part.length, True),
    "shortest": (lambda part: part.length, False),
}


def parts_of(scene: Scene, label: str, within: str = "") -> list[tuple[int, Part]]:
    """The parts of a label with their numbers, from 1 on in reading order of the whole picture.

    `within` names a region of the picture, such as `left half`.

    Raises:
        SceneError: The product does not know the label, or there is no such region.
    """
    numbered = list(enumerate(scene.parts(label), start=1))
    if not within:
        return numbered
    region = scene.region(within)
    inside = {id(part) for part in region.parts(label)}
    return [(number, part) for number, part in numbered if id(part) in inside]


def one_of(scene: Scene, label: str, which: Which = "", number: int | None = None) -> tuple[int, Part]:
    """One part of a label: the only one, that of a number, or the one that `which` says.

    Raises:
        SceneError: The product does not know the label.
        SessionError: There is none, or several and nothing says which.
    """
    parts = parts_of(scene, label)
    if not parts:
        raise SessionError(f"there is no {label} in this picture")
    if number is not None:
        if not 1 <= number <= len(parts):
            raise SessionError(f"there is no {label} {number}; this picture has {len(parts)}")
        return parts[number - 1]
    if which:
        key, most = _CHOICES[which]
        return (max if most else min)(parts, key=lambda numbered: key(numbered[1]))
    if len(parts) > 1:
        raise SessionError(
            f"there are {len(parts)} of {label}; say which: left, right, top, bottom, largest, smallest, "
            f"or a number from 1 to {len(parts)}"
        )
    return parts[0]


def place_of(scene: Scene, center: tuple[float, float]) -> str:
    """Where something is, in words: the smallest of the regions that have a name and hold its centre."""
    names = [name for name in REGIONS if _holds(scene, name, center)]
    return min(names, key=_share, default="picture")


def _holds(scene: Scene, name: str, center: tuple[float, float]) -> bool:
    spans = zip(center, scene.size, REGIONS[name], strict=True)
    return all(start * whole <= of * at < end * whole for at, whole, (start, end, of) in spans)


def _share(name: str) -> float:
    """Of the picture."""
    (left, right, columns), (top, bottom, rows) = REGIONS[name]
    return (right - left) / columns * (bottom - top) / rows


def in_words(count: int, label: str) -> str:
    """A number of things, in words.

    >>> in_words(1, "pushpin"), in_words(0, "pushpin"), in_words(2, "box")
    ('1 pushpin', 'no pushpin', '2 boxes')
    """
    if count == 1:
        return f"1 {label}"
    return f"no {label}" if count == 0 else f"{count} {plural_of(label)}"


def plural_of(label: str) -> str:
    """A label for several things: its last word in the plural.

    >>> plural_of("long screw"), plural_of("box")
    ('long screws', 'boxes')
    """
    words = label.replace("_", " ").split()
    return " ".join([*words[:-1], plurals_of(words[-1])[0]]) if words else label


def rounded(value: float) -> str:
    """A measurement with three digits that mean something.

    >>> rounded(61.482), rounded(1234.5), rounded(0.03333)
    ('61.5', '1230', '0.0333')
    """
    return f"{float(f'{value:.3g}'):g}"
