"""How relations between parts are written in a rule and in words."""

from __future__ import annotations

from dataclasses import dataclass

from .meaning import RelationName


@dataclass(frozen=True)
class Form:
    """One relation of part {a} to part {b} (and {c})."""

    phrase: str
    """What {a} is: "inside" the box."""
    test: str = ""
    """Python that is True where it holds."""
    offset: str = ""
    """Python of the number that must not be more than `limit`, for relations that have a measure."""
    limit: str = ""
    constant: str = ""
    """The constant in the limit."""
    helper: str = ""
    """The helper function in the offset; its offset is a share."""


RELATIONS: dict[RelationName, Form] = {
    "inside": Form("inside", "{a}.inside({b})"),
    "outside": Form("outside", "not {a}.inside({b}, share=0.1)"),
    "left_of": Form("left of", "{a}.left_of({b})"),
    "right_of": Form("right of", "{a}.right_of({b})"),
    "above": Form("above", "{a}.above({b})"),
    "below": Form("below", "{a}.below({b})"),
    "touches": Form("touching", "{a}.touches({b})"),
    "connected": Form("connecting", "scene.connected({b}, {c}, via={a})"),
    "mirrors": Form("a mirror image of", "{a}.mirrors({b})"),
    "level": Form(
        "at the same height as",
        offset="abs({a}.center[1] - {b}.center[1])",
        limit="LEVEL * max({a}.height, {b}.height)",
        constant="LEVEL",
    ),
    "aligned horizontally": Form(
        "horizontally aligned with",
        offset="abs({a}.center[1] - {b}.center[1])",
        limit="LEVEL * max({a}.height, {b}.height)",
        constant="LEVEL",
    ),
    "aligned vertically": Form(
        "vertically aligned with",
        offset="abs({a}.center[0] - {b}.center[0])",
        limit="LEVEL * max({a}.width, {b}.width)",
        constant="LEVEL",
    ),
    "centred": Form(
        "in the middle of",
        offset="off_centre({a}, {b})",
        limit="CENTRED",
        constant="CENTRED",
        helper="off_centre",
    ),
}
