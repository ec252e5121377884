"""Changes of a rulebook that a person agreed to: each is done once, and none over somebody else's.

A change knows the rule as it was when it was proposed. Where that is not the rule that is there now, somebody
else has changed it since, and nothing is done. A change that is done already is not done again: a session
that was killed between the change and its note of it comes to the same end.
"""

from __future__ import annotations

from ...schema import Rule, SessionError
from ...tools.pictures import shown
from ..product import Product
from ..rulebook import Rulebook, changing_rules, code_hash
from .turn import Change


def rule_sha256(rule: Rule) -> str:
    """Of the words and the check of a rule."""
    return code_hash(f"{rule.text}\0{rule.code}")


def apply_change(product: Product, change: Change) -> str:
    """Save, change or retire a rule; returns what was done, in words, the same when it was done already.

    Raises:
        SessionError: Somebody else has changed the rule since this was proposed, or it cannot be written.
    """
    try:
        product.rules_folder.mkdir(parents=True, exist_ok=True)
        with changing_rules(product.rules_folder):
            return _applied(product, change)
    except OSError as error:
        raise SessionError(
            f"{shown(product.rules_folder)}: the rulebook cannot be written ({error.strerror or error}); "
            "nothing is changed"
        ) from None


def _applied(product: Product, change: Change) -> str:
    book = product.rulebook()
    if change.action == "retire":
        return _retire(product, book, change)
    if change.rule is None:
        raise SessionError("there is no rule in this change; propose it again")
    same = next((rule for rule in book.rules if rule_sha256(rule) == rule_sha256(change.rule)), None)
    if same and change.action == "save":
        number = same.number
    elif same and same.number == change.number:
        number = change.number
    elif change.action == "change":
        _check_unchanged(book, change)
        number = _replaced(product, change.rule, change.number)
    else:
        number = _replaced(product, change.rule, book.next_number)
    return f"Rule {number} is in the rulebook: {change.rule.text}"


def _replaced(product: Product, rule: Rule, number: int) -> int:
    Rulebook.save(rule.model_copy(update={"number": number}), product.rules_folder)
    return number


def _retire(product: Product, book: Rulebook, change: Change) -> str:
    if any(rule.number == change.number for rule in book.rules):
        _check_unchanged(book, change)
        Rulebook.remove(change.number, product.rules_folder)
    return f"Rule {change.number} is no longer in the rulebook."


def _check_unchanged(book: Rulebook, change: Change) -> None:
    now = next((rule for rule in book.rules if rule.number == change.number), None)
    if now is None:
        raise SessionError(
            f"rule {change.number} was retired by somebody else meanwhile; nothing was changed"
        )
    half_done = change.rule is not None and change.action == "change" and now.code == change.rule.code
    if rule_sha256(now) != change.was_sha256 and not half_done:
        raise SessionError(
            f"rule {change.number} was changed by somebody else meanwhile and now says: {now.text} "
            "Nothing was changed; say again what you want"
        )
