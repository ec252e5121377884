"""Calls a witness: it is tried on pictures of known state first, and how it did is kept with the product."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from langchain_core.language_models import BaseChatModel
from pydantic import ValidationError

from ...prompts import InspectionPrompt, templates_sha256
from ...schema import ModelError, Rule, Usage, When
from ...tools.pictures import file_sha256
from ...tools.spoiling import spoil
from ..llm.abilities import Ability, require, try_ability
from ..llm.odds import WITH_ODDS
from ..product import Product
from ..prompting.composing import PromptSettings, compose
from ..reasoner import make_reasoner
from .calibration import MOST_PICTURES, Calibration, State, Trial, suspicion_of
from .witness import Witness, ask_witness

FOLDER: Final = "witnesses"
"""Below the product's folder."""

_AT_ONCE: Final = 8
"""Questions between two steps of progress."""


class _Exhibit(NamedTuple):
    """A question about a picture of known state."""

    picture: str
    state: State
    prompt: InspectionPrompt
    least_confidence: float
    """Of the parts seen in it, 0 to 1."""


def call_witness(
    product: Product,
    name: str,
    when: When = When.doubt,
    settings: PromptSettings | None = None,
    *,
    fresh: bool = False,
    on_start: Callable[[int], None] = lambda _: None,
    on_step: Callable[[str], None] = lambda _: None,
) -> Witness:
    """The model of a name as a witness on a product, with what its word is worth.

    That is read from the product's folder where it was found out before with the same questions; otherwise,
    or when `fresh`, the model is asked about reference pictures and spoiled copies of them. `on_start` gets
    how many pictures there will be, `on_step` each of them.

    Raises:
        AuthorError: There is no such model.
        ModelError: It cannot be asked, or cannot see pictures.
        ProductError: A reference picture is missing or was changed.
    """
    model, settings = make_reasoner(name), settings or PromptSettings()
    rules = product.rulebook().proven
    asked = _asked_sha256(product, name, rules, settings)
    path = product.folder / FOLDER / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', name)[:60]}-{asked[:8]}.json"
    calibration = None if fresh else _read(path, asked)
    if calibration is None:
        require(model, Ability.images)
        calibration = _examine(product, model, name, rules, settings, asked, on_start, on_step)
        path.parent.mkdir(exist_ok=True)
        path.write_text(calibration.model_dump_json(indent=2) + "\n", encoding="utf-8")
    options = tuple(WITH_ODDS.items()) if calibration.odds else ()
    question = partial(compose, product, rules=rules, settings=settings)
    return Witness(
        model,
        lambda picture, scene, findings, pointed: question(
            picture, scene, findings=findings, pointed=pointed
        ),
        calibration,
        when,
        options,
    )


def _examine(
    product: Product,
    model: BaseChatModel,
    name: str,
    rules: Sequence[Rule],
    settings: PromptSettings,
    asked: str,
    on_start: Callable[[int], None],
    on_step: Callable[[str], None],
) -> Calibration:
    """Ask a model about pictures of known state."""
    odds = try_ability(model, Ability.odds).state == "yes"
    options: dict[str, Any] = dict(WITH_ODDS) if odds else {}
    on_start(4 * min(MOST_PICTURES, len(product.file.references)))
    trials: list[Trial] = []
    usage, least = Usage(), 1.0
    exhibits = _exhibits(product, rules, settings)
    while some := list(islice(exhibits, _AT_ONCE)):
        replies = ask_witness(model, [exhibit.prompt for exhibit in some], options)
        if all(reply.failure == "refused" for reply in replies):
            raise ModelError(replies[0].problem)
        for exhibit, reply in zip(some, replies, strict=True):
            suspicion = suspicion_of(reply)
            trials.append(Trial(picture=exhibit.picture, state=exhibit.state, suspicion=suspicion))
            usage += reply.usage
            least = min(least, exhibit.least_confidence) if exhibit.state == "good" else least
            on_step(f"{exhibit.picture}, {exhibit.state}")
    return Calibration(
        witness=name, asked_sha256=asked, odds=odds, trials=trials, least_confidence=least, usage=usage
    )


def _exhibits(product: Product, rules: Sequence[Rule], settings: PromptSettings) -> Iterator[_Exhibit]:
    """Questions about some reference pictures and spoiled copies; none shows the original beside it."""
    question = partial(compose, product, rules=rules, settings=settings)
    pictures = islice(product.reference_pictures(), MOST_PICTURES)
    for place, (reference, picture) in enumerate(pictures):
        pixels, seen = product.see(picture)
        least = min((part.confidence for part in seen.scene.all_parts), default=1.0)
        yield _Exhibit(reference.name, "good", question(picture, seen.scene), least)
        for spoiled in spoil(pixels, seen.scene, np.random.default_rng(place)):
            scene = product.model.see(spoiled.pixels).scene
            prompt = question(spoiled.pixels, scene, leave_out=picture.sha256)
            yield _Exhibit(reference.name, spoiled.way, prompt, least)


def _asked_sha256(product: Product, name: str, rules: Sequence[Rule], settings: PromptSettings) -> str:
    """Of all that the questions are made of."""
    pieces = sorted(settings.pieces)
    numbers = (settings.references, settings.longest_side, settings.most_crops, *settings.hints)
    eyes = file_sha256(product.folder / "parts.safetensors")
    pictures = [reference.sha256 for reference in product.file.references]
    sentences = [rule.text for rule in rules]
    told = [name, templates_sha256(), *pieces, *map(str, numbers), eyes, *pictures, *sentences]
    return hashlib.sha256("\0".join(told).encode("utf-8", "surrogatepass")).hexdigest()


def _read(path: Path, asked: str) -> Calibration | None:
    """What was kept of the same questions; None where nothing was, or it cannot be read."""
    try:
        kept = Calibration.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return kept if kept.asked_sha256 == asked else None
