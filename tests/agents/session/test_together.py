"""Several processes on one rulebook at once: no rule is lost, and who comes too late is told so."""

from __future__ import annotations

from pathlib import Path

import pytest
from logisight.agents import locking
from logisight.agents.product import open_product
from logisight.agents.rulebook import Rulebook, changing_rules
from logisight.agents.session.changes import apply_change, rule_sha256
from logisight.agents.session.graph import Decision
from logisight.agents.session.session import Session
from logisight.agents.session.turn import Change
from logisight.agents.workshop import keep_rule
from logisight.schema import ProductError, Rule, SessionError
from session_killed import fast_processes

EACH = 12


def a_rule(text, code="def check(scene):\n    pass\n"):
    return Rule(number=0, text=text, kind="quantity", code=code, reasoner="test")


def save_some(folder, name, start):
    product = open_product(Path(folder))
    start.wait()
    for n in range(EACH):
        if n % 2:
            keep_rule(product, a_rule(f"{name} {n}"))
        else:
            apply_change(product, Change(action="save", rule=a_rule(f"{name} {n}")))


def change_first(folder, name, start, results):
    product = open_product(Path(folder))
    was = product.rulebook().numbered(1)
    start.wait()
    change = Change(
        action="change",
        rule=a_rule(f"{name} was first", f"# {name}\n"),
        number=1,
        was_sha256=rule_sha256(was),
    )
    try:
        results.put((name, apply_change(product, change)))
    except SessionError as error:
        results.put((name, str(error)))


def rewrite(folder, start, stop):
    book = open_product(Path(folder))
    start.wait()
    n = 0
    while not stop.is_set():
        n += 1
        text = f"version {n}"
        Rulebook.save(a_rule(text, f"# {text}\n").model_copy(update={"number": 1}), book.rules_folder)


def processes(work, *arguments):
    made = [fast_processes().Process(target=work, args=each) for each in arguments]
    for process in made:
        process.start()
    return made


def join(made):
    for process in made:
        process.join(120)
        assert process.exitcode == 0


def test_no_rule_of_two_processes_is_lost(product):
    start = fast_processes().Barrier(2)
    join(processes(save_some, *[(product.folder, name, start) for name in ("one", "two")]))
    book = product.rulebook()
    texts = {rule.text for rule in book}
    assert {f"{name} {n}" for name in ("one", "two") for n in range(EACH)} < texts
    assert len(book) == 3 + 2 * EACH
    assert not list(product.rules_folder.glob("*.part"))


def test_of_two_changes_of_one_rule_one_is_done_and_the_other_is_told(product):
    context = fast_processes()
    start, results = context.Barrier(2), context.Queue()
    made = processes(change_first, *[(product.folder, name, start, results) for name in ("Ann", "Bo")])
    told = dict(results.get(timeout=120) for _ in range(2))
    join(made)
    now = product.rulebook().numbered(1)
    winner, loser = ("Ann", "Bo") if now.text.startswith("Ann") else ("Bo", "Ann")
    assert told[winner] == f"Rule 1 is in the rulebook: {winner} was first"
    assert told[loser].startswith(
        f"rule 1 was changed by somebody else meanwhile and now says: {winner} was first Nothing was changed"
    )
    assert now.code == f"# {winner}\n"


def test_a_reader_never_sees_half_of_a_rule(product):
    context = fast_processes()
    start, stop = context.Barrier(2), context.Event()
    made = processes(rewrite, (product.folder, start, stop))
    start.wait()
    seen = set()
    while len(seen) < 20:
        rule = product.rulebook().numbered(1)
        if rule.text.startswith("version"):
            assert rule.code == f"# {rule.text}\n"
            seen.add(rule.text)
    stop.set()
    join(made)


def test_a_rule_that_somebody_else_retired_while_it_was_talked_about_stays_retired(session, product):
    session.say("change rule 2 to: All pushpins are yellow.")
    Rulebook.remove(2, product.rules_folder)
    turn = session.decide(Decision(yes=True)).turn
    assert "rule 2 was retired by somebody else meanwhile; nothing was changed" in turn.answer
    assert [rule.number for rule in product.rulebook()] == [1, 3]


def test_a_rule_that_somebody_else_changed_is_not_retired(session, product):
    session.say("retire rule 2")
    Rulebook.save(a_rule("Mine.").model_copy(update={"number": 2}), product.rules_folder)
    assert "now says: Mine. Nothing was changed" in session.decide(Decision(yes=True)).turn.answer
    assert product.rulebook().numbered(2).text == "Mine."


def test_two_sessions_save_at_once_and_both_rules_are_kept(sessions, desk, product):
    one, two = (Session(sessions, sessions.start().id, desk) for _ in range(2))
    one.say("add rule: There are exactly 15 pushpins.")
    two.say("add rule: Each pushpin is inside the box.")
    two.decide(Decision(yes=True))
    one.decide(Decision(yes=True))
    assert [(rule.number, rule.text) for rule in product.rulebook()][3:] == [
        (4, "Each pushpin is inside the box."),
        (5, "There are exactly 15 pushpins."),
    ]


def test_a_rule_that_was_changed_while_it_was_proven_again_stays_as_it_is(desk, product):
    old = product.rulebook().numbered(2)
    Rulebook.save(a_rule("Mine.").model_copy(update={"number": 2}), product.rules_folder)
    with pytest.raises(ProductError, match="changed by somebody else"):
        desk.workshop.prove(old)
    assert product.rulebook().numbered(2).text == "Mine."


def test_who_waits_too_long_is_told(product, monkeypatch):
    monkeypatch.setattr(locking, "PATIENCE", 0.05)
    path = product.rules_folder.with_name("rules.lock")
    with path.open("w") as other:
        locking.fcntl.flock(other, locking.fcntl.LOCK_EX)
        with pytest.raises(ProductError, match="somebody else has been changing it"):
            product.rulebook()
    assert len(product.rulebook()) == 3


def test_a_rulebook_that_may_only_be_read_is_read(product):
    product.rules_folder.with_name("rules.lock").unlink(missing_ok=True)
    assert len(product.rulebook()) == 3
    assert not product.rules_folder.with_name("rules.lock").exists()


def test_the_lock_is_let_go_after_a_failure(product):
    with pytest.raises(ZeroDivisionError), changing_rules(product.rules_folder):
        raise ZeroDivisionError
    keep_rule(product, a_rule("after"))
    assert product.rulebook().rules[-1].text == "after"


def test_leftovers_of_a_killed_process_do_not_count(product):
    (product.rules_folder / "tmpabc.part").write_text("{", encoding="utf-8")
    (product.rules_folder / "009.py").write_text("half a rule", encoding="utf-8")
    assert keep_rule(product, a_rule("next")).number == 4
    assert len(product.rulebook()) == 4
