"""Auxiliary data that AdaCLIP is trained on: pictures with and without defects, and the masks of these.

    ROOT/PRODUCT/test/good/000.png ...        as MVTec AD, and VisA after its split (`ok` is `good` too)
                 test/SPECIE/000.png ...
                 ground_truth/SPECIE/000_mask.png or 000.png ...
    ROOT/split_csv/1cls.csv                   as VisA is handed out: object,split,label,image,mask
    ROOT/meta.json                            as the public code of AdaCLIP writes it

ROOT may be a PRODUCT of the first kind itself. A mask belongs to the picture whose name it has, not to the
one that happens to stand at its place.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from ....schema import DatasetError
from ...pictures import SUFFIXES, files_below, picture_size, shown

Split = Literal["train", "test"]

META: Final = "meta.json"
VISA_SPLIT: Final = "split_csv/1cls.csv"
GOOD: Final = ("good", "ok")
"""Species of pictures without defects."""

_MASK_ENDINGS: Final = ("_mask", "_label", "")
"""What the name of a mask has after that of its picture."""
_MAX_INDEX_BYTES: Final = 200_000_000


@dataclass(frozen=True)
class AuxiliaryPicture:
    """One picture to train on."""

    path: Path
    product: str
    """What it shows, as the folder calls it."""
    anomalous: bool
    mask: Path | None = None
    """Where its defects are; None for a good picture, and where nobody says."""
    size: tuple[int, int] = (0, 0)
    """(width, height), which the mask has as well."""

    @property
    def masked(self) -> bool:
        """Whether it is known which of its pixels are anomalous."""
        return not self.anomalous or self.mask is not None


def read_auxiliary(
    roots: Iterable[Path], splits: Sequence[Split] = ("test",), products: Sequence[str] = ()
) -> list[AuxiliaryPicture]:
    """The pictures below some folders, in an order that depends on their names alone.

    AdaCLIP trains on the test split alone, which is what has defects. An anomalous picture without a mask is
    only taken where a `meta.json` says that it has none. Headers are read, pixels are not.

    Raises:
        DatasetError: A folder has none of the layouts, a mask is missing or has another size than its
            picture, a product is not there, or there are no defects; names the file.
        PictureError: A picture or a mask cannot be read.
    """
    folders = list(roots)
    found = [picture for root in folders for picture in _read_root(root, splits)]
    where = ", ".join(shown(folder) for folder in folders)
    there = dict.fromkeys(picture.product for picture in found)
    if missing := [name for name in products if name not in there]:
        raise DatasetError(
            f"{where}: no product {shown(', '.join(missing))}; there are {shown(', '.join(there))}"
        )
    chosen = [picture for picture in found if not products or picture.product in products]
    if not any(picture.anomalous for picture in chosen):
        raise DatasetError(
            f"{where}: no anomalous picture in the split {' or '.join(splits)}; nothing can be learned from "
            "good pictures alone"
        )
    return [_sized(picture) for picture in chosen]


def _read_root(root: Path, splits: Sequence[Split]) -> list[AuxiliaryPicture]:
    if not root.is_dir():
        raise DatasetError(f"{shown(root)}: no such folder; give the folder that holds the products")
    if (root / META).is_file():
        return list(_read_meta(root, splits))
    if (root / VISA_SPLIT).is_file():
        return list(_read_visa(root, splits))
    if any(root.glob("*/Data/Images")):
        raise DatasetError(f"{shown(root / VISA_SPLIT)}: is missing; VisA comes with it, copy it again")
    products = [root] if (root / "test").is_dir() else sorted(path.parent for path in root.glob("*/test"))
    found = [picture for product in products for picture in _read_product(product, splits)]
    if not found:
        raise DatasetError(
            f"{shown(root)}: is no auxiliary data; expected PRODUCT/test/good and PRODUCT/test/SPECIE with "
            f"pictures in them, {VISA_SPLIT}, or {META}"
        )
    return found


def _read_product(folder: Path, splits: Sequence[Split]) -> Iterator[AuxiliaryPicture]:
    """One product in the layout of MVTec AD."""
    name = folder.resolve().name
    for split in splits:
        for specie in sorted(path for path in (folder / split).glob("[!.]*") if path.is_dir()):
            good = specie.name in GOOD
            truth = folder / "ground_truth" / specie.name
            masks = {} if good else {path.stem: path for path in _pictures(truth)}
            for path in _pictures(specie):
                mask = None if good else _mask_of(path, masks, truth)
                yield AuxiliaryPicture(path, name, not good, mask)


def _pictures(folder: Path) -> list[Path]:
    try:
        return [path for path in files_below(folder, SUFFIXES) if path.parent == folder]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DatasetError(f"{shown(folder)}: cannot be read ({error.strerror})") from None


def _mask_of(path: Path, masks: dict[str, Path], truth: Path) -> Path:
    for ending in _MASK_ENDINGS:
        if mask := masks.get(path.stem + ending):
            return mask
    raise DatasetError(
        f"{shown(path)}: its mask is missing; looked for {path.stem}_mask.png, or the like, in {shown(truth)}"
    )


def _read_visa(root: Path, splits: Sequence[Split]) -> Iterator[AuxiliaryPicture]:
    """VisA as it is handed out; its table names the pictures of each split."""
    index = root / VISA_SPLIT
    rows = csv.DictReader(_text(index).splitlines())
    if missing := {"object", "split", "label", "image", "mask"} - set(rows.fieldnames or ()):
        raise DatasetError(f"{shown(index)}: has no column {', '.join(sorted(missing))}; copy it again")
    for number, row in enumerate(rows, start=2):
        if None in row.values():
            raise DatasetError(f"{shown(index)}: line {number} is cut off; copy it again")
        if row["split"] in splits:
            anomalous = row["label"] == "anomaly"
            if anomalous and not row["mask"]:
                raise DatasetError(f"{shown(index)}: line {number} names no mask for {shown(row['image'])}")
            mask = _inside(root, row["mask"], index) if anomalous else None
            yield AuxiliaryPicture(_inside(root, row["image"], index), row["object"], anomalous, mask)


class _Entry(BaseModel):
    """One picture in `meta.json`."""

    img_path: str
    mask_path: str = ""
    cls_name: str
    anomaly: Literal[0, 1]


_META: Final = TypeAdapter(dict[str, dict[str, list[_Entry]]])


def _read_meta(root: Path, splits: Sequence[Split]) -> Iterator[AuxiliaryPicture]:
    """What the public code of AdaCLIP writes for each of its data sets."""
    index = root / META
    try:
        meta = _META.validate_python(json.loads(_text(index)))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DatasetError(f"{shown(index)}: {shown(where)}: {first['msg']}; write it again") from None
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{shown(index)}: is no JSON ({shown(error)}); write it again") from None
    for split in splits:
        for entries in meta.get(split, {}).values():
            for entry in entries:
                mask = _inside(root, entry.mask_path, index) if entry.mask_path and entry.anomaly else None
                path = _inside(root, entry.img_path, index)
                yield AuxiliaryPicture(path, entry.cls_name, bool(entry.anomaly), mask)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_INDEX_BYTES:
            raise DatasetError(f"{shown(path)}: is too large for a list of pictures")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DatasetError(f"{shown(path)}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise DatasetError(f"{shown(path)}: is not in UTF-8; copy it again") from None


def _inside(root: Path, name: str, index: Path) -> Path:
    """A file that a list names, which has no business outside of its data set."""
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts:
        raise DatasetError(f"{shown(index)}: names {shown(name)}, which is not below {shown(root)}")
    return root / pure


def _sized(picture: AuxiliaryPicture) -> AuxiliaryPicture:
    size = picture_size(picture.path)
    if picture.mask and (other := picture_size(picture.mask)) != size:
        raise DatasetError(
            f"{shown(picture.mask)}: is {other[0]}x{other[1]}, its picture {size[0]}x{size[1]}; they must be "
            "equal"
        )
    return AuxiliaryPicture(picture.path, picture.product, picture.anomalous, picture.mask, size)
