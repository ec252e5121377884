"""A product: the folder that holds all LogiSight knows of it.

product.json        size of its pictures, part labels, reference pictures by hash
parts.safetensors   the part model
references/         the reference pictures, named by the SHA-256 of their bytes
rules/              the rulebook
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from pydantic import ValidationError

from ..scene import Shape
from ..schema import PictureError, ProductError, Record
from ..tools.annotations import read_annotations
from ..tools.parts import PartModel, Pixels, Seen, learn_parts
from ..tools.pictures import Picture, list_pictures, read_picture
from .rulebook import Rulebook

HOME = Path("products")
"""Where a product that is named and not pathed lives, below the current folder."""

FORMAT = "logisight-product-1"

SHAPE_TOLERANCE = 0.03
"""How far width / height may differ from the taught pictures before lengths mean something else."""


TYPO = 0.9
"""Labels that are more alike than this, on a scale of 0 to 1, are pointed out."""


class Reference(Record):
    """One reference picture."""

    name: str
    sha256: str
    suffix: str
    annotated: bool

    @property
    def file(self) -> str:
        """Name of the stored picture."""
        return self.sha256 + self.suffix


class ProductFile(Record):
    """What `product.json` holds."""

    format: str
    references: list[Reference]
    synonyms: dict[str, str] = {}
    """The product's own words -> labels; edit at will."""


@dataclass(frozen=True)
class Product:
    """One product, read from its folder."""

    folder: Path
    file: ProductFile

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def in_words(self) -> str:
        """Its name as models read it: folders are named as programs like it."""
        return " ".join(self.name.replace("_", " ").split())

    @cached_property
    def model(self) -> PartModel:
        """The taught eyes."""
        return PartModel.load(self.folder / "parts.safetensors")

    @property
    def rules_folder(self) -> Path:
        """Where the rulebook is."""
        return self.folder / "rules"

    def rulebook(self) -> Rulebook:
        """The rules as they are on disk now."""
        return Rulebook.load(self.rules_folder)

    def see(self, picture: Picture) -> tuple[Pixels, Seen]:
        """The picture at the size that was taught, and the parts in it.

        Raises:
            PictureError: The picture has another shape than the taught ones, or is grey and they are not.
        """
        if self.model.is_blind_to(picture.pixels):
            raise PictureError(
                f"{picture.path}: a grey picture, but {self.name} was taught in colour; "
                "take it in colour, or teach with grey pictures"
            )
        pixels, notes = at_taught_size(picture, self.model.size)
        seen = self.model.see(pixels)
        return pixels, Seen(seen.scene, [*picture.notes, *notes, *seen.dropped])

    def warm_up(self) -> None:
        """Load all that seeing takes, by seeing a blank picture, so that the first one does not wait for it.

        Raises:
            ProductError: There is no part model, or it is damaged.
        """
        width, height = self.model.size
        self.model.see(np.zeros((height, width, 3), np.uint8))

    def reference_pictures(self) -> Iterator[tuple[Reference, Picture]]:
        """The reference pictures, one at a time.

        Raises:
            ProductError: One is missing or was changed.
        """
        for reference in self.file.references:
            yield reference, self.reference_picture(reference)

    def reference_picture(self, reference: Reference) -> Picture:
        """One reference picture.

        Raises:
            ProductError: It is missing or was changed.
        """
        path = self.folder / "references" / reference.file
        picture = read_picture(path)
        if picture.sha256 != reference.sha256:
            raise ProductError(f"{path}: this is not the picture that was taught; teach the product again")
        return picture


def at_taught_size(picture: Picture, size: tuple[int, int]) -> tuple[Pixels, list[str]]:
    """A picture's pixels at the taught size, where lengths mean the same, and a note if that changed it.

    Raises:
        PictureError: Its shape differs too much for that.
    """
    height, width = picture.pixels.shape[:2]
    if (width, height) == size:
        return picture.pixels, []
    if abs(np.log(width / height / (size[0] / size[1]))) > SHAPE_TOLERANCE:
        raise PictureError(
            f"{picture.path}: {width}x{height} has another shape than the taught pictures "
            f"({size[0]}x{size[1]}); crop it to the same view, or teach with pictures of this shape"
        )
    interpolation = cv2.INTER_AREA if width > size[0] else cv2.INTER_LINEAR
    resized = cv2.resize(picture.pixels, size, interpolation=interpolation)
    return resized.astype(np.uint8, copy=False), [
        f"brought from {width}x{height} to the taught size {size[0]}x{size[1]}"
    ]


class Kept(NamedTuple):
    """A picture that becomes a reference picture."""

    reference: Reference
    path: Path
    """Where it is copied from."""

    @classmethod
    def of(cls, picture: Picture, annotated: bool) -> Kept:
        """A picture that was read."""
        path, suffix = picture.path, picture.path.suffix.lower()
        reference = Reference(name=path.name, sha256=picture.sha256, suffix=suffix, annotated=annotated)
        return cls(reference, path)


class Taught(NamedTuple):
    """A product that was taught, its annotated parts by label, and what was not understood."""

    product: Product
    parts: dict[str, int]
    ignored: list[str]


def find_product(name: str) -> Path:
    """The folder of a product that is named by path, or by name below `products`.

    Raises:
        ProductError: There is none.
    """
    for folder in (Path(name), HOME / name):
        if (folder / "product.json").is_file():
            return folder
    known = sorted(p.parent.name for p in HOME.glob("*/product.json"))
    hint = f"products here: {', '.join(known)}" if known else "run `logisight teach` first"
    raise ProductError(f"there is no product {name!r}; {hint}")


def new_product_folder(name: str | Path) -> Path:
    """Where a product goes: a path as given, a bare name below `products`."""
    pathed = isinstance(name, Path) or "/" in name or (Path(name) / "product.json").is_file()
    return Path(name) if pathed else HOME / name


def open_product(name: str | Path) -> Product:
    """Read a product's folder.

    Raises:
        ProductError: There is none, or its file is damaged.
    """
    folder = find_product(str(name))
    path = folder / "product.json"
    try:
        file = ProductFile.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise ProductError(
            f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}; teach the product again"
        ) from None
    if file.format != FORMAT:
        raise ProductError(f"{path}: made by another version of LogiSight; teach the product again")
    return Product(folder, file)


def teach(
    name: str | Path,
    pictures: Path,
    annotations: Path,
    references: Path | None = None,
    on_picture: Callable[[Path], None] = lambda _: None,
) -> Taught:
    """Learn the parts of a product from annotated pictures, which are kept to prove its rules on.

    `pictures` is a folder that holds the annotated pictures; those without annotation are left out.
    `references` is a folder of more pictures of good products; those that cannot be used are left out. Rules
    that the product has already stay, but they were proven with other eyes: prove them again.

    Raises:
        PictureError: An annotated picture cannot be read or has another shape than the first.
        AnnotationError: The annotations cannot be used.
        ProductError: There is no annotated part.
    """
    annotated = read_annotations(annotations, list_pictures([pictures]))
    notes = [*annotated.notes, *(line for annotation in annotated.values() for line in annotation.ignored)]
    samples: list[tuple[Pixels, Sequence[Shape]]] = []
    kept: dict[str, Kept] = {}
    size: tuple[int, int] | None = None
    for path in [*annotated, *(list_pictures([references]) if references else [])]:
        try:
            picture = read_picture(path)
            size = size or (picture.pixels.shape[1], picture.pixels.shape[0])
            at_taught_size(picture, size)
        except PictureError as error:
            if path in annotated:
                raise
            notes.append(str(error))
            continue
        if path in annotated:
            samples.append((picture.pixels, annotated[path].parts))
        kept.setdefault(picture.sha256, Kept.of(picture, path in annotated))
        on_picture(path)
    product = save_product(new_product_folder(name), learn_parts(samples), list(kept.values()))
    parts = Counter(shape.label for annotation in annotated.values() for shape in annotation.parts)
    return Taught(product, dict(parts), [*notes, *_lookalikes(sorted(parts))])


def _lookalikes(labels: Sequence[str]) -> Iterator[str]:
    for one, other in combinations(labels, 2):
        if SequenceMatcher(None, one, other).ratio() > TYPO:
            yield f"the labels {one!r} and {other!r} are almost the same; is one of them a slip?"


def save_product(folder: Path, model: PartModel, kept: Sequence[Kept]) -> Product:
    """Write what was taught into a product's folder; rules that are there stay."""
    product = Product(folder, ProductFile(format=FORMAT, references=[one.reference for one in kept]))
    pictures = {one.reference.file: one.path for one in kept}
    references = product.folder / "references"
    references.mkdir(parents=True, exist_ok=True)
    for name, path in pictures.items():
        if not (references / name).is_file():
            shutil.copyfile(path, references / name)
    model.save(product.folder / "parts.safetensors")
    # Last, since this file is what makes the folder a product.
    (product.folder / "product.json").write_text(
        product.file.model_dump_json(indent=2) + "\n", encoding="utf-8"
    )
    for path in references.iterdir():
        if path.name not in pictures:
            path.unlink()
    return product
