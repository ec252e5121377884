"""Finds annotations, recognises their formats, and brings them to their pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
_LOOKED_FOR = ", ".join([*(form.NAME for form in _JSON_FORMATS), index_masks.NAME])


class Annotations(dict[Path, Annotation]):
    """Annotations by picture, in the order of the pictures; those without one are not in it."""

    def __init__(self, by_picture: Mapping[Path, Annotation], notes: Sequence[str]) -> None:
        super().__init__(by_picture)
        self.notes = tuple(notes)
        """Lines on what belongs to none of the pictures, and on the pictures that are not annotated."""


def read_annotations(source: Path, pictures: Sequence[Path]) -> Annotations:
    """Read the annotations of pictures from a file, or from a folder and all folders below.

    Formats are recognised by content: LabelMe, ISAT and COCO JSON. A folder without any of these is looked
    through for index masks named like the pictures. A picture is found by the name that its annotation gives,
    else by the stem of that name, else by the stem of the annotation's file; among pictures of one name by
    the folders that both paths end with. A picture of whose annotation nothing was understood counts as not
    annotated.

    Raises:
        AnnotationError: There is no annotation of any of the pictures, or none that is understood; or a file
            cannot be used or is of another size than its picture; or it is not clear which annotation
            belongs to which picture.
        PictureError: An annotated picture cannot be read.
    """
    notes: list[str] = []
    matched, strangers = _match(_find_sheets(source, pictures, notes), pictures)
    if not matched:
        raise AnnotationError(
            f"{shown(source)}: annotates {_listed(strangers)}, but the pictures are {_listed(pictures)}; "
            "give the annotated pictures, or rename them as the annotations have them"
        )
    if strangers:
        notes.append(f"{shown(source)}: annotates {_listed(strangers)}, not among the pictures")
    bare = [picture for picture in pictures if picture not in matched]
    if bare:
        notes.append(f"{shown(source)}: does not annotate {_listed(bare)}")
    drawn = {picture: _drawn(matched[picture], picture) for picture in pictures if picture in matched}
    # Taken as annotated, a picture without its parts would teach that all of it is background.
    useful = {picture: found for picture, found in drawn.items() if found.parts or not found.ignored}
    useless = [line for picture, found in drawn.items() if picture not in useful for line in found.ignored]
    if not useful:
        raise AnnotationError(f"{useless[0]}; no part is left")
    return Annotations(useful, [*notes, *useless])


def _find_sheets(source: Path, pictures: Sequence[Path], notes: list[str]) -> list[Sheet]:
    """Everything that is annotated in a file or folder; `notes` takes what belongs to no picture."""
    files = _files(source)
    masks = {file for file in files if file.suffix.lower() == ".png"}
    sheets = [sheet for file in files if file not in masks for sheet in _json_sheets(file, notes)]
    if not sheets:
        others = {picture.resolve() for picture in pictures}
        masks = {mask for mask in masks if mask.resolve() not in others}
        sheets = index_masks.sheets(masks, {picture.stem for picture in pictures})
    if not sheets:
        nothing = f"{shown(source)}: holds no annotation of the pictures; looked for {_LOOKED_FOR}"
        raise AnnotationError(notes[0] if notes else nothing)
    return sheets


def _json_sheets(file: Path, notes: list[str]) -> list[Sheet]:
    content = load_json(file)
    for form in _JSON_FORMATS:
        if form.recognised(content):
            of_file = Notes(file)
            sheets = form.sheets(file, content, of_file)
            notes += of_file.lines
            return sheets
    if file.name not in index_masks.LABEL_FILES:
        notes.append(f"{shown(file)}: no annotation format that is read ({_LOOKED_FOR})")
    return []


def _files(source: Path) -> list[Path]:
    try:
        if source.is_file():
            return [source]
        return files_below(source, (".json", ".png"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise AnnotationError(f"{shown(source)}: cannot be read ({reason}); check its path") from None


def _match(sheets: Sequence[Sheet], pictures: Sequence[Path]) -> tuple[dict[Path, Sheet], list[Path]]:
    """The annotation of each picture that has one, and the names of annotated pictures that are not here."""
    album: dict[str, list[Path]] = {}
    for picture in dict.fromkeys(pictures):
        for key in (picture.name, f"{picture.stem}.*"):
            album.setdefault(key, []).append(picture)
    matched: dict[Path, Sheet] = {}
    strangers: list[Path] = []
    for sheet in sheets:
        found = _pictures_of(sheet, album)
        if not found:
            strangers.append(Path(sheet.names[0]))
            continue
        if len(found) > 1:
            both = " or ".join(shown(picture) for picture in found[:2])
            raise AnnotationError(f"{shown(sheet.file)}: its picture may be {both}; give one of them")
        other = matched.setdefault(found[0], sheet)
        if other is not sheet:
            both = " and ".join(shown(file) for file in sorted({other.file, sheet.file}))
            raise AnnotationError(f"{shown(found[0])}: annotated twice, in {both}; keep one of them")
    return matched, strangers


def _pictures_of(sheet: Sheet, album: Mapping[str, Sequence[Path]]) -> list[Path]:
    for name in sheet.names:
        # Annotations are carried from Windows, where paths have backslashes, to elsewhere.
        named = sheet.file.parent / PureWindowsPath(name).as_posix()
        for key in (named.name, f"{named.name}.*", f"{named.stem}.*"):
            if found := album.get(key):
                closest = max(_common_folders(picture, named) for picture in found)
                return [picture for picture in found if _common_folders(picture, named) == closest]
    return []


def _common_folders(one: Path, other: Path) -> int:
    """How many folders the two paths have in common before their names."""
    pairs = zip(reversed(one.parent.parts), reversed(other.parent.parts), strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


def _drawn(sheet: Sheet, picture: Path) -> Annotation:
    size = picture_size(picture)
    _check_size(sheet, picture, size)
    canvas = Canvas(sheet.file, size)
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


def _listed(paths: Sequence[Path], most: int = 3) -> str:
    names = ", ".join(repr(shown(path.name)) for path in paths[:most])
    return names + (f" and {len(paths) - most} more" if len(paths) > most else "")
