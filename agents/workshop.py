"""One product open for work: its reference Scenes seen once, its sandbox warm."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import TracebackType

from langchain_core.language_models import BaseChatModel

from ..sandbox import Jail
from ..schema import AuthorError, Grade, ProductError, Rule
from .author import Authored, Bench, author_rule
from .draft import Request
from .isolation import open_jail
from .product import Product
from .proof import Reference, prove
from .reasoner import OFFLINE, make_reasoner
from .rulebook import Rulebook, changing_rules

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


def keep_rule(product: Product, rule: Rule) -> Rule:
    """Put a rule into the rulebook, in the place of the one with the same text where there is one."""
    product.rules_folder.mkdir(parents=True, exist_ok=True)
    with changing_rules(product.rules_folder):
        book = product.rulebook()
        number = next((one.number for one in book.rules if one.text == rule.text), book.next_number)
        kept = rule.model_copy(update={"number": number})
        Rulebook.save(kept, product.rules_folder)
    return kept


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
        jail: Jail | None = None,
    ) -> None:
        """Rules run in `jail`, or in one that holds at least `isolation`.

        Raises:
            SandboxError: The jail does not start, or holds less than is asked for, see `open_jail`.
        """
        self.product = product
        self._on_reference = on_reference
        self.jail = jail or open_jail(isolation)
        """Where its rules run."""

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
        samples: int = 1,
    ) -> Authored:
        """Turn a sentence into a proven rule and keep it; the same sentence again replaces its rule.

        `samples` answers are asked for at once, of which the one that is proven best counts.

        Raises:
            AuthorError: There is no such reasoner, or no reference picture.
            ModelError: The reasoner cannot be asked.
        """
        authored = self.propose(sentence, reasoner, most_false_alarms, on_step, samples)
        return authored._replace(rule=keep_rule(self.product, authored.rule)) if authored.rule else authored

    def propose(
        self,
        sentence: str,
        reasoner: str | BaseChatModel = OFFLINE,
        most_false_alarms: float = 0.0,
        on_step: Callable[[str], None] = lambda _: None,
        samples: int = 1,
    ) -> Authored:
        """The same without keeping the rule.

        Raises:
            AuthorError: There is no such reasoner, or no reference picture.
            ModelError: The reasoner cannot be asked.
        """
        model = make_reasoner(reasoner) if isinstance(reasoner, str) else reasoner
        bench = Bench(model, self.references, self.jail, most_false_alarms, on_step, samples)
        return author_rule(self.request(sentence), bench)

    def request(self, sentence: str) -> Request:
        """A sentence, and what is known of the product."""
        return Request(
            sentence=" ".join(sentence.split()),
            labels=list(self.product.model.labels),
            containers=self.product.model.containers,
            synonyms=self.product.file.synonyms,
        )

    def prove(self, rule: Rule) -> Rule:
        """Prove a rule again, after its code or the eyes have changed, and keep how that ended.

        Raises:
            ProductError: Somebody else has changed the rule meanwhile; theirs stays.
        """
        tried = rule.proof.counterfactuals if rule.proof else []
        edits = list(dict.fromkeys(c.edit for c in tried))
        labels = list(dict.fromkeys(c.label for c in tried))
        proven = rule.model_copy(
            update={"proof": prove(rule.code, labels, edits, self.references, self.jail)}
        )
        with changing_rules(self.product.rules_folder):
            now = self.product.rulebook().numbered(rule.number)
            if (now.text, now.code) != (rule.text, rule.code):
                raise ProductError(
                    f"rule {rule.number} was changed by somebody else meanwhile; prove it again"
                )
            Rulebook.save(proven, self.product.rules_folder)
        return proven

    def close(self) -> None:
        """Stop the sandbox."""
        self.jail.close()

    def __enter__(self) -> Workshop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
