"""What a language model guesses that good products have in common. None is believed: each is proven."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from langchain_core.language_models import BaseChatModel
from pydantic import Field, TypeAdapter

from ...prompts.discover import discover_messages
from ...scene import Scene
from ...schema import AuthorError, Record
from ..llm.abilities import Ability, try_ability
from ..llm.answers import in_one_line
from ..llm.asking import ask
from ..measures import measures_of, rounded
from ..offline import readable_sentences
from ..prompting.pictures import sent_picture
from ..workshop import Workshop
from .facts import Guess, Strength
from .search import MOST_PROPOSALS, Discovery, facts_of, settle

LONGEST: Final = 300
"""Characters of a sentence, and of why it was proposed."""
SHOWN_PICTURES, SHOWN_PARTS = 3, 40
"""Reference pictures that are told part by part, and shown to a model that sees; and parts of each."""
LONGEST_SIDE: Final = 768
"""Pixels of a picture that is shown."""


class Suggested(Record):
    """One sentence that a model proposes."""

    sentence: str = Field(max_length=LONGEST)
    why: str = Field(max_length=LONGEST)


class Suggestions(Record):
    """What a model answers."""

    proposals: list[Suggested] = Field(max_length=2 * MOST_PROPOSALS)


_SHAPE: Final = TypeAdapter(Suggestions)


def discover_with(
    model: BaseChatModel, workshop: Workshop, on_step: Callable[[str], None] = lambda _: None
) -> Discovery:
    """Sentences of a model that are proven on the reference pictures of a product.

    Checks are written offline where the words can be read, and else by the model.

    Raises:
        AuthorError: There is no reference picture, or the answer cannot be used.
        ModelError: The model cannot be asked.
    """
    facts_of(workshop)
    on_step("asking the model")
    sees = try_ability(model, Ability.images).state == "yes"
    asked = workshop.request("")
    # The first labels fill the examples: as what is in something, which containers seldom are.
    inner_first = sorted(asked.labels, key=lambda label: label in asked.containers)
    pictures = _pictures(workshop) if sees else []
    forms = readable_sentences(inner_first)
    messages = discover_messages(_facts(workshop), forms, MOST_PROPOSALS, pictures)
    reply = ask(
        model, messages, _SHAPE, words_of=lambda said: " ".join(one.sentence for one in said.proposals)
    )
    if reply.value is None:
        raise AuthorError(f"the model proposes nothing that can be used: {reply.problem}")
    return settle(workshop, _guesses(reply.value, len(workshop.references)), model, on_step)


def _guesses(said: Suggestions, references: int) -> list[Guess]:
    """Each sentence once, as it may be shown to a person."""
    whys = {in_one_line(one.sentence, LONGEST): in_one_line(one.why, LONGEST) for one in said.proposals}
    return [
        Guess(
            Strength.amount,
            sentence,
            f"holds on {references} of {references}; the model says: {why}",
            tuple(range(references)),
        )
        for sentence, why in whys.items()
        if sentence
    ]


def _facts(workshop: Workshop) -> dict[str, Any]:
    """What good products look like in numbers, JSON-plain and bounded."""
    asked = workshop.request("")
    scenes = [reference.scene for reference in workshop.references]
    measured = measures_of(scenes, asked.labels)
    return {
        "labels": asked.labels,
        "containers": asked.containers,
        "pictures": len(scenes),
        "measured": {
            label: one.model_dump(mode="json", exclude_defaults=True) for label, one in measured.items()
        },
        "parts": [_in_numbers(scene) for scene in scenes[:SHOWN_PICTURES]],
    }


def _in_numbers(scene: Scene) -> dict[str, list[list[Any]]]:
    told: dict[str, list[list[Any]]] = {}
    for part in scene.all_parts[:SHOWN_PARTS]:
        numbers = [round(part.center[0]), round(part.center[1]), rounded(part.width), rounded(part.height)]
        told.setdefault(part.label, []).append([*numbers, part.color])
    return told


def _pictures(workshop: Workshop) -> list[str]:
    pictures = zip(range(SHOWN_PICTURES), workshop.product.reference_pictures(), strict=False)
    return [
        sent_picture(picture, reference.name, LONGEST_SIDE).data_uri for _, (reference, picture) in pictures
    ]
