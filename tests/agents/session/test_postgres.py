"""Sessions in a real database: kept, tidied, gone on with after the server was away; in each front end."""

from __future__ import annotations

import base64

import pytest
from logisight.agents.session import keepers
from logisight.agents.session.desk import Desk
from logisight.agents.session.graph import Decision
from logisight.agents.session.keepers import open_keeper
from logisight.agents.session.keeping import tidy
from logisight.agents.session.session import FOLDER, Session, Sessions
from logisight.schema import LogiSightError, SessionError
from postgres_server import postgres_server

RULE = "add rule: There are exactly 15 pushpins."


@pytest.fixture(scope="module")
def server():
    with postgres_server() as server:
        yield server


@pytest.fixture
def url(server, monkeypatch):
    """The URL of the server, which is that of the environment too."""
    monkeypatch.setenv(keepers.VARIABLE, server.url)
    return server.url


def test_a_url_that_is_no_database_is_refused_without_saying_a_password(product, tmp_path):
    with pytest.raises(SessionError, match="postgresql:// URL"):
        open_keeper(tmp_path, "mysql://me:secret@host/x")
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    with pytest.raises(LogiSightError, match="cannot be opened") as told:
        Sessions(product, url="postgresql://me:secret@127.0.0.1:1/x")
    assert "secret" not in str(told.value)


def test_sessions_are_kept_there_and_go_from_there(product, pictures, url):
    with Sessions(product) as sessions, Desk(product, sessions.store) as desk:
        session = Session(sessions, sessions.start().id, desk)
        session.say("", pictures[:1])
        assert session.say(RULE).consent
        name = session.file.id
    assert not (product.folder / FOLDER / keepers.FILE).exists()
    with Sessions(product, url=url) as sessions, Desk(product, sessions.store) as desk:
        session = Session(sessions, name, desk)
        assert "15 pushpins" in session.waiting.question
        tidy(sessions, keep_days=1, grace=0)
        assert session.decide(Decision(yes=True)).turn.number == 2
        assert len(product.rulebook()) == 4
        assert list(sessions.checkpointer.list({"configurable": {"thread_id": name}})) == []
        session.say("retire rule 1")
        assert tidy(sessions, keep_days=0, grace=0).sessions == [name]
        assert sessions.list() == []
        assert sessions.checkpointer.get_tuple({"configurable": {"thread_id": name}}) is None


def test_a_server_that_was_away_is_gone_on_with(product, server, url, monkeypatch):
    monkeypatch.setattr(keepers, "PATIENCE", 2)
    with Sessions(product) as sessions, Desk(product, sessions.store) as desk:
        session = Session(sessions, sessions.start().id, desk)
        assert session.say(RULE).consent
        server.stop()
        try:
            with pytest.raises(SessionError, match="the database of sessions: cannot be worked with"):
                session.decide(Decision(yes=True))
        finally:
            server.start()
        assert len(product.rulebook()) == 3
        assert session.decide(Decision(yes=True)).turn.number == 1
        assert len(product.rulebook()) == 4


def test_the_page_keeps_its_sessions_there(product, pictures, url):
    pytest.importorskip("fastapi", reason="the extra `web` is not installed")
    testclient = pytest.importorskip("starlette.testclient", reason="httpx is not installed")
    from logisight.agents.web.app import make_app
    from logisight.agents.web.workroom import Workroom

    with testclient.TestClient(make_app(Workroom(product)), base_url="http://127.0.0.1") as web:
        session = web.post("/api/sessions", json={}).json()["id"]
        picture = {"pictures": ("one.png", pictures[0].read_bytes(), "image/png")}
        web.post(f"/api/sessions/{session}/say", data={"text": ""}, files=picture)
        web.post(f"/api/sessions/{session}/say", data={"text": RULE})
    with testclient.TestClient(make_app(Workroom(product)), base_url="http://127.0.0.1") as web:
        kept = web.get(f"/api/sessions/{session}").json()
        assert "15 pushpins" in kept["open"]["consent"]["question"]
        turn = web.post(f"/api/sessions/{session}/decide", json={"yes": True}).json()["turn"]
        assert "is in the rulebook" in turn["answer"]
    assert not (product.folder / FOLDER / keepers.FILE).exists()


def test_other_agents_have_their_sessions_there(product, pictures, url):
    pytest.importorskip("mcp", reason="the extra `mcp` is not installed")
    from logisight.agents.serving_mcp.service import Sent, Service

    def on_step(_):
        pass

    with Sessions(product) as sessions, Desk(product, sessions.store) as desk:
        service = Service(sessions, desk)
        session = service.start()
        sent = Sent("one.png", base64.b64encode(pictures[0].read_bytes()).decode())
        with service:
            assert list(service.add(session, sent, on_step).turn.verdicts) == [1]
            counted = service.call(session, "count_parts", {"label": "pushpin"}, on_step)
    assert "pushpins" in counted.turn.answer
    assert not (product.folder / FOLDER / keepers.FILE).exists()
