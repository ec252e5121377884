"""The rules of one product: a folder of plain text that a person can read, diff, review and edit.

`rules/003.py` is the check, with the sentence as its docstring; `rules/003.json` is everything else. A
check that was edited by hand no longer matches the hash in its proof, and does not count until it is
proven again.

Any number of processes may use one rulebook at once: who writes does so under `changing_rules`, and who
reads never sees half of a rule.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from ..schema import ProductError, Record, Rule
from ..tools.pictures import shown
from .locking import locked_folder, write_at_once

_NAME = re.compile(r"(\d{3,})\.json")

changing_rules = locked_folder
"""Of a folder of rules: nobody else reads or changes its rules meanwhile; those who wait, wait a while."""


def code_hash(code: str) -> str:
    """SHA-256 of a check's text, as a Proof keeps it."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


def is_proven(rule: Rule) -> bool:
    """Whether a rule counts: its proof succeeded, and its code is still the one that was proven."""
    proof = rule.proof
    return proof is not None and not proof.evidence and proof.code_sha256 == code_hash(rule.code)


class Rulebook(Record):
    """Rules in the order of their numbers."""

    rules: list[Rule] = []

    def __iter__(self) -> Iterator[Rule]:  # type: ignore[override]  # a book of rules iterates over rules
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    @property
    def proven(self) -> list[Rule]:
        """The rules that count."""
        return [rule for rule in self.rules if is_proven(rule)]

    @property
    def sha256(self) -> str:
        """Changes with every change of a rule that counts."""
        return code_hash("\0".join(f"{rule.number}\0{rule.text}\0{rule.code}" for rule in self.proven))

    def numbered(self, number: int) -> Rule:
        """The rule with a number.

        Raises:
            ProductError: There is none.
        """
        for rule in self.rules:
            if rule.number == number:
                return rule
        numbers = ", ".join(str(rule.number) for rule in self.rules) or "none yet"
        raise ProductError(f"there is no rule {number}; the rules are: {numbers}")

    @property
    def next_number(self) -> int:
        """A number that no rule has had the like of: one above the highest."""
        return max((rule.number for rule in self.rules), default=0) + 1

    @classmethod
    def load(cls, folder: Path) -> Rulebook:
        """Read the rules of a folder; one that does not exist is an empty rulebook.

        Raises:
            ProductError: A file is missing its other half or cannot be read.
        """
        with locked_folder(folder, to_write=False):
            names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
            rules = [_read(folder / name) for name in names if _NAME.fullmatch(name)]
        return cls(rules=sorted(rules, key=lambda rule: rule.number))

    @staticmethod
    def save(rule: Rule, folder: Path) -> None:
        """Write one rule, over the one with the same number; one that was there stays until this is whole.

        Raises:
            ProductError: It cannot be written.
        """
        stem = folder / f"{rule.number:03d}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with locked_folder(folder):
                # A rule is there once its second file is.
                write_at_once(stem.with_suffix(".py"), rule.code)
                write_at_once(
                    stem.with_suffix(".json"), rule.model_dump_json(exclude={"code"}, indent=2) + "\n"
                )
        except OSError as error:
            raise ProductError(
                f"{shown(stem)}: the rule cannot be written ({error.strerror or error})"
            ) from None

    @staticmethod
    def remove(number: int, folder: Path) -> None:
        """Delete one rule; one that is not there is no error.

        Raises:
            ProductError: It cannot be deleted.
        """
        try:
            with locked_folder(folder):
                for suffix in (".json", ".py"):
                    (folder / f"{number:03d}{suffix}").unlink(missing_ok=True)
        except OSError as error:
            raise ProductError(
                f"{shown(folder)}: rule {number} cannot be deleted ({error.strerror or error})"
            ) from None


def _read(path: Path) -> Rule:
    code = path.with_suffix(".py")
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return Rule.model_validate({**fields, "code": code.read_text(encoding="utf-8")})
    except FileNotFoundError:
        raise ProductError(f"{code}: missing, but {path.name} is there; author the rule again") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ProductError(f"{path}: {field}: {first['msg']}; author the rule again") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise ProductError(f"{path}: not a rule ({error}); author the rule again") from error
