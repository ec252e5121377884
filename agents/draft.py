"""What an author is asked, and what it may answer."""

from __future__ import annotations

from ..schema import Edit, Kind, Record


class Request(Record):
    """One sentence to be turned into a check, and what is known of the product."""

    sentence: str
    labels: list[str]
    """The product's part labels, as annotated."""
    containers: dict[str, list[str]] = {}
    """Label -> labels of the parts that lie inside it on the reference pictures."""
    synonyms: dict[str, str] = {}
    """The product's own words -> labels."""


class Draft(Record):
    """A check that is not proven yet."""

    code: str
    kind: Kind
    breaks: list[Edit]
    """Edits of a part that the sentence is about, which the check must notice."""
    labels: list[str]
    """Part labels the sentence is about; the edits are done to these."""


class Refusal(Record):
    """Why a sentence was not turned into a check."""

    reason: str
    start: int = 0
    end: int = 0
    """The span of the sentence that could not be read, in characters; 0, 0 when it is the whole."""
    nearest: str = ""
    """The nearest sentence that can be read."""
