"""The last proposals of a product, so that a person accepts what that person saw. They are no rules."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from ...schema import AuthorError, Record, Rule
from ..product import Product
from ..workshop import keep_rule
from .search import Discovery

FILE: Final = "proposals.json"
"""In the product's folder."""
ALL: Final = "all"


class Kept(Record):
    """Proposals, and what they were found with."""

    reasoner: str
    eyes: str
    """SHA-256 of the part model and the list of reference pictures."""
    discovery: Discovery


def keep_proposals(product: Product, reasoner: str, discovery: Discovery) -> None:
    """Write the proposals into the product's folder, over the last ones."""
    kept = Kept(reasoner=reasoner, eyes=_eyes(product), discovery=discovery)
    _path(product).write_text(kept.model_dump_json(indent=2) + "\n", encoding="utf-8")


def last_proposals(product: Product, reasoner: str) -> Discovery:
    """The proposals that were made last.

    Raises:
        AuthorError: There are none, or they were made by another reasoner or for other eyes.
    """
    again = f"run `logisight discover` without --accept, with --llm {reasoner}, and look at what is proposed"
    try:
        kept = Kept.model_validate_json(_path(product).read_bytes())
    except FileNotFoundError:
        raise AuthorError(f"nothing has been proposed for {product.name} yet; {again}") from None
    except ValidationError:
        raise AuthorError(f"{_path(product)}: these are no proposals; {again}") from None
    if (kept.reasoner, kept.eyes) != (reasoner, _eyes(product)):
        raise AuthorError(f"the last proposals for {product.name} were made in other ways; {again}")
    return kept.discovery


def accept(product: Product, discovery: Discovery, numbers: Sequence[int]) -> list[Rule]:
    """Make proposals, numbered from 1, rules of the product."""
    return [keep_rule(product, discovery.proposals[number - 1].rule) for number in numbers]


def chosen_numbers(text: str, count: int) -> list[int]:
    """What `--accept` names: all of so many proposals, or some by their numbers.

    Raises:
        AuthorError: It names something else.

    Examples:
        >>> chosen_numbers("all", 3), chosen_numbers("3, 1", 3)
        ([1, 2, 3], [1, 3])
    """
    if text.strip() == ALL:
        return list(range(1, count + 1))
    numbers = {int(one) if one.strip().isdecimal() else 0 for one in text.split(",")}
    if not numbers <= set(range(1, count + 1)):
        raise AuthorError(f"--accept takes `{ALL}`, or numbers from 1 to {count} with commas between them")
    return sorted(numbers)


def _eyes(product: Product) -> str:
    digest = hashlib.sha256((product.folder / "parts.safetensors").read_bytes())
    for reference in product.file.references:
        digest.update(reference.sha256.encode())
    return digest.hexdigest()


def _path(product: Product) -> Path:
    return product.folder / FILE
