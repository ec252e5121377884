"""Test sets in the layout of MVTec LOCO AD, read from a folder that the user has; nothing is downloaded.

    ROOT/CATEGORY/train/good/000.png ...      validation/good/000.png ...
                  test/{good,logical_anomalies,structural_anomalies}/000.png ...
                  ground_truth/{logical_anomalies,structural_anomalies}/000/000.png, 001.png ...
                  defects_config.json

A ground-truth PNG is one channel: one defect, whose pixel value names its type in `defects_config.json`. What
breaks the layout is told in one line with its file, and left out; the rest is read.
Source: the data set's readme, and version 2.0 of its evaluation code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from ..schema import DatasetError, PictureError, Record
from ..tools.pictures import picture_size, read_indices, shown
from .maps import Defect, Group, saturation_pixels

CATEGORIES: Final = ("breakfast_box", "juice_bottle", "pushpins", "screw_bag", "splicing_connectors")
"""Those of MVTec LOCO AD; any other folder of the same layout is read as well."""
CONFIG: Final = "defects_config.json"
TRUTH: Final = "ground_truth"
Split = Literal["train", "validation", "test"]
_GROUPS: Final[dict[Split, tuple[Group, ...]]] = {
    "train": ("good",),
    "validation": ("good",),
    "test": get_args(Group),
}
_MAX_CONFIG_BYTES: Final = 10_000_000


class DefectType(Record):
    """One entry of `defects_config.json`."""

    defect_name: str = Field(min_length=1, max_length=200)
    pixel_value: int = Field(ge=1, le=255, strict=True)
    saturation_threshold: float = Field(gt=0, allow_inf_nan=False)
    """Pixels, or a share of the channel's area where `relative_saturation`."""
    relative_saturation: bool

    @model_validator(mode="after")
    def _is_share(self) -> DefectType:
        if self.relative_saturation and self.saturation_threshold > 1:
            raise ValueError("a relative saturation_threshold is at most 1")
        return self


_TYPES: Final = TypeAdapter(list[Annotated[DefectType, Field()]])


@dataclass(frozen=True)
class LocoPicture:
    """One picture of a category."""

    category: str
    split: Split
    group: Group
    path: Path
    channels: tuple[Path, ...] = ()
    """Ground-truth PNGs, in the order of their names."""

    @property
    def name(self) -> str:
        """`test/good/007`: what it is called in results."""
        return f"{self.split}/{self.group}/{self.path.stem}"


@dataclass(frozen=True)
class LocoCategory:
    """One product of a test set."""

    name: str
    folder: Path
    pictures: tuple[LocoPicture, ...]
    types: dict[int, DefectType]
    """Pixel value of a channel -> its type; empty where there is no `defects_config.json`."""
    problems: list[str] = field(default_factory=list)
    """One line for each thing that breaks the layout, in the order in which they were found."""

    def select(self, split: Split, group: Group | None = None) -> list[LocoPicture]:
        """Pictures of a split, and of a group of it, in the order of the official evaluation."""
        return [one for one in self.pictures if one.split == split and group in (None, one.group)]

    def defects(self, picture: LocoPicture) -> list[Defect]:
        """The ground truth of a picture.

        Raises:
            DatasetError: A channel cannot be used; names its file.
        """
        size = _size(picture.path)
        return [self.defect(path, size) for path in picture.channels]

    def defect(self, path: Path, size: tuple[int, int]) -> Defect:
        """One channel of a picture of this width and height.

        Raises:
            DatasetError: It cannot be used; names its file.
        """
        kind, mask = self._channel(path)
        height, width = mask.shape
        if (width, height) != size:
            raise DatasetError(
                f"{shown(path)}: is {width}x{height}, its picture {size[0]}x{size[1]}; they must be equal"
            )
        pixels = saturation_pixels(
            kind.saturation_threshold, int(mask.sum()), relative=kind.relative_saturation
        )
        return Defect(kind.defect_name, mask, pixels)

    def _channel(self, path: Path) -> tuple[DefectType, np.ndarray[Any, np.dtype[np.bool_]]]:
        try:
            values, _ = read_indices(path.read_bytes(), shown(path))
        except OSError as error:
            raise DatasetError(f"{shown(path)}: {error.strerror}") from None
        except PictureError as error:
            raise DatasetError(str(error)) from None
        found = [int(value) for value in np.unique(values) if value]
        if len(found) != 1:
            what = f"the values {', '.join(map(str, found[:5]))}" if found else "no defect"
            raise DatasetError(f"{shown(path)}: a channel holds one value beside 0, this one {what}")
        if found[0] not in self.types:
            raise DatasetError(f"{shown(path)}: its value {found[0]} is not in {CONFIG}")
        return self.types[found[0]], values > 0


def find_categories(root: Path, names: Iterable[str] = ()) -> list[Path]:
    """The folders of the categories below `root`, all or those of the given names; `root` may be one itself.

    Raises:
        DatasetError: There are none, or not one of these names, or the folder cannot be read.
    """
    wanted = list(names)
    try:
        folders = [root] if (root / "test").is_dir() else filter(_is_category, _entries(root))
        found = {path.name: path for path in folders}
    except OSError as error:
        remedy = "point to the folder that holds the categories"
        raise DatasetError(f"{shown(root)}: {_why(error)}; {remedy}") from None
    if missing := [name for name in wanted if name not in found]:
        there = f"; there are {shown(', '.join(found))}" if found else ""
        raise DatasetError(f"{shown(root)}: no category {shown(', '.join(missing))}{there}")
    if not found:
        raise DatasetError(f"{shown(root)}: no category here, that is no folder with a folder `test` in it")
    return [path for name, path in found.items() if not wanted or name in wanted]


def _is_category(path: Path) -> bool:
    """Whether this is meant to be one; what it lacks is told when it is read."""
    try:
        if not path.is_dir():
            return False
        inside = {entry.name for entry in path.iterdir()}
    except PermissionError:
        return True
    return path.name in CATEGORIES or not inside or not inside.isdisjoint((*_GROUPS, TRUTH, CONFIG))


def read_category(folder: Path) -> LocoCategory:
    """What a category's folder holds; ground truth is read later, picture by picture.

    Raises:
        DatasetError: There is no picture in it that can be used.
    """
    problems: list[str] = []
    types = _read_types(folder / CONFIG, problems)
    pictures = []
    for split, groups in _GROUPS.items():
        for group in groups:
            paths = _pictures(folder / split / group, problems)
            channels = {} if group == "good" else _ground_truth(folder / TRUTH / group, paths, problems)
            pictures += [
                LocoPicture(folder.name, split, group, path, channels.get(name, ()))
                for name, path in paths.items()
                if path and (group == "good" or channels.get(name))
            ]
    if not pictures:
        raise DatasetError(f"{shown(folder)}: no picture in this category ({problems[-1]})")
    return LocoCategory(folder.name, folder, tuple(pictures), types, problems)


def _read_types(path: Path, problems: list[str]) -> dict[int, DefectType]:
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise DatasetError(f"{shown(path)}: too large")
        entries = _TYPES.validate_python(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        problems.append(f"{shown(path)}: {error.strerror}; no ground truth can be read without it")
        return {}
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        problems.append(f"{shown(path)}: entry {where}: {first['msg']}")
        return {}
    except (ValueError, RecursionError, DatasetError) as error:
        problems.append(f"{shown(path)}: is no JSON list of defect types ({error})")
        return {}
    types: dict[int, DefectType] = {}
    for entry in entries:
        if entry.pixel_value in types:
            first_name = types[entry.pixel_value].defect_name
            problems.append(
                f"{shown(path)}: {entry.defect_name} has the pixel value {entry.pixel_value} of {first_name};"
                " the last one counts, as in the official evaluation"
            )
        types[entry.pixel_value] = entry
    return types


def _pictures(folder: Path, problems: list[str]) -> dict[str, Path | None]:
    """Name without suffix -> picture; None where it cannot be used, which is told."""
    try:
        entries = _entries(folder)
    except OSError as error:
        problems.append(f"{shown(folder)}: {_why(error)}")
        return {}
    if not entries:
        problems.append(f"{shown(folder)}: is empty")
    found: dict[str, Path | None] = {}
    for path in entries:
        if path.suffix == ".json" and path.with_suffix(".png") in entries:
            continue  # annotation tools write beside the picture
        if path.suffix.lower() != ".png":
            problems.append(f"{shown(path)}: is no PNG picture; left out")
        elif path.stem in found:
            problems.append(f"{shown(path)}: another picture has this name too; left out")
        else:
            problem = _unreadable(path)
            problems += [f"{problem}; left out"] if problem else []
            found[path.stem] = None if problem else path
    return found


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, in the order of names, without what is hidden.

    Raises:
        OSError: It is no folder, or cannot be read.
    """
    return [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]


def _why(error: OSError) -> str:
    """Why a folder cannot be read."""
    known = {FileNotFoundError: "no such folder", NotADirectoryError: "is a file, not a folder"}
    return known.get(type(error), f"cannot be read ({error.strerror})")


def _unreadable(path: Path) -> str:
    try:
        picture_size(path)
    except PictureError as error:
        return str(error)
    return ""


def _size(path: Path) -> tuple[int, int]:
    try:
        return picture_size(path)
    except PictureError as error:
        raise DatasetError(str(error)) from None


def _ground_truth(
    folder: Path, pictures: Mapping[str, Path | None], problems: list[str]
) -> dict[str, tuple[Path, ...]]:
    """Name of a picture -> its channels."""
    try:
        entries = _entries(folder)
    except OSError as error:
        if pictures:
            problems.append(f"{shown(folder)}: {_why(error)}; the pictures of this group are left out")
        return {}
    found, without = {}, {name for name, path in pictures.items() if path}
    for path in entries:
        name = path.name if path.name in pictures else path.stem
        if name not in pictures:
            problems.append(f"{shown(path)}: there is no test picture of this name; left out")
        elif channels := _channels(path, problems):
            found[name] = channels
        without.discard(name)
    problems.extend(
        f"{shown(folder / name)}: no ground truth for the picture of this name, which is left out"
        for name in sorted(without)
    )
    return found


def _channels(folder: Path, problems: list[str]) -> tuple[Path, ...]:
    """The channels of one picture; none, and told, where there are none."""
    try:
        entries = _entries(folder)
    except OSError as error:
        problems.append(f"{shown(folder)}: {_why(error)} of channels; its picture is left out")
        return ()
    channels = tuple(path for path in entries if path.suffix.lower() == ".png")
    problems.extend(f"{shown(path)}: is no PNG; left out" for path in entries if path not in channels)
    if not entries:
        problems.append(f"{shown(folder)}: holds no channel; its picture is left out")
    return channels
