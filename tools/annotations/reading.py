"""Finds annotations, recognises their formats, and brings them to their pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PureWindowsPath
from typing import Any, Protocol

from ...schema import AnnotationError
from ..pictures import files_below, picture_size, shown
from . import coco, index_masks, isat, labelme
from .fields import Notes, load_json
from .sheet import Annotation, Canvas, Sheet


class JsonFormat(Protocol):
    """What the module of a JSON format offers."""

    NAME: str

    def recognised(self, content: Any) -> bool:
        """Whether JSON content is meant to be of this format."""

    def sheets(self, file: Path, content: Any, _notes: Notes) -> list[Sheet]:
        """The pictures that the file annotates."""


_JSON_FORMATS: tuple[JsonFormat, ...] = (labelme, isat, coco)
LOOKED_FOR = ", ".join([*(form.NAME for form in _JSON_FORMATS), index_masks.NAME])
"""The names of all formats."""


class Annotations(dict[Path, Annotation]):
    """Annotations by picture, in the order of the pictures; those without one are not in it."""

    def __init__(self, by_picture: Mapping[Path, Annotation], notes: Sequence[str]) -> None:
        super().__init__(by_picture)
        self.notes = tuple(notes)
        """Lines on what belongs to none of the pictures, and on the pictures that are not annotated."""


OnError = Callable[[AnnotationError], None]
"""What is done about a file that cannot be used; the reading goes on without it when this returns."""


def _stop(error: AnnotationError) -> None:
    raise error


@dataclass(frozen=True)
class Found:
    """What a file or folder holds, before it is brought to its pictures."""

    sheets: list[Sheet]
    others: list[Path]
    """JSON files of no format that is read."""
    notes: list[str]
    """One line for each thing that belongs to no picture."""


def read_annotations(source: Path, pictures: Sequence[Path]) -> Annotations:
    """Read the annotations of pictures from a file, or from a folder and all folders below.

    Formats are recognised by content: LabelMe, ISAT and COCO JSON. A folder without any of these is looked
    through for index masks named like the pictures. A picture is found by the name that its annotation gives,
    else by the stem of that name, else by the stem of the annotation's file; among pictures of one name by
    the folders that both paths end with, then by the folders that both have, and never against a folder that
    tells pictures apart. A picture of whose annotation nothing was understood counts as not annotated.

    Raises:
        AnnotationError: There is no annotation of any of the pictures, or none that is understood; or a file
            cannot be used or is of another size than its picture; or it is not clear which annotation
            belongs to which picture.
        PictureError: An annotated picture cannot be read.
    """
    found = find_sheets(source, pictures)
    notes = [
        *found.notes,
        *(f"{shown(file)}: no annotation format that is read ({LOOKED_FOR})" for file in found.others),
    ]
    sheets = [sheet for sheet in found.sheets if sheet.draw]
    if not sheets:
        nothing = f"{shown(source)}: holds no annotation of the pictures; looked for {LOOKED_FOR}"
        raise AnnotationError(notes[0] if notes else nothing)
    matched, strangers = match_sheets(sheets, pictures)
    others = listed([Path(sheet.names[0]) for sheet in strangers])
    if not matched:
        raise AnnotationError(
            f"{shown(source)}: annotates {others}, but the pictures are {listed(pictures)}; "
            "give the annotated pictures, or rename them as the annotations have them"
        )
    if strangers:
        notes.append(f"{shown(source)}: annotates {others}, not among the pictures")
    bare = [picture for picture in pictures if picture not in matched]
    if bare:
        notes.append(f"{shown(source)}: does not annotate {listed(bare)}")
    drawn = {picture: draw_sheet(matched[picture], picture) for picture in pictures if picture in matched}
    # Taken as annotated, a picture without its parts would teach that all of it is background.
    useful = {picture: found for picture, found in drawn.items() if found.parts or not found.ignored}
    useless = [line for picture, found in drawn.items() if picture not in useful for line in found.ignored]
    if not useful:
        raise AnnotationError(f"{useless[0]}; no part is left")
    return Annotations(useful, [*notes, *useless])


def find_sheets(source: Path, pictures: Sequence[Path], on_error: OnError = _stop) -> Found:
    """Everything that is annotated in a file, or in a folder and all folders below.

    `pictures` tells index masks, of which only those named like a picture are read, from pictures.

    Raises:
        AnnotationError: A file cannot be used, unless `on_error` takes the error.
    """
    found = Found([], [], [])
    try:
        files = _files(source)
    except AnnotationError as error:
        on_error(error)
        return found
    masks = {file for file in files if file.suffix.lower() == ".png"}
    for file in files:
        if file not in masks:
            try:
                _read_json(file, found)
            except AnnotationError as error:
                on_error(error)
    if not found.sheets:
        others = {picture.resolve() for picture in pictures}
        masks = {mask for mask in masks if mask.resolve() not in others}
        found.sheets.extend(index_masks.sheets(masks, {picture.stem for picture in pictures}, on_error))
    return found


def _read_json(file: Path, found: Found) -> None:
    content = load_json(file)
    for form in _JSON_FORMATS:
        if form.recognised(content):
            notes = Notes(file)
            found.sheets.extend(form.sheets(file, content, notes))
            found.notes.extend(notes.lines)
            return
    if file.name not in index_masks.LABEL_FILES:
        found.others.append(file)


def _files(source: Path) -> list[Path]:
    try:
        if source.is_file():
            return [source]
        return files_below(source, (".json", ".png"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise AnnotationError(f"{shown(source)}: cannot be read ({reason}); check its path") from None


def match_sheets(
    sheets: Sequence[Sheet], pictures: Sequence[Path], on_error: OnError = _stop
) -> tuple[dict[Path, Sheet], list[Sheet]]:
    """The annotation of each picture that has one, and the annotations of pictures that are not here.

    Raises:
        AnnotationError: It is not clear which belongs to which, unless `on_error` takes the error.
    """
    album = _Album(pictures, [sheet.file.parent for sheet in sheets])
    matched: dict[Path, Sheet] = {}
    strangers: list[Sheet] = []
    for sheet in sheets:
        found = album.pictures_of(sheet)
        if not found:
            strangers.append(sheet)
            continue
        if len(found) > 1:
            both = " or ".join(shown(picture) for picture in found[:2])
            on_error(AnnotationError(f"{shown(sheet.file)}: its picture may be {both}; give one of them"))
            continue
        other = matched.setdefault(found[0], sheet)
        if other is not sheet:
            both = " and ".join(shown(file) for file in sorted({other.file, sheet.file}))
            on_error(AnnotationError(f"{shown(found[0])}: annotated twice, in {both}; keep one of them"))
    return matched, strangers


class _Album:
    """Pictures by their names, and by their folders where names are not enough."""

    def __init__(self, pictures: Sequence[Path], annotated: Sequence[Path]) -> None:
        """`annotated` are the folders of the annotations."""
        self._by_name: dict[str, list[Path]] = {}
        for picture in dict.fromkeys(pictures):
            for key in (picture.name, f"{picture.stem}.*"):
                self._by_name.setdefault(key, []).append(picture)
        folders = {frozenset(picture.parent.parts) for picture in pictures}
        repeated = any(len({one.parent for one in some}) > 1 for some in self._by_name.values())
        everywhere = frozenset.intersection(*folders) if folders else frozenset()
        self._telling = frozenset.union(*folders) - everywhere if repeated else frozenset()
        """Names of folders that some pictures are in and others are not."""
        self._root = Path(os.path.commonpath(annotated)) if annotated else Path()

    def pictures_of(self, sheet: Sheet) -> list[Path]:
        """The pictures that may be the one of a sheet; several where nothing tells which."""
        for name in sheet.names:
            # Annotations are carried from Windows, where paths have backslashes, to elsewhere.
            named = sheet.file.parent / PureWindowsPath(name).as_posix()
            for key in (named.name, f"{named.name}.*", f"{named.stem}.*"):
                if found := self._by_name.get(key):
                    mine = [picture for picture in found if self._may_be(picture, named)]
                    closest = max((_common_folders(picture, named) for picture in mine), default=None)
                    return [picture for picture in mine if _common_folders(picture, named) == closest]
        return []

    def _may_be(self, picture: Path, named: Path) -> bool:
        """Whether no folder of the annotation is one that other pictures are in, but not this one.

        Else the annotation of a picture that is not here would become that of one in another folder.
        """
        below = named.relative_to(self._root) if named.is_relative_to(self._root) else named
        return self._telling.intersection(below.parent.parts) <= set(picture.parent.parts)


def _common_folders(one: Path, other: Path) -> tuple[int, int]:
    """How many folders the two paths have in common right before their names, and how many anywhere."""
    pairs = zip(reversed(one.parent.parts), reversed(other.parent.parts), strict=False)
    last = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
    return last, len(set(one.parent.parts) & set(other.parent.parts))


def draw_sheet(sheet: Sheet, picture: Path) -> Annotation:
    """The annotated parts of a picture, at its size.

    Raises:
        AnnotationError: The sheet is for another size of picture, or cannot be drawn.
        PictureError: The picture cannot be read.
    """
    size = picture_size(picture)
    _check_size(sheet, picture, size)
    canvas = Canvas(sheet.file, size)
    if sheet.draw:
        sheet.draw(canvas)
    parts = canvas.parts()
    return Annotation(sheet.names[0], size, parts, tuple(canvas.notes.lines))


def _check_size(sheet: Sheet, picture: Path, size: tuple[int, int]) -> None:
    width, height = (stated or actual for stated, actual in zip(sheet.size, size, strict=True))
    if (width, height) == size:
        return
    turned = " as its EXIF orientation turns it" if (height, width) == size else ""
    raise AnnotationError(
        f"{shown(sheet.file)}: made for a picture of {width}x{height}, but {shown(picture)} has "
        f"{size[0]}x{size[1]}; annotate this picture{turned}"
    )


def listed(paths: Sequence[Path], most: int = 3) -> str:
    """The names of the first paths, and how many there are beyond them."""
    names = ", ".join(repr(shown(path.name)) for path in paths[:most])
    return names + (f" and {len(paths) - most} more" if len(paths) > most else "")
