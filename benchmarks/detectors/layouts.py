"""Test sets in the layouts in which they are handed out, read from a folder that the user has.

    MVTec LOCO AD    PRODUCT/train/good, validation/good, test/{good,logical_anomalies,structural_anomalies},
                     ground_truth, defects_config.json
    MVTec AD         PRODUCT/train/good, test/good, test/KIND/000.png, ground_truth/KIND/000_mask.png
    Magnetic Tile    MT_KIND/a.jpg with its mask a.png, maybe in MT_KIND/Imgs; MT_Free has no defects
    named pictures   normal-1.jpg ..., anomaly-1.jpg with its mask anomaly-1.png
    DeepPCB          a_test.jpg, its reference a_temp.jpg, and boxes in a.txt, maybe in FOLDER_not

What breaks a layout is told in one line with its file, and left out; the rest is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from ...schema import DatasetError
from ...tools.pictures import SUFFIXES, shown
from ..loco import CONFIG, LocoCategory, read_category
from .category import Category, KnownPicture, Mask, Size
from .truth import read_boxes, read_mask

DEPTH: Final = 3
"""Folders below that of the data in which a product may stand."""
GOOD: Final = ("good", "ok", "free", "normal")
"""Names of kinds that are none."""
MASK_ENDINGS: Final = ("_mask", "_label", "")
"""What the name of a mask has after that of its picture."""
LOCO_GROUPS: Final = {
    "good": "",
    "logical_anomalies": "logical",
    "structural_anomalies": "structural",
}
BOARD: Final = "circuit"
"""Kind of all defects on a circuit board of DeepPCB; most have several types."""


class Layout(NamedTuple):
    """One way in which folders and files are named."""

    name: str
    is_here: Callable[[Path], bool]
    """Whether a folder is one product in this layout."""
    read: Callable[[Path], Category]


class Found(NamedTuple):
    """One product, not read yet."""

    folder: Path
    layout: Layout

    @property
    def name(self) -> str:
        """That of its folder."""
        return self.folder.resolve().name


def find_products(root: Path, names: Iterable[str] = ()) -> list[Found]:
    """The products below a folder, or that it is, all or those of the given names.

    Raises:
        DatasetError: There is none, or not one of these names, or the folder cannot be read.
    """
    if not root.is_dir():
        raise DatasetError(f"{shown(root)}: no such folder; point to the folder that holds the products")
    wanted = list(names)
    try:
        found = list(_products(root, DEPTH))
    except OSError as error:
        raise DatasetError(f"{shown(error.filename or root)}: cannot be read ({error.strerror})") from None
    if not found:
        known = ", ".join(layout.name for layout in LAYOUTS)
        raise DatasetError(
            f"{shown(root)}: nothing here is in a layout that is read ({known}); "
            "docs/benchmarks.md says how each looks"
        )
    there = [one.name for one in found]
    if twice := sorted({name for name in there if there.count(name) > 1}):
        raise DatasetError(
            f"{shown(root)}: several products are called {shown(', '.join(twice))}; point to one of them"
        )
    if missing := [name for name in wanted if name not in there]:
        raise DatasetError(
            f"{shown(root)}: no category {shown(', '.join(missing))}; there are {shown(', '.join(there))}"
        )
    return [one for one in found if not wanted or one.name in wanted]


def read_product(found: Found) -> Category:
    """What the folder of a product holds.

    Raises:
        DatasetError: There is no picture in it that can be used.
    """
    try:
        category = found.layout.read(found.folder)
    except OSError as error:
        raise DatasetError(
            f"{shown(error.filename or found.folder)}: cannot be read ({error.strerror})"
        ) from None
    if not category.kinds:
        why = f" ({category.problems[-1]})" if category.problems else ""
        raise DatasetError(f"{shown(found.folder)}: no picture of a defect, with its ground truth{why}")
    return category


def _products(folder: Path, depth: int) -> Iterator[Found]:
    for layout in LAYOUTS:
        if layout.is_here(folder):
            yield Found(folder, layout)
            return
    if depth:
        for below in _folders(folder):
            yield from _products(below, depth - 1)


def _is_loco(folder: Path) -> bool:
    names = [name for name in LOCO_GROUPS if name != "good"]
    return (folder / "test").is_dir() and (
        (folder / CONFIG).is_file() or any((folder / "test" / name).is_dir() for name in names)
    )


def _read_loco(folder: Path) -> Category:
    loco = read_category(folder)
    return Category(
        name=folder.resolve().name,
        train=tuple(one.path for one in loco.select("train")),
        validation=tuple(one.path for one in loco.select("validation")),
        test=tuple(
            KnownPicture(one.name, one.path, LOCO_GROUPS[one.group], one.channels)
            for one in loco.select("test")
        ),
        read_truth=lambda tested, size: _channels(loco, tested, size),
        problems=tuple(loco.problems),
    )


def _channels(loco: LocoCategory, tested: KnownPicture, size: Size) -> Mask:
    """Where any defect is."""
    return np.asarray(np.any([loco.defect(path, size).mask for path in tested.truth], axis=0), np.bool_)


def _is_mvtec(folder: Path) -> bool:
    return (folder / "test").is_dir()


def _read_mvtec(folder: Path) -> Category:
    problems: list[str] = []
    test = []
    for kind in _folders(folder / "test"):
        truth = folder / "ground_truth" / kind.name
        masks = {path.stem: path for path in _pictures(truth)} if truth.is_dir() else {}
        for path in _pictures(kind):
            found = [mask for ending in MASK_ENDINGS if (mask := masks.get(path.stem + ending))]
            test += _tested(folder, path, kind.name, found, truth / f"{path.stem}_mask.png", problems)
    good = [kind for kind in _folders(folder / "train") if kind.name in GOOD]
    train = tuple(path for kind in good for path in _pictures(kind))
    return _with_masks(folder, train, test, problems)


def _is_tile(folder: Path) -> bool:
    others = [layout for layout in LAYOUTS if layout.is_here is not _is_tile]
    return any(
        path.with_suffix(".png").is_file()
        for below in _folders(folder)
        if not any(layout.is_here(below) for layout in others)
        for path in _photographs(below)
    )


def _read_tile(folder: Path) -> Category:
    problems: list[str] = []
    test = []
    for below in _folders(folder):
        kind = below.name.removeprefix("MT_")
        for path in _photographs(below):
            mask = path.with_suffix(".png")
            test += _tested(folder, path, kind, [mask] if mask.is_file() else [], mask, problems)
    return _with_masks(folder, (), test, problems)


def _photographs(folder: Path) -> list[Path]:
    """JPEGs in a folder, or in `Imgs` below it; its PNGs are masks."""
    places = [folder, folder / "Imgs"]
    return [path for place in places if place.is_dir() for path in _pictures(place, (".jpg", ".jpeg"))]


def _is_named(folder: Path) -> bool:
    return any(folder.glob("normal-*.jpg")) and any(folder.glob("anomaly-*.jpg"))


def _read_named(folder: Path) -> Category:
    problems: list[str] = []
    test = []
    for path in _pictures(folder, (".jpg",)):
        kind, _, number = path.stem.rpartition("-")
        if number and kind in ("normal", "anomaly"):
            mask = path.with_suffix(".png")
            test += _tested(folder, path, kind, [mask] if mask.is_file() else [], mask, problems)
    return _with_masks(folder, (), test, problems)


def _is_board(folder: Path) -> bool:
    return any(folder.glob("*_temp.jpg")) and any(folder.glob("*_test.jpg"))


def _read_board(folder: Path) -> Category:
    problems: list[str] = []
    test = []
    for path in _pictures(folder, (".jpg",)):
        name, _, what = path.stem.rpartition("_")
        if what == "temp":
            test.append(KnownPicture(path.stem, path))
        elif what == "test":
            places = [folder / f"{name}.txt", folder.with_name(f"{folder.name}_not") / f"{name}.txt"]
            boxes = [place for place in places if place.is_file()][:1]
            reference = folder / f"{name}_temp.jpg"
            if not boxes:
                problems.append(f"{shown(places[0])}: is missing; its picture is left out")
            elif not reference.is_file():
                problems.append(f"{shown(reference)}: is missing; the picture beside it is left out")
            else:
                test.append(KnownPicture(path.stem, path, BOARD, tuple(boxes), reference))
    return Category(
        name=folder.resolve().name,
        train=(),
        validation=(),
        test=tuple(test),
        read_truth=lambda tested, size: read_boxes(tested.truth[0], size),
        problems=tuple(problems),
    )


def _tested(
    folder: Path, path: Path, kind: str, masks: list[Path], expected: Path, problems: list[str]
) -> list[KnownPicture]:
    """One picture; none, and told, where it should have a mask and has not."""
    name = str(path.relative_to(folder).with_suffix(""))
    if kind.lower() in GOOD:
        return [KnownPicture(name, path)]
    if masks:
        return [KnownPicture(name, path, kind, tuple(masks[:1]))]
    problems.append(f"{shown(expected)}: is missing; its picture is left out")
    return []


def _with_masks(
    folder: Path, train: tuple[Path, ...], test: list[KnownPicture], problems: list[str]
) -> Category:
    return Category(
        name=folder.resolve().name,
        train=train,
        validation=(),
        test=tuple(test),
        read_truth=lambda tested, size: read_mask(tested.truth[0], size),
        problems=tuple(problems),
    )


def _folders(folder: Path) -> list[Path]:
    """Folders in a folder, in the order of their names, without hidden ones; none where it is none."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _pictures(folder: Path, suffixes: Sequence[str] = SUFFIXES) -> list[Path]:
    """Pictures in a folder, but not below it, in the order of their names, without hidden ones."""
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return [path for path in entries if path.suffix.lower() in suffixes]


LAYOUTS: Final = (
    Layout("MVTec LOCO AD", _is_loco, _read_loco),
    Layout("MVTec AD", _is_mvtec, _read_mvtec),
    Layout("DeepPCB", _is_board, _read_board),
    Layout("normal-*.jpg and anomaly-*.jpg", _is_named, _read_named),
    Layout("Magnetic Tile", _is_tile, _read_tile),
)
"""The first that a folder has counts."""
