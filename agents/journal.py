"""Facts in a file, one a line: what is there when a run is cut off is there when it goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from ..schema import LogiSightError, Record
from ..tools.pictures import shown

_Fact = TypeVar("_Fact", bound=Record)


class Journal(Generic[_Fact]):
    """Facts of one kind in a file, one JSON object a line; the first line tells what they are facts of."""

    def __init__(self, path: Path, kind: type[_Fact], inputs: str, fresh: bool = False) -> None:
        """Open a journal. One of other `inputs`, or one that is not whole, is begun anew from there.

        Raises:
            LogiSightError: The file cannot be written.
        """
        self.facts: list[_Fact] = []
        self._path = path
        head = json.dumps({"inputs": inputs})
        try:
            lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() and not fresh else []
            if lines[:1] == [head]:
                self.facts = _whole(lines[1:], kind)
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = [head, *(fact.model_dump_json() for fact in self.facts)]
            path.write_text("".join(f"{line}\n" for line in whole), encoding="utf-8")
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise LogiSightError(f"{shown(path)}: cannot be written ({error.strerror})") from None

    def add(self, fact: _Fact) -> None:
        """Keep a fact; it is on disk when this returns."""
        self._file.write(fact.model_dump_json() + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.facts.append(fact)

    def __enter__(self) -> Journal[_Fact]:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _whole(lines: list[str], kind: type[_Fact]) -> list[_Fact]:
    """The facts up to the first line that is none: a run that was killed may have cut its last line off."""
    facts = []
    for line in lines:
        try:
            facts.append(kind.model_validate_json(line))
        except ValidationError:
            break
    return facts
