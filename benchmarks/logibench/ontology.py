"""What the types of defects of MVTec LOCO AD say in words that can be compared; see `ontology.toml`."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pydantic import Field

from ...schema import Kind, Range, Record, Value
from ..reasons import Reason

_FILE: Final = files(__package__) / "ontology.toml"


class Form(Record):
    """One way to say a reason."""

    type: Kind
    object: str
    """Label of the parts that it is about."""
    beside: list[str] = []
    """Labels that may be named as well, because it compares with them or tells a place by them."""
    expected: Value | Range = None
    actual: Value = None
    """None where the defect does not tell it; then it is not compared."""


class Entry(Form):
    """One reason of a type of defect."""

    others: list[Form] = Field(default=[], alias="or")
    """Other ways to say it."""
    follows: bool = False
    """Whether it is true of such a picture but not asked for, because it follows from the others."""

    @property
    def forms(self) -> list[Form]:
        """All ways to say it, the first one first."""
        first = Form(**{name: getattr(self, name) for name in Form.model_fields})
        return [first, *self.others]


class Expected(Record):
    """A reason that is true of a picture."""

    defect: str
    forms: list[Form] = Field(min_length=1)
    required: bool
    """Whether a rulebook that does not tell it has missed something; else it may be told."""


class Ontology(Record):
    """What is known of the defects of one product."""

    names: dict[str, list[str]] = {}
    """Label -> other names of it."""
    defects: dict[str, list[Entry]] = {}

    def expected(self, defects: Sequence[str], records: Sequence[Reason]) -> list[Expected]:
        """The reasons that are true of a picture with these defects.

        Where its annotation states some for a defect these are required, with the values that they give;
        else those of the ontology are.
        """
        found = [self._recorded(record) for record in records]
        recorded = {record.defect for record in records}
        for defect in dict.fromkeys([*defects, *(record.defect for record in records)]):
            for entry in self.defects.get(defect, []):
                required = not entry.follows and defect not in recorded
                found.append(Expected(defect=defect, forms=entry.forms, required=required))
        return found

    def _recorded(self, record: Reason) -> Expected:
        """An annotated reason, with what the ontology knows of other ways to say it."""
        entries = self.defects.get(record.defect, [])
        alike = [
            form
            for entry in entries
            for form in entry.forms
            if (form.type, form.object) == (record.type, record.object)
        ]
        first = Form(
            type=record.type,
            object=record.object,
            beside=sorted({label for form in alike for label in form.beside}),
            expected=record.expected,
            actual=record.actual,
        )
        others = [form for entry in entries if entry.forms[0] in alike for form in entry.others]
        return Expected(defect=record.defect, forms=[first, *others], required=True)


@cache
def ontology_of(category: str) -> Ontology:
    """What is known of a product; nothing of one that is not of MVTec LOCO AD."""
    return _read().get(category, Ontology())


def known_categories() -> list[str]:
    """The products of which something is known."""
    return list(_read())


def ontology_sha256() -> str:
    """Of the file, for results that are to be compared."""
    return hashlib.sha256(_FILE.read_bytes()).hexdigest()


@cache
def _read() -> dict[str, Ontology]:
    content: dict[str, dict[str, Any]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {
        category: Ontology(
            names=fields.get("names", {}),
            defects={name: entries for name, entries in fields.items() if name != "names"},
        )
        for category, fields in content.items()
    }
