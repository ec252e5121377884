"""Many pictures, one detector, no rules: maps, heat maps and scores in a folder that a run can go on with.

DETECTOR/looks.jsonl    one picture a line
DETECTOR/maps/          anomaly maps; of pictures in the layout of MVTec LOCO AD in that layout
DETECTOR/heat/          the maps over their pictures, to be looked at
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

from PIL import Image

from ..schema import Evidence, PictureError, Record
from ..tools.detectors import AnomalyMap, Detector
from ..tools.detectors.heat import overlay_heat, scale_of
from ..tools.detectors.map_files import write_map
from ..tools.detectors.regions import regions_of
from ..tools.detectors.state import effective_options
from ..tools.pictures import file_sha256
from ..tools.samples import Sample, read_sample
from .journal import Journal

LOOKS, MAPS, HEAT = "looks.jsonl", "maps", "heat"

_LOCO: Final = 4
"""Last pieces of CATEGORY/test/GROUP/000.png."""


class Look(Record):
    """What a detector says of one picture."""

    picture: str
    """Its path as it was given."""
    sha256: str
    detector: str
    score: float | None = None
    """As the detector gives it; None where the picture cannot be read."""
    suspicion: float | None = None
    """0 to 1, 0.5 the decision line; None where the detector was not calibrated."""
    status: Literal["normal", "anomalous", "undecided"] = "undecided"
    """Undecided where the detector was not calibrated."""
    regions: list[Evidence] = []
    """Where it sees something, when the picture is anomalous."""
    map: str = ""
    """The anomaly map, a TIFF, below the folder of the detector."""
    heat: str = ""
    notes: list[str] = []
    error: str = ""
    """Why the picture could not be looked at."""


def look_at(
    detector: Detector,
    pictures: Sequence[Path],
    out: Path,
    *,
    product: str = "object",
    fresh: bool = False,
    on_picture: Callable[[Path], None] = lambda _: None,
) -> Iterator[Look]:
    """What a detector says of pictures, in order, while maps and heat maps go to `out/DETECTOR`.

    A picture that was looked at with the same detector is taken from there unless `fresh`.

    Raises:
        LogiSightError: The folder cannot be written.
        DetectorError: The detector cannot look, for a reason that is none of the picture's.
    """
    folder = out / folder_name(detector.name)
    places = map_places(pictures)
    with Journal(folder / LOOKS, Look, _identity(detector, product), fresh) as journal:
        known = {(look.picture, look.sha256): look for look in journal.facts}
        left = iter(pictures)
        while some := list(itertools.islice(left, detector.options.batch)):
            hashes = {path: file_sha256(path) for path in some}
            found = {path: known.get((str(path), sha256)) for path, sha256 in hashes.items()}
            missing = {path: sha256 for path, sha256 in hashes.items() if not found[path]}
            new = _look_at_new(detector, missing, product, folder, places)
            for path in some:
                look = found[path]
                if look is None:
                    look = next(new)
                    journal.add(look)
                on_picture(path)
                yield look


def folder_name(detector: str) -> str:
    """The name of a detector in characters that every file system takes."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", detector).strip("-")


def map_places(pictures: Sequence[Path]) -> dict[Path, Path]:
    """Where the map of each picture goes, without suffix: as in its own folders, all of them distinct."""
    loco = [_is_loco(path) for path in pictures]
    if all(loco):
        return {path: Path(*path.resolve().parts[-_LOCO:]).with_suffix("") for path in pictures}
    places: dict[Path, Path] = {}
    taken: set[Path] = set()
    for path in pictures:
        # Of two pictures of one name, the second is told apart by its folder, if need be by all of them.
        for depth in range(1, len(path.resolve().parts)):
            place = Path(*path.resolve().parts[-depth:]).with_suffix("")
            if place not in taken:
                break
        else:
            place = Path(f"{path.stem}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}")
        taken.add(place)
        places[path] = place
    return places


def _is_loco(path: Path) -> bool:
    parts = path.resolve().parts
    return len(parts) > _LOCO and parts[-3] in ("test", "validation", "train")


def _look_at_new(
    detector: Detector, hashes: dict[Path, str], product: str, folder: Path, places: dict[Path, Path]
) -> Iterator[Look]:
    """Looks at pictures that were not looked at yet, given with their SHA-256."""
    samples: dict[Path, Sample] = {}
    errors: dict[Path, str] = {}
    for path in hashes:
        try:
            samples[path] = read_sample(path, product)
        except PictureError as error:
            errors[path] = str(error)
    maps = detector.predict(samples.values())
    for path, sha256 in hashes.items():
        look = Look(picture=str(path), sha256=sha256, detector=detector.name, error=errors.get(path, ""))
        yield look if look.error else _kept(look, detector, samples[path], next(maps), folder, places[path])


def _kept(
    look: Look, detector: Detector, sample: Sample, anomaly: AnomalyMap, folder: Path, place: Path
) -> Look:
    """Write the map, then the heat map, then say what there is: what is said to be there is there."""
    map_path, heat_path = Path(MAPS, f"{place}.tiff"), Path(HEAT, f"{place}.jpg")
    write_map(folder / map_path, anomaly.scores)
    (folder / heat_path).parent.mkdir(parents=True, exist_ok=True)
    calibration = detector.calibration
    shown_heat = overlay_heat(sample.pixels, anomaly.scores, scale_of(anomaly.scores, calibration))
    Image.fromarray(shown_heat).save(folder / heat_path, quality=90)
    suspicion = calibration.decide(anomaly) if calibration else None
    anomalous = suspicion is not None and suspicion > 0.5
    regions = regions_of(anomaly.scores, calibration.pixel.threshold) if calibration and anomalous else []
    return look.model_copy(
        update={
            "score": anomaly.score,
            "suspicion": suspicion,
            "status": "undecided" if suspicion is None else "anomalous" if anomalous else "normal",
            "regions": [Evidence(label="anomaly", box=r.box, outline=r.outline) for r in regions],
            "map": str(map_path),
            "heat": str(heat_path),
            "notes": list(anomaly.notes),
        }
    )


def _identity(detector: Detector, product: str) -> str:
    """What looks depend on, beside the picture."""
    learned = hashlib.sha256()
    for name, values in sorted(detector.tensors().items()):
        learned.update(name.encode() + values.tobytes())
    facts = (effective_options(detector.options), detector.calibration, learned.hexdigest(), product)
    return hashlib.sha256(repr((detector.name, *facts)).encode()).hexdigest()
