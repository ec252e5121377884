"""Sessions last: small state, branches, turns that fail, and a database."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from logisight.agents.session import desk as desk_module
from logisight.agents.session import session as session_module
from logisight.agents.session.desk import Desk
from logisight.agents.session.graph import Decision
from logisight.agents.session.session import Session, Sessions
from logisight.agents.session.store import Store
from logisight.schema import PictureError, SessionError


def checkpoints(sessions, session):
    """The checkpoints of a session, and the bytes of the last one."""
    found = list(sessions.checkpointer.list({"configurable": {"thread_id": session}}))
    return len(found), len(sessions.checkpointer.serde.dumps_typed(found[0].checkpoint)[1]) if found else 0


def waiting(session):
    """The size of a turn that waits for an answer, which is no, so that the rulebook stays as it is."""
    session.say("retire rule 1")
    count, size = checkpoints(session.sessions, session.file.id)
    assert count
    session.decide(Decision(yes=False))
    return size


def test_checkpoints_are_of_the_turn_in_work_only_and_do_not_grow_with_the_session(session, pictures):
    session.say("", pictures)
    small = waiting(session)
    for _ in range(30):
        session.say("how many pushpins are in picture 1?")
        assert checkpoints(session.sessions, session.file.id) == (0, 0)
    assert waiting(session) <= 1.1 * small < 20_000


def test_where_a_finished_turn_cannot_be_noted_it_stays_in_its_checkpoint(session, sessions, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(session_module, "write_at_once", full)
        assert session.say("list rules").turn.number == 1
        assert session.say("list parts").turn.number == 2
    assert sessions.file(session.file.id).head == ""
    assert [turn.asked for turn in sessions.turns(session.file.id)] == ["list rules", "list parts"]
    session.say("help")
    assert sessions.file(session.file.id).head == sessions.head(session.file.id)
    assert checkpoints(sessions, session.file.id) == (0, 0)


def test_few_inspected_pictures_stay_in_memory_where_they_are_large(session, desk, pictures, monkeypatch):
    session.say("", pictures[:3])
    assert len(desk._inspected) == 3
    monkeypatch.setattr(desk_module, "KEPT_BYTES", 0)
    session.say("", pictures[3:4])
    assert len(desk._inspected) == desk_module.FEWEST_KEPT
    assert "Picture 1 beside picture 2" in session.say("compare picture 1 with picture 2").turn.answer


def test_a_session_goes_on_where_it_was(product, pictures):
    with Sessions(product) as sessions, Desk(product, sessions.store) as desk:
        name = sessions.start("morning").id
        Session(sessions, name, desk).say("", pictures[:2])
    with Sessions(product) as sessions, Desk(product, sessions.store) as desk:
        turn = Session(sessions, name, desk).say("is picture 2 ok?").turn
        assert turn.number == 2
        assert [file.title for file in sessions.list()] == ["morning"]


def test_a_branch_begins_after_an_earlier_turn_and_leaves_the_session_alone(
    session, sessions, desk, pictures
):
    session.say("", pictures[:1])
    session.say("list rules")
    branch = Session(sessions, sessions.branch(session.file.id, 1).id, desk)
    turn = branch.say("inspect it", pictures[1:2]).turn
    assert turn.number == 2
    assert turn.pictures[0].number == 2
    assert [turn.asked for turn in sessions.turns(branch.file.id)] == ["", "inspect it"]
    assert [turn.asked for turn in sessions.turns(session.file.id)] == ["", "list rules"]


def test_a_picture_that_cannot_be_read_is_not_said(session, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(PictureError, match=r"broken\.png"):
        session.say("", [broken])
    assert not session.unfinished
    assert session.say("list rules").turn.number == 1


def test_what_waits_for_an_answer_is_asked_again_and_nothing_else_is_taken(session):
    consent = session.say("retire rule 1").consent
    assert session.waiting == consent
    assert session.go_on().consent == consent
    with pytest.raises(SessionError, match="waits for an answer"):
        session.say("list rules")
    session.decide(Decision(yes=False))
    with pytest.raises(SessionError, match="nothing to decide"):
        session.decide(Decision(yes=True))


def test_a_question_can_be_dropped(session, product):
    session.say("retire rule 1")
    turn = session.drop().turn
    assert "was not finished (the person dropped it)" in turn.answer
    assert len(product.rulebook()) == 3
    assert session.say("list rules").turn.number == 2
    with pytest.raises(SessionError, match="no turn to drop"):
        session.drop()
    with pytest.raises(SessionError, match="no turn to go on with"):
        session.go_on()


@pytest.fixture
def full_disk(monkeypatch):
    """Nothing can be put into the store as long as this is set."""
    full = {"full": False}
    put = Store.put

    def failing(self, content):
        if full["full"]:
            raise SessionError("store: cannot be written (No space left on device); make room, say it again")
        return put(self, content)

    monkeypatch.setattr(Store, "put", failing)
    return full


def test_a_turn_that_failed_goes_on_once_there_is_room(session, full_disk):
    full_disk["full"] = True
    with pytest.raises(SessionError, match="No space left"):
        session.say("list rules")
    assert session.unfinished
    full_disk["full"] = False
    turn = session.go_on().turn
    assert "Each pushpin is yellow." in turn.answer
    assert turn.number == 1


def test_after_a_turn_that_failed_the_next_is_taken_and_the_first_says_that_it_was_not_finished(
    session, sessions, full_disk, pictures
):
    session.say("", pictures[:1])
    full_disk["full"] = True
    with pytest.raises(SessionError, match="No space left"):
        session.say("list rules")
    with pytest.raises(SessionError, match="No space left"):
        session.say("list parts")
    full_disk["full"] = False
    turn = session.say("how many pushpins are there?").turn
    _, dropped, last = sessions.turns(session.file.id)
    assert last == turn
    assert (dropped.asked, dropped.number) == ("list rules", 2)
    assert "was not finished" in dropped.answer
    assert "No space left" in dropped.stopped
    assert last.messages[0]["data"]["content"].startswith("how many")
    assert "list rules" not in str(last.messages)


def test_a_turn_that_breaks_in_a_way_that_nobody_thought_of_is_told_in_one_line(session, monkeypatch):
    def broken(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("logisight.agents.session.graph.made", broken)
    with pytest.raises(SessionError, match="OperationalError: database or disk is full"):
        session.say("list rules")
    monkeypatch.undo()
    assert session.say("list rules").turn.number == 2


def test_a_turn_that_was_cut_off_in_another_process_is_offered_to_go_on(session, sessions, desk, full_disk):
    full_disk["full"] = True
    with pytest.raises(SessionError):
        session.say("list rules")
    full_disk["full"] = False
    later = Session(sessions, session.file.id, desk)
    with pytest.raises(SessionError, match="was cut off; let it go on, or drop it"):
        later.say("list parts")
    assert later.drop().turn.number == 1
    assert later.say("list rules").turn.number == 2


def test_a_turn_that_was_cut_off_before_it_began_can_be_dropped(session, sessions, pictures, monkeypatch):
    session.say("", pictures[:1])

    def stopped(_):
        raise KeyboardInterrupt

    cut_off = Session(sessions, session.file.id, session._desk, on_step=stopped)
    with pytest.raises(KeyboardInterrupt):
        cut_off.say("list rules", pictures[1:2])
    turn = cut_off_again(sessions, session).drop().turn
    assert (turn.asked, turn.number) == ("list rules", 2)
    assert [picture.number for picture in turn.pictures] == [2]
    assert turn.shown == []
    assert turn.verdicts == {}


def test_a_session_that_is_in_work_in_another_window_says_so(session, sessions, desk):
    def other(name):
        if name == "think":
            with pytest.raises(SessionError, match="in work in another window"):
                in_another_thread(lambda: Session(sessions, session.file.id, desk).say("list parts"))

    turn = Session(sessions, session.file.id, desk, on_step=other).say("list rules").turn
    assert turn.number == 1
    assert session.say("list rules").turn.number == 2


def in_another_thread(work):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def cut_off_again(sessions, session):
    return Session(sessions, session.file.id, session._desk)


def test_foreign_characters_in_words_and_names_are_kept(session, pictures, tmp_path):
    odd = tmp_path / os.fsdecode(b"caf\xe9 \xff.png")
    shutil.copyfile(pictures[0], odd)
    session.say("", [odd])
    turn = session.say("how many \ud800 are there?").turn
    assert turn.asked


def test_no_such_session_is_told_with_what_to_do(sessions):
    with pytest.raises(SessionError, match="see `logisight sessions box`"):
        sessions.file("20200101-000000-abcd")
    for odd in ("", "../../etc/passwd", "a\x00b"):
        with pytest.raises(SessionError, match="is no id of a session"):
            sessions.file(odd)
