"""Looks at every file of a test set in the layout of MVTec LOCO AD: what there is, and what is wrong."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

from ..schema import DatasetError, Kind, PictureError, Record
from ..tools.pictures import files_below, read_picture, shown
from .kept import fingerprint, keep, kept
from .loco import CONFIG, LocoCategory, LocoPicture
from .loco_annotations import read_loco_annotations

RESULT: Final = "data.json"
ANNOTATION_FILES: Final = (".json", ".png", ".txt")


class TypeFacts(Record):
    """A type of defect."""

    name: str
    pixel_value: int
    saturation: float
    """Pixels, or a share of the channel where `relative`."""
    relative: bool
    logical: int
    """Pictures of logical anomalies that have it."""
    structural: int
    channels: int


class AnnotationFacts(Record):
    """What the annotations of a category hold."""

    source: str
    pictures: int
    """That have an annotation."""
    parts: dict[str, int]
    """Label -> parts."""
    reasons: dict[Kind, int]
    """Type -> reasons."""


class CategoryFacts(Record):
    """What a category holds."""

    category: str
    pictures: dict[str, int]
    """`train`, `validation`, and each group of the test split -> pictures that can be used."""
    sizes: dict[str, int]
    """`800x500` -> pictures, the most frequent first."""
    types: list[TypeFacts]
    """In the order of `defects_config.json`."""
    annotations: AnnotationFacts | None
    """None where there are none."""
    problems: list[str]
    """One line for each file, and each thing in a file, that breaks the layout."""
    inputs: str
    """SHA-256 of the names, sizes and times of all files that were read."""


class _Looked(NamedTuple):
    size: str
    """Empty where the picture cannot be used."""
    types: list[str]
    """Of its channels that can be used."""
    problems: list[str]


def check_category(
    category: LocoCategory,
    annotations: Path | None = None,
    on_picture: Callable[[], None] = lambda: None,
) -> CategoryFacts:
    """Decode every picture and every channel of a category, and read its annotations.

    `on_picture` is told of each picture, and once more where there are annotations.
    """
    # Decoders release the interpreter, and the results are small.
    looked = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for picture, one in zip(
            category.pictures, pool.map(partial(_look, category), category.pictures), strict=True
        ):
            looked[picture] = one
            on_picture()
    problems = [*category.problems, *(line for one in looked.values() for line in one.problems)]
    usable = {picture: one for picture, one in looked.items() if one.size}
    sizes = dict(Counter(one.size for one in usable.values()).most_common())
    problems += _odd_sizes(usable, sizes)
    noted = None
    if annotations:
        noted, lines = _annotation_facts(category, annotations, on_picture)
        problems += lines
    return CategoryFacts(
        category=category.name,
        pictures=_counts(usable),
        sizes=sizes,
        types=_types(category, usable),
        annotations=noted,
        problems=problems,
        inputs=_inputs(category, annotations),
    )


def kept_facts(category: LocoCategory, annotations: Path | None, out: Path) -> CategoryFacts | None:
    """The facts in `out`, if they are those of the files as they are now."""
    return kept(CategoryFacts, out / RESULT, _inputs(category, annotations))


def keep_facts(facts: CategoryFacts, out: Path) -> None:
    """Write facts where `kept_facts` finds them."""
    keep(out / RESULT, facts.model_dump(mode="json"))


def _inputs(category: LocoCategory, annotations: Path | None) -> str:
    channels = [path for picture in category.pictures for path in picture.channels]
    files = [category.folder / CONFIG, *(picture.path for picture in category.pictures), *channels]
    if annotations and annotations.is_dir():
        try:
            files += files_below(annotations, ANNOTATION_FILES)
        except OSError:
            files.append(annotations)
    return fingerprint(files, version("logisight"), category.problems, str(annotations))


def _look(category: LocoCategory, picture: LocoPicture) -> _Looked:
    try:
        read = read_picture(picture.path)
    except PictureError as error:
        return _Looked("", [], [str(error)])
    height, width = read.pixels.shape[:2]
    types, problems = [], [f"{shown(picture.path)}: {note}" for note in read.notes]
    for path in picture.channels:
        try:
            types.append(category.defect(path, (width, height)).name)
        except DatasetError as error:
            problems.append(str(error))
    usable = len(types) == len(picture.channels)
    return _Looked(f"{width}x{height}" if usable else "", types, problems)


def _counts(usable: Iterable[LocoPicture]) -> dict[str, int]:
    counts = dict.fromkeys(("train", "validation", "good", "logical_anomalies", "structural_anomalies"), 0)
    for picture in usable:
        counts[picture.group if picture.split == "test" else picture.split] += 1
    return counts


def _odd_sizes(usable: dict[LocoPicture, _Looked], sizes: dict[str, int]) -> list[str]:
    if len(sizes) < 2:
        return []
    usual, most = next(iter(sizes.items()))
    return [
        f"{shown(picture.path)}: is {one.size}, unlike the {most} pictures of {usual}; "
        "the official evaluation takes one size only"
        for picture, one in usable.items()
        if one.size != usual
    ]


def _types(category: LocoCategory, usable: dict[LocoPicture, _Looked]) -> list[TypeFacts]:
    with_it = Counter((picture.group, name) for picture, one in usable.items() for name in set(one.types))
    channels = Counter(name for one in usable.values() for name in one.types)
    return [
        TypeFacts(
            name=kind.defect_name,
            pixel_value=kind.pixel_value,
            saturation=kind.saturation_threshold,
            relative=kind.relative_saturation,
            logical=with_it["logical_anomalies", kind.defect_name],
            structural=with_it["structural_anomalies", kind.defect_name],
            channels=channels[kind.defect_name],
        )
        for kind in category.types.values()
    ]


def _annotation_facts(
    category: LocoCategory, source: Path, on_picture: Callable[[], None]
) -> tuple[AnnotationFacts, list[str]]:
    found = read_loco_annotations(source, [picture.path for picture in category.pictures], on_picture)
    parts: Counter[str] = Counter()
    reasons: Counter[Kind] = Counter()
    for one in found.pictures.values():
        parts.update(one.labels)
        reasons.update(reason.type for reason in one.reasons)
    facts = AnnotationFacts(
        source=shown(source),
        pictures=len(found.pictures),
        parts=dict(sorted(parts.items())),
        reasons=dict(reasons.most_common()),
    )
    return facts, found.problems
