"""One product, read: its pictures and what is true of them, and its sentences."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...agents.workshop import EXAMPLES, read_sentences
from ...schema import DatasetError
from ...tools.parts import containers_of
from ...tools.pictures import file_sha256, shown
from ..loco import CONFIG, LocoCategory, LocoPicture, read_category
from ..loco_annotations import AnnotatedPicture, annotation_folder, read_loco_annotations
from .marks import Case, group_of
from .ontology import ontology_of
from .telling import Vocabulary

RULES: Final = "rules.txt"
"""Sentences of a product, in the folder of its pictures."""


@dataclass(frozen=True)
class Subject:
    """A product that rules are to be written for."""

    category: LocoCategory
    sentences: Sequence[str]
    annotated: Mapping[Path, AnnotatedPicture]
    """By picture; those without annotated parts are not in it."""
    references: Sequence[AnnotatedPicture]
    """Good pictures, to teach eyes and to prove rules on."""
    labels: Sequence[str]
    """Of all annotated parts, also of those that no reference shows."""
    containers: Mapping[str, Sequence[str]]
    """Label -> labels of the parts that lie in its parts on the references."""
    pictures: Sequence[LocoPicture]
    """To be judged: those of the test split whose ground truth can be read."""
    cases: Sequence[Case]
    """What is true of them, in the same order."""
    sha256: str
    problems: Sequence[str]

    @property
    def vocabulary(self) -> Vocabulary:
        """The words for its labels."""
        return Vocabulary(self.labels, ontology_of(self.category.name).names)


def read_subject(folder: Path, rules: Path | None, annotations: Path | None, references: int) -> Subject:
    """Read a product; the first of its annotated good pictures, so many of them, are its references.

    Raises:
        LogiSightError: There are no sentences, or no annotated good picture.
    """
    category = read_category(folder)
    where = sentences_file(category, rules)
    sentences = read_sentences(where)
    source = annotation_folder(category, annotations)
    if source is None:
        raise DatasetError(
            f"{shown(folder)}: has no folder `annotations`; point to the annotated parts with --annotations"
        )
    read = read_loco_annotations(source, [picture.path for picture in category.pictures])
    annotated = {path: one for path, one in read.pictures.items() if one.labels or one.parts is not None}
    good = [picture.path for picture in category.select("train", "good") if picture.path in annotated]
    if not good:
        raise DatasetError(f"{shown(source)}: annotates no picture of {shown(folder / 'train' / 'good')}")
    chosen = [annotated[path] for path in good[:references]]
    problems = [*category.problems, *read.problems]
    pictures, cases = _cases(category, read.pictures, problems)
    files = [where, folder / CONFIG, *_files(source), *_pictures(pictures), *good[:references]]
    return Subject(
        category=category,
        sentences=sentences,
        annotated=annotated,
        references=chosen,
        labels=sorted({label for one in annotated.values() for label in one.labels}),
        containers=_containers(chosen),
        pictures=pictures,
        cases=cases,
        sha256=_digest(files, folder),
        problems=problems,
    )


def _containers(references: Sequence[AnnotatedPicture]) -> dict[str, list[str]]:
    labels = sorted({label for one in references for label in one.labels})
    return {
        label: held
        for label, held in containers_of([one.parts or () for one in references], labels).items()
        if held
    }


def sentences_file(category: LocoCategory, rules: Path | None) -> Path:
    """The file of sentences of a product: of the folder `rules`, beside its pictures, or an example.

    Raises:
        DatasetError: There is none.
    """
    name = category.name
    given = (
        [rules / f"{name}{suffix}" for suffix in (".toml", ".txt")] if rules else [category.folder / RULES]
    )
    example = [EXAMPLES[name]] if name in EXAMPLES and not rules else []
    for path in [*given, *example]:
        if path.is_file():
            return path
    raise DatasetError(f"{shown(given[0])}: no sentences of this product, one a line; see --rules")


def _cases(
    category: LocoCategory, annotated: Mapping[Path, AnnotatedPicture], problems: list[str]
) -> tuple[list[LocoPicture], list[Case]]:
    ontology = ontology_of(category.name)
    pictures, cases = [], []
    for picture in category.select("test"):
        try:
            defects = [defect.name for defect in category.defects(picture)]
        except DatasetError as error:
            problems.append(f"{error}; its picture is left out")
            continue
        records = annotated[picture.path].records if picture.path in annotated else ()
        truth = ontology.expected(defects, records)
        pictures.append(picture)
        cases.append(Case(picture.name, group_of(picture.group), defects, truth))
    return pictures, cases


def _pictures(pictures: Sequence[LocoPicture]) -> list[Path]:
    return [path for picture in pictures for path in (picture.path, *picture.channels)]


def _files(source: Path) -> list[Path]:
    return sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]


def _digest(files: Iterable[Path], folder: Path) -> str:
    """Of the names and contents of files; the same for a copy of the folder elsewhere."""
    lines = {
        f"{path.relative_to(folder) if path.is_relative_to(folder) else path.name} {file_sha256(path)}\n"
        for path in files
        if path.is_file()
    }
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
