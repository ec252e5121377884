"""What people ask in a session, in controlled English, as calls of tools: read without a model.

Every form is in `forms`, with examples; a request that has none of these forms is not guessed at. Labels are
the product's own, in the singular or the plural.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from itertools import count
from typing import Any, Final, NamedTuple

from ...geometry import REGIONS
from ..offline.plurals import plurals_of
from .forms import FORMS, GROUPS, MORE, Form

Arguments = dict[str, Any]

LONGEST_REQUEST: Final = 300
"""Characters of a request; sentences for rules may have `LONGEST_SENTENCE`."""
LONGEST_SENTENCE: Final = 2_000
_ALIKE: Final = 0.6
"""From 0 to 1: how much a request and an example have in common, for that example to be suggested."""

_WHICH: Final = {
    "upper": "top",
    "lower": "bottom",
    "highest": "top",
    "lowest": "bottom",
    "biggest": "largest",
    **{
        name: name
        for name in (
            "top left",
            "top right",
            "bottom left",
            "bottom right",
            "left",
            "right",
            "top",
            "bottom",
            "largest",
            "smallest",
            "longest",
            "shortest",
        )
    },
}
_ORDINALS: Final = {
    word: n
    for n, word in enumerate(
        ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
        start=1,
    )
}
_MEASURES: Final = {
    "long": "length",
    "wide": "width",
    "high": "height",
    "tall": "height",
    "thick": "thickness",
    "large": "area",
    "big": "area",
    "size": "area",
    "colour": "color",
    "color": "color",
    "place": "position",
    "center": "position",
    "centre": "position",
    **{name: name for name in ("length", "width", "height", "thickness", "area", "angle", "position")},
}
_STATES: Final = {
    **dict.fromkeys(("bad", "faulty", "anomalous", "wrong", "broken", "defective", "not ok"), "anomalous"),
    **dict.fromkeys(("good", "ok", "okay", "fine", "normal", "all right", "alright"), "normal"),
    **dict.fromkeys(("undecided", "unclear"), "undecided"),
}
_FROM_THE_END: Final = {"first": 1, "last": -1, "latest": -1, "newest": -1, "previous": -2, "earlier": -2}


def _one_of(words: Mapping[str, Any] | Sequence[str]) -> str:
    """Any of some words, the longest that fits."""
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


_PLACES: Final = _one_of([name for name in REGIONS if name != "whole"])
_ARTICLE: Final = r"(?:the |a |an |this |that )?"
_OPEN_LABEL: Final = r"[^\W\d][\w'-]{0,40}(?: [\w'-]{1,40}){0,4}?"
"""What may be a label where the product has no such label: the tool will say what there is."""


def _picture(name: str) -> str:
    return (
        rf"(?:(?:the |this |that )?(?:picture|photo|image|pic)(?: ?(?:number |no |#)?(?P<{name}>\d{{1,6}}))?"
        rf"|(?:the |an )?(?P<{name}_word>{_one_of(_FROM_THE_END)}) (?:picture|photo|image|pic|one)"
        r"|(?:this|that) one|this|that|it|here)"
    )


def _chosen(label: str) -> str:
    """One of several parts of a label."""
    which = f"(?P<which>{_one_of(_WHICH)})(?:most)?"
    number = r" (?:number |no |#)?(?P<number>\d{1,4})"
    return (
        rf"{_ARTICLE}(?:{which} (?P<label>{label})|(?P<ordinal>{_one_of(_ORDINALS)}) (?P<label>{label})"
        rf"|(?P<label>{label}){number})"
    )


def _pieces(label: str) -> dict[str, str]:
    """What stands in the patterns of forms for the pieces of a request."""
    picture = _picture("picture")
    return {
        "<OTHER>": _picture("other"),
        "<IN_PICTURE>": rf"(?: (?:in|on|of|at|from|for|about) {picture}| {picture})?",
        "<PICTURE>": picture,
        # A label of several words, such as `left clamp`, comes before the left one of the clamps.
        "<PART>": rf"(?:{_ARTICLE}(?P<label>{label})|{_chosen(label)})",
        "<CHOSEN_PART>": _chosen(label),
        "<PARTS>": rf"(?:all |each |every |any |both )?(?:of )?{_ARTICLE}(?P<label>{label})",
        "<REGION>": rf"{_ARTICLE}(?P<region>{_PLACES})",
        "<WITHIN>": (
            rf"(?: (?:in|on|inside|within|at) the (?:(?P<within>{_PLACES})|(?P<side>left|right|top|bottom)"
            r"(?: side)?))?"
        ),
        "<MEASURE>": rf"(?P<measure>{_one_of(_MEASURES)})",
        "<STATE>": rf"(?P<state>{_one_of(_STATES)})",
        "<SOME_STATE>": rf"(?:{_one_of(_STATES)})",
    }


class Asked(NamedTuple):
    """A request that was understood."""

    tool: str
    """Empty where nothing is to be called, and `text` in the arguments is the answer."""
    arguments: Arguments


class Reader:
    """Reads requests about a product with some labels."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        self._named = {form: label for label in labels for form in _forms_of(label)}
        examples = (example for form in FORMS for example in form.examples)
        self._examples = {
            self._worded(example, n) for example in examples for n in range(max(len(labels), 1))
        }

    def read(self, text: str) -> Asked | None:
        """What a request asks for; None where it has no form that is known."""
        plain = _plain(text)
        if len(plain) > LONGEST_SENTENCE:
            return Asked("", {"text": f"That has more than {LONGEST_SENTENCE} characters; say it shorter."})
        request = _bare(plain)
        for form, found in self._found(plain, request):
            if form.says:
                return Asked("", {"text": form.says})
            if form.helps:
                return Asked("", {"text": self.help_text(found.get("group") or "")})
            return Asked(form.tool, self._arguments(found))
        return None

    def nearest(self, text: str) -> str:
        """The example that is most like a request; empty where none is."""
        near = get_close_matches(
            _bare(_plain(text)[:LONGEST_REQUEST]).lower(), sorted(self._examples), 1, _ALIKE
        )
        return near[0] if near else ""

    def help_text(self, group: str = "") -> str:
        """What can be asked, with examples; all of it, or what belongs to a group."""
        lines = ["You can say, for example:"]
        for name in GROUPS:
            if group and not name.lower().startswith(group.lower()):
                continue
            lines += ["", f"{name}:"]
            for form in FORMS:
                if form.group == name and form.meaning:
                    lines.append(f"- `{self._worded(form.examples[0])}` {form.meaning}")
        return "\n".join([*lines, "", MORE])

    def _found(self, plain: str, request: str) -> Iterator[tuple[Form, dict[str, str]]]:
        """The forms that a request has, with what stands in them; known labels come before unknown ones."""
        for known in (True, False):
            for form in FORMS:
                if not known and not form.names_parts:
                    continue
                given = plain if form.free else request
                if len(given) > (LONGEST_SENTENCE if form.free else LONGEST_REQUEST):
                    continue
                for pattern in form.patterns:
                    match = _compiled(pattern, self._label(known)).fullmatch(given)
                    if match:
                        yield (
                            form,
                            {
                                name.rstrip("0123456789"): value
                                for name, value in match.groupdict().items()
                                if value is not None
                            },
                        )

    def _label(self, known: bool) -> str:
        return _one_of(self._named) if known and self._named else _OPEN_LABEL

    def _arguments(self, found: dict[str, str]) -> Arguments:
        told: Arguments = {}
        for name in ("picture", "other"):
            if name in found:
                told[name] = int(found[name])
            elif f"{name}_word" in found:
                told[name] = _FROM_THE_END[found[f"{name}_word"].lower()]
        for name, table in (("which", _WHICH), ("measure", _MEASURES)):
            if name in found:
                told[name] = table[found[name].lower()]
        for name in ("within", "region", "detector"):
            if name in found:
                told[name] = found[name].lower()
        for name in ("words", "question"):
            if name in found:
                told[name] = found[name].strip(" \"'")
        if "label" in found:
            told["label"] = self._named.get(found["label"].lower(), found["label"].lower())
        if "number" in found or "ordinal" in found:
            told["number"] = (
                int(found["number"]) if "number" in found else _ORDINALS[found["ordinal"].lower()]
            )
        if "side" in found:
            told["within"] = f"{found['side'].lower()} half"
        if "state" in found:
            told["status"] = _STATES[found["state"].lower()]
        if "sentence" in found:
            told["sentence"] = _sentence(found["sentence"])
        return {name: value for name, value in told.items() if (name, value) not in _DEFAULTS}

    def _worded(self, example: str, first: int = 0) -> str:
        """An example with the product's own labels, from the `first` on."""
        labels = [*self.labels[first:], *self.labels[:first]] or ["part"]
        part, other = labels[0], labels[-1]
        return example.format(part=part, parts=_forms_of(part)[-1], other=other)


_DEFAULTS: Final = {("picture", -1)}
"""What tools do anyway."""


def read_request(text: str, labels: Sequence[str]) -> Asked | None:
    """What a request asks for; None where it has no form that is known.

    Example:
        >>> read_request("How many pushpins are in the left half?", ["pushpin"])
        Asked(tool='count_parts', arguments={'within': 'left half', 'label': 'pushpin'})
        >>> read_request("Please order new pushpins.", ["pushpin"]) is None
        True
    """
    return reader_of(tuple(labels)).read(text)


@lru_cache(maxsize=16)
def reader_of(labels: tuple[str, ...]) -> Reader:
    """The reader for a product with these labels."""
    return Reader(labels)


def help_text(labels: Sequence[str] = ("pushpin", "box")) -> str:
    """All that can be asked, with examples."""
    return reader_of(tuple(labels)).help_text()


def requests_page() -> str:
    """The page of the guide that lists every form, in Markdown."""
    reader = reader_of(("pushpin", "box"))
    lines = [
        "# What can be asked",
        "",
        "Without a model, a session reads these requests, here for a product with pushpins in a box. Small",
        'words ("please", "can you"), capitals and the mark at the end do not matter. Where no picture is',
        "named, the last one is meant. What has none of these forms is not guessed at: the session says so,",
        "and names the nearest form.",
    ]
    for group in GROUPS:
        lines += ["", f"## {group}", "", "| say | what for | tool |", "|---|---|---|"]
        meaning = ""
        for form in FORMS:
            if form.group == group and not form.says:
                meaning = form.meaning or meaning
                said = "<br>".join(reader._worded(example) for example in form.examples)
                lines.append(f"| {said} | {meaning} | {f'`{form.tool}`' if form.tool else ''} |")
    return "\n".join(lines) + "\n"


@lru_cache(maxsize=1024)
def _compiled(pattern: str, label: str) -> re.Pattern[str]:
    for name, piece in _pieces(label).items():
        pattern = pattern.replace(name, piece)
    # The same piece may stand in a pattern twice, but no two groups may have the same name.
    names = count(1)
    pattern = re.sub(r"\(\?P<(\w+?)\d*>", lambda group: f"(?P<{group[1]}{next(names)}>", pattern)
    return re.compile(pattern, re.IGNORECASE)


_FILLER: Final = re.compile(
    r"(?:please|now|ok|okay|and|then|so|hey|hi|well),? |(?:can|could|would|will) (?:you|i) (?:please )?"
    r"|tell me |show me (?=where|why|what|how)",
    re.IGNORECASE,
)
_CONTRACTED: Final = re.compile(r"\b(what|where|how|that|which|it|who)'s\b", re.IGNORECASE)


def _plain(text: str) -> str:
    """A request in one line, with one space between words."""
    return " ".join(text[: LONGEST_SENTENCE + 100].replace("\u2019", "'").split())


def _bare(plain: str) -> str:
    """A request without what does not matter: what is polite, what is contracted, and the mark at its end."""
    bare = _CONTRACTED.sub(r"\1 is", plain).rstrip("?.! ")
    bare = bare.removesuffix(" please").removesuffix(",")
    for _ in range(4):
        match = _FILLER.match(bare)
        if not match or match.end() == len(bare):
            break
        bare = bare[match.end() :]
    return bare


def _sentence(words: str) -> str:
    sentence = words.strip(" \"'")
    sentence = sentence[:1].upper() + sentence[1:]
    return sentence if sentence.endswith((".", "!")) else f"{sentence}."


def _forms_of(label: str) -> list[str]:
    """A label in the singular and in the plurals."""
    words = label.lower().replace("_", " ").split()
    if not words:
        return [label]
    many = [" ".join([*words[:-1], plural]) for plural in plurals_of(words[-1])]
    return [" ".join(words), *many]
