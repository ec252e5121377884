"""What models would be asked, of a sample on disk or of a sentence; nothing is sent to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from langchain_core.messages import BaseMessage

from ...prompts import InspectionPrompt, Piece, author_messages
from ...sandbox import language_text
from ...scene import Scene
from ...schema import Finding, Grade
from ...tools.modalities import Kind, kind_of, read_views
from ...tools.pictures import SUFFIXES, Picture, read_picture
from ..graph import Inspector
from ..measures import measures_of
from ..product import Product
from ..workshop import Workshop
from .composing import PromptSettings, compose

_SEEN = frozenset({Piece.counts, Piece.marks})
"""Pieces that need the parts in the picture."""
_CHECKED = frozenset({Piece.crops, Piece.findings})
"""Pieces that need what the rules say."""


def inspection_question(
    product: Product, sample: Path, settings: PromptSettings, isolation: Grade | None = None
) -> InspectionPrompt:
    """The question about one sample, for which its parts are found and the proven rules are run.

    Rules run where a piece needs what they say, in a jail of that `isolation` or better. A sample that is no
    picture, such as a point cloud, is shown as its views, and its parts are not looked for.

    Raises:
        PictureError: The sample cannot be read, or has another shape than what was taught.
        ProductError: A reference picture is missing or was changed.
    """
    rules = product.rulebook().proven
    if not _is_picture(sample):
        first, *others = [view.pixels for view in read_views(sample)]
        return compose(product, first, rules=rules, views=others, settings=settings)
    picture = read_picture(sample)
    scene, findings = _looked_at(product, picture, settings, isolation)
    return compose(product, picture, scene, rules=rules, findings=findings, settings=settings)


def author_question(product: Product, sentence: str) -> list[BaseMessage]:
    """What a model is asked first when it is to write the check of a sentence.

    Raises:
        SandboxError: The sandbox does not start.
        ProductError: A reference picture is missing or was changed.
    """
    with Workshop(product) as workshop:
        request = workshop.request(sentence)
        scenes = [reference.scene for reference in workshop.references]
    measured = measures_of(scenes, request.labels)
    known = request.model_copy(update={"pictures": len(scenes), "measured": measured})
    return author_messages(language_text(), known.model_dump(exclude_defaults=True, mode="json"))


def _is_picture(sample: Path) -> bool:
    if sample.is_dir() or sample.suffix.lower() not in SUFFIXES:
        return False
    return kind_of(sample) is Kind.pictures


def _looked_at(
    product: Product, picture: Picture, settings: PromptSettings, isolation: Grade | None
) -> tuple[Scene | None, Sequence[Finding]]:
    """The parts in a picture, and what the rules say of it, as far as the pieces need them."""
    if settings.pieces & _CHECKED and product.rulebook().proven:
        with Inspector(product, isolation=isolation) as inspector:
            verdict, view = inspector.look(picture.path)
        if view:
            return view.scene, verdict.findings
    # Where it cannot be inspected, this says why.
    return (product.see(picture)[1].scene, []) if settings.pieces & (_SEEN | _CHECKED) else (None, [])
