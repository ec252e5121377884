"""Rulebooks are plain files; an edited check does not count until it is proven again."""

from __future__ import annotations

import json

import pytest
from logisight.agents.rulebook import Rulebook, code_hash, is_proven
from logisight.schema import ProductError, Proof, Rule

CODE = '"""Zwei Müttern, bitte."""\n\n\ndef check(scene):\n    pass\n'


def rule(number=1, code=CODE, **changes):
    proof = Proof(code_sha256=code_hash(code), references=3)
    return Rule(
        number=number, text="There are two nuts.", kind="quantity", code=code, reasoner="offline", proof=proof
    )


def test_saved_rules_load_in_order(tmp_path):
    for number in (10, 2, 1):
        Rulebook.save(rule(number), tmp_path)
    assert [r.number for r in Rulebook.load(tmp_path)] == [1, 2, 10]
    assert Rulebook.load(tmp_path).numbered(2) == rule(2)
    assert Rulebook.load(tmp_path).next_number == 11


def test_the_check_is_a_python_file_a_person_can_read(tmp_path):
    Rulebook.save(rule(), tmp_path)
    assert (tmp_path / "001.py").read_text(encoding="utf-8") == CODE
    assert "code" not in json.loads((tmp_path / "001.json").read_text(encoding="utf-8"))


def test_a_folder_that_is_not_there_is_an_empty_book(tmp_path):
    assert len(Rulebook.load(tmp_path / "none")) == 0


def test_an_edited_check_does_not_count(tmp_path):
    Rulebook.save(rule(), tmp_path)
    before = Rulebook.load(tmp_path)
    (tmp_path / "001.py").write_text(CODE + "# tweak\n", encoding="utf-8")
    after = Rulebook.load(tmp_path)
    assert (len(before.proven), len(after.proven), len(after)) == (1, 0, 1)
    assert before.sha256 != after.sha256


def test_a_failed_proof_does_not_count():
    failed = rule().model_copy(
        update={"proof": Proof(code_sha256=code_hash(CODE), references=1, evidence=["no"])}
    )
    assert not is_proven(failed)
    assert is_proven(rule())


def test_removed_rules_are_gone_and_other_files_stay(tmp_path):
    Rulebook.save(rule(1), tmp_path)
    Rulebook.save(rule(2), tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    Rulebook.remove(1, tmp_path)
    assert [r.number for r in Rulebook.load(tmp_path)] == [2]
    assert (tmp_path / "notes.txt").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("001.json", "{", "001.json: not a rule"),
        ("001.json", "[1]", "001.json: not a rule"),
        ("001.json", "[" * 100_000, "001.json: not a rule"),
        ("001.json", '{"number": 1}', "001.json: text: Field required"),
        ("001.py", None, "001.py: missing"),
    ],
)
def test_damaged_files_are_named(tmp_path, name, content, message):
    Rulebook.save(rule(), tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(content)
    with pytest.raises(ProductError, match=message):
        Rulebook.load(tmp_path)


def test_an_unknown_number_names_the_known_ones(tmp_path):
    Rulebook.save(rule(4), tmp_path)
    with pytest.raises(ProductError, match="there is no rule 7; the rules are: 4"):
        Rulebook.load(tmp_path).numbered(7)
