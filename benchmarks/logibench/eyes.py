"""What rules are shown of a picture: its true parts, or the parts that taught eyes see in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

from ...agents.product import at_taught_size
from ...scene import Scene
from ...tools.parts import PartModel, learn_parts
from ...tools.pictures import read_picture
from ..loco_annotations import AnnotatedPicture
from ..true_parts import true_scene


class Eyes(Protocol):
    """What looks at a picture."""

    def see(self, picture: Path) -> Scene:
        """The parts in a picture.

        Raises:
            LogiSightError: The picture or its annotation cannot be used.
        """


class TrueParts:
    """Eyes that are never wrong: they read the annotation."""

    def __init__(self, annotated: Mapping[Path, AnnotatedPicture], labels: Sequence[str]) -> None:
        self._annotated = annotated
        self._labels = labels

    def see(self, picture: Path) -> Scene:
        """The annotated parts of a picture, with their colours in it."""
        parts = self._annotated[picture].parts
        return true_scene(read_picture(picture).pixels, parts or (), self._labels)


class SeenParts:
    """Eyes that are taught from a few annotated pictures, once they are to look at another."""

    def __init__(self, annotated: Sequence[AnnotatedPicture]) -> None:
        self._annotated = annotated

    @cached_property
    def model(self) -> PartModel:
        """The taught eyes."""
        return learn_parts([(read_picture(one.picture).pixels, one.parts or ()) for one in self._annotated])

    def see(self, picture: Path) -> Scene:
        """The parts that are seen in a picture, at the size that was taught."""
        pixels, _ = at_taught_size(read_picture(picture), self.model.size)
        return self.model.see(pixels).scene
