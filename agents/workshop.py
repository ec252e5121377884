"""One product open for work: its reference Scenes seen once, its sandbox warm."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import TracebackType

from langchain_core.language_models import BaseChatModel

from ..schema import AuthorError, Grade, Rule
from .author import Authored, Bench, author_rule
from .draft import Request
from .isolation import open_jail
from .product import Product
from .proof import Reference, prove
from .reasoner import OFFLINE, make_reasoner
from .rulebook import Rulebook

EXAMPLES = {file.stem: file for file in sorted((Path(__file__).parent / "examples").glob("*.toml"))}
"""Example rulebooks: a file of sentences for each category of MVTec LOCO AD."""


def read_sentences(path: Path) -> list[str]:
    """The sentences of a rulebook file: TOML with a list `sentences`, or plain text with one a line.

    In plain text, empty lines and lines that start with # are left out.

    Raises:
        AuthorError: The file cannot be read as that, or holds no sentence.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".toml":
            sentences = [str(sentence) for sentence in tomllib.loads(text)["sentences"]]
        else:
            lines = (line.strip() for line in text.splitlines())
            sentences = [line for line in lines if line and not line.startswith("#")]
    except KeyError:
        raise AuthorError(f"{path}: has no list named sentences") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise AuthorError(f"{path}: not a file of sentences ({error})") from None
    if not sentences:
        raise AuthorError(f"{path}: holds no sentence")
    return sentences


class Workshop:
    """Authors rules for a product and proves them. Close it, or use it in a `with`.

    Example:
        with Workshop(open_product("pushpins")) as workshop:
            authored = workshop.author("There are exactly 15 pushpins.")
    """

    def __init__(
        self,
        product: Product,
        on_reference: Callable[[str], None] = lambda _: None,
        isolation: Grade | None = None,
    ) -> None:
        """Rules run in a jail that holds at least `isolation`.

        Raises:
            SandboxError: The jail does not start, or holds less than is asked for, see `open_jail`.
        """
        self.product = product
        self._on_reference = on_reference
        self._jail = open_jail(isolation)

    @cached_property
    def references(self) -> list[Reference]:
        """What the product's eyes see in its reference pictures."""
        seen = []
        for reference, picture in self.product.reference_pictures():
            seen.append(Reference(reference.name, self.product.see(picture)[1].scene))
            self._on_reference(reference.name)
        return seen

    def author(
        self,
        sentence: str,
        reasoner: str | BaseChatModel = OFFLINE,
        most_false_alarms: float = 0.0,
        on_step: Callable[[str], None] = lambda _: None,
    ) -> Authored:
        """Turn a sentence into a proven rule and keep it; the same sentence again replaces its rule.

        Raises:
            AuthorError: There is no such reasoner, or no reference picture.
        """
        model = make_reasoner(reasoner) if isinstance(reasoner, str) else reasoner
        product = self.product
        request = Request(
            sentence=" ".join(sentence.split()),
            labels=list(product.model.labels),
            containers=product.model.containers,
            synonyms=product.file.synonyms,
        )
        book = product.rulebook()
        number = next((rule.number for rule in book.rules if rule.text == request.sentence), book.next_number)
        bench = Bench(model, self.references, self._jail, most_false_alarms, on_step)
        authored = author_rule(request, bench, number)
        if authored.rule:
            Rulebook.save(authored.rule, product.rules_folder)
        return authored

    def prove(self, rule: Rule) -> Rule:
        """Prove a rule again, after its code or the eyes have changed, and keep how that ended."""
        tried = rule.proof.counterfactuals if rule.proof else []
        edits = list(dict.fromkeys(c.edit for c in tried))
        labels = list(dict.fromkeys(c.label for c in tried))
        proven = rule.model_copy(
            update={"proof": prove(rule.code, labels, edits, self.references, self._jail)}
        )
        Rulebook.save(proven, self.product.rules_folder)
        return proven

    def close(self) -> None:
        """Stop the sandbox."""
        self._jail.close()

    def __enter__(self) -> Workshop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
