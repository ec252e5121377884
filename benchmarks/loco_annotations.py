"""Annotated parts and reasons of test pictures, in the form of LOCO-Annotations and of files like them.

LOCO-Annotations (Zhang et al., "LogiCode", arXiv 2406.04687) has one JSON file a picture, with outlines of
objects and with reasons as "Anomaly Type: Specific Reason", such as "Quantity: one pushpin is missing". Its
public description names no field. So parts are read as `tools.annotations` reads them (LabelMe, ISAT, COCO,
index masks), and a reason from any text of that form beside them: in a field of the picture or of a shape, in
lists and objects below, as the name of a flag that is set, or as the label of a shape, which is no part then.
Pictures whose parts are masks, or have none, may have their reasons in a JSON file of any form that is named
like the picture, or in one object from names of pictures to reasons. `records` may hold the same reasons as
facts, see `reasons.Reason`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from pydantic import ValidationError

from ..scene import Shape
from ..schema import AnnotationError, Kind, PictureError, Record
from ..tools.annotations.fields import Notes, complaint, kind_of, load_json
from ..tools.annotations.reading import LOOKED_FOR, draw_sheet, find_sheets, listed, match_sheets
from ..tools.annotations.sheet import Annotation, Sheet
from ..tools.pictures import SUFFIXES, shown
from .loco import CONFIG, LocoCategory
from .reasons import Reason

FOLDER: Final = "annotations"
"""Where a category has its own."""
MAX_TEXT: Final = 2000
"""Characters of one text that are looked at."""
MAX_DEPTH: Final = 8
"""Lists and objects within each other in which reasons are looked for."""

_TYPE: Final = (
    r"(?:(?P<quantity>quantity|quantities)|(?P<size>sizes?)|(?P<position>positions?)|(?P<matching>match(?:es|ing)?))"
    r"(?:\s+anomal(?:y|ies))?\s*[:\uff1a]"
)
_REASON: Final = re.compile(rf"\s*{_TYPE}(?=.*\w)", re.IGNORECASE | re.DOTALL)
_BETWEEN: Final = re.compile(rf"\s*[.,;|\n]\s*(?={_TYPE})", re.IGNORECASE)
_TYPED: Final = re.compile(r"\s*\w[\w ]{1,30}:\s*\w")
_WHY: Final = re.compile("reason|anomal|explan", re.IGNORECASE)
"""Names of fields in which any text is meant to be a reason."""
_REMARK: Final = re.compile("descri|comment|note|remark|caption", re.IGNORECASE)
"""Names of fields in which a text with a colon is meant to be one."""
_NORMAL: Final = frozenset({"", "none", "null", "no", "n/a", "-", "good", "normal", "ok", "no anomaly"})
"""What such fields say of a picture without an anomaly."""
_RECORDS: Final = "records"


class StatedReason(Record):
    """Why a picture is not normal, as an annotation says it."""

    type: Kind
    text: str
    """What is said after the type."""


@dataclass(frozen=True, eq=False)
class AnnotatedPicture:
    """What an annotation says of one picture."""

    picture: Path
    reasons: tuple[StatedReason, ...]
    """In the order in which they were found, each once."""
    records: tuple[Reason, ...]
    """The same as facts, where the annotation has them."""
    labels: Mapping[str, int]
    """How many parts there are of each label."""
    _sheet: Sheet | None

    @property
    def parts(self) -> tuple[Shape, ...] | None:
        """The parts, None where they are not annotated. Drawn anew each time: keep what is asked for twice.

        Those of a whole test set need not be in memory at once.

        Raises:
            LogiSightError: The picture was changed since the annotation was read.
        """
        return _parts(draw_sheet(self._sheet, self.picture)) if self._sheet else None


@dataclass(frozen=True, eq=False)
class LocoAnnotations:
    """The annotations of a test set."""

    pictures: dict[Path, AnnotatedPicture]
    """In the order in which the pictures were given; those without an annotation are not in it."""
    problems: list[str]
    """One line for each file, shape, label or text that could not be placed."""


def annotation_folder(category: LocoCategory, folder: Path | None = None) -> Path | None:
    """Where the annotations of a category are: `folder`, or a folder of its name below.

    Without a `folder` it is `annotations` beside the pictures of the category; None where that is not there.
    """
    if folder:
        return mine if (mine := folder / category.name).is_dir() else folder
    return beside if (beside := category.folder / FOLDER).is_dir() else None


def read_loco_annotations(
    source: Path, pictures: Sequence[Path], on_picture: Callable[[], None] = lambda: None
) -> LocoAnnotations:
    """Read the annotations of pictures from a file, or from a folder and all folders below.

    Which annotation belongs to which picture is found as `tools.annotations.read_annotations` finds it, so
    that pictures of one name are told apart by their folders. What cannot be used is a line in `problems`,
    and the rest is read. Every part is drawn once to see whether it can be.
    """
    problems: list[str] = []

    def told(error: AnnotationError) -> None:
        # A list of classes is looked at as an annotation first.
        if str(error) not in problems:
            problems.append(str(error))

    found = find_sheets(source, pictures, told)
    problems += found.notes
    others = [file for file in found.others if file.name != CONFIG]
    of_reasons = [sheet for file in others for sheet in _sheets_of_reasons(file, problems)]
    if not (problems or found.sheets or of_reasons):
        problems.append(f"{shown(source)}: holds no annotation; looked for {LOOKED_FOR}")
    with_parts, strangers = match_sheets(found.sheets, pictures, told)
    without, more_strangers = match_sheets(of_reasons, pictures, told)
    names: dict[Path, list[Path]] = {}
    for sheet in (*strangers, *more_strangers):
        names.setdefault(sheet.file, []).append(Path(sheet.names[0]))
    problems += [
        f"{shown(file)}: annotates {listed(some)}, not among the pictures" for file, some in names.items()
    ]
    read = {}
    for picture in pictures:
        sheets = [sheet for sheet in (with_parts.get(picture), without.get(picture)) if sheet]
        if sheets and (annotated := _annotated(picture, sheets, problems)):
            read[picture] = annotated
        on_picture()
    return LocoAnnotations(read, problems)


def parse_reasons(text: str) -> tuple[StatedReason, ...]:
    """The reasons that a text states; none where it is not of the form "Anomaly Type: Specific Reason".

    Several follow each other after a full stop, a comma, a semicolon or a line break.

    Example:
        >>> parse_reasons("QUANTITY anomaly : 2 pins; Sizes: too long")
        (StatedReason(type='quantity', text='2 pins'), StatedReason(type='size', text='too long'))
        >>> parse_reasons("two pins")
        ()
    """
    if not _REASON.match(text):
        return ()
    text = text[:MAX_TEXT]
    starts = [0, *(gap.end() for gap in _BETWEEN.finditer(text))]
    ends = [*(gap.start() for gap in _BETWEEN.finditer(text)), len(text)]
    pieces = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    return tuple(
        StatedReason(type=cast(Kind, match.lastgroup), text=_line(piece[match.end() :]))
        for piece in pieces
        if (match := _REASON.match(piece))
    )


def _line(text: str) -> str:
    return shown(" ".join(text.split()))


def _sheets_of_reasons(file: Path, problems: list[str]) -> list[Sheet]:
    """What a JSON file without parts says: of the picture that it is named like, or of those it names."""
    content = load_json(file)
    if isinstance(content, dict) and content and all(map(_is_picture_name, content)):
        return [
            Sheet(file, (name,), (None, None), None, ((f"reason of {name.rpartition('.')[0]}", said),))
            for name, said in content.items()
        ]
    facts = list(content.items()) if isinstance(content, dict) else [("", content)]
    if any(parse_reasons(text) for fact in facts for _, text in _texts(*fact)) or _RECORDS in dict(facts):
        return [Sheet(file, (file.stem,), (None, None), None, tuple(facts))]
    problems.append(f"{shown(file)}: holds no reason, and no annotation format that is read ({LOOKED_FOR})")
    return []


def _is_picture_name(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _annotated(picture: Path, sheets: Sequence[Sheet], problems: list[str]) -> AnnotatedPicture | None:
    """What its sheets say of a picture; None where nothing of it is understood."""
    reasons: list[StatedReason] = []
    records: list[Reason] = []
    labels: Counter[str] = Counter()
    with_parts: Sheet | None = None
    for sheet in sheets:
        notes = Notes(sheet.file)
        for field, said in sheet.facts:
            if field == _RECORDS:
                records += _records(said, notes)
            else:
                reasons += _reasons(field, said, notes)
        problems += notes.lines
        if sheet.draw and (annotation := _drawn(sheet, picture, problems)):
            with_parts = sheet
            labels.update(part.label for part in _parts(annotation))
            reasons += [reason for shape in annotation.parts for reason in parse_reasons(shape.label)]
    if not (with_parts or reasons or records):
        return None
    return AnnotatedPicture(picture, tuple(dict.fromkeys(reasons)), tuple(records), labels, with_parts)


def _drawn(sheet: Sheet, picture: Path, problems: list[str]) -> Annotation | None:
    """The annotation of a picture; None, and told, where nothing of it can be used."""
    try:
        annotation = draw_sheet(sheet, picture)
    except (AnnotationError, PictureError) as error:
        problems.append(str(error))
        return None
    problems += annotation.ignored
    # A picture all of whose shapes are wrong is not one without parts.
    return annotation if annotation.parts or not annotation.ignored else None


def _parts(annotation: Annotation) -> tuple[Shape, ...]:
    return tuple(shape for shape in annotation.parts if not parse_reasons(shape.label))


def _records(said: Any, notes: Notes) -> Iterator[Reason]:
    for index, record in enumerate(said if isinstance(said, list) else [said]):
        try:
            # As JSON, where a range is a list.
            yield Reason.model_validate_json(json.dumps(record))
        except ValidationError as error:
            notes.add(*complaint(f"{_RECORDS}[{index}]", error))


def _reasons(field: str, said: Any, notes: Notes) -> Iterator[StatedReason]:
    for place, text in _texts(field, said):
        found = parse_reasons(text)
        yield from found
        if not found and _is_meant(place, text):
            notes.add(place, f'expected "Quantity: ...", Size, Position or Matching, got {kind_of(text)}')


def _is_meant(place: str, text: str) -> bool:
    """Whether a text that is no reason is meant to be one."""
    name = re.sub(r"(\[\d+\])+$", "", place).rpartition(".")[2]
    if _WHY.search(name):
        return text.strip().lower() not in _NORMAL
    return bool(_REMARK.search(name) and _TYPED.match(text))


def _texts(field: str, said: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    """All texts in a JSON value, each with its field; a flag that is set counts as its name.

    Where the name is a type, the text is its reason.
    """
    if isinstance(said, str):
        yield field, said
    elif depth < MAX_DEPTH and isinstance(said, list):
        for index, item in enumerate(said):
            yield from _texts(f"{field}[{index}]", item, depth + 1)
    elif depth < MAX_DEPTH and isinstance(said, dict):
        for name, value in said.items():
            if value is True:
                yield field, name
            elif isinstance(value, str) and parse_reasons(f"{name}: {value}"):
                yield field, f"{name}: {value}"
            else:
                yield from _texts(f"{field}.{name}".removeprefix("."), value, depth + 1)
