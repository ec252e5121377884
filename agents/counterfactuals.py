"""Reference Scenes broken on purpose: what a rule about these parts ought to notice.

An edit is done to the parts of a Scene, never to the picture, so it costs no camera and no classifier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..color import COLOR_LAB
from ..scene import Part, Scene
from ..schema import Edit

PARTS_PER_LABEL = 6
"""At most so many parts of a label are edited in one Scene, spread over all of them."""

SHRINK, GROW = 0.6, 1.6
"""Factors of the edit `resized`."""

TURNS = (30.0, 90.0)
"""Degrees of the edit `turned`."""

COLORS = 3
"""How many colours the edit `recoloured` tries, the most different ones first."""

MOST_DOUBLES = 20
"""How often `doubled` goes on adding copies."""


class Broken(NamedTuple):
    """One kind of edit of one part, in several ways; a rule should notice one of them."""

    edit: Edit
    label: str
    scenes: list[Scene]
    further: list[Scene]
    """The edit done again and again, for rules that allow a range of amounts."""


def break_on_purpose(
    scene: Scene, labels: Sequence[str], edits: Sequence[Edit], donors: Mapping[str, Part] | None = None
) -> Iterator[Broken]:
    """Every edit, on some parts of every label that the Scene shows.

    Where it shows no part of a label, `doubled` puts the one of `donors` into it.
    """
    for label in labels:
        parts = scene.parts(label)
        if not parts and Edit.doubled in edits and donors and label in donors:
            yield Broken(Edit.doubled, label, [scene.with_part(donors[label])], [])
        for index in np.unique(np.linspace(0, len(parts) - 1, min(len(parts), PARTS_PER_LABEL), dtype=int)):
            for edit in edits:
                scenes = list(_EDITS[edit](scene, parts[index]))
                if scenes:
                    yield Broken(edit, label, scenes, list(_again(edit, scenes[0], label)))


def _again(edit: Edit, scene: Scene, label: str) -> Iterator[Scene]:
    if edit == Edit.removed:
        for part in scene.parts(label):
            scene = scene.without(part)
            yield scene
    if edit == Edit.doubled:
        for part in scene.parts(label)[:MOST_DOUBLES]:
            for x, y in _places(scene, part)[:1]:
                scene = scene.with_part(part.moved(x, y))
                yield scene


def _removed(scene: Scene, part: Part) -> Iterator[Scene]:
    yield scene.without(part)


def _doubled(scene: Scene, part: Part) -> Iterator[Scene]:
    for x, y in _places(scene, part)[:4]:
        yield scene.with_part(part.moved(x, y))


def _moved(scene: Scene, part: Part) -> Iterator[Scene]:
    for x, y in _places(scene, part):
        yield scene.replaced(part, part.moved(x, y))


def _resized(scene: Scene, part: Part) -> Iterator[Scene]:
    for resized in (part.resized(SHRINK), part.resized(GROW)):
        if _fits(scene, resized):
            yield scene.replaced(part, resized)


def _turned(scene: Scene, part: Part) -> Iterator[Scene]:
    for degrees in TURNS:
        yield scene.replaced(part, part.turned(degrees))


def _recoloured(scene: Scene, part: Part) -> Iterator[Scene]:
    here = np.array(part.lab)
    far_first = sorted(COLOR_LAB.values(), key=lambda lab: -float(np.linalg.norm(np.array(lab) - here)))
    for lab in far_first[:COLORS]:
        yield scene.replaced(part, part.recoloured(lab))


_EDITS: dict[Edit, Callable[[Scene, Part], Iterator[Scene]]] = {
    Edit.removed: _removed,
    Edit.doubled: _doubled,
    Edit.moved: _moved,
    Edit.resized: _resized,
    Edit.turned: _turned,
    Edit.recoloured: _recoloured,
}


def _fits(scene: Scene, part: Part) -> bool:
    x0, y0, x1, y1 = part.box
    return x0 >= 0 and y0 >= 0 and x1 <= scene.size[0] and y1 <= scene.size[1]


def _places(scene: Scene, part: Part) -> list[tuple[int, int]]:
    """Shifts, in whole pixels, that keep the part in the picture: just beside where it is, and far away."""
    width, height = scene.size
    x0, y0, x1, y1 = part.box
    beside_x, beside_y = int(part.width) + 2, int(part.height) + 2
    shifts = [(beside_x, 0), (-beside_x, 0), (0, beside_y), (0, -beside_y)]
    shifts += [(int(width - x1), 0), (-int(x0), 0), (0, int(height - y1)), (0, -int(y0))]
    shifts += [(int(width - x0 - x1), 0), (0, int(height - y0 - y1))]
    least_x, least_y = max(1, beside_x // 3), max(1, beside_y // 3)
    return [
        (dx, dy)
        for dx, dy in dict.fromkeys(shifts)
        if (abs(dx) >= least_x or abs(dy) >= least_y) and _fits(scene, part.moved(dx, dy))
    ]
